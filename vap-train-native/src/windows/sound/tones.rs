//! Sounds of telephones and machines, made by rule: call progress (ITU-T E.180 and its supplement 2), special
//! information tones, DTMF (Q.23), fax and modem (T.30, V.21, V.25), beeps. A generator comes in, samples at 16 kHz
//! with a power of about 1 while they sound go out.

use std::f32::consts::TAU;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

use super::music;
use crate::windows::voices::samples;

/// Tones begin and end within this, in seconds.
const RAMP_S: f32 = 0.003;
/// Exchanges are off by up to this share in frequency and time.
const TOLERANCE: f32 = 0.02;
/// Longer than any window, in seconds: a tone that does not end.
const ENDLESS_S: f32 = 600.0;

/// Frequencies that sound together, in Hz (0 for none), and for how long, in seconds.
type Step = ([f32; 2], f32);

/// Call progress: one round of each.
const PROGRESS: [&[Step]; 14] = [
    // Dial tones of North America, Europe and Britain.
    &[([350.0, 440.0], ENDLESS_S)],
    &[([425.0, 0.0], ENDLESS_S)],
    &[([350.0, 450.0], ENDLESS_S)],
    // Busy, congestion.
    &[([480.0, 620.0], 0.5), ([0.0; 2], 0.5)],
    &[([480.0, 620.0], 0.25), ([0.0; 2], 0.25)],
    &[([425.0, 0.0], 0.5), ([0.0; 2], 0.5)],
    &[([425.0, 0.0], 0.25), ([0.0; 2], 0.25)],
    &[([400.0, 0.0], 0.375), ([0.0; 2], 0.375)],
    // Ringback of North America, Europe and Britain.
    &[([440.0, 480.0], 2.0), ([0.0; 2], 4.0)],
    &[([425.0, 0.0], 1.0), ([0.0; 2], 4.0)],
    &[([400.0, 450.0], 0.4), ([0.0; 2], 0.2), ([400.0, 450.0], 0.4), ([0.0; 2], 2.0)],
    // Special information, call waiting, a line that is recorded.
    &[([950.0, 0.0], 0.33), ([1400.0, 0.0], 0.33), ([1800.0, 0.0], 0.33), ([0.0; 2], 1.0)],
    &[([440.0, 0.0], 0.3), ([0.0; 2], 9.7)],
    &[([1400.0, 0.0], 0.5), ([0.0; 2], 14.5)],
];
const DTMF_HZ: [[f32; 4]; 2] = [[697.0, 770.0, 852.0, 941.0], [1209.0, 1336.0, 1477.0, 1633.0]];

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Tones of an exchange.
    Progress,
    /// Digits.
    Dtmf,
    /// Fax and modem.
    Data,
    /// Beeps and chimes of machines.
    Beep,
    /// Music on hold.
    Music,
}

impl Kind {
    /// A kind; of those that are over soon if it is to be `short`.
    pub fn draw(rng: &mut ChaCha8Rng, short: bool) -> Kind {
        use Kind::{Beep, Data, Dtmf, Music, Progress};
        let kinds: &[Kind] = if short {
            &[Dtmf, Beep, Beep]
        } else {
            &[Progress, Progress, Progress, Dtmf, Data, Beep, Beep, Music, Music]
        };
        kinds.choose(rng).copied().unwrap_or(Beep)
    }

    /// Such a sound, at most `length` samples long.
    pub fn make(self, length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        match self {
            Kind::Progress => progress(length, rng),
            Kind::Dtmf => dtmf(length, rng),
            Kind::Data => data(length, rng),
            Kind::Beep => beeps(length, rng),
            Kind::Music => music::make(length, rng),
        }
    }
}

fn progress(length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    // One in five is no country's: two tones, some rhythm.
    let made: Vec<Step> = if rng.random_bool(0.2) {
        let low_hz = rng.random_range(300.0f32..1200.0);
        let high_hz = if rng.random_bool(0.5) { low_hz * rng.random_range(1.05f32..1.6) } else { 0.0 };
        let [on_s, off_s] = [0, 1].map(|_| 0.1 * 30f32.powf(rng.random_range(0.0..1.0)));
        vec![([low_hz, high_hz], on_s), ([0.0; 2], off_s)]
    } else {
        PROGRESS.choose(rng).map_or(Vec::new(), |steps| steps.to_vec())
    };
    let [pitch, pace] = [0, 1].map(|_| 1.0 + rng.random_range(-TOLERANCE..TOLERANCE));
    let steps: Vec<Step> = made.iter().map(|(hz, s)| (hz.map(|hz| hz * pitch), s * pace)).collect();
    let sounding: Vec<usize> = (0..steps.len()).filter(|i| steps[*i].0[0] > 0.0).collect();
    let first = sounding.choose(rng).copied().unwrap_or(0);
    let mut out = Vec::with_capacity(length);
    for step in steps.iter().cycle().skip(first) {
        if out.len() >= length {
            break;
        }
        tone(step.0, samples(step.1).min(length - out.len()), &mut out);
    }
    out
}

