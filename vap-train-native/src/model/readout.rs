//! A teacher's own head, read at every frame: its attention pooling over the last frames, leaning to the newest by a
//! learned bias, then its classifier. While a model is trained it reads the encoder's frames beside the model's own
//! heads, so that a pretrained encoder learns to stream from answers it can already nearly give. It is not exported.

use tch::nn::{Init, Path};
use tch::{Kind, Tensor};

use super::teacher::Teacher;
use crate::error::Result;

/// Frames by which the weight of a frame falls e-fold at the start.
const LEAN_FRAMES: f64 = 6.0;
/// Epsilon of the classifier's norm.
const NORM_EPSILON: f64 = 1e-5;
/// Parts of the teacher's head.
const PARTS: [&str; 6] = ["pool.0", "pool.2", "classifier.0", "classifier.1", "classifier.4", "classifier.6"];

/// Head of a teacher for every frame.
pub struct Readout {
    /// Weight and bias of each of [`PARTS`].
    parts: Vec<[Tensor; 2]>,
    /// Bias by distance, `[frames]`.
    distance_bias: Tensor,
}

impl Readout {
    /// The head of `teacher` as variables below `path`, over the last `frames` frames.
    ///
    /// # Errors
    /// [`crate::error::Error::Weights`] when the teacher lacks a part.
    pub fn new(path: &Path, teacher: &Teacher, frames: usize) -> Result<Readout> {
        let variable = |name: String| -> Result<Tensor> {
            Ok(path.var_copy(&name.replace('.', "_"), teacher.weight(&name)?))
        };
        let parts = PARTS
            .iter()
            .map(|part| Ok([variable(format!("{part}.weight"))?, variable(format!("{part}.bias"))?]))
            .collect::<Result<_>>()?;
        let mut distance_bias = path.var("distance_bias", &[frames as i64], Init::Const(0.0));
        let lean = Tensor::arange(frames as i64, (Kind::Float, path.device())) / -LEAN_FRAMES;
        tch::no_grad(|| distance_bias.copy_(&lean));
        Ok(Readout { parts, distance_bias })
    }

    /// Logits `[rows, frames]` of an encoder's frames `[rows, frames, dim]`.
    pub fn forward(&self, encoded: &Tensor) -> Tensor {
        let frames = encoded.size()[1];
        let at = Tensor::arange(frames, (Kind::Int64, encoded.device()));
        let distance = at.unsqueeze(1) - at.unsqueeze(0);
        let window = self.distance_bias.size()[0];
        let outside = distance.less(0).logical_or(&distance.greater_equal(window));
        let by_distance = self.distance_bias.index_select(0, &distance.clamp(0, window - 1).flatten(0, -1));
        let bias = by_distance.reshape([frames, frames]).masked_fill(&outside, f64::NEG_INFINITY);
        let score = self.linear(1, &self.linear(0, encoded).tanh()).transpose(1, 2);
        let pooled = (score + bias).softmax(-1, Kind::Float).matmul(encoded);
        let [scale, shift] = &self.parts[3];
        let x =
            self.linear(2, &pooled).layer_norm(scale.size(), Some(scale), Some(shift), NORM_EPSILON, false);
        let x = self.linear(4, &x.gelu("none")).gelu("none");
        self.linear(5, &x).squeeze_dim(-1)
    }

    fn linear(&self, part: usize, x: &Tensor) -> Tensor {
        let [weight, bias] = &self.parts[part];
        x.linear(weight, Some(bias))
    }
}
