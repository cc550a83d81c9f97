//! What a teacher hears: an utterance, or one channel of a call, cut where a question stands and followed by its own
//! room tone.

use std::f32::consts::FRAC_PI_2;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vap_core::features::STEP_SAMPLES;
use vap_core::state::hash;

use super::session::WINDOW_SAMPLES;
use crate::data::Split;
use crate::data::prepared::{Manifest, Prepared};

/// Samples of room tone behind the sound a question is about: 60 ms. Without a silence the teacher is asked in the
/// middle of a sound, and a long one is itself an end to it.
pub const TONE_SAMPLES: usize = 960;
/// Samples over which a cut inside speech fades: 5 ms.
const CUT_FADE_SAMPLES: usize = 80;
/// Level of what counts as digital silence, mean square of i16.
const DIGITAL_SILENCE: f64 = 0.25;

/// Where a track lies in a prepared folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Utterance of this index.
    Utterance(usize),
    /// Call and channel.
    Channel(usize, usize),
}

/// One voice's recording.
#[derive(Debug, Clone)]
pub struct Track {
    /// Where its sound lies.
    pub source: Source,
    /// What tells it from others, whatever folder it is prepared into.
    pub key: u64,
    /// Its split.
    pub split: Split,
    /// Where it speaks, `[start, end)` in samples.
    pub islands: Vec<[u32; 2]>,
    /// Level of its quiet frames in dB below full scale, where it is known.
    floor_db: Option<f32>,
}

/// A track without a folder.
#[cfg(test)]
pub(super) fn plain(source: Source, key: u64, split: Split, islands: &[[u32; 2]]) -> Track {
    Track { source, key, split, islands: islands.into(), floor_db: None }
}

/// All tracks of a folder: utterances, then the channels of calls.
pub fn tracks(manifest: &Manifest) -> Vec<Track> {
    let bytes =
        |spans: &[[u32; 2]]| spans.iter().flatten().flat_map(|at| at.to_le_bytes()).collect::<Vec<u8>>();
    let utterances = manifest.utterances.iter().enumerate().map(|(i, u)| {
        let levels = [u.speech_db, u.floor_db].map(f32::to_le_bytes).concat();
        let names = [u.set.as_bytes(), u.speaker.as_bytes()];
        Track {
            source: Source::Utterance(i),
            key: hash(&[names[0], names[1], &u.samples.to_le_bytes(), &levels, &bytes(&u.islands)]),
            split: u.split,
            islands: u.islands.clone(),
            floor_db: Some(u.floor_db),
        }
    });
    let channels = manifest.calls.iter().enumerate().flat_map(|(i, call)| {
        call.speech.iter().enumerate().map(move |(channel, speech)| {
            let names = [call.corpus.as_bytes(), call.name.as_bytes()];
            let samples = call.samples.to_le_bytes();
            Track {
                source: Source::Channel(i, channel),
                key: hash(&[names[0], names[1], &samples, &[channel as u8], &bytes(speech)]),
                split: call.split,
                islands: speech.clone(),
                floor_db: None,
            }
        })
    });
    utterances.chain(channels).collect()
}

/// A track with its sound.
pub struct Heard<'a> {
    track: &'a Track,
    audio: &'a [i16],
    tone: Vec<f32>,
}

impl<'a> Heard<'a> {
    /// A track of `data`.
    pub fn new(data: &'a Prepared, track: &'a Track) -> Heard<'a> {
        let audio = match track.source {
            Source::Utterance(i) => data.utterance_audio(i),
            Source::Channel(call, channel) => data.call_audio(call)[channel],
        };
        Heard { track, audio, tone: room_tone(track, audio) }
    }

    /// The sound up to sample `at` and [`TONE_SAMPLES`] of room tone, at most a teacher's window of it. What the
    /// recording goes on with fades into the tone: over all of it behind an island, at once inside of one.
    pub fn until(&self, at: u32) -> Vec<f32> {
        let inside = self.track.islands.iter().any(|[start, end]| (*start..*end).contains(&at));
        let fade = if inside { CUT_FADE_SAMPLES } else { TONE_SAMPLES };
        let at = (at as usize).min(self.audio.len());
        let from = (at + TONE_SAMPLES).saturating_sub(WINDOW_SAMPLES).min(at);
        let mut sound: Vec<f32> = self.audio[from..at].iter().map(|x| f32::from(*x) / 32768.0).collect();
        sound.extend(self.tone.iter().enumerate().map(|(n, tone)| {
            let own = self.audio.get(at + n).map_or(0.0, |x| f32::from(*x) / 32768.0);
            let angle = FRAC_PI_2 * (n as f32 / fade as f32).min(1.0);
            own * angle.cos() + tone * angle.sin()
        }));
        sound
    }
}

