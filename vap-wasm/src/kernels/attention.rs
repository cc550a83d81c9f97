//! Attention over a bounded window of the past, of a channel to itself or to the other channel.
//!
//! Keys lie transposed, so that the scores of eight slots are summed side by side; values lie slot after slot, so that
//! eight numbers of a head are. The present is written into the ring before it is looked at; the frame that it
//! displaces is just out of sight.

use super::lanes::{LANES, exp_of_negative, lanes, lanes_mut, sum};
use super::layers::LayerNorm;
use super::matrix::{Matrix, Rows};
use super::model::Room;
use super::state::{KernelState, Ring};
use wide::f32x8;

/// Age of what must not be seen, in frames: its weight after the softmax is below 1e-37 of the whole.
const NEVER: f32 = 1e30;

/// One multi-head attention with its norm before and its output projection after.
#[derive(Debug)]
pub(super) struct Attention {
    pub norm: LayerNorm,
    /// Query, key and value side by side, `[3 dim, dim]`; the query already divided by the root of `head_dim`.
    pub query_key_value: Matrix,
    pub output: Matrix,
    pub shape: Shape,
    /// Its ring in the state.
    pub ring: usize,
    /// Keys and values come from the other channel.
    pub crossed: bool,
}

/// Sizes of an attention's parts, and the slopes of its distance bias.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub dim: usize,
    pub head_dim: usize,
    pub context: usize,
    pub slots: usize,
    pub value_dim: usize,
    /// `[heads]`.
    pub slopes: Vec<f32>,
}

/// Frames since each slot was written, at `position`, whose own slot is 0 frames old, into `ages`, `[slots]`.
pub(super) fn ages(position: u64, context: usize, ages: &mut [f32]) {
    let now = (position % context as u64) as usize;
    for (slot, age) in ages.iter_mut().enumerate() {
        let frames = if slot <= now { now - slot } else { now + context - slot };
        *age = if slot < context && frames as u64 <= position { frames as f32 } else { NEVER };
    }
}

impl Attention {
    /// Adds its output to the rows of `room.x`; keys and values of the hop go into the rings.
    pub fn step(&self, room: &mut Room, states: &mut [&mut KernelState]) {
        let (count, dim) = (room.rows, room.dim);
        self.norm.rows(&room.x, &mut room.normed, count);
        let x = Rows { values: &room.normed, count, stride: dim };
        let width = 3 * self.shape.dim;
        self.query_key_value.product(x, &mut room.queries, width, &mut room.quantised);
        for (stream, state) in states.iter_mut().enumerate() {
            let ring = &mut state.rings[self.ring];
            let slot = (state.position % self.shape.context as u64) as usize;
            let rows = |channel: usize| (2 * stream + channel) * width..(2 * stream + channel + 1) * width;
            for channel in 0..2 {
                let seen_by = if self.crossed { 1 - channel } else { channel };
                let keys_values = &room.queries[rows(channel)][self.shape.dim..];
                self.shape.remember(ring, seen_by, slot, keys_values);
            }
            for channel in 0..2 {
                let query = &room.queries[rows(channel)][..self.shape.dim];
                let ages = &room.ages[stream * self.shape.slots..][..self.shape.slots];
                let y = &mut room.normed[(2 * stream + channel) * dim..][..dim];
                self.shape.attend(query, ring, channel, ages, &mut room.scores, &mut room.head, y);
            }
        }
        let x = Rows { values: &room.normed, count, stride: dim };
        self.output.product(x, &mut room.y, dim, &mut room.quantised);
        room.add();
    }
}

impl Shape {
    /// Writes the key and the value of a frame, `[2 dim]`, into `slot`.
    fn remember(&self, ring: &mut Ring, channel: usize, slot: usize, keys_values: &[f32]) {
        let (keys, values) = keys_values.split_at(self.dim);
        let from = channel * self.dim * self.slots;
        for (key, slots) in keys.iter().zip(ring.keys[from..].chunks_exact_mut(self.slots)) {
            slots[slot] = *key;
        }
        for (head, value) in values.chunks_exact(self.head_dim).enumerate() {
            let at = ((channel * self.slopes.len() + head) * self.context + slot) * self.value_dim;
            ring.values[at..at + self.head_dim].copy_from_slice(value);
        }
    }