fn dtmf(length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut out = Vec::new();
    let [on_s, off_s] = [rng.random_range(0.05f32..0.4), rng.random_range(0.04f32..0.5)];
    for _ in 0..rng.random_range(1..16) {
        let pair = DTMF_HZ.map(|row| row[rng.random_range(0..4)]);
        tone(pair, samples(on_s), &mut out);
        out.resize(out.len() + samples(off_s * rng.random_range(0.7f32..2.0)), 0.0);
        if out.len() >= length {
            break;
        }
    }
    out.truncate(length);
    out
}

/// Calling and answering tones, frequency-shift keying, or the hiss of a faster modem.
fn data(length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let rate = SAMPLE_RATE_HZ as f32;
    let mut phase = 0.0f32;
    let mut out = Vec::with_capacity(length);
    match rng.random_range(0..4) {
        0 => {
            while out.len() < length {
                tone([1100.0, 0.0], samples(0.5).min(length - out.len()), &mut out);
                let silence = samples(3.0).min(length - out.len());
                out.resize(out.len() + silence, 0.0);
            }
        }
        1 => {
            // V.25: 2100 Hz whose phase turns every 450 ms.
            let turn = samples(0.45);
            out.extend((0..length.min(samples(4.0))).map(|n| {
                let sign = if (n / turn).is_multiple_of(2) { 1.0 } else { -1.0 };
                sign * 2f32.sqrt() * (TAU * 2100.0 * n as f32 / rate).sin()
            }));
        }
        2 => {
            let pair = if rng.random_bool(0.5) { [1650.0, 1850.0] } else { [980.0, 1180.0] };
            let bit = SAMPLE_RATE_HZ as usize / 300;
            let mut hz = pair[0];
            out.extend((0..length).map(|n| {
                if n % bit == 0 {
                    hz = pair[rng.random_range(0..2)];
                }
                phase = (phase + TAU * hz / rate) % TAU;
                2f32.sqrt() * phase.sin()
            }));
        }
        _ => {
            // Four phases, 2400 a second, on 1800 Hz; neighbouring symbols run into each other.
            let symbol = rate / 2400.0;
            let [mut here, mut next] = [0.0f32; 2];
            let mut last = -1.0;
            out.extend((0..length).map(|n| {
                let at = (n as f32 / symbol).floor();
                if at != last {
                    (last, here) = (at, next);
                    next = TAU / 4.0 * rng.random_range(0..4) as f32;
                }
                let share = n as f32 / symbol - at;
                let carrier = TAU * ((1800.0 * n as f32 / rate) % 1.0);
                1.6 * ((1.0 - share) * (carrier + here).sin() + share * (carrier + next).sin())
            }));
        }
    }
    out
}

/// One to six beeps: pure or with overtones, even or dying away, at one pitch, two pitches or gliding.
fn beeps(length: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let base_hz = 300.0 * 10f32.powf(rng.random_range(0.0..1.0));
    let second_hz = if rng.random_bool(0.5) { base_hz } else { base_hz * rng.random_range(0.6f32..1.7) };
    let glide = if rng.random_bool(0.2) { rng.random_range(0.5f32..2.0) } else { 1.0 };
    let on = samples(0.05 * 20f32.powf(rng.random_range(0.0..1.0)));
    let off = samples(0.05 * 20f32.powf(rng.random_range(0.0..1.0)));
    let decay = if rng.random_bool(0.4) { rng.random_range(2.0f32..12.0) } else { 0.0 };
    let overtones = rng.random_range(0.0f32..0.5);
    let mut out: Vec<f32> = Vec::new();
    for i in 0..rng.random_range(1..=6) {
        let hz = if i % 2 == 0 { base_hz } else { second_hz };
        let mut phase = 0.0f32;
        out.extend((0..on).map(|n| {
            let share = n as f32 / on as f32;
            let now_hz = (hz * glide.powf(share)).min(7_000.0);
            phase = (phase + TAU * now_hz / SAMPLE_RATE_HZ as f32) % TAU;
            let upper = if now_hz < 3_500.0 { overtones * (2.0 * phase).sin() } else { 0.0 };
            let fade = (-decay * n as f32 / SAMPLE_RATE_HZ as f32).exp();
            2f32.sqrt() * ramp(n, on) * fade * (phase.sin() + upper)
        }));
        if out.len() >= length {
            break;
        }
        out.resize(out.len() + off, 0.0);
    }
    out.truncate(length);
    out
}

