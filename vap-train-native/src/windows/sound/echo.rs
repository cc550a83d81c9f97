//! One speaker heard in the other's channel: by a loudspeaker, its air and a microphone, or by the line.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::shoebox::Shoebox;
use super::spectrum::{band_pass, convolve};
use super::{amplitude, draw};
use crate::config::SimulationConfig;
use crate::windows::voices::samples;

/// Share of distorted echoes that ring in a room of their own.
const RINGING: f64 = 0.4;
/// What a small loudspeaker passes: its lowest and its highest frequency, in Hz.
const LOWEST_HZ: [f32; 2] = [100.0, 500.0];
const HIGHEST_HZ: [f32; 2] = [2_500.0, 7_500.0];
/// How far the loudest sample drives the loudspeaker, 1 being where it begins to bend.
const DRIVE: [f32; 2] = [0.3, 4.0];

/// Adds the sound of either channel to the other, at `crosstalk_db` against its level and up to `crosstalk_delay_ms`
/// late.
pub fn crosstalk(config: &SimulationConfig, channels: &mut [Vec<f32>; 2], rng: &mut ChaCha8Rng) {
    let to = rng.random_range(0..2);
    let gain = amplitude(draw(rng, config.crosstalk_db));
    let delay = samples(rng.random_range(0.0..=config.crosstalk_delay_ms / 1000.0));
    let distorted = rng.random_bool(config.crosstalk_distortion).then(|| distort(&channels[1 - to], rng));
    let [first, second] = channels;
    let (source, target) = if to == 0 { (second, first) } else { (first, second) };
    let source = distorted.as_ref().unwrap_or(source);
    for (x, s) in target.iter_mut().skip(delay).zip(source) {
        *x += gain * s;
    }
}

/// What a loudspeaker that is driven hard makes of a sound, as loud as it was.
fn distort(x: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let peak = x.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
    if peak == 0.0 {
        return x.to_vec();
    }
    let drive = draw(rng, DRIVE) / peak;
    let bent: Vec<f32> = x.iter().map(|s| (drive * s).tanh() / drive).collect();
    let mut out = band_pass(&bent, [draw(rng, LOWEST_HZ), draw(rng, HIGHEST_HZ)]);
    if rng.random_bool(RINGING) {
        out = convolve(&out, &Shoebox::draw(rng).response());
    }
    let power = |x: &[f32]| x.iter().map(|s| s * s).sum::<f32>();
    let gain = (power(x) / power(&out).max(1e-20)).sqrt();
    out.iter_mut().for_each(|s| *s *= gain);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::sound::spectrum::tests::{rms, tone};
    use rand::SeedableRng;

    /// An echo of a tone of half a second, and in which channel it is.
    fn echo(config: &SimulationConfig, seed: u64) -> Option<Vec<f32>> {
        let mut sound = tone(1_000.0)[..8_000].to_vec();
        sound.resize(24_000, 0.0);
        let mut channels = [vec![0.0; 24_000], sound.clone()];
        crosstalk(config, &mut channels, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(channels[1], sound, "seed {seed}: the speaker's channel");
        let [echo, _] = channels;
        echo.iter().any(|s| *s != 0.0).then_some(echo)
    }

    #[test]
    fn an_echo_is_late_and_soft() {
        let config = SimulationConfig { crosstalk_distortion: 0.0, ..SimulationConfig::default() };
        let echoes: Vec<Vec<f32>> = (0..60).filter_map(|seed| echo(&config, seed)).collect();
        assert!(echoes.len() > 15, "either channel is heard in the other: {}", echoes.len());
        let (mut delays, mut levels) = (Vec::new(), Vec::new());
        for echo in &echoes {
            let at = echo.iter().position(|s| s.abs() > 1e-9).unwrap();
            delays.push(at as f32 / 16.0);
            levels.push(20.0 * (rms(&echo[at..at + 7_900]) / rms(&tone(1_000.0))).log10());
        }
        let span = |x: &[f32]| {
            (x.iter().fold(999.0f32, |m, v| m.min(*v)), x.iter().fold(-999.0f32, |m, v| m.max(*v)))
        };
        let ((soonest, latest), (softest, loudest)) = (span(&delays), span(&levels));
        assert!(soonest < 80.0 && latest > 250.0 && latest <= 401.0, "{soonest} to {latest} ms");
        assert!(
            (-40.5..-30.0).contains(&softest) && loudest > -16.0 && loudest <= -5.5,
            "{softest} to {loudest} dB"
        );
    }

    #[test]
    fn a_distorted_echo_has_other_frequencies_and_the_same_level() {
        let plain = SimulationConfig {
            crosstalk_distortion: 0.0,
            crosstalk_db: [-6.0; 2],
            ..SimulationConfig::default()
        };
        let bent = SimulationConfig { crosstalk_distortion: 1.0, ..plain.clone() };
        let mut changed = 0;
        for seed in 0..40 {
            let (Some(plain), Some(bent)) = (echo(&plain, seed), echo(&bent, seed)) else { continue };
            let ratio = rms(&bent) / rms(&plain);
            assert!((ratio - 1.0).abs() < 0.1, "seed {seed}: {ratio}");
            // A tone bent alike on both sides gets its third overtone: what is not at 1 kHz.
            let residue = |x: &[f32]| rms(&band_pass(x, [2_500.0, 7_900.0])) / rms(x);
            changed += usize::from(residue(&bent) > 2.0 * residue(&plain));
        }
        assert!(changed > 5, "{changed} differ");
    }
}
