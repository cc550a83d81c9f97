//! One channel alone: two mel frames in, an output frame out, aware of its own channel's past.

use super::arithmetic::lanes::add;
use super::arithmetic::matrix::{Matrix, Rows};
use super::attention::Attention;
use super::layers::{FeedForward, LayerNorm, gelu};
use super::shapes::MELS;
use super::state::KernelState;
use super::workspace::Workspace;
use vap_core::config::{MEL_BANDS, MELS_A_FRAME};

/// Convolutions, then self-attention layers; both channels go through the same weights.
#[derive(Debug)]
pub(super) struct Encoder {
    /// `[dim, 3 x 80]`, the inputs of a window oldest first.
    pub conv1: Matrix,
    /// `[dim, conv2_kernel x dim]`, the inputs of a window oldest first.
    pub conv2: Matrix,
    pub conv2_kernel: usize,
    /// Added to every frame where the encoder is Whisper's, `[padded dim]`; it is then normalised behind its layers,
    /// not before them.
    pub position: Option<Vec<f32>>,
    pub norm: LayerNorm,
    pub layers: Vec<ChannelLayer>,
    /// From the encoder's width to that of the stereo layers, where they differ.
    pub bridge: Option<Matrix>,
}

/// Self-attention, then feed-forward.
#[derive(Debug)]
pub(super) struct ChannelLayer {
    pub self_attention: Attention,
    pub feed_forward: FeedForward,
}

impl Encoder {
    /// Numbers of the first convolution that a channel keeps from hop to hop.
    pub fn kept_frames(&self) -> usize {
        (self.conv2_kernel - MELS_A_FRAME) * self.norm.dim
    }

    /// The mel frames in `workspace` to the rows of `workspace.channel.x`; the tails move on by a hop.
    pub fn step(&self, workspace: &mut Workspace, states: &mut [&mut KernelState]) {
        let Workspace { mels, frames, channel: flow, .. } = workspace;
        let (count, wide, dim, kept) = (flow.rows, self.conv2.inputs(), self.norm.dim, self.kept_frames());
        let tails = || (0..2 * states.len()).map(|row| (row / 2, row % 2));
        let hop = MELS * MEL_BANDS;
        for (row, (stream, channel)) in tails().enumerate() {
            let tail = &states[stream].tails[channel];
            mels[row * hop..][..tail.mels.len()].copy_from_slice(&tail.mels);
            frames[row * wide..][..kept].copy_from_slice(&tail.frames);
        }
        for frame in 0..MELS_A_FRAME {
            let windows = Rows { values: &mels[frame * MEL_BANDS..], count, stride: hop };
            let into = &mut frames[kept + frame * dim..];
            self.conv1.product(windows, into, wide, &mut flow.quantised);
        }
        for (row, (stream, channel)) in tails().enumerate() {
            let frames = &mut frames[row * wide..][..self.conv2_kernel * dim];
            gelu(&mut frames[kept..]);
            let tail = &mut states[stream].tails[channel];
            tail.frames.copy_from_slice(&frames[frames.len() - kept..]);
            let mels = &mels[row * hop..][..hop];
            let first = hop - tail.mels.len();
            tail.mels.copy_from_slice(&mels[first..]);
        }
        let windows = Rows { values: frames, count, stride: wide };
        self.conv2.product(windows, &mut flow.y, flow.dim, &mut flow.quantised);
        gelu(&mut flow.y[..count * flow.dim]);
        match &self.position {
            None => self.norm.rows(&flow.y, &mut flow.x, count),
            Some(position) => {
                for (x, y) in flow.x.chunks_exact_mut(flow.dim).zip(flow.y.chunks_exact(flow.dim)).take(count)
                {
                    x.copy_from_slice(y);
                    add(x, position);
                }
            }
        }
    }

    /// What the channel layers left in `workspace.channel.x` to the rows of `workspace.stereo.x`.
    pub fn finish(&self, workspace: &mut Workspace) {
        let Workspace { channel: from, stereo: to, .. } = workspace;
        let count = from.rows;
        let values = match self.position {
            None => &from.x,
            Some(_) => {
                self.norm.rows(&from.x, &mut from.normed, count);
                &from.normed
            }
        };
        match &self.bridge {
            None => to.x[..count * to.dim].copy_from_slice(&values[..count * to.dim]),
            Some(bridge) => {
                let x = Rows { values, count, stride: from.dim };
                bridge.product(x, &mut to.x, to.dim, &mut from.quantised);
            }
        }
    }
}
