//! Placed sounds to channels: cutting with equal margins, voices, room, one room tone a channel, noise, sounds that are
//! no speech, crosstalk, line, levels. Labels of the dialogue never change here; what is in the channels beside its
//! speech, or that a channel is absent, is told with the sound ([`Beside`]).

mod cut;
mod echo;
mod events;
mod floor;
mod line;
mod music;
mod shoebox;
mod spectrum;
mod tones;
mod voice;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use vap_core::g711::Law;

use cut::add_cut;
use echo::crosstalk;
pub use events::Talk;
use events::{Event, is_event};
use shoebox::Shoebox;
use spectrum::{convolve, tilt};

use super::placed::Placed;
use crate::config::SimulationConfig;
use crate::data::Split;
use crate::data::prepared::Prepared;

/// Utterances of one voice differ by this much in level, in dB.
const LEVEL_JITTER_DB: f32 = 2.0;
/// Longest reverberation taken from measured rooms, in seconds: longer ones are halls nobody calls from.
const LONGEST_RT60_S: f32 = 1.2;
/// Share of rooms that are measured ones; the others are shoeboxes.
const MEASURED_ROOMS: f64 = 0.3;
/// Share of noises that are music made by rule.
const MUSIC: f64 = 0.12;
/// Speech below this is not sent over a telephone line, whose eight bits would leave nothing of it, in dB.
const SOFTEST_ON_LINE_DB: f32 = -50.0;
/// Of ten clips of noise and rooms, the first is dev's, the second test's, the others train's.
const PARTS: usize = 10;

/// What two channels hold that is no speech.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beside {
    /// Channels without any sound of their speakers, whatever the dialogue says.
    pub absent: [bool; 2],
    /// Sounds that are no speech, `[start, end)` in samples of each channel.
    pub sounds: [Vec<[usize; 2]>; 2],
}

/// Noises and rooms of one split.
pub struct Surroundings {
    noises: Vec<usize>,
    /// Those of the noises that hold events.
    events: Vec<usize>,
    rooms: Vec<usize>,
}

impl Surroundings {
    /// Those of `split`; all of them where there are too few to part.
    pub fn new(data: &Prepared, split: Split) -> Surroundings {
        let part = |all: Vec<usize>| -> Vec<usize> {
            let own = |place: usize| match split {
                Split::Dev => place.is_multiple_of(PARTS),
                Split::Test => place % PARTS == 1,
                Split::Train => place % PARTS > 1,
            };
            let kept: Vec<usize> = (0..all.len()).filter(|i| own(*i)).map(|i| all[i]).collect();
            if kept.is_empty() { all } else { kept }
        };
        let fits = |i: &usize| data.manifest.rooms[*i].rt60_s <= LONGEST_RT60_S;
        let noises = part((0..data.manifest.noises.len()).collect());
        let eventful = |i: &usize| is_event(&data.manifest.noises[*i].label);
        Surroundings {
            events: noises.iter().copied().filter(eventful).collect(),
            noises,
            rooms: part((0..data.manifest.rooms.len()).filter(fits).collect()),
        }
    }

    /// Renders both channels, `length` samples each. Without any placed sound it is a window in which nobody speaks.
    pub fn render(
        &self,
        data: &Prepared,
        config: &SimulationConfig,
        tracks: &[Vec<Placed>; 2],
        length: usize,
        rng: &mut ChaCha8Rng,
    ) -> ([Vec<f32>; 2], Beside) {
        let quiet = tracks.iter().all(Vec::is_empty);
        let absent = self.absent(config, quiet, rng);
        let level_db = [0, 1].map(|_| level(config, rng));
        let speech_db = [0, 1].map(|c| (!tracks[c].is_empty()).then_some(level_db[c]));
        let room_tones = floor::room_tones(config, speech_db, rng);
        let speech = tracks.each_ref().map(|track| spans(track));
        let talk = Talk { speech: &speech, level_db, length };
        let events = events::place(data, &self.events, config, &talk, rng);
        let mut channels = [0, 1].map(|c| {
            let heard = events.iter().filter(|e| e.channel == c);
            if absent[c] {
                vec![0.0; length]
            } else {
                let (air, line): (Vec<_>, Vec<_>) = heard.partition(|e| !e.line);
                let mut out = self.channel(data, config, (&tracks[c], &air), level_db[c], length, rng);
                if let Some(room_tone_db) = room_tones[c] {
                    floor::add(config, room_tone_db, &mut out, rng);
                }
                self.add_noise(data, config, level_db[c], &mut out, rng);
                line.iter().for_each(|event| add(event, &mut out));
                out
            }
        });
        self.degrade(config, &mut channels, speech_db, absent, rng);
        (channels, Beside { absent, sounds: sounds(&events, length) })
    }

