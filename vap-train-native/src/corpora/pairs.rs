//! Two-party timing out of meetings: who of two speaks when, which sounds are backchannels, where turns pause.
//!
//! A stretch holds two participants while the others are silent but for backchannels. A turn is one speaker's
//! sounds until the other claims the floor in a pause of it, or until it pauses too long; a turn may lie inside a
//! turn of the other (an attempt that failed).

use serde::{Deserialize, Serialize};

use super::Split;
use super::ami::{Island, IslandRule, Meeting};

/// A stretch of a meeting in which only two participants talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Meeting, e.g. `ES2002a`.
    pub meeting: String,
    /// Split of the meeting.
    pub split: Split,
    /// Channel letters of speaker 0 and speaker 1 in the meeting.
    pub channels: [char; 2],
    /// Where the stretch starts in the meeting, in seconds; every other time counts from there.
    pub offset_s: f32,
    /// Turns and backchannels of both, in order of start.
    pub turns: Vec<TurnTiming>,
}

/// One turn or one backchannel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnTiming {
    /// 0 or 1.
    pub speaker: u8,
    /// Start of its first sound, in seconds from the start of the stretch.
    pub start_s: f32,
    /// End of its last sound, in seconds from the start of the stretch.
    pub end_s: f32,
    /// Turn or backchannel.
    pub kind: TurnKind,
    /// Inner pauses (start, end) in seconds from `start_s`, each longer than 0.2 s; in AMI nearly all over 1 s.
    pub pauses: Vec<(f32, f32)>,
}

/// What a stretch of sound does in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TurnKind {
    /// It holds or claims the floor.
    Turn,
    /// It leaves the floor with the other ("mm-hmm").
    Backchannel,
}

/// Which stretches are taken, and what a turn is.
#[derive(Debug, Clone, Copy)]
pub struct PairOptions {
    /// Speech of a third participant up to this long does not end a stretch, in seconds. His backchannels never do.
    pub third_s: f64,
    /// Speech of a third participant is dropped where the two leave no silence longer than this around it, in
    /// seconds; 0 keeps strictly to stretches of two.
    pub bridged_silence_s: f64,
    /// A common silence longer than this ends a stretch, in seconds.
    pub longest_silence_s: f64,
    /// Shortest stretch, in seconds.
    pub shortest_s: f64,
    /// A longer silence of one speaker ends the turn, in seconds.
    pub longest_pause_s: f64,
    /// A backchannel closer than this to a turn of its own speaker is part of that turn, in seconds.
    pub backchannel_apart_s: f64,
    /// A sound up to this long that begins and ends inside a turn of the other, with [`Self::backchannel_apart_s`]
    /// of own silence on both sides, is a backchannel whatever its act: it leaves the floor where it is. Seconds.
    pub brief_s: f64,
    /// How words become islands.
    pub islands: IslandRule,
}

impl PairOptions {
    /// Three times the stretches: speech of third participants is dropped where the two go on within 2 s.
    pub fn relaxed() -> Self {
        Self { bridged_silence_s: 2.0, ..Self::default() }
    }
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            third_s: 0.3,
            bridged_silence_s: 0.0,
            longest_silence_s: 5.0,
            shortest_s: 12.0,
            longest_pause_s: 3.0,
            backchannel_apart_s: 1.0,
            brief_s: 1.0,
            islands: IslandRule::default(),
        }
    }
}

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
            for stretch in stretches(pair, &intrusions(pair, third, options), options) {
                if let Some((offset_s, turns)) = stretch_turns(&stretch, options) {
                    timings.push(Timing {
                        meeting: meeting.name.clone(),
                        split: meeting.split,
                        channels: [first, second].map(|index| meeting.participants[index].channel),
                        offset_s,
                        turns,
                    });
                }
            }
        }
    }
    timings
}

/// A sound of one of the two.
type Sound = (usize, Island);

