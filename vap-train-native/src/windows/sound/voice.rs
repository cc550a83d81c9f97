//! Voices that are not full and modal: whispered ones, and those of a narrow band.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::spectrum::band_pass;

/// Order of the linear prediction.
const ORDER: usize = 16;
/// Length of a frame of a whisper; the next begins after half of it.
const FRAME: usize = 320;
/// What a whisper's spectrum rises against the voiced one: 1 - 0.7 z^-1.
const RISE: f32 = 0.7;
/// Power of a frame below which nothing is said.
const NOTHING: f32 = 1e-10;
/// Bands that narrow voices come through, in Hz.
const BANDS_HZ: [[f32; 2]; 5] =
    [[300.0, 3400.0], [200.0, 2000.0], [400.0, 2800.0], [100.0, 3000.0], [50.0, 5000.0]];

/// The same speech without a voice: each frame's spectral envelope (by linear prediction) excited by noise, as loud as
/// it was on the whole.
pub fn whisper(x: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let hann: Vec<f32> =
        (0..FRAME).map(|n| 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / FRAME as f32).cos()).collect();
    let mut out = vec![0.0; x.len()];
    let mut frame = [0.0; FRAME];
    for start in (0..x.len().saturating_sub(FRAME) + 1).step_by(FRAME / 2) {
        for (f, (x, h)) in frame.iter_mut().zip(x[start..].iter().zip(&hann)) {
            *f = x * h;
        }
        if frame.iter().map(|f| f * f).sum::<f32>() < NOTHING * FRAME as f32 {
            continue;
        }
        let (filter, power) = predict(&frame);
        let gain = (3.0 * power / FRAME as f32).sqrt();
        let mut past = [0.0f32; ORDER];
        for (n, h) in hann.iter().enumerate() {
            let predicted: f32 = filter.iter().zip(&past).map(|(a, p)| a * p).sum();
            let said = gain * rng.random_range(-1.0f32..1.0) + predicted;
            past.copy_within(..ORDER - 1, 1);
            past[0] = said;
            out[start + n] += said * h;
        }
    }
    let mut last = 0.0;
    for y in &mut out {
        (*y, last) = (*y - RISE * last, *y);
    }
    let power = |x: &[f32]| x.iter().map(|s| s * s).sum::<f32>();
    let gain = (power(x) / power(&out).max(1e-20)).sqrt();
    out.iter_mut().for_each(|y| *y *= gain);
    out
}

/// Coefficients that predict a sample from the ones before it, newest first, and the power that is left (Levinson and
/// Durbin).
fn predict(frame: &[f32]) -> ([f32; ORDER], f32) {
    let mut correlation = [0.0f32; ORDER + 1];
    for (lag, c) in correlation.iter_mut().enumerate() {
        *c = frame[lag..].iter().zip(frame).map(|(a, b)| a * b).sum();
    }
    // A floor of noise 40 dB down keeps the filter tame.
    correlation[0] *= 1.0001;
    let mut filter = [0.0f32; ORDER];
    let mut left = correlation[0];
    for i in 0..ORDER {
        let known: f32 = (0..i).map(|j| filter[j] * correlation[i - j]).sum();
        let reflection = (correlation[i + 1] - known) / left;
        let before = filter;
        for j in 0..i {
            filter[j] = before[j] - reflection * before[i - 1 - j];
        }
        filter[i] = reflection;
        left *= 1.0 - reflection * reflection;
    }
    (filter, left.max(0.0))
}

/// The speech through one of the narrow bands.
pub fn narrow(x: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
    band_pass(x, BANDS_HZ.choose(rng).copied().unwrap_or(BANDS_HZ[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::sound::spectrum::tests::{rms, tone};
    use rand::SeedableRng;

    /// Correlation of a signal with itself a period later.
    fn periodicity(x: &[f32], period: usize) -> f32 {
        let same: f32 = x.iter().zip(&x[period..]).map(|(a, b)| a * b).sum();
        same / x.iter().map(|a| a * a).sum::<f32>()
    }

    #[test]
    fn a_whisper_has_no_pitch_but_the_same_level_and_silence() {
        let period = 128;
        let mut voiced: Vec<f32> = (0..16_000)
            .map(|n| {
                (1..20)
                    .map(|k| (std::f32::consts::TAU * (k * n) as f32 / 128.0).sin() / k as f32)
                    .sum::<f32>()
                    * 0.1
            })
            .collect();
        voiced[8_000..].fill(0.0);
        let whispered = whisper(&voiced, &mut ChaCha8Rng::seed_from_u64(1));
        let (loud, silent) = whispered.split_at(8_000);
        assert!(periodicity(&voiced[..8_000], period) > 0.9);
        assert!(periodicity(loud, period).abs() < 0.35, "{}", periodicity(loud, period));
        assert!((rms(&whispered) / rms(&voiced) - 1.0).abs() < 0.01);
        assert!(silent[FRAME..].iter().all(|x| *x == 0.0));
    }

    #[test]
    fn a_narrow_voice_loses_what_lies_beyond() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..10 {
            assert!(rms(&narrow(&tone(6_500.0), &mut rng)[2_000..14_000]) < 0.01);
            let kept = narrow(&tone(1_000.0), &mut rng);
            assert!((rms(&kept[2_000..14_000]) / rms(&tone(1_000.0)) - 1.0).abs() < 0.05);
        }
    }
}
