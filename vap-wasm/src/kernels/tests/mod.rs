//! The whole model: what it computes, in every form and storage, and what its streams remember.
#![allow(clippy::unwrap_used)]

mod definition;
#[allow(dead_code)]
#[path = "../../../../tests/tiny.rs"]
mod tiny;

use super::KernelModel;
use crate::{Session, SessionOptions};
use std::sync::Arc;
use tiny::{Random, random_file, talk, tiny_config};
use vap_core::config::{EncoderKind, HOP_MELS, MEL_BANDS};
use vap_core::model_file::Storage;
use vap_core::projection::{BINS, OUTPUTS};
use vap_core::state::{Reader, Writer};
use vap_core::{ModelConfig, ModelFile};

const STORAGES: [Storage; 2] = [Storage::F32, Storage::I8];

/// An encoder of Whisper's form before narrower stereo layers; no width is a whole number of lanes.
fn whisper_config() -> ModelConfig {
    ModelConfig {
        dim: 21,
        heads: 3,
        channel_layers: 2,
        encoder: EncoderKind::Whisper,
        stereo_dim: Some(10),
        stereo_heads: Some(2),
        ..tiny_config()
    }
}

/// A model whose learned biases tell distances well apart.
fn file(config: ModelConfig, seed: u64) -> ModelFile {
    let mut file = random_file(config, seed);
    let mut random = Random::new(seed + 1);
    for (name, weight) in &mut file.weights {
        if name.ends_with("distance_bias") {
            weight.values = random.list(weight.values.len(), 3.0);
        } else if name == "encoder.position" {
            weight.values = random.list(weight.values.len(), 1.0);
        }
    }
    file
}

fn model(config: ModelConfig, storage: Storage) -> Arc<KernelModel> {
    Arc::new(KernelModel::from_bytes(&file(config, 7).to_bytes(storage).unwrap()).unwrap())
}

fn mels(seed: u64, frames: usize) -> Vec<f32> {
    Random::new(seed).list(2 * frames * HOP_MELS, 1.7)
}

fn run(model: &KernelModel, mels: &[f32]) -> Vec<f32> {
    let mut logits = Vec::new();
    model.forward(mels, &mut model.pass(1), &mut model.init_state(), &mut logits).unwrap();
    logits
}

/// Hops `range` of both channels.
fn cut(mels: &[f32], range: std::ops::Range<usize>) -> Vec<f32> {
    let (user, agent) = mels.split_at(mels.len() / 2);
    let range = range.start * HOP_MELS..range.end * HOP_MELS;
    [&user[range.clone()], &agent[range]].concat()
}

/// Kernels against the definition on the same stored weights.
fn equal_the_definition(config: ModelConfig, seed: u64, frames: usize) {
    let mels = mels(seed, frames);
    for (storage, bar) in [(Storage::F32, 1e-4), (Storage::I8, 1e-2)] {
        let bytes = file(config.clone(), seed).to_bytes(storage).unwrap();
        let exact = definition::logits(&ModelFile::from_bytes(&bytes).unwrap(), &mels);
        let logits = run(&KernelModel::from_bytes(&bytes).unwrap(), &mels);
        assert_eq!(logits.len(), exact.len());
        let worst = logits.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // Norms over a few numbers make much of little: there the shapes are tested, not the digits.
        let slack = if config.dim.min(config.stereo().dim) < 8 { 100.0 } else { 1.0 };
        assert!(logits.iter().all(|v| v.is_finite()) && worst <= slack * bar, "{config:?}: off by {worst}");
    }
}

#[test]
fn every_form_equals_its_definition() {
    let whisper = whisper_config();
    let forms = [
        tiny_config(),
        ModelConfig { stereo_dim: Some(24), stereo_heads: Some(3), ..tiny_config() },
        whisper.clone(),
        ModelConfig { stereo_dim: Some(40), stereo_heads: Some(5), ..whisper.clone() },
        // Equal widths: no bridge, but other heads.
        ModelConfig { stereo_dim: None, stereo_heads: Some(7), ..whisper.clone() },
        ModelConfig { channel_layers: 0, ..whisper.clone() },
        ModelConfig { context_frames: 1, ..whisper.clone() },
        ModelConfig { context_frames: 13, ..whisper.clone() },
        // The head widths of the shipped size.
        ModelConfig {
            dim: 128,
            heads: 2,
            channel_layers: 1,
            stereo_dim: Some(96),
            stereo_heads: Some(2),
            ..whisper
        },
    ];
    for (seed, config) in forms.into_iter().enumerate() {
        let frames = 2 * config.context_frames + 3;
        equal_the_definition(config, seed as u64, frames);
    }
}

