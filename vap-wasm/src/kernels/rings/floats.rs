//! Keys and values of the past as 32-bit floats.
//!
//! Keys lie transposed, so that the scores of eight slots are summed side by side; values lie slot after slot, so that
//! eight numbers of a head are.

use super::super::arithmetic::lanes::{LANES, lanes, lanes_mut, softmax};
use super::super::shapes::Shape;
use super::super::workspace::HeadWorkspace;
use crate::error::Result;
use vap_core::state::{Reader, Writer};
use wide::f32x8;

/// The last `context` frames. The frame at position `p` of the stream lies in slot `p % context`; slots not written
/// yet are zero, and out of sight.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::kernels) struct FloatRing {
    /// `[2, heads, head_dim, slots]`.
    keys: Vec<f32>,
    /// `[2, heads, context, value_dim]`.
    values: Vec<f32>,
}

impl FloatRing {
    pub fn new(shape: &Shape) -> Self {
        FloatRing {
            keys: vec![0.0; 2 * shape.dim * shape.slots],
            values: vec![0.0; 2 * shape.heads * shape.context * shape.value_dim],
        }
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&self.keys[..]) + size_of_val(&self.values[..])
    }

    pub fn save(&self, out: &mut Writer) {
        out.floats(&self.keys);
        out.floats(&self.values);
    }

    /// Reads what [`FloatRing::save`] wrote.
    pub fn restore(&mut self, reader: &mut Reader) -> Result<()> {
        reader.floats("keys", f32::MAX, &mut self.keys)?;
        Ok(reader.floats("values", f32::MAX, &mut self.values)?)
    }

    /// Writes the key and the value of a frame, `[dim]` each, into `slot`.
    pub fn remember(&mut self, shape: &Shape, channel: usize, slot: usize, keys: &[f32], values: &[f32]) {
        let from = channel * shape.dim * shape.slots;
        for (key, slots) in keys.iter().zip(self.keys[from..].chunks_exact_mut(shape.slots)) {
            slots[slot] = *key;
        }
        for (head, value) in values.chunks_exact(shape.head_dim).enumerate() {
            let at = ((channel * shape.heads + head) * shape.context + slot) * shape.value_dim;
            self.values[at..at + shape.head_dim].copy_from_slice(value);
        }
    }

    /// What `query`, `[dim]`, sees in a channel's ring, into `y`, `[dim]`; `workspace` holds the distance bias.
    pub fn attend(
        &self,
        shape: &Shape,
        channel: usize,
        query: &[f32],
        workspace: &mut HeadWorkspace,
        y: &mut [f32],
    ) {
        let (key_size, value_size) = (shape.head_dim * shape.slots, shape.context * shape.value_dim);
        for (head, biases) in workspace.biases.chunks_exact(shape.slots).enumerate() {
            let at = channel * shape.heads + head;
            let own = head * shape.head_dim..(head + 1) * shape.head_dim;
            let keys = &self.keys[at * key_size..][..key_size];
            score(&query[own.clone()], keys, biases, &mut workspace.scores);
            let total = softmax(&mut workspace.scores);
            let values = &self.values[at * value_size..][..value_size];
            blend(&workspace.scores[..shape.context], values, 1.0 / total, &mut workspace.seen);
            y[own].copy_from_slice(&workspace.seen[..shape.head_dim]);
        }
    }
}

/// Scores of all slots for the query of a head: `query . key + bias`, `keys` `[head_dim, slots]`.
fn score(query: &[f32], keys: &[f32], biases: &[f32], scores: &mut [f32]) {
    let groups = biases.len() / LANES;
    let mut group = 0;
    while group < groups {
        group += match groups - group {
            4.. => scores_of::<4>(group, query, keys, biases, scores),
            2..4 => scores_of::<2>(group, query, keys, biases, scores),
            _ => scores_of::<1>(group, query, keys, biases, scores),
        };
    }
}

#[inline(always)]
fn scores_of<const G: usize>(
    group: usize,
    query: &[f32],
    keys: &[f32],
    biases: &[f32],
    scores: &mut [f32],
) -> usize {
    let mut sums = [f32x8::ZERO; G];
    for (query, keys) in query.iter().zip(keys.chunks_exact(biases.len())) {
        let query = f32x8::splat(*query);
        let keys = &lanes(keys)[group..group + G];
        for g in 0..G {
            sums[g] += query * f32x8::new(keys[g]);
        }
    }
    let (biases, scores) = (&lanes(biases)[group..group + G], &mut lanes_mut(scores)[group..group + G]);
    for g in 0..G {
        scores[g] = (sums[g] + f32x8::new(biases[g])).to_array();
    }
    G
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
