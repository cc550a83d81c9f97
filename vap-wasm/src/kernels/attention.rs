//! Attention over a bounded window of the past, of a channel to itself or to the other channel.
//!
//! The present is written into the ring before it is looked at; the frame that it displaces is just out of sight.

use super::lanes::{exp_of_negative, lanes_mut, sum};
use super::layers::LayerNorm;
use super::matrix::{Matrix, Rows};
use super::room::Room;
use super::state::KernelState;
use vap_core::ModelConfig;
use wide::f32x8;

/// Age of what must not be seen, in frames: its weight after the softmax is below 1e-26 of the whole.
const NEVER: f32 = 1e30;

/// One multi-head attention with its norm before and its output projection after.
#[derive(Debug)]
pub(super) struct Attention {
    pub norm: LayerNorm,
    /// Query, key and value below each other, `[3 dim, dim]`; the query already divided by the root of `head_dim`.
    pub query_key_value: Matrix,
    pub output: Matrix,
    /// Its ring in the state.
    pub ring: usize,
    /// Keys and values come from the other channel.
    pub crossed: bool,
}

/// Sizes of every attention's parts, and the slopes of the distance bias.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub dim: usize,
    pub head_dim: usize,
    pub context: usize,
    /// Slots of a ring, padding included: they are worked eight at a time.
    pub slots: usize,
    /// Width of a head's values, padding included.
    pub value_dim: usize,
    /// `[heads]`.
    pub slopes: Vec<f32>,
}

/// Room that one head works in.
#[derive(Debug, Clone)]
pub(super) struct HeadRoom {
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
            head_dim: config.head_dim(),
            context: config.context_frames,
            slots: config.context_frames.next_multiple_of(8),
            value_dim: config.head_dim().next_multiple_of(8),
            slopes: config.alibi_slopes(),
        }
    }

    pub fn heads(&self) -> usize {
        self.slopes.len()
    }
}

/// Frames since each slot was written, at `position`, whose own slot is 0 frames old, into `ages`, `[slots]`.
pub(super) fn ages(position: u64, context: usize, ages: &mut [f32]) {
    let now = (position % context as u64) as usize;
    for (slot, age) in ages.iter_mut().enumerate() {
        let frames = if slot <= now { now - slot } else { (now + context).saturating_sub(slot) };
        *age = if slot < context && frames as u64 <= position { frames as f32 } else { NEVER };
    }
}

impl Attention {
    /// Adds its output to the rows of `room.x`; keys and values of the hop go into the rings.
    pub fn step(&self, shape: &Shape, room: &mut Room, states: &mut [&mut KernelState]) {
        let (count, dim) = (room.rows, room.dim);
        self.norm.rows(&room.x, &mut room.normed, count);
        let x = Rows { values: &room.normed, count, stride: dim };
        let width = 3 * shape.dim;
        self.query_key_value.product(x, &mut room.queries, width, &mut room.quantised);
        for (stream, state) in states.iter_mut().enumerate() {
            let ring = &mut state.rings[self.ring];
            let slot = (state.position % shape.context as u64) as usize;
            let rows = |channel: usize| (2 * stream + channel) * width..(2 * stream + channel + 1) * width;
            for channel in 0..2 {
                let seen_by = if self.crossed { 1 - channel } else { channel };
                let (keys, values) = room.queries[rows(channel)][shape.dim..].split_at(shape.dim);
                ring.remember(shape, seen_by, slot, keys, values, &mut room.head);
            }
            for channel in 0..2 {
                let query = &room.queries[rows(channel)][..shape.dim];
                let ages = &room.ages[stream * shape.slots..][..shape.slots];
                let y = &mut room.normed[(2 * stream + channel) * dim..][..dim];
                ring.attend(shape, channel, query, ages, &mut room.head, y);
            }
        }
        let x = Rows { values: &room.normed, count, stride: dim };
        self.output.product(x, &mut room.y, dim, &mut room.quantised);
        room.add();
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
    fn ages_are_those_of_the_last_frames_in_their_slots() {
        for context in [1, 5, 8] {
            for position in 0..20u64 {
                let mut list = [0.0; 16];
                ages(position, context, &mut list);
                for (slot, age) in list.iter().enumerate() {
                    let last = (0..=position).rev().find(|p| p % context as u64 == slot as u64);
                    let expected = match last {
                        Some(last) if slot < context => (position - last) as f32,
                        _ => NEVER,
                    };
                    assert_eq!(*age, expected, "position {position} of {context}, slot {slot}");
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
