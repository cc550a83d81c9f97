//! A model small enough for every test, of seeded random weights, and sound for it. The tests in browsers read this
//! file too.

use std::collections::BTreeMap;
use vap_core::config::{EncoderKind, MEL_BANDS};
use vap_core::features::FeatureStatistics;
use vap_core::model_file::{ModelFile, Weight};
use vap_core::{ModelConfig, Policy, params};

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
        encoder: Default::default(),
        stereo_dim: None,
        stereo_heads: None,
    }
}

/// Config of the tiny model of Whisper's form: several channel layers, for each has its own bias, and a bridge to
/// stereo layers of another width and number of heads.
pub fn tiny_whisper_config() -> ModelConfig {
    ModelConfig {
        name: "tiny-whisper".into(),
        channel_layers: 2,
        encoder: EncoderKind::Whisper,
        stereo_dim: Some(12),
        stereo_heads: Some(3),
        ..tiny_config()
    }
}

/// The tiny configs of both forms.
pub fn tiny_configs() -> [ModelConfig; 2] {
    [tiny_config(), tiny_whisper_config()]
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

/// A policy under which noise through a random model raises events of every kind.
pub fn restless() -> Policy {
    Policy {
        vad_onset: 0.5,
        vad_offset: 0.49,
        min_speech_ms: 40,
        min_pause_ms: 40,
        eager_threshold: 0.45,
        end_threshold: 0.5,
        min_silence_ms: 40,
        max_silence_ms: 300,
        decide_ms: 60,
        overlap_threshold: 0.3,
        min_overlap_ms: 40,
        ..Policy::default()
    }
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
