//! Counts of one policy over silences, so that the figures of many draws of dialogues are sums; and the timeout on a
//! detector that hears the silence itself, as a voice activity detector does.

use super::share;
use super::silence_policy::{OperatingPoint, SilencePolicy, SilenceRules, SilenceSpan};

/// What a policy does in the silences of one dialogue.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SilenceCounts {
    /// Pauses that count.
    pub pauses: u32,
    /// Those of them in which it fires before the user goes on.
    pub cut: u32,
    /// Ends of turns.
    pub ends: u32,
    /// Those of them at which it fires in time and before the user speaks again.
    pub found: u32,
    /// Silence after which it fires at the ends, all together, in s.
    pub latency_s: f64,
}

impl SilenceCounts {
    /// Counts of a policy on end-of-turn scores.
    ///
    /// A pause counts when its length is in `min_pause_s..=max_pause_s`. It is cut when the policy fires before its
    /// end; at its very end the user already speaks.
    pub fn of_policy(spans: &[SilenceSpan], policy: SilencePolicy, rules: &SilenceRules) -> Self {
        Self::of(spans, rules, |span| policy.fires_s(&span.scores, rules.score_step_s))
    }

    /// Counts of a timeout on what a detector hears: `scores` are how long it has heard silence, in s, each
    /// `score_step_s` of the true silence. It fires when that reaches `timeout_s`; where the scores end before,
    /// when it would if the silence went on.
    ///
    /// ```
    /// use vap_train_native::evaluation::metrics::{SilenceCounts, SilenceRules, SilenceSpan};
    /// // Hears the last 0.1 s of speech as silence already, so it fires 0.1 s early.
    /// let heard = SilenceSpan { until_speech_s: 2.0, end: true, scores: vec![0.2, 0.3, 0.4] };
    /// let counts = SilenceCounts::of_timeout(&[heard], 0.5, &SilenceRules::default());
    /// assert!((counts.latency_s - 0.4).abs() < 1e-6);
    /// ```
    pub fn of_timeout(spans: &[SilenceSpan], timeout_s: f64, rules: &SilenceRules) -> Self {
        Self::of(spans, rules, |span| {
            let heard = |at: usize| f64::from(span.scores[at]);
            let time_s = |at: usize| (at + 1) as f64 * rules.score_step_s;
            let fired = (0..span.scores.len()).find(|&at| heard(at) >= timeout_s - 1e-6).map(time_s);
            let so_far = span.scores.len().checked_sub(1).map_or((0.0, 0.0), |at| (time_s(at), heard(at)));
            fired.unwrap_or(so_far.0 + timeout_s - so_far.1)
        })
    }

    fn of(spans: &[SilenceSpan], rules: &SilenceRules, fires_s: impl Fn(&SilenceSpan) -> f64) -> Self {
        let mut counts = SilenceCounts::default();
        for span in spans {
            let fires_s = fires_s(span);
            // Score times carry rounding: 3 * 0.1 must not miss the end of a span of 0.3 s.
            let before_speech = fires_s < span.until_speech_s - 1e-9;
            if span.end {
                counts.ends += 1;
                counts.latency_s += fires_s;
                counts.found += u32::from(before_speech && fires_s <= rules.recall_within_s + 1e-9);
            } else if (rules.min_pause_s..=rules.max_pause_s).contains(&span.until_speech_s) {
                counts.pauses += 1;
                counts.cut += u32::from(before_speech);
            }
        }
        counts
    }

    /// Adds the counts of another dialogue, `times` over.
    pub fn add(&mut self, other: &SilenceCounts, times: u32) {
        self.pauses += times * other.pauses;
        self.cut += times * other.cut;
        self.ends += times * other.ends;
        self.found += times * other.found;
        self.latency_s += f64::from(times) * other.latency_s;
    }

    /// The point of the policy; `None` unless there are both pauses that count and ends.
    pub fn point(&self, policy: SilencePolicy) -> Option<OperatingPoint> {
        Some(OperatingPoint {
            policy,
            false_cutoff_rate: share(self.cut as usize, self.pauses as usize)?,
            mean_latency_s: (self.ends > 0).then(|| self.latency_s / f64::from(self.ends))?,
            recall: share(self.found as usize, self.ends as usize)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: SilenceRules =
        SilenceRules { min_pause_s: 0.2, max_pause_s: 5.0, score_step_s: 0.02, recall_within_s: 3.0 };

    fn span(until_speech_s: f64, end: bool, scores: Vec<f32>) -> SilenceSpan {
        SilenceSpan { until_speech_s, end, scores }
    }

    /// How long a perfect detector hears silence, each 20 ms.
    fn perfect(hops: usize) -> Vec<f32> {
        (1..=hops).map(|hop| hop as f32 * 0.02).collect()
    }

    #[test]
    fn a_perfect_detector_is_the_silence_timeout() {
        let spans = [
            span(0.3, false, perfect(15)),
            span(0.6, false, perfect(30)),
            span(f64::INFINITY, true, perfect(100)),
            // The user speaks again before it fires: the latency counts all the same.
            span(0.4, true, perfect(20)),
        ];
        for timeout_s in [0.1, 0.3, 0.5, 0.6, 1.0] {
            let counts = SilenceCounts::of_timeout(&spans, timeout_s, &RULES);
            let policy = SilencePolicy { threshold: None, action_delay_s: timeout_s, timeout_s };
            let expected = super::super::silence_timeout(&spans, timeout_s, &RULES).unwrap();
            let found = counts.point(policy).unwrap();
            assert_eq!(found.false_cutoff_rate, expected.false_cutoff_rate, "{timeout_s}");
            assert!((found.mean_latency_s - expected.mean_latency_s).abs() < 1e-6, "{timeout_s}");
            assert_eq!(found.recall, expected.recall, "{timeout_s}");
        }
    }

    #[test]
    fn hangover_and_noise_delay_it() {
        // Speech for 0.1 s more, then silence, broken by noise at 0.3 s.
        let mut heard = vec![0.0; 5];
        heard.extend(perfect(10));
        heard.extend(perfect(50));
        let spans = [span(f64::INFINITY, true, heard), span(0.5, false, vec![0.0; 25])];
        let latency = |timeout_s| SilenceCounts::of_timeout(&spans, timeout_s, &RULES).latency_s;
        assert!((latency(0.2) - 0.3).abs() < 1e-6);
        assert!((latency(0.22) - 0.52).abs() < 1e-6);
        // What it hears as speech throughout is never cut.
        assert_eq!(SilenceCounts::of_timeout(&spans, 0.1, &RULES).cut, 0);
    }

    #[test]
    fn counts_add_up() {
        let policy = SilencePolicy { threshold: Some(0.5), action_delay_s: 0.2, timeout_s: 2.0 };
        let rules = SilenceRules::default();
        let (a, b) = ([span(0.5, false, vec![0.9; 5])], [span(f64::INFINITY, true, vec![0.1, 0.1, 0.6])]);
        let mut all = SilenceCounts::of_policy(&a, policy, &rules);
        assert_eq!(all.point(policy), None, "no ends");
        all.add(&SilenceCounts::of_policy(&b, policy, &rules), 2);
        assert_eq!((all.pauses, all.cut, all.ends, all.found), (1, 1, 2, 2));
        assert!((all.point(policy).unwrap().mean_latency_s - 0.3).abs() < 1e-9);
    }
}
