//! How long to wait in a silence (livekit/eot-bench): spans of silence with end-of-turn scores come in; how often
//! a policy cuts the user off, and how late it answers, go out. Beside it the same for silence alone.

use super::silence_counts::SilenceCounts;
use super::silence_policy::{OperatingPoint, SilencePolicy, SilenceRules, SilenceSpan, SweepGrid};

/// Applies a policy to the spans, counted as [`SilenceCounts::of_policy`]; `None` unless there are both pauses that
/// count and ends.
pub fn evaluate(
    spans: &[SilenceSpan],
    policy: SilencePolicy,
    rules: &SilenceRules,
) -> Option<OperatingPoint> {
    SilenceCounts::of_policy(spans, policy, rules).point(policy)
}

/// The baseline: fire after `timeout_s` of silence, whatever was said.
pub fn silence_timeout(
    spans: &[SilenceSpan],
    timeout_s: f64,
    rules: &SilenceRules,
) -> Option<OperatingPoint> {
    let policy = SilencePolicy { threshold: None, action_delay_s: timeout_s, timeout_s };
    evaluate(spans, policy, rules)
}

/// Every policy of the grid on the spans; empty unless there are both pauses that count and ends.
pub fn sweep(spans: &[SilenceSpan], grid: &SweepGrid, rules: &SilenceRules) -> Vec<OperatingPoint> {
    grid.policies().into_iter().filter_map(|policy| evaluate(spans, policy, rules)).collect()
}

/// The line of silence alone: timeouts of 0.1 to 3.5 s by 0.01 s.
pub fn silence_sweep(spans: &[SilenceSpan], rules: &SilenceRules) -> Vec<OperatingPoint> {
    let timeouts = (10..=350u16).map(|hundredths| f64::from(hundredths) / 100.0);
    timeouts.filter_map(|timeout_s| silence_timeout(spans, timeout_s, rules)).collect()
}

/// The published operating points; `None` where no policy meets the budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepSummary {
    /// Lowest false cut-off rate at a mean latency of at most 0.3 s.
    pub cutoff_at_300_ms: Option<OperatingPoint>,
    /// Lowest false cut-off rate at a mean latency of at most 0.6 s.
    pub cutoff_at_600_ms: Option<OperatingPoint>,
    /// Lowest mean latency at a false cut-off rate of at most 5 %.
    pub latency_at_5_percent: Option<OperatingPoint>,
    /// Lowest mean latency at a false cut-off rate of at most 10 %.
    pub latency_at_10_percent: Option<OperatingPoint>,
}

/// Picks the published operating points; among equals the one that is lower in the other figure.
pub fn summarise(points: &[OperatingPoint]) -> SweepSummary {
    let cutoff = |point: &OperatingPoint| point.false_cutoff_rate;
    let latency = |point: &OperatingPoint| point.mean_latency_s;
    let cutoff_at = |budget_s: f64| lowest(points, cutoff, latency, budget_s);
    let latency_at = |budget: f64| lowest(points, latency, cutoff, budget);
    SweepSummary {
        cutoff_at_300_ms: cutoff_at(0.3),
        cutoff_at_600_ms: cutoff_at(0.6),
        latency_at_5_percent: latency_at(0.05),
        latency_at_10_percent: latency_at(0.10),
    }
}

fn lowest(
    points: &[OperatingPoint],
    of: impl Fn(&OperatingPoint) -> f64,
    within: impl Fn(&OperatingPoint) -> f64,
    budget: f64,
) -> Option<OperatingPoint> {
    // A mean of many times 0.3 may be a rounding step above it.
    let affordable = points.iter().filter(|point| within(point) <= budget + 1e-9);
    affordable.min_by(|a, b| of(a).total_cmp(&of(b)).then(within(a).total_cmp(&within(b)))).copied()
}

#[cfg(test)]
mod tests;
