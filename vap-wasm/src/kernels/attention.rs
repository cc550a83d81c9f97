//! Attention over a bounded window of the past, of a channel to itself or to the other channel.
//!
//! The present is written into the ring before it is looked at; the frame that it displaces is just out of sight.

use super::arithmetic::matrix::{Matrix, Rows};
use super::layers::LayerNorm;
use super::shapes::Shape;
use super::state::KernelState;
use super::workspace::{Flow, NEVER};
use vap_core::ModelConfig;

/// One multi-head attention with its norm before and its output projection after.
#[derive(Debug)]
pub(super) struct Attention {
    pub norm: LayerNorm,
    /// Query, key and value below each other, `[3 dim, dim]`; the query already divided by the root of `head_dim`.
    pub query_key_value: Matrix,
    pub output: Matrix,
    pub shape: Shape,
    pub bias: DistanceBias,
    /// Its ring in the state.
    pub ring: usize,
    /// Keys and values come from the other channel.
    pub crossed: bool,
}

/// What is added to a head's score of a frame for its distance: ALiBi's or learned.
#[derive(Debug)]
pub(super) struct DistanceBias {
    /// `[heads, context]`, the farthest frame first, as they lie in a ring.
    farthest_first: Vec<f32>,
    context: usize,
}

impl DistanceBias {
    /// A bias by distance in frames, `[heads, context]`, the current frame first.
    pub fn learned(by_distance: &[f32], context: usize) -> Self {
        let heads = by_distance.chunks_exact(context);
        DistanceBias { farthest_first: heads.flat_map(|head| head.iter().rev()).copied().collect(), context }
    }

    /// ALiBi: each head's slope times the distance.
    pub fn alibi(config: &ModelConfig) -> Self {
        let context = config.context_frames;
        let slopes = config.alibi_slopes().into_iter();
        let by_distance = slopes.flat_map(|slope| (0..context).map(move |frames| -(slope * frames as f32)));
        Self::learned(&by_distance.collect::<Vec<_>>(), context)
    }

    /// Bias of each slot at `position`, whose own slot is the current frame's, into `biases`, `[heads, slots]`.
    fn of_slots(&self, position: u64, slots: usize, biases: &mut [f32]) {
        let context = self.context;
        let now = (position % context as u64) as usize;
        for (table, row) in self.farthest_first.chunks_exact(context).zip(biases.chunks_exact_mut(slots)) {
            let (last_round, this_round) = table.split_at(context - 1 - now);
            row.fill(NEVER);
            row[..=now].copy_from_slice(this_round);
            if position >= context as u64 {
                row[now + 1..context].copy_from_slice(last_round);
            }
        }
    }
}

impl Attention {
    /// Adds its output to the rows of `flow.x`; keys and values of the hop go into the rings.
    pub fn step(&self, flow: &mut Flow, states: &mut [&mut KernelState]) {
        let (shape, count, dim) = (&self.shape, flow.rows, flow.dim);
        self.norm.rows(&flow.x, &mut flow.normed, count);
        let x = Rows { values: &flow.normed, count, stride: dim };
        let width = 3 * shape.dim;
        self.query_key_value.product(x, &mut flow.queries, width, &mut flow.quantised);
        for (stream, state) in states.iter_mut().enumerate() {
            let ring = &mut state.rings[self.ring];
            let slot = (state.position % shape.context as u64) as usize;
            let rows = |channel: usize| (2 * stream + channel) * width..(2 * stream + channel + 1) * width;
            for channel in 0..2 {
                let seen_by = if self.crossed { 1 - channel } else { channel };
                let (keys, values) = flow.queries[rows(channel)][shape.dim..].split_at(shape.dim);
                ring.remember(shape, seen_by, slot, keys, values, &mut flow.head);
            }
            self.bias.of_slots(state.position, shape.slots, &mut flow.head.biases);
            for channel in 0..2 {
                let query = &flow.queries[rows(channel)][..shape.dim];
                let y = &mut flow.normed[(2 * stream + channel) * dim..][..dim];
                ring.attend(shape, channel, query, &mut flow.head, y);
            }
        }
        let x = Rows { values: &flow.normed, count, stride: dim };
        self.output.product(x, &mut flow.y, dim, &mut flow.quantised);
        flow.add();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_the_bias_of_the_last_frame_in_it() {
        let slots = 16;
        for context in [1, 5, 8, 16] {
            let by_distance: Vec<f32> = (0..2 * context).map(|i| 0.5 * i as f32 - 3.0).collect();
            let bias = DistanceBias::learned(&by_distance, context);
            for position in 0..40u64 {
                let mut biases = [9.0; 32];
                bias.of_slots(position, slots, &mut biases);
                for (at, bias) in biases.iter().enumerate() {
                    let (head, slot) = (at / slots, at % slots);
                    let last = (0..=position).rev().find(|p| p % context as u64 == slot as u64);
                    let expected = match last {
                        Some(last) if slot < context => {
                            by_distance[head * context + (position - last) as usize]
                        }
                        _ => NEVER,
                    };
                    assert_eq!(*bias, expected, "position {position} of {context}, head {head}, slot {slot}");
                }
            }
        }
    }
}
