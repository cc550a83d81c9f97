//! A silence of the user, and how long to wait in it (livekit/eot-bench): spans of silence with end-of-turn scores,
//! what counts of them, and policies.

/// A silence of the user: a pause within a turn, or the end of one.
#[derive(Debug, Clone, PartialEq)]
pub struct SilenceSpan {
    /// Time until the same user speaks again, in s; infinite when that does not happen.
    pub until_speech_s: f64,
    /// Whether the turn ended here; else the user goes on and whoever speaks before that cuts in.
    pub end: bool,
    /// End-of-turn score each `score_step_s` of the silence, the first one step into it; causal.
    pub scores: Vec<f32>,
}

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SilenceRules {
    /// Shortest pause that counts, in s.
    pub min_pause_s: f64,
    /// Longest pause that counts, in s.
    pub max_pause_s: f64,
    /// Time from score to score, in s.
    pub score_step_s: f64,
    /// An end is found when the policy fires at most this late, in s.
    pub recall_within_s: f64,
}

impl Default for SilenceRules {
    fn default() -> Self {
        SilenceRules { min_pause_s: 0.2, max_pause_s: 5.0, score_step_s: 0.1, recall_within_s: 3.0 }
    }
}

/// When to take a silence for the end of the turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SilencePolicy {
    /// Fire when the latest score is at or above this; `None` waits for the timeout alone.
    pub threshold: Option<f32>,
    /// Not before this much silence, in s.
    pub action_delay_s: f64,
    /// In any case after this much silence, in s.
    pub timeout_s: f64,
}

impl SilencePolicy {
    /// Silence after which it fires, in s.
    pub(super) fn fires_s(&self, scores: &[f32], step_s: f64) -> f64 {
        let Some(threshold) = self.threshold else { return self.timeout_s };
        // Steps are multiplied, not added up, and compared with a margin: 3 * 0.1 is not 0.3.
        let time_s = |at: usize| (at + 1) as f64 * step_s;
        let superseded = |at: usize| at + 1 < scores.len() && time_s(at + 1) <= self.action_delay_s + 1e-9;
        let fired = (0..scores.len()).find(|&at| scores[at] >= threshold && !superseded(at));
        fired.map_or(self.timeout_s, |at| time_s(at).max(self.action_delay_s).min(self.timeout_s))
    }
}

/// A policy and what it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// The policy.
    pub policy: SilencePolicy,
    /// Share of the pauses in which it fires before the user goes on.
    pub false_cutoff_rate: f64,
    /// Mean silence after which it fires at the ends of turns, in s; an end counts also when the user speaks first.
    pub mean_latency_s: f64,
    /// Share of the ends at which it fires in time and before the user speaks again.
    pub recall: f64,
}

/// Policies to try: every combination.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepGrid {
    /// Thresholds.
    pub thresholds: Vec<f32>,
    /// Action delays, in s.
    pub action_delays_s: Vec<f64>,
    /// Timeouts, in s.
    pub timeouts_s: Vec<f64>,
}

impl Default for SweepGrid {
    /// Thresholds 0.01 to 0.99 by 0.01, delays 0.2 to 1.0 s and timeouts 1.0 to 3.5 s by 0.1 s.
    fn default() -> Self {
        let tenths = |from: u8, to: u8| (from..=to).map(|tenths| f64::from(tenths) / 10.0).collect();
        SweepGrid {
            thresholds: (1..=99u8).map(|percent| f32::from(percent) / 100.0).collect(),
            action_delays_s: tenths(2, 10),
            timeouts_s: tenths(10, 35),
        }
    }
}

impl SweepGrid {
    /// Every combination.
    pub fn policies(&self) -> Vec<SilencePolicy> {
        let mut policies = Vec::new();
        for &threshold in &self.thresholds {
            for &action_delay_s in &self.action_delays_s {
                let of = |&timeout_s| SilencePolicy { threshold: Some(threshold), action_delay_s, timeout_s };
                policies.extend(self.timeouts_s.iter().map(of));
            }
        }
        policies
    }
}
