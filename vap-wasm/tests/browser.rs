//! The runtime as it runs in a browser: in a window or a Worker, which the test runner's environment chooses.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

#[path = "../../tests/compare.rs"]
mod compare;
#[path = "../../tests/tiny.rs"]
mod tiny;

use compare::{numbers, tensors, worst};
use js_sys::Reflect;
use std::sync::Arc;
use tiny::{Random, random_file, restless, talk, tiny_configs};
use vap_core::config::{HOP_MELS, MEL_BANDS};
use vap_core::model_file::Storage;
use vap_wasm::{Error, KernelModel, Output, Session, SessionOptions};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

const HOP_SAMPLES: usize = 320;

fn bytes(seed: u64) -> Vec<u8> {
    let [usual, _] = tiny_configs();
    random_file(usual, seed).to_bytes(Storage::F32).unwrap()
}

fn session(rate_hz: u32) -> Result<Session, Error> {
    let model = Arc::new(KernelModel::from_bytes(&bytes(7))?);
    Session::new(model, SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy: None })
}

#[wasm_bindgen_test]
fn kernels_give_the_trainers_golden() {
    let goldens: [&[u8]; 2] = [
        include_bytes!("../../tests/golden/parity.safetensors"),
        include_bytes!("../../tests/golden/parity-whisper.safetensors"),
    ];
    for (config, golden) in tiny_configs().into_iter().zip(goldens) {
        let name = config.name.clone();
        let model = KernelModel::from_file(&random_file(config, 5)).unwrap();
        let mels = Random::new(3).list(2 * 2 * 40 * MEL_BANDS, 1.7);
        let mut logits = Vec::new();
        model.forward(&mels, &mut model.pass(1), &mut model.init_state(), &mut logits).unwrap();
        let off = worst(&logits, &tensors(golden)["logits"]);
        assert!(off < 1e-3, "{name}: off by {off}");
    }
}

#[wasm_bindgen_test]
fn a_session_gives_what_it_gives_natively() {
    let golden = tensors(include_bytes!("../../tests/golden/session.safetensors"));
    let (user, agent) = (talk(1, 48_000, 2.0), talk(2, 48_000, 2.0));
    for chunk in [128, 1000, 96_000] {
        let mut session = session(48_000).unwrap();
        let mut output = Output::default();
        for (user, agent) in user.chunks(chunk).zip(agent.chunks(chunk)) {
            session.push_into(Some(user), Some(agent), &mut output).unwrap();
        }
        session.finish_into(&mut output).unwrap();
        let given: Vec<f32> = output.frames.iter().flat_map(numbers).collect();
        let off = worst(&given, &golden["probabilities"]);
        assert!(off < 1e-4, "by {chunk}: off by {off}");
    }
}

#[wasm_bindgen_test]
fn a_restored_session_goes_on_to_the_bit() {
    let model = Arc::new(KernelModel::from_bytes(&bytes(7)).unwrap());
    let options = SessionOptions { user_rate_hz: 44_100, agent_rate_hz: 8_000, policy: Some(restless()) };
    let (user, agent) = (talk(1, 44_100, 3.0), talk(2, 8_000, 3.0));
    let mut straight = Session::new(Arc::<KernelModel>::clone(&model), options).unwrap();
    straight.push(Some(&user[..60_001]), Some(&agent[..11_111])).unwrap();
    let mut moved = Session::restore(model, &straight.save().unwrap()).unwrap();
    let [expected, found] = [&mut straight, &mut moved].map(|session| {
        let mut output = session.push(Some(&user[60_001..]), Some(&agent[11_111..])).unwrap();
        session.finish_into(&mut output).unwrap();
        output
    });
    let counts = (expected.frames.len(), expected.events.len());
    assert!(counts.0 > 70 && counts.1 > 0, "{counts:?}");
    assert_eq!(found, expected);
}

