//! Two-party timing out of meetings: who of two speaks when, which sounds are backchannels, where turns pause.
//!
//! A stretch holds two participants while the others are silent but for backchannels.

use super::meeting::{Island, Meeting};
use super::options::PairOptions;
use super::turns::{Sound, stretch_turns};

pub use super::turns::{Timing, TimingCorpus, TurnKind, TurnTiming};

/// Stretches of a meeting in which two participants talk, for every pair. A meeting without dialogue acts gives
/// none, for its backchannels cannot be told from turns.
pub fn pair_timings(meeting: &Meeting, options: &PairOptions) -> Vec<Timing> {
    let mut timings = Vec::new();
    if !meeting.has_acts {
        return timings;
    }
    let islands: Vec<Vec<Island>> =
        meeting.participants.iter().map(|participant| participant.islands(&options.islands)).collect();
    for first in 0..islands.len() {
        for second in first + 1..islands.len() {
            let pair = [&islands[first][..], &islands[second][..]];
            let others = (0..islands.len()).filter(|i| *i != first && *i != second);
            let third = others.flat_map(|index| &islands[index]);
            for (offset_s, turns) in pair_stretches(pair, &intrusions(pair, third, options), options) {
                timings.push(Timing {
                    corpus: TimingCorpus::Ami,
                    meeting: meeting.name.clone(),
                    split: meeting.split,
                    channels: [first, second].map(|index| meeting.participants[index].channel),
                    offset_s,
                    turns,
                });
            }
        }
    }
    timings
}

/// Start and turns of every stretch of two speakers that no intrusion (start, end) touches; intrusions are sorted.
pub(crate) fn pair_stretches(
    pair: [&[Island]; 2],
    intrusions: &[(f64, f64)],
    options: &PairOptions,
) -> Vec<(f32, Vec<TurnTiming>)> {
    stretches(pair, intrusions, options).iter().filter_map(|sounds| stretch_turns(sounds, options)).collect()
}

/// Times (start, end) that no stretch may hold, sorted: third speakers, and places where the alignment failed.
pub(crate) fn intrusions<'a>(
    pair: [&[Island]; 2],
    third: impl Iterator<Item = &'a Island>,
    options: &PairOptions,
) -> Vec<(f64, f64)> {
    let silences = silences(pair, options.bridged_silence_s);
    let mut times: Vec<(f64, f64)> = Vec::new();
    for island in
        third.filter(|island| !island.backchannel && island.end_s - island.start_s > options.third_s)
    {
        let time = (island.start_s, island.end_s);
        if options.bridged_silence_s == 0.0 {
            times.push(time);
        } else {
            let common = silences.iter().map(|silence| (silence.0.max(time.0), silence.1.min(time.1)));
            times.extend(common.filter(|(start, end)| start < end));
        }
    }
    times.extend(pair.into_iter().flatten().filter(|island| island.doubtful).map(|i| (i.start_s, i.end_s)));
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    times
}

/// Silences of both speakers longer than `longer_than_s`, the endless one before and after included.
fn silences(pair: [&[Island]; 2], longer_than_s: f64) -> Vec<(f64, f64)> {
    let mut sounds: Vec<&Island> = pair.into_iter().flatten().collect();
    sounds.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let (mut silences, mut end_s) = (Vec::new(), f64::NEG_INFINITY);
    for sound in sounds {
        if sound.start_s - end_s > longer_than_s {
            silences.push((end_s, sound.start_s));
        }
        end_s = end_s.max(sound.end_s);
    }
    silences.push((end_s, f64::INFINITY));
    silences
}

/// Runs of sounds between intrusions and long silences, in order of start; a sound that an intrusion touches, or
/// that goes on beside such a sound, is in none.
pub(crate) fn stretches(
    pair: [&[Island]; 2],
    intrusions: &[(f64, f64)],
    options: &PairOptions,
) -> Vec<Vec<Sound>> {
    let mut stretches = Vec::new();
    let mut from_s = f64::NEG_INFINITY;
    for &(start_s, end_s) in intrusions.iter().chain([&(f64::INFINITY, f64::INFINITY)]) {
        if start_s > from_s {
            stretches.extend(split_at_silences(window(pair, from_s, start_s), options.longest_silence_s));
        }
        from_s = from_s.max(end_s);
    }
    stretches
}

