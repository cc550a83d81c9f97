//! The small layers every part of the model uses, over rows that are padded with zeros.

use super::arithmetic::lanes::{LANES, lanes, lanes_mut, sum};
use super::arithmetic::matrix::{Matrix, Rows};
use super::workspace::Flow;
use wide::f32x8;

/// Normalisation over a row, with scale and shift.
#[derive(Debug)]
pub(super) struct LayerNorm {
    /// Scale, `[padded dim]`, zeros in the padding.
    pub gamma: Vec<f32>,
    /// Shift, `[padded dim]`, zeros in the padding.
    pub beta: Vec<f32>,
    /// Values that count.
    pub dim: usize,
    pub epsilon: f32,
}

impl LayerNorm {
    /// One row, `[padded dim]`, into `y`.
    pub fn row(&self, x: &[f32], y: &mut [f32]) {
        let width = self.gamma.len();
        let (whole, rest) = x[..self.dim].as_chunks::<LANES>();
        let scale = 1.0 / self.dim as f32;
        let total = whole.iter().fold(f32x8::ZERO, |total, x| total + f32x8::new(*x));
        let mean = (sum(total) + rest.iter().sum::<f32>()) * scale;
        let squares = whole.iter().fold(f32x8::ZERO, |total, x| {
            let off = f32x8::new(*x) - f32x8::splat(mean);
            total + off * off
        });
        let variance = (sum(squares) + rest.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>()) * scale;
        let (mean, factor) = (f32x8::splat(mean), f32x8::splat(1.0 / (variance + self.epsilon).sqrt()));
        let (x, y) = (lanes(&x[..width]), lanes_mut(&mut y[..width]));
        for (((y, x), gamma), beta) in y.iter_mut().zip(x).zip(lanes(&self.gamma)).zip(lanes(&self.beta)) {
            *y = ((f32x8::new(*x) - mean) * factor * f32x8::new(*gamma) + f32x8::new(*beta)).to_array();
        }
    }

    /// `count` rows, `width` apart in both.
    pub fn rows(&self, x: &[f32], y: &mut [f32], count: usize) {
        let width = self.gamma.len();
        for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).take(count) {
            self.row(x, y);
        }
    }
}

/// `contract(gelu(expand(norm(x))))`.
#[derive(Debug)]
pub(super) struct FeedForward {
    pub norm: LayerNorm,
    pub expand: Matrix,
    pub contract: Matrix,
}

impl FeedForward {
    /// Adds its output to the rows of `flow.x`.
    pub fn step(&self, flow: &mut Flow) {
        let (count, dim) = (flow.rows, flow.dim);
        self.norm.rows(&flow.x, &mut flow.normed, count);
        let width = self.contract.inputs();
        let x = Rows { values: &flow.normed, count, stride: dim };
        self.expand.product(x, &mut flow.wide, width, &mut flow.quantised);
        gelu(&mut flow.wide[..count * width]);
        let x = Rows { values: &flow.wide, count, stride: width };
        self.contract.product(x, &mut flow.y, dim, &mut flow.quantised);
        flow.add();
    }
}

/// GELU in its exact form, by the error function, in place, within 4e-7 of `|x|`; 0 stays 0.
pub(super) fn gelu(x: &mut [f32]) {
    let (whole, rest) = x.as_chunks_mut::<LANES>();
    for x in whole {
        *x = gelu_of(f32x8::new(*x)).to_array();
    }
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    rest.copy_from_slice(&gelu_of(f32x8::new(last)).to_array()[..rest.len()]);
}

#[inline(always)]
fn gelu_of(x: f32x8) -> f32x8 {
    let erf = erf(x * f32x8::splat(std::f32::consts::FRAC_1_SQRT_2));
    x * f32x8::splat(0.5) * (f32x8::splat(1.0) + erf)
}

/// The error function within 4e-7, by Eigen's rational approximation on `[-4, 4]`.
#[inline(always)]
fn erf(x: f32x8) -> f32x8 {
    let splat = f32x8::splat;
    let x = x.fast_max(splat(-4.0)).fast_min(splat(4.0));
    let square = x * x;
    let mut p = splat(-2.726_142_3e-10);
    for c in [2.770_681_4e-8, -2.101_024e-6, -5.692_506_5e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_3e-2] {
        p = p * square + splat(c);
    }
    let mut q = splat(-1.456_607_2e-5);
    for c in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2] {
        q = q * square + splat(c);
    }
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::arithmetic::lanes::padded;

    /// The error function by its series.
    fn erf_by_series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn gelu_is_the_exact_one() {
        let mut x: Vec<f32> = (-5000..=5000).map(|i| i as f32 / 1000.0).collect();
        let exact: Vec<f64> = x
            .iter()
            .map(|x| 0.5 * f64::from(*x) * (1.0 + erf_by_series(f64::from(*x) / 2f64.sqrt())))
            .collect();
        gelu(&mut x);
        let worst = x.iter().zip(&exact).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(worst < 2e-6, "off by {worst}");
        let mut far = [30.0, -30.0, 0.0];
        gelu(&mut far);
        assert!((far[0] - 30.0).abs() < 1e-5 && far[1].abs() < 2e-6 && far[2] == 0.0, "{far:?}");
    }

    #[test]
    fn a_norm_counts_its_own_numbers_and_not_the_padding() {
        for dim in [1, 7, 16, 19] {
            let width = padded(dim);
            let norm = LayerNorm {
                gamma: (0..width).map(|i| if i < dim { 1.0 + i as f32 } else { 0.0 }).collect(),
                beta: (0..width).map(|i| if i < dim { 0.5 } else { 0.0 }).collect(),
                dim,
                epsilon: 1e-5,
            };
            let x: Vec<f32> = (0..width).map(|i| if i < dim { (i * i) as f32 } else { 0.0 }).collect();
            let mean = x.iter().sum::<f32>() / dim as f32;
            let variance = x[..dim].iter().map(|x| (x - mean).powi(2)).sum::<f32>() / dim as f32;
            let mut y = vec![9.0; width];
            norm.rows(&x, &mut y, 1);
            for (i, y) in y.iter().enumerate() {
                let exact = if i < dim {
                    (x[i] - mean) / (variance + 1e-5).sqrt() * (1.0 + i as f32) + 0.5
                } else {
                    0.0
                };
                assert!((y - exact).abs() < 1e-4 * (1.0 + exact.abs()), "{dim}, {i}: {y} for {exact}");
            }
        }
    }
}
