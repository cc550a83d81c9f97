//! One channel alone: mel frames in, two of them to an output frame, each aware of its own channel's past.

use super::attention::{Attention, DistanceBias, Window};
use super::layers::{CausalConv, FeedForward, LayerNorm, gelu};
use super::state::EncoderState;
use burn::tensor::Tensor;

/// Convolutions, then self-attention layers; both channels go through the same weights.
#[derive(Debug)]
pub struct Encoder {
    pub(super) conv1: CausalConv,
    pub(super) conv2: CausalConv,
    /// Added to every frame where the encoder is Whisper's, which is normalised behind its layers, not before them;
    /// `[dim]`.
    pub(super) position: Option<Tensor<1>>,
    pub(super) norm: LayerNorm,
    /// One for all layers, or one a layer.
    pub(super) distance_biases: Vec<DistanceBias>,
    pub(super) layers: Vec<ChannelLayer>,
}

/// Self-attention, then feed-forward.
#[derive(Debug)]
pub struct ChannelLayer {
    pub(super) self_attention: Attention,
    pub(super) feed_forward: FeedForward,
}

impl Encoder {
    /// Normalised mels `[rows, 2 x time, 80] -> [rows, time, dim]`.
    pub(super) fn forward(&self, mels: Tensor<3>, state: &mut EncoderState, window: &Window) -> Tensor<3> {
        let x = gelu(self.conv1.forward(mels, &mut state.mel_tail));
        let x = gelu(self.conv2.forward(x, &mut state.frame_tail));
        let mut x = match &self.position {
            Some(position) => x + position.clone().reshape([1, 1, -1]),
            None => self.norm.forward(x),
        };
        let biases: Vec<_> =
            self.distance_biases.iter().map(|by_distance| window.bias(by_distance)).collect();
        for ((layer, ring), bias) in self.layers.iter().zip(&mut state.layers).zip(biases.iter().cycle()) {
            x = x.clone() + layer.self_attention.forward(x, ring, window, bias);
            x = x.clone() + layer.feed_forward.forward(x);
        }
        if self.position.is_some() { self.norm.forward(x) } else { x }
    }
}