    /// Which channels are absent.
    pub fn absent(&self, config: &SimulationConfig, quiet: bool, rng: &mut ChaCha8Rng) -> [bool; 2] {
        if quiet {
            return [0, 1].map(|_| rng.random_bool(config.quiet_absent));
        }
        let mut absent = [false; 2];
        absent[rng.random_range(0..2)] = rng.random_bool(config.muted);
        absent
    }

    /// Adds sounds that are no speech to both channels of a call.
    pub fn add_events(
        &self,
        data: &Prepared,
        config: &SimulationConfig,
        talk: &Talk,
        channels: &mut [Vec<f32>; 2],
        rng: &mut ChaCha8Rng,
    ) -> [Vec<[usize; 2]>; 2] {
        let events = events::place(data, &self.events, config, talk, rng);
        events.iter().for_each(|event| add(event, &mut channels[event.channel]));
        sounds(&events, talk.length)
    }

    /// What happens to the sound of both channels on its way: crosstalk, clipping, line, packets, a channel that is
    /// absent.
    /// `speech_db` is the speech level of a channel that has speech.
    pub fn degrade(
        &self,
        config: &SimulationConfig,
        channels: &mut [Vec<f32>; 2],
        speech_db: [Option<f32>; 2],
        absent: [bool; 2],
        rng: &mut ChaCha8Rng,
    ) {
        // What is not sent is not heard at the other end either.
        (0..2).filter(|c| absent[*c]).for_each(|c| channels[c].fill(0.0));
        if rng.random_bool(config.crosstalk) {
            crosstalk(config, channels, rng);
        }
        if rng.random_bool(config.clipping) {
            clip(&mut channels[rng.random_range(0..2)], rng);
        }
        let too_soft = |c: usize| !absent[c] && speech_db[c].is_some_and(|level| level < SOFTEST_ON_LINE_DB);
        if rng.random_bool(config.telephone) && !too_soft(0) && !too_soft(1) {
            let law = *[Law::Mu, Law::A].choose(rng).unwrap_or(&Law::Mu);
            for c in (0..2).filter(|c| !absent[*c]) {
                channels[c] = line::telephone(&channels[c], law);
            }
        }
        if rng.random_bool(config.packet_loss) {
            let share = rng.random_range(0.002..0.05);
            channels.iter_mut().for_each(|channel| line::lose_packets(channel, share, rng));
        }
        for (channel, absent) in channels.iter_mut().zip(absent) {
            if absent {
                floor::absent(channel, rng);
            }
            channel.iter_mut().for_each(|x| *x = x.clamp(-1.0, 1.0));
        }
    }

    /// Speech and what sounds beside it, in its room.
    fn channel(
        &self,
        data: &Prepared,
        config: &SimulationConfig,
        (track, events): (&[Placed], &[&Event]),
        level_db: f32,
        length: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let mut out = vec![0.0; length];
        for placed in track {
            let jitter = rng.random_range(-LEVEL_JITTER_DB..=LEVEL_JITTER_DB);
            let own_db = data.utterances()[placed.utterance].speech_db;
            add_cut(data, placed, amplitude(level_db + jitter - own_db), &mut out);
        }
        if rng.random_bool(config.whisper) {
            out = voice::whisper(&out, rng);
        }
        if rng.random_bool(config.narrow) {
            out = voice::narrow(&out, rng);
        }
        events.iter().for_each(|event| add(event, &mut out));
        if track.is_empty() && events.is_empty() {
            return out;
        }
        if rng.random_bool(config.tilt) {
            out = tilt(&out, rng.random_range(-4.0..4.0));
        }
        if rng.random_bool(config.room) {
            let measured = self.rooms.choose(rng).filter(|_| rng.random_bool(MEASURED_ROOMS));
            out = match measured {
                Some(room) => convolve(&out, data.room_response(*room)),
                None => convolve(&out, &Shoebox::draw(rng).response()),
            };
        }
        out
    }

