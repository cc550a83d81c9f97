//! Attention over a bounded window of the past, of a channel to itself or to the other channel.
//!
//! Keys and values of the past lie in rings; those of the block at hand are scored beside them, so rings are never
//! moved or copied. What a query may see depends on positions alone: a [`Window`] holds it, built once a block and
//! shared by all layers. A [`DistanceBias`] says what a distance costs: ALiBi, the same in all layers of one width, or
//! learned, one a layer.

use super::layers::{LayerNorm, Linear, swap_channels};
use super::state::Ring;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use vap_core::ModelConfig;

/// Score of what must not be seen; its weight after the softmax is exactly 0.
const MASKED: f32 = -1e30;

/// What a score loses by distance: `[heads, context + 1]`, frames back from the query, then what is out of sight.
#[derive(Debug)]
pub struct DistanceBias(Tensor<2>);

impl DistanceBias {
    /// From `[heads, context]`.
    pub fn new(by_distance: &[f32], context: usize, device: &Device) -> Self {
        let rows = by_distance.chunks_exact(context);
        let (heads, width) = (rows.len(), context + 1);
        let values: Vec<f32> = rows.flat_map(|row| row.iter().copied().chain([MASKED])).collect();
        DistanceBias(Tensor::from_data(TensorData::new(values, [heads, width]), device))
    }

    /// In proportion to the distance, by the slopes of a config's heads.
    pub fn alibi(config: &ModelConfig, device: &Device) -> Self {
        let slopes = config.alibi_slopes().into_iter();
        let by_distance: Vec<f32> =
            slopes.flat_map(|slope| (0..config.context_frames).map(move |d| -slope * d as f32)).collect();
        DistanceBias::new(&by_distance, config.context_frames, device)
    }
}

/// What each frame of one block sees, and how far away it is.
#[derive(Debug)]
pub struct Window {
    /// Columns of a [`DistanceBias`]: of each frame the ring slots, then the block, `[time x (context + time)]`.
    columns: Tensor<1, Int>,
    frames: usize,
    /// First slot of the ring that the block writes.
    slot: usize,
}

impl Window {
    /// Window of the `frames` frames from `position` on.
    pub fn new(context: usize, position: u64, frames: usize, device: &Device) -> Self {
        let distances = distances(position, frames, context).into_iter();
        let columns: Vec<i32> = distances.map(|d| d.unwrap_or(context) as i32).collect();
        let length = columns.len();
        Window {
            columns: Tensor::from_data(TensorData::new(columns, [length]), device),
            frames,
            slot: (position % context as u64) as usize,
        }
    }

    /// Bias of every score, `[1, heads, time, context + time]`.
    pub fn bias(&self, by_distance: &DistanceBias) -> Tensor<4> {
        let [heads, width] = by_distance.0.dims();
        let bias = by_distance.0.clone().select(1, self.columns.clone());
        bias.reshape([1, heads, self.frames, width - 1 + self.frames])
    }
}

/// Distance in frames from each query of a block to each key it sees, `[frames, context + frames]`: first the slots
/// of the ring as they are before the block, then the block itself. `None` is out of sight.
fn distances(position: u64, frames: usize, context: usize) -> Vec<Option<usize>> {
    let mut list = Vec::with_capacity(frames * (context + frames));
    // Frames back from the first of the block to the one in each slot, 1..=context.
    let slot = (position % context as u64) as usize;
    let age = |s: usize| if s < slot { slot - s } else { slot + context - s };
    for query in 0..frames {
        list.extend((0..context).map(|s| {
            let distance = age(s) + query;
            (distance < context && age(s) as u64 <= position).then_some(distance)
        }));
        list.extend((0..frames).map(|key| query.checked_sub(key).filter(|distance| *distance < context)));
    }
    list
}

/// One multi-head attention with its norm before and its output projection after.
#[derive(Debug)]
pub struct Attention {
    pub(super) norm: LayerNorm,
    /// Query, key and value side by side, `[dim, 3 dim]`.
    pub(super) query_key_value: Linear,
    pub(super) output: Linear,
    pub(super) heads: usize,
    /// Keys and values come from the other channel.
    pub(super) crossed: bool,
}

