//! What the agent expects to hear next, and how that moves the end of the user's turn.
//!
//! Somebody who spells a name or reads out a number pauses between the groups; somebody who answers yes or no does
//! not. An expectation is told before the answer and moves four options of the [`Policy`] for the user's turns, so
//! that the same probabilities end a turn later or sooner:
//!
//! | | odds of `endThreshold` and `eagerThreshold` | `minSilenceMs` | `maxSilenceMs` |
//! |---|---|---|---|
//! | `open` | as they are | as it is | as it is |
//! | `yesno` | / 3 | / 2, not below 200 ms | / 2, not below 600 ms |
//! | `digits` | x 3 | x 1.5 | x 1.5 |
//! | `spelling` | x 6 | x 2 | x 2 |
//!
//! The odds of a threshold `t` are `t / (1 - t)`: 0 stays 0, 1 stays 1, and a factor of 3 says that a pause is 3 times
//! as likely, against an end, as in open talk. A value that is below one of the least values already stays as it is,
//! and no time grows beyond 60 s. The figures are chosen, not measured.

use crate::error::{Error, Result};
use crate::policy::{LONGEST_MS, Policy};
use crate::state::{Reader, Writer};

names! {
    /// What the user will probably say next; moves `endThreshold`, `eagerThreshold`, `minSilenceMs` and `maxSilenceMs`
    /// of the user's turns. Chosen, not measured.
    pub enum Expectation {
        /// Anything: the policy as it is.
        Open = "open",
        /// Yes, no or another word or two: odds of the thresholds / 3, silences / 2 (not below 200 and 600 ms).
        YesNo = "yesno",
        /// A number in groups, such as a telephone, a card or a date: odds x 3, silences x 1.5.
        Digits = "digits",
        /// A name or code, letter by letter: odds x 6, silences x 2.
        Spelling = "spelling",
    }
}

/// Least silences that `yesno` shortens to, in ms.
const QUICK_MIN_SILENCE_MS: u32 = 200;
const QUICK_MAX_SILENCE_MS: u32 = 600;

impl Default for Expectation {
    /// The first: `open`.
    fn default() -> Self {
        Expectation::ALL[0]
    }
}

impl Expectation {
    /// The expectation of that name.
    ///
    /// # Errors
    /// [`Error::Option`] by the name `expect` for another.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| Error::Option {
            option: "expect",
            expected: format!("one of {}", Self::ALL.map(Self::name).join(", ")),
            found: name.chars().take(32).collect(),
        })
    }

    /// Writes which it is.
    pub fn save(self, out: &mut Writer) {
        out.count(self as u64);
    }

    /// Reads what [`Expectation::save`] wrote.
    ///
    /// # Errors
    /// [`Error::State`] for none of them.
    pub fn restore(reader: &mut Reader) -> Result<Self> {
        Ok(Self::ALL[reader.count("expectation", Self::ALL.len() as u64 - 1)? as usize])
    }

    /// Factor of the odds of a threshold, and of silences in halves.
    fn shift(self) -> (f64, u64) {
        match self {
            Expectation::Open => (1.0, 2),
            Expectation::YesNo => (1.0 / 3.0, 1),
            Expectation::Digits => (3.0, 3),
            Expectation::Spelling => (6.0, 4),
        }
    }
}

impl Policy {
    /// This policy as it counts for the user's turns under an expectation; valid when this one is, and this one
    /// itself for [`Expectation::Open`].
    pub fn expecting(&self, expectation: Expectation) -> Policy {
        if expectation == Expectation::Open {
            return *self;
        }
        let (odds, halves) = expectation.shift();
        let silence = |ms: u32, quick_ms: u32| {
            let moved = (u64::from(ms) * halves / 2).min(u64::from(LONGEST_MS)) as u32;
            if moved < ms { moved.max(quick_ms.min(ms)) } else { moved }
        };
        let end_threshold = with_odds(self.end_threshold, odds);
        let max_silence_ms = silence(self.max_silence_ms, QUICK_MAX_SILENCE_MS);
        Policy {
            end_threshold,
            eager_threshold: with_odds(self.eager_threshold, odds).min(end_threshold),
            min_silence_ms: silence(self.min_silence_ms, QUICK_MIN_SILENCE_MS)
                .min(max_silence_ms.saturating_sub(1)),
            max_silence_ms,
            ..*self
        }
    }
}