    /// Adds noise to a channel whose speech is at `level_db`: a recorded one, or music.
    pub fn add_noise(
        &self,
        data: &Prepared,
        config: &SimulationConfig,
        level_db: f32,
        out: &mut [f32],
        rng: &mut ChaCha8Rng,
    ) {
        if !rng.random_bool(config.noise) {
            return;
        }
        let noise_db = level_db - draw(rng, config.noise_snr_db);
        if rng.random_bool(MUSIC) {
            let music = music::make(out.len(), rng);
            out.iter_mut().zip(music).for_each(|(x, n)| *x += amplitude(noise_db) * n);
        } else if let Some(&noise) = self.noises.choose(rng) {
            let gain = amplitude(noise_db - data.manifest.noises[noise].level_db);
            let audio = data.noise_audio(noise);
            let start = rng.random_range(0..audio.len().max(1));
            for (x, n) in out.iter_mut().zip(audio.iter().cycle().skip(start)) {
                *x += gain * f32::from(*n) / 32768.0;
            }
        }
    }
}

/// Speech level of a voice, in dB below full scale.
pub fn level(config: &SimulationConfig, rng: &mut ChaCha8Rng) -> f32 {
    let range = if rng.random_bool(config.wide_level) { config.wide_level_db } else { config.level_db };
    draw(rng, range)
}

/// Where a track speaks, `[start, end)` in samples, in order and apart.
fn spans(track: &[Placed]) -> Vec<[usize; 2]> {
    let mut out: Vec<[usize; 2]> = track.iter().map(|placed| [placed.at, placed.end()]).collect();
    out.sort_unstable();
    out.dedup_by(|next, last| {
        let together = next[0] <= last[1];
        if together {
            last[1] = last[1].max(next[1]);
        }
        together
    });
    out
}

/// Where the events of each channel sound, `[start, end)`.
fn sounds(events: &[Event], length: usize) -> [Vec<[usize; 2]>; 2] {
    let of = |c: usize| {
        let own = events.iter().filter(|e| e.channel == c);
        own.map(|e| [e.at.min(length), (e.at + e.samples.len()).min(length)]).collect()
    };
    [of(0), of(1)]
}

fn add(event: &Event, out: &mut [f32]) {
    out.iter_mut().skip(event.at).zip(&event.samples).for_each(|(x, s)| *x += s);
}

/// Clips at 30 to 90 % of the peak.
fn clip(channel: &mut [f32], rng: &mut ChaCha8Rng) {
    let peak = channel.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
    let limit = peak * rng.random_range(0.3..0.9);
    channel.iter_mut().for_each(|x| *x = x.clamp(-limit, limit));
}

fn amplitude(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

fn draw(rng: &mut ChaCha8Rng, [low, high]: [f32; 2]) -> f32 {
    rng.random_range(low..=high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn clipping_flattens_the_peaks_only() {
        let x: Vec<f32> = (0..1_000).map(|i| 0.5 * (i as f32 * 0.1).sin()).collect();
        let mut y = x.clone();
        clip(&mut y, &mut ChaCha8Rng::seed_from_u64(1));
        let limit = y.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
        assert!(limit < 0.46 && limit > 0.14, "{limit}");
        assert!(x.iter().zip(&y).all(|(a, b)| (a.abs() < limit) == (a == b) || a.abs() >= limit));
        assert!(y.iter().filter(|v| v.abs() == limit).count() > 50);
    }
}
