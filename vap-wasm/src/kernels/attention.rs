//! Attention over a bounded window of the past, of a channel to itself or to the other channel.
//!
//! The present is written into the ring before it is looked at; the frame that it displaces is just out of sight.

use super::lanes::{exp_of_negative, lanes_mut, sum};
use super::layers::LayerNorm;
use super::matrix::{Matrix, Rows};
use super::room::Flow;
use super::state::KernelState;
use vap_core::ModelConfig;
use wide::f32x8;

/// Bias of what must not be seen: its weight after the softmax is below 1e-26 of the whole.
const NEVER: f32 = -1e30;

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

/// Sizes of an attention's parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub dim: usize,
    pub heads: usize,
    pub head_dim: usize,
    pub context: usize,
    /// Slots of a ring, padding included: they are worked eight at a time.
    pub slots: usize,
    /// Width of a head's values, padding included.
    pub value_dim: usize,
}

/// What is added to a head's score of a frame for its distance: ALiBi's or learned.
#[derive(Debug)]
pub(super) struct DistanceBias {
    /// `[heads, context]`, the farthest frame first, as they lie in a ring.
    farthest_first: Vec<f32>,
    context: usize,
}

/// Room that the heads work in, one after the other.
#[derive(Debug, Clone)]
pub(super) struct HeadRoom {
    /// Distance bias of each slot, `[heads, slots]`.
    pub biases: Vec<f32>,
    /// Scores, then shares, `[slots]`.
    pub scores: Vec<f32>,
    /// What the head saw, `[value_dim]`.
    pub seen: Vec<f32>,
    /// A query, key, value or row of shares as integers, `[value_dim]` or `[slots]`.
    pub integers: Vec<i16>,
}

impl HeadRoom {
    pub fn new(shape: &Shape) -> Self {
        HeadRoom {
            biases: vec![NEVER; shape.heads * shape.slots],
            scores: vec![0.0; shape.slots],
            seen: vec![0.0; shape.value_dim],
            integers: vec![0; shape.slots.max(shape.value_dim)],
        }
    }
}

impl Shape {
    pub fn new(config: &ModelConfig) -> Self {
        Shape {
            dim: config.dim,
            heads: config.heads,
            head_dim: config.head_dim(),
            context: config.context_frames,
            slots: config.context_frames.next_multiple_of(8),
            value_dim: config.head_dim().next_multiple_of(8),
        }
    }
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

/// `e^(score - greatest score)` in place; gives their sum.
pub(super) fn softmax(scores: &mut [f32]) -> f32 {
    let scores = lanes_mut(scores);
    let most = scores.iter().fold(f32x8::splat(f32::MIN), |most, s| most.fast_max(f32x8::new(*s)));
    let most = f32x8::splat(most.to_array().into_iter().fold(f32::MIN, |a, b| if b > a { b } else { a }));
    let mut total = f32x8::ZERO;
    for score in scores {
        let below = f32x8::new(*score) - most;
        let share = exp_of_negative(below);
        // The clamp inside would hide a score that is not finite.
        total += share + below * f32x8::ZERO;
        *score = share.to_array();
    }
    sum(total)
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

    #[test]
    fn shares_sum_to_their_total_and_what_is_never_seen_has_none() {
        let mut scores = [1.0, 2.0, 3.0, -1e27, 0.0, -50.0, 3.0, -1e30];
        let total = softmax(&mut scores);
        assert!((scores.iter().sum::<f32>() - total).abs() < 1e-6);
        assert_eq!((scores[2], scores[6]), (1.0, 1.0));
        assert!(scores[3] < 1e-26 && scores[7] < 1e-26);
        for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!softmax(&mut [wild, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).is_finite());
        }
    }
}
