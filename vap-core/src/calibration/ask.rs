//! What a user asks for instead of thresholds, and which point of a curve meets it.

use super::{Figures, option_error};
use crate::error::{Error, Result};
use crate::policy::{LONGEST_MS, MAX_FALSE_CUTOFF, MEAN_LATENCY_MS, PRESET};
use serde_json::Value;

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ask {
    /// At most this share of the pauses cut (0 to 1), by [`Figures::false_cutoff_bound`]; as fast as that allows.
    MaxFalseCutoff(f64),
    /// At most this mean latency, in ms; as few cut-offs as that allows.
    MeanLatencyMs(f64),
    /// The point that is cheapest by a named price; every curve has one.
    Preset(Preset),
}

names! {
    /// Which of the two faults weighs more: to answer late, or to cut the user off.
    ///
    /// A preset is a price: how many ms of waiting at every end of a turn one false cut-off at every pause is worth. It
    /// takes the point of the curve with the least `meanLatencyMs + price * falseCutoff`, the faster of two that cost
    /// the same. So it can be asked of every model with a calibration, and a higher price is never faster on the same
    /// one.
    pub enum Preset {
        /// A cut-off counts as much as 1.2 s of waiting: quick talk, where the user just goes on when cut off.
        Fast = "fast",
        /// As much as 3 s.
        Balanced = "balanced",
        /// As much as 6 s: dictation, care, people who think while they speak.
        Patient = "patient",
    }
}

impl Preset {
    /// What one false cut-off at every pause costs, in ms of waiting at every end.
    pub fn cutoff_price_ms(self) -> f64 {
        match self {
            Preset::Fast => 1200.0,
            Preset::Balanced => 3000.0,
            Preset::Patient => 6000.0,
        }
    }
}

impl Ask {
    /// Name of the option, as a user writes it.
    pub fn option(&self) -> &'static str {
        match self {
            Ask::MaxFalseCutoff(_) => MAX_FALSE_CUTOFF,
            Ask::MeanLatencyMs(_) => MEAN_LATENCY_MS,
            Ask::Preset(_) => PRESET,
        }
    }

    /// Reads the value of an ask.
    pub(super) fn read(option: &'static str, value: &Value) -> Result<Ask> {
        if option == PRESET {
            let preset = Preset::ALL.into_iter().find(|preset| value.as_str() == Some(preset.name()));
            let names = Preset::ALL.map(Preset::name).join(", ");
            let found = value.as_str().map_or_else(|| value.to_string(), Into::into);
            return preset
                .map(Ask::Preset)
                .ok_or_else(|| option_error(option, format!("one of {names}"), found));
        }
        let number = value.as_f64().ok_or_else(|| option_error(option, "a number".into(), value))?;
        Ok(if option == MAX_FALSE_CUTOFF { Ask::MaxFalseCutoff(number) } else { Ask::MeanLatencyMs(number) })
    }

    fn validate(&self) -> Result<()> {
        let (value, most, expected) = match self {
            Ask::MaxFalseCutoff(value) => (*value, 1.0, "0 to 1".to_string()),
            Ask::MeanLatencyMs(value) => (*value, f64::from(LONGEST_MS), format!("0 to {LONGEST_MS} ms")),
            Ask::Preset(_) => return Ok(()),
        };
        if (0.0..=most).contains(&value) { Ok(()) } else { Err(self.refused(expected)) }
    }

    fn refused(&self, expected: String) -> Error {
        match self {
            Ask::MaxFalseCutoff(found) | Ask::MeanLatencyMs(found) => {
                option_error(self.option(), expected, found)
            }
            Ask::Preset(preset) => option_error(self.option(), expected, preset.name()),
        }
    }

    /// The point of a curve (latency rising, cut-offs falling) that meets it best, or why none does.
    pub(super) fn best<'a, P>(&self, curve: &'a [P], expected: impl Fn(&P) -> &Figures) -> Result<&'a P> {
        self.validate()?;
        let met = match self {
            Ask::MaxFalseCutoff(most) => curve.iter().find(|p| expected(p).false_cutoff_bound <= *most),
            Ask::MeanLatencyMs(most) => curve.iter().rfind(|p| expected(p).mean_latency_ms <= *most),
            Ask::Preset(preset) => {
                let cost = |p: &P| {
                    let Figures { mean_latency_ms, false_cutoff, .. } = expected(p);
                    mean_latency_ms + preset.cutoff_price_ms() * false_cutoff
                };
                curve.iter().min_by(|a, b| cost(a).total_cmp(&cost(b)))
            }
        };
        met.ok_or_else(|| match (self, curve.first(), curve.last()) {
            (Ask::MaxFalseCutoff(_), _, Some(last)) => {
                let Figures { false_cutoff_bound, mean_latency_ms, .. } = expected(last);
                self.refused(format!(
                    "at least {false_cutoff_bound}, the best this model can promise (mean latency {mean_latency_ms} ms)"
                ))
            }
            (Ask::MeanLatencyMs(_), Some(first), _) => {
                let Figures { false_cutoff, mean_latency_ms, .. } = expected(first);
                self.refused(format!(
                    "at least {mean_latency_ms} ms, the fastest this model was measured at (false cut-offs {false_cutoff})"
                ))
            }
            _ => self.refused("a calibration with points".into()),
        })
    }
}
