//! Weights of a model file into matrices, in the form that the kernels read: checked, laid side by side, padded.

use super::lanes::padded;
use super::layers::LayerNorm;
use super::matrix::Matrix;
use crate::error::Result;
use std::collections::BTreeMap;
use vap_core::Error as CoreError;
use vap_core::model_file::{ModelView, StoredWeight};
use vap_core::params;

/// Checked weights by name.
pub(super) struct Weights<'a> {
    stored: BTreeMap<String, (StoredWeight<'a>, Vec<usize>)>,
    epsilon: f32,
}

impl<'a> Weights<'a> {
    /// Checks every weight of a file.
    pub fn new(view: &ModelView<'a>) -> Result<Self> {
        let stored = params::params(&view.config).into_iter().map(|param| {
            let weight = view.weight(&param)?;
            Ok((param.name, (weight, param.shape)))
        });
        let epsilon = view.config.norm_epsilon as f32;
        Ok(Weights { stored: stored.collect::<Result<_>>()?, epsilon })
    }

    fn get(&self, name: &str) -> Result<(&StoredWeight<'a>, &[usize])> {
        let missing = || CoreError::WeightMissing { name: name.into(), expected: Vec::new() };
        let (weight, shape) = self.stored.get(name).ok_or_else(missing)?;
        Ok((weight, shape))
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.get(name)?.0.to_f32())
    }

    fn part(&self, at: &str) -> Result<(Part, &[usize])> {
        let (weight, shape) = self.get(&format!("{at}.weight"))?;
        let values = match weight {
            StoredWeight::I8 { integers, scales } => {
                Values::Integers(integers.iter().map(|q| *q as i8).collect(), scales.clone())
            }
            floats => Values::Floats(floats.to_f32()),
        };
        Ok((Part { values, bias: self.vector(&format!("{at}.bias"))? }, shape))
    }

    /// One matrix from the linears `at.part`, which all read the same input; each part's outputs times its factor.
    pub fn linear(&self, at: &str, parts: &[(&str, f32)]) -> Result<Matrix> {
        let mut stack = Vec::new();
        let mut inputs = 0;
        for (name, factor) in parts {
            let (part, shape) = self.part(&format!("{at}.{name}"))?;
            inputs = shape[1];
            stack.push(part.times(*factor));
        }
        Ok(matrix(inputs, stack))
    }

    /// `at.weight` `[out, in, kernel]` and `at.bias` as a matrix over windows, oldest input first.
    pub fn conv(&self, at: &str) -> Result<Matrix> {
        let (part, shape) = self.part(at)?;
        let (inputs, kernel) = (shape[1], shape[2]);
        let values = match part.values {
            Values::Floats(values) => Values::Floats(oldest_first(&values, inputs, kernel)),
            Values::Integers(values, scales) => {
                Values::Integers(oldest_first(&values, inputs, kernel), scales)
            }
        };
        Ok(matrix(inputs * kernel, vec![Part { values, ..part }]))
    }

    /// `at.weight` and `at.bias` as a norm.
    pub fn norm(&self, at: &str) -> Result<LayerNorm> {
        let (mut gamma, mut beta) =
            (self.vector(&format!("{at}.weight"))?, self.vector(&format!("{at}.bias"))?);
        let dim = gamma.len();
        gamma.resize(padded(dim), 0.0);
        beta.resize(padded(dim), 0.0);
        Ok(LayerNorm { gamma, beta, dim, epsilon: self.epsilon })
    }
}

/// Outputs of a matrix.
struct Part {
    values: Values,
    bias: Vec<f32>,
}

enum Values {
    Floats(Vec<f32>),
    /// With the scale of each output.
    Integers(Vec<i8>, Vec<f32>),
}

impl Part {
    fn times(mut self, factor: f32) -> Self {
        let (Values::Floats(scaled) | Values::Integers(_, scaled)) = &mut self.values;
        scaled.iter_mut().chain(&mut self.bias).for_each(|v| *v *= factor);
        self
    }
}

/// All outputs below each other: integers if all are, else floats.
fn matrix(inputs: usize, parts: Vec<Part>) -> Matrix {
    let bias: Vec<f32> = parts.iter().flat_map(|p| p.bias.iter().copied()).collect();
    if parts.iter().all(|p| matches!(p.values, Values::Integers(..))) {
        let (mut integers, mut all_scales) = (Vec::new(), Vec::new());
        for part in parts {
            if let Values::Integers(values, scales) = part.values {
                integers.extend(values);
                all_scales.extend(scales);
            }
        }
        return Matrix::integers(inputs, &integers, &all_scales, &bias);
    }
    let mut floats = Vec::new();
    for part in parts {
        match part.values {
            Values::Floats(values) => floats.extend(values),
            Values::Integers(values, scales) => {
                let rows = values.chunks_exact(inputs).zip(&scales);
                floats.extend(rows.flat_map(|(row, scale)| row.iter().map(move |q| f32::from(*q) * scale)));
            }
        }
    }
    Matrix::floats(inputs, &floats, &bias)
}

/// `[out, in, kernel]` to `[out, kernel, in]`.
fn oldest_first<T: Copy>(values: &[T], inputs: usize, kernel: usize) -> Vec<T> {
    let taps = |row: &[T]| -> Vec<T> {
        (0..kernel).flat_map(|tap| row.iter().skip(tap).step_by(kernel).copied()).collect()
    };
    values.chunks_exact(inputs * kernel).flat_map(taps).collect()
}
