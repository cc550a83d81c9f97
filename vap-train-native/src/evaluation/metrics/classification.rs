//! Figures of scores with labels. Pairs are `(score, label)`; a score at or above the threshold says `true`, and
//! one that is not a number says `false`.

use super::{Ranked, share};

/// Decisions counted against labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    /// `true` and rightly so.
    pub true_positives: usize,
    /// `true`, should be `false`.
    pub false_positives: usize,
    /// `false` and rightly so.
    pub true_negatives: usize,
    /// `false`, should be `true`.
    pub false_negatives: usize,
}

impl Confusion {
    /// Counts the decisions at a threshold.
    pub fn at(threshold: f32, pairs: &[(f32, bool)]) -> Self {
        let mut counts = Confusion::default();
        for &(score, label) in pairs {
            let count = match (score >= threshold, label) {
                (true, true) => &mut counts.true_positives,
                (true, false) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
                (false, true) => &mut counts.false_negatives,
            };
            *count += 1;
        }
        counts
    }

    /// Adds the counts of another dialogue, `times` over.
    pub fn add(&mut self, other: &Confusion, times: usize) {
        self.true_positives += times * other.true_positives;
        self.false_positives += times * other.false_positives;
        self.true_negatives += times * other.true_negatives;
        self.false_negatives += times * other.false_negatives;
    }

    fn positives(&self) -> usize {
        self.true_positives + self.false_negatives
    }

    fn negatives(&self) -> usize {
        self.true_negatives + self.false_positives
    }

    /// Share of the labels `true` that were found.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.positives())
    }

    /// Share of the labels `false` that were found.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.negatives())
    }

    /// Share of the decisions `true` that are right.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Share of right decisions.
    pub fn accuracy(&self) -> Option<f64> {
        share(self.true_positives + self.true_negatives, self.positives() + self.negatives())
    }

    /// Mean of recall and specificity; `None` unless both labels occur.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        Some((self.recall()? + self.specificity()?) / 2.0)
    }

    /// Harmonic mean of precision and recall; `None` when neither label nor decision is ever `true`.
    pub fn f1(&self) -> Option<f64> {
        f1(self.true_positives, self.false_positives + self.false_negatives)
    }

    /// F1 of both labels, weighted by how often each occurs; `None` for no pairs.
    pub fn weighted_f1(&self) -> Option<f64> {
        let mistakes = self.false_positives + self.false_negatives;
        let of_true = f1(self.true_positives, mistakes).unwrap_or(0.0) * self.positives() as f64;
        let of_false = f1(self.true_negatives, mistakes).unwrap_or(0.0) * self.negatives() as f64;
        let all = self.positives() + self.negatives();
        (all > 0).then(|| (of_true + of_false) / all as f64)
    }
}

fn f1(hits: usize, mistakes: usize) -> Option<f64> {
    share(2 * hits, 2 * hits + mistakes)
}

/// The threshold among 0.01, 0.02 ... 0.99 with the highest weighted F1, the lowest of equals, and that F1; to be
/// tuned on validation data, as the 2022 papers do. `None` for no pairs.
pub fn best_weighted_f1(pairs: &[(f32, bool)]) -> Option<(f32, f64)> {
    let mut best: Option<(f32, f64)> = None;
    for percent in 1..=99u8 {
        let threshold = f32::from(percent) / 100.0;
        let f1 = Confusion::at(threshold, pairs).weighted_f1()?;
        if best.is_none_or(|(_, highest)| f1 > highest) {
            best = Some((threshold, f1));
        }
    }
    best
}

/// Area under the ROC curve: how often a `true` scores above a `false`, ties counting half. `None` unless both
/// labels occur and all scores are numbers.
pub fn roc_auc(pairs: &[(f32, bool)]) -> Option<f64> {
    Ranked::new(&[pairs])?.roc_auc(&[1])
}

