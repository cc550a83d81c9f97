//! Does silence tell what it must not? Simulated dialogues with their labels come in; how well the end of a turn can
//! be told from a pause without any speech goes out. 0.5 is right for the sound of the silence.
//!
//! The model hears dialogues whose speech is removed (digital zeros, or one steady noise, the same everywhere) and
//! whose silence is left as it is. A probe without a network, trained on other speakers' dialogues, reads the sound
//! of the silence alone: band levels beside those of the channel's own room tone, and how they change. Another one
//! reads durations alone, which is what timing tells: that need not be 0.5, but it is what a model must beat.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vap_core::config::MEL_BANDS;
use vap_core::features::LogMel;
use vap_core::{FRAME_HZ, HOP_MS, HOP_SAMPLES};

use super::probe::Probe;
use crate::config::SimulationConfig;
use crate::data::Split;
use crate::data::prepared::Prepared;
use crate::error::Result;
use crate::evaluation::metrics::table::{Row, Table, ranked};
use crate::evaluation::metrics::{Ranked, quantile};
use crate::evaluation::recordings::{Recording, SEED, simulated, spans};
use crate::evaluation::scores::Candidate;
use crate::labels::Activity;
use crate::windows::dataset::dialogue_seed;
use crate::windows::simulation::Simulator;

/// The probe reads the silence up to here, in ms; both are silent until then.
const UNTIL_MS: usize = 400;
/// Silence behind the label's end that the second probe does not read, in ms: there the last sound may ring.
const RINGING_MS: usize = 100;
/// Bands of the probe: so many neighbours of the mel bands are one.
const POOLED: usize = 10;
/// The probe's steps, in ms.
const STEP_MS: usize = 100;
/// Silence of a channel this far from its sounds is its room tone, in frames.
const ROOM_TONE_FRAMES: usize = 15;
/// Silences shorter than this are no pauses, in frames.
const SHORTEST_FRAMES: usize = 10;
/// The model is asked this far into the silence, in ms.
const ASKED_MS: usize = 200;
/// Level of the steady noise that stands for speech, in dB below full scale.
const STEADY_DB: f32 = -28.0;
/// Seed of the dialogues that train the probes.
const TRAIN_SEED: u64 = 0x1EAC;

/// A silence that lasts [`UNTIL_MS`], as the probes see it.
struct Seen {
    end: bool,
    /// Sound of the silence in the speaker's channel, `[step * bands]`.
    own: Vec<f32>,
    /// The same in the other channel.
    other: Vec<f32>,
    /// Seconds since the turn began, length of the last sound, sounds of the turn so far.
    timing: Vec<f32>,
}

/// Features of a probe; the second argument is where the sound after [`RINGING_MS`] begins.
type Features = fn(&Seen, usize) -> Vec<f32>;

/// How many dialogues, and how long they are.
#[derive(Debug, Clone, Copy)]
pub struct AuditSize {
    /// Dialogues of the train split that train the probes.
    pub train: u64,
    /// Dialogues of the test split that are scored.
    pub test: u64,
    /// Length of each, in seconds.
    pub seconds: f32,
}

