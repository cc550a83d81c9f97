//! The last hidden frames of both channels to the 27 logits of a frame.
//!
//! Each channel is asked about itself, seen beside the other, with the same weights; so swapping the channels swaps
//! the answers. Overlap is asked once, of the sum.

use super::layers::LayerNorm;
use super::matrix::{Matrix, Rows};
use super::model::Room;
use vap_core::projection::{BINS, OUTPUTS};

/// Numbers a channel: bins, end of turn, backchannel, VAD.
pub(super) const CHANNEL_OUTPUTS: usize = BINS + 3;

/// All heads.
#[derive(Debug)]
pub(super) struct Heads {
    /// `[13, 2 dim]`: projection, end of turn, backchannel, VAD below each other.
    pub channel: Matrix,
    /// `[1, dim]`.
    pub overlap: Matrix,
}

impl Heads {
    /// The rows of `room.x` to `room.logits`, in the order of `vap_core::projection`.
    pub fn step(&self, norm: &LayerNorm, room: &mut Room, dim: usize) {
        norm.rows(&room.x, &mut room.normed, room.rows);
        let width = self.channel.inputs();
        for stream in 0..room.rows / 2 {
            let [user, agent] =
                [0, 1].map(|channel| &room.normed[(2 * stream + channel) * room.dim..][..dim]);
            for (row, own, other) in [(0, user, agent), (1, agent, user)] {
                room.pair[row * width..][..dim].copy_from_slice(own);
                room.pair[row * width + dim..][..dim].copy_from_slice(other);
            }
            let pair = Rows { values: &room.pair, count: 2, stride: width };
            self.channel.product(pair, &mut room.answers, CHANNEL_OUTPUTS, &mut room.quantised);
            let logits = &mut room.logits[stream * OUTPUTS..][..OUTPUTS];
            let (users, agents) = room.answers.split_at(CHANNEL_OUTPUTS);
            logits[..BINS].copy_from_slice(&users[..BINS]);
            logits[BINS..2 * BINS].copy_from_slice(&agents[..BINS]);
            for (pair, at) in logits[2 * BINS..].as_chunks_mut::<2>().0.iter_mut().zip(BINS..CHANNEL_OUTPUTS)
            {
                *pair = [users[at], agents[at]];
            }

            for ((sum, user), agent) in room.sum.iter_mut().zip(user).zip(agent) {
                *sum = user + agent;
            }
            let sum = Rows { values: &room.sum, count: 1, stride: 0 };
            self.overlap.product(sum, &mut logits[OUTPUTS - 1..], 1, &mut room.quantised);
        }
    }
}