    /// What `query`, `[dim]`, sees in a channel's ring, into `y`, `[dim]`; `scores` `[slots]` and `head`
    /// `[value_dim]` are room to work in.
    #[expect(clippy::too_many_arguments)]
    fn attend(
        &self,
        query: &[f32],
        ring: &Ring,
        channel: usize,
        ages: &[f32],
        scores: &mut [f32],
        room: &mut [f32],
        y: &mut [f32],
    ) {
        let heads = self.slopes.len();
        for (head, slope) in self.slopes.iter().enumerate() {
            let at = channel * heads + head;
            let keys = &ring.keys[at * self.head_dim * self.slots..][..self.head_dim * self.slots];
            let values = &ring.values[at * self.context * self.value_dim..][..self.context * self.value_dim];
            let own = head * self.head_dim..(head + 1) * self.head_dim;
            score(&query[own.clone()], keys, ages, *slope, scores);
            let total = softmax(scores);
            blend(&scores[..self.context], values, 1.0 / total, room);
            y[own].copy_from_slice(&room[..self.head_dim]);
        }
    }
}

/// Scores of all slots for the query of a head: `query . key - slope x age`, `keys` `[head_dim, slots]`.
fn score(query: &[f32], keys: &[f32], ages: &[f32], slope: f32, scores: &mut [f32]) {
    let groups = ages.len() / LANES;
    let mut group = 0;
    while group < groups {
        group += match groups - group {
            4.. => scores_of::<4>(group, query, keys, ages, slope, scores),
            2..4 => scores_of::<2>(group, query, keys, ages, slope, scores),
            _ => scores_of::<1>(group, query, keys, ages, slope, scores),
        };
    }
}

#[inline(always)]
fn scores_of<const G: usize>(
    group: usize,
    query: &[f32],
    keys: &[f32],
    ages: &[f32],
    slope: f32,
    scores: &mut [f32],
) -> usize {
    let mut sums = [f32x8::ZERO; G];
    for (query, keys) in query.iter().zip(keys.chunks_exact(ages.len())) {
        let query = f32x8::splat(*query);
        let keys = &lanes(keys)[group..group + G];
        for g in 0..G {
            sums[g] += query * f32x8::new(keys[g]);
        }
    }
    let (ages, scores) = (&lanes(ages)[group..group + G], &mut lanes_mut(scores)[group..group + G]);
    for g in 0..G {
        scores[g] = (sums[g] - f32x8::splat(slope) * f32x8::new(ages[g])).to_array();
    }
    G
}

/// `e^(score - greatest score)` in place; gives their sum.
fn softmax(scores: &mut [f32]) -> f32 {
    let scores = lanes_mut(scores);
    let most = scores.iter().fold(f32x8::splat(f32::MIN), |most, s| most.fast_max(f32x8::new(*s)));
    let most = f32x8::splat(most.to_array().into_iter().fold(f32::MIN, f32::max));
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

/// Sum of `values`, `[context, value_dim]`, each slot by its share, times `factor`, into `y`, `[value_dim]`.
fn blend(shares: &[f32], values: &[f32], factor: f32, y: &mut [f32]) {
    let groups = y.len() / LANES;
    let mut group = 0;
    while group < groups {
        group += match groups - group {
            6.. => blend_of::<6>(group, groups, shares, values, factor, y),
            3..6 => blend_of::<3>(group, groups, shares, values, factor, y),
            _ => blend_of::<1>(group, groups, shares, values, factor, y),
        };
    }
}

#[inline(always)]
fn blend_of<const G: usize>(
    group: usize,
    groups: usize,
    shares: &[f32],
    values: &[f32],
    factor: f32,
    y: &mut [f32],
) -> usize {
    let mut sums = [f32x8::ZERO; G];
    for (share, values) in shares.iter().zip(lanes(values).chunks_exact(groups)) {
        let share = f32x8::splat(*share);
        let values = &values[group..group + G];
        for g in 0..G {
            sums[g] += share * f32x8::new(values[g]);
        }
    }
    for (y, sum) in lanes_mut(y)[group..].iter_mut().zip(sums) {
        *y = (sum * f32x8::splat(factor)).to_array();
    }
    G
}
