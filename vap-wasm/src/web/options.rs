//! Options as JavaScript gives them: rates, policy, expectation.

use super::{to_js, whole};
use crate::error::{Error, Result};
use crate::model_info::ModelInfo;
use crate::session;
use js_sys::Reflect;
use serde_json::{Map, Value};
use vap_core::Expectation;
use vap_core::calibration::{self, Figures, Solution};
use wasm_bindgen::prelude::*;

/// What was measured of a policy that was asked for, while it is as it was solved; else undefined.
pub fn expected_of(expected: Option<&Figures>, expectation: Expectation) -> Result<JsValue, JsValue> {
    expected.filter(|_| expectation == Expectation::Open).map_or(Ok(JsValue::UNDEFINED), to_js)
}

/// What a session is told beside its options, and what is expected of its policy.
pub struct Beside {
    pub expectation: Expectation,
    pub expected: Option<Figures>,
}

/// Options as JavaScript gave them, resolved over the model's policy.
pub fn session_options(options: &JsValue, info: &ModelInfo) -> Result<(session::SessionOptions, Beside)> {
    let [mut user_rate, mut agent_rate, mut policy, mut expect] = [JsValue::UNDEFINED; 4];
    for (name, value) in fields(options, "expected an object")? {
        let place = match &name[..] {
            "userRate" => &mut user_rate,
            "agentRate" => &mut agent_rate,
            "policy" => &mut policy,
            "expect" => &mut expect,
            _ => {
                let expected = "expected one of userRate, agentRate, policy, expect";
                return Err(Error::Options(format!("{expected}, found {}", short(&name))));
            }
        };
        *place = value;
    }
    let solution = solved(&policy, info)?;
    let expectation = if expect.is_undefined() { Expectation::Open } else { expectation_of(&expect)? };
    let options = session::SessionOptions {
        user_rate_hz: rate_hz("userRate", &user_rate)?,
        agent_rate_hz: rate_hz("agentRate", &agent_rate)?,
        policy: Some(solution.policy),
    };
    Ok((options, Beside { expectation, expected: solution.expected }))
}

fn rate_hz(name: &str, found: &JsValue) -> Result<u32> {
    let rate = found.as_f64().ok_or_else(|| refused(name, "a rate in Hz", found))?;
    Ok(whole(name, rate, u32::MAX as usize)? as u32)
}

pub fn expectation_of(found: &JsValue) -> Result<Expectation> {
    let name = found.as_string().unwrap_or_else(|| found.js_typeof().as_string().unwrap_or_default());
    Ok(Expectation::from_name(&name)?)
}

/// A policy as JavaScript gave it, over the model's.
pub fn solved(policy: &JsValue, info: &ModelInfo) -> Result<Solution> {
    Ok(calibration::resolve(&info.policy, info.calibration.as_ref(), &policy_options(policy)?)?)
}

fn policy_options(policy: &JsValue) -> Result<Map<String, Value>> {
    let mut options = Map::new();
    if policy.is_undefined() {
        return Ok(options);
    }
    for (name, value) in fields(policy, "policy: expected an object of thresholds and times")? {
        if !value.is_undefined() {
            let option = plain(&value).ok_or_else(|| refused(short(&name), "a number or a name", &value))?;
            options.insert(name, option);
        }
    }
    Ok(options)
}

/// What is an object's own, by its names. Reading may run the caller's code, which may throw.
fn fields(object: &JsValue, expected: &str) -> Result<Vec<(String, JsValue)>> {
    let keys = Reflect::own_keys(object).map_err(|_| Error::Options(expected.into()))?;
    let field = |key: JsValue| {
        let name = key.as_string().ok_or_else(|| Error::Options(expected.into()))?;
        match Reflect::get(object, &key) {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(Error::Options(format!("{}: cannot be read", short(&name)))),
        }
    };
    keys.iter().map(field).collect()
}

/// A string or a number; NaN becomes null.
fn plain(found: &JsValue) -> Option<Value> {
    const SAFE: f64 = (1u64 << 53) as f64;
    let number = |x: f64| {
        if x.fract() == 0.0 && x.abs() < SAFE { Value::from(x as i64) } else { Value::from(x) }
    };
    found.as_string().map(Value::from).or_else(|| found.as_f64().map(number))
}

fn refused(name: &str, expected: &str, found: &JsValue) -> Error {
    let found = found.js_typeof().as_string().unwrap_or_default();
    Error::Options(format!("{name}: expected {expected}, found {found}"))
}

/// As much of a name from outside as a message holds.
fn short(name: &str) -> &str {
    name.char_indices().nth(32).map_or(name, |(end, _)| &name[..end])
}
