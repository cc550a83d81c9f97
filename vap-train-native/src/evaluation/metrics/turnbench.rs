//! TurnBench's matching (SesameAILabs/turnbench `eval/score.py`, arXiv 2608.25218): times at which a detector
//! fires against times of events and spans in which it must not fire. One speaker and one task at a time.

use super::{quantile, share};

/// A prediction may come this long before the event, or before a negative span.
const EARLY_S: f64 = 0.25;
/// And this long after the event.
const LATE_S: f64 = 3.0;

/// Counts of one task; those of several speakers and dialogues are added up with [`TurnBench::add`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TurnBench {
    /// Events found.
    pub true_positives: usize,
    /// Events missed.
    pub false_negatives: usize,
    /// Negative spans in which it fired.
    pub false_positives: usize,
    /// Negative spans in which it did not.
    pub true_negatives: usize,
    /// Prediction minus event, in s, of each event found; negative when early.
    pub latencies_s: Vec<f64>,
}

/// Quantiles of the latency, in s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// The 10 % quantile.
    pub p10_s: f64,
    /// The median.
    pub p50_s: f64,
    /// The 90 % quantile.
    pub p90_s: f64,
}

impl TurnBench {
    /// Share of events found; `None` without events.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Share of negative spans in which it fired; `None` without spans.
    pub fn fp_rate(&self) -> Option<f64> {
        share(self.false_positives, self.false_positives + self.true_negatives)
    }

    /// Quantiles of the latency; `None` when nothing was found.
    pub fn latency(&self) -> Option<Latency> {
        let of = |share| quantile(&self.latencies_s, share);
        Some(Latency { p10_s: of(0.1)?, p50_s: of(0.5)?, p90_s: of(0.9)? })
    }

    /// Adds the counts of another speaker or dialogue.
    pub fn add(&mut self, other: &TurnBench) {
        self.true_positives += other.true_positives;
        self.false_negatives += other.false_negatives;
        self.false_positives += other.false_positives;
        self.true_negatives += other.true_negatives;
        self.latencies_s.extend(&other.latencies_s);
    }
}

/// Matches predictions with events, all in s, in any order.
///
/// An event at t is searched in [t - 0.25, min(t + 3.0, next event)]; in order of time each takes the earliest
/// prediction there that no other has taken. A negative span `(start, end)` is a false positive, once, when a
/// prediction lies in [start - 0.25, end] that is in no event's window. Predictions in an `excluded` span (no
/// reliable label), its ends included, count for nothing.
pub fn turnbench(
    events_s: &[f64],
    negatives_s: &[(f64, f64)],
    predictions_s: &[f64],
    excluded_s: &[(f64, f64)],
) -> TurnBench {
    let within = |time: f64, (start, end): (f64, f64)| start <= time && time <= end;
    let mut events = events_s.to_vec();
    events.sort_by(f64::total_cmp);
    let mut predictions: Vec<f64> = predictions_s
        .iter()
        .copied()
        .filter(|&time| !excluded_s.iter().any(|&excluded| within(time, excluded)))
        .collect();
    predictions.sort_by(f64::total_cmp);

    let mut score = TurnBench::default();
    let mut taken = vec![false; predictions.len()];
    let mut windows = Vec::with_capacity(events.len());
    for &event in &events {
        let next = events[events.partition_point(|&other| other <= event)..].first();
        let window = (event - EARLY_S, next.map_or(event + LATE_S, |&next| next.min(event + LATE_S)));
        windows.push(window);
        let first = predictions.partition_point(|&time| time < window.0);
        let found =
            (first..predictions.len()).take_while(|&at| predictions[at] <= window.1).find(|&at| !taken[at]);
        match found {
            Some(at) => {
                taken[at] = true;
                score.true_positives += 1;
                score.latencies_s.push(predictions[at] - event);
            }
            None => score.false_negatives += 1,
        }
    }
    // Every prediction that an event took lies in its window.
    let in_window = |time: f64| windows.iter().any(|&window| within(time, window));
    let stray: Vec<f64> = predictions.into_iter().filter(|&time| !in_window(time)).collect();
    for &(start, end) in negatives_s {
        match stray.iter().any(|&time| within(time, (start - EARLY_S, end))) {
            true => score.false_positives += 1,
            false => score.true_negatives += 1,
        }
    }
    score
}

