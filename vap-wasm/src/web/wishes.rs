//! What JavaScript wishes for: options, policy, expectation.

use super::to_js;
use crate::card::Card;
use crate::error::{Error, Result};
use crate::session;
use js_sys::{Array, Object, Reflect};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use vap_core::Expectation;
use vap_core::calibration::{self, Figures, Solution};
use wasm_bindgen::prelude::*;

/// What was measured of a policy that was asked for, while it is as it was solved; else undefined.
pub fn told(expected: Option<&Figures>, expectation: Expectation) -> Result<JsValue, JsValue> {
    expected.filter(|_| expectation == Expectation::Open).map_or(Ok(JsValue::UNDEFINED), to_js)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    user_rate: u32,
    agent_rate: u32,
    #[serde(default, rename = "policy")]
    _policy: IgnoredAny,
    #[serde(default, rename = "expect")]
    _expect: IgnoredAny,
}

/// What a session is told beside its options.
pub struct Wishes {
    pub expectation: Expectation,
    pub expected: Option<Figures>,
}

/// Options as JavaScript gave them, resolved over the model's policy. They pass through JSON, since a struct read
/// straight from a JS object would not notice unknown keys.
pub fn session_options(options: JsValue, card: &Card) -> Result<(session::SessionOptions, Wishes)> {
    let rates: Options =
        serde_json::from_value(json(options.clone())?).map_err(|e| Error::Options(e.to_string()))?;
    let field = |name: &str| {
        Reflect::get(&options, &name.into()).map_err(|_| Error::Options(format!("{name}: cannot be read")))
    };
    let solution = solved(&field("policy")?, card)?;
    let expect = field("expect")?;
    let expectation = if expect.is_undefined() { Expectation::Open } else { expectation_of(&expect)? };
    let options = session::SessionOptions {
        user_rate_hz: rates.user_rate,
        agent_rate_hz: rates.agent_rate,
        policy: Some(solution.policy),
    };
    Ok((options, Wishes { expectation, expected: solution.expected }))
}

pub fn expectation_of(found: &JsValue) -> Result<Expectation> {
    let name = found.as_string().unwrap_or_else(|| found.js_typeof().as_string().unwrap_or_default());
    Ok(Expectation::from_name(&name)?)
}

/// A policy as JavaScript wished for it, over the model's.
pub fn solved(policy: &JsValue, card: &Card) -> Result<Solution> {
    Ok(calibration::resolve(&card.policy, card.calibration.as_ref(), &wishes_of(policy)?)?)
}

/// A policy by its own entries: in JSON a NaN could not be told from a key left out.
fn wishes_of(policy: &JsValue) -> Result<Map<String, Value>> {
    let expected = || Error::Options("policy: expected an object of thresholds and times".into());
    if policy.is_undefined() {
        return Ok(Map::new());
    }
    if !policy.is_object() {
        return Err(expected());
    }
    let mut wishes = Map::new();
    for entry in Object::entries(policy.unchecked_ref()) {
        let entry: Array = entry.unchecked_into();
        let (name, value) = (entry.get(0).as_string().ok_or_else(expected)?, entry.get(1));
        if !value.is_undefined() {
            wishes.insert(name, json(value)?);
        }
    }
    Ok(wishes)
}

fn json(value: JsValue) -> Result<Value> {
    serde_wasm_bindgen::from_value(value).map_err(|e| Error::Options(e.to_string()))
}