/// Times (start, end) that no stretch may hold, sorted: third speakers, and places where the alignment failed.
fn intrusions<'a>(
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
fn stretches(pair: [&[Island]; 2], intrusions: &[(f64, f64)], options: &PairOptions) -> Vec<Vec<Sound>> {
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

/// Start of the stretch in the meeting, and its turns; `None` when it is too short or one speaker has no turn.
fn stretch_turns(sounds: &[Sound], options: &PairOptions) -> Option<(f32, Vec<TurnTiming>)> {
    let (claims, backchannels) = claims_and_backchannels(sounds, options);
    let mut spans: Vec<Span> = Vec::new();
    for speaker in 0..2 {
        let same_turn = |end_s: f64, start_s: f64| {
            start_s - end_s <= options.longest_pause_s
                && !sounds_between(&claims[1 - speaker], end_s, start_s)
        };
        let near = |end_s: f64, start_s: f64| start_s - end_s < options.backchannel_apart_s;
        spans.extend(grouped(&claims[speaker], speaker, TurnKind::Turn, same_turn));
        spans.extend(grouped(&backchannels[speaker], speaker, TurnKind::Backchannel, near));
    }
    let brief: Vec<usize> = (0..spans.len()).filter(|index| leaves_floor(*index, &spans, options)).collect();
    brief.into_iter().for_each(|index| spans[index].kind = TurnKind::Backchannel);
    spans.sort_by(|a, b| a.start_s().total_cmp(&b.start_s()));
    // Before the first turn nobody holds the floor that a backchannel could leave.
    let first = spans.iter().position(|span| span.kind == TurnKind::Turn)?;
    let spans = &spans[first..];
    let has_turn = |id| spans.iter().any(|span| span.speaker == id && span.kind == TurnKind::Turn);
    let offset_s = spans[0].start_s();
    let end_s = spans.iter().fold(offset_s, |end_s, span| span.end_s().max(end_s));
    (has_turn(0) && has_turn(1) && end_s - offset_s >= options.shortest_s)
        .then(|| (milliseconds(offset_s), spans.iter().map(|span| span.timing(offset_s)).collect()))
}

/// Sounds of each speaker that claim the floor, and those that do not. A backchannel that runs on into a turn of
/// its own speaker opens or closes that turn.
fn claims_and_backchannels(sounds: &[Sound], options: &PairOptions) -> ([Vec<Island>; 2], [Vec<Island>; 2]) {
    let mut annotated: [Vec<Island>; 2] = Default::default();
    for (speaker, island) in sounds.iter().filter(|(_, island)| !island.backchannel) {
        annotated[*speaker].push(*island);
    }
    let mut claims = annotated.clone();
    let mut backchannels: [Vec<Island>; 2] = Default::default();
    for (speaker, island) in sounds.iter().filter(|(_, island)| island.backchannel) {
        let joins = |claim: &Island| {
            let (end_s, start_s) = (claim.end_s.min(island.end_s), claim.start_s.max(island.start_s));
            start_s - end_s < options.backchannel_apart_s
                && !sounds_between(&annotated[1 - speaker], end_s, start_s)
        };
        let joined = annotated[*speaker].iter().any(joins);
        (if joined { &mut claims } else { &mut backchannels })[*speaker].push(*island);
    }
    for islands in &mut claims {
        islands.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    }
    (claims, backchannels)
}

/// Whether a turn is so brief, so far inside a turn of the other and so far from own sounds that the floor stays.
fn leaves_floor(index: usize, spans: &[Span], options: &PairOptions) -> bool {
    let span = &spans[index];
    let inside = |other: &Span| {
        other.speaker != span.speaker
            && other.kind == TurnKind::Turn
            && other.start_s() < span.start_s()
            && other.end_s() > span.end_s()
    };
    let (before_s, after_s) =
        (span.start_s() - options.backchannel_apart_s, span.end_s() + options.backchannel_apart_s);
    let near = |(place, other): (usize, &Span)| {
        place != index
            && other.speaker == span.speaker
            && other.end_s() > before_s
            && other.start_s() < after_s
    };
    span.kind == TurnKind::Turn
        && span.end_s() - span.start_s() <= options.brief_s
        && spans.iter().any(inside)
        && !spans.iter().enumerate().any(near)
}

/// The islands of one turn or backchannel, at least one.
struct Span {
    speaker: usize,
    kind: TurnKind,
    islands: Vec<Island>,
}

impl Span {
    fn start_s(&self) -> f64 {
        self.islands[0].start_s
    }

    fn end_s(&self) -> f64 {
        self.islands[self.islands.len() - 1].end_s
    }

    fn timing(&self, offset_s: f64) -> TurnTiming {
        let start_s = self.start_s();
        let pauses = self.islands.windows(2);
        TurnTiming {
            speaker: self.speaker as u8,
            start_s: milliseconds(start_s - offset_s),
            end_s: milliseconds(self.end_s() - offset_s),
            kind: self.kind,
            pauses: pauses
                .map(|pair| (milliseconds(pair[0].end_s - start_s), milliseconds(pair[1].start_s - start_s)))
                .collect(),
        }
    }
}

/// Runs of islands in which each (end, next start) passes `together`.
fn grouped(
    islands: &[Island],
    speaker: usize,
    kind: TurnKind,
    together: impl Fn(f64, f64) -> bool,
) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for island in islands {
        match spans.last_mut() {
            Some(span) if together(span.end_s(), island.start_s) => span.islands.push(*island),
            _ => spans.push(Span { speaker, kind, islands: vec![*island] }),
        }
    }
    spans
}

/// Whether one of the sounds reaches into the time between `end_s` and `start_s`.
fn sounds_between(sounds: &[Island], end_s: f64, start_s: f64) -> bool {
    sounds.iter().any(|island| island.start_s < start_s && island.end_s > end_s)
}

/// Seconds rounded to 1 ms, so that the manifest stays short.
fn milliseconds(seconds: f64) -> f32 {
    ((seconds * 1000.0).round() / 1000.0) as f32
}