/// [`TONE_SAMPLES`] of what the recording sounds like where nobody speaks: its quietest stretch outside of speech that
/// is no digital silence, else noise at its floor.
fn room_tone(track: &Track, audio: &[i16]) -> Vec<f32> {
    let mut gaps = Vec::new();
    let mut from = 0;
    for [start, end] in &track.islands {
        gaps.push(from..(*start as usize).min(audio.len()));
        from = *end as usize;
    }
    gaps.push(from.min(audio.len())..audio.len());
    let starts = gaps.into_iter().flat_map(|gap| {
        let last = gap.end.saturating_sub(TONE_SAMPLES);
        (gap.start..=last).step_by(STEP_SAMPLES).take_while(move |start| start + TONE_SAMPLES <= gap.end)
    });
    let stretch = |start: usize| &audio[start..start + TONE_SAMPLES];
    let power = |start: usize| {
        stretch(start).iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / TONE_SAMPLES as f64
    };
    let quietest = starts
        .map(|start| (power(start), start))
        .filter(|(power, _)| *power > DIGITAL_SILENCE)
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, start)) = quietest {
        return stretch(start).iter().map(|x| f32::from(*x) / 32768.0).collect();
    }
    let amplitude = track.floor_db.map_or(0.0, |db| 10f32.powf(db / 20.0) * 3f32.sqrt());
    let mut rng = ChaCha8Rng::seed_from_u64(track.key);
    (0..TONE_SAMPLES).map(|_| amplitude * rng.random_range(-1.0f32..1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(islands: &[[u32; 2]], floor_db: Option<f32>) -> Track {
        Track { floor_db, ..plain(Source::Utterance(0), 3, Split::Train, islands) }
    }

    fn rms(x: &[f32]) -> f32 {
        (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt()
    }

    /// Speech at 0.25 up to sample 8,000, hum at 0.01 from there on.
    fn recording() -> Vec<i16> {
        (0..16_000).map(|i| (if i < 8_000 { 8_192 } else { 328 }) * if i % 2 == 0 { 1 } else { -1 }).collect()
    }

    #[test]
    fn a_cut_in_speech_is_followed_by_the_room() {
        let (track, audio) = (track(&[[0, 8_000]], None), recording());
        let heard = Heard { track: &track, audio: &audio, tone: room_tone(&track, &audio) };
        let sound = heard.until(4_000);
        assert_eq!(sound.len(), 4_000 + TONE_SAMPLES);
        assert!((rms(&sound[..4_000]) - 0.25).abs() < 1e-3);
        assert!((rms(&sound[4_000 + CUT_FADE_SAMPLES..]) - 0.01).abs() < 1e-4);
    }

    #[test]
    fn no_more_than_the_window_is_heard() {
        let audio = vec![100; 3 * WINDOW_SAMPLES];
        let track = track(&[[0, audio.len() as u32]], Some(-60.0));
        let heard = Heard { track: &track, audio: &audio, tone: room_tone(&track, &audio) };
        assert_eq!(heard.until(2 * WINDOW_SAMPLES as u32).len(), WINDOW_SAMPLES);
        assert_eq!(heard.until(u32::MAX).len(), WINDOW_SAMPLES);
    }

    #[test]
    fn the_floor_stands_for_a_room_that_is_not_heard() {
        let mut audio = recording();
        audio[8_000..].fill(0);
        let tone = room_tone(&track(&[[0, 8_000]], Some(-40.0)), &audio);
        assert!((rms(&tone) - 0.01).abs() < 1e-3, "{}", rms(&tone));
        assert_eq!(room_tone(&track(&[[0, 16_000]], None), &audio), vec![0.0; TONE_SAMPLES]);
        // An island that ends behind the sound is no reason to fail.
        assert_eq!(room_tone(&track(&[[0, 99_000]], None), &audio).len(), TONE_SAMPLES);
    }
}
