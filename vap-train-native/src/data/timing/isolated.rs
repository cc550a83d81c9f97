//! Backchannels where no dialogue acts are annotated, by the published VAP definition: short and isolated.
//!
//! An island of 0.2 to 1.0 s with 1.0 s of own silence before it and 2.0 s after it, while the other spoke last.
//! The reference code does not ask who goes on; here the other must be the next to speak, or still speaking, for
//! otherwise the floor has passed. A short answer that the other goes on from is still taken for a backchannel.

use super::meeting::Island;

const SHORTEST_S: f64 = 0.2;
const LONGEST_S: f64 = 1.0;
const SILENCE_BEFORE_S: f64 = 1.0;
const SILENCE_AFTER_S: f64 = 2.0;

/// Marks the backchannels among the islands of all speakers; each speaker's are in order of time and apart.
pub(crate) fn mark_backchannels(speakers: &mut [Vec<Island>]) {
    for speaker in 0..speakers.len() {
        let found: Vec<bool> =
            (0..speakers[speaker].len()).map(|index| leaves_floor(speakers, speaker, index)).collect();
        for (island, backchannel) in speakers[speaker].iter_mut().zip(found) {
            island.backchannel = backchannel;
        }
    }
}

fn leaves_floor(speakers: &[Vec<Island>], speaker: usize, index: usize) -> bool {
    let own = &speakers[speaker];
    let island = own[index];
    let before_s = if index == 0 { f64::NEG_INFINITY } else { own[index - 1].end_s };
    let after_s = own.get(index + 1).map_or(f64::INFINITY, |next| next.start_s);
    let others =
        || speakers.iter().enumerate().filter(|(other, _)| *other != speaker).flat_map(|(_, all)| all);
    (SHORTEST_S..=LONGEST_S).contains(&(island.end_s - island.start_s))
        && island.start_s - before_s >= SILENCE_BEFORE_S
        && after_s - island.end_s >= SILENCE_AFTER_S
        && others().any(|other| other.start_s < island.start_s && other.end_s > before_s)
        && others().any(|other| other.end_s > island.end_s && other.start_s < after_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(speakers: &[&[(f64, f64)]]) -> Vec<Vec<bool>> {
        let island = |&(start_s, end_s)| Island { start_s, end_s, backchannel: false, doubtful: false };
        let mut speakers: Vec<Vec<Island>> =
            speakers.iter().map(|spans| spans.iter().map(island).collect()).collect();
        mark_backchannels(&mut speakers);
        speakers.iter().map(|all| all.iter().map(|island| island.backchannel).collect()).collect()
    }

    #[test]
    fn short_and_isolated_while_the_other_holds_the_floor() {
        let a = [(0.0, 10.0), (12.0, 20.0)];
        assert_eq!(marked(&[&a, &[(5.0, 5.4)]])[1], [true]);
        assert_eq!(marked(&[&a, &[(10.5, 11.0)]])[1], [true], "between two sounds of the other");
        assert_eq!(marked(&[&a, &[(5.0, 6.1)]])[1], [false], "too long");
        assert_eq!(marked(&[&a, &[(5.0, 5.1)]])[1], [false], "too short");
        assert_eq!(marked(&[&a, &[(5.0, 5.4), (7.0, 7.4)]])[1], [false, true], "too near the next");
        assert_eq!(marked(&[&a, &[(5.0, 5.4), (8.0, 8.4)]])[1], [true, true]);
        assert_eq!(marked(&[&a, &[(3.5, 4.2), (5.0, 5.4)]])[1], [false, false], "too near the last");
        assert_eq!(marked(&[&a, &[(21.0, 21.5)]])[1], [false], "nobody goes on");
        assert_eq!(marked(&[&[(5.0, 9.0)], &[(4.0, 4.5)]])[1], [false], "nobody held the floor");
        assert_eq!(marked(&[&a, &[], &[(5.0, 5.4)]])[2], [true], "any other of several may hold it");
    }
}
