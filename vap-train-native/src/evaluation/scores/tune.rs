//! Thresholds from scored dialogues that are not reported on: those of the event machine, and those of the 2022 papers'
//! weighted F1.

use vap_core::{Ask, Calibration, Policy};

use super::foresight::{BACKCHANNEL_PREDICTION, Foresight, LONG_SHORT, SHIFT_HOLD, SHIFT_PREDICTION};
use super::scored::Scored;
use super::thresholds::Thresholds;
use super::truth::Truth;
use crate::error::{Error, Result};
use crate::evaluation::calibration::calibrate::calibrate;
use crate::evaluation::metrics::{Confusion, best_weighted_f1};
use crate::labels::reference_events::EventConfig;

/// False cut-offs of the policy that ships; more are asked for by the user.
const MAX_FALSE_CUTOFF: f64 = 0.1;

/// What a model file is exported with.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// At most 10 % false cut-offs, where the dialogues can tell.
    pub policy: Policy,
    /// What else can be asked for, or why the dialogues cannot tell.
    pub calibration: Result<Calibration, String>,
}

/// VAD and backchannel thresholds at the highest balanced accuracy, the calibration of the event machine with them, and
/// the policy for at most 10 % false cut-offs, or the most cautious there is. What cannot be told stays as in `base`.
///
/// # Errors
/// [`Error::Core`] when `base` is no valid policy.
pub fn tune(scored: &mut [Scored], base: Policy) -> Result<Tuned> {
    let mut policy = base;
    if let Some(onset) = best(scored.iter().flat_map(|s| s.vad.iter().copied())) {
        policy.vad_onset = onset;
        policy.vad_offset = (onset * 0.7 * 100.0).round() / 100.0;
    }
    if let Some(threshold) = best(scored.iter().flat_map(|s| s.backchannel.iter().copied())) {
        policy.backchannel_threshold = threshold;
    }
    let alone: Vec<_> = scored.iter_mut().map(|s| std::mem::take(&mut s.alone)).collect();
    let calibration = match calibrate(&alone, &policy) {
        Ok(calibration) => calibration,
        Err(Error::Data(reason)) => return Ok(Tuned { policy, calibration: Err(reason) }),
        Err(other) => return Err(other),
    };
    let asked = calibration.solve(&policy, Ask::MaxFalseCutoff(MAX_FALSE_CUTOFF));
    let solution = asked.or_else(|_| {
        let least = calibration.points.last().map_or(1.0, |point| point.expected.false_cutoff_bound);
        calibration.solve(&policy, Ask::MaxFalseCutoff(least))
    })?;
    Ok(Tuned { policy: solution.policy, calibration: Ok(calibration) })
}

/// The threshold with the highest balanced accuracy, by 0.05.
fn best(pairs: impl Iterator<Item = (f32, bool)>) -> Option<f64> {
    let pairs: Vec<(f32, bool)> = pairs.collect();
    let at = |twentieths: u8| {
        let threshold = f32::from(twentieths) / 20.0;
        Some((Confusion::at(threshold, &pairs).balanced_accuracy()?, rounded(threshold)))
    };
    (1..20).filter_map(at).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, threshold)| threshold)
}

fn rounded(threshold: f32) -> f64 {
    (f64::from(threshold) * 100.0).round() / 100.0
}

/// Those with the highest weighted F1 on these dialogues; the papers' own where there is nothing to tune on.
pub fn thresholds(truths: &[Truth], scored: &[Scored], config: &EventConfig) -> Thresholds {
    let best = |foresight: Foresight, otherwise: f32| {
        let each = truths.iter().zip(scored).flat_map(|(truth, scored)| foresight(truth, scored, config));
        let pairs: Vec<(f32, bool)> = each.collect();
        let both = pairs.iter().any(|p| p.1) && pairs.iter().any(|p| !p.1);
        best_weighted_f1(&pairs).filter(|_| both).map_or(otherwise, |(threshold, _)| threshold)
    };
    let published = Thresholds::default();
    Thresholds {
        shift_hold: best(SHIFT_HOLD, published.shift_hold),
        shift_prediction: best(SHIFT_PREDICTION, published.shift_prediction),
        long_short: best(LONG_SHORT, published.long_short),
        backchannel_prediction: best(BACKCHANNEL_PREDICTION, published.backchannel_prediction),
    }
}