impl Attention {
    /// `[rows, time, dim] -> [rows, time, dim]`, to be added to `x`; the block's keys and values go into the ring.
    /// `bias` is the window's.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        ring: &mut Ring,
        window: &Window,
        bias: &Tensor<4>,
    ) -> Tensor<3> {
        let [rows, time, dim] = x.dims();
        let (heads, head_dim) = (self.heads, dim / self.heads);
        let context = ring.keys.dims()[2];
        // [rows, 3 heads, time, head_dim]
        let all = self.query_key_value.forward(self.norm.forward(x));
        let all = all.reshape([rows, time, 3 * heads, head_dim]).swap_dims(1, 2);
        let query = all.clone().slice([0..rows, 0..heads]).mul_scalar((head_dim as f32).powf(-0.5));
        let mut seen = all.slice([0..rows, heads..3 * heads]);
        if self.crossed {
            seen = swap_channels(seen);
        }
        let keys = seen.clone().slice([0..rows, 0..heads]);
        let values = seen.slice([0..rows, heads..2 * heads]);

        let past = query.clone().matmul(ring.keys.clone().swap_dims(2, 3));
        let present = query.matmul(keys.clone().swap_dims(2, 3));
        let scores = Tensor::cat(vec![past, present], 3) + bias.clone();
        let shares = activation::softmax(scores, 3);
        let [past, present] = [0..context, context..context + time]
            .map(|range| shares.clone().slice([0..rows, 0..heads, 0..time, range]));
        let y = past.matmul(ring.values.clone()) + present.matmul(values.clone());

        ring.write(window.slot, keys, values);
        self.output.forward(y.swap_dims(1, 2).reshape([rows, time, dim]))
    }
}

impl Ring {
    /// Writes a block of at most `context` frames, `[rows, heads, time, head_dim]` each, from `slot` on, wrapping.
    fn write(&mut self, slot: usize, keys: Tensor<4>, values: Tensor<4>) {
        for (ring, block) in [(&mut self.keys, keys), (&mut self.values, values)] {
            let [rows, heads, context, head_dim] = ring.dims();
            let time = block.dims()[2];
            let first = time.min(context - slot);
            for (slots, frames) in [(slot..slot + first, 0..first), (0..time - first, first..time)] {
                if !frames.is_empty() {
                    let part = block.clone().slice([0..rows, 0..heads, frames]);
                    ring.inplace(|r| r.slice_assign([0..rows, 0..heads, slots, 0..head_dim], part));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burn::backend;

    /// Positions in sight of each query by the definition alone: `p - context + 1 ..= p`, none before the stream.
    fn seen_by_definition(query: u64, context: usize) -> Vec<u64> {
        (0..=query).filter(|key| query - key < context as u64).collect()
    }

    #[test]
    fn windows_are_the_definition_at_every_position_and_length() {
        let context = 5;
        for position in 0..13u64 {
            for frames in 1..=context {
                let width = context + frames;
                let list = distances(position, frames, context);
                assert_eq!(list.len(), frames * width);
                for query in 0..frames {
                    let at = position + query as u64;
                    let mut seen: Vec<u64> = Vec::new();
                    for (key, distance) in list[query * width..][..width].iter().enumerate() {
                        let Some(distance) = distance else { continue };
                        let place = at - *distance as u64;
                        if key < context {
                            assert!(place < position, "a ring slot of the future");
                            assert_eq!(place % context as u64, key as u64, "wrong slot");
                        } else {
                            assert_eq!(place, position + (key - context) as u64);
                        }
                        seen.push(place);
                    }
                    seen.sort_unstable();
                    assert_eq!(seen, seen_by_definition(at, context), "position {position}, frame {query}");
                }
            }
        }
    }

    #[test]
    fn one_frame_late_in_a_stream() {
        let s = Some;
        assert_eq!(distances(10, 1, 4), [s(2), s(1), None, s(3), s(0)]);
        assert_eq!(
            distances(1, 2, 4),
            [s(1), None, None, None, s(0), None, s(2), None, None, None, s(1), s(0)]
        );
    }

    #[test]
    fn a_ring_holds_the_last_frames_in_their_slots() {
        let (context, device) = (4usize, backend::cpu());
        for steps in [vec![1usize; 11], vec![3, 4, 2, 1, 4], vec![4, 4, 4], vec![2, 3, 3]] {
            let zeros = || Tensor::<4>::zeros([1, 1, context, 1], &device);
            let mut ring = Ring { keys: zeros(), values: zeros() };
            let mut position = 0usize;
            for time in steps {
                let list: Vec<f32> = (position..position + time).map(|p| p as f32 + 1.0).collect();
                let block = Tensor::<4>::from_data(TensorData::new(list, [1, 1, time, 1]), &device);
                ring.write(position % context, block.clone(), block.mul_scalar(-1.0));
                position += time;
                let mut expected = vec![0.0; context];
                for p in position.saturating_sub(context)..position {
                    expected[p % context] = p as f32 + 1.0;
                }
                let keys: Vec<f32> = ring.keys.clone().into_data().try_into_vec().unwrap();
                let values: Vec<f32> = ring.values.clone().into_data().try_into_vec().unwrap();
                assert_eq!(keys, expected);
                assert_eq!(values, expected.iter().map(|x| -x).collect::<Vec<_>>());
            }
        }
    }
}
