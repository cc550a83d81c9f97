//! Long silences of both speakers, in the middle of a dialogue or at its beginning.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::SHORTEST_PAUSE_S;
use crate::windows::placed::Placed;
use crate::windows::voices::samples;

/// Share of silences in which the dialogue begins.
const LEADING: f64 = 0.3;

/// Makes one silence longer by a length within `lull_s`, and returns the samples that were added: one in which the
/// dialogue begins, or any that both keep within `length` samples, be it a pause or between two turns.
pub(super) fn insert(
    tracks: &mut [Vec<Placed>; 2],
    [shortest_s, longest_s]: [f32; 2],
    length: usize,
    rng: &mut ChaCha8Rng,
) -> usize {
    let added = samples(shortest_s * (longest_s / shortest_s).powf(rng.random_range(0.0..=1.0)));
    let mut spans: Vec<[usize; 2]> = tracks.iter().flatten().map(|p| [p.at, p.end()]).collect();
    spans.sort_unstable();
    let mut silences = Vec::new();
    let mut end = None;
    for [start, stop] in spans {
        if end.is_some_and(|end| end < length && start >= end + samples(SHORTEST_PAUSE_S)) {
            silences.push(start);
        }
        end = end.max(Some(stop));
    }
    // Sounds that begin from here on come later.
    let (from, by) = match silences.choose(rng).filter(|_| !rng.random_bool(LEADING)) {
        Some(start) => (*start, added),
        None => (0, rng.random_range(0..=added)),
    };
    for placed in tracks.iter_mut().flatten().filter(|placed| placed.at >= from) {
        placed.at += by;
    }
    by
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::placed::Edges;
    use rand::SeedableRng;

    fn placed(start_s: f32, end_s: f32) -> Placed {
        let cut = [0, samples(end_s - start_s) as u32];
        let inner = Edges::default();
        Placed { utterance: 0, cut, at: samples(start_s), speed: 1.0, backchannel: false, inner }
    }

    #[test]
    fn one_silence_of_both_grows_and_nothing_else_moves() {
        let tracks = [vec![placed(1.0, 2.0), placed(2.5, 4.0)], vec![placed(3.0, 5.0), placed(6.0, 7.0)]];
        let starts = |tracks: &[Vec<Placed>; 2]| {
            tracks.each_ref().map(|track| track.iter().map(|p| p.at).collect::<Vec<_>>())
        };
        let before = starts(&tracks);
        let mut seen = [0; 3];
        for seed in 0..60 {
            let mut moved = tracks.clone();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let by = insert(&mut moved, [3.0, 60.0], samples(10.0), &mut rng);
            let after = starts(&moved);
            let shift = [0, 1].map(|c| [0, 1].map(|i| after[c][i] - before[c][i]));
            match shift {
                [[a, b], [c, d]] if a == by && b == by && c == by && d == by => seen[0] += 1,
                [[0, b], [c, d]] if b == by && c == by && d == by => seen[1] += 1,
                [[0, 0], [0, d]] if d == by => seen[2] += 1,
                other => panic!("seed {seed}: {other:?}"),
            }
            assert!(by <= samples(60.0));
            assert!(shift[0][0] == by || by >= samples(3.0), "seed {seed}: {by}");
        }
        assert!(seen.iter().all(|n| *n > 5), "{seen:?}");
    }
}
