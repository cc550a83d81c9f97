//! Products of a matrix of weights with a few rows of activations.
//!
//! Sixteen outputs are summed side by side, each in a lane of its own: their weights lie input after input, in the
//! order in which they are read, and every activation meets all sixteen at once. So a product reads its weights from
//! front to back, and no sum has to be folded at its end.

use super::lanes::{high_bytes, padded, splat_pair, times_256};
use super::quantise::{Limit, quantise};
use wide::{f32x4, f32x8, i16x8, i32x4};

/// Outputs summed side by side.
const PANEL: usize = 16;

/// Largest weight as an integer.
const LARGEST: f32 = 127.0;

/// What is added to a weight in a low byte, so that it does not borrow from the high one.
const OFFSET: i16 = 128;

/// `[outputs, inputs]` weights and `[outputs]` biases.
#[derive(Debug)]
pub(in crate::kernels) struct Matrix {
    /// Padding included.
    inputs: usize,
    outputs: usize,
    weights: Weights,
    /// `[outputs]`, padded to whole panels.
    bias: Vec<[f32; PANEL]>,
}

#[derive(Debug)]
enum Weights {
    /// `[panels, inputs]`.
    Floats(Vec<[f32; PANEL]>),
    /// `[panels, inputs / 2]`: two inputs of each output side by side, and each output's scale. A 16-bit number holds
    /// two weights of -127 to 127: its high byte one of the second, its low byte, [`OFFSET`] added, one of the first
    /// four of eight outputs. Shifted down it is the second; as it is, it is the first and 256 times the second.
    Integers { pairs: Vec<[i16; PANEL]>, scales: Vec<[f32; PANEL]> },
}

/// Rows of activations as they lie in memory: row `i` begins at `i x stride`.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Rows<'a> {
    pub values: &'a [f32],
    pub count: usize,
    pub stride: usize,
}

impl<'a> Rows<'a> {
    fn row(&self, index: usize, length: usize) -> &'a [f32] {
        &self.values[index * self.stride..][..length]
    }
}

/// Room for activations as integers.
#[derive(Debug, Clone, Default)]
pub(in crate::kernels) struct Quantised {
    /// `[rows, padded inputs]`.
    values: Vec<i16>,
    /// What an integer of each row is worth, `[rows]`.
    scales: Vec<f32>,
    /// Sum of each row's integers, `[rows]`.
    totals: Vec<i32>,
}

impl Quantised {
    /// Workspace for `rows` rows of `inputs`.
    pub fn new(rows: usize, inputs: usize) -> Self {
        Quantised { values: vec![0; rows * padded(inputs)], scales: vec![0.0; rows], totals: vec![0; rows] }
    }

    /// Each row times a scale of its own.
    fn fill(&mut self, x: Rows, inputs: usize, limit: Limit) {
        for (row, into) in self.values.chunks_exact_mut(inputs).take(x.count).enumerate() {
            self.scales[row] = quantise(x.row(row, inputs), limit, into);
            self.totals[row] = into.iter().map(|x| i32::from(*x)).sum();
        }
    }

    fn row(&self, index: usize, inputs: usize) -> &[[i16; 2]] {
        self.values[index * inputs..][..inputs].as_chunks().0
    }
}

