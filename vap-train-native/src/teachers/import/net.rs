//! The source's encoder in tch, as it was trained: centred convolutions, positions, every frame hearing every other; or
//! with what a stream needs in their place, to see what that changes.

use tch::{Kind, Tensor};
use vap_core::config::MEL_BANDS;
use vap_core::model_file::Weight;

use super::source::{Affine, Norm, SourceEncoder};

/// What attention may hear, and what tells places apart.
#[derive(Clone, Copy)]
pub enum Form {
    /// Positions of the source, all frames: as onnxruntime computes it.
    #[cfg_attr(not(test), expect(dead_code))]
    AsTrained,
    /// Positions of the source, frames up to the present.
    Causal,
    /// One position for all, so many frames up to the present.
    Stream(i64),
}

/// What a pass gives.
pub struct Pass {
    /// Behind the last norm, `[batch, frames, dim]`.
    #[cfg_attr(not(test), expect(dead_code))]
    pub frames: Tensor,
    /// Scores of each layer's attention before mask and softmax, `[batch, heads, frames, frames]`.
    pub scores: Vec<Tensor>,
}

/// A weight as a tensor.
pub fn tensor(weight: &Weight) -> Tensor {
    let shape: Vec<i64> = weight.shape.iter().map(|d| *d as i64).collect();
    Tensor::from_slice(&weight.values).reshape(&shape)
}

/// The mean of the last so many positions, `[dim]`.
pub fn constant_position(source: &SourceEncoder, last: i64) -> Tensor {
    let positions = tensor(&source.positions);
    let frames = positions.size()[0];
    let last = last.min(frames);
    positions.narrow(0, frames - last, last).mean_dim([0i64].as_slice(), false, Kind::Float)
}

/// Passes mels `[batch, 80, 2 * frames]` of the source's scale through its encoder. The last frames get the last
/// positions.
pub fn pass(source: &SourceEncoder, mels: &Tensor, form: Form) -> Pass {
    let conv = |x: &Tensor, part: &Affine, stride: i64| {
        let (weight, bias) = (tensor(&part.weight), tensor(&part.bias));
        x.conv1d(&weight, Some(&bias), [stride], [1], [1], 1).gelu("none")
    };
    let x = conv(&conv(mels, &source.conv1, 1), &source.conv2, 2).transpose(1, 2);
    let (batch, frames, dim) = x.size3().unwrap_or((0, 0, 0));
    let positions = tensor(&source.positions);
    let mut x = match form {
        Form::AsTrained | Form::Causal => &x + positions.narrow(0, positions.size()[0] - frames, frames),
        Form::Stream(window) => &x + constant_position(source, window),
    };
    let mask = mask(frames, form);
    let heads = source.heads as i64;
    let split = |x: Tensor| x.reshape([batch, frames, heads, dim / heads]).transpose(1, 2);
    let mut scores = Vec::new();
    for layer in &source.layers {
        let own = norm(&x, &layer.attention_norm, source.norm_epsilon);
        let [q, k, v] = [&layer.query, &layer.key, &layer.value].map(|part| split(linear(&own, part)));
        let score = q.matmul(&k.transpose(2, 3)) / ((dim / heads) as f64).sqrt();
        let weights = (&score + &mask).softmax(-1, Kind::Float);
        let mixed = weights.matmul(&v).transpose(1, 2).reshape([batch, frames, dim]);
        x = &x + linear(&mixed, &layer.output);
        let own = norm(&x, &layer.feed_forward_norm, source.norm_epsilon);
        x = &x + linear(&linear(&own, &layer.expand).gelu("none"), &layer.contract);
        scores.push(score);
    }
    Pass { frames: norm(&x, &source.norm, source.norm_epsilon), scores }
}

/// 0 where a frame `[i, j]` is heard, minus infinity elsewhere.
fn mask(frames: i64, form: Form) -> Tensor {
    let place = Tensor::arange(frames, (Kind::Float, tch::Device::Cpu));
    let distance = place.unsqueeze(1) - place.unsqueeze(0);
    let outside = match form {
        Form::AsTrained => distance.zeros_like().to_kind(Kind::Bool),
        Form::Causal => distance.less(0.0),
        Form::Stream(window) => distance.less(0.0).logical_or(&distance.greater_equal(window as f64)),
    };
    distance.zeros_like().masked_fill(&outside, f64::NEG_INFINITY)
}

fn linear(x: &Tensor, part: &Affine) -> Tensor {
    x.linear(&tensor(&part.weight), Some(&tensor(&part.bias)))
}

fn norm(x: &Tensor, part: &Norm, epsilon: f64) -> Tensor {
    let (weight, bias) = (tensor(&part.weight), tensor(&part.bias));
    x.layer_norm(weight.size(), Some(&weight), Some(&bias), epsilon, false)
}

/// Features `[frames, 80]` of several windows of equal length as `[batch, 80, frames]`.
pub fn batch(windows: &[Vec<f64>]) -> Tensor {
    let values: Vec<f32> = windows.iter().flatten().map(|x| *x as f32).collect();
    Tensor::from_slice(&values).reshape([windows.len() as i64, -1, MEL_BANDS as i64]).transpose(1, 2)
}