#[test]
fn every_shape_equals_its_definition() {
    let mut random = Random::new(12);
    let mut below = |limit: usize| ((random.draw() + 1.0) / 2.0 * limit as f32) as usize;
    for case in 0..60 {
        let [(heads, width), (stereo_heads, stereo_width)] = [0, 1].map(|_| (1 + below(4), 1 + below(20)));
        let config = ModelConfig {
            name: "random".into(),
            dim: heads * width,
            channel_layers: below(3),
            num_layers: 1 + below(2),
            heads,
            context_frames: 1 + below(20),
            feed_forward_factor: 1 + below(4),
            norm_epsilon: 1e-5,
            encoder: [EncoderKind::Whisper, EncoderKind::Vap][below(2)],
            stereo_dim: Some(stereo_heads * stereo_width),
            stereo_heads: Some(stereo_heads),
        };
        let frames = 2 * config.context_frames + 3;
        equal_the_definition(config, case, frames);
    }
}

#[test]
fn pieces_of_a_stream_give_what_the_whole_does_to_the_bit() {
    let (frames, mels) = (31, mels(3, 31));
    for storage in STORAGES {
        let model = model(whisper_config(), storage);
        let whole = run(&model, &mels);
        for piece in [1, 2, 7, 8, 9] {
            let (mut state, mut logits) = (model.init_state(), Vec::new());
            for at in (0..frames).step_by(piece) {
                let hops = cut(&mels, at..(at + piece).min(frames));
                model.forward(&hops, &mut model.pass(1), &mut state, &mut logits).unwrap();
            }
            assert_eq!(logits, whole, "{storage:?} by {piece}");
        }
    }
}

#[test]
fn what_is_to_come_and_what_left_the_windows_change_nothing() {
    let (config, frames) = (whisper_config(), 70);
    let last = frames - 1;
    // Each attention reaches `context - 1` frames back; the convolutions 3 mel frames before the frame's own two.
    let attentions = config.channel_layers + 2 * config.num_layers;
    let oldest = 2 * last - 2 * attentions * (config.context_frames - 1) - 3;
    assert_eq!(oldest / 2, last - config.past_frames());
    let base = mels(4, frames);
    for storage in STORAGES {
        let model = model(config.clone(), storage);
        let before = run(&model, &base);
        for (channel, mel, seen) in
            [0, 1].into_iter().flat_map(|c| [(c, oldest - 1, false), (c, oldest, true), (c, 2 * last, true)])
        {
            let mut changed = base.clone();
            changed[(channel * 2 * frames + mel) * MEL_BANDS..][..MEL_BANDS].fill(40.0);
            let after = run(&model, &changed);
            assert_eq!(before[..mel / 2 * OUTPUTS], after[..mel / 2 * OUTPUTS], "earlier than mel {mel}");
            assert_eq!(before[last * OUTPUTS..] != after[last * OUTPUTS..], seen, "{storage:?}, mel {mel}");
        }
    }
}

#[test]
fn swapped_channels_give_swapped_logits_to_the_bit() {
    let mels = mels(5, 20);
    let swapped = [&mels[mels.len() / 2..], &mels[..mels.len() / 2]].concat();
    for storage in STORAGES {
        let model = model(whisper_config(), storage);
        let (logits, mirrored) = (run(&model, &mels), run(&model, &swapped));
        for (a, b) in logits.chunks(OUTPUTS).zip(mirrored.chunks(OUTPUTS)) {
            assert_eq!((&a[..BINS], &a[BINS..2 * BINS]), (&b[BINS..2 * BINS], &b[..BINS]));
            for pair in (2 * BINS..OUTPUTS - 1).step_by(2) {
                assert_eq!([a[pair], a[pair + 1]], [b[pair + 1], b[pair]]);
            }
            assert_eq!(a[OUTPUTS - 1], b[OUTPUTS - 1]);
        }
    }
}

