//! Keys and values of the past as 16-bit integers, with a scale a frame and head: half the memory to read, and two
//! products at once.
//!
//! Two numbers that are summed lie side by side: two neighbours of a key in each of four slots, two slots of each of
//! four numbers of a value.

use super::super::arithmetic::lanes::{softmax, splat_pair};
use super::super::arithmetic::quantise::{Limit, quantise};
use super::super::shapes::Shape;
use super::super::workspace::HeadWorkspace;
use crate::error::Result;
use vap_core::state::{Reader, Writer};
use wide::{f32x4, i16x8, i32x4};

/// Pairs worked at once.
const PAIRS: usize = 4;

/// The last `context` frames. The frame at position `p` of the stream lies in slot `p % context`; slots not written
/// yet are zero, and out of sight.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::kernels) struct IntegerRing {
    /// `[2, heads, head_dim / 2, slots, 2]`.
    keys: Vec<[i16; 2]>,
    /// `[2, heads, slots]`.
    key_scales: Vec<f32>,
    /// `[2, heads, slots / 2, value_dim, 2]`.
    values: Vec<[i16; 2]>,
    /// `[2, heads, slots]`.
    value_scales: Vec<f32>,
}

/// Largest integer of a key or value; queries and shares take what room it leaves in 32 bits.
const LARGEST: f32 = 8_191.0;

impl IntegerRing {
    pub fn new(shape: &Shape) -> Self {
        let heads = 2 * shape.heads;
        IntegerRing {
            keys: vec![[0; 2]; heads * shape.head_dim.div_ceil(2) * shape.slots],
            key_scales: vec![0.0; heads * shape.slots],
            values: vec![[0; 2]; heads * shape.slots / 2 * shape.value_dim],
            value_scales: vec![0.0; heads * shape.slots],
        }
    }

    pub fn bytes(&self) -> usize {
        let scales = size_of_val(&self.key_scales[..]) + size_of_val(&self.value_scales[..]);
        size_of_val(&self.keys[..]) + size_of_val(&self.values[..]) + scales
    }

    pub fn save(&self, out: &mut Writer) {
        out.pairs(&self.keys);
        out.floats(&self.key_scales);
        out.pairs(&self.values);
        out.floats(&self.value_scales);
    }

    /// Reads what [`IntegerRing::save`] wrote.
    pub fn restore(&mut self, reader: &mut Reader) -> Result<()> {
        reader.pairs("keys", LARGEST as i16, &mut self.keys)?;
        reader.floats("scales of keys", f32::MAX, &mut self.key_scales)?;
        reader.pairs("values", LARGEST as i16, &mut self.values)?;
        Ok(reader.floats("scales of values", f32::MAX, &mut self.value_scales)?)
    }

    /// Writes the key and the value of a frame, `[dim]` each, into `slot`.
    pub fn remember(
        &mut self,
        shape: &Shape,
        channel: usize,
        slot: usize,
        keys: &[f32],
        values: &[f32],
        workspace: &mut HeadWorkspace,
    ) {
        let head_dim = shape.head_dim;
        let (key_size, value_size) = sizes(shape);
        let integers = &mut workspace.integers[..shape.value_dim];
        for (head, (key, value)) in keys.chunks_exact(head_dim).zip(values.chunks_exact(head_dim)).enumerate()
        {
            let at = channel * shape.heads + head;
            integers.fill(0);
            self.key_scales[at * shape.slots + slot] = quantise(key, Limit::Largest(LARGEST), integers);
            let rows = self.keys[at * key_size..][..key_size].chunks_exact_mut(shape.slots);
            for (row, pair) in rows.zip(integers.as_chunks().0) {
                row[slot] = *pair;
            }
            self.value_scales[at * shape.slots + slot] = quantise(value, Limit::Largest(LARGEST), integers);
            let row = at * value_size + slot / 2 * shape.value_dim;
            for (pair, value) in self.values[row..].iter_mut().zip(&integers[..head_dim]) {
                pair[slot % 2] = *value;
            }
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
        let (key_size, value_size) = sizes(shape);
        for (head, biases) in workspace.biases.chunks_exact(shape.slots).enumerate() {
            let at = channel * shape.heads + head;
            let own = head * shape.head_dim..(head + 1) * shape.head_dim;
            let scales = at * shape.slots..(at + 1) * shape.slots;

            let integers = &mut workspace.integers[..shape.value_dim];
            integers.fill(0);
            let scale = quantise(&query[own.clone()], Limit::Against(LARGEST), integers);
            let keys = &self.keys[at * key_size..][..key_size];
            let query = Query { pairs: integers.as_chunks().0, scale };
            score(query, keys, &self.key_scales[scales.clone()], biases, &mut workspace.scores);
            let total = softmax(&mut workspace.scores);

            for (share, scale) in workspace.scores.iter_mut().zip(&self.value_scales[scales]) {
                *share *= scale;
            }
            let integers = &mut workspace.integers[..shape.slots];
            let scale = quantise(&workspace.scores, Limit::Against(LARGEST), integers);
            let values = &self.values[at * value_size..][..value_size];
            blend(integers.as_chunks().0, values, scale / total, &mut workspace.seen);
            y[own].copy_from_slice(&workspace.seen[..shape.head_dim]);
        }
    }
}

/// Pairs of keys and of values of one head.
fn sizes(shape: &Shape) -> (usize, usize) {
    (shape.head_dim.div_ceil(2) * shape.slots, shape.slots / 2 * shape.value_dim)
}

#[derive(Clone, Copy)]
struct Query<'a> {
    /// `[head_dim / 2]`.
    pairs: &'a [[i16; 2]],
    scale: f32,
}

