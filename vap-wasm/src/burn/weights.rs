//! Weights of a model file into layers: names and shapes are checked against `vap_core::params` before anything is
//! built, `[out, in]` becomes `[in, out]`, and matrices that read the same input are laid side by side.

use super::attention::{Attention, DistanceBias};
use super::layers::{CausalConv, FeedForward, LayerNorm, Linear};
use crate::error::Result;
use burn::tensor::{Device, Tensor, TensorData};
use vap_core::Error as CoreError;
use vap_core::model_file::{ModelFile, Storage, Weight};

/// Reads checked weights by name.
pub(super) struct Weights<'a> {
    file: &'a ModelFile,
    device: &'a Device,
}

impl<'a> Weights<'a> {
    /// Checks every weight of `file` against its config.
    pub fn check(file: &'a ModelFile, device: &'a Device) -> Result<Self> {
        file.check_weights(Storage::F32)?;
        Ok(Weights { file, device })
    }

    fn get(&self, name: &str) -> Result<&Weight> {
        Ok(self.file.weight(name)?)
    }

    pub fn vector(&self, name: &str) -> Result<Tensor<1>> {
        let values = self.get(name)?.values.clone();
        let length = values.len();
        Ok(Tensor::from_data(TensorData::new(values, [length]), self.device))
    }

    /// One matrix from the linears `at.part`, which all read the same input.
    pub fn linear(&self, at: &str, parts: &[&str]) -> Result<Linear> {
        let names: Vec<String> = parts.iter().map(|part| format!("{at}.{part}")).collect();
        self.side_by_side(&names)
    }

    /// One matrix from the linears of these names.
    pub fn side_by_side(&self, names: &[String]) -> Result<Linear> {
        let weights = names.iter().map(|n| self.get(&format!("{n}.weight"))).collect::<Result<Vec<_>>>()?;
        let inputs = weights.first().and_then(|w| w.shape.get(1)).copied().unwrap_or(0);
        let outputs = weights.iter().map(|w| w.values.len() / inputs.max(1)).sum();
        let mut values = vec![0.0; inputs * outputs];
        let rows = weights.iter().flat_map(|w| w.values.chunks_exact(inputs.max(1)));
        for (column, row) in rows.enumerate() {
            for (i, value) in row.iter().enumerate() {
                values[i * outputs + column] = *value;
            }
        }
        let biases = names.iter().map(|n| self.vector(&format!("{n}.bias"))).collect::<Result<Vec<_>>>()?;
        let weight = Tensor::from_data(TensorData::new(values, [inputs, outputs]), self.device);
        Ok(Linear { weight, bias: Tensor::cat(biases, 0) })
    }

    /// `at.weight` and `at.bias` as a norm.
    pub fn norm(&self, at: &str) -> Result<LayerNorm> {
        Ok(LayerNorm {
            gamma: self.vector(&format!("{at}.weight"))?,
            beta: self.vector(&format!("{at}.bias"))?,
            epsilon: self.file.config.norm_epsilon,
        })
    }

    /// `at.weight` `[out, in, kernel]` and `at.bias` as a causal convolution.
    pub fn conv(&self, at: &str, stride: usize) -> Result<CausalConv> {
        let weight = self.get(&format!("{at}.weight"))?;
        let [outputs, inputs, kernel] = weight.shape[..] else {
            let (expected, found) = (3, weight.shape.len());
            return Err(CoreError::Length { what: "dimensions of a convolution", expected, found }.into());
        };
        let mut values = vec![0.0; weight.values.len()];
        for (at, value) in weight.values.iter().enumerate() {
            let (output, input, tap) = (at / (inputs * kernel), at / kernel % inputs, at % kernel);
            values[(tap * inputs + input) * outputs + output] = *value;
        }
        let matrix = Tensor::from_data(TensorData::new(values, [kernel * inputs, outputs]), self.device);
        let linear = Linear { weight: matrix, bias: self.vector(&format!("{at}.bias"))? };
        Ok(CausalConv { linear, kernel, stride })
    }

    /// Attention `at.kind` of a layer of `heads` heads.
    pub fn attention(&self, at: &str, kind: &str, heads: usize) -> Result<Attention> {
        let at = format!("{at}.{kind}");
        Ok(Attention {
            norm: self.norm(&format!("{at}.norm"))?,
            query_key_value: self.linear(&at, &["query", "key", "value"])?,
            output: self.linear(&at, &["output"])?,
            heads,
            crossed: kind == "cross_attention",
        })
    }

    /// The learned distance bias of layer `at`.
    pub fn distance_bias(&self, at: &str) -> Result<DistanceBias> {
        let learned = &self.get(&format!("{at}.self_attention.distance_bias"))?.values;
        Ok(DistanceBias::new(learned, self.file.config.context_frames, self.device))
    }

    /// Feed-forward part of layer `at`.
    pub fn feed_forward(&self, at: &str) -> Result<FeedForward> {
        let at = format!("{at}.feed_forward");
        Ok(FeedForward {
            norm: self.norm(&format!("{at}.norm"))?,
            expand: self.linear(&at, &["expand"])?,
            contract: self.linear(&at, &["contract"])?,
        })
    }
}
