//! Any chunking gives the same output, later input never changes earlier output, and nothing beyond the attention
//! windows is remembered.

use burn::tensor::{Tensor, TensorData};
use vap_core::ModelFile;
use vap_core::config::{CONV1_KERNEL, MEL_BANDS, MELS_A_FRAME};
use vap_core::model_file::Storage;
use vap_core::projection::OUTPUTS;
use vap_tests::{Engine, Random, random_file, run, talk, tiny_configs, tiny_engines, worst, worst_logit};
use vap_wasm::burn::backend;
use vap_wasm::{BurnModel, KernelModel};

const TOLERANCE: f32 = 1e-4;

#[test]
fn streamed_output_equals_the_whole_file_at_every_chunking_and_rate() {
    for (engine, rate_hz) in tiny_engines().iter().flat_map(|e| [16_000, 44_100, 48_000].map(|r| (e, r))) {
        let name = engine.name();
        let (user, agent) = (talk(1, rate_hz, 2.0), talk(2, rate_hz, 2.0));
        let whole = run(&mut engine.session(rate_hz), &user, &agent, usize::MAX);
        assert_eq!(whole.frames.len(), 100);
        for chunk in [1, 7, 160, 320, 333, 4096] {
            let streamed = run(&mut engine.session(rate_hz), &user, &agent, chunk);
            let worst = worst_logit(&streamed.frames, &whole.frames);
            assert!(worst <= TOLERANCE, "{name}, {rate_hz} Hz by {chunk}: off by {worst}");
            assert_eq!(times(&streamed.events), times(&whole.events), "{name}, {rate_hz} Hz by {chunk}");
        }
    }
}

fn times(events: &[vap_core::Event]) -> Vec<String> {
    events.iter().map(|e| format!("{:?} {:?} {}", e.kind, e.speaker, e.time_ms)).collect()
}

#[test]
fn later_sound_never_changes_earlier_frames() {
    let (user, agent) = (talk(3, 16_000, 1.5), talk(4, 16_000, 1.5));
    for (engine, hops) in tiny_engines().iter().flat_map(|e| [1, 10, 37].map(|hops| (e, hops))) {
        let whole = engine.session(16_000).push(Some(&user), Some(&agent)).unwrap().frames;
        let end = hops * 320;
        let early = engine.session(16_000).push(Some(&user[..end]), Some(&agent[..end])).unwrap().frames;
        assert_eq!(early.len(), hops);
        let worst = worst_logit(&early, &whole[..hops]);
        assert!(worst <= 1e-5, "{}, {hops} hops: off by {worst}", engine.name());
    }
}

fn random_mels(seed: u64, frames: usize) -> Vec<f32> {
    Random::new(seed).list(2 * frames * 2 * MEL_BANDS, 1.7)
}

#[test]
fn one_forward_gives_the_same_logits_for_every_chunk_length() {
    let frames = 61;
    let mels = random_mels(5, frames);
    for engine in tiny_engines() {
        let whole = engine.logits(&mels, frames);
        assert_eq!(whole.len(), frames * OUTPUTS);
        // The window is 8 frames: shorter, equal, longer, and out of step with the ring.
        for chunk in [1, 2, 3, 7, 8, 9, 20] {
            let worst = worst(&engine.logits(&mels, chunk), &whole);
            assert!(worst <= TOLERANCE, "{} by {chunk}: off by {worst}", engine.name());
        }
        let mut state = engine.init_state();
        engine.forward(&mels, &mut state);
        assert_eq!(state.position(), frames as u64);
    }
}