/// Average precision: precision at each score, weighted by the recall it adds, without interpolation. `None`
/// unless `true` occurs and all scores are numbers.
pub fn average_precision(pairs: &[(f32, bool)]) -> Option<f64> {
    Ranked::new(&[pairs])?.average_precision(&[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(f32, bool); 6] =
        [(0.9, true), (0.5, true), (0.2, true), (0.6, false), (0.1, false), (0.0, false)];

    fn close(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?} {expected}");
    }

    #[test]
    fn threshold_itself_says_true() {
        let at = Confusion::at(0.5, &PAIRS);
        let expected =
            Confusion { true_positives: 2, false_positives: 1, true_negatives: 2, false_negatives: 1 };
        assert_eq!(at, expected);
        assert_eq!(Confusion::at(0.501, &PAIRS).true_positives, 1);
        let nan = Confusion::at(0.5, &[(f32::NAN, true)]);
        assert_eq!(nan.false_negatives, 1);
    }

    #[test]
    fn figures_of_a_hand_count() {
        // 8 right of 10 `true`, 30 right of 90 `false`.
        let counts =
            Confusion { true_positives: 8, false_positives: 60, true_negatives: 30, false_negatives: 2 };
        close(counts.recall(), 0.8);
        close(counts.specificity(), 1.0 / 3.0);
        close(counts.precision(), 8.0 / 68.0);
        close(counts.accuracy(), 0.38);
        close(counts.balanced_accuracy(), (0.8 + 1.0 / 3.0) / 2.0);
        close(counts.f1(), 16.0 / 78.0);
        close(counts.weighted_f1(), 0.1 * 16.0 / 78.0 + 0.9 * 60.0 / 122.0);
    }

    #[test]
    fn saying_one_thing_only_is_half_right_in_balance() {
        let always = Confusion::at(0.0, &PAIRS);
        close(always.balanced_accuracy(), 0.5);
        // F1 of the label never said counts as 0, not as missing.
        close(always.weighted_f1(), 0.5 * 6.0 / 9.0);
    }

    #[test]
    fn undefined_figures_are_none() {
        let none = Confusion::default();
        assert_eq!(
            (none.recall(), none.precision(), none.f1(), none.weighted_f1()),
            (None, None, None, None)
        );
        let only_true = Confusion::at(0.5, &[(0.9, true)]);
        assert_eq!((only_true.recall(), only_true.balanced_accuracy()), (Some(1.0), None));
        assert_eq!(best_weighted_f1(&[]), None);
        assert_eq!((roc_auc(&[(0.3, true)]), roc_auc(&[])), (None, None));
        assert_eq!((average_precision(&[(0.3, false)]), average_precision(&[])), (None, None));
        assert_eq!(roc_auc(&[(f32::NAN, true), (0.1, false)]), None);
    }

    #[test]
    fn best_threshold_is_the_lowest_of_equals() {
        let (threshold, f1) = best_weighted_f1(&[(0.8, true), (0.4, false)]).unwrap();
        assert_eq!((threshold, f1), (0.41, 1.0));
        // Never below 0.01.
        assert_eq!(best_weighted_f1(&[(0.5, true)]).unwrap().0, 0.01);
    }

    #[test]
    fn auc_counts_pairs() {
        // 0.9 beats 3, 0.5 beats 2, 0.2 beats 2 of 3.
        close(roc_auc(&PAIRS), 7.0 / 9.0);
        close(roc_auc(&[(0.9, true), (0.1, false)]), 1.0);
        close(roc_auc(&[(0.1, true), (0.9, false)]), 0.0);
    }

    #[test]
    fn ties_count_half_in_any_order() {
        close(roc_auc(&[(0.5, true), (0.5, false)]), 0.5);
        close(roc_auc(&[(0.5, false), (0.5, true), (0.5, true), (0.1, false)]), 0.75);
        close(roc_auc(&[(0.0, true), (-0.0, false)]), 0.5);
    }

    #[test]
    fn average_precision_of_known_values() {
        // sklearn.metrics.average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) = 0.8333...
        close(average_precision(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), 5.0 / 6.0);
        // One tie: both at once.
        close(average_precision(&[(0.5, true), (0.5, false)]), 0.5);
        close(average_precision(&PAIRS), (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0);
    }

    #[test]
    fn auc_equals_counting_every_pair() {
        let mut random = crate::labels::reference_events::random::SplitMix64::new(5);
        let pairs: Vec<(f32, bool)> =
            (0..200).map(|_| (random.below(20) as f32 / 20.0, random.below(3) == 0)).collect();
        let of = |label| pairs.iter().filter(move |pair| pair.1 == label);
        let (mut wins, mut count) = (0.0, 0.0);
        for (positive, _) in of(true) {
            for (negative, _) in of(false) {
                wins +=
                    if positive > negative { 1.0 } else { f64::from(u8::from(positive == negative)) / 2.0 };
                count += 1.0;
            }
        }
        close(roc_auc(&pairs), wins / count);
    }
}
