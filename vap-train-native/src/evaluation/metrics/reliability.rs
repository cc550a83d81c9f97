//! Whether a score means what it says: of what got 0.7, seven in ten should be `true`.

use serde::{Deserialize, Serialize};

/// Scores between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Mean of the scores.
    pub mean_score: f64,
    /// Share of the labels that are `true`.
    pub share: f64,
    /// Number of scores.
    pub count: usize,
}

/// A reliability curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// The bins that hold scores, from low to high.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error: mean distance of score and share over the bins, weighted by their counts.
    pub ece: f64,
}

/// Reliability of `(score, label)` pairs in `bins` bins of equal width from 0 to 1 (Guo et al. 2017, arXiv
/// 1706.04599, with 10 to 15 bins). `None` for no pairs, no bins, or scores that are no probabilities.
///
/// ```
/// use vap_train_native::evaluation::metrics::reliability;
/// let sure = reliability(&[(0.9, true), (0.9, true), (0.9, false), (0.1, false)], 10).unwrap();
/// assert_eq!((sure.bins.len(), sure.bins[1].count), (2, 3));
/// assert!((sure.ece - (0.75 * (0.9 - 2.0 / 3.0) + 0.25 * 0.1)).abs() < 1e-6);
/// ```
pub fn reliability(pairs: &[(f32, bool)], bins: usize) -> Option<Reliability> {
    if pairs.is_empty() || bins == 0 || pairs.iter().any(|(score, _)| !(0.0..=1.0).contains(score)) {
        return None;
    }
    let mut sums = vec![(0.0, 0.0, 0usize); bins];
    for &(score, label) in pairs {
        let sum = &mut sums[((score * bins as f32) as usize).min(bins - 1)];
        sum.0 += f64::from(score);
        sum.1 += f64::from(u8::from(label));
        sum.2 += 1;
    }
    let bins: Vec<ReliabilityBin> = sums
        .into_iter()
        .filter(|(.., count)| *count > 0)
        .map(|(scores, trues, count)| ReliabilityBin {
            mean_score: scores / count as f64,
            share: trues / count as f64,
            count,
        })
        .collect();
    let off = bins.iter().map(|bin| (bin.mean_score - bin.share).abs() * bin.count as f64).sum::<f64>();
    Some(Reliability { bins, ece: off / pairs.len() as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_fall_into_the_outer_bins() {
        let found = reliability(&[(0.0, false), (1.0, true), (0.999, true)], 10).unwrap();
        assert_eq!(found.bins.iter().map(|b| b.count).collect::<Vec<_>>(), [1, 2]);
        assert!(found.ece < 0.001);
    }

    #[test]
    fn a_coin_that_says_one_half_is_calibrated() {
        let pairs: Vec<_> = (0..100).map(|i| (0.5, i % 2 == 0)).collect();
        assert_eq!(reliability(&pairs, 10).unwrap().ece, 0.0);
        let sure: Vec<_> = pairs.iter().map(|p| (1.0, p.1)).collect();
        assert_eq!(reliability(&sure, 10).unwrap().ece, 0.5);
    }

    #[test]
    fn what_is_no_probability_has_none() {
        for pairs in [vec![], vec![(f32::NAN, true)], vec![(1.1, true)], vec![(-0.1, false)]] {
            assert_eq!(reliability(&pairs, 10), None);
        }
        assert_eq!(reliability(&[(0.5, true)], 0), None);
    }
}
