//! Kernels against Burn: every shape, in floats and in integers; alone, in company, and in slices.

use std::sync::Arc;
use vap_core::config::{EncoderKind, MEL_BANDS};
use vap_core::events::EventKind;
use vap_core::model_file::Storage;
use vap_core::projection::OUTPUTS;
use vap_core::{EventMachine, Expectation, ModelConfig, ModelFile, Policy, Speaker};
use vap_tests::{Engine, Random, append, random_file, run, talk, tiny_config, tiny_configs, worst};
use vap_wasm::{KernelModel, Output, Session, SessionOptions};

/// Floats, in another order of sums.
const FLOAT_BAR: f32 = 1e-4;
/// Integers: activations, keys and values are rounded.
const INTEGER_BAR: f32 = 1e-2;

fn light() -> ModelConfig {
    ModelConfig {
        name: "light".into(),
        dim: 192,
        channel_layers: 4,
        num_layers: 2,
        heads: 4,
        context_frames: 128,
        feed_forward_factor: 4,
        norm_epsilon: 1e-5,
        encoder: Default::default(),
        stereo_dim: None,
        stereo_heads: None,
    }
}

fn standard() -> ModelConfig {
    ModelConfig {
        name: "standard".into(),
        dim: 384,
        heads: 6,
        context_frames: 100,
        encoder: EncoderKind::Whisper,
        stereo_dim: Some(192),
        stereo_heads: Some(4),
        ..light()
    }
}

fn mels(seed: u64, frames: usize) -> Vec<f32> {
    Random::new(seed).list(2 * frames * 2 * MEL_BANDS, 1.7)
}

/// Largest differences from Burn: of floats, and of integers from Burn on the same integers.
fn off(file: &ModelFile, mels: &[f32], frames: usize) -> [f32; 2] {
    let integers = ModelFile::from_bytes(&file.to_bytes(Storage::I8).unwrap()).unwrap();
    [(file, Storage::F32), (&integers, Storage::I8)].map(|(file, storage)| {
        let reference = Engine::burn(file).logits(mels, frames);
        worst(&Engine::kernels(file, storage).logits(mels, frames), &reference)
    })
}

#[test]
fn full_sizes_equal_burn_beyond_their_windows() {
    for config in [light(), standard()] {
        let name = config.name.clone();
        let [floats, integers] = off(&random_file(config, 1), &mels(2, 300), 300);
        assert!(floats <= FLOAT_BAR, "{name}: floats are off by {floats}");
        assert!(integers <= INTEGER_BAR, "{name}: integers are off by {integers}");
    }
}

#[test]
fn every_shape_equals_burn() {
    let mut random = Random::new(11);
    let mut below = |limit: usize| ((random.draw() + 1.0) / 2.0 * limit as f32) as usize;
    for case in 0..60 {
        let (heads, head_dim) = (1 + below(5), 1 + below(20));
        let whisper = below(2) == 1;
        let stereo = (below(2) == 1).then(|| (1 + below(5), 1 + below(20)));
        let config = ModelConfig {
            name: "random".into(),
            dim: heads * head_dim,
            channel_layers: below(3),
            num_layers: 1 + below(2),
            heads,
            context_frames: 1 + below(40),
            feed_forward_factor: 1 + below(4),
            norm_epsilon: 1e-5,
            encoder: if whisper { EncoderKind::Whisper } else { EncoderKind::Vap },
            stereo_dim: stereo.map(|(heads, head_dim)| heads * head_dim),
            stereo_heads: stereo.map(|(heads, _)| heads),
        };
        let frames = 2 * config.context_frames + 3;
        let [floats, integers] = off(&random_file(config.clone(), case), &mels(case, frames), frames);
        // Norms over a few numbers make much of little: there the shapes are tested, not the digits.
        let slack = if config.dim.min(config.stereo().dim) < 8 { 100.0 } else { 1.0 };
        assert!(floats <= slack * FLOAT_BAR, "{config:?}: floats are off by {floats}");
        assert!(integers <= slack * INTEGER_BAR, "{config:?}: integers are off by {integers}");
    }
}

