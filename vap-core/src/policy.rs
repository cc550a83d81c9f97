//! When the event machine speaks up: plain thresholds and times, as data.
//!
//! A policy travels with the weights and is what calibration tunes. Partial JSON is allowed (what is left out keeps
//! its default), unknown names are refused, and [`Policy::validate`] says which option is wrong and why.

use crate::error::{Error, Result};
use crate::state::{Reader, Writer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Thresholds (0 to 1) and times (ms, counted in whole hops of 20 ms) of the event machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// VAD probability at which a channel becomes loud; above 0.
    pub vad_onset: f64,
    /// VAD probability below which a loud channel becomes quiet; above 0, at most `vadOnset`.
    pub vad_offset: f64,
    /// Sound at or above `vadOnset` before it counts as speech, in ms; at least 40, so one hot frame starts nothing.
    pub min_speech_ms: u32,
    /// Quiet before speech counts as ended, in ms.
    pub min_pause_ms: u32,
    /// End-of-turn probability for `eagerEndOfTurn`; at most `endThreshold`.
    pub eager_threshold: f64,
    /// End-of-turn probability for `endOfTurn`; 0 ends every turn at `minSilenceMs`.
    pub end_threshold: f64,
    /// Time constant of the running mean of the end-of-turn probability, in ms; 0 takes it as it comes.
    pub eot_smoothing_ms: u32,
    /// How long speech may go on after an eager end raised within it before that end is taken back, in ms.
    pub eager_hold_ms: u32,
    /// Silence below which the model alone never ends a turn, in ms; under `maxSilenceMs`.
    pub min_silence_ms: u32,
    /// Silence that ends a turn whatever the model says, in ms.
    pub max_silence_ms: u32,
    /// Mean backchannel probability over a sound that makes it a backchannel.
    pub backchannel_threshold: f64,
    /// Longest sound that can be a backchannel, in ms.
    pub max_backchannel_ms: u32,
    /// How long a sound in the other's turn is listened to before it is judged, in ms; at most `maxBackchannelMs`.
    pub decide_ms: u32,
    /// Overlap probability a hop needs, besides two loud channels, for `overlapStart`; 0 leaves it to the VADs.
    pub overlap_threshold: f64,
    /// Sound of both at once before it is an overlap, or a claim an interruption, in ms.
    pub min_overlap_ms: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            vad_onset: 0.5,
            vad_offset: 0.35,
            min_speech_ms: 100,
            min_pause_ms: 200,
            eager_threshold: 0.5,
            end_threshold: 0.7,
            eot_smoothing_ms: 40,
            eager_hold_ms: 500,
            min_silence_ms: 200,
            max_silence_ms: 2000,
            backchannel_threshold: 0.5,
            max_backchannel_ms: 1000,
            decide_ms: 400,
            overlap_threshold: 0.4,
            min_overlap_ms: 100,
        }
    }
}

/// Longest time any option takes, in ms.
pub(crate) const LONGEST_MS: u32 = 60_000;

/// What can be asked instead of thresholds: the name of [`crate::calibration::Ask::MaxFalseCutoff`].
pub(crate) const MAX_FALSE_CUTOFF: &str = "maxFalseCutoff";
/// The name of [`crate::calibration::Ask::MeanLatencyMs`].
pub(crate) const MEAN_LATENCY_MS: &str = "meanLatencyMs";
/// The name of [`crate::calibration::Ask::Preset`].
pub(crate) const PRESET: &str = "preset";

/// What can be asked of a policy, one at a time, and what it means.
pub const ASKS: [(&str, &str); 3] = [
    (
        MAX_FALSE_CUTOFF,
        "At most this share of the user's pauses taken for the end of the turn (0 to 1), as fast as that allows. \
         Solved from the figures that travel with the weights, held against their upper bound at 90 % confidence.",
    ),
    (
        MEAN_LATENCY_MS,
        "At most this mean silence before `endOfTurn`, in ms, with as few false cut-offs as that allows.",
    ),
    (PRESET, "The point of the calibration that is cheapest by the price of that preset."),
];

