//! Operating points of a model, measured beforehand on held-out dialogues: how often a policy cuts the user off and
//! how late it answers. They turn what a user asks for (`maxFalseCutoff`, `meanLatencyMs`, `preset`) into thresholds.

mod ask;

pub use ask::{Ask, Preset};

use crate::error::{Error, Result};
use crate::policy::{ASKS, LONGEST_MS, Policy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Options of the policy that an ask decides, and that may not stand beside one.
pub const DECIDED: [&str; 3] = ["endThreshold", "minSilenceMs", "maxSilenceMs"];

/// Most points of either curve.
pub const MOST_POINTS: usize = 64;

/// What a policy did on held-out dialogues (livekit/eot-bench: pauses of 0.2 to 5 s, ends of turns, the agent silent).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Figures {
    /// Expected share of the user's pauses in which it ends the turn.
    pub false_cutoff: f64,
    /// Upper bound of that share with a confidence of 90 %; what `maxFalseCutoff` is held against.
    pub false_cutoff_bound: f64,
    /// Mean silence after which it ends the turn where the turn ends, in ms.
    pub mean_latency_ms: f64,
}

/// Thresholds of the event machine, and what they do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CalibrationPoint {
    /// `endThreshold` of the policy.
    pub end_threshold: f64,
    /// `eagerThreshold` of the policy.
    pub eager_threshold: f64,
    /// `minSilenceMs` of the policy.
    pub min_silence_ms: u32,
    /// `maxSilenceMs` of the policy.
    pub max_silence_ms: u32,
    /// What they do.
    pub expected: Figures,
}

/// A silence timeout without a model behind it, for comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeoutPoint {
    /// Silence that ends a turn, in ms.
    pub timeout_ms: u32,
    /// What it does.
    pub expected: Figures,
}

/// Two curves from fast to cautious: of the model, and of silence alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calibration {
    /// Ends of turns it was measured on.
    pub ends: usize,
    /// Pauses it was measured on.
    pub pauses: usize,
    /// Operating points, none better than another in both figures: latency rises, cut-offs fall.
    pub points: Vec<CalibrationPoint>,
    /// The same for the silence timeout.
    pub silence: Vec<TimeoutPoint>,
}

/// A policy and what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solution {
    /// The policy.
    pub policy: Policy,
    /// What it does; `None` for thresholds that were not solved for.
    pub expected: Option<Figures>,
}

impl Calibration {
    /// Reads a calibration.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`], or as [`Calibration::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let found: Calibration =
            serde_json::from_str(text).map_err(|e| Error::ConfigSyntax(format!("calibration: {e}")))?;
        found.validate()?;
        Ok(found)
    }

    /// Checks sizes, ranges and order.
    ///
    /// # Errors
    /// [`Error::ConfigValue`] with key `calibration` and the place that is wrong.
    pub fn validate(&self) -> Result<()> {
        let (points, silence) = (self.points.len(), self.silence.len());
        require("points", (1..=MOST_POINTS).contains(&points), || format!("1 to {MOST_POINTS}"), points)?;
        require("silence", silence <= MOST_POINTS, || format!("at most {MOST_POINTS}"), silence)?;
        for (at, point) in self.points.iter().enumerate() {
            let place = format!("points[{at}]");
            point
                .over(&Policy::default())
                .validate()
                .map_err(|e| refused(&place, "thresholds of a policy", e))?;
        }
        for (at, point) in self.silence.iter().enumerate() {
            let (place, found) = (format!("silence[{at}].timeoutMs"), point.timeout_ms);
            require(&place, (1..=LONGEST_MS).contains(&found), || format!("1 to {LONGEST_MS}"), found)?;
        }
        check_curve("points", &self.points.iter().map(|p| p.expected).collect::<Vec<_>>())?;
        check_curve("silence", &self.silence.iter().map(|p| p.expected).collect::<Vec<_>>())
    }

    /// The policy that meets an ask best, other options as in `base`.
    ///
    /// # Errors
    /// [`Error::Option`] by the ask's name when its value is out of range, or none meets it: then with the best
    /// that can be had.
    pub fn solve(&self, base: &Policy, ask: Ask) -> Result<Solution> {
        let point = ask.best(&self.points, |p| &p.expected)?;
        Ok(Solution { policy: point.over(base), expected: Some(point.expected) })
    }

    /// The silence timeout that meets an ask best.
    ///
    /// # Errors
    /// As [`Calibration::solve`].
    pub fn solve_silence(&self, ask: Ask) -> Result<TimeoutPoint> {
        ask.best(&self.silence, |p| &p.expected).copied()
    }
}

