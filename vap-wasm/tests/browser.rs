//! The listener as it runs in a browser: in a window or a Worker, which the test runner's environment chooses.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

#[path = "../../tests/tiny.rs"]
mod tiny;

use js_sys::Reflect;
use safetensors::SafeTensors;
use std::sync::Arc;
use tiny::{Random, random_file, talk, tiny_config};
use vap_core::Frame;
use vap_core::config::MEL_BANDS;
use vap_core::model_file::Storage;
use vap_wasm::{Error, KernelModel, Output, Session, SessionOptions};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

const HOP_SAMPLES: usize = 320;

fn bytes(seed: u64) -> Vec<u8> {
    random_file(tiny_config(), seed).to_bytes(Storage::F32).unwrap()
}

fn session(rate_hz: u32) -> Result<Session, Error> {
    let model = Arc::new(KernelModel::from_bytes(&bytes(7))?);
    Session::new(model, SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy: None })
}

/// The one tensor of a golden.
fn golden(file: &[u8], name: &str) -> Vec<f32> {
    let tensors = SafeTensors::deserialize(file).unwrap();
    let data = tensors.tensor(name).unwrap().data().to_vec();
    data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn worst(these: &[f32], those: &[f32]) -> f32 {
    assert_eq!(these.len(), those.len());
    let off = |(a, b): (&f32, &f32)| if a.is_finite() { (a - b).abs() } else { f32::INFINITY };
    these.iter().zip(those).map(off).fold(0.0, f32::max)
}

fn numbers(frame: &Frame) -> Vec<f32> {
    let pairs = [frame.eot, frame.backchannel, frame.vad].into_iter().flatten();
    frame.bins.into_iter().flatten().chain(pairs).chain([frame.overlap]).collect()
}

#[wasm_bindgen_test]
fn kernels_give_the_teachers_golden() {
    let model = KernelModel::from_bytes(&bytes(5)).unwrap();
    let mels = Random::new(3).list(2 * 2 * 40 * MEL_BANDS, 1.7);
    let mut logits = Vec::new();
    model.forward(&mels, &mut model.pass(1), &mut model.init_state(), &mut logits).unwrap();
    let off = worst(&logits, &golden(include_bytes!("../../tests/golden/parity.safetensors"), "logits"));
    assert!(off < 1e-3, "off by {off}");
}

#[wasm_bindgen_test]
fn a_session_gives_what_it_gives_natively() {
    let expected = golden(include_bytes!("../../tests/golden/session.safetensors"), "probabilities");
    let (user, agent) = (talk(1, 48_000, 2.0), talk(2, 48_000, 2.0));
    for chunk in [128, 1000, 96_000] {
        let mut session = session(48_000).unwrap();
        let mut output = Output::default();
        for (user, agent) in user.chunks(chunk).zip(agent.chunks(chunk)) {
            session.push_into(Some(user), Some(agent), &mut output).unwrap();
        }
        session.finish_into(&mut output).unwrap();
        let given: Vec<f32> = output.frames.iter().flat_map(numbers).collect();
        let off = worst(&given, &expected);
        assert!(off < 1e-4, "by {chunk}: off by {off}");
    }
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
            output.frames.clear();
            output.events.clear();
        }
        core::arch::wasm32::memory_size(0)
    };
    let before = hear(10);
    assert_eq!(hear(600), before);
}
