//! The small layers every room of the model uses. They hold plain tensors and Burn's functional ops: Burn's own
//! layer structs draw random ids when they are built, and an AudioWorklet has no source of randomness.

use burn::tensor::{Tensor, activation, module};

/// `y = x W + b` on the last axis.
#[derive(Debug)]
pub(super) struct Linear {
    /// `[in, out]`.
    pub weight: Tensor<2>,
    /// `[out]`.
    pub bias: Tensor<1>,
}

impl Linear {
    /// `[rows, time, in] -> [rows, time, out]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        module::linear(x, self.weight.clone(), Some(self.bias.clone()))
    }
}

/// Normalisation over the last axis, with scale and shift.
#[derive(Debug)]
pub(super) struct LayerNorm {
    /// Scale, `[dim]`.
    pub gamma: Tensor<1>,
    /// Shift, `[dim]`.
    pub beta: Tensor<1>,
    pub epsilon: f64,
}

impl LayerNorm {
    /// `[rows, time, dim] -> [rows, time, dim]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        module::layer_norm(x, self.gamma.clone(), Some(self.beta.clone()), self.epsilon)
    }
}

/// Convolution over time that sees the past only, as one matrix product over windows of its input.
#[derive(Debug)]
pub(super) struct CausalConv {
    /// `[kernel x in, out]`, input of one window oldest first.
    pub linear: Linear,
    pub kernel: usize,
    pub stride: usize,
}

impl CausalConv {
    /// `[rows, time x stride, in] -> [rows, time, out]`; `tail` holds the last `kernel - stride` inputs.
    pub fn forward(&self, x: Tensor<3>, tail: &mut Tensor<3>) -> Tensor<3> {
        let [rows, length, width] = x.dims();
        let frames = length / self.stride;
        let kept = self.kernel - self.stride;
        let padded = Tensor::cat(vec![tail.clone(), x], 1);
        *tail = padded.clone().slice([0..rows, length..length + kept]);
        // Windows are cut into groups of one stride, whose inputs stand side by side; the oldest may be shorter.
        let windows = (0..self.kernel.div_ceil(self.stride)).rev().map(|newer| {
            let end = self.kernel - newer * self.stride;
            let start = end.saturating_sub(self.stride);
            let groups = padded.clone().slice([0..rows, start..start + length]);
            let groups = groups.reshape([rows, frames, self.stride * width]);
            groups.slice([0..rows, 0..frames, 0..(end - start) * width])
        });
        self.linear.forward(Tensor::cat(windows.collect(), 2))
    }
}

/// `contract(gelu(expand(norm(x))))`.
#[derive(Debug)]
pub(super) struct FeedForward {
    pub norm: LayerNorm,
    pub expand: Linear,
    pub contract: Linear,
}

impl FeedForward {
    /// `[rows, time, dim] -> [rows, time, dim]`, to be added to `x`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.contract.forward(gelu(self.expand.forward(self.norm.forward(x))))
    }
}

/// GELU in its exact form, by the error function.
pub(super) fn gelu(x: Tensor<3>) -> Tensor<3> {
    activation::gelu(x)
}

/// Each channel's row in the place of the other's: `[user, agent] -> [agent, user]` along the first axis.
pub(super) fn swap_channels<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let half = x.dims()[0] / 2;
    let (users, agents) = (x.clone().narrow(0, 0, half), x.narrow(0, half, half));
    Tensor::cat(vec![agents, users], 0)
}
