//! The turns and backchannels of a two-party stretch, out of its sounds.
//!
//! A turn is one speaker's sounds until the other claims the floor in a pause of it, or until it pauses too long.
//! It may lie inside a turn of the other: an attempt that failed.

use serde::{Deserialize, Serialize};

use super::meeting::Island;
use super::options::PairOptions;
use crate::data::Split;

/// A stretch of a meeting in which only two participants talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Where it was annotated.
    pub corpus: TimingCorpus,
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

/// A corpus that gives timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimingCorpus {
    /// AMI.
    Ami,
    /// VoxConverse.
    VoxConverse,
    /// CABNC.
    Cabnc,
}

impl TimingCorpus {
    /// Whether overlaps stand in the annotation. Where they do not, a change of speaker without a gap may be an
    /// overlap of any length, and only gaps above 0 are to be believed.
    pub fn marks_overlaps(self) -> bool {
        self != TimingCorpus::Cabnc
    }
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

/// Letter of a speaker in a [`Timing`]: `A` for the first, and so on.
pub(crate) fn channel_letter(speaker: usize) -> char {
    u32::try_from(speaker).ok().and_then(|speaker| char::from_u32(u32::from('A') + speaker)).unwrap_or('?')
}

/// A sound of one of the two: 0 or 1, and when.
pub(crate) type Sound = (usize, Island);

/// Start of the stretch in the meeting, and its turns; `None` when it is too short or one speaker has no turn.
pub(crate) fn stretch_turns(sounds: &[Sound], options: &PairOptions) -> Option<(f32, Vec<TurnTiming>)> {
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