#[test]
fn what_left_the_windows_changes_nothing_and_what_is_in_them_does() {
    let frames = 61;
    let last = frames - 1;
    let base = random_mels(6, frames);
    for (engine, channel) in tiny_engines().iter().flat_map(|e| [(e, 0), (e, 1)]) {
        let config = engine.config();
        // Each attention reaches `context - 1` frames back; the convolutions some mel frames
        // before the frame's own two.
        let attentions = config.channel_layers + 2 * config.num_layers;
        let convolved_mels = CONV1_KERNEL - 1 + config.encoder.conv2_kernel() - MELS_A_FRAME;
        let reach_mels = 2 * attentions * (config.context_frames - 1) + convolved_mels;
        let oldest_seen = 2 * last - reach_mels;
        for (mel, seen) in [(oldest_seen - 1, false), (oldest_seen, true), (2 * last + 1, true)] {
            for chunk in [1, 5, frames] {
                let mut changed = base.clone();
                changed[(channel * 2 * frames + mel) * MEL_BANDS..][..MEL_BANDS].fill(40.0);
                let [before, after] =
                    [&base, &changed].map(|mels| engine.logits(mels, chunk)[last * OUTPUTS..].to_vec());
                let name = engine.name();
                assert_eq!(before != after, seen, "{name}, channel {channel}, mel {mel}, by {chunk}");
            }
        }
    }
}

#[test]
fn streams_that_step_together_do_not_hear_each_other() {
    for config in tiny_configs() {
        streams_do_not_hear_each_other(&random_file(config, 7));
    }
}

fn streams_do_not_hear_each_other(file: &ModelFile) {
    let model = BurnModel::from_file(file, &backend::cpu()).unwrap();
    let (frames, chunk) = (20, 3);
    let mels = [random_mels(8, frames), random_mels(9, frames)];
    let engine = Engine::kernels(file, Storage::F32);
    let alone = mels.each_ref().map(|mels| engine.logits(mels, chunk));
    let mut state = model.init_state(2);
    let mut together = [Vec::new(), Vec::new()];
    let channels = mels.each_ref().map(|mels| mels.split_at(mels.len() / 2));
    for at in (0..frames).step_by(chunk) {
        let range = at * 2 * MEL_BANDS..(at + chunk).min(frames) * 2 * MEL_BANDS;
        let length = range.len() / MEL_BANDS;
        let rows = [channels[0].0, channels[1].0, channels[0].1, channels[1].1];
        let data = TensorData::new(rows.map(|m| &m[range.clone()]).concat(), [4, length, MEL_BANDS]);
        let logits = model.forward(Tensor::from_data(data, &backend::cpu()), &mut state).unwrap();
        assert_eq!(logits.dims(), [2, length / 2, OUTPUTS]);
        let values = logits.into_data().try_into_vec::<f32>().unwrap();
        let (one, two) = values.split_at(values.len() / 2);
        together[0].extend_from_slice(one);
        together[1].extend_from_slice(two);
    }
    for (alone, together) in alone.iter().zip(&together) {
        assert!(worst(alone, together) <= TOLERANCE);
    }
}

#[test]
fn a_shape_that_does_not_fit_is_an_error_and_leaves_the_state_alone() {
    for config in tiny_configs() {
        wrong_shapes_leave_the_state_alone(&random_file(config, 7));
    }
}

fn wrong_shapes_leave_the_state_alone(file: &ModelFile) {
    let model = BurnModel::from_file(file, &backend::cpu()).unwrap();
    let mut state = model.init_state(1);
    for shape in [[1, 2, 80], [2, 3, 80], [2, 0, 80], [2, 2, 40], [4, 2, 80]] {
        let error = model.forward(Tensor::zeros(shape, model.device()), &mut state).unwrap_err();
        assert_eq!(error.code(), "length", "{shape:?}");
    }
    assert_eq!(state.position(), 0);

    let model = KernelModel::from_file(file).unwrap();
    let (mut state, mut logits) = (model.init_state(), Vec::new());
    for length in [0, 1, 160, 319, 321, 480] {
        let mels = vec![0.0; length];
        let error = model.forward(&mels, &mut model.pass(1), &mut state, &mut logits).unwrap_err();
        assert_eq!(error.code(), "length", "{length} values");
    }
    assert_eq!((state, logits), (model.init_state(), Vec::new()));
}
