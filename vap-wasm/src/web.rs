//! The door to JavaScript of the CPU binary. Values are converted and checked here; nothing is decided. Every failure
//! is a JS `Error` with a string `code`; nothing panics on what comes in. wasm-bindgen is known here and in the GPU
//! binary's door, `web_gpu`, alone.

mod options;
mod steering;
mod remote_session;

use crate::error::{Error, Result};
use crate::kernels::KernelModel;
use crate::model_stream;
use crate::session::{self, INPUT_SAMPLES};
use js_sys::{Array, Float32Array, Float64Array, Object, Reflect};
use options::{expectation_of, expected_of, session_options, solved};
use serde::Serialize;
use std::sync::Arc;
use steering::steering;
use vap_core::calibration::Figures;
use vap_core::g711::{self, Law};
use vap_core::{BargeIn, Frame, Speaker, wav};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import type { Expectation, Figures, ModelInfo, Policy, TurnEvent } from "../common/contract.js";
import type { PolicyOptions } from "../common/options.js";

/** A decoded WAV file. */
export interface DecodedWav {
  sampleRate: number;
  channels: Float32Array[];
}

/** Options of a session; rates in Hz. */
export interface SessionOptions {
  userRate: number;
  agentRate: number;
  policy?: PolicyOptions;
  expect?: Expectation;
}

/** What a push gave: packed frames, events, packed sounds that are not judged yet. */
export interface SessionOutput {
  frames: Float32Array;
  events: TurnEvent[];
  bargeIns: Float64Array;
}
"#;

/// Decodes a WAV file.
#[wasm_bindgen(js_name = decodeWav, unchecked_return_type = "DecodedWav")]
pub fn decode_wav(bytes: &[u8]) -> Result<Object, JsValue> {
    let wav = wav::decode(bytes).map_err(Error::from)?;
    let channels: Array = wav.channels.iter().map(|c| JsValue::from(Float32Array::from(&c[..]))).collect();
    object(&[("sampleRate", wav.rate_hz.into()), ("channels", channels.into())])
}

/// Samples of the bytes of G.711; `encoding` is `alaw` or `mulaw`.
#[wasm_bindgen(js_name = decodeG711)]
pub fn decode_g711(bytes: &[u8], encoding: &str) -> Result<Vec<f32>, JsValue> {
    let law = Law::named(encoding).map_err(Error::from)?;
    Ok(g711::decode(bytes, law))
}

/// A loaded model, shared by its sessions.
#[wasm_bindgen]
pub struct Model {
    shared: Arc<dyn model_stream::Model>,
}

#[wasm_bindgen]
impl Model {
    /// Reads a model file.
    pub fn load(bytes: &[u8]) -> Result<Model, JsValue> {
        Ok(Model { shared: Arc::new(KernelModel::from_bytes(bytes)?) })
    }

    /// Reads a model file into Burn on the CPU.
    #[cfg(feature = "burn")]
    #[wasm_bindgen(js_name = loadBurn)]
    pub fn load_burn(bytes: &[u8]) -> Result<Model, JsValue> {
        let file = vap_core::ModelFile::from_bytes(bytes).map_err(Error::from)?;
        let model = crate::BurnModel::from_file(&file, &crate::burn::backend::cpu())?;
        Ok(Model { shared: Arc::new(model) })
    }

    /// What is known about the model.
    #[wasm_bindgen(unchecked_return_type = "ModelInfo")]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        to_js(self.shared.info())
    }
}

/// One conversation, and what was measured of the thresholds it asked for.
#[wasm_bindgen]
pub struct Session {
    inner: session::Session,
    expected: Option<Figures>,
    /// Told, and not asked for yet.
    output: session::Output,
    /// Room for sound of user and agent that is written from outside, `[INPUT_SAMPLES]` each.
    input: [Vec<f32>; 2],
}

#[wasm_bindgen]
impl Session {
    /// A session at the beginning of a conversation.
    #[wasm_bindgen(constructor)]
    pub fn new(
        model: &Model,
        #[wasm_bindgen(unchecked_param_type = "SessionOptions")] options: JsValue,
    ) -> Result<Session, JsValue> {
        let (options, beside) = session_options(&options, model.shared.info())?;
        let mut inner = session::Session::new(Arc::clone(&model.shared), options)?;
        inner.expect(beside.expectation);
        Ok(Session::of(inner, beside.expected))
    }

    /// A session that goes on where another of the same model was saved.
    pub fn restore(model: &Model, bytes: &[u8]) -> Result<Session, JsValue> {
        Ok(Session::of(session::Session::restore(Arc::clone(&model.shared), bytes)?, None))
    }

    /// Everything that later output depends on; what was told and not asked for is not in it.
    #[wasm_bindgen(unchecked_return_type = "Uint8Array<ArrayBuffer>")]
    pub fn save(&self) -> Result<Vec<u8>, JsValue> {
        Ok(self.inner.save()?)
    }

