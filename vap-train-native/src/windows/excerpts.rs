//! Real windows: excerpts of prepared two-channel calls with the labels of what was said. Excerpt `seed` is a pure
//! function of (data, config, seed).
//!
//! A call is drawn by its length, a place in it and the order of its channels by chance; then the sound is degraded
//! as that of simulated dialogues is, but for room and room tone, which a recording has of its own.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vap_core::{FRAME_HZ, HOP_SAMPLES};

use super::sound::{Beside, Surroundings, Talk, level};
use crate::config::SimulationConfig;
use crate::data::Split;
use crate::data::prepared::{Call, Prepared};
use crate::error::{Error, Result};
use crate::labels::{Activity, frames_of, mark_backchannels};

/// What is known of a call before an excerpt, in seconds: enough to tell whose turn it begins in.
const PAST_S: usize = 30;
/// What is known after it, in seconds: enough for all bins and for nearly every end of turn.
const FUTURE_S: usize = 10;
/// Gain towards the drawn level goes no further, in dB: a channel's noise comes with its speech.
const LARGEST_GAIN_DB: f32 = 20.0;
const LOWEST_GAIN_DB: f32 = -50.0;

/// An excerpt of a call.
pub struct Excerpt {
    /// Sound of both channels at 16 kHz, `[user, agent]`; silence behind the end of the call.
    pub audio: [Vec<f32>; 2],
    /// Who speaks in each frame, from some time before the excerpt until some time after it.
    pub activity: Activity,
    /// First frame of the excerpt in `activity`.
    pub first: usize,
    /// Frames of the excerpt that lie inside the call.
    pub known: usize,
    /// Frames that have sound.
    pub frames: usize,
    /// What the channels hold that is no speech, absent ones among it.
    pub beside: Beside,
}

/// Cuts excerpts out of the calls of one split.
pub struct Excerpts<'a> {
    data: &'a Prepared,
    config: SimulationConfig,
    surroundings: Surroundings,
    calls: Vec<(usize, Activity)>,
}

impl<'a> Excerpts<'a> {
    /// Excerpts of the calls of `split`.
    ///
    /// # Errors
    /// [`Error::Data`] when there are none.
    pub fn new(data: &'a Prepared, split: Split, config: &SimulationConfig) -> Result<Self> {
        let calls: Vec<_> = data.calls(split).map(|(index, call)| (index, activity(call))).collect();
        let calls: Vec<_> = calls.into_iter().filter(|(_, activity)| activity.frames() > 0).collect();
        if calls.is_empty() {
            return Err(Error::Data(format!(
                "split {split}: expected two-channel calls, found none; prepare a corpus that has them, or set \
                 training.real_share to 0"
            )));
        }
        Ok(Excerpts { data, config: config.clone(), surroundings: Surroundings::new(data, split), calls })
    }

    /// Excerpt `seed`, `seconds` long.
    pub fn excerpt(&self, seed: u64, seconds: f32) -> Excerpt {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let frames = (seconds * FRAME_HZ as f32) as usize;
        let length = |call: &&(usize, Activity)| call.1.frames() as f64;
        let all: Vec<&(usize, Activity)> = self.calls.iter().collect();
        // There is a call, and none is without frames.
        let (index, whole) = all.choose_weighted(&mut rng, length).copied().unwrap_or(&self.calls[0]);
        let start = rng.random_range(0..=whole.frames().saturating_sub(frames));
        let order = if rng.random_bool(0.5) { [0, 1] } else { [1, 0] };
        let known = frames.min(whole.frames() - start);

        let first = start.min(PAST_S * FRAME_HZ);
        let end = whole.frames().min(start + known + FUTURE_S * FRAME_HZ);
        let part = |tracks: &[Vec<bool>; 2]| order.map(|c| tracks[c][start - first..end].to_vec());
        let activity = Activity {
            speech: part(&whole.speech),
            backchannel: part(&whole.backchannel),
            complete: whole.complete && end == whole.frames(),
        };
        let speech = activity.speech.each_ref().map(|track| spans(&track[first..]));
        let (audio, beside) =
            self.sound(*index, order, start * HOP_SAMPLES, frames * HOP_SAMPLES, &speech, &mut rng);
        Excerpt { audio, activity, first, known, frames, beside }
    }

    fn sound(
        &self,
        index: usize,
        order: [usize; 2],
        start: usize,
        length: usize,
        speech: &[Vec<[usize; 2]>; 2],
        rng: &mut ChaCha8Rng,
    ) -> ([Vec<f32>; 2], Beside) {
        let audio = self.data.call_audio(index);
        let own_db = self.data.manifest.calls[index].speech_db;
        let absent = self.surroundings.absent(&self.config, false, rng);
        let level_db = [0, 1].map(|_| level(&self.config, rng));
        let mut channels = [0, 1].map(|c| {
            let source = order[c];
            let gain_db = (level_db[c] - own_db[source]).clamp(LOWEST_GAIN_DB, LARGEST_GAIN_DB);
            let gain = 10f32.powf(gain_db / 20.0) / 32_768.0;
            let mut out = vec![0.0; length];
            out.iter_mut()
                .zip(&audio[source][start..])
                .for_each(|(x, sample)| *x = gain * f32::from(*sample));
            self.surroundings.add_noise(self.data, &self.config, level_db[c], &mut out, rng);
            out
        });
        let talk = Talk { speech, level_db, length };
        let sounds = self.surroundings.add_events(self.data, &self.config, &talk, &mut channels, rng);
        let speech_db = [0, 1].map(|c| (!speech[c].is_empty()).then_some(level_db[c]));
        self.surroundings.degrade(&self.config, &mut channels, speech_db, absent, rng);
        (channels, Beside { absent, sounds })
    }
}

/// Where a track speaks, `[start, end)` in samples.
fn spans(track: &[bool]) -> Vec<[usize; 2]> {
    let mut out: Vec<[usize; 2]> = Vec::new();
    for (frame, _) in track.iter().enumerate().filter(|(_, speaks)| **speaks) {
        let [start, end] = [frame, frame + 1].map(|f| f * HOP_SAMPLES);
        match out.last_mut().filter(|span| span[1] == start) {
            Some(span) => span[1] = end,
            None => out.push([start, end]),
        }
    }
    out
}

/// Frame activity of a whole call.
fn activity(call: &Call) -> Activity {
    let frames = call.samples as usize / HOP_SAMPLES;
    let marks = |tracks: &[Vec<[u32; 2]>; 2]| {
        tracks.each_ref().map(|spans| {
            let mut track = vec![false; frames];
            for span in spans {
                let spoken = frames_of(span.map(|sample| sample as usize));
                track[spoken.start.min(frames)..spoken.end.min(frames)].fill(true);
            }
            track
        })
    };
    let speech = marks(&call.speech);
    let backchannel = call.backchannels.as_ref().map_or_else(|| mark_backchannels(&speech), marks);
    Activity { speech, backchannel, complete: call.ended }
}