/// Scores under one condition of the simulation; without a candidate those of the probes alone.
///
/// # Errors
/// Anything of [`crate::Error`].
pub fn silence(
    candidate: Option<&Candidate>,
    data: &Prepared,
    simulation: &SimulationConfig,
    size: AuditSize,
) -> Result<Vec<Row>> {
    let simulator = Simulator::new(data, Split::Train, simulation)?;
    let mut train = Vec::new();
    for i in 0..size.train {
        let dialogue = simulator.dialogue(dialogue_seed(TRAIN_SEED, i), size.seconds);
        train.extend(seen(&Recording {
            name: String::new(),
            audio: dialogue.audio,
            activity: dialogue.activity,
        }));
    }
    let simulator = Simulator::new(data, Split::Test, simulation)?;
    let (mut test, mut lengths, mut asked) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
    for recording in simulated(&simulator, size.test, size.seconds) {
        let recording = recording?;
        test.push(seen(&recording));
        lengths.push(silence_lengths(&recording.activity));
        if let Some(candidate) = candidate {
            for (asked, steady) in asked.iter_mut().zip([false, true]) {
                asked.push(ask(candidate, &recording, steady)?);
            }
        }
    }
    let mut table = Table::new(test.len(), 1);
    let over = |pairs: &[Vec<(f32, bool)>]| {
        let ends = pairs.iter().flatten().filter(|pair| pair.1).count();
        format!("{ends} ends, {} pauses", pairs.iter().flatten().count() - ends)
    };
    let mut add = |name: &str, pairs: &[Vec<(f32, bool)>]| {
        table.add(name, over(pairs), &[ranked(pairs, Ranked::roc_auc)]);
    };
    if candidate.is_some() {
        add("model, speech made digital silence, end of turn at 200 ms, AUC", &asked[0]);
        add("model, speech made one steady noise, end of turn at 200 ms, AUC", &asked[1]);
    }
    let from = (RINGING_MS / STEP_MS) * (MEL_BANDS / POOLED);
    let probes: [(&str, Features); 5] = [
        ("probe, sound of the silence, 0 to 400 ms, AUC", |s, _| s.own.clone()),
        ("probe, sound of the silence, 100 to 400 ms, AUC", |s, from| s.own[from..].to_vec()),
        ("probe, sound of the other's silence, 0 to 400 ms, AUC", |s, _| s.other.clone()),
        ("probe, durations before the silence, AUC", |s, _| s.timing.clone()),
        ("probe, durations and sound of both silences, AUC", |s, _| {
            [&s.own[..], &s.other, &s.timing].concat()
        }),
    ];
    for (name, features) in probes {
        let rows: Vec<(Vec<f32>, bool)> = train.iter().map(|s| (features(s, from), s.end)).collect();
        let Some(probe) = Probe::train(&rows) else { continue };
        let score = |s: &Seen| (probe.score(&features(s, from)), s.end);
        add(name, &test.iter().map(|seen| seen.iter().map(score).collect()).collect::<Vec<_>>());
    }
    add("length of the silence from 0.2 s until anybody speaks, AUC", &lengths);
    Ok(table.rows)
}

/// Silences of both speakers in which nobody speaks for [`UNTIL_MS`].
fn seen(recording: &Recording) -> Vec<Seen> {
    let frames = recording.frames();
    let activity = &recording.activity;
    let mels = recording.audio.each_ref().map(|channel| levels(channel, frames));
    let room_tones = [0, 1].map(|c| room_tone(&mels[c], &activity.speech[c]));
    let mut out = Vec::new();
    for speaker in 0..2 {
        for silence in spans::silences(activity, speaker) {
            let until = silence.start + UNTIL_MS / HOP_MS as usize;
            let quiet = |t: usize| !activity.speech[0][t] && !activity.speech[1][t];
            if until > frames || !(silence.start..until).all(quiet) {
                continue;
            }
            let sound = |c: usize| steps(&mels[c], silence.start, &room_tones[c]);
            out.push(Seen {
                end: silence.end,
                own: sound(speaker),
                other: sound(1 - speaker),
                timing: timing(activity, speaker, silence.start),
            });
        }
    }
    out
}

/// Pooled log-mel of each output frame, `[frames][bands]`.
fn levels(channel: &[f32], frames: usize) -> Vec<Vec<f32>> {
    let mut mels = Vec::new();
    LogMel::new().push(&channel[..frames * HOP_SAMPLES], &mut mels);
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let pooled = |frame: &[f32]| {
        let (first, second) = frame.split_at(MEL_BANDS);
        let bands = first.chunks(POOLED).zip(second.chunks(POOLED));
        bands.map(|(a, b)| (mean(a) + mean(b)) / 2.0).collect()
    };
    mels.chunks_exact(2 * MEL_BANDS).map(pooled).collect()
}

/// Level of a channel's room tone in each band: the median far from its sounds.
fn room_tone(levels: &[Vec<f32>], speech: &[bool]) -> Vec<f32> {
    let far = |t: &usize| {
        let near = t.saturating_sub(ROOM_TONE_FRAMES)..(t + ROOM_TONE_FRAMES).min(speech.len());
        !speech[near].contains(&true)
    };
    let frames: Vec<usize> = (0..levels.len()).filter(far).collect();
    let band = |b: usize| {
        let values: Vec<f64> = frames.iter().map(|t| f64::from(levels[*t][b])).collect();
        quantile(&values, 0.5).unwrap_or(0.0) as f32
    };
    (0..MEL_BANDS / POOLED).map(band).collect()
}