/// Appends `length` samples of one or two pure tones, power 1, or of silence.
fn tone(hz: [f32; 2], length: usize, out: &mut Vec<f32>) {
    let sounding: Vec<f32> = hz.into_iter().filter(|hz| *hz > 0.0).collect();
    let gain = (2.0 / sounding.len().max(1) as f32).sqrt();
    out.extend((0..length).map(|n| {
        // The phase in f64: in f32 an endless tone would lose its pitch.
        let turn = |hz: &f32| (f64::from(*hz) * n as f64 / f64::from(SAMPLE_RATE_HZ)).fract() as f32;
        let sum: f32 = sounding.iter().map(|hz| (TAU * turn(hz)).sin()).sum();
        gain * ramp(n, length) * sum
    }));
}

/// Rises and falls within [`RAMP_S`].
fn ramp(n: usize, length: usize) -> f32 {
    let edge = RAMP_S * SAMPLE_RATE_HZ as f32;
    (n.min(length - 1 - n) as f32 / edge).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// Power of `x` at a frequency, as a share of all.
    fn share_at(x: &[f32], hz: f32) -> f32 {
        let all: f32 = x.iter().map(|s| s * s).sum();
        let turn = |n: usize| TAU * hz * n as f32 / SAMPLE_RATE_HZ as f32;
        let (mut re, mut im) = (0.0, 0.0);
        for (n, s) in x.iter().enumerate() {
            re += s * turn(n).cos();
            im += s * turn(n).sin();
        }
        2.0 * (re * re + im * im) / x.len() as f32 / all.max(1e-9)
    }

    #[test]
    fn ringback_rings_two_seconds_of_six() {
        let mut out = Vec::new();
        for step in PROGRESS[8] {
            tone(step.0, samples(step.1), &mut out);
        }
        assert_eq!(out.len(), samples(6.0));
        let (on, off) = out.split_at(samples(2.0));
        assert!(off.iter().all(|s| *s == 0.0));
        let power = on.iter().map(|s| s * s).sum::<f32>() / on.len() as f32;
        assert!((power - 1.0).abs() < 0.02, "{power}");
        assert!(share_at(on, 440.0) > 0.45 && share_at(on, 480.0) > 0.45 && share_at(on, 620.0) < 0.01);
    }

    #[test]
    fn a_digit_is_one_row_and_one_column() {
        let out = dtmf(samples(0.05), &mut ChaCha8Rng::seed_from_u64(2));
        let of = |row: [f32; 4]| row.map(|hz| share_at(&out, hz)).into_iter().fold(0.0f32, f32::max);
        assert!(of(DTMF_HZ[0]) > 0.35 && of(DTMF_HZ[1]) > 0.35, "{} {}", of(DTMF_HZ[0]), of(DTMF_HZ[1]));
    }

    #[test]
    fn every_kind_sounds_and_keeps_to_its_length() {
        for kind in [Kind::Progress, Kind::Dtmf, Kind::Data, Kind::Beep, Kind::Music] {
            for seed in 0..40 {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let length = rng.random_range(800..80_000);
                let out = kind.make(length, &mut rng);
                assert!(!out.is_empty() && out.len() <= length, "{kind:?} {seed}: {}", out.len());
                let peak = out.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
                assert!(out.iter().all(|x| x.is_finite()) && peak < 8.0, "{kind:?} {seed}: peak {peak}");
                let loud = out.chunks(320).map(|c| c.iter().map(|x| x * x).sum::<f32>() / c.len() as f32);
                let loudest = loud.fold(0.0f32, f32::max);
                assert!(loudest > 0.1, "{kind:?} {seed}: {loudest}");
            }
        }
    }
}
