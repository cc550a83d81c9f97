//! Wrong options, wrong sound, wrong files: each has a defined outcome, and none is a panic.

use std::sync::Arc;
use vap_core::model_file::Storage;
use vap_core::{ModelFile, Policy};
use vap_tests::{Engine, numbers, random_file, run, session, talk, tiny_config, tiny_configs, tiny_model};
use vap_wasm::burn::backend;
use vap_wasm::{BurnModel, KernelModel, Output, Session, SessionOptions};

/// The way a file goes to become a session, on kernels; in Burn it ends the same way.
fn open(bytes: &[u8]) -> vap_wasm::Result<Session> {
    let options = SessionOptions { user_rate_hz: 16_000, agent_rate_hz: 16_000, policy: None };
    let reference = ModelFile::from_bytes(bytes).map_err(Into::into);
    let reference = reference.and_then(|file| BurnModel::from_file(&file, &backend::cpu()));
    let model = KernelModel::from_bytes(bytes);
    assert_eq!(reference.err(), model.as_ref().err().cloned());
    Session::new(Arc::new(model?), options)
}

fn bytes() -> Vec<u8> {
    random_file(tiny_config(), 7).to_bytes(Storage::F32).unwrap()
}

#[test]
fn whatever_the_sound_every_number_is_a_probability() {
    let wild = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, -0.0, 1e-40, 2.0];
    let model = tiny_model();
    for rate_hz in [8_000, 16_000, 44_100] {
        let sounds = [
            wild.iter().copied().cycle().take(rate_hz as usize).collect::<Vec<_>>(),
            vec![f32::NAN; rate_hz as usize],
            vec![1e30; rate_hz as usize],
            vec![0.0; rate_hz as usize],
        ];
        for (kind, sound) in sounds.iter().enumerate() {
            let mut session = session(&model, rate_hz);
            let output = run(&mut session, sound, &talk(1, rate_hz, 1.0), 333);
            assert_eq!(output.frames.len(), 50);
            for frame in &output.frames {
                let all = numbers(frame).into_iter().chain(frame.p_now).chain(frame.p_future);
                assert!(all.into_iter().all(|p| (0.0..=1.0).contains(&p)), "kind {kind}: {frame:?}");
            }
            let not_finite = sound.iter().filter(|x| !x.is_finite()).count() as u64;
            assert_eq!(session.replaced(), not_finite, "kind {kind}");
        }
    }
}

#[test]
fn samples_that_are_not_finite_count_as_silence() {
    let model = tiny_model();
    let mut sound = talk(2, 16_000, 0.5);
    let agent = talk(3, 16_000, 0.5);
    sound[1000..1100].fill(0.0);
    let expected = run(&mut session(&model, 16_000), &sound, &agent, 320);
    sound[1000..1100].fill(f32::NAN);
    assert_eq!(run(&mut session(&model, 16_000), &sound, &agent, 320), expected);
}

#[test]
fn absurd_rates_are_refused() {
    let model = tiny_model();
    for (user_rate_hz, agent_rate_hz) in [(0, 16_000), (16_000, 0), (1, 16_000), (16_000, u32::MAX)] {
        let options = SessionOptions { user_rate_hz, agent_rate_hz, policy: None };
        assert_eq!(model.open(options).err().unwrap().code(), "sample-rate");
    }
}

#[test]
fn odd_but_allowed_rates_work() {
    let model = tiny_model();
    for (user_rate_hz, agent_rate_hz) in [(4_000, 384_000), (11_025, 44_099), (12_345, 96_000)] {
        let options = SessionOptions { user_rate_hz, agent_rate_hz, policy: None };
        let mut session = model.session_with(options);
        let (user, agent) = (talk(1, user_rate_hz, 0.5), talk(2, agent_rate_hz, 0.5));
        let first = session.push(Some(&user), Some(&agent)).unwrap().frames.len();
        let last = session.finish().unwrap().frames.len();
        assert!((25..=26).contains(&(first + last)), "{user_rate_hz}, {agent_rate_hz}: {first} + {last}");
        assert!(session.delay_ms() < 100.0);
    }
}

#[test]
fn a_policy_out_of_range_is_refused() {
    let policy = Policy { end_threshold: f64::NAN, ..Policy::default() };
    let options = SessionOptions { user_rate_hz: 16_000, agent_rate_hz: 16_000, policy: Some(policy) };
    assert_eq!(tiny_model().open(options).err().unwrap().code(), "option");
}

