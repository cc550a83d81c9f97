//! What the tests share: seeded random models and sound, sessions over them, and comparison with tolerance.
#![allow(clippy::unwrap_used)]

mod compare;
mod engine;
mod files;
mod tiny;

use vap_core::Frame;
use vap_core::model_file::Storage;
use vap_wasm::{Output, Session};

pub use compare::{numbers, worst};
pub use engine::{Engine, State};
pub use files::{call, golden, shipped_model, write_golden};
pub use tiny::{Random, random_file, restless, talk, tiny_config, tiny_configs};

/// The tiny models of both forms, each on kernels and in Burn.
pub fn tiny_engines() -> Vec<Engine> {
    tiny_configs().into_iter().flat_map(|config| Engine::both(&random_file(config, 7))).collect()
}

/// The tiny models of both forms on kernels.
pub fn tiny_models() -> [Engine; 2] {
    tiny_configs().map(|config| Engine::kernels(&random_file(config, 7), Storage::F32))
}

/// The tiny model on kernels.
pub fn tiny_model() -> Engine {
    Engine::kernels(&random_file(tiny_config(), 7), Storage::F32)
}

/// Session over `model` at one rate for both channels.
pub fn session(model: &Engine, rate_hz: u32) -> Session {
    model.session(rate_hz)
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
