//! Prosody with everything else equal: does the end of an utterance score higher than a pause inside the same one?
//!
//! Held-out utterances are cut into phrases at their pauses of at least 0.2 s. Every phrase gets the same level,
//! margins and fades, and one room tone lies under the phrases and in all silences, so voice, room, level and silence
//! say nothing; the agent is silent. Words differ between the two sides of a pair, as nobody says the same twice in
//! the speech at hand.
//!
//! - As said: the whole utterance, pauses made equal; its end against each inner pause of its own. The end always
//!   comes last, so time since the start is a cue too.
//! - Equally long: phrases up to an inner pause against phrases up to the end of the same utterance, chosen so that
//!   both last about as long and neither sound nor time since the start can tell: prosody is what is left.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vap_core::{Frame, HOP_MS, HOP_SAMPLES};

use crate::data::Split;
use crate::data::prepared::Prepared;
use crate::error::{Error, Result};
use crate::evaluation::metrics::Ranked;
use crate::evaluation::metrics::table::{Figure, Row, Table, ranked};
use crate::evaluation::real::INTO_MS;
use crate::evaluation::recordings::SEED;
use crate::evaluation::scores::Candidate;
use crate::windows::voices::samples;

/// Shortest pause that parts two phrases, in seconds.
const SHORTEST_PAUSE_S: f32 = 0.2;
/// Silence before, between and behind phrases, in seconds.
const SILENCE_S: f32 = 0.6;
/// Level of the speech and of the room tone, in dB below full scale.
const LEVELS_DB: [f32; 2] = [-26.0, -72.0];
/// Fade before and behind each phrase, in seconds.
const FADE_S: [f32; 2] = [0.01, 0.02];
/// Utterances of one speaker that are played: the first ones with a pause inside.
const PER_SPEAKER: usize = 5;
/// Sides of an equally long pair last at least so long, in seconds.
const SHORTEST_SIDE_S: f32 = 0.8;
/// And differ by at most this factor.
const LARGEST_RATIO: f32 = 1.25;

/// Scores of one speaker's utterances, `[utterance]`: those of ends and of holds at each of [`INTO_MS`], with the
/// seconds since the first sound as the last "score".
#[derive(Debug, Clone, Default)]
struct Voice {
    as_said: Vec<Pair>,
    matched: Vec<Pair>,
}

/// Scores at the end of an utterance and at its holds.
#[derive(Debug, Clone, PartialEq)]
struct Pair {
    end: Scores,
    holds: Vec<Scores>,
}

/// One score for each of [`INTO_MS`], then the seconds since the first sound.
type Scores = [f32; INTO_MS.len() + 1];

/// Paired scores of a model on utterances of `split` with an inner pause.
///
/// # Errors
/// Anything of [`Error`]; [`Error::Data`] when no utterance has an inner pause.
pub fn pairs(candidate: &Candidate, data: &Prepared, split: Split) -> Result<Vec<Row>> {
    let mut voices: BTreeMap<(&str, &str), Voice> = BTreeMap::new();
    for (i, utterance) in data.utterances().iter().enumerate() {
        let phrases = phrases(&utterance.islands);
        if utterance.split != split || utterance.kind.is_fragment() || phrases.len() < 2 {
            continue;
        }
        let voice = voices.entry((&utterance.set, &utterance.speaker)).or_default();
        if voice.as_said.len() == PER_SPEAKER {
            continue;
        }
        let mut all = scores(candidate, data, i, &phrases)?;
        if let Some(end) = all.pop() {
            voice.as_said.push(Pair { end, holds: all });
        }
        if let Some([hold, end]) = matched(&phrases) {
            let last = |part: &[[u32; 2]]| Ok::<_, Error>(scores(candidate, data, i, part)?.pop());
            if let (Some(hold), Some(end)) = (last(&phrases[hold.clone()])?, last(&phrases[end.clone()])?) {
                voice.matched.push(Pair { end, holds: vec![hold] });
            }
        }
    }
    if voices.is_empty() {
        return Err(Error::Data(format!("split {split}: no utterance with a pause inside")));
    }
    let voices: Vec<Voice> = voices.into_values().collect();
    let as_said: Vec<Vec<Pair>> = voices.iter().map(|v| v.as_said.clone()).collect();
    let matched: Vec<Vec<Pair>> = voices.iter().map(|v| v.matched.clone()).collect();
    let mut rows = part_rows("end against own pauses, as said", &as_said);
    rows.extend(part_rows("end against own pause, equally long", &matched));
    Ok(rows)
}