#[test]
fn a_model_file_cut_short_anywhere_is_refused() {
    let bytes = bytes();
    assert!(open(&bytes).is_ok());
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for length in
        [0, 1, 7, 8, 9, header / 2, header - 1, header, header + 1, bytes.len() / 2, bytes.len() - 1]
    {
        let error = open(&bytes[..length]).err().unwrap_or_else(|| panic!("{length} bytes are taken"));
        assert_eq!(error.code(), "model-file", "{length} bytes: {error}");
    }
}

#[test]
fn a_header_that_lies_about_its_length_is_refused() {
    for length in [0, 1, 1 << 20, u64::MAX / 2, u64::MAX] {
        let mut bytes = bytes();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(open(&bytes).err().unwrap().code(), "model-file", "length {length}");
    }
}

#[test]
fn a_header_that_says_something_else_is_refused() {
    // Replacements keep the length, so that only the text lies.
    for (from, to, code) in [
        (r#"\"dim\""#, r#"\"dym\""#, "config"),
        (r#"\"dim\":16"#, r#"\"dim\":12"#, "model-file"),
        (r#"\"heads\":2"#, r#"\"heads\":3"#, "config"),
        (r#"\"vadOnset\""#, r#"\"vadOnsat\""#, "config"),
        (r#""F32""#, r#""I32""#, "model-file"),
        (r#"encoder.conv1.bias"#, r#"encoder.conv1.bios"#, "model-file"),
    ] {
        let mut bytes = bytes();
        let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let at = bytes[..end].windows(from.len()).position(|w| w == from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{from} is not in the header"));
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        assert_eq!(open(&bytes).err().unwrap().code(), code, "{from} to {to}");
    }
}

#[test]
fn a_file_built_by_hand_is_checked_like_one_that_was_read() {
    let build = |change: fn(&mut ModelFile)| {
        let mut file = random_file(tiny_config(), 7);
        change(&mut file);
        let found = BurnModel::from_file(&file, &backend::cpu()).err().unwrap();
        assert_eq!(KernelModel::from_file(&file).err(), Some(found.clone()));
        found
    };
    let weight = "heads.vad.weight";
    let missing = build(|f| drop(f.weights.remove("heads.vad.weight")));
    assert!(missing.to_string().contains(weight) && missing.code() == "model-file", "{missing}");
    let unknown = build(|f| {
        let copy = f.weights["heads.vad.weight"].clone();
        f.weights.insert("heads.extra".into(), copy);
    });
    assert!(unknown.to_string().contains("heads.extra"), "{unknown}");
    let shape = build(|f| f.weights.get_mut("heads.vad.weight").unwrap().shape.reverse());
    assert!(shape.to_string().contains("expected shape [1, 32], found [32, 1]"), "{shape}");
    let short = build(|f| f.weights.get_mut("heads.vad.weight").unwrap().values.truncate(3));
    assert_eq!(short.code(), "length");
    let nan = build(|f| f.weights.get_mut("heads.vad.weight").unwrap().values[3] = f32::NAN);
    assert_eq!(nan.code(), "not-finite");
    assert_eq!(build(|f| f.config.heads = 3).code(), "config");
    assert_eq!(build(|f| f.statistics.mean.truncate(79)).code(), "length");
}

#[test]
fn each_weight_of_each_form_must_be_there_and_of_its_shape() {
    for config in tiny_configs() {
        let good = random_file(config, 7);
        for name in good.weights.keys() {
            let mut missing = good.clone();
            missing.weights.remove(name);
            let mut longer = good.clone();
            longer.weights.get_mut(name).unwrap().shape[0] += 1;
            for file in [missing, longer] {
                let found = BurnModel::from_file(&file, &backend::cpu()).err().unwrap();
                assert_eq!(KernelModel::from_file(&file).err(), Some(found.clone()));
                assert!(found.to_string().contains(name.as_str()) && found.code() == "model-file", "{found}");
            }
        }
    }
}

#[test]
fn weights_too_large_to_compute_with_are_an_error_not_a_nan() {
    for config in tiny_configs() {
        let mut file = random_file(config, 7);
        for weight in file.weights.values_mut() {
            weight.values.iter_mut().for_each(|v| *v = f32::MAX.copysign(*v));
        }
        let sound = talk(1, 16_000, 0.1);
        for engine in Engine::both(&file) {
            let mut session = engine.session(16_000);
            assert_eq!(session.push(None, None).unwrap(), Output::default());
            // What follows the lost hop would be told for the wrong time.
            for _ in 0..3 {
                let error = session.push(Some(&sound), Some(&sound)).unwrap_err();
                assert_eq!(error.code(), "not-finite", "{}", engine.name());
            }
            session.reset().unwrap();
            assert_eq!(session.push(None, None).unwrap(), Output::default());
        }
    }
}
