//! Products of a matrix of weights with a few rows of activations.
//!
//! Weights lie row after row as they are summed, each output's inputs side by side, padded with zeros; so a product
//! reads them once, in order, whatever the number of rows. Two outputs by two rows are worked at once.

use super::lanes::{LANES, PADDING, dot, lanes, padded, round_to_i16, sum, widen};
use wide::{f32x8, i16x8, i32x4};

/// Outputs whose weights stay in the first-level cache while all rows pass over them.
const PANEL: usize = 16;

/// Rows whose activations are all smaller than this count as zeros.
const SMALLEST: f32 = 1e-30;

/// `[outputs, inputs]` weights and `[outputs]` biases.
#[derive(Debug)]
pub(super) struct Matrix {
    inputs: usize,
    weights: Weights,
    bias: Vec<f32>,
}

#[derive(Debug)]
enum Weights {
    /// `[outputs, padded inputs]`.
    Floats(Vec<f32>),
    /// `[outputs, padded inputs]` of -127 to 127, each row times its scale, `[outputs]`.
    Integers { values: Vec<i8>, scales: Vec<f32> },
}

/// Rows of activations as they lie in memory: row `i` begins at `i x stride`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
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
pub(super) struct Quantised {
    /// `[rows, padded inputs]`.
    values: Vec<i16>,
    /// `[rows]`.
    scales: Vec<f32>,
}

impl Quantised {
    /// Room for `rows` rows of `inputs`.
    pub fn new(rows: usize, inputs: usize) -> Self {
        Quantised { values: vec![0; rows * padded(inputs)], scales: vec![0.0; rows] }
    }

    /// Each row times a scale of its own, so that its largest value becomes `largest`.
    fn fill(&mut self, x: Rows, inputs: usize, largest: f32) {
        for row in 0..x.count {
            let from = lanes(x.row(row, inputs));
            let mut most = f32x8::splat(SMALLEST);
            // 0 as long as all is finite: rounding would make a number of what is none.
            let mut poison = f32x8::ZERO;
            for x in from {
                most = most.fast_max(f32x8::new(*x).abs());
                poison += f32x8::new(*x) * f32x8::ZERO;
            }
            let most = most.to_array().into_iter().fold(SMALLEST, f32::max);
            self.scales[row] = most / largest + sum(poison);
            let factor = f32x8::splat(largest / most);
            let into = self.values[row * inputs..][..inputs].as_chunks_mut::<LANES>().0;
            for (into, x) in into.iter_mut().zip(from) {
                *into = round_to_i16(f32x8::new(*x) * factor).to_array();
            }
        }
    }
}

impl Matrix {
    /// Matrix of 32-bit floats, `weights` `[outputs, inputs]` without padding.
    pub fn floats(inputs: usize, weights: &[f32], bias: Vec<f32>) -> Self {
        Matrix { inputs: padded(inputs), weights: Weights::Floats(padded_rows(weights, inputs)), bias }
    }

    /// Matrix of integers, `weights` `[outputs, inputs]` without padding, and the scale of each output, `[outputs]`.
    pub fn integers(inputs: usize, weights: &[i8], scales: Vec<f32>, bias: Vec<f32>) -> Self {
        let values = padded_rows(weights, inputs);
        Matrix { inputs: padded(inputs), weights: Weights::Integers { values, scales }, bias }
    }

    /// Inputs a row, padding included.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Outputs a row.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Bytes of weights that a product reads.
    pub fn bytes(&self) -> usize {
        match &self.weights {
            Weights::Floats(values) => 4 * values.len(),
            Weights::Integers { values, scales } => values.len() + 4 * scales.len(),
        }
    }

    /// Rows `x` to rows of `outputs` at `y`, `y_stride` apart; `room` for as many rows of as many inputs.
    pub fn product(&self, x: Rows, y: &mut [f32], y_stride: usize, room: &mut Quantised) {
        let inputs = self.inputs;
        match &self.weights {
            Weights::Floats(weights) => {
                self.tiles(x.count, y, y_stride, Floats { weights, inputs, x });
            }
            Weights::Integers { values, scales } => {
                // The largest activation for which a sum over all inputs still fits 32 bits.
                let largest = (i32::MAX as usize / (127 * inputs)).min(i16::MAX as usize);
                room.fill(x, inputs, largest as f32);
                self.tiles(x.count, y, y_stride, Integers { weights: values, scales, inputs, x: room });
            }
        }
    }