/// A probability whose odds are multiplied.
fn with_odds(probability: f64, factor: f64) -> f64 {
    (probability * factor / (1.0 - probability + probability * factor)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Policy {
        Policy {
            end_threshold: 0.75,
            eager_threshold: 0.5,
            min_silence_ms: 500,
            max_silence_ms: 2000,
            ..Policy::default()
        }
    }

    fn moved(policy: Policy, expectation: Expectation) -> (f64, f64, u32, u32) {
        let Policy { end_threshold, eager_threshold, min_silence_ms, max_silence_ms, .. } =
            policy.expecting(expectation);
        let short = |x: f64| (x * 1e4).round() / 1e4;
        (short(end_threshold), short(eager_threshold), min_silence_ms, max_silence_ms)
    }

    #[test]
    fn the_documented_numbers() {
        assert_eq!(moved(base(), Expectation::Open), (0.75, 0.5, 500, 2000));
        assert_eq!(moved(base(), Expectation::YesNo), (0.5, 0.25, 250, 1000));
        assert_eq!(moved(base(), Expectation::Digits), (0.9, 0.75, 750, 3000));
        assert_eq!(moved(base(), Expectation::Spelling), (0.9474, 0.8571, 1000, 4000));
    }

    #[test]
    fn only_the_end_of_a_turn_moves() {
        for expectation in Expectation::ALL {
            let policy = base().expecting(expectation);
            let Policy { end_threshold, eager_threshold, min_silence_ms, max_silence_ms, .. } = base();
            let back = Policy { end_threshold, eager_threshold, min_silence_ms, max_silence_ms, ..policy };
            assert_eq!(back, base());
        }
    }

    #[test]
    fn limits_hold() {
        let at = |min_silence_ms, max_silence_ms| Policy { min_silence_ms, max_silence_ms, ..base() };
        let silences = |policy, expectation| {
            let (_, _, min, max) = moved(policy, expectation);
            (min, max)
        };
        assert_eq!(silences(at(300, 800), Expectation::YesNo), (200, 600));
        assert_eq!(silences(at(100, 400), Expectation::YesNo), (100, 400));
        assert_eq!(silences(at(1300, 1301), Expectation::YesNo), (649, 650));
        assert_eq!(silences(at(0, 20), Expectation::Spelling), (0, 40));
        assert_eq!(silences(at(59_000, 60_000), Expectation::Digits), (59_999, 60_000));
        let edges = Policy { end_threshold: 1.0, eager_threshold: 0.0, ..base() };
        for expectation in Expectation::ALL {
            let policy = edges.expecting(expectation);
            assert_eq!((policy.end_threshold, policy.eager_threshold), (1.0, 0.0));
        }
    }

    #[test]
    fn any_valid_policy_stays_valid_and_in_order() {
        let thresholds = [0.0, 1e-300, 0.01, 0.3, 0.5, 0.773, 0.999, 1.0 - f64::EPSILON, 1.0];
        let times = [0, 1, 19, 20, 21, 199, 200, 201, 400, 599, 600, 601, 1200, 1201, 39_999, 59_999, 60_000];
        for (at, end_threshold) in thresholds.into_iter().enumerate() {
            for eager_threshold in thresholds[..=at].iter().copied() {
                for (at, max_silence_ms) in times.into_iter().enumerate().filter(|(_, max)| *max >= 20) {
                    for min_silence_ms in times[..at].iter().copied() {
                        let base = Policy {
                            end_threshold,
                            eager_threshold,
                            min_silence_ms,
                            max_silence_ms,
                            ..Policy::default()
                        };
                        base.validate().unwrap();
                        let [open, yes_no, digits, spelling] = Expectation::ALL.map(|e| base.expecting(e));
                        for (quicker, slower) in [(yes_no, open), (open, digits), (digits, spelling)] {
                            slower.validate().unwrap_or_else(|error| panic!("{base:?}: {error}"));
                            quicker.validate().unwrap_or_else(|error| panic!("{base:?}: {error}"));
                            assert!(quicker.end_threshold <= slower.end_threshold, "{base:?}");
                            assert!(quicker.eager_threshold <= slower.eager_threshold, "{base:?}");
                            assert!(quicker.min_silence_ms <= slower.min_silence_ms, "{base:?}");
                            assert!(quicker.max_silence_ms <= slower.max_silence_ms, "{base:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_those_of_json_and_others_are_refused() {
        for expectation in Expectation::ALL {
            assert_eq!(Expectation::from_name(expectation.name()).unwrap(), expectation);
            let json = serde_json::to_string(&expectation).unwrap();
            assert_eq!(json, format!("\"{}\"", expectation.name()));
        }
        let error = Expectation::from_name("letters").unwrap_err();
        let expected = "option expect: expected one of open, yesno, digits, spelling, found letters";
        assert_eq!(error.to_string(), expected);
        assert!(Expectation::from_name(&"ä".repeat(1_000_000)).unwrap_err().to_string().len() < 200);
    }
}
