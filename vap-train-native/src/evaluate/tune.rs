//! Thresholds for the event machine from scored dialogues of the dev split.

use vap_core::metrics::Confusion;
use vap_core::{Ask, Policy};

use super::Tuned;
use super::calibrate::calibrate;
use super::scored::Scored;
use crate::error::{Error, Result};

/// False cut-offs of the policy that ships; more are asked for by the user.
const MAX_FALSE_CUTOFF: f64 = 0.1;

/// VAD and backchannel thresholds at the highest balanced accuracy, the calibration of the event machine with them, and
/// the policy for at most 10 % false cut-offs, or the most cautious there is. What cannot be told stays as in `base`.
///
/// # Errors
/// [`Error::Core`] when `base` is no valid policy.
pub(super) fn tune(scored: &mut [Scored], base: Policy) -> Result<Tuned> {
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