    #[inline(always)]
    fn tiles(&self, rows: usize, y: &mut [f32], y_stride: usize, tile: impl Tile) {
        for panel in (0..self.outputs()).step_by(PANEL) {
            let end = (panel + PANEL).min(self.outputs());
            let mut row = 0;
            while row < rows {
                let two_rows = row + 2 <= rows;
                let mut output = panel;
                while output < end {
                    let two_outputs = output + 2 <= end;
                    match (two_rows, two_outputs) {
                        (true, true) => self.write(y, y_stride, row, output, tile.work::<2, 2>(row, output)),
                        (true, false) => self.write(y, y_stride, row, output, tile.work::<2, 1>(row, output)),
                        (false, true) => self.write(y, y_stride, row, output, tile.work::<1, 2>(row, output)),
                        (false, false) => {
                            self.write(y, y_stride, row, output, tile.work::<1, 1>(row, output))
                        }
                    }
                    output += 1 + usize::from(two_outputs);
                }
                row += 1 + usize::from(two_rows);
            }
        }
    }

    #[inline(always)]
    fn write<const R: usize, const N: usize>(
        &self,
        y: &mut [f32],
        y_stride: usize,
        row: usize,
        output: usize,
        sums: [[f32; N]; R],
    ) {
        for (r, sums) in sums.iter().enumerate() {
            for (n, sum) in sums.iter().enumerate() {
                y[(row + r) * y_stride + output + n] = sum + self.bias[output + n];
            }
        }
    }
}

/// `[outputs, inputs]` with zeros up to the padded inputs.
fn padded_rows<T: Copy + Default>(weights: &[T], inputs: usize) -> Vec<T> {
    let width = padded(inputs);
    let mut all = vec![T::default(); weights.len() / inputs * width];
    for (row, padded) in weights.chunks_exact(inputs).zip(all.chunks_exact_mut(width)) {
        padded[..inputs].copy_from_slice(row);
    }
    all
}

/// A few outputs of a few rows.
trait Tile: Copy {
    /// Products of rows `row..row + R` with the weights of outputs `output..output + N`.
    fn work<const R: usize, const N: usize>(self, row: usize, output: usize) -> [[f32; N]; R];
}

#[derive(Clone, Copy)]
struct Floats<'a> {
    weights: &'a [f32],
    inputs: usize,
    x: Rows<'a>,
}

impl Tile for Floats<'_> {
    #[inline(always)]
    fn work<const R: usize, const N: usize>(self, row: usize, output: usize) -> [[f32; N]; R] {
        let groups = self.inputs / LANES;
        let w: [&[[f32; LANES]]; N] =
            std::array::from_fn(|n| &lanes(&self.weights[(output + n) * self.inputs..])[..groups]);
        let x: [&[[f32; LANES]]; R] =
            std::array::from_fn(|r| &lanes(self.x.row(row + r, self.inputs))[..groups]);
        let mut sums = [[f32x8::ZERO; N]; R];
        for i in 0..groups {
            let x: [f32x8; R] = std::array::from_fn(|r| f32x8::new(x[r][i]));
            for n in 0..N {
                let w = f32x8::new(w[n][i]);
                for r in 0..R {
                    sums[r][n] += w * x[r];
                }
            }
        }
        sums.map(|sums| sums.map(sum))
    }
}

#[derive(Clone, Copy)]
struct Integers<'a> {
    weights: &'a [i8],
    scales: &'a [f32],
    inputs: usize,
    x: &'a Quantised,
}

impl Tile for Integers<'_> {
    #[inline(always)]
    fn work<const R: usize, const N: usize>(self, row: usize, output: usize) -> [[f32; N]; R] {
        let groups = self.inputs / PADDING;
        let w: [&[[i8; PADDING]]; N] = std::array::from_fn(|n| {
            &self.weights[(output + n) * self.inputs..][..self.inputs].as_chunks().0[..groups]
        });
        let x: [&[[i16; PADDING]]; R] = std::array::from_fn(|r| {
            &self.x.values[(row + r) * self.inputs..][..self.inputs].as_chunks().0[..groups]
        });
        let mut sums = [[i32x4::ZERO; N]; R];
        for i in 0..groups {
            let x: [[i16x8; 2]; R] = std::array::from_fn(|r| bytemuck::must_cast(x[r][i]));
            for n in 0..N {
                let w = widen(&w[n][i]);
                for r in 0..R {
                    sums[r][n] += dot(w, x[r]);
                }
            }
        }
        let mut out = [[0.0; N]; R];
        for r in 0..R {
            for n in 0..N {
                let sum = sums[r][n].to_array().into_iter().fold(0, i32::wrapping_add);
                out[r][n] = sum as f32 * (self.x.scales[row + r] * self.scales[output + n]);
            }
        }
        out
    }
}