/// The place of the score with the highest recall among those with at most `max_fp_rate` (0.10 when thresholds
/// are chosen on the development set, 0.15 for a test result to count); the first of equals. Scores without
/// negative spans have no such rate and are passed over.
pub fn best_within_fp_rate(scores: &[TurnBench], max_fp_rate: f64) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (at, score) in scores.iter().enumerate() {
        let (Some(recall), Some(fp_rate)) = (score.recall(), score.fp_rate()) else { continue };
        if fp_rate <= max_fp_rate && best.is_none_or(|(_, highest)| recall > highest) {
            best = Some((at, recall));
        }
    }
    best.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(events: &[f64], predictions: &[f64]) -> Vec<f64> {
        turnbench(events, &[], predictions, &[]).latencies_s
    }

    fn fires(span: (f64, f64), predictions: &[f64]) -> bool {
        turnbench(&[], &[span], predictions, &[]).false_positives == 1
    }

    #[test]
    fn window_is_a_quarter_second_early_to_three_seconds_late() {
        assert_eq!(found(&[10.0], &[9.75]), [-0.25]);
        assert!(found(&[10.0], &[9.7499]).is_empty());
        assert_eq!(found(&[10.0], &[13.0]), [3.0]);
        assert!(found(&[10.0], &[13.0001]).is_empty());
    }

    #[test]
    fn window_ends_with_the_next_event() {
        // At 11.0 the earlier event still takes it, and nothing is left for the later one.
        let score = turnbench(&[10.0, 11.0], &[], &[11.0], &[]);
        assert_eq!((score.latencies_s, score.false_negatives), (vec![1.0], 1));
        let later = turnbench(&[10.0, 11.0], &[], &[11.25], &[]);
        assert_eq!((later.latencies_s, later.false_negatives), (vec![0.25], 1));
    }

    #[test]
    fn matching_is_one_to_one_and_earliest_first() {
        assert_eq!(found(&[10.0], &[12.0, 10.5, 11.0]), [0.5]);
        assert_eq!(found(&[10.2, 10.0], &[10.1]).len(), 1);
        let both = found(&[10.2, 10.0], &[10.1, 10.15]);
        assert!((both[0] - 0.1).abs() < 1e-9 && (both[1] + 0.05).abs() < 1e-9, "{both:?}");
        // Two events at one time each need a prediction.
        assert_eq!(found(&[10.0, 10.0], &[10.1]).len(), 1);
        assert_eq!(found(&[10.0, 10.0], &[10.1, 10.2]).len(), 2);
    }

    #[test]
    fn negative_span_fires_once_from_a_quarter_second_before_it() {
        let score = turnbench(&[], &[(5.0, 6.0)], &[5.1, 5.2, 5.9], &[]);
        assert_eq!((score.false_positives, score.true_negatives), (1, 0));
        assert!(fires((5.0, 6.0), &[4.75]) && !fires((5.0, 6.0), &[4.7499]));
        assert!(fires((5.0, 6.0), &[6.0]) && !fires((5.0, 6.0), &[6.0001]));
        assert!(!fires((5.0, 6.0), &[]));
    }

    #[test]
    fn one_prediction_may_fire_in_two_spans() {
        let score = turnbench(&[], &[(5.0, 6.0), (6.1, 7.0)], &[5.9], &[]);
        assert_eq!(score.false_positives, 2);
    }

    #[test]
    fn predictions_of_an_event_are_no_false_positives() {
        // 10.1 is taken; 10.9 is in the event's window; 13.5 is neither.
        let spans = [(10.0, 10.5), (10.8, 11.0), (13.4, 14.0)];
        let score = turnbench(&[10.0], &spans, &[10.1, 10.9, 13.5], &[]);
        assert_eq!((score.true_positives, score.false_positives, score.true_negatives), (1, 1, 2));
    }

    #[test]
    fn excluded_predictions_count_for_nothing() {
        let score = turnbench(&[10.0], &[(20.0, 21.0)], &[10.5, 20.5], &[(10.5, 11.0), (20.0, 20.5)]);
        assert_eq!((score.false_negatives, score.true_negatives), (1, 1));
        let outside = turnbench(&[10.0], &[(20.0, 21.0)], &[10.5, 20.5], &[(10.6, 11.0), (20.0, 20.4)]);
        assert_eq!((outside.true_positives, outside.false_positives), (1, 1));
    }

    #[test]
    fn figures_and_sums() {
        let mut all = turnbench(&[10.0, 20.0], &[(1.0, 2.0), (3.0, 4.0)], &[10.1, 1.5], &[]);
        assert_eq!((all.recall(), all.fp_rate()), (Some(0.5), Some(0.5)));
        all.add(&turnbench(&[10.0], &[(1.0, 2.0), (3.0, 4.0)], &[10.3], &[]));
        assert_eq!((all.recall(), all.fp_rate()), (Some(2.0 / 3.0), Some(0.25)));
        let latency = all.latency().unwrap();
        assert!((latency.p10_s - 0.12).abs() < 1e-9 && (latency.p50_s - 0.2).abs() < 1e-9);
        assert!((latency.p90_s - 0.28).abs() < 1e-9);
        let none = TurnBench::default();
        assert_eq!((none.recall(), none.fp_rate(), none.latency()), (None, None, None));
    }

    #[test]
    fn threshold_is_chosen_by_recall_within_the_rate() {
        let score = |true_positives: usize, false_positives: usize| TurnBench {
            true_positives,
            false_negatives: 10 - true_positives,
            false_positives,
            true_negatives: 100 - false_positives,
            latencies_s: vec![],
        };
        let scores = [score(9, 11), score(8, 10), score(8, 5), score(5, 0)];
        assert_eq!(best_within_fp_rate(&scores, 0.10), Some(1));
        assert_eq!(best_within_fp_rate(&scores, 0.15), Some(0));
        assert_eq!(best_within_fp_rate(&scores[..1], 0.10), None);
        assert_eq!(best_within_fp_rate(&[TurnBench::default()], 0.10), None);
    }
}