impl CalibrationPoint {
    fn over(&self, base: &Policy) -> Policy {
        Policy {
            end_threshold: self.end_threshold,
            eager_threshold: self.eager_threshold,
            min_silence_ms: self.min_silence_ms,
            max_silence_ms: self.max_silence_ms,
            ..*base
        }
    }
}

/// What a user wrote over what the model file says: `maxFalseCutoff`, `meanLatencyMs` or `preset` is solved for, other
/// options are taken as they are.
///
/// # Errors
/// [`Error::Option`] for two asks at once, for an option that the ask decides (`endThreshold`, `minSilenceMs`,
/// `maxSilenceMs`), for a model without calibration, as [`Calibration::solve`], or for an unknown name, a value of
/// the wrong kind or a policy that [`Policy::validate`] refuses.
pub fn resolve(
    base: &Policy,
    calibration: Option<&Calibration>,
    options: &Map<String, Value>,
) -> Result<Solution> {
    let mut changes = options.clone();
    let mut asks = ASKS
        .into_iter()
        .filter_map(|(option, _)| changes.remove(option).map(|value| (option, value)))
        .collect::<Vec<_>>()
        .into_iter();
    let Some((option, value)) = asks.next() else {
        return Ok(Solution { policy: base.with(&changes)?, expected: None });
    };
    if let Some((other, value)) = asks.next() {
        return Err(option_error(other, format!("to be left out beside {option}"), value));
    }
    let ask = Ask::read(option, &value)?;
    for decided in DECIDED {
        if let Some(found) = changes.get(decided) {
            return Err(option_error(decided, format!("to be left out, {option} decides it"), found));
        }
    }
    let calibration = calibration
        .ok_or_else(|| option_error(option, "a model file with a calibration".into(), "one without"))?;
    let solution = calibration.solve(base, ask)?;
    Ok(Solution { policy: solution.policy.with(&changes)?, ..solution })
}

fn check_curve(curve: &str, figures: &[Figures]) -> Result<()> {
    for (at, f) in figures.iter().enumerate() {
        let place = |field: &str| format!("{curve}[{at}].expected.{field}");
        let (rate, bound, latency) = (f.false_cutoff, f.false_cutoff_bound, f.mean_latency_ms);
        require(&place("falseCutoff"), (0.0..=1.0).contains(&rate), || "0 to 1".into(), rate)?;
        let expected = || format!("falseCutoff ({rate}) to 1");
        require(&place("falseCutoffBound"), (rate..=1.0).contains(&bound), expected, bound)?;
        let longest = f64::from(LONGEST_MS);
        let expected = || format!("0 to {LONGEST_MS}");
        require(&place("meanLatencyMs"), (0.0..=longest).contains(&latency), expected, latency)?;
        let Some(last) = at.checked_sub(1).and_then(|before| figures.get(before)) else { continue };
        let more = |than: f64| move || format!("more than the point before ({than})");
        let less = |than: f64| move || format!("less than the point before ({than})");
        let (slower, fewer) = (latency > last.mean_latency_ms, rate < last.false_cutoff);
        require(&place("meanLatencyMs"), slower, more(last.mean_latency_ms), latency)?;
        require(&place("falseCutoff"), fewer, less(last.false_cutoff), rate)?;
        let less = || format!("at most that of the point before ({})", last.false_cutoff_bound);
        require(&place("falseCutoffBound"), bound <= last.false_cutoff_bound, less, bound)?;
    }
    Ok(())
}

fn require(place: &str, holds: bool, expected: impl Fn() -> String, found: impl ToString) -> Result<()> {
    if holds { Ok(()) } else { Err(refused(place, expected(), found)) }
}

fn refused(place: &str, expected: impl Into<String>, found: impl ToString) -> Error {
    let expected = format!("have {place} {}", expected.into());
    Error::ConfigValue { key: "calibration", expected, found: found.to_string() }
}

fn option_error(option: &'static str, expected: String, found: impl ToString) -> Error {
    Error::Option { option, expected, found: found.to_string() }
}

#[cfg(test)]
pub(crate) mod tests;