/// The sounds of a stretch of time that nothing cuts: its edges move inwards until no sound crosses them.
fn window(pair: [&[Island]; 2], mut from_s: f64, mut until_s: f64) -> Vec<Sound> {
    let mut sounds: Vec<Sound> = Vec::new();
    for (speaker, islands) in (0..).zip(pair) {
        let first = islands.partition_point(|island| island.end_s <= from_s);
        let end = islands.partition_point(|island| island.start_s < until_s);
        sounds.extend(islands[first..end.max(first)].iter().map(|island| (speaker, *island)));
    }
    sounds.sort_by(|a, b| a.1.start_s.total_cmp(&b.1.start_s));
    for (_, island) in &sounds {
        if island.start_s < from_s {
            from_s = from_s.max(island.end_s);
        }
    }
    for (_, island) in sounds.iter().rev() {
        if island.end_s > until_s {
            until_s = island.start_s;
        }
    }
    sounds.retain(|(_, island)| island.start_s >= from_s && island.end_s <= until_s);
    sounds
}

fn split_at_silences(sounds: Vec<Sound>, longest_s: f64) -> Vec<Vec<Sound>> {
    let mut parts: Vec<Vec<Sound>> = Vec::new();
    let mut end_s = f64::NEG_INFINITY;
    for sound in sounds {
        match parts.last_mut() {
            Some(part) if sound.1.start_s - end_s <= longest_s => part.push(sound),
            _ => parts.push(vec![sound]),
        }
        end_s = end_s.max(sound.1.end_s);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::data::timing::meeting::{Participant, Word};

    /// A meeting with the words (start, end, backchannel) of channels A, B, ...
    fn meeting(channels: &[&[(f64, f64, bool)]]) -> Meeting {
        let participants = ('A'..).zip(channels).map(|(channel, words)| Participant {
            channel,
            person: None,
            words: words
                .iter()
                .map(|&(start_s, end_s, backchannel)| Word { start_s, end_s, backchannel })
                .collect(),
            untimed_words: 0,
            punctuation: 0,
            sounds_s: Vec::new(),
            segments_s: Vec::new(),
            acts: Vec::new(),
        });
        Meeting { name: "M".into(), split: Split::Dev, has_acts: true, participants: participants.collect() }
    }

    /// Speech in words of at most 1 s, so that no word is too long to be true.
    fn speech(spans: &[(f64, f64)]) -> Vec<(f64, f64, bool)> {
        let mut words = Vec::new();
        for &(start_s, end_s) in spans {
            let count = (end_s - start_s).ceil();
            let edge = |index: f64| start_s + (end_s - start_s) * index / count;
            words.extend((0..count as usize).map(|i| (edge(i as f64), edge(i as f64 + 1.0), false)));
        }
        words
    }

    fn turns(timing: &Timing) -> Vec<(u8, TurnKind, f32, f32, usize)> {
        let turn = |turn: &TurnTiming| (turn.speaker, turn.kind, turn.start_s, turn.end_s, turn.pauses.len());
        timing.turns.iter().map(turn).collect()
    }

    use TurnKind::{Backchannel, Turn};

    #[test]
    fn turns_pauses_and_backchannels() {
        let a = speech(&[(10.0, 14.0), (14.5, 18.0), (24.0, 26.0)]);
        let mut b = speech(&[(18.3, 23.0)]);
        b.insert(0, (12.0, 12.4, true));
        let timings = pair_timings(&meeting(&[&a, &b]), &PairOptions::default());
        assert_eq!(timings.len(), 1);
        let timing = &timings[0];
        assert_eq!((timing.offset_s, timing.channels, timing.split), (10.0, ['A', 'B'], Split::Dev));
        let expected = [
            (0, Turn, 0.0, 8.0, 1),
            (1, Backchannel, 2.0, 2.4, 0),
            (1, Turn, 8.3, 13.0, 0),
            (0, Turn, 14.0, 16.0, 0),
        ];
        assert_eq!(turns(timing), expected);
        assert_eq!(timing.turns[0].pauses, [(4.0, 4.5)]);
    }

    #[test]
    fn a_long_pause_ends_a_turn_and_a_longer_silence_the_stretch() {
        let a = speech(&[(0.0, 3.0), (6.5, 9.0), (30.0, 40.0)]);
        let b = speech(&[(9.5, 13.0), (41.0, 45.0)]);
        let timings = pair_timings(&meeting(&[&a, &b]), &PairOptions::default());
        assert_eq!(timings.len(), 2);
        let expected = [(0, Turn, 0.0, 3.0, 0), (0, Turn, 6.5, 9.0, 0), (1, Turn, 9.5, 13.0, 0)];
        assert_eq!(turns(&timings[0]), expected);
        assert_eq!((timings[1].offset_s, timings[1].turns.len()), (30.0, 2));
    }

    #[test]
    fn a_claim_in_a_pause_splits_the_turn_and_one_inside_does_not() {
        let a = speech(&[(0.0, 6.0), (8.0, 14.0), (15.0, 16.0)]);
        let b = speech(&[(2.0, 4.5), (6.5, 7.5)]);
        let timings = pair_timings(&meeting(&[&a, &b]), &PairOptions::default());
        let expected =
            [(0, Turn, 0.0, 6.0, 0), (1, Turn, 2.0, 4.5, 0), (1, Turn, 6.5, 7.5, 0), (0, Turn, 8.0, 16.0, 1)];
        assert_eq!(turns(&timings[0]), expected);
    }

    #[test]
    fn brief_and_isolated_inside_a_turn_leaves_the_floor() {
        let a = speech(&[(0.0, 9.0), (13.0, 16.0)]);
        let b = speech(&[(3.0, 3.6), (6.0, 6.5), (7.0, 7.5), (9.5, 12.0)]);
        let timings = pair_timings(&meeting(&[&a, &b]), &PairOptions::default());
        let expected = [
            (0, Turn, 0.0, 9.0, 0),
            (1, Backchannel, 3.0, 3.6, 0),
            (1, Turn, 6.0, 6.5, 0),
            (1, Turn, 7.0, 7.5, 0),
            (1, Turn, 9.5, 12.0, 0),
            (0, Turn, 13.0, 16.0, 0),
        ];
        assert_eq!(turns(&timings[0]), expected);
    }

    #[test]
    fn a_backchannel_that_runs_on_opens_the_turn() {
        let a = speech(&[(0.0, 6.0), (12.0, 14.0)]);
        let mut b = speech(&[(7.0, 11.0)]);
        b.insert(0, (6.2, 6.6, true));
        let timings = pair_timings(&meeting(&[&a, &b]), &PairOptions::default());
        assert_eq!(turns(&timings[0])[1], (1, Turn, 6.2, 11.0, 1));
    }

    #[test]
    fn a_third_speaker_cuts_unless_brief_backchannelling_or_bridged() {
        let a = speech(&[(0.0, 8.0), (16.0, 24.0)]);
        let b = speech(&[(8.5, 15.0), (24.5, 30.0)]);
        let count = |third: &[(f64, f64, bool)], options: &PairOptions| {
            let timings = pair_timings(&meeting(&[&a, &b, third]), options);
            timings
                .iter()
                .filter(|timing| timing.channels == ['A', 'B'])
                .map(|t| t.turns.len())
                .collect::<Vec<_>>()
        };
        let strict = PairOptions::default();
        let whole: Vec<usize> = vec![4];
        assert_eq!(count(&[(10.0, 10.25, false)], &strict), whole);
        assert_eq!(count(&[(10.0, 11.5, true)], &strict), whole);
        // B's sound at 10 s is cut away; what is left on its sides is A alone, and A with B's last turn.
        assert_eq!(count(&[(10.0, 11.5, false)], &strict), vec![2]);
        assert_eq!(count(&[(10.0, 11.5, false)], &PairOptions::relaxed()), whole);
        let apart = PairOptions { bridged_silence_s: 0.4, ..strict };
        assert_eq!(count(&[(15.2, 15.8, false)], &apart), vec![2, 2]);
        assert_eq!(count(&[(10.0, 11.5, false)], &apart), whole);
    }

    #[test]
    fn a_word_too_long_to_be_true_cuts() {
        let mut a = speech(&[(0.0, 8.0), (16.0, 24.0)]);
        a.push((40.0, 44.0, false));
        let b = speech(&[(8.5, 15.0), (24.5, 39.8), (44.2, 60.0)]);
        let timings = pair_timings(&meeting(&[&a, &b]), &PairOptions::default());
        assert_eq!(timings.len(), 1, "nothing across 40 to 44 s");
        assert_eq!(turns(&timings[0]).last(), Some(&(1, Turn, 24.5, 39.8, 0)));
    }

    #[test]
    fn one_speaker_alone_or_too_short_is_no_stretch() {
        let a = speech(&[(0.0, 30.0)]);
        assert!(pair_timings(&meeting(&[&a, &[]]), &PairOptions::default()).is_empty());
        assert!(pair_timings(&meeting(&[&a, &[(5.0, 5.3, true)]]), &PairOptions::default()).is_empty());
        let (a, b) = (speech(&[(0.0, 5.0)]), speech(&[(5.5, 11.0)]));
        assert!(pair_timings(&meeting(&[&a, &b]), &PairOptions::default()).is_empty());
    }
}
