//! Both channels together: each frame sees its own channel's past and the other channel's, the present included.

use super::attention::Attention;
use super::layers::{FeedForward, LayerNorm};

/// Stereo layers and the last norm; both channels go through the same weights.
#[derive(Debug)]
pub(super) struct Transformer {
    pub layers: Vec<StereoLayer>,
    pub norm: LayerNorm,
}

/// Self-attention, attention to the other channel, feed-forward.
#[derive(Debug)]
pub(super) struct StereoLayer {
    pub self_attention: Attention,
    pub cross_attention: Attention,
    pub feed_forward: FeedForward,
}
