//! Two-channel dialogues: real utterances on real conversational timing. Prepared data and a seed come in; both
//! channels' sound and their frame activity go out. A dialogue is a pure function of (data, config, seed).
//!
//! Two kinds of talk (the share of each is in the config): two people, whose order of turns, gaps, overlaps and
//! backchannels are those of an AMI meeting (`timeline`), and a person with an agent (`agent`). The sound is
//! read and prompted speech: a turn ends where an utterance ends; its holds are the pauses inside that utterance.
//! Every sound is cut out with the same margins and fades and laid on one room tone a channel, and pauses take their
//! lengths from the gaps between speakers, so that neither silence nor its length tells an end from a pause.

mod agent;
mod answers;
mod lull;
mod timeline;
mod turn;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vap_core::{FRAME_HZ, HOP_SAMPLES, SAMPLE_RATE_HZ};

pub use answers::{Answers, DENSE_SAMPLES, Heard, Soft};

use super::placed::Placed;
use super::sound::{Beside, Surroundings};
use super::voices::Voices;
use crate::config::SimulationConfig;
use crate::data::Split;
use crate::data::prepared::{Prepared, Timing, TurnKind};
use crate::error::{Error, Result};
use crate::labels::{Activity, frames_of};

/// Seconds of conversation simulated beyond the window, so that every projection bin is known.
const FUTURE_S: f32 = 2.2;
/// Shortest silence that counts as a pause, in seconds; shorter ones are part of the articulation.
const SHORTEST_PAUSE_S: f32 = 0.2;
/// Longest pause or gap taken over from a recording, in seconds.
const LONGEST_PAUSE_S: f32 = 3.0;

/// A simulated dialogue.
pub struct Dialogue {
    /// Sound of both channels at 16 kHz, `[user, agent]`.
    pub audio: [Vec<f32>; 2],
    /// Who speaks in each frame. Longer than the audio: the future of its last frames is known.
    pub activity: Activity,
    /// Frames that have sound.
    pub frames: usize,
    /// What the channels hold that is no speech, absent ones among it.
    pub beside: Beside,
    /// What a teacher answered about its speech.
    pub soft: Soft,
}

/// Makes dialogues of one split.
pub struct Simulator<'a> {
    pub(crate) config: SimulationConfig,
    pub(crate) timings: Vec<&'a Timing>,
    pub(crate) voices: Voices,
    /// Gaps (overlaps below 0) at changes of speaker.
    pub(crate) gaps_s: Vec<f32>,
    pub(crate) data: &'a Prepared,
    /// Gaps long enough to be heard as silence.
    silent_gaps_s: Vec<f32>,
    pauses_s: Vec<f32>,
    surroundings: Surroundings,
    answers: Option<&'a dyn Answers>,
}

impl<'a> Simulator<'a> {
    /// Simulator for one split.
    ///
    /// # Errors
    /// [`Error::Data`] when the split lacks timings, pauses or two voices.
    pub fn new(data: &'a Prepared, split: Split, config: &SimulationConfig) -> Result<Self> {
        let annotated: Vec<_> = data.timings(split).filter(|t| !t.turns.is_empty()).collect();
        let pauses_s: Vec<f32> = annotated
            .iter()
            .flat_map(|t| &t.turns)
            .flat_map(|turn| turn.pauses.iter().map(|(start, end)| end - start))
            .filter(|length| *length <= LONGEST_PAUSE_S)
            .collect();
        let gaps_s: Vec<f32> = annotated.iter().flat_map(|t| gaps(t)).collect();
        let silent = |gap: &f32| (SHORTEST_PAUSE_S..=LONGEST_PAUSE_S).contains(gap);
        let silent_gaps_s: Vec<f32> = gaps_s.iter().copied().filter(silent).collect();
        // A whole order of turns is only taken from where overlaps are in it.
        let timings: Vec<_> = annotated.into_iter().filter(|t| t.corpus.marks_overlaps()).collect();
        if timings.is_empty() || pauses_s.is_empty() || silent_gaps_s.is_empty() {
            return Err(Error::Data(format!(
                "split {split:?} has no two-party timings with pauses and turn changes"
            )));
        }
        let voices = Voices::new(data, split)?;
        let surroundings = Surroundings::new(data, split);
        let config = config.clone();
        Ok(Simulator {
            data,
            config,
            timings,
            voices,
            pauses_s,
            gaps_s,
            silent_gaps_s,
            surroundings,
            answers: None,
        })
    }

