//! Logistic regression on a few features: what can be told without a network.

use crate::evaluation::metrics::quantile;

/// Steps of gradient descent; the features are standardised, so that it settles long before.
const STEPS: usize = 400;
const RATE: f64 = 0.3;
const MOMENTUM: f64 = 0.9;
/// Weight of the squared weights.
const RIDGE: f64 = 1e-3;
/// Standardised features are held within this.
const FARTHEST: f64 = 4.0;

/// A trained probe.
#[derive(Debug, Clone)]
pub struct Probe {
    centre: Vec<f64>,
    scale: Vec<f64>,
    /// One a feature, then the bias.
    weights: Vec<f64>,
}

impl Probe {
    /// Trains on rows of features with their labels, both labels weighing the same; `None` without both, without
    /// features, or with rows of different lengths.
    pub fn train(rows: &[(Vec<f32>, bool)]) -> Option<Probe> {
        let width = rows.first()?.0.len();
        let positives = rows.iter().filter(|row| row.1).count();
        let uneven = rows.iter().any(|row| row.0.len() != width);
        if width == 0 || uneven || positives == 0 || positives == rows.len() {
            return None;
        }
        let (mut centre, mut scale) = (Vec::new(), Vec::new());
        for at in 0..width {
            let column: Vec<f64> = rows.iter().map(|row| f64::from(row.0[at])).collect();
            let [low, middle, high] = [0.16, 0.5, 0.84].map(|share| quantile(&column, share));
            centre.push(middle?);
            scale.push(((high? - low?) / 2.0).max(1e-6));
        }
        let mut probe = Probe { centre, scale, weights: vec![0.0; width + 1] };
        let inputs: Vec<Vec<f64>> = rows.iter().map(|row| probe.standardised(&row.0)).collect();
        let share = [rows.len() - positives, positives].map(|count| 0.5 / count as f64);
        let mut speed = vec![0.0; width + 1];
        for _ in 0..STEPS {
            let mut slope: Vec<f64> = probe.weights.iter().map(|w| RIDGE * w).collect();
            for (input, (_, label)) in inputs.iter().zip(rows) {
                let error = sigmoid(probe.sum(input)) - f64::from(u8::from(*label));
                let error = error * share[usize::from(*label)];
                slope.iter_mut().zip(input).for_each(|(s, x)| *s += error * x);
            }
            for ((weight, speed), slope) in probe.weights.iter_mut().zip(&mut speed).zip(&slope) {
                *speed = MOMENTUM * *speed - RATE * slope;
                *weight += *speed;
            }
        }
        Some(probe)
    }

    /// Log-odds of the label.
    pub fn score(&self, features: &[f32]) -> f32 {
        self.sum(&self.standardised(features)) as f32
    }

    /// Features about 0 and of about 1, then 1 for the bias.
    fn standardised(&self, features: &[f32]) -> Vec<f64> {
        let scaled = features.iter().zip(self.centre.iter().zip(&self.scale));
        let scaled = scaled.map(|(x, (c, s))| ((f64::from(*x) - c) / s).clamp(-FARTHEST, FARTHEST));
        scaled.chain([1.0]).collect()
    }

    fn sum(&self, input: &[f64]) -> f64 {
        self.weights.iter().zip(input).map(|(w, x)| w * x).sum()
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use crate::evaluation::metrics::roc_auc;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// Rows of `width` features of which the second rises by `shift` with the label.
    fn rows(seed: u64, width: usize, shift: f32) -> Vec<(Vec<f32>, bool)> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut row = |label: bool| {
            let mut row: Vec<f32> =
                (0..width).map(|i| 100.0 * i as f32 + rng.random_range(-1.0..1.0f32)).collect();
            row[1] += if label { shift } else { 0.0 };
            (row, label)
        };
        (0..600).map(|i| row(i % 5 == 0)).collect()
    }

    fn auc(probe: &Probe, rows: &[(Vec<f32>, bool)]) -> f64 {
        roc_auc(&rows.iter().map(|(x, label)| (probe.score(x), *label)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_can_be_told_is_told_and_the_rest_is_chance() {
        let probe = Probe::train(&rows(1, 6, 1.0)).unwrap();
        // Two uniform widths of 2, shifted by 1: 1 - (1/2)^2 / 2 = 0.875.
        assert!((auc(&probe, &rows(2, 6, 1.0)) - 0.875).abs() < 0.04);
        let nothing = Probe::train(&rows(3, 6, 0.0)).unwrap();
        assert!((auc(&nothing, &rows(4, 6, 0.0)) - 0.5).abs() < 0.06);
    }

    #[test]
    fn rare_labels_weigh_as_much() {
        let probe = Probe::train(&rows(5, 2, 4.0)).unwrap();
        let found = |label: bool| {
            let of: Vec<_> = rows(6, 2, 4.0).into_iter().filter(|row| row.1 == label).collect();
            let right = of.iter().filter(|row| (probe.score(&row.0) > 0.0) == label).count();
            right as f64 / of.len() as f64
        };
        assert!(found(true) > 0.95 && found(false) > 0.95);
    }

    #[test]
    fn what_cannot_be_trained_is_none() {
        let one = (vec![1.0], true);
        assert!(Probe::train(&[]).is_none() && Probe::train(&[one.clone(), one.clone()]).is_none());
        assert!(Probe::train(&[one.clone(), (vec![1.0, 2.0], false)]).is_none());
        let constant = Probe::train(&[one, (vec![1.0], false)]).unwrap();
        assert!(constant.score(&[1.0]).is_finite());
    }
}
