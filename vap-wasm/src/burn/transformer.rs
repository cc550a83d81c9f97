//! Both channels together: each frame sees its own channel's past and the other channel's, the present included.

use super::attention::{Attention, DistanceBias, Window};
use super::layers::{FeedForward, LayerNorm};
use super::state::StereoState;
use burn::tensor::Tensor;

/// Stereo layers and the last norm; both channels go through the same weights.
#[derive(Debug)]
pub struct Transformer {
    pub(super) distance_bias: DistanceBias,
    pub(super) layers: Vec<StereoLayer>,
    pub(super) norm: LayerNorm,
}

/// Self-attention, attention to the other channel, feed-forward.
#[derive(Debug)]
pub struct StereoLayer {
    pub(super) self_attention: Attention,
    pub(super) cross_attention: Attention,
    pub(super) feed_forward: FeedForward,
}

impl Transformer {
    /// `[rows, time, dim] -> [rows, time, dim]`.
    pub(super) fn forward(&self, mut x: Tensor<3>, state: &mut [StereoState], window: &Window) -> Tensor<3> {
        let bias = window.bias(&self.distance_bias);
        for (layer, state) in self.layers.iter().zip(state) {
            x = x.clone() + layer.self_attention.forward(x, &mut state.self_attention, window, &bias);
            x = x.clone() + layer.cross_attention.forward(x, &mut state.cross_attention, window, &bias);
            x = x.clone() + layer.feed_forward.forward(x);
        }
        self.norm.forward(x)
    }
}
