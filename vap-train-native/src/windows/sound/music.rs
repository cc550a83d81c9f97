//! Music on hold, made by rule: chords, arpeggios and a melody over a bass, in notes with overtones, vibrato and decay.

use std::f32::consts::TAU;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

use crate::windows::voices::samples;

/// Points of one period of a voice's waveform.
const PERIOD: usize = 512;
/// Overtones of a voice, the first its pitch.
const OVERTONES: usize = 6;
/// Steps of a major and a minor scale above its first note, in semitones.
const SCALES: [[i32; 7]; 2] = [[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]];
/// Roots of chords in common orders, as steps of the scale.
const ORDERS: [[i32; 4]; 5] = [[0, 4, 5, 3], [0, 5, 3, 4], [5, 3, 0, 4], [0, 3, 4, 0], [1, 4, 0, 0]];

/// An instrument.
struct Voice {
    period: Vec<f32>,
    attack_s: f32,
    /// Decay a second, as an exponent; 0 for a tone that is held.
    decay: f32,
    vibrato_hz: f32,
    /// Largest deviation, as a share of the pitch.
    vibrato: f32,
}

impl Voice {
    fn draw(rng: &mut ChaCha8Rng) -> Voice {
        let dull = rng.random_range(0.8f32..2.5);
        let strengths: Vec<f32> =
            (1..=OVERTONES).map(|k| rng.random_range(0.3f32..1.0) / (k as f32).powf(dull)).collect();
        let power: f32 = strengths.iter().map(|s| s * s / 2.0).sum();
        let point = |i: usize| {
            let turn = TAU * i as f32 / PERIOD as f32;
            strengths.iter().enumerate().map(|(k, s)| s * ((k + 1) as f32 * turn).sin()).sum::<f32>()
                / power.sqrt()
        };
        Voice {
            period: (0..PERIOD).map(point).collect(),
            attack_s: rng.random_range(0.004f32..0.08),
            decay: if rng.random_bool(0.6) { rng.random_range(0.8f32..6.0) } else { 0.0 },
            vibrato_hz: rng.random_range(4.0f32..7.0),
            vibrato: if rng.random_bool(0.5) { rng.random_range(0.002f32..0.012) } else { 0.0 },
        }
    }

    /// Adds a note of `length` samples at `at`.
    fn play(&self, out: &mut [f32], at: usize, length: usize, pitch_hz: f32, gain: f32) {
        let rate = SAMPLE_RATE_HZ as f32;
        let release = 0.03 * rate;
        let mut phase = 0.0f32;
        for (n, x) in out.iter_mut().skip(at).take(length).enumerate() {
            let t = n as f32 / rate;
            let bend =
                if self.vibrato > 0.0 { self.vibrato * (TAU * self.vibrato_hz * t).sin() } else { 0.0 };
            phase = (phase + pitch_hz * (1.0 + bend) / rate) % 1.0;
            let shape = (t / self.attack_s).min(1.0) * ((length - n) as f32 / release).min(1.0);
            let fade = if self.decay > 0.0 { (-self.decay * t).exp() } else { 1.0 };
            *x += gain * shape * fade * self.period[(phase * PERIOD as f32) as usize % PERIOD];
        }
    }
}

/// `length` samples of music with a power of about 1 where it is loudest.
pub fn make(length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let scale = SCALES[rng.random_range(0..2)];
    let key_hz = 110.0 * 2f32.powf(rng.random_range(0..12) as f32 / 12.0);
    let beat = samples(60.0 / rng.random_range(60.0f32..140.0));
    let order = ORDERS.choose(rng).copied().unwrap_or(ORDERS[0]);
    let pitch_hz = |step: i32, octave: i32| {
        let (turn, place) = (step.div_euclid(7), step.rem_euclid(7));
        key_hz * 2f32.powf((scale[place as usize] + 12 * (turn + octave)) as f32 / 12.0)
    };
    let [chords, lead, bass] = [0; 3].map(|_| Voice::draw(rng));
    // Any two of the three, or all.
    let [with_chords, with_lead, with_bass] =
        [[true, true, false], [true, false, true], [false, true, true], [true; 3]][rng.random_range(0..4)];
    let arpeggio = rng.random_bool(0.5);
    let mut step = rng.random_range(0..7);
    // Begins anywhere: music on hold goes on where nobody listens.
    let missed = rng.random_range(0..4 * beat);
    let mut out = vec![0.0; missed + length];
    let mut at = 0;
    let mut bar = rng.random_range(0..4);
    while at < out.len() {
        let root = order[bar % 4];
        if with_bass {
            bass.play(&mut out, at, 2 * beat, pitch_hz(root, 0), 0.6);
            bass.play(&mut out, at + 2 * beat, 2 * beat, pitch_hz(root, 0), 0.6);
        }
        for half in 0..8 {
            let now = at + half * beat / 2;
            if with_chords && arpeggio {
                let note = root + [0, 2, 4, 7, 4, 2, 0, 2][half];
                chords.play(&mut out, now, beat, pitch_hz(note, 1), 0.6);
            }
            if with_lead && rng.random_bool(0.55) {
                step = (step + rng.random_range(-2..=2)).clamp(-3, 10);
                let beats = rng.random_range(1..=3);
                lead.play(&mut out, now, beats * beat / 2, pitch_hz(step, 2), 0.7);
            }
        }
        if with_chords && !arpeggio {
            for third in [0, 2, 4] {
                chords.play(&mut out, at, 4 * beat, pitch_hz(root + third, 1), 0.45);
            }
        }
        at += 4 * beat;
        bar += 1;
    }
    out.drain(..missed);
    let power = |x: &[f32]| x.iter().map(|s| s * s).sum::<f32>() / x.len() as f32;
    let loudest = out.chunks(samples(0.1)).map(power).fold(0.0f32, f32::max);
    out.iter_mut().for_each(|x| *x /= loudest.max(1e-6).sqrt());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn music_has_notes_of_many_pitches_and_goes_on() {
        for seed in 0..8 {
            let music = make(samples(12.0), &mut ChaCha8Rng::seed_from_u64(seed));
            let power = |part: &[f32]| part.iter().map(|x| x * x).sum::<f32>() / part.len() as f32;
            let sounding = music.chunks(samples(0.5)).filter(|part| power(part) > 1e-3).count();
            assert!(sounding > 15, "seed {seed}: {sounding} of 24 half seconds sound");
            let changes = music
                .chunks(samples(0.5))
                .map(|part| part.windows(2).filter(|pair| pair[0] * pair[1] < 0.0).count());
            let pitches: std::collections::BTreeSet<usize> = changes.map(|n| n / 8).collect();
            assert!(pitches.len() > 3, "seed {seed}: {pitches:?}");
        }
    }
}