fn extremes(usual: ModelConfig) -> [ModelConfig; 7] {
    [
        ModelConfig { dim: 1, heads: 1, ..usual.clone() },
        ModelConfig { dim: 32, heads: 32, ..usual.clone() },
        ModelConfig { dim: 96, heads: 1, ..usual.clone() },
        ModelConfig { stereo_dim: Some(1), stereo_heads: Some(1), ..usual.clone() },
        ModelConfig { context_frames: 1, ..usual.clone() },
        ModelConfig { context_frames: 1024, ..usual.clone() },
        ModelConfig { channel_layers: 0, feed_forward_factor: 8, ..usual },
    ]
}

#[test]
fn the_smallest_and_the_largest_of_everything_equal_burn() {
    for config in tiny_configs().into_iter().flat_map(extremes) {
        let [floats, integers] = off(&random_file(config.clone(), 3), &mels(4, 40), 40);
        let slack = if config.dim.min(config.stereo().dim) < 8 { 100.0 } else { 1.0 };
        assert!(floats <= slack * FLOAT_BAR, "{config:?}: floats are off by {floats}");
        assert!(integers <= slack * INTEGER_BAR, "{config:?}: integers are off by {integers}");
    }
}

#[test]
fn a_pass_of_many_streams_gives_each_what_it_is_given_alone_to_the_bit() {
    let storages = [Storage::F32, Storage::I8];
    for (config, storage) in tiny_configs().into_iter().flat_map(|c| storages.map(|s| (c.clone(), s))) {
        let file = random_file(config, 7);
        let model = KernelModel::from_bytes(&file.to_bytes(storage).unwrap()).unwrap();
        let frames = 21;
        let streams = [3, 4, 5, 6, 7].map(|seed| mels(seed, frames));
        let mut states = streams.each_ref().map(|_| model.init_state());
        let mut together = vec![Vec::new(); streams.len()];
        let mut pass = model.pass(streams.len());
        for frame in 0..frames {
            let hop = |channel: usize| (channel * frames + frame) * 2 * MEL_BANDS;
            for (stream, mels) in streams.iter().enumerate() {
                pass.begin(stream, [0, 1].map(|c| &mels[hop(c)..hop(c) + 2 * MEL_BANDS]));
            }
            let mut states: Vec<_> = states.iter_mut().collect();
            while !pass.step(&model, &mut states) {}
            together.iter_mut().enumerate().for_each(|(i, list)| list.extend_from_slice(pass.logits(i)));
        }
        for ((mels, together), state) in streams.iter().zip(&together).zip(&states) {
            let (mut alone, mut logits) = (model.init_state(), Vec::new());
            model.forward(mels, &mut model.pass(1), &mut alone, &mut logits).unwrap();
            assert_eq!(logits.len(), frames * OUTPUTS);
            assert_eq!((&logits, &alone), (together, state));
        }
    }
}

fn options(rate_hz: u32) -> SessionOptions {
    SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy: None }
}