/// Scores of all slots for the query of a head: `query . key + bias`, `keys` `[head_dim / 2, slots]`.
fn score(query: Query, keys: &[[i16; 2]], scales: &[f32], biases: &[f32], scores: &mut [f32]) {
    let groups = biases.len() / PAIRS;
    let mut group = 0;
    while group < groups {
        group += match groups - group {
            8.. => scores_of::<8>(group, query, keys, scales, biases, scores),
            4..8 => scores_of::<4>(group, query, keys, scales, biases, scores),
            _ => scores_of::<2>(group, query, keys, scales, biases, scores),
        };
    }
}

#[inline(always)]
fn scores_of<const G: usize>(
    group: usize,
    query: Query,
    keys: &[[i16; 2]],
    scales: &[f32],
    biases: &[f32],
    scores: &mut [f32],
) -> usize {
    let range = group * PAIRS..(group + G) * PAIRS;
    let mut sums = [i32x4::ZERO; G];
    for (pair, keys) in query.pairs.iter().zip(keys.chunks_exact(biases.len())) {
        let pair = splat_pair(*pair);
        for (sum, keys) in sums.iter_mut().zip(keys[range.clone()].as_chunks::<PAIRS>().0) {
            *sum += bytemuck::must_cast::<_, i16x8>(*keys).dot(pair);
        }
    }
    let scales = scales[range.clone()].as_chunks::<PAIRS>().0;
    let biases = biases[range.clone()].as_chunks::<PAIRS>().0;
    let scores = scores[range].as_chunks_mut::<PAIRS>().0;
    for g in 0..G {
        let scale = f32x4::splat(query.scale) * f32x4::new(scales[g]);
        scores[g] = (f32x4::from_i32x4(sums[g]) * scale + f32x4::new(biases[g])).to_array();
    }
    G
}

/// Sum of `values`, `[slots / 2, value_dim]`, each slot by its share, times `factor`, into `y`, `[value_dim]`.
fn blend(shares: &[[i16; 2]], values: &[[i16; 2]], factor: f32, y: &mut [f32]) {
    let groups = y.len() / PAIRS;
    let mut group = 0;
    while group < groups {
        group += match groups - group {
            12.. => blend_of::<12>(group, shares, values, factor, y),
            6..12 => blend_of::<6>(group, shares, values, factor, y),
            _ => blend_of::<2>(group, shares, values, factor, y),
        };
    }
}

#[inline(always)]
fn blend_of<const G: usize>(
    group: usize,
    shares: &[[i16; 2]],
    values: &[[i16; 2]],
    factor: f32,
    y: &mut [f32],
) -> usize {
    let range = group * PAIRS..(group + G) * PAIRS;
    let mut sums = [i32x4::ZERO; G];
    for (pair, values) in shares.iter().zip(values.chunks_exact(y.len())) {
        let pair = splat_pair(*pair);
        for (sum, values) in sums.iter_mut().zip(values[range.clone()].as_chunks::<PAIRS>().0) {
            *sum += bytemuck::must_cast::<_, i16x8>(*values).dot(pair);
        }
    }
    for (y, sum) in y[range].as_chunks_mut::<PAIRS>().0.iter_mut().zip(sums) {
        *y = (f32x4::from_i32x4(sum) * f32x4::splat(factor)).to_array();
    }
    G
}
