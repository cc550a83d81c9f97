//! Two-channel dialogues: real utterances on real conversational timing. Prepared data and a seed come in; both
//! channels' sound and their frame activity go out. A dialogue is a pure function of (data, config, seed).
//!
//! The order of turns, the gaps and overlaps between them, the lengths of pauses and the places of backchannels are
//! those of two people in an AMI meeting. The sound is read and prompted speech: a turn ends where an utterance
//! ends; its holds are the pauses inside that utterance. AMI's word times hardly know pauses under a second, so
//! only a share of the pauses takes its length from there; the others keep about their own. Every sound is cut
//! out with the same margins and fades and laid on one bed a channel, so that silence itself tells nothing.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vap_core::labels::Activity;
use vap_core::{FRAME_HZ, HOP_SAMPLES, SAMPLE_RATE_HZ};

use crate::config::SimulationConfig;
use crate::corpora::Split;
use crate::error::{Error, Result};
use crate::prepared::{Prepared, Timing, TurnKind, TurnTiming};
use crate::sound;
use crate::voices::{Voices, samples};

/// Seconds of conversation simulated beyond the window, so that every projection bin is known.
const FUTURE_S: f32 = 2.2;
/// Silence of the speaker on both sides of a backchannel, by definition, in seconds.
const ISOLATION_S: f32 = 1.0;
/// Shortest silence that counts as a pause, in seconds; shorter ones are part of the articulation.
const SHORTEST_PAUSE_S: f32 = 0.2;
/// Longest pause taken over from a recording, in seconds.
const LONGEST_PAUSE_S: f32 = 3.0;

/// A simulated dialogue.
pub struct Dialogue {
    /// Sound of both channels at 16 kHz, `[user, agent]`.
    pub audio: [Vec<f32>; 2],
    /// Who speaks in each frame. Longer than the audio: the future of its last frames is known.
    pub activity: Activity,
    /// Frames that have sound.
    pub frames: usize,
}

/// One sound on the timeline of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// Utterance it is cut from.
    pub utterance: usize,
    /// Samples `[start, end)` in the utterance.
    pub cut: [u32; 2],
    /// First sample on the timeline.
    pub at: usize,
    /// Whether it is a backchannel.
    pub backchannel: bool,
}

impl Placed {
    fn end(&self) -> usize {
        self.at + (self.cut[1] - self.cut[0]) as usize
    }
}

/// Makes dialogues of one split.
pub struct Simulator<'a> {
    data: &'a Prepared,
    config: SimulationConfig,
    timings: Vec<&'a Timing>,
    voices: Voices,
    pauses_s: Vec<f32>,
    /// Gaps (overlaps below 0) at changes of speaker.
    gaps_s: Vec<f32>,
}

impl<'a> Simulator<'a> {
    /// Simulator for one split.
    ///
    /// # Errors
    /// [`Error::Data`] when the split lacks timings, pauses or two voices.
    pub fn new(data: &'a Prepared, split: Split, config: &SimulationConfig) -> Result<Self> {
        let timings: Vec<_> = data.timings(split).filter(|t| !t.turns.is_empty()).collect();
        let pauses_s: Vec<f32> = timings
            .iter()
            .flat_map(|t| &t.turns)
            .flat_map(|turn| turn.pauses.iter().map(|(start, end)| end - start))
            .filter(|length| *length <= LONGEST_PAUSE_S)
            .collect();
        let gaps_s: Vec<f32> = timings.iter().flat_map(|t| gaps(&t.turns)).collect();
        if pauses_s.is_empty() || gaps_s.is_empty() {
            return Err(Error::Data(format!(
                "split {split:?} has no two-party timings with pauses and turn changes"
            )));
        }
        let voices = Voices::new(data, split)?;
        Ok(Simulator { data, config: config.clone(), timings, voices, pauses_s, gaps_s })
    }

