//! What a channel sounds like where nobody speaks: its room tone, the hum of the mains, and, where it is absent, what
//! stands in for sound.

use std::f32::consts::TAU;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

use super::{amplitude, draw};
use crate::config::SimulationConfig;
use crate::windows::voices::samples;

/// A room tone stays this far below the speech of its channel, in dB: what is softer cannot be labelled speech.
const BELOW_SPEECH_DB: f32 = 10.0;
/// Largest difference between the floors of two channels, in dB.
const UNEVEN_DB: f32 = 40.0;
/// Largest jump of a floor against its own level, in dB.
const JUMP_DB: f32 = 20.0;
/// Share of jumps to digital silence, as a gate makes them.
const GATED: f64 = 0.3;
/// One step of 16 bits.
const BIT: f32 = 1.0 / 32_768.0;

/// Levels of both room tones, in dB below full scale; none for digital silence. `speech_db` is the speech level of a
/// channel that has speech.
pub fn room_tones(
    config: &SimulationConfig,
    speech_db: [Option<f32>; 2],
    rng: &mut ChaCha8Rng,
) -> [Option<f32>; 2] {
    let drawn = if rng.random_bool(config.uneven) {
        let [low, high] = config.floor_db;
        let first = draw(rng, config.floor_db);
        let second = (first + rng.random_range(-UNEVEN_DB..=UNEVEN_DB)).clamp(low, high);
        [Some(first), Some(second)]
    } else {
        [0, 1].map(|_| (!rng.random_bool(config.silent_room_tone)).then(|| draw(rng, config.room_tone_db)))
    };
    [0, 1]
        .map(|c| drawn[c].map(|tone| speech_db[c].map_or(tone, |speech| tone.min(speech - BELOW_SPEECH_DB))))
}

/// Adds a room tone of `room_tone_db` to a channel.
pub fn add(config: &SimulationConfig, room_tone_db: f32, out: &mut [f32], rng: &mut ChaCha8Rng) {
    let tilt = rng.random_range(0.0..0.95f32);
    let jumps = if rng.random_bool(config.floor_steps) { jumps(out.len(), rng) } else { Vec::new() };
    // White noise through a one-pole low-pass, brought back to unit power.
    let unit = (1.0 - tilt * tilt).sqrt() * 3f32.sqrt();
    let (mut last, mut level) = (0.0, amplitude(room_tone_db));
    let mut first = 0;
    for end in jumps.iter().map(|jump| jump.at).chain([out.len()]) {
        for x in &mut out[first..end] {
            last = tilt * last + unit * rng.random_range(-1.0f32..1.0);
            *x += level * last;
        }
        if let Some(jump) = jumps.iter().find(|jump| jump.at == end) {
            level = amplitude(room_tone_db) * jump.gain;
        }
        first = end;
    }
    if rng.random_bool(config.hum) {
        hum(amplitude(room_tone_db + rng.random_range(-10.0..6.0f32)), out, rng);
    }
}

/// From `at` on the floor has another gain.
struct Jump {
    at: usize,
    gain: f32,
}

fn jumps(length: usize, rng: &mut ChaCha8Rng) -> Vec<Jump> {
    let mut out = Vec::new();
    let mut at = samples(rng.random_range(0.2..6.0));
    while at < length {
        let gain = if rng.random_bool(GATED) { 0.0 } else { amplitude(rng.random_range(-JUMP_DB..=JUMP_DB)) };
        out.push(Jump { at, gain });
        at += samples(rng.random_range(0.2..6.0));
    }
    out
}