#[test]
fn a_state_goes_on_where_it_was_saved_and_in_no_other_shape() {
    let (frames, mels) = (30, mels(6, 30));
    for storage in STORAGES {
        let model = model(whisper_config(), storage);
        let whole = run(&model, &mels);
        for at in [1, 5, 8, 21] {
            let (mut state, mut logits) = (model.init_state(), Vec::new());
            model.forward(&cut(&mels, 0..at), &mut model.pass(1), &mut state, &mut logits).unwrap();
            let mut out = Writer::new(9);
            state.save(&mut out);
            let bytes = out.finish();
            let mut reader = Reader::new(&bytes, 9).unwrap();
            let mut restored = model.init_state();
            restored.restore(&mut reader).unwrap();
            reader.finish().unwrap();
            assert_eq!((&restored, restored.bytes()), (&state, state.bytes()));
            let rest = cut(&mels, at..frames);
            model.forward(&rest, &mut model.pass(1), &mut restored, &mut logits).unwrap();
            assert_eq!(logits, whole, "{storage:?} at {at}");

            let usual = ModelConfig { stereo_dim: None, stereo_heads: None, ..whisper_config() };
            let mut reader = Reader::new(&bytes, 9).unwrap();
            let taken = self::model(usual, storage).init_state().restore(&mut reader);
            assert!(taken.is_err() || reader.finish().is_err());
        }
    }
}

#[test]
fn a_session_that_was_reset_or_restored_is_as_if_new() {
    let options = SessionOptions { user_rate_hz: 16_000, agent_rate_hz: 16_000, policy: None };
    let (user, agent) = (talk(1, 16_000, 1.0), talk(2, 16_000, 1.0));
    for storage in STORAGES {
        let model = model(whisper_config(), storage);
        let new = || Session::new(Arc::<KernelModel>::clone(&model), options.clone()).unwrap();
        let mut session = new();
        session.push(Some(&agent), Some(&user)).unwrap();
        session.reset().unwrap();
        let half = user.len() / 2;
        let mut output = session.push(Some(&user[..half]), Some(&agent[..half])).unwrap();
        let saved = session.save().unwrap();
        let mut session = Session::restore(Arc::<KernelModel>::clone(&model), &saved).unwrap();
        output.extend(session.push(Some(&user[half..]), Some(&agent[half..])).unwrap());
        assert_eq!(output, new().push(Some(&user), Some(&agent)).unwrap());
        assert_eq!(output.frames.len(), 50);
    }
}

#[test]
fn streams_in_a_pass_do_not_hear_each_other() {
    let frames = 21;
    for storage in STORAGES {
        let model = model(whisper_config(), storage);
        let streams = [3, 4, 5].map(|seed| mels(seed, frames));
        let mut states = streams.each_ref().map(|_| model.init_state());
        let mut together = vec![Vec::new(); streams.len()];
        let mut pass = model.pass(streams.len());
        for frame in 0..frames {
            for (stream, mels) in streams.iter().enumerate() {
                let hop = cut(mels, frame..frame + 1);
                pass.begin(stream, [&hop[..HOP_MELS], &hop[HOP_MELS..]]);
            }
            let mut states: Vec<_> = states.iter_mut().collect();
            while !pass.step(&model, &mut states) {}
            together.iter_mut().enumerate().for_each(|(i, list)| list.extend_from_slice(pass.logits(i)));
        }
        for (mels, together) in streams.iter().zip(&together) {
            assert_eq!(&run(&model, mels), together);
        }
    }
}

#[test]
fn a_hop_has_a_part_a_layer_whatever_the_form() {
    for config in [tiny_config(), whisper_config()] {
        let parts = 2 + 2 * config.channel_layers + 3 * config.num_layers;
        let model = model(config, Storage::I8);
        let (mut state, mut pass, mels) = (model.init_state(), model.pass(1), mels(1, 1));
        pass.begin(0, [&mels[..HOP_MELS], &mels[HOP_MELS..]]);
        let mut steps = 1;
        while !pass.step(&model, &mut [&mut state]) {
            steps += 1;
        }
        assert_eq!(steps, parts);
    }
}

#[test]
fn weights_that_run_out_of_range_are_told() {
    let mut wild = file(whisper_config(), 7);
    wild.weights.get_mut("encoder.layers.0.self_attention.distance_bias").unwrap().values.fill(f32::MAX);
    wild.weights.get_mut("encoder.layers.0.self_attention.query.weight").unwrap().values.fill(1e19);
    wild.weights.get_mut("encoder.layers.0.self_attention.key.weight").unwrap().values.fill(1e19);
    let wild = Arc::new(KernelModel::from_file(&wild).unwrap());
    let options = SessionOptions { user_rate_hz: 16_000, agent_rate_hz: 16_000, policy: None };
    let mut session = Session::new(wild, options).unwrap();
    let sound = talk(1, 16_000, 0.2);
    assert_eq!(session.push(Some(&sound), Some(&sound)).unwrap_err().code(), "not-finite");
}