impl Matrix {
    /// Matrix of 32-bit floats, `weights` `[outputs, inputs]` without padding.
    pub fn floats(inputs: usize, weights: &[f32], bias: &[f32]) -> Self {
        let width = padded(inputs);
        let mut panels = vec![[0.0; PANEL]; bias.len().div_ceil(PANEL) * width];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let panel = &mut panels[output / PANEL * width..];
            for (weights, weight) in panel.iter_mut().zip(row) {
                weights[output % PANEL] = *weight;
            }
        }
        Matrix {
            inputs: width,
            outputs: bias.len(),
            weights: Weights::Floats(panels),
            bias: whole_panels(bias),
        }
    }

    /// Matrix of integers, `weights` `[outputs, inputs]` without padding, and the scale of each output, `[outputs]`.
    pub fn integers(inputs: usize, weights: &[i8], scales: &[f32], bias: &[f32]) -> Self {
        let width = padded(inputs);
        let mut pairs = vec![[OFFSET; PANEL]; bias.len().div_ceil(PANEL) * width / 2];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let panel = &mut pairs[output / PANEL * width / 2..];
            let (eight, high, four) = (output % PANEL / 8, output % 8 / 4 == 1, output % 4);
            for (input, weight) in row.iter().enumerate() {
                let both = &mut panel[input / 2][8 * eight + 2 * four + input % 2];
                *both += i16::from(*weight) * if high { 256 } else { 1 };
            }
        }
        Matrix {
            inputs: width,
            outputs: bias.len(),
            weights: Weights::Integers { pairs, scales: whole_panels(scales) },
            bias: whole_panels(bias),
        }
    }

    /// Inputs a row, padding included.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// True when the weights are integers.
    pub fn is_integers(&self) -> bool {
        matches!(self.weights, Weights::Integers { .. })
    }

    /// Rows `x` to rows of `outputs` at `y`, `y_stride` apart; `workspace` for as many rows of as many inputs.
    pub fn product(&self, x: Rows, y: &mut [f32], y_stride: usize, workspace: &mut Quantised) {
        let inputs = self.inputs;
        if self.is_integers() {
            workspace.fill(x, inputs, Limit::Against(LARGEST));
        }
        for panel in 0..self.bias.len() {
            // All rows pass a panel while it is at hand.
            for row in (0..x.count).step_by(2) {
                // A last row alone goes twice.
                let rows = [row, (row + 1).min(x.count - 1)];
                let [first, second] = match &self.weights {
                    Weights::Floats(panels) => {
                        let rows = rows.map(|row| x.row(row, inputs));
                        float_sums(&panels[panel * inputs..][..inputs], rows, &self.bias[panel])
                    }
                    Weights::Integers { pairs, scales } => {
                        let weights = &pairs[panel * inputs / 2..][..inputs / 2];
                        let sums = integer_sums(weights, rows.map(|row| workspace.row(row, inputs)));
                        [0, 1].map(|r| {
                            let (scale, total) = (workspace.scales[rows[r]], workspace.totals[rows[r]]);
                            scaled(sums[r], total, scale, &scales[panel], &self.bias[panel])
                        })
                    }
                };
                self.write(&mut y[row * y_stride..], panel, &first);
                if row + 1 < x.count {
                    self.write(&mut y[(row + 1) * y_stride..], panel, &second);
                }
            }
        }
    }

    #[inline(always)]
    fn write(&self, y: &mut [f32], panel: usize, sums: &[f32; PANEL]) {
        let first = panel * PANEL;
        let y = &mut y[first..];
        match self.outputs - first {
            PANEL.. => y[..PANEL].copy_from_slice(sums),
            some => y[..some].copy_from_slice(&sums[..some]),
        }
    }
}

/// Outputs of a panel for two rows.
#[inline(always)]
fn float_sums(weights: &[[f32; PANEL]], x: [&[f32]; 2], bias: &[f32; PANEL]) -> [[f32; PANEL]; 2] {
    let bias: [f32x8; 2] = bytemuck::must_cast(*bias);
    let mut sums = [bias; 2];
    for ((weights, first), second) in weights.iter().zip(x[0]).zip(x[1]) {
        let weights: [f32x8; 2] = bytemuck::must_cast(*weights);
        for (sums, x) in sums.iter_mut().zip([*first, *second]) {
            let x = f32x8::splat(x);
            sums[0] += weights[0] * x;
            sums[1] += weights[1] * x;
        }
    }
    sums.map(bytemuck::must_cast)
}

/// Sums of a panel for two rows, eight outputs at a time: of both weights in a number, then of the high one alone.
#[inline(always)]
fn integer_sums(pairs: &[[i16; PANEL]], x: [&[[i16; 2]]; 2]) -> [[i32x4; 4]; 2] {
    let mut sums = [[i32x4::ZERO; 4]; 2];
    for ((weights, first), second) in pairs.iter().zip(x[0]).zip(x[1]) {
        let weights: [i16x8; 2] = bytemuck::must_cast(*weights);
        let (first, second) = (splat_pair(*first), splat_pair(*second));
        for (eight, both) in weights.into_iter().enumerate() {
            let high = high_bytes(both);
            for (sums, x) in sums.iter_mut().zip([first, second]) {
                sums[2 * eight] += both.dot(x);
                sums[2 * eight + 1] += high.dot(x);
            }
        }
    }
    sums
}