type Threshold = (&'static str, fn(&mut Policy) -> &mut f64);
type Time = (&'static str, fn(&mut Policy) -> &mut u32, u32);

/// How many thresholds, the first, must be above 0: else a loud channel would never be quiet again.
const ABOVE: usize = 2;

/// Name and place of each threshold.
const THRESHOLDS: [Threshold; 6] = [
    ("vadOnset", |p| &mut p.vad_onset),
    ("vadOffset", |p| &mut p.vad_offset),
    ("eagerThreshold", |p| &mut p.eager_threshold),
    ("endThreshold", |p| &mut p.end_threshold),
    ("backchannelThreshold", |p| &mut p.backchannel_threshold),
    ("overlapThreshold", |p| &mut p.overlap_threshold),
];

/// Name, place and least value of each time.
const TIMES: [Time; 9] = [
    ("minSpeechMs", |p| &mut p.min_speech_ms, 40),
    ("minPauseMs", |p| &mut p.min_pause_ms, 20),
    ("eotSmoothingMs", |p| &mut p.eot_smoothing_ms, 0),
    ("eagerHoldMs", |p| &mut p.eager_hold_ms, 0),
    ("minSilenceMs", |p| &mut p.min_silence_ms, 0),
    ("maxSilenceMs", |p| &mut p.max_silence_ms, 20),
    ("maxBackchannelMs", |p| &mut p.max_backchannel_ms, 20),
    ("decideMs", |p| &mut p.decide_ms, 0),
    ("minOverlapMs", |p| &mut p.min_overlap_ms, 20),
];

/// Pairs of options of which the first is at most the second; where the flag says so, less.
pub const ORDERED: [(&str, &str, bool); 4] = [
    ("vadOffset", "vadOnset", false),
    ("eagerThreshold", "endThreshold", false),
    ("minSilenceMs", "maxSilenceMs", true),
    ("decideMs", "maxBackchannelMs", false),
];

/// What an option of the policy may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Name of the option.
    pub option: &'static str,
    /// The least it may be.
    pub least: f64,
    /// The least is itself left out.
    pub above: bool,
    /// The most it may be.
    pub most: f64,
}

impl Policy {
    /// What each option may be by itself: thresholds, then times.
    pub fn limits() -> impl Iterator<Item = Limit> {
        let thresholds = THRESHOLDS.iter().enumerate();
        let thresholds =
            thresholds.map(|(at, (option, _))| Limit { option, least: 0.0, above: at < ABOVE, most: 1.0 });
        let times = TIMES.iter().map(|(option, _, least)| Limit {
            option,
            least: f64::from(*least),
            above: false,
            most: f64::from(LONGEST_MS),
        });
        thresholds.chain(times)
    }

    /// Checks every value, and those that bound each other.
    ///
    /// # Errors
    /// [`Error::Option`] with the option's camelCase name, what is allowed and what was found.
    pub fn validate(&self) -> Result<()> {
        for Limit { option, least, above, most } in Policy::limits() {
            let found = self.value(option);
            let inside = (least..=most).contains(&found) && !(above && found == least);
            let expected = || match (above, most > 1.0) {
                (true, _) => format!("above {least} and at most {most}"),
                (false, true) => format!("{least} to {most} ms"),
                (false, false) => format!("{least} to {most}"),
            };
            require(option, inside, expected, found)?;
        }
        for (low, high, less) in ORDERED {
            let (found, most) = (self.value(low), self.value(high));
            let words = if less { "less than" } else { "at most" };
            let inside = if less { found < most } else { found <= most };
            require(low, inside, || format!("{words} {high} ({most})"), found)?;
        }
        Ok(())
    }

    /// An option by its name; NaN, which is inside no limit, for a name that is none.
    fn value(&self, option: &str) -> f64 {
        let mut copy = *self;
        let threshold = THRESHOLDS.iter().find(|(name, _)| *name == option);
        let time = TIMES.iter().find(|(name, ..)| *name == option);
        match (threshold, time) {
            (Some((_, place)), _) => *place(&mut copy),
            (_, Some((_, place, _))) => f64::from(*place(&mut copy)),
            _ => f64::NAN,
        }
    }

    /// This policy with some thresholds and times changed, checked. What a user wrote goes through
    /// [`crate::calibration::resolve`], which also knows what can be asked.
    ///
    /// # Errors
    /// [`Error::Option`] for an unknown name (option `policy`), a value of the wrong kind, or a policy that
    /// [`Policy::validate`] refuses.
    pub fn with(&self, changes: &Map<String, Value>) -> Result<Policy> {
        let mut policy = *self;
        for (name, value) in changes {
            let threshold = THRESHOLDS.iter().find(|(known, _)| known == name);
            let time = TIMES.iter().find(|(known, ..)| known == name);
            let wrong = |option, expected: &str| Error::Option {
                option,
                expected: expected.into(),
                found: value.to_string(),
            };
            if let Some((option, place)) = threshold {
                *place(&mut policy) = value.as_f64().ok_or_else(|| wrong(option, "a number"))?;
            } else if let Some((option, place, _)) = time {
                let whole = value.as_u64().and_then(|ms| u32::try_from(ms).ok());
                *place(&mut policy) = whole.ok_or_else(|| wrong(option, "a whole number of ms"))?;
            } else {
                let names = THRESHOLDS.iter().map(|t| t.0).chain(TIMES.iter().map(|t| t.0));
                let names: Vec<_> = names.chain(ASKS.map(|(ask, _)| ask)).collect();
                let expected = format!("one of {}", names.join(", "));
                return Err(Error::Option { option: "policy", expected, found: name.clone() });
            }
        }
        policy.validate()?;
        Ok(policy)
    }

    /// Writes every threshold and time, in the order of the tables.
    pub fn save(&self, out: &mut Writer) {
        let mut policy = *self;
        THRESHOLDS.iter().for_each(|(_, place)| out.number(*place(&mut policy)));
        TIMES.iter().for_each(|(_, place, _)| out.count((*place(&mut policy)).into()));
    }

    /// Reads what [`Policy::save`] wrote, checked.
    ///
    /// # Errors
    /// [`Error::State`] for a policy that [`Policy::validate`] refuses.
    pub fn restore(reader: &mut Reader) -> Result<Self> {
        let mut policy = Policy::default();
        for (name, place) in THRESHOLDS {
            *place(&mut policy) = reader.number(name)?;
        }
        for (name, place, _) in TIMES {
            *place(&mut policy) = reader.count(name, LONGEST_MS.into())? as u32;
        }
        policy.validate().map_err(|_| Error::State("a policy"))?;
        Ok(policy)
    }
}

fn require(
    option: &'static str,
    holds: bool,
    expected: impl Fn() -> String,
    found: impl ToString,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Option { option, expected: expected(), found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(changes: Value) -> Result<Policy> {
        Policy::default().with(changes.as_object().unwrap())
    }

    fn refused(changes: Value) -> (&'static str, String, String) {
        match changed(changes.clone()) {
            Err(Error::Option { option, expected, found }) => (option, expected, found),
            other => panic!("{changes}: {other:?}"),
        }
    }

    #[test]
    fn default_is_valid_and_survives_json() {
        let policy = Policy::default();
        policy.validate().unwrap();
        let json = serde_json::to_string(&policy).unwrap();
        assert!(json.contains("\"maxSilenceMs\":2000") && json.contains("\"endThreshold\":0.7"), "{json}");
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    }

    #[test]
    fn is_restored_to_the_bit() {
        let policy = Policy { vad_onset: 0.1 + 0.7, end_threshold: 1.0 / 3.0 + 0.5, ..Policy::default() };
        let mut out = Writer::new(0);
        policy.save(&mut out);
        let bytes = out.finish();
        assert_eq!(Policy::restore(&mut Reader::new(&bytes, 0).unwrap()).unwrap(), policy);
        let mut out = Writer::new(0);
        Policy { min_silence_ms: 60_000, max_silence_ms: 60_000, ..policy }.save(&mut out);
        let bytes = out.finish();
        assert_eq!(Policy::restore(&mut Reader::new(&bytes, 0).unwrap()).unwrap_err().code(), "state");
    }

    #[test]
    fn every_option_is_in_a_table() {
        let Value::Object(all) = serde_json::to_value(Policy::default()).unwrap() else { panic!() };
        let mut named: Vec<_> = THRESHOLDS.iter().map(|t| t.0).chain(TIMES.iter().map(|t| t.0)).collect();
        named.sort_unstable();
        let mut keys: Vec<_> = all.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(named, keys);
        for (name, place) in THRESHOLDS {
            assert_eq!(all[name], json!(*place(&mut Policy::default())), "{name}");
        }
        for (name, place, _) in TIMES {
            assert_eq!(all[name], json!(*place(&mut Policy::default())), "{name}");
        }
    }

    #[test]
    fn unknown_names_are_refused_on_both_ways_in() {
        assert!(serde_json::from_str::<Policy>(r#"{"endTreshold":0.5}"#).is_err());
        let (option, expected, found) = refused(json!({ "endTreshold": 0.5 }));
        assert_eq!((option, found.as_str()), ("policy", "endTreshold"));
        assert!(expected.contains("endThreshold"), "{expected}");
    }

    #[test]
    fn partial_changes_keep_the_rest() {
        let policy = changed(json!({ "maxSilenceMs": 900, "endThreshold": 0.9 })).unwrap();
        assert_eq!(policy, Policy { max_silence_ms: 900, end_threshold: 0.9, ..Policy::default() });
        assert_eq!(changed(json!({})).unwrap(), Policy::default());
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (name, _) in THRESHOLDS {
            for value in [json!(-0.01), json!(1.01)] {
                let (option, _, found) = refused(json!({ name: value }));
                assert_eq!((option, found), (name, value.to_string()));
            }
        }
        for (name, _, least) in TIMES {
            assert_eq!(refused(json!({ name: LONGEST_MS + 1 })).0, name);
            if least > 0 {
                assert_eq!(refused(json!({ name: least - 1 })).0, name);
            }
        }
        assert_eq!(refused(json!({ "vadOffset": 0.0 })).0, "vadOffset");
    }

    #[test]
    fn nan_is_refused() {
        type Change = fn(&mut Policy);
        let changes: [(&str, Change); 6] = [
            ("vadOnset", |p| p.vad_onset = f64::NAN),
            ("vadOffset", |p| p.vad_offset = f64::NAN),
            ("eagerThreshold", |p| p.eager_threshold = f64::NAN),
            ("endThreshold", |p| p.end_threshold = f64::NAN),
            ("backchannelThreshold", |p| p.backchannel_threshold = f64::NAN),
            ("overlapThreshold", |p| p.overlap_threshold = f64::INFINITY),
        ];
        for (name, change) in changes {
            let mut policy = Policy::default();
            change(&mut policy);
            assert!(
                matches!(policy.validate(), Err(Error::Option { option, .. }) if option == name),
                "{name}"
            );
        }
    }

    #[test]
    fn values_of_the_wrong_kind_are_named() {
        for (name, value) in [("decideMs", json!(1.5)), ("decideMs", json!(-1)), ("vadOnset", json!("0.5"))] {
            assert_eq!(refused(json!({ name: value })).0, name);
        }
        assert_eq!(refused(json!({ "endThreshold": null })).2, "null");
    }

    #[test]
    fn options_that_bound_each_other() {
        let cases = [
            (json!({ "vadOnset": 0.5, "vadOffset": 0.51 }), json!({ "vadOnset": 0.5, "vadOffset": 0.5 })),
            (json!({ "eagerThreshold": 0.71 }), json!({ "eagerThreshold": 0.7 })),
            (
                json!({ "minSilenceMs": 600, "maxSilenceMs": 600 }),
                json!({ "minSilenceMs": 600, "maxSilenceMs": 601 }),
            ),
            (json!({ "decideMs": 1001 }), json!({ "decideMs": 1000 })),
        ];
        for (wrong, right) in cases {
            let (option, expected, _) = refused(wrong.clone());
            assert!(wrong.get(option).is_some() && expected.contains('('), "{wrong}: {option}, {expected}");
            changed(right).unwrap();
        }
    }
}
