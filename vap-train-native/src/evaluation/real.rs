//! The figures that count: end of turn, VAD and overlap on real recordings that no training ever saw.
//!
//! A silence is scored so many milliseconds into it, ends of turns against holds, as long as nobody has spoken
//! since it began. On a call each channel is the user once, with the other channel heard and with it muted. A mix
//! of a meeting goes into the user's channel beside a silent agent: it tells VAD against "anyone speaks" and
//! changes of speaker against resumptions, but two voices in one channel are not what the overlap head means.

use std::path::Path;

use vap_core::{FRAME_HZ, Frame, HOP_MS};

use super::metrics::table::{Figure, Row, Table, at_threshold, ranked};
use super::metrics::{Confusion, Ranked, SilenceSpan, summarise};
use super::peer::Peer;
use super::recordings::folder::{self, Content};
use super::recordings::spans::{self, SCORE_STEP_FRAMES};
use super::report::{RealReport, event_log};
use super::scores::Candidate;
use super::scores::end_of_turn::{PICKS, Swept};
use crate::error::{Error, Result};
use crate::labels::Activity;

/// Times into a silence at which it is scored, in ms.
pub const INTO_MS: [u32; 4] = [100, 200, 300, 500];
/// Length of the blocks of a call that the bootstrap draws, in seconds.
const BLOCK_S: usize = 15;

/// A silence, scored at [`INTO_MS`] where it lasts that long.
#[derive(Debug, Clone, Copy)]
struct Reading {
    end: bool,
    at: [Option<f32>; 4],
}

/// What is read of a silence, and what the model hears meanwhile.
const READINGS: [&str; 4] = [
    "end of turn, other heard",
    "end of turn, other muted",
    "p_now of the other, heard",
    "p_now of the other, muted",
];

/// The first of these are read of a peer as well, which hears one channel.
const PEER_READINGS: usize = 2;

/// Spans of a block.
type Part = fn(&Block) -> &[SilenceSpan];

/// Spans of silence with the other channel heard and muted.
const SPANS: [(&str, Part); 2] = [("heard", |block| &block.heard), ("muted", |block| &block.muted)];

/// One stretch of a call or one mix: what the bootstrap draws.
#[derive(Debug, Clone, Default)]
struct Block {
    readings: [[Vec<Reading>; READINGS.len()]; 2],
    peer_readings: [Vec<Reading>; 2],
    vad: Vec<(f32, bool)>,
    overlap: Vec<(f32, bool)>,
    heard: Vec<SilenceSpan>,
    muted: Vec<SilenceSpan>,
    peer: Vec<SilenceSpan>,
}

/// Scores a model, and a peer beside it, on the recordings in `folder`.
///
/// # Errors
/// Anything of [`Error`]; [`Error::Data`] when no recording has labels.
pub fn real(candidate: &Candidate, mut peer: Option<&mut Peer>, folder: &Path) -> Result<RealReport> {
    let found = folder::read(folder)?;
    if found.recordings.is_empty() {
        return Err(Error::Data(format!("{}: no FLAC or WAV with labels", folder.display())));
    }
    let (mut calls, mut mixes, mut event_logs) = (Vec::new(), Vec::new(), Vec::new());
    for recording in &found.recordings {
        match &recording.content {
            Content::Call { audio, activity } => {
                let heard = candidate.frames([&audio[0], &audio[1]])?;
                calls.extend(call(candidate, peer.as_deref_mut(), audio, activity, &heard)?);
                event_logs.push((
                    recording.name.clone(),
                    event_log::of_frames(&heard, activity, candidate.policy)?,
                ));
            }
            Content::Mix { audio, speakers } => {
                let frames = candidate.frames([audio, &vec![0.0; audio.len()]])?;
                mixes.push(mix(&frames, speakers));
            }
        }
    }
    let rows =
        call_rows(&calls, peer.is_some()).into_iter().chain(mix_rows(&mixes, peer.is_some())).collect();
    let left_out = found.left_out.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect();
    let peer = peer.map(|peer| peer.name.clone());
    let columns = [Some(candidate.name.clone()), peer, Some("silence timeout".into())];
    let columns = columns.into_iter().flatten().collect();
    Ok(RealReport { columns, method: method(), rows, event_logs, left_out })
}

