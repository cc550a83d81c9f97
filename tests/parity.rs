//! The runtime (kernels and Burn) against the trainer (libtorch) on the same weights, floats and integers: logits to
//! 1e-3, and the same events on a real call. A small golden of the trainer's logits guards the runtime where libtorch
//! is not installed; it is made by `VAP_WRITE_GOLDENS=1 cargo test -p vap-tests --features torch parity`.

use vap_core::config::MEL_BANDS;
use vap_core::projection::OUTPUTS;
use vap_core::{Frame, ModelFile};
use vap_tests::{Engine, Random, golden, random_file, tiny_configs, worst};

const BAR: f32 = 1e-3;
/// Of kernels that work in integers.
const INTEGER_BAR: f32 = 5e-3;
const GOLDEN_FRAMES: usize = 40;

/// Name, weights and input of each form's golden, the same wherever it is made or read.
fn tiny_cases() -> [(&'static str, ModelFile, Vec<f32>); 2] {
    let [usual, whisper] = tiny_configs().map(|config| random_file(config, 5));
    let mels = || Random::new(3).list(2 * 2 * GOLDEN_FRAMES * MEL_BANDS, 1.7);
    [("parity", usual, mels()), ("parity-whisper", whisper, mels())]
}

#[test]
fn runtime_equals_the_trainers_golden() {
    for (name, file, mels) in tiny_cases() {
        let golden = golden(name);
        assert_eq!(golden["logits"].len(), GOLDEN_FRAMES * OUTPUTS);
        for engine in Engine::both(&file) {
            let off = worst(&engine.logits(&mels, GOLDEN_FRAMES), &golden["logits"]);
            assert!(off < BAR, "{}: off by {off}", engine.name());
        }
    }
}

#[cfg(feature = "torch")]
mod torch {
    use super::*;
    use vap_core::ModelConfig;
    use vap_core::config::EncoderKind;
    use vap_core::events::{EndReason, EventKind};
    use vap_core::features::LogMel;
    use vap_core::model_file::Storage;
    use vap_core::{EventMachine, HOP_SAMPLES, Speaker};
    use vap_tests::{call, shipped_model, write_golden};
    use vap_train_native::device::Device;
    use vap_train_native::model::LoadedModel;

    fn trained(file: &ModelFile) -> LoadedModel {
        LoadedModel::from_file(file, Device::Cpu).unwrap()
    }

    #[test]
    fn trainer_still_gives_its_golden() {
        for (name, file, mels) in tiny_cases() {
            let logits = trained(&file).logits(&mels).unwrap();
            if std::env::var_os("VAP_WRITE_GOLDENS").is_some() {
                write_golden(name, "logits", &logits);
            }
            assert!(worst(&logits, &golden(name)["logits"]) < 1e-5, "{name}");
        }
    }

    #[test]
    fn logits_agree_at_full_size_beyond_the_window() {
        let standard = ModelConfig {
            name: "standard".into(),
            dim: 384,
            channel_layers: 4,
            heads: 6,
            context_frames: 100,
            encoder: EncoderKind::Whisper,
            stereo_dim: Some(192),
            stereo_heads: Some(4),
            ..shipped_model().config
        };
        let files = [shipped_model().config, standard].map(|config| random_file(config, 9));
        for (file, frames) in files.iter().flat_map(|file| [1, 99, 127, 300].map(|frames| (file, frames))) {
            let mels = Random::new(4).list(2 * 2 * frames * MEL_BANDS, 1.7);
            let expected = trained(file).logits(&mels).unwrap();
            for engine in Engine::both(file) {
                let off = worst(&engine.logits(&mels, frames), &expected);
                assert!(off < BAR, "{}, {frames} frames: off by {off}", engine.name());
            }
        }
    }

    #[test]
    fn shipped_weights_give_the_same_logits_and_events_on_the_call() {
        let file = shipped_model();
        agree_on_the_call(&file, &Engine::both(&file), BAR);
    }

    #[test]
    fn weights_stored_as_integers_give_the_same_logits_and_events_on_the_call() {
        let bytes = shipped_model().to_bytes(Storage::I8).unwrap();
        let file = ModelFile::from_bytes(&bytes).unwrap();
        agree_on_the_call(&file, &[Engine::burn(&file)], BAR);
        // Activations, keys and values are rounded to integers as well.
        agree_on_the_call(&file, &[Engine::kernels(&file, Storage::I8)], INTEGER_BAR);
    }

    fn agree_on_the_call(file: &ModelFile, engines: &[Engine], bar: f32) {
        let [user, agent] = call().map(|mut channel| {
            channel.truncate(channel.len() / HOP_SAMPLES * HOP_SAMPLES);
            channel
        });
        let expected: Vec<Frame> = trained(file).frames([&user, &agent]).unwrap();
        let mut machine = EventMachine::new(file.policy).unwrap();
        let mut events = Vec::new();
        expected.iter().for_each(|frame| machine.step(frame, &mut events));
        type Plain = (EventKind, Speaker, u64, Option<u64>, Option<EndReason>);
        let plain = |events: &[vap_core::Event]| -> Vec<Plain> {
            events.iter().map(|e| (e.kind, e.speaker, e.time_ms, e.start_ms, e.reason)).collect()
        };
        let mut mels = Vec::new();
        [&user, &agent].iter().for_each(|channel| LogMel::new().push(channel, &mut mels));
        file.statistics.normalise(&mut mels);
        let logits = trained(file).logits(&mels).unwrap();

        for engine in engines {
            let heard = engine.session(16_000).push(Some(&user), Some(&agent)).unwrap();
            assert!(heard.frames.len() > 1_000 && events.len() > 10, "a call of a minute has events");
            let off = worst(&engine.logits(&mels, heard.frames.len()), &logits);
            assert!(off < bar, "{}: off by {off}", engine.name());
            let (heard, events) = (plain(&heard.events), plain(&events));
            let what = |list: &[Plain]| list.iter().map(|e| (e.0, e.1, e.4)).collect::<Vec<_>>();
            assert_eq!(what(&heard), what(&events), "{}", engine.name());
            // Logits that differ in the fourth place may cross a threshold a hop apart.
            for (a, b) in heard.iter().zip(&events) {
                assert!(a.2.abs_diff(b.2) <= 20 && a.3 == b.3, "{}: {a:?} against {b:?}", engine.name());
            }
            let moved = heard.iter().zip(&events).filter(|(a, b)| a != b).count();
            assert!(moved * 50 <= events.len(), "{}: {moved} events moved", engine.name());
        }
    }
}
