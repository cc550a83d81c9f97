//! The last hidden frames of both channels to the 27 logits of a frame.
//!
//! Each channel is asked about itself, seen beside the other, with the same weights; so swapping the channels swaps
//! the answers. Overlap is asked once, of the sum.

use super::layers::{Linear, swap_channels};
use burn::tensor::Tensor;
use vap_core::projection::BINS;

/// Numbers a channel: bins, end of turn, backchannel, VAD.
pub(super) const CHANNEL_OUTPUTS: usize = BINS + 3;

/// All heads.
#[derive(Debug)]
pub struct Heads {
    /// `[2 dim, 13]`: projection, end of turn, backchannel, VAD side by side.
    pub(super) channel: Linear,
    /// `[dim, 1]`.
    pub(super) overlap: Linear,
}

impl Heads {
    /// `[2 x streams, time, dim] -> [streams, time, 27]`, in the order of `vap_core::projection`.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let streams = x.dims()[0] / 2;
        let other = swap_channels(x.clone());
        let users = x.clone().narrow(0, 0, streams);
        let agents = x.clone().narrow(0, streams, streams);
        let overlap = self.overlap.forward(users + agents);
        let each = self.channel.forward(Tensor::cat(vec![x, other], 2));
        let time = each.dims()[1];
        let part = |channel: usize, from: usize, to: usize| {
            each.clone().slice([channel * streams..(channel + 1) * streams, 0..time, from..to])
        };
        let mut parts = vec![part(0, 0, BINS), part(1, 0, BINS)];
        for at in BINS..CHANNEL_OUTPUTS {
            parts.extend([part(0, at, at + 1), part(1, at, at + 1)]);
        }
        parts.push(overlap);
        Tensor::cat(parts, 2)
    }
}
