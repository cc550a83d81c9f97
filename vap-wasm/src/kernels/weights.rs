//! Weights of a model file into matrices, in the form that the kernels read: checked, laid side by side, padded.

use super::arithmetic::lanes::padded;
use super::arithmetic::matrix::Matrix;
use super::layers::LayerNorm;
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

    /// A weight's values, row-major.
    pub fn vector(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.get(name)?.0.to_f32())
    }

    /// One matrix from the linears `at.part`, which all read the same input; each part's outputs times its factor. It
    /// is of integers when all parts are stored so.
    pub fn linear(&self, at: &str, parts: &[(&str, f32)]) -> Result<Matrix> {
        let names: Vec<_> = parts.iter().map(|(name, factor)| (format!("{at}.{name}"), *factor)).collect();
        self.stacked(&names)
    }

    /// `name.weight` and `name.bias` as a matrix.
    pub fn matrix(&self, name: &str) -> Result<Matrix> {
        self.stacked(&[(name.into(), 1.0)])
    }

    fn stacked(&self, names: &[(String, f32)]) -> Result<Matrix> {
        let mut bias = Vec::new();
        let (mut floats, mut integers, mut scales) = (Vec::new(), Vec::new(), Vec::new());
        let mut inputs = 0;
        for (name, factor) in names {
            let (weight, shape) = self.get(&format!("{name}.weight"))?;
            inputs = shape[1];
            bias.extend(self.vector(&format!("{name}.bias"))?.iter().map(|b| b * factor));
            if let StoredWeight::I8 { integers: values, scales: rows } = weight {
                integers.extend(values.iter().map(|q| *q as i8));
                scales.extend(rows.iter().map(|s| s * factor));
            }
        }
        if scales.len() == bias.len() {
            return Ok(Matrix::integers(inputs, &integers, &scales, &bias));
        }
        for (name, factor) in names {
            floats.extend(self.vector(&format!("{name}.weight"))?.iter().map(|w| w * factor));
        }
        Ok(Matrix::floats(inputs, &floats, &bias))
    }

    /// `at.weight` `[out, in, kernel]` and `at.bias` as a matrix over windows, oldest input first.
    pub fn conv(&self, at: &str) -> Result<Matrix> {
        let (weight, shape) = self.get(&format!("{at}.weight"))?;
        let (inputs, kernel) = (shape[1], shape[2]);
        let bias = self.vector(&format!("{at}.bias"))?;
        Ok(match weight {
            StoredWeight::I8 { integers, scales } => {
                let integers: Vec<i8> = integers.iter().map(|q| *q as i8).collect();
                Matrix::integers(inputs * kernel, &oldest_first(&integers, inputs, kernel), scales, &bias)
            }
            floats => Matrix::floats(inputs * kernel, &oldest_first(&floats.to_f32(), inputs, kernel), &bias),
        })
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

/// `[out, in, kernel]` to `[out, kernel, in]`.
fn oldest_first<T: Copy>(values: &[T], inputs: usize, kernel: usize) -> Vec<T> {
    let taps = |row: &[T]| -> Vec<T> {
        (0..kernel).flat_map(|tap| row.iter().skip(tap).step_by(kernel).copied()).collect()
    };
    values.chunks_exact(inputs * kernel).flat_map(taps).collect()
}
