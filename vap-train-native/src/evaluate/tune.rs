//! Thresholds for the event machine from scored dialogues of the dev split.

use vap_core::Policy;
use vap_core::metrics::{Confusion, SilenceRules, SilenceSpan, SweepGrid, summarise, sweep};

use super::scored::Scored;

/// Policy at which at most 10 % of the pauses are taken for ends, with the lowest mean latency; VAD and backchannel
/// thresholds at the highest balanced accuracy. What cannot be told from the dialogues stays as in `base`.
pub(super) fn policy(scored: &[Scored], base: Policy) -> Policy {
    let mut policy = base;
    let spans: Vec<SilenceSpan> = scored.iter().flat_map(|s| s.spans.clone()).collect();
    let points = sweep(&spans, &SweepGrid::default(), &SilenceRules::default());
    let ms = |seconds: f64| (seconds * 1000.0).round() as u32;
    if let Some(point) = summarise(&points).latency_at_10_percent {
        if let Some(threshold) = point.policy.threshold {
            policy.end_threshold = rounded(threshold);
            policy.eager_threshold = rounded(threshold / 2.0);
        }
        policy.max_silence_ms = ms(point.policy.timeout_s);
        policy.min_silence_ms = ms(point.policy.action_delay_s).min(policy.max_silence_ms - 100);
    }
    if let Some(onset) = best(scored.iter().flat_map(|s| s.vad.iter().copied())) {
        policy.vad_onset = onset;
        policy.vad_offset = (onset * 0.7 * 100.0).round() / 100.0;
    }
    if let Some(threshold) = best(scored.iter().flat_map(|s| s.backchannel.iter().copied())) {
        policy.backchannel_threshold = threshold;
    }
    policy
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