fn method() -> String {
    format!(
        "Calls: speech of each channel as its labels give it, gaps below {} s bridged, then sounds below {} s \
         dropped; backchannels by the published definition (at most 1 s, own silence of 1 s on both sides, the \
         other holds the floor). An end is a silence after which the other claims the floor before the speaker \
         resumes, a hold one after which the speaker resumes; turns that end while the other speaks are left out. \
         A silence counts at a time into it as long as nobody has claimed the floor and the speaker makes no sound \
         until then. Brackets: 95 % bootstrap intervals, over blocks of {BLOCK_S} s of the calls and over the \
         excerpts of meetings. Mixes of meetings: the mix in the user's channel, the agent silent.",
        folder::BRIDGED_S,
        folder::SHORTEST_S
    )
}

fn call(
    candidate: &Candidate,
    mut peer: Option<&mut Peer>,
    audio: &[Vec<f32>; 2],
    activity: &Activity,
    heard: &[Frame],
) -> Result<Vec<Block>> {
    let block_frames = BLOCK_S * FRAME_HZ;
    let mut blocks = vec![Block::default(); activity.frames().div_ceil(block_frames)];
    for (t, frame) in heard.iter().enumerate().take(activity.frames()) {
        let speech = [activity.speech[0][t], activity.speech[1][t]];
        let block = &mut blocks[t / block_frames];
        block.vad.extend([0, 1].map(|c| (frame.vad[c], speech[c])));
        block.overlap.push((frame.overlap, speech[0] && speech[1]));
    }
    let silent = vec![0.0; audio[0].len().max(audio[1].len())];
    for channel in 0..2 {
        let mut alone: [&[f32]; 2] = [&silent; 2];
        alone[channel] = &audio[channel];
        let muted = candidate.frames(alone)?;
        let claims = |s: usize, t: usize| activity.speech[s][t] && !activity.backchannel[s][t];
        for silence in spans::silences(activity, channel) {
            let block = &mut blocks[silence.start / block_frames];
            let quiet = |t: usize| !activity.speech[channel][t] && !claims(1 - channel, t);
            let read = |frames: &[Frame], of: fn(&Frame, usize) -> f32| {
                read_silence(frames.len(), silence.start, silence.end, quiet, |t| {
                    Some(of(&frames[t], channel))
                })
            };
            let own = |frame: &Frame, c: usize| frame.eot[c];
            let others = |frame: &Frame, c: usize| frame.p_now[1 - c];
            let readings = [read(heard, own), read(&muted, own), read(heard, others), read(&muted, others)];
            block.readings[channel].iter_mut().zip(readings).for_each(|(all, reading)| all.push(reading));
            block.heard.push(silence.scored(heard, channel));
            block.muted.push(silence.scored(&muted, channel));
            if let Some(peer) = peer.as_deref_mut() {
                let span = peer.span(&silence, &audio[channel])?;
                let score =
                    |t: usize| span.scores.get((t + 1 - silence.start) / SCORE_STEP_FRAMES - 1).copied();
                block.peer_readings[channel].push(read_silence(
                    heard.len(),
                    silence.start,
                    silence.end,
                    quiet,
                    score,
                ));
                block.peer.push(span);
            }
        }
    }
    Ok(blocks)
}

/// Scores of the silence from frame `start`, of `frames` in all, as long as it is `quiet`; a score may be missing.
fn read_silence(
    frames: usize,
    start: usize,
    end: bool,
    quiet: impl Fn(usize) -> bool,
    score: impl Fn(usize) -> Option<f32>,
) -> Reading {
    let at = INTO_MS.map(|ms| {
        let last = start + (ms / HOP_MS) as usize - 1;
        (last < frames && (start..=last).all(&quiet)).then(|| score(last)).flatten()
    });
    Reading { end, at }
}

