//! One channel alone: two mel frames in, an output frame out, aware of its own channel's past.

use super::attention::Attention;
use super::layers::{FeedForward, LayerNorm, gelu};
use super::matrix::{Matrix, Rows};
use super::room::Room;
use super::state::KernelState;
use vap_core::config::{CONV1_KERNEL, CONV2_KERNEL, MEL_BANDS, MELS_A_FRAME};

/// Mel frames that a hop looks at: its own, and the tail of the first convolution.
pub(super) const MELS: usize = CONV1_KERNEL - 1 + MELS_A_FRAME;

/// Convolutions, then self-attention layers; both channels go through the same weights.
#[derive(Debug)]
pub(super) struct Encoder {
    /// `[dim, 3 x 80]`, the inputs of a window oldest first.
    pub conv1: Matrix,
    /// `[dim, 4 x dim]`, the inputs of a window oldest first.
    pub conv2: Matrix,
    pub norm: LayerNorm,
    pub layers: Vec<ChannelLayer>,
}

/// Self-attention, then feed-forward.
#[derive(Debug)]
pub(super) struct ChannelLayer {
    pub self_attention: Attention,
    pub feed_forward: FeedForward,
}

impl Encoder {
    /// The mel frames in `room` to the rows of `room.x`; the tails move on by a hop.
    pub fn step(&self, room: &mut Room, states: &mut [&mut KernelState], dim: usize) {
        let (count, wide) = (room.rows, self.conv2.inputs());
        let tails = || (0..2 * states.len()).map(|row| (row / 2, row % 2));
        let mels = MELS * MEL_BANDS;
        for (row, (stream, channel)) in tails().enumerate() {
            let tail = &states[stream].tails[channel];
            room.mels[row * mels..][..tail.mels.len()].copy_from_slice(&tail.mels);
            room.frames[row * wide..][..tail.frames.len()].copy_from_slice(&tail.frames);
        }
        for frame in 0..MELS_A_FRAME {
            let windows = Rows { values: &room.mels[frame * MEL_BANDS..], count, stride: mels };
            let into = (CONV2_KERNEL - MELS_A_FRAME + frame) * dim;
            self.conv1.product(windows, &mut room.frames[into..], wide, &mut room.quantised);
        }
        for (row, (stream, channel)) in tails().enumerate() {
            let frames = &mut room.frames[row * wide..][..CONV2_KERNEL * dim];
            gelu(&mut frames[(CONV2_KERNEL - MELS_A_FRAME) * dim..]);
            let tail = &mut states[stream].tails[channel];
            let kept = frames.len() - tail.frames.len();
            tail.frames.copy_from_slice(&frames[kept..]);
            let mels = &room.mels[row * mels..][..mels];
            let kept = mels.len() - tail.mels.len();
            tail.mels.copy_from_slice(&mels[kept..]);
        }
        let windows = Rows { values: &room.frames, count, stride: wide };
        self.conv2.product(windows, &mut room.y, room.dim, &mut room.quantised);
        gelu(&mut room.y[..count * room.dim]);
        self.norm.rows(&room.y, &mut room.x, count);
    }
}