/// Sums as outputs. The sums of both weights may have wrapped around; what is left of them fits again.
#[inline(always)]
fn scaled(
    sums: [i32x4; 4],
    total: i32,
    x_scale: f32,
    scales: &[f32; PANEL],
    bias: &[f32; PANEL],
) -> [f32; PANEL] {
    let offset = i32x4::splat(total << OFFSET.ilog2());
    let scales: [f32x4; 4] = bytemuck::must_cast(*scales);
    let bias: [f32x4; 4] = bytemuck::must_cast(*bias);
    let outputs: [f32x4; 4] = std::array::from_fn(|i| {
        let sum = if i % 2 == 1 { sums[i] } else { sums[i] - times_256(sums[i + 1]) - offset };
        f32x4::from_i32x4(sum) * (f32x4::splat(x_scale) * scales[i]) + bias[i]
    });
    bytemuck::must_cast(outputs)
}

/// A value an output, with zeros up to whole panels.
fn whole_panels(values: &[f32]) -> Vec<[f32; PANEL]> {
    let mut panels = vec![[0.0; PANEL]; values.len().div_ceil(PANEL)];
    panels.as_flattened_mut()[..values.len()].copy_from_slice(values);
    panels
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers of `-limit..=limit`, the same for the same seed.
    fn whole(seed: u32, count: usize, limit: i32) -> Vec<i32> {
        let mut x = seed;
        std::iter::repeat_with(|| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 8) as i32 % (2 * limit + 1) - limit
        })
        .take(count)
        .collect()
    }

    #[test]
    fn every_shape_gives_the_products_by_definition() {
        let shapes = [(1, 1, 1), (3, 2, 5), (17, 15, 2), (16, 16, 4), (64, 33, 3), (240, 48, 7), (5, 130, 2)];
        for (case, (inputs, outputs, rows)) in shapes.into_iter().enumerate() {
            let weights = whole(case as u32, inputs * outputs, 127);
            let bias: Vec<f32> = whole(9, outputs, 50).iter().map(|b| *b as f32).collect();
            let scales: Vec<f32> = (0..outputs).map(|o| 0.5 + o as f32 / 8.0).collect();
            let width = padded(inputs);
            let mut x = vec![0.0; rows * width];
            for (row, list) in x.chunks_exact_mut(width).zip(whole(5, rows * inputs, 30).chunks(inputs)) {
                row.iter_mut().zip(list).for_each(|(x, v)| *x = *v as f32);
            }
            let floats: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
            let bytes: Vec<i8> = weights.iter().map(|w| *w as i8).collect();
            let ones = vec![1.0; outputs];
            // Activations of up to 30 are rounded to 16 bits; each may be off by half a step times its weight.
            let rounding = 127.0 * inputs as f32 * 0.5 * 30.0 / 32_767.0;
            let matrices = [
                (Matrix::floats(inputs, &floats, &bias), &ones, 0.0),
                (Matrix::integers(inputs, &bytes, &scales, &bias), &scales, rounding),
            ];
            for (matrix, scales, rounding) in matrices {
                let stride = outputs + 3;
                let mut y = vec![7.0; rows * stride];
                let mut workspace = Quantised::new(rows, inputs);
                matrix.product(
                    Rows { values: &x, count: rows, stride: width },
                    &mut y,
                    stride,
                    &mut workspace,
                );
                for (row, y) in y.chunks_exact(stride).enumerate() {
                    for output in 0..outputs {
                        let sum: f32 =
                            (0..inputs).map(|i| x[row * width + i] * floats[output * inputs + i]).sum();
                        let exact = sum * scales[output] + bias[output];
                        let off = (y[output] - exact).abs();
                        let bar = rounding * scales[output] + 1e-5 * (1.0 + exact.abs());
                        assert!(off <= bar, "{inputs} to {outputs}: {off} of {exact}");
                    }
                    assert_eq!(y[outputs..], [7.0; 3], "written past the row");
                }
            }
        }
    }

    #[test]
    fn extreme_integers_do_not_wrap_around() {
        for (inputs, sign) in [(8192, 1), (8192, -1), (48, 1)] {
            let weights = vec![127 * sign; 16 * inputs];
            let matrix = Matrix::integers(inputs, &weights, &[1.0; 16], &[0.0; 16]);
            let x = vec![1.0; inputs];
            let mut y = [0.0; 16];
            let rows = Rows { values: &x, count: 1, stride: inputs };
            matrix.product(rows, &mut y, 16, &mut Quantised::new(1, inputs));
            let exact = f32::from(127 * sign) * inputs as f32;
            assert!(y.iter().all(|y| (y / exact - 1.0).abs() < 1e-3), "{y:?} for {exact}");
        }
    }
}