fn mix(frames: &[Frame], speakers: &[Vec<bool>]) -> Block {
    let mut block = Block::default();
    let count = speakers.iter().map(Vec::len).min().unwrap_or(0).min(frames.len());
    let voices = |t: usize| speakers.iter().filter(|track| track[t]).count();
    for (t, frame) in frames[..count].iter().enumerate() {
        block.vad.push((frame.vad[0], voices(t) > 0));
        block.overlap.push((frame.overlap, voices(t) > 1));
    }
    let only = |t: usize| (voices(t) == 1).then(|| speakers.iter().position(|track| track[t]));
    for start in (1..count).filter(|&t| voices(t) == 0) {
        let (Some(before), Some(next)) = (only(start - 1), (start..count).find(|&t| voices(t) > 0)) else {
            continue;
        };
        // Who speaks next is the same alone, or somebody else.
        let end = only(next) != Some(before);
        let read = |of: fn(&Frame) -> f32| {
            read_silence(count, start, end, |t| voices(t) == 0, |t| Some(of(&frames[t])))
        };
        block.readings[0][1].push(read(|frame| frame.eot[0]));
        block.readings[0][3].push(read(|frame| frame.p_now[1]));
    }
    block
}

/// Scores of ends and holds at time `into` of some of the readings, `[block]`.
fn at<'a>(
    blocks: &'a [Block],
    readings: impl Fn(&'a Block) -> Vec<&'a Reading>,
    into: usize,
) -> Vec<Vec<(f32, bool)>> {
    let of = |block| {
        readings(block).into_iter().filter_map(|reading| Some((reading.at[into]?, reading.end))).collect()
    };
    blocks.iter().map(of).collect()
}

fn reading_rows(
    table: &mut Table,
    blocks: &[Block],
    peer: bool,
    what: &str,
    channels: &[usize],
    reading: usize,
) {
    for (into, ms) in INTO_MS.iter().enumerate() {
        let pairs = at(blocks, |b| channels.iter().flat_map(|c| &b.readings[*c][reading]).collect(), into);
        let of_peer = at(blocks, |b| channels.iter().flat_map(|c| &b.peer_readings[*c]).collect(), into);
        let of_peer = (reading < PEER_READINGS).then(|| ranked(&of_peer, Ranked::roc_auc)).flatten();
        let ends = pairs.iter().flatten().filter(|pair| pair.1).count();
        let over = format!("{ends} ends, {} holds", pairs.iter().flatten().count() - ends);
        let own = ranked(&pairs, Ranked::roc_auc);
        table.add(format!("{what}, AUC at {ms} ms"), over, &columns(peer, own, of_peer, None));
    }
}

/// A row's figures: the model's, the peer's if there is one, the timeout's.
fn columns<'a>(
    peer: bool,
    own: Option<Figure<'a>>,
    of_peer: Option<Figure<'a>>,
    timeout: Option<Figure<'a>>,
) -> Vec<Option<Figure<'a>>> {
    let middle = peer.then_some(of_peer);
    [Some(own), middle, Some(timeout)].into_iter().flatten().collect()
}

fn call_rows(blocks: &[Block], peer: bool) -> Vec<Row> {
    let mut table = Table::new(blocks.len(), 1);
    if blocks.is_empty() {
        return table.rows;
    }
    let users: [(&str, &[usize]); 3] = [("both", &[0, 1]), ("channel 0", &[0]), ("channel 1", &[1])];
    for (reading, what) in READINGS.iter().enumerate() {
        for (user, channels) in users {
            reading_rows(&mut table, blocks, peer, &format!("call, {what}, user {user}"), channels, reading);
        }
    }
    for (what, part) in SPANS {
        let spans: Vec<&[SilenceSpan]> = blocks.iter().map(part).collect();
        let ends = spans.iter().copied().flatten().filter(|span| span.end).count();
        let over = format!("{ends} ends, {} holds", spans.iter().copied().flatten().count() - ends);
        let of_peer: Vec<&[SilenceSpan]> = blocks.iter().map(|block| &block.peer[..]).collect();
        let swept = [Swept::model(&spans), Swept::model(&of_peer), Swept::timeout(&spans)];
        for (name, pick) in PICKS {
            let [own, of_peer, timeout] = swept.each_ref().map(|swept| -> Option<Figure> {
                Some(Box::new(move |weights| pick(&summarise(&swept.points(weights)))))
            });
            let figures = columns(peer, own, of_peer, timeout);
            table.add(format!("call, {name}, other {what}"), over.clone(), &figures);
        }
    }
    frame_rows(&mut table, peer, "call", "in its own channel", blocks);
    table.rows
}

