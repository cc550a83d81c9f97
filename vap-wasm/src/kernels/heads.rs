//! The last hidden frames of both channels to the 27 logits of a frame.
//!
//! Each channel is asked about itself, seen beside the other, with the same weights; so swapping the channels swaps
//! the answers. Overlap is asked once, of the sum.

use super::layers::LayerNorm;
use super::matrix::{Matrix, Rows};
use super::room::Room;
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
    /// The rows of `room.stereo.x` to `room.logits`, in the order of `vap_core::projection`.
    pub fn step(&self, norm: &LayerNorm, room: &mut Room) {
        let flow = &mut room.stereo;
        norm.rows(&flow.x, &mut flow.normed, flow.rows);
        let (streams, dim) = (flow.rows / 2, norm.dim);
        let (width, sum_width) = (self.channel.inputs(), self.overlap.inputs());
        for stream in 0..streams {
            let [user, agent] =
                [0, 1].map(|channel| &flow.normed[(2 * stream + channel) * flow.dim..][..dim]);
            for (channel, own, other) in [(0, user, agent), (1, agent, user)] {
                let pair = &mut room.pairs[(2 * stream + channel) * width..];
                pair[..dim].copy_from_slice(own);
                pair[dim..2 * dim].copy_from_slice(other);
            }
            for ((sum, user), agent) in room.sums[stream * sum_width..].iter_mut().zip(user).zip(agent) {
                *sum = user + agent;
            }
        }
        let pairs = Rows { values: &room.pairs, count: flow.rows, stride: width };
        self.channel.product(pairs, &mut room.answers, CHANNEL_OUTPUTS, &mut flow.quantised);
        let sums = Rows { values: &room.sums, count: streams, stride: sum_width };
        self.overlap.product(sums, &mut room.overlaps, 1, &mut flow.quantised);

        let answers = room.answers.chunks_exact(2 * CHANNEL_OUTPUTS).zip(&room.overlaps);
        for (logits, (answers, overlap)) in room.logits.as_chunks_mut::<OUTPUTS>().0.iter_mut().zip(answers) {
            let (user, agent) = answers.split_at(CHANNEL_OUTPUTS);
            logits[..BINS].copy_from_slice(&user[..BINS]);
            logits[BINS..2 * BINS].copy_from_slice(&agent[..BINS]);
            for (pair, at) in logits[2 * BINS..].as_chunks_mut::<2>().0.iter_mut().zip(BINS..CHANNEL_OUTPUTS)
            {
                *pair = [user[at], agent[at]];
            }
            logits[OUTPUTS - 1] = *overlap;
        }
    }
}