    /// Takes sound of both channels. A channel left out is silent for as long as the other sounds; one that is empty
    /// has nothing new yet, and the other's sound waits for it.
    #[wasm_bindgen(unchecked_return_type = "SessionOutput")]
    pub fn push(&mut self, user: Option<Vec<f32>>, agent: Option<Vec<f32>>) -> Result<Object, JsValue> {
        self.inner.push_into(user.as_deref(), agent.as_deref(), &mut self.output)?;
        self.output()
    }

    /// Takes sound as `push` does and leaves the work to `work`.
    pub fn hear(&mut self, user: Option<Vec<f32>>, agent: Option<Vec<f32>>) -> Result<(), JsValue> {
        Ok(self.inner.hear(user.as_deref(), agent.as_deref())?)
    }

    /// Address in the instance's memory of room for 4096 samples of a channel, 0 for the user and 1 for the agent, for
    /// as long as the session lives. An audio thread writes there and calls `hearInput`, so that nothing is allocated;
    /// a view over the memory must be made anew when the memory has grown.
    pub fn input(&mut self, channel: f64) -> Result<*mut f32, JsValue> {
        Ok(self.input[whole("channel", channel, 1)?].as_mut_ptr())
    }

    /// Takes that many samples of the room for each channel, as `hear` does; -1 leaves a channel out.
    #[wasm_bindgen(js_name = hearInput)]
    pub fn hear_input(&mut self, user: f64, agent: f64) -> Result<(), JsValue> {
        let samples = |length: f64, room| -> Result<Option<&[f32]>> {
            match length {
                -1.0 => Ok(None),
                length => Ok(Some(&<[f32]>::as_ref(room)[..whole("samples", length, INPUT_SAMPLES)?])),
            }
        };
        let [user, agent] = [samples(user, &self.input[0])?, samples(agent, &self.input[1])?];
        Ok(self.inner.hear(user, agent)?)
    }

    /// Hops that wait for `work`.
    pub fn waiting(&self) -> usize {
        self.inner.waiting()
    }

    /// Does one slice of the work that waits; true while there is more.
    pub fn work(&mut self) -> Result<bool, JsValue> {
        Ok(self.inner.work(&mut self.output)?)
    }

    /// What the work so far has told, and was not asked for yet.
    #[wasm_bindgen(unchecked_return_type = "SessionOutput")]
    pub fn output(&mut self) -> Result<Object, JsValue> {
        let raw = raw(&self.output);
        self.output.clear();
        raw
    }

    /// Ends the conversation.
    #[wasm_bindgen(unchecked_return_type = "SessionOutput")]
    pub fn finish(&mut self) -> Result<Object, JsValue> {
        self.inner.finish_into(&mut self.output)?;
        self.output()
    }

    /// Back to the beginning of a conversation.
    pub fn reset(&mut self) -> Result<(), JsValue> {
        self.output = session::Output::default();
        Ok(self.inner.reset()?)
    }

    /// Longest time between the end of a hop going in and its frame coming out, in ms.
    #[wasm_bindgen(js_name = delayMs)]
    pub fn delay_ms(&self) -> f64 {
        self.inner.delay_ms()
    }

    /// Samples so far that were not finite and counted as 0.
    pub fn replaced(&self) -> f64 {
        self.inner.replaced() as f64
    }

    /// Sample rates of user and agent, in Hz.
    pub fn rates(&self) -> Vec<u32> {
        self.inner.rates_hz().into()
    }

    /// Frames given so far.
    pub fn frames(&self) -> f64 {
        self.inner.frames() as f64
    }
}

steering!(Session);

impl Session {
    fn of(inner: session::Session, expected: Option<Figures>) -> Self {
        Session { inner, expected, output: session::Output::default(), input: inputs() }
    }
}

fn inputs() -> [Vec<f32>; 2] {
    [0, 1].map(|_| vec![0.0; INPUT_SAMPLES])
}

/// A whole number of `0..=most`. Numbers come as they are: as integers, wasm-bindgen would wrap and cut them.
fn whole(name: &str, found: f64, most: usize) -> Result<usize> {
    if found.fract() == 0.0 && (0.0..=most as f64).contains(&found) {
        return Ok(found as usize);
    }
    Err(Error::Options(format!("{name}: expected a whole number of 0 to {most}, found {found}")))
}

fn raw(output: &session::Output) -> Result<Object, JsValue> {
    let frames: Vec<f32> = output.frames.iter().flat_map(Frame::packed).collect();
    let barge_ins: Vec<f64> = output.barge_ins.iter().flat_map(BargeIn::packed).collect();
    object(&[
        ("frames", Float32Array::from(&frames[..]).into()),
        ("events", to_js(&output.events)?),
        ("bargeIns", Float64Array::from(&barge_ins[..]).into()),
    ])
}

fn object(fields: &[(&str, JsValue)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &(*name).into(), value)?;
    }
    Ok(object)
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(|e| Error::Backend(e.to_string()).into())
}