/// Means over [`STEP_MS`] from frame `start` to [`UNTIL_MS`], above the room tone, `[step * bands]`; then the room
/// tone itself.
fn steps(levels: &[Vec<f32>], start: usize, room_tone: &[f32]) -> Vec<f32> {
    let step = STEP_MS / HOP_MS as usize;
    let mut out = Vec::new();
    for first in (start..start + UNTIL_MS / HOP_MS as usize).step_by(step) {
        let mean = |b: usize| (first..first + step).map(|t| levels[t][b]).sum::<f32>() / step as f32;
        out.extend(room_tone.iter().enumerate().map(|(b, level)| mean(b) - level));
    }
    out.extend_from_slice(room_tone);
    out
}

/// Seconds since the turn began, seconds of its last sound, and its sounds so far, as logarithms.
fn timing(activity: &Activity, speaker: usize, start: usize) -> Vec<f32> {
    let claims = |s: usize, t: usize| activity.speech[s][t] && !activity.backchannel[s][t];
    let (mut first, mut sounds, mut last) = (start, 0usize, 0usize);
    for t in (0..start).rev() {
        if claims(speaker, t) {
            if !claims(speaker, t + 1) {
                sounds += 1;
            }
            last += usize::from(sounds == 1);
            first = t;
        } else if claims(1 - speaker, t) {
            break;
        }
    }
    let seconds = |frames: usize| frames as f32 / FRAME_HZ as f32;
    [seconds(start - first), seconds(last), sounds as f32].map(|x| x.max(0.02).ln()).to_vec()
}

/// Length of each silence that counts until anybody speaks, in seconds.
fn silence_lengths(activity: &Activity) -> Vec<(f32, bool)> {
    let mut out = Vec::new();
    for speaker in 0..2 {
        for silence in spans::silences(activity, speaker) {
            let anyone = |t: &usize| activity.speech[0][*t] || activity.speech[1][*t];
            let until = (silence.start..activity.frames()).find(anyone);
            let frames = until.map_or(0, |until| until - silence.start);
            if frames >= SHORTEST_FRAMES {
                out.push((frames as f32 / FRAME_HZ as f32, silence.end));
            }
        }
    }
    out
}

/// End-of-turn scores of the model [`ASKED_MS`] into each silence of a recording without its speech.
fn ask(candidate: &Candidate, recording: &Recording, steady: bool) -> Result<Vec<(f32, bool)>> {
    let activity = &recording.activity;
    let audio = [0, 1].map(|c| without_speech(&recording.audio[c], &activity.speech[c], steady));
    let frames = candidate.frames([&audio[0], &audio[1]])?;
    let mut out = Vec::new();
    for speaker in 0..2 {
        for silence in spans::silences(activity, speaker) {
            let until = silence.start + ASKED_MS / HOP_MS as usize;
            let quiet = |t: usize| !activity.speech[0][t] && !activity.speech[1][t];
            if until <= frames.len() && (silence.start..until).all(quiet) {
                out.push((frames[until - 1].eot[speaker], silence.end));
            }
        }
    }
    Ok(out)
}

/// The channel with zeros, or one steady noise, wherever it speaks and one frame to each side.
fn without_speech(channel: &[f32], speech: &[bool], steady: bool) -> Vec<f32> {
    // Uniform noise of amplitude 1 has a power of 1/3.
    let amplitude = 10f32.powf(STEADY_DB / 20.0) * 3f32.sqrt();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut out = channel.to_vec();
    for (t, samples) in out.chunks_mut(HOP_SAMPLES).enumerate() {
        let near = t.saturating_sub(1).min(speech.len())..(t + 2).min(speech.len());
        if speech[near].contains(&true) {
            let noise = |rng: &mut ChaCha8Rng| amplitude * rng.random_range(-1.0..1.0f32);
            samples.iter_mut().for_each(|x| *x = if steady { noise(&mut rng) } else { 0.0 });
        }
    }
    out
}

#[cfg(test)]
#[path = "silence_tests.rs"]
mod tests;
