//! One channel alone: mel frames in, two of them to an output frame, each aware of its own channel's past.

use super::attention::{Attention, Window};
use super::layers::{CausalConv, FeedForward, LayerNorm, gelu};
use super::state::EncoderState;
use burn::tensor::Tensor;

/// Convolutions, then self-attention layers; both channels go through the same weights.
#[derive(Debug)]
pub struct Encoder {
    pub(super) conv1: CausalConv,
    pub(super) conv2: CausalConv,
    pub(super) norm: LayerNorm,
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
        let mut x = self.norm.forward(x);
        for (layer, ring) in self.layers.iter().zip(&mut state.layers) {
            x = x.clone() + layer.self_attention.forward(x, ring, window);
            x = x.clone() + layer.feed_forward.forward(x);
        }
        x
    }
}
