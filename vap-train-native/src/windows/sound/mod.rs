//! Placed sounds to channels: cutting with equal margins, room, one room tone a channel, noise, crosstalk, line,
//! levels. Labels never change here: a degraded channel keeps those of the clean dialogue.

mod line;
mod shoebox;
mod spectrum;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use shoebox::Shoebox;
use spectrum::{convolve, tilt};

use super::placed::Placed;
use super::voices::samples;
use crate::config::SimulationConfig;
use crate::data::Split;
use crate::data::prepared::Prepared;

/// Sound kept before and after every island, faded; the same at turn ends and inner pauses.
const MARGIN_S: [f32; 2] = [0.02, 0.04];
/// Utterances of one voice differ by this much in level, in dB.
const LEVEL_JITTER_DB: f32 = 2.0;
/// Longest reverberation taken from measured rooms, in seconds: longer ones are halls nobody calls from.
const LONGEST_RT60_S: f32 = 1.2;
/// Share of rooms that are measured ones; the others are shoeboxes.
const MEASURED_ROOMS: f64 = 0.3;
/// Of ten clips of noise and rooms, the first is dev's, the second test's, the others train's.
const PARTS: usize = 10;

/// Noises and rooms of one split.
pub struct Surroundings {
    noises: Vec<usize>,
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
        Surroundings {
            noises: part((0..data.manifest.noises.len()).collect()),
            rooms: part((0..data.manifest.rooms.len()).filter(fits).collect()),
        }
    }

    /// Renders both channels, `length` samples each.
    pub fn render(
        &self,
        data: &Prepared,
        config: &SimulationConfig,
        tracks: &[Vec<Placed>; 2],
        length: usize,
        rng: &mut ChaCha8Rng,
    ) -> [Vec<f32>; 2] {
        let mut channels = [0, 1].map(|c| self.channel(data, config, &tracks[c], length, rng));
        self.degrade(config, &mut channels, rng);
        channels
    }

    /// What happens to the sound of both channels on its way: crosstalk, clipping, line, a channel that is absent.
    pub fn degrade(&self, config: &SimulationConfig, channels: &mut [Vec<f32>; 2], rng: &mut ChaCha8Rng) {
        if rng.random_bool(config.crosstalk) {
            crosstalk(config, channels, rng);
        }
        if rng.random_bool(config.clipping) {
            clip(&mut channels[rng.random_range(0..2)], rng);
        }
        if rng.random_bool(config.telephone) {
            let law = *[line::Law::Mu, line::Law::A].choose(rng).unwrap_or(&line::Law::Mu);
            channels.iter_mut().for_each(|channel| *channel = line::telephone(channel, law));
        }
        if rng.random_bool(config.packet_loss) {
            let share = rng.random_range(0.002..0.05);
            channels.iter_mut().for_each(|channel| line::lose_packets(channel, share, rng));
        }
        if rng.random_bool(config.muted) {
            channels[rng.random_range(0..2)].fill(0.0);
        }
        for channel in channels {
            channel.iter_mut().for_each(|x| *x = x.clamp(-1.0, 1.0));
        }
    }

    fn channel(
        &self,
        data: &Prepared,
        config: &SimulationConfig,
        track: &[Placed],
        length: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let level_db = draw(rng, config.level_db);
        let mut out = vec![0.0; length];
        for placed in track {
            let jitter = rng.random_range(-LEVEL_JITTER_DB..=LEVEL_JITTER_DB);
            let own_db = data.utterances()[placed.utterance].speech_db;
            add_cut(data, placed, amplitude(level_db + jitter - own_db), &mut out);
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
        if !rng.random_bool(config.silent_room_tone) {
            let (tilt, gain) = (rng.random_range(0.0..0.95f32), amplitude(draw(rng, config.room_tone_db)));
            // White noise through a one-pole low-pass, brought back to unit power.
            let unit = (1.0 - tilt * tilt).sqrt() * 3f32.sqrt();
            let mut last = 0.0;
            for x in &mut out {
                last = tilt * last + unit * rng.random_range(-1.0f32..1.0);
                *x += gain * last;
            }
        }
        self.add_noise(data, config, level_db, &mut out, rng);
        out
    }

    /// Adds recorded noise to a channel whose speech is at `level_db`.
    pub fn add_noise(
        &self,
        data: &Prepared,
        config: &SimulationConfig,
        level_db: f32,
        out: &mut [f32],
        rng: &mut ChaCha8Rng,
    ) {
        if rng.random_bool(config.noise)
            && let Some(&noise) = self.noises.choose(rng)
        {
            let clip = &data.manifest.noises[noise];
            let gain = amplitude(level_db - draw(rng, config.noise_snr_db) - clip.level_db);
            let audio = data.noise_audio(noise);
            let start = rng.random_range(0..audio.len().max(1));
            for (x, n) in out.iter_mut().zip(audio.iter().cycle().skip(start)) {
                *x += gain * f32::from(*n) / 32768.0;
            }
        }
    }
}

/// Adds one cut with its margins at its speed, faded in and out by raised cosines.
fn add_cut(data: &Prepared, placed: &Placed, gain: f32, out: &mut [f32]) {
    let audio = data.utterance_audio(placed.utterance);
    let [before, after] = MARGIN_S.map(samples);
    let [start, end] = placed.cut.map(|s| s as i64);
    let fade = |from_edge: f64, length: usize| {
        let x = (from_edge / length as f64).clamp(0.0, 1.0) as f32;
        0.5 - 0.5 * (std::f32::consts::PI * x).cos()
    };
    // Every sound of an utterance gets the margins its very ends have, else a recording cut close to its speech
    // would tell its end from its pauses. Where there is less than the fade, the fade lies inside the speech.
    let [speech_start, speech_end] = data.utterances()[placed.utterance].span().map(|s| s as i64);
    let first = (start - speech_start.min(before as i64)) as f64;
    let last = (end + (audio.len() as i64 - speech_end).clamp(0, after as i64)) as f64;
    // Places in f64: in f32 they would be the coarser the later in the recording, and ends are later than pauses.
    let speed = f64::from(placed.speed);
    let target = placed.at as i64 - ((start as f64 - first) / speed) as i64;
    let count = ((last - first) / speed) as i64;
    for n in 0..count {
        let Some(x) = usize::try_from(target + n).ok().and_then(|t| out.get_mut(t)) else { continue };
        // Linear between neighbours: speeds are close to 1.
        let source = first + n as f64 * speed;
        let at = source as usize;
        let share = (source - at as f64) as f32;
        let here = f32::from(audio[at.min(audio.len() - 1)]);
        let next = f32::from(audio[(at + 1).min(audio.len() - 1)]);
        let shape = fade(source - first, before) * fade(last - source, after);
        *x += gain * shape * (here + share * (next - here)) / 32768.0;
    }
}

fn crosstalk(config: &SimulationConfig, channels: &mut [Vec<f32>; 2], rng: &mut ChaCha8Rng) {
    let to = rng.random_range(0..2);
    let gain = amplitude(draw(rng, config.crosstalk_db));
    let delay = samples(rng.random_range(0.0..=config.crosstalk_delay_ms / 1000.0));
    let mut source = channels[1 - to].clone();
    if rng.random_bool(config.clipping) {
        // A loudspeaker that is driven too hard.
        clip(&mut source, rng);
    }
    for (x, s) in channels[to].iter_mut().skip(delay).zip(source) {
        *x += gain * s;
    }
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
