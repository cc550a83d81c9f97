//! The door of a conversation whose model is computed elsewhere.

use super::options::{expectation_of, expected_of, solved};
use super::steering::steering;
use super::{Session, inputs, raw, to_js, whole};
use crate::{remote_session, session};
use js_sys::{Float32Array, Object};
use vap_core::Speaker;
use vap_core::calibration::Figures;
use wasm_bindgen::prelude::*;

/// One conversation whose model is computed elsewhere: mels go out, logits come in.
#[wasm_bindgen]
pub struct RemoteSession {
    inner: remote_session::RemoteSession,
    expected: Option<Figures>,
    output: session::Output,
}

#[wasm_bindgen]
impl Session {
    /// A remote session at the beginning of a conversation, with the model and the options of this one.
    pub fn remote(&self) -> Result<RemoteSession, JsValue> {
        Ok(RemoteSession {
            inner: self.inner.remote()?,
            expected: self.expected,
            output: session::Output::default(),
        })
    }
}

#[wasm_bindgen]
impl RemoteSession {
    /// Takes sound as `Session.hear` does.
    pub fn hear(&mut self, user: Option<Vec<f32>>, agent: Option<Vec<f32>>) -> Result<(), JsValue> {
        Ok(self.inner.hear(user.as_deref(), agent.as_deref())?)
    }

    /// Hops that wait to go out.
    pub fn waiting(&self) -> usize {
        self.inner.waiting()
    }

    /// Normalised mels of the next hops, at most `most` and 4096: `[2, 2 x hops, 80]`, the user's before the agent's.
    /// Empty while others are out.
    #[wasm_bindgen(js_name = nextMels)]
    pub fn next_mels(&mut self, most: f64) -> Result<Float32Array, JsValue> {
        let [user, agent] = self.inner.next_mels(whole("most", most, remote_session::MOST_HOPS)?);
        let mels = Float32Array::new_with_length((user.len() + agent.len()) as u32);
        let half = user.len() as u32;
        mels.subarray(0, half).copy_from(user);
        mels.subarray(half, 2 * half).copy_from(agent);
        Ok(mels)
    }

    /// Takes the logits of the hops that are out, `[hops, 27]`, and gives what they tell; those that are refused leave
    /// the hops out.
    #[wasm_bindgen(js_name = pushLogits, unchecked_return_type = "SessionOutput")]
    pub fn push_logits(&mut self, logits: Vec<f32>) -> Result<Object, JsValue> {
        self.inner.push_logits(&logits, &mut self.output)?;
        self.output()
    }

    /// Ends the sound; its last hops still wait to go out.
    #[wasm_bindgen(js_name = endSound)]
    pub fn end_sound(&mut self) {
        self.inner.end_sound();
    }

    /// Ends the conversation, after the last hop.
    #[wasm_bindgen(unchecked_return_type = "SessionOutput")]
    pub fn finish(&mut self) -> Result<Object, JsValue> {
        self.inner.finish(&mut self.output)?;
        self.output()
    }

    /// The session that goes on in its place; its `output` is what was out.
    #[wasm_bindgen(js_name = intoSession)]
    pub fn into_session(mut self) -> Result<Session, JsValue> {
        let inner = self.inner.into_session(&mut self.output)?;
        Ok(Session { inner, expected: self.expected, output: self.output, input: inputs() })
    }
}

steering!(RemoteSession);

impl RemoteSession {
    fn output(&mut self) -> Result<Object, JsValue> {
        let raw = raw(&self.output);
        self.output.clear();
        raw
    }
}
