//! How far a figure can be trusted: whole dialogues are drawn again and again, as they are not alike within.

use super::quantile;
use crate::labels::reference_events::random::SplitMix64;

/// A 95 % percentile interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The 2.5 % quantile.
    pub low: f64,
    /// The 97.5 % quantile.
    pub high: f64,
    /// Draws on which the figure was defined.
    pub draws: usize,
}

/// Interval of `figure` when as many groups (dialogues) as there are get drawn with replacement, `draws` times
/// (1000 is usual), in the order of `seed`.
///
/// Draws on which the figure is `None` are left out; `None` if that is all of them.
///
/// ```
/// use vap_train_native::evaluation::metrics::{Confusion, bootstrap};
/// let dialogues = [vec![(0.9, true), (0.2, false)], vec![(0.4, true), (0.1, false)]];
/// let accuracy = |drawn: &[&Vec<(f32, bool)>]| {
///     let pairs: Vec<_> = drawn.iter().flat_map(|pairs| pairs.iter().copied()).collect();
///     Confusion::at(0.5, &pairs).balanced_accuracy()
/// };
/// let interval = bootstrap(&dialogues, accuracy, 1000, 1).unwrap();
/// assert_eq!((interval.low, interval.high), (0.5, 1.0));
/// ```
pub fn bootstrap<G>(
    groups: &[G],
    figure: impl Fn(&[&G]) -> Option<f64>,
    draws: usize,
    seed: u64,
) -> Option<Interval> {
    if groups.is_empty() {
        return None;
    }
    let mut random = SplitMix64::new(seed);
    let mut drawn: Vec<&G> = Vec::with_capacity(groups.len());
    let mut figures = Vec::with_capacity(draws);
    for _ in 0..draws {
        drawn.clear();
        drawn.extend((0..groups.len()).map(|_| &groups[random.below(groups.len())]));
        figures.extend(figure(&drawn));
    }
    let (low, high) = (quantile(&figures, 0.025)?, quantile(&figures, 0.975)?);
    Some(Interval { low, high, draws: figures.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(drawn: &[&f64]) -> Option<f64> {
        Some(drawn.iter().copied().sum::<f64>() / drawn.len() as f64)
    }

    #[test]
    fn interval_of_a_mean_has_its_known_width() {
        // Mean of 100 values 0..100: standard error 28.87 / 10, so 1.96 of it to each side of 49.5.
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let interval = bootstrap(&values, mean, 4000, 9).unwrap();
        assert!((interval.low - (49.5 - 5.66)).abs() < 0.5, "{interval:?}");
        assert!((interval.high - (49.5 + 5.66)).abs() < 0.5, "{interval:?}");
        assert_eq!(interval.draws, 4000);
    }

    #[test]
    fn the_seed_decides() {
        let values: Vec<f64> = (0..20).map(|v| f64::from(v * v)).collect();
        let at = |seed| bootstrap(&values, mean, 50, seed).unwrap();
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
    }

    #[test]
    fn groups_are_drawn_whole() {
        // All variance lies between two groups: the mean is 0, 1/2 or 1, whatever the size of a group.
        let groups = [vec![0.0; 100], vec![1.0; 100]];
        let figure = |drawn: &[&Vec<f64>]| {
            assert_eq!(drawn.len(), 2);
            Some(drawn.iter().map(|group| group[0]).sum::<f64>() / 2.0)
        };
        let interval = bootstrap(&groups, figure, 500, 3).unwrap();
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
    }

    #[test]
    fn undefined_draws_are_left_out() {
        // Defined only when both groups are drawn: about half of the time.
        let figure = |drawn: &[&bool]| (drawn[0] != drawn[1]).then_some(1.0);
        let interval = bootstrap(&[true, false], figure, 1000, 4).unwrap();
        assert!((400..600).contains(&interval.draws), "{interval:?}");
        assert_eq!(bootstrap(&[true, true], figure, 100, 4), None);
        assert_eq!(bootstrap::<f64>(&[], mean, 100, 4), None);
        assert_eq!(bootstrap(&[1.0], mean, 0, 4), None);
    }
}
