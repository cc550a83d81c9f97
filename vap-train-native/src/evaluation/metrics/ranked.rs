//! Scores of several groups (dialogues) in one order, sorted once: figures of many draws of the groups are then one
//! pass each.

/// Scores with labels, the highest first, each with the group it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    entries: Vec<(f32, bool, u32)>,
}

impl Ranked {
    /// Ranks `(score, label)` pairs of all groups; `None` if a score is not a number.
    pub fn new<G: AsRef<[(f32, bool)]>>(groups: &[G]) -> Option<Ranked> {
        let of = |(group, pairs): (usize, &G)| {
            let pairs = pairs.as_ref().iter();
            pairs.map(|&(score, label)| (score, label, group as u32)).collect::<Vec<_>>()
        };
        let mut entries: Vec<_> = groups.iter().enumerate().flat_map(of).collect();
        if entries.iter().any(|(score, ..)| score.is_nan()) {
            return None;
        }
        entries.sort_by(|a, b| b.0.total_cmp(&a.0));
        Some(Ranked { entries })
    }

    /// Area under the ROC curve when group i counts `weights[i]` times: how often a `true` scores above a `false`,
    /// ties counting half. `None` unless both labels occur.
    pub fn roc_auc(&self, weights: &[u32]) -> Option<f64> {
        let mut wins = 0.0;
        let (mut positives, mut negatives) = (0.0, 0.0);
        for (trues, falses) in self.ties(weights) {
            // Those seen so far score higher.
            wins += falses * (positives + trues / 2.0);
            positives += trues;
            negatives += falses;
        }
        (positives > 0.0 && negatives > 0.0).then(|| wins / (positives * negatives))
    }

    /// Average precision when group i counts `weights[i]` times: precision at each score, weighted by the recall it
    /// adds, without interpolation. `None` unless `true` occurs.
    pub fn average_precision(&self, weights: &[u32]) -> Option<f64> {
        let (mut hits, mut decided, mut sum) = (0.0, 0.0, 0.0);
        for (trues, falses) in self.ties(weights).filter(|(trues, falses)| trues + falses > 0.0) {
            hits += trues;
            decided += trues + falses;
            sum += trues * hits / decided;
        }
        (hits > 0.0).then(|| sum / hits)
    }

    /// Weighted counts `(true, false)` of each distinct score, the highest first.
    fn ties<'a>(&'a self, weights: &'a [u32]) -> impl Iterator<Item = (f64, f64)> + 'a {
        // Plain equality, so that 0.0 and -0.0 tie.
        self.entries.chunk_by(|a, b| a.0 == b.0).map(|tie| {
            let (mut trues, mut falses) = (0.0, 0.0);
            for &(_, label, group) in tie {
                let weight = f64::from(weights.get(group as usize).copied().unwrap_or(0));
                *(if label { &mut trues } else { &mut falses }) += weight;
            }
            (trues, falses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{average_precision, roc_auc};
    use super::*;

    #[test]
    fn weights_are_repetitions() {
        let mut random = crate::labels::reference_events::random::SplitMix64::new(8);
        let groups: Vec<Vec<(f32, bool)>> = (0..4)
            .map(|_| (0..30).map(|_| (random.below(12) as f32 / 12.0, random.below(3) == 0)).collect())
            .collect();
        let ranked = Ranked::new(&groups).unwrap();
        for weights in [[1, 1, 1, 1], [0, 2, 1, 1], [3, 0, 0, 1]] {
            let repeated: Vec<(f32, bool)> =
                groups.iter().zip(weights).flat_map(|(group, times)| group.repeat(times as usize)).collect();
            let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-9;
            assert!(close(ranked.roc_auc(&weights), roc_auc(&repeated)), "{weights:?}");
            assert!(close(ranked.average_precision(&weights), average_precision(&repeated)), "{weights:?}");
        }
        assert_eq!((ranked.roc_auc(&[0; 4]), ranked.average_precision(&[0; 4])), (None, None));
        assert!(Ranked::new(&[vec![(f32::NAN, true)]]).is_none());
    }
}
