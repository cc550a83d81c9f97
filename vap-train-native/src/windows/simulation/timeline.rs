//! Two people talking: turns, gaps, overlaps and backchannels in the order and with the lengths of an AMI meeting.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

use super::Simulator;
use super::turn::{Speaker, TurnPlan};
use crate::data::prepared::{TurnKind, TurnTiming};
use crate::windows::placed::{Edges, Placed};
use crate::windows::voices::samples;

/// Silence of the speaker on both sides of a backchannel, by definition, in seconds.
const ISOLATION_S: f32 = 1.0;

/// Sounds of both channels until `length` samples are filled, `[user, agent]`.
pub(super) fn timeline(simulator: &Simulator, rng: &mut ChaCha8Rng, length: usize) -> [Vec<Placed>; 2] {
    let mut speakers =
        simulator.voices.pair(rng).map(|voice| Speaker::new(voice, simulator.speed(rng), true));
    let mut tracks = [Vec::new(), Vec::new()];
    let mut last: Option<(usize, usize, usize)> = None; // speaker, start, end of the turn with the floor
    let lead = samples(rng.random_range(0.1..1.5));
    while last.is_none_or(|(_, start, _)| start < length) {
        let Some(timing) = simulator.timings.choose(rng) else { break };
        let flip = rng.random_range(0..2u8);
        let first = rng.random_range(0..timing.turns.len());
        let mut before: Option<&TurnTiming> = None;
        for (i, turn) in timing.turns.iter().enumerate().skip(first) {
            let speaker = usize::from(turn.speaker ^ flip);
            if turn.kind == TurnKind::Backchannel {
                continue;
            }
            // A turn of the speaker who just ended one would put a hold behind an utterance's end.
            if last.is_some_and(|(s, ..)| s == speaker) {
                before = Some(turn);
                continue;
            }
            let (start, floor) = match (last, before) {
                (None, _) => (lead, 0),
                (Some((_, start, end)), before) => {
                    let drawn = before
                        .map(|b| turn.start_s - b.end_s)
                        .or_else(|| simulator.gaps_s.choose(rng).copied());
                    let offset_s = drawn.unwrap_or(0.3).clamp(-2.0, 4.0);
                    let earliest = start + (end - start) / 2;
                    let at = end as i64 + (offset_s * SAMPLE_RATE_HZ as f32) as i64;
                    (at.max(earliest as i64) as usize, own_end(&tracks[speaker]))
                }
            };
            let isolated =
                if tracks[speaker].last().is_some_and(|p| p.backchannel) { ISOLATION_S } else { 0.1 };
            let start = if floor > 0 { start.max(floor + samples(isolated)) } else { start };
            let pauses_s: Vec<f32> = turn.pauses.iter().map(|(a, b)| b - a).collect();
            let plan = TurnPlan {
                spoken_s: turn.end_s - turn.start_s - pauses_s.iter().sum::<f32>(),
                start,
                pauses_s: &pauses_s,
                annotated: simulator.config.annotated_pauses,
                matched: simulator.config.matched_pauses,
            };
            let end = simulator.turn(rng, &plan, &mut speakers[speaker], &mut tracks[speaker]);
            let answers = timing.turns[i + 1..].iter().take_while(|b| b.start_s < turn.end_s);
            for b in answers.filter(|b| b.kind == TurnKind::Backchannel && b.speaker != turn.speaker) {
                let share = (b.start_s - turn.start_s) / (turn.end_s - turn.start_s).max(0.1);
                let at = start + (share * (end - start) as f32) as usize;
                let listener = 1 - speaker;
                backchannel(simulator, rng, &speakers[listener], at, &mut tracks[listener]);
            }
            // A turn inside another's leaves the floor where it was.
            if last.is_none_or(|(.., before)| end > before) {
                last = Some((speaker, start, end));
            }
            before = Some(turn);
            if start >= length {
                break;
            }
        }
    }
    tracks
}

fn own_end(track: &[Placed]) -> usize {
    track.last().map_or(0, Placed::end)
}

/// Places a backchannel where it stands alone.
pub(super) fn backchannel(
    simulator: &Simulator,
    rng: &mut ChaCha8Rng,
    listener: &Speaker,
    at: usize,
    track: &mut Vec<Placed>,
) {
    let Some((utterance, cut)) = simulator.voices.backchannel(rng, simulator.data, listener.voice) else {
        return;
    };
    if track.is_empty() || own_end(track) + samples(ISOLATION_S) <= at {
        let (speed, inner) = (listener.speed, Edges::default());
        track.push(Placed { utterance, cut, at, speed, backchannel: true, inner });
    }
}