#[test]
fn a_policy_that_changes_counts_from_the_next_hop() {
    let model = Arc::new(KernelModel::from_file(&random_file(tiny_config(), 7)).unwrap());
    // A model of random weights says little: all is loud, and quiet ends what was loud.
    let first = Policy { vad_onset: 0.02, vad_offset: 0.01, min_speech_ms: 40, ..Policy::default() };
    let then = Policy { vad_onset: 1.0, vad_offset: 1.0, min_pause_ms: 40, max_silence_ms: 300, ..first };
    let wrong = Policy { end_threshold: -1.0, ..first };
    let (user, agent) = (talk(1, 16_000, 2.0), talk(2, 16_000, 2.0));
    let options = SessionOptions { policy: Some(first), ..options(16_000) };

    let mut session = Session::new(Arc::<KernelModel>::clone(&model), options).unwrap();
    let mut told = session.push(Some(&user[..16_000]), Some(&agent[..16_000])).unwrap();
    assert_eq!(session.set_policy(wrong).unwrap_err().code(), "option");
    assert_eq!(session.policy(), &first);
    session.set_policy(then).unwrap();
    session.expect(Expectation::Spelling);
    append(&mut told, session.push(Some(&user[16_000..]), Some(&agent[16_000..])).unwrap());
    append(&mut told, session.finish().unwrap());

    let (mut machine, mut events) = (EventMachine::new(first).unwrap(), Vec::new());
    for frame in &told.frames {
        if frame.index == 50 {
            machine.set_policy(then).unwrap();
            machine.expect(Expectation::Spelling);
        }
        machine.step(frame, &mut events);
    }
    machine.finish(&mut events);
    assert_eq!(told.events, events);
    assert!(events.iter().any(|event| event.kind == EventKind::EndOfTurn && event.time_ms > 1000));

    session.reset().unwrap();
    assert_eq!((session.policy(), session.expectation()), (&then, Expectation::Spelling));
    assert_eq!(session.policy_of(Speaker::User).max_silence_ms, 600);
    assert_eq!(session.policy_of(Speaker::Agent), then);
}

#[test]
fn weights_that_run_out_of_range_fail_the_stream_they_are_heard_in() {
    let mut file = random_file(tiny_config(), 7);
    // Only a loud channel drives these weights out of range.
    file.weights.get_mut("encoder.conv1.weight").unwrap().values.fill(1e38);
    let wild = Arc::new(KernelModel::from_file(&file).unwrap());
    let [mut loud, mut quiet] =
        [0, 0].map(|_| Session::new(Arc::<KernelModel>::clone(&wild), options(16_000)).unwrap());
    let sound = talk(1, 16_000, 0.1);
    assert_eq!(loud.push(Some(&sound), Some(&sound)).unwrap_err().code(), "not-finite");
    assert_eq!(loud.push(Some(&sound), None).unwrap_err().code(), "not-finite");
    assert_eq!(quiet.finish().unwrap(), Output::default());
}

#[test]
fn sound_that_is_not_worked_is_refused_before_it_fills_the_memory() {
    let engine = Engine::kernels(&random_file(tiny_config(), 7), Storage::I8);
    let (user, agent) = (talk(1, 16_000, 11.0), talk(2, 16_000, 11.0));
    let expected = run(&mut engine.session(16_000), &user, &agent, 320);
    let mut session = engine.session(16_000);
    let mut output = Output::default();
    let mut refused = 0;
    for (user, agent) in user.chunks(320).zip(agent.chunks(320)) {
        if let Err(error) = session.hear(Some(user), Some(agent)) {
            assert_eq!((error.code(), session.waiting()), ("behind", 500));
            while session.work(&mut output).unwrap() {}
            assert_eq!(session.waiting(), 0);
            session.hear(Some(user), Some(agent)).unwrap();
            refused += 1;
        }
    }
    session.finish_into(&mut output).unwrap();
    assert_eq!((output, refused), (expected, 1));
}

#[test]
fn a_hop_in_slices_is_the_same_hop() {
    for config in tiny_configs() {
        let file = random_file(config, 7);
        let engine = Engine::kernels(&file, Storage::I8);
        let (user, agent) = (talk(1, 48_000, 1.0), talk(2, 48_000, 1.0));
        let expected = run(&mut engine.session(48_000), &user, &agent, 960);

        let mut session = engine.session(48_000);
        let mut output = Output::default();
        let mut slices = 0;
        // A render quantum at a time, one slice after each, and a second one where work piles up.
        for (turn, (user, agent)) in user.chunks(128).zip(agent.chunks(128)).enumerate() {
            session.hear(Some(user), Some(agent)).unwrap();
            for _ in 0..1 + turn % 2 {
                slices += usize::from(session.work(&mut output).unwrap());
            }
        }
        while session.work(&mut output).unwrap() {}
        append(&mut output, session.finish().unwrap());
        assert_eq!(output, expected);
        assert!(slices > 250, "{slices} slices");
    }
}