fn mix_rows(blocks: &[Block], peer: bool) -> Vec<Row> {
    let mut table = Table::new(blocks.len(), 1);
    if blocks.is_empty() {
        return table.rows;
    }
    for (reading, what) in [(1, "end of turn"), (3, "p_now of the agent")] {
        let what = format!("meeting mix, {what}, change of speaker against resumption");
        reading_rows(&mut table, blocks, peer, &what, &[0], reading);
    }
    frame_rows(&mut table, peer, "meeting mix", "anyone speaks", blocks);
    // Nothing sounds in the agent's channel, so no frame is an overlap of the channels.
    let none: Vec<Vec<(f32, bool)>> =
        blocks.iter().map(|b| b.overlap.iter().map(|pair| (pair.0, false)).collect()).collect();
    let name = "meeting mix, frames not taken for an overlap with the silent agent";
    let kept = at_threshold(&none, 0.5, Confusion::specificity);
    table.add(name, counted(&none), &columns(peer, kept, None, None));
    table.rows
}

fn frame_rows(table: &mut Table, peer: bool, kind: &str, what: &str, blocks: &[Block]) {
    let vad: Vec<_> = blocks.iter().map(|b| b.vad.clone()).collect();
    let overlap: Vec<_> = blocks.iter().map(|b| b.overlap.clone()).collect();
    let balanced = at_threshold(&vad, 0.5, Confusion::balanced_accuracy);
    table.add(
        format!("{kind}, VAD ({what}), balanced accuracy"),
        counted(&vad),
        &columns(peer, balanced, None, None),
    );
    let auc = ranked(&vad, Ranked::roc_auc);
    table.add(format!("{kind}, VAD ({what}), AUC"), counted(&vad), &columns(peer, auc, None, None));
    let auc = ranked(&overlap, Ranked::roc_auc);
    table.add(format!("{kind}, overlap, AUC"), counted(&overlap), &columns(peer, auc, None, None));
}

fn counted(pairs: &[Vec<(f32, bool)>]) -> String {
    let positive = pairs.iter().flatten().filter(|pair| pair.1).count();
    format!("{} frames, {positive} positive", pairs.iter().flatten().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(count: usize) -> Vec<Frame> {
        let frame = |t: usize| {
            let mut frame = Frame::from_logits(t as u64, &[0.0; 27]);
            frame.eot[0] = t as f32 / 1000.0;
            frame.vad[0] = 0.9;
            frame
        };
        (0..count).map(frame).collect()
    }

    #[test]
    fn a_silence_is_read_by_its_clock_as_long_as_it_is_quiet() {
        let heard = frames(100);
        let found = read_silence(heard.len(), 10, true, |t| t < 30, |t| Some(heard[t].eot[0]));
        // 100 ms into the silence are its first five frames; at 500 ms somebody speaks.
        assert_eq!(found.at, [Some(0.014), Some(0.019), Some(0.024), None]);
        assert!(read_silence(15, 10, true, |_| true, |t| Some(heard[t].eot[0])).at[1].is_none());
    }

    #[test]
    fn a_mix_tells_changes_of_speaker_from_resumptions() {
        let track = |text: &str| text.chars().flat_map(|c| [c == 'x'; 10]).collect::<Vec<bool>>();
        let speakers = [track("xx..xx........xx."), track("........xxxx.....")];
        let block = mix(&frames(170), &speakers);
        let ends: Vec<bool> = block.readings[0][1].iter().map(|reading| reading.end).collect();
        assert_eq!(ends, [false, true, true]);
        assert_eq!(block.vad.iter().filter(|pair| pair.1).count(), 100);
        assert!(block.overlap.iter().all(|pair| !pair.1));
        let rows = mix_rows(&[block.clone(), block], false);
        let row = |name: &str| rows.iter().find(|row| row.name.contains(name)).unwrap();
        // Later frames score higher here, and the ends come later.
        assert_eq!(
            row("end of turn, change of speaker against resumption, AUC at 200 ms").scores[0].unwrap().value,
            1.0
        );
        assert_eq!(row("balanced accuracy").scores[0].unwrap().value, 0.5);
        assert_eq!(row("not taken for an overlap").scores[0].unwrap().value, 0.0);
    }
}