/// Adds the mains at 50 or 60 Hz and their overtones.
fn hum(gain: f32, out: &mut [f32], rng: &mut ChaCha8Rng) {
    let base_hz = if rng.random_bool(0.5) { 50.0 } else { 60.0 };
    let strengths: Vec<(f32, f32)> =
        (1..=6).map(|k| (k as f32 * base_hz, gain * rng.random_range(0.0f32..1.5) / k as f32)).collect();
    // The mains repeat ten times a second whatever they are.
    let period = SAMPLE_RATE_HZ as usize / 10;
    let wave: Vec<f32> = (0..period)
        .map(|n| {
            let turn = |hz: f32| (TAU * hz * n as f32 / SAMPLE_RATE_HZ as f32).sin();
            strengths.iter().map(|(hz, strength)| strength * turn(*hz)).sum()
        })
        .collect();
    out.iter_mut().zip(wave.iter().cycle()).for_each(|(x, h)| *x += h);
}

/// Puts what an absent channel holds in the place of its sound: zeros, the constant that A-law makes of zeros, or the
/// dither of the last bit.
pub fn absent(out: &mut [f32], rng: &mut ChaCha8Rng) {
    match rng.random_range(0..10) {
        0..5 => out.fill(0.0),
        5..7 => out.fill(8.0 * BIT),
        _ => {
            let share = rng.random_range(0.05..1.0);
            for x in out {
                let sign = if rng.random_bool(0.5) { BIT } else { -BIT };
                *x = if rng.random_bool(share) { sign } else { 0.0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn db(x: &[f32]) -> f32 {
        10.0 * (x.iter().map(|s| s * s).sum::<f32>() / x.len() as f32).log10()
    }

    #[test]
    fn uneven_floors_span_the_range_and_stay_below_speech() {
        let config = SimulationConfig { uneven: 1.0, ..SimulationConfig::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let pairs: Vec<[f32; 2]> =
            (0..400).map(|_| room_tones(&config, [None; 2], &mut rng).map(Option::unwrap)).collect();
        let differences: Vec<f32> = pairs.iter().map(|[a, b]| (a - b).abs()).collect();
        assert!(differences.iter().all(|d| *d <= 40.0) && differences.iter().any(|d| *d > 35.0));
        assert!(pairs.iter().flatten().all(|level| (-90.0..=-30.0).contains(level)));
        assert!(pairs.iter().flatten().any(|level| *level > -35.0));
        for _ in 0..100 {
            let [speaking, _] = room_tones(&config, [Some(-40.0), None], &mut rng);
            assert!(speaking.unwrap() <= -50.0);
        }
    }

    #[test]
    fn a_bed_has_its_level_and_jumps_change_it() {
        let steady = SimulationConfig::default().clean();
        let stepping = SimulationConfig { floor_steps: 1.0, ..steady.clone() };
        let floor = |config: &SimulationConfig, seed| {
            let mut out = vec![0.0; 16_000 * 12];
            add(config, -50.0, &mut out, &mut ChaCha8Rng::seed_from_u64(seed));
            out
        };
        let spread = |x: &[f32]| {
            let levels: Vec<f32> = x.chunks(3_200).map(|part| db(part).max(-120.0)).collect();
            levels.iter().fold(-200.0f32, |m, l| m.max(*l)) - levels.iter().fold(200.0f32, |m, l| m.min(*l))
        };
        for seed in 0..5 {
            assert!((db(&floor(&steady, seed)) + 50.0).abs() < 1.0, "seed {seed}");
            assert!(spread(&floor(&steady, seed)) < 6.0, "seed {seed}");
        }
        let stepped = (0..10).filter(|seed| spread(&floor(&stepping, *seed)) > 8.0).count();
        assert!(stepped >= 7, "{stepped} of 10 jump");
    }

    #[test]
    fn an_absent_channel_is_zeros_a_constant_or_one_bit() {
        let mut seen = [0; 3];
        for seed in 0..60 {
            let mut out = vec![0.5; 4_000];
            absent(&mut out, &mut ChaCha8Rng::seed_from_u64(seed));
            let kind = if out.iter().all(|x| *x == 0.0) {
                0
            } else if out.iter().all(|x| *x == 8.0 * BIT) {
                1
            } else {
                assert!(out.iter().all(|x| x.abs() <= BIT), "seed {seed}");
                2
            };
            seen[kind] += 1;
        }
        assert!(seen.iter().all(|n| *n > 5), "{seen:?}");
    }
}