/// Rows of one kind of pairs, `[speaker]`.
fn part_rows(what: &str, speakers: &[Vec<Pair>]) -> Vec<Row> {
    let speakers: Vec<&Vec<Pair>> = speakers.iter().filter(|pairs| !pairs.is_empty()).collect();
    let all = || speakers.iter().copied().flatten();
    let holds: usize = all().map(|pair| pair.holds.len()).sum();
    let over = format!("{} ends, {holds} pauses, {} speakers", all().count(), speakers.len());
    let mut table = Table::new(speakers.len(), 1);
    for (at, ms) in INTO_MS.iter().enumerate() {
        table.add(format!("{what}, paired AUC at {ms} ms"), over.clone(), &[paired(&speakers, at), None]);
    }
    let unpaired: Vec<Vec<(f32, bool)>> = speakers.iter().map(|pairs| one_threshold(pairs)).collect();
    let name = format!("{what}, AUC over all utterances at {} ms", INTO_MS[1]);
    table.add(name, over.clone(), &[ranked(&unpaired, Ranked::roc_auc), None]);
    let name = format!("{what}, paired AUC of the time since the first sound alone");
    table.add(name, over, &[paired(&speakers, INTO_MS.len()), None]);
    table.rows
}

fn one_threshold(pairs: &[Pair]) -> Vec<(f32, bool)> {
    let ends = pairs.iter().map(|pair| (pair.end[1], true));
    ends.chain(pairs.iter().flat_map(|pair| &pair.holds).map(|hold| (hold[1], false))).collect()
}

/// Chance that the end of an utterance scores above a pause of the same utterance, the mean over utterances.
fn paired<'a>(speakers: &[&Vec<Pair>], at: usize) -> Option<Figure<'a>> {
    let sums: Vec<(f64, usize)> =
        speakers.iter().map(|pairs| (pairs.iter().map(|pair| pair.share(at)).sum(), pairs.len())).collect();
    Some(Box::new(move |weights| {
        let drawn = sums.iter().zip(weights);
        let (sum, count) = drawn.fold((0.0, 0), |(sum, count), (speaker, times)| {
            (sum + f64::from(*times) * speaker.0, count + *times as usize * speaker.1)
        });
        (count > 0).then(|| sum / count as f64)
    }))
}

impl Pair {
    /// Share of the holds that the end beats, ties counting half.
    fn share(&self, at: usize) -> f64 {
        let wins = self.holds.iter().map(|hold| match self.end[at].partial_cmp(&hold[at]) {
            Some(Ordering::Greater) => 1.0,
            Some(Ordering::Equal) => 0.5,
            _ => 0.0,
        });
        wins.sum::<f64>() / self.holds.len() as f64
    }
}

/// Islands joined over gaps that are no pauses.
fn phrases(islands: &[[u32; 2]]) -> Vec<[u32; 2]> {
    let mut phrases = islands.to_vec();
    phrases.dedup_by(|next, kept| {
        let joined = next[0] - kept[1] < samples(SHORTEST_PAUSE_S) as u32;
        if joined {
            kept[1] = next[1];
        }
        joined
    });
    phrases
}

/// The phrases before an inner pause and before the end that last most nearly as long as each other.
fn matched(phrases: &[[u32; 2]]) -> Option<[std::ops::Range<usize>; 2]> {
    let last_s = |part: std::ops::Range<usize>| {
        let spoken: u32 = phrases[part.clone()].iter().map(|p| p[1] - p[0]).sum();
        spoken as f32 / samples(1.0) as f32 + (part.len() - 1) as f32 * SILENCE_S
    };
    let mut best = None;
    let mut least = LARGEST_RATIO.ln();
    for hold_end in 1..phrases.len() {
        for (hold, end) in (0..hold_end).flat_map(|h| (0..phrases.len()).map(move |e| (h, e))) {
            let lengths = [last_s(hold..hold_end), last_s(end..phrases.len())];
            let off = (lengths[0] / lengths[1]).ln().abs();
            if off < least && lengths.iter().all(|s| *s >= SHORTEST_SIDE_S) {
                (best, least) = (Some([hold..hold_end, end..phrases.len()]), off);
            }
        }
    }
    best
}

