//! What the tests share: seeded random models and sound, sessions over them, and comparison with tolerance.
#![allow(clippy::unwrap_used)]

mod engine;
mod files;

use std::collections::BTreeMap;
use vap_core::config::MEL_BANDS;
use vap_core::features::FeatureStatistics;
use vap_core::model_file::{ModelFile, Storage, Weight};
use vap_core::projection::OUTPUTS;
use vap_core::{Frame, ModelConfig, Policy, params};
use vap_wasm::{Output, Session};

pub use engine::{Engine, State};
pub use files::{call, golden, shipped_model, write_golden};

/// Small seeded source of numbers (SplitMix64), the same on every platform.
pub struct Random(u64);

impl Random {
    /// Source that always gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// Next number, even over `[-1, 1)`.
    pub fn draw(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// `count` numbers over `[-scale, scale)`.
    pub fn list(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.draw() * scale).collect()
    }
}

/// Config of the tiny model: every kind of layer, a window short enough to leave behind in a test.
pub fn tiny_config() -> ModelConfig {
    ModelConfig {
        name: "tiny".into(),
        dim: 16,
        channel_layers: 1,
        num_layers: 1,
        heads: 2,
        context_frames: 8,
        feed_forward_factor: 4,
        norm_epsilon: 1e-5,
    }
}

/// Model file of any size with seeded random weights.
pub fn random_file(config: ModelConfig, seed: u64) -> ModelFile {
    let mut random = Random::new(seed);
    let weights = params::params(&config)
        .into_iter()
        .map(|param| {
            let fan_in: usize = param.shape[1..].iter().product();
            let mut values = random.list(param.len(), (3.0 / fan_in.max(1) as f32).sqrt());
            if param.shape.len() == 1 {
                let centre = if param.name.ends_with("norm.weight") { 1.0 } else { 0.0 };
                values.iter_mut().for_each(|v| *v = centre + 0.1 * *v);
            }
            (param.name, Weight { shape: param.shape, values })
        })
        .collect::<BTreeMap<_, _>>();
    ModelFile {
        config,
        statistics: FeatureStatistics { mean: vec![-6.0; MEL_BANDS], deviation: vec![3.0; MEL_BANDS] },
        policy: Policy::default(),
        calibration: None,
        provenance: serde_json::json!({ "seed": seed }),
        weights,
    }
}

/// The tiny model on kernels and in Burn.
pub fn tiny_engines() -> [Engine; 2] {
    Engine::both(&random_file(tiny_config(), 7))
}

/// The tiny model on kernels.
pub fn tiny_model() -> Engine {
    Engine::kernels(&random_file(tiny_config(), 7), Storage::F32)
}

/// Session over `model` at one rate for both channels.
pub fn session(model: &Engine, rate_hz: u32) -> Session {
    model.session(rate_hz)
}

/// Bursts of noise of random length and loudness, like talk as far as energy goes.
pub fn talk(seed: u64, rate_hz: u32, seconds: f32) -> Vec<f32> {
    let mut random = Random::new(seed);
    let count = (rate_hz as f32 * seconds) as usize;
    let mut samples = Vec::with_capacity(count);
    while samples.len() < count {
        let length = (rate_hz as f32 * (0.3 + 0.25 * random.draw())) as usize;
        let loudness = random.draw().max(0.0) * 0.5;
        samples.extend(random.list(length, loudness));
    }
    samples.truncate(count);
    samples
}

/// Everything a session gives for both channels in chunks of `chunk` samples, its end included.
pub fn run(session: &mut Session, user: &[f32], agent: &[f32], chunk: usize) -> Output {
    let mut output = Output::default();
    for (user, agent) in user.chunks(chunk).zip(agent.chunks(chunk)) {
        append(&mut output, session.push(Some(user), Some(agent)).unwrap());
    }
    append(&mut output, session.finish().unwrap());
    output
}

/// Adds what one more push gave.
pub fn append(output: &mut Output, more: Output) {
    output.extend(more);
}

/// The 27 probabilities of a frame, in the order of `vap_core::projection`.
pub fn numbers(frame: &Frame) -> [f32; OUTPUTS] {
    let pairs = [frame.eot, frame.backchannel, frame.vad].into_iter().flatten();
    let all: Vec<f32> = frame.bins.into_iter().flatten().chain(pairs).chain([frame.overlap]).collect();
    all.try_into().unwrap()
}

/// Largest difference of two lists of frames, on logits. Panics when their number or their places differ.
pub fn worst_logit(these: &[Frame], those: &[Frame]) -> f32 {
    assert_eq!(these.len(), those.len(), "number of frames");
    let logit = |p: f32| (f64::from(p) / (1.0 - f64::from(p))).ln() as f32;
    let mut worst = 0.0f32;
    for (a, b) in these.iter().zip(those) {
        assert_eq!(a.index, b.index);
        for (a, b) in numbers(a).into_iter().zip(numbers(b)) {
            let difference = (logit(a) - logit(b)).abs();
            assert!(difference.is_finite(), "{a} against {b}");
            worst = worst.max(difference);
        }
    }
    worst
}

/// Largest difference of two lists of numbers. Panics when their lengths differ or one is not finite.
pub fn worst(these: &[f32], those: &[f32]) -> f32 {
    assert_eq!(these.len(), those.len(), "number of values");
    these.iter().zip(those).fold(0.0, |worst: f32, (a, b)| {
        assert!(a.is_finite() && b.is_finite(), "{a} against {b}");
        worst.max((a - b).abs())
    })
}