    /// Dialogue `seed`, `seconds` long.
    pub fn dialogue(&self, seed: u64, seconds: f32) -> Dialogue {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let frames = (seconds * FRAME_HZ as f32) as usize;
        let known = frames + (FUTURE_S * FRAME_HZ as f32) as usize;
        let tracks = self.timeline(&mut rng, known * HOP_SAMPLES);
        let activity = activity(&tracks, known);
        let length = frames * HOP_SAMPLES;
        let audio = sound::render(self.data, &self.config, &tracks, length, &mut rng);
        Dialogue { audio, activity, frames }
    }

    /// Sounds of both channels until `length` samples are filled, `[user, agent]`.
    fn timeline(&self, rng: &mut ChaCha8Rng, length: usize) -> [Vec<Placed>; 2] {
        let voices = self.voices.pair(rng);
        let mut tracks = [Vec::new(), Vec::new()];
        let mut last: Option<(usize, usize, usize)> = None; // speaker, start, end of the turn with the floor
        let lead = samples(rng.random_range(0.1..1.5));
        while last.is_none_or(|(_, start, _)| start < length) {
            let Some(timing) = self.timings.choose(rng) else { break };
            let flip = rng.random_range(0..2u8);
            let first = rng.random_range(0..timing.turns.len());
            let mut before: Option<&TurnTiming> = None;
            for (i, turn) in timing.turns.iter().enumerate().skip(first) {
                let speaker = usize::from(turn.speaker ^ flip);
                // A turn of the speaker who just ended one would put a hold behind an utterance's end.
                if turn.kind == TurnKind::Backchannel {
                    continue;
                }
                if last.is_some_and(|(s, ..)| s == speaker) {
                    before = Some(turn);
                    continue;
                }
                let (start, floor) = match (last, before) {
                    (None, _) => (lead, 0),
                    (Some((_, start, end)), before) => {
                        let drawn = before
                            .map(|b| turn.start_s - b.end_s)
                            .or_else(|| self.gaps_s.choose(rng).copied());
                        let offset_s = drawn.unwrap_or(0.3).clamp(-2.0, 4.0);
                        let earliest = start + (end - start) / 2;
                        let at = end as i64 + (offset_s * SAMPLE_RATE_HZ as f32) as i64;
                        (at.max(earliest as i64) as usize, self.own_end(&tracks[speaker]))
                    }
                };
                let isolated =
                    if tracks[speaker].last().is_some_and(|p| p.backchannel) { ISOLATION_S } else { 0.1 };
                let start = if floor > 0 { start.max(floor + samples(isolated)) } else { start };
                let end = self.turn(rng, voices[speaker], turn, start, &mut tracks[speaker]);
                let answers = timing.turns[i + 1..].iter().take_while(|b| b.start_s < turn.end_s);
                for b in answers.filter(|b| b.kind == TurnKind::Backchannel && b.speaker != turn.speaker) {
                    let share = (b.start_s - turn.start_s) / (turn.end_s - turn.start_s).max(0.1);
                    let at = start + (share * (end - start) as f32) as usize;
                    self.backchannel(rng, voices[1 - speaker], at, &mut tracks[1 - speaker]);
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

    fn own_end(&self, track: &[Placed]) -> usize {
        track.last().map_or(0, Placed::end)
    }

    /// Places one turn and returns its end.
    fn turn(
        &self,
        rng: &mut ChaCha8Rng,
        voice: usize,
        timing: &TurnTiming,
        start: usize,
        track: &mut Vec<Placed>,
    ) -> usize {
        let paused: f32 = timing.pauses.iter().map(|(a, b)| b - a).sum();
        let spoken_s = timing.end_s - timing.start_s - paused;
        let phrases = rng.random_bool(self.config.phrase_start);
        let used: Vec<usize> = track.iter().map(|placed| placed.utterance).collect();
        let (utterance, first) = self.voices.turn(rng, self.data, voice, spoken_s, phrases, &used);
        let islands = &self.data.utterances()[utterance].islands[first..];
        let mut own_pauses = timing.pauses.iter().map(|(a, b)| b - a).filter(|p| *p <= LONGEST_PAUSE_S);
        let mut at = start;
        let mut end = start;
        for (i, island) in islands.iter().enumerate() {
            track.push(Placed { utterance, cut: *island, at, backchannel: false });
            end = at + (island[1] - island[0]) as usize;
            if let Some(next) = islands.get(i + 1) {
                let natural = (next[0] - island[1]) as usize;
                let pause = if natural < samples(SHORTEST_PAUSE_S) {
                    natural
                } else if rng.random_bool(self.config.annotated_pauses) {
                    let drawn = own_pauses.next().or_else(|| self.pauses_s.choose(rng).copied());
                    drawn.map_or(natural, |s| samples(s.max(SHORTEST_PAUSE_S)))
                } else {
                    (natural as f32 * rng.random_range(0.8..1.8)) as usize
                };
                at = end + pause;
            }
        }
        end
    }

    fn backchannel(&self, rng: &mut ChaCha8Rng, voice: usize, at: usize, track: &mut Vec<Placed>) {
        let Some((utterance, cut)) = self.voices.backchannel(rng, self.data, voice) else { return };
        if track.last().is_none_or(|last| last.end() + samples(ISOLATION_S) <= at) {
            track.push(Placed { utterance, cut, at, backchannel: true });
        }
    }
}

/// Silence (overlap below 0) in seconds at each change of speaker.
fn gaps(turns: &[TurnTiming]) -> Vec<f32> {
    let turns: Vec<_> = turns.iter().filter(|t| t.kind == TurnKind::Turn).collect();
    let changes = turns.windows(2).filter(|pair| pair[0].speaker != pair[1].speaker);
    changes.map(|pair| pair[1].start_s - pair[0].end_s).collect()
}

/// Frame activity of the placed sounds: a frame speaks when at least half of it does.
fn activity(tracks: &[Vec<Placed>; 2], frames: usize) -> Activity {
    let mut activity = Activity { speech: [vec![false; frames], vec![false; frames]], ..Activity::default() };
    activity.backchannel = activity.speech.clone();
    for (speaker, track) in tracks.iter().enumerate() {
        for sound in track {
            let first = (sound.at + HOP_SAMPLES / 2) / HOP_SAMPLES;
            let last = (sound.end() + HOP_SAMPLES / 2) / HOP_SAMPLES;
            for frame in first..last.min(frames) {
                activity.speech[speaker][frame] = true;
                activity.backchannel[speaker][frame] = sound.backchannel;
            }
        }
    }
    activity
}

/// Writes dialogue `seed` as `PATH.wav` (stereo, 16 bit) and `PATH.json` (speech and backchannels in seconds).
///
/// # Errors
/// [`Error::Io`] when a file cannot be written.
pub fn write(dialogue: &Dialogue, path: &std::path::Path) -> Result<()> {
    let wav = path.with_extension("wav");
    let failed = |e: hound::Error| Error::io(&wav)(std::io::Error::other(e));
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&wav, spec).map_err(failed)?;
    for (user, agent) in dialogue.audio[0].iter().zip(&dialogue.audio[1]) {
        for sample in [user, agent] {
            writer.write_sample((sample * 32767.0) as i16).map_err(failed)?;
        }
    }
    writer.finalize().map_err(failed)?;
    let spans = |track: &[bool]| -> Vec<[f32; 2]> {
        let edge = |i: &usize| track[*i] != (*i > 0 && track[*i - 1]);
        let edges: Vec<usize> = (0..dialogue.frames).filter(edge).chain([dialogue.frames]).collect();
        edges.chunks_exact(2).map(|p| [p[0] as f32, p[1] as f32].map(|f| f / FRAME_HZ as f32)).collect()
    };
    let labels = |tracks: &[Vec<bool>; 2]| tracks.each_ref().map(|track| spans(track));
    let json = serde_json::json!({
        "speech": labels(&dialogue.activity.speech),
        "backchannel": labels(&dialogue.activity.backchannel),
    });
    let path = path.with_extension("json");
    std::fs::write(&path, json.to_string()).map_err(Error::io(&path))
}
