//! The last hidden frames of both channels to the 27 logits of a frame.
//!
//! Each channel is asked about itself, seen beside the other, with the same weights; so swapping the channels swaps
//! the answers. Overlap is asked once, of the sum.

use super::arithmetic::matrix::{Matrix, Rows};
use super::layers::LayerNorm;
use super::shapes::CHANNEL_OUTPUTS;
use super::workspace::Workspace;
use vap_core::projection::{BINS, OUTPUTS};

/// All heads.
#[derive(Debug)]
pub(super) struct Heads {
    /// `[13, 2 dim]`: projection, end of turn, backchannel, VAD below each other.
    pub channel: Matrix,
    /// `[1, dim]`.
    pub overlap: Matrix,
}

impl Heads {
    /// The rows of `workspace.stereo.x` to `workspace.logits`, in the order of `vap_core::projection`.
    pub fn step(&self, norm: &LayerNorm, workspace: &mut Workspace) {
        let flow = &mut workspace.stereo;
        norm.rows(&flow.x, &mut flow.normed, flow.rows);
        let (streams, dim) = (flow.rows / 2, norm.dim);
        let (width, sum_width) = (self.channel.inputs(), self.overlap.inputs());
        for stream in 0..streams {
            let [user, agent] =
                [0, 1].map(|channel| &flow.normed[(2 * stream + channel) * flow.dim..][..dim]);
            for (channel, own, other) in [(0, user, agent), (1, agent, user)] {
                let pair = &mut workspace.pairs[(2 * stream + channel) * width..];
                pair[..dim].copy_from_slice(own);
                pair[dim..2 * dim].copy_from_slice(other);
            }
            for ((sum, user), agent) in workspace.sums[stream * sum_width..].iter_mut().zip(user).zip(agent) {
                *sum = user + agent;
            }
        }
        let pairs = Rows { values: &workspace.pairs, count: flow.rows, stride: width };
        self.channel.product(pairs, &mut workspace.answers, CHANNEL_OUTPUTS, &mut flow.quantised);
        let sums = Rows { values: &workspace.sums, count: streams, stride: sum_width };
        self.overlap.product(sums, &mut workspace.overlaps, 1, &mut flow.quantised);

        let answers = workspace.answers.chunks_exact(2 * CHANNEL_OUTPUTS).zip(&workspace.overlaps);
        for (logits, (answers, overlap)) in
            workspace.logits.as_chunks_mut::<OUTPUTS>().0.iter_mut().zip(answers)
        {
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