    /// The same with a teacher's ear: turns end where it hears an end.
    pub fn hearing(self, answers: &'a dyn Answers) -> Self {
        Simulator { answers: Some(answers), ..self }
    }

    /// Dialogue `seed`, `seconds` long.
    pub fn dialogue(&self, seed: u64, seconds: f32) -> Dialogue {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Long silences have draws of their own, so that the others are the same whatever their shares.
        let mut silence = rng.clone();
        silence.set_stream(1);
        let frames = (seconds * FRAME_HZ as f32) as usize;
        let mut known = frames + (FUTURE_S * FRAME_HZ as f32) as usize;
        let length = known * HOP_SAMPLES;
        let mut tracks = if silence.random_bool(self.config.quiet) {
            [Vec::new(), Vec::new()]
        } else if rng.random_bool(self.config.agent_style) {
            agent::timeline(self, &mut rng, length)
        } else {
            timeline::timeline(self, &mut rng, length)
        };
        if silence.random_bool(self.config.lulls) {
            // What comes behind the silence is known, however long it is.
            known += lull::insert(&mut tracks, self.config.lull_s, length, &mut silence) / HOP_SAMPLES;
        }
        let activity = activity(&tracks, known);
        let soft = self.soft(&tracks, known);
        let length = frames * HOP_SAMPLES;
        let (audio, beside) = self.surroundings.render(self.data, &self.config, &tracks, length, &mut rng);
        Dialogue { audio, activity, frames, beside, soft }
    }

    /// The teacher's answers about what is placed.
    fn soft(&self, tracks: &[Vec<Placed>; 2], frames: usize) -> Soft {
        let of = |track: &Vec<Placed>| -> Vec<Heard> {
            let own = track.iter().filter(|placed| !placed.backchannel);
            own.flat_map(|placed| self.heard(placed)).filter(|heard| heard.frame < frames).collect()
        };
        let answers = tracks.each_ref().map(of);
        Soft { answers, end: self.config.soft_end, dense: self.config.dense_answers }
    }

    /// Answers about one placed sound: on its way, and at its end.
    fn heard(&self, placed: &Placed) -> Vec<Heard> {
        let [start, end] = placed.cut.map(|sample| sample as usize);
        let frame = |sample: usize| {
            let at = placed.at + ((sample - start) as f32 / placed.speed) as usize;
            (at + HOP_SAMPLES / 2) / HOP_SAMPLES
        };
        let on_the_way = (start.next_multiple_of(DENSE_SAMPLES)..end).step_by(DENSE_SAMPLES);
        let asked = on_the_way.map(|sample| (sample, false)).chain([(end, true)]);
        let heard = |(sample, stops)| {
            let finished = self.finished(placed.utterance, sample)?;
            Some(Heard { frame: frame(sample), finished, stops })
        };
        asked.filter_map(heard).collect()
    }

    /// Speed of a speaker for a whole dialogue.
    pub(crate) fn speed(&self, rng: &mut ChaCha8Rng) -> f32 {
        let [slowest, fastest] = self.config.speed;
        rng.random_range(slowest..=fastest)
    }

    /// A silence between two speakers, drawn from those that were heard, in seconds.
    pub(crate) fn silent_gap_s(&self, rng: &mut ChaCha8Rng) -> f32 {
        self.silent_gaps_s.choose(rng).copied().unwrap_or(SHORTEST_PAUSE_S)
    }
}

/// Silence (overlap below 0) in seconds at each change of speaker.
fn gaps(timing: &Timing) -> Vec<f32> {
    let turns: Vec<_> = timing.turns.iter().filter(|t| t.kind == TurnKind::Turn).collect();
    let changes = turns.windows(2).filter(|pair| pair[0].speaker != pair[1].speaker);
    let gaps_s = changes.map(|pair| pair[1].start_s - pair[0].end_s);
    gaps_s.filter(|gap_s| timing.corpus.marks_overlaps() || *gap_s > 0.0).collect()
}

/// Frame activity of the placed sounds.
fn activity(tracks: &[Vec<Placed>; 2], frames: usize) -> Activity {
    let mut activity = Activity { speech: [vec![false; frames], vec![false; frames]], ..Activity::default() };
    activity.backchannel = activity.speech.clone();
    for (speaker, track) in tracks.iter().enumerate() {
        for sound in track {
            let spoken = frames_of([sound.at, sound.end()]);
            for frame in spoken.start..spoken.end.min(frames) {
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