/// Scores behind each of the phrases of an utterance, played in order with equal silences.
fn scores(
    candidate: &Candidate,
    data: &Prepared,
    utterance: usize,
    phrases: &[[u32; 2]],
) -> Result<Vec<Scores>> {
    let (audio, ends) = play(data, utterance, phrases);
    let frames = candidate.frames([&audio, &vec![0.0; audio.len()]])?;
    let first = ends[0] - (phrases[0][1] - phrases[0][0]) as usize;
    let read = |end: &usize| {
        let mut scores = [0.0; INTO_MS.len() + 1];
        for (score, ms) in scores.iter_mut().zip(INTO_MS) {
            let frame: &Frame = &frames[end / HOP_SAMPLES + (ms / HOP_MS) as usize - 1];
            *score = frame.eot[0];
        }
        scores[INTO_MS.len()] = (end - first) as f32 / samples(1.0) as f32;
        scores
    };
    Ok(ends.iter().map(read).collect())
}

/// The phrases on one room tone, each ending on a whole frame; their sound and the sample at which each ends.
fn play(data: &Prepared, utterance: usize, phrases: &[[u32; 2]]) -> (Vec<f32>, Vec<usize>) {
    let amplitude = |db: f32| 10f32.powf(db / 20.0);
    let gain = amplitude(LEVELS_DB[0] - data.utterances()[utterance].speech_db) / 32768.0;
    let sound = data.utterance_audio(utterance);
    let (mut audio, mut ends) = (Vec::new(), Vec::new());
    for [start, end] in phrases.iter().map(|p| p.map(|s| s as usize)) {
        let earliest = audio.len() + samples(SILENCE_S) + end - start;
        audio.resize(earliest.next_multiple_of(HOP_SAMPLES) - (end - start), 0.0);
        let length = end - start;
        audio.extend(sound[start..end].iter().enumerate().map(|(i, s)| {
            let [rise, fall] = [(i, FADE_S[0]), (length - 1 - i, FADE_S[1])]
                .map(|(from_edge, fade_s)| (from_edge as f32 / samples(fade_s) as f32).min(1.0));
            gain * rise * fall * f32::from(*s)
        }));
        ends.push(audio.len());
    }
    audio.resize(audio.len() + samples(SILENCE_S), 0.0);
    // Uniform noise of amplitude 1 has a power of 1/3.
    let room_tone = amplitude(LEVELS_DB[1]) * 3f32.sqrt();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED ^ utterance as u64);
    audio.iter_mut().for_each(|x| *x = (*x + room_tone * rng.random_range(-1.0..1.0f32)).clamp(-1.0, 1.0));
    (audio, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_part_at_pauses_alone() {
        let islands = [[0, 8_000], [10_000, 16_000], [19_200, 30_000]];
        assert_eq!(phrases(&islands), [[0, 16_000], [19_200, 30_000]]);
    }

    #[test]
    fn sides_last_equally_long_or_there_is_no_pair() {
        let phrase = |lengths_s: &[f32]| {
            let mut at = 0;
            let phrase = |length_s: &f32| {
                let start = at + 8_000;
                at = start + samples(*length_s) as u32;
                [start, at]
            };
            lengths_s.iter().map(phrase).collect::<Vec<_>>()
        };
        assert_eq!(matched(&phrase(&[1.0, 3.0, 1.0])), Some([0..1, 2..3]));
        // The first two against the last two: each part alone is too short.
        assert_eq!(matched(&phrase(&[0.5, 1.0, 0.5])), Some([0..2, 1..3]));
        assert_eq!(matched(&phrase(&[1.0, 3.0])), None);
        assert_eq!(matched(&phrase(&[0.3, 0.3])), None);
    }

    #[test]
    fn an_end_is_compared_with_pauses_of_its_own_utterance() {
        let scores = |score: f32| [score, score, score, score, 0.0];
        let pair = |end: f32, holds: &[f32]| Pair {
            end: scores(end),
            holds: holds.iter().map(|hold| scores(*hold)).collect(),
        };
        // Right within each utterance, although one scores everything low.
        let speakers = [vec![pair(0.9, &[0.8, 0.7])], vec![pair(0.2, &[0.1]), pair(0.3, &[0.3, 0.4])]];
        let rows = part_rows("x", &speakers);
        let value =
            |name: &str| rows.iter().find(|row| row.name.contains(name)).unwrap().scores[0].unwrap().value;
        assert!((value("paired AUC at 200 ms") - (1.0 + 1.0 + 0.25) / 3.0).abs() < 1e-9);
        assert_eq!(value("time since the first sound"), 0.5);
        assert!(value("over all utterances") < 0.7);
    }
}