#[wasm_bindgen_test]
fn what_was_out_is_told_by_the_session_in_its_place() {
    let model = KernelModel::from_bytes(&bytes(7)).unwrap();
    let (user, agent) = (talk(1, 16_000, 2.0), talk(2, 16_000, 2.0));
    let mut straight = session(16_000).unwrap();
    let mut expected = straight.push(Some(&user), Some(&agent)).unwrap();
    straight.finish_into(&mut expected).unwrap();

    let mut remote = session(16_000).unwrap().remote().unwrap();
    let (mut output, mut logits) = (Output::default(), Vec::new());
    remote.hear(Some(&user), Some(&agent)).unwrap();
    let mels = remote.next_mels(60).concat();
    model.forward(&mels, &mut model.pass(1), &mut model.init_state(), &mut logits).unwrap();
    remote.push_logits(&logits, &mut output).unwrap();
    assert_eq!((output.frames.len(), remote.next_mels(25)[0].len()), (60, 25 * HOP_MELS));
    let mut session = remote.into_session(&mut output).unwrap();
    assert_eq!((output.frames.len(), session.waiting()), (85, 15));
    session.finish_into(&mut output).unwrap();
    let [found, expected] = [&output, &expected].map(|output| -> Vec<f32> {
        assert_eq!(output.frames.len(), 100);
        output.frames.iter().flat_map(numbers).collect()
    });
    let off = worst(&found, &expected);
    assert!(off < 1e-4, "off by {off}");
}

#[wasm_bindgen_test]
fn an_error_becomes_a_js_error_with_its_code() {
    let mut finished = session(16_000).unwrap();
    finished.finish().unwrap();
    let mut apart = session(16_000).unwrap();
    let errors = [
        ("model-file", KernelModel::from_bytes(b"no model").err()),
        ("sample-rate", session(0).err()),
        ("finished", finished.push(Some(&[0.0]), None).err()),
        ("channels-apart", apart.push(Some(&vec![0.0; 10_000_000]), Some(&[])).err()),
    ];
    for (code, error) in errors {
        let error = error.unwrap_or_else(|| panic!("{code}: expected an error"));
        let told = error.to_string();
        let js = JsValue::from(error);
        assert_eq!(Reflect::get(&js, &"code".into()).unwrap(), JsValue::from(code));
        assert_eq!(js.unchecked_into::<js_sys::Error>().message(), told.as_str());
    }
}

/// A panic would end the instance, and this test with it.
#[wasm_bindgen_test]
fn no_file_and_no_sound_panics() {
    let good = bytes(7);
    for end in (0..good.len()).step_by(997) {
        assert!(KernelModel::from_bytes(&good[..end]).is_err(), "cut at {end}");
    }
    let mut random = Random::new(11);
    for at in (0..good.len().min(4000)).step_by(7) {
        let mut file = good.clone();
        file[at] ^= 1 + (127.0 * random.draw().abs()) as u8;
        // Either is fine.
        let _ = KernelModel::from_bytes(&file);
    }
    let mut session = session(8000).unwrap();
    for wild in [f32::NAN, f32::INFINITY, f32::MIN, 1e-42, f32::MAX] {
        let frames = session.push(Some(&[wild; 700]), None).unwrap().frames;
        assert!(frames.iter().flat_map(numbers).all(f32::is_finite), "{wild}");
    }
}

#[wasm_bindgen_test]
fn memory_stays_flat_over_ten_minutes() {
    let mut session = session(16_000).unwrap();
    let sound = talk(3, 16_000, 2.0);
    let mut output = Output::default();
    let mut hear = |seconds: usize| {
        for hop in 0..seconds * 50 {
            let at = hop * HOP_SAMPLES % sound.len();
            let hop = &sound[at..at + HOP_SAMPLES];
            session.push_into(Some(hop), Some(hop), &mut output).unwrap();
            output.clear();
        }
        core::arch::wasm32::memory_size(0)
    };
    let before = hear(10);
    assert_eq!(hear(600), before);
}
