//! Linear filters over a whole channel, by one long FFT: convolution, band-pass, tilt.

use std::cell::RefCell;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use vap_core::SAMPLE_RATE_HZ;

use crate::windows::voices::samples;

/// What a filter without an impulse response of its own may ring on, in seconds.
const RINGING_S: f32 = 0.05;
/// Frequency that a tilt leaves as it is, in Hz.
const PIVOT_HZ: f32 = 1_000.0;

thread_local! {
    /// Plans of the lengths met so far: making one takes longer than using it.
    static PLANNER: RefCell<RealFftPlanner<f32>> = RefCell::new(RealFftPlanner::new());
}

/// `x` in a room of this impulse response, as long as `x`.
pub fn convolve(x: &[f32], response: &[f32]) -> Vec<f32> {
    filter(x, response.len(), response, |_, s, r| *s *= r)
}

/// `x` between two frequencies, with edges of 100 Hz to keep the ringing short.
pub fn band_pass(x: &[f32], [low_hz, high_hz]: [f32; 2]) -> Vec<f32> {
    filter(x, samples(RINGING_S), &[], |hz, s, _| {
        let rise = if low_hz > 0.0 { ((hz - low_hz) / 100.0 + 1.0).clamp(0.0, 1.0) } else { 1.0 };
        let fall = ((high_hz - hz) / 100.0 + 1.0).clamp(0.0, 1.0);
        *s *= rise * fall;
    })
}

/// `x` through a microphone whose response rises by so many dB an octave around 1 kHz, between 100 Hz and 8 kHz.
pub fn tilt(x: &[f32], db_an_octave: f32) -> Vec<f32> {
    filter(x, samples(RINGING_S), &[], |hz, s, _| {
        let octaves = (hz.max(100.0) / PIVOT_HZ).log2();
        *s *= 10f32.powf(db_an_octave * octaves / 20.0);
    })
}

/// Runs `x` through one long FFT, padded by `tail` samples; `change` gets each frequency in Hz, the value there and
/// that of `response`.
fn filter(
    x: &[f32],
    tail: usize,
    response: &[f32],
    change: impl Fn(f32, &mut Complex<f32>, Complex<f32>),
) -> Vec<f32> {
    let points = (x.len() + tail).next_power_of_two();
    let (forward, back) = PLANNER
        .with_borrow_mut(|planner| (planner.plan_fft_forward(points), planner.plan_fft_inverse(points)));
    let transform = |x: &[f32]| {
        let (mut input, mut output) = (forward.make_input_vec(), forward.make_output_vec());
        input[..x.len()].copy_from_slice(x);
        // Buffers come from the plan itself.
        let done = forward.process(&mut input, &mut output);
        debug_assert!(done.is_ok());
        output
    };
    let mut spectrum = transform(x);
    let other = transform(response);
    let bin_hz = SAMPLE_RATE_HZ as f32 / points as f32;
    for (i, (s, r)) in spectrum.iter_mut().zip(other).enumerate() {
        change(i as f32 * bin_hz, s, r);
    }
    let edge = spectrum.len() - 1;
    (spectrum[0].im, spectrum[edge].im) = (0.0, 0.0);
    let mut out = back.make_output_vec();
    let done = back.process(&mut spectrum, &mut out);
    debug_assert!(done.is_ok());
    out.truncate(x.len());
    out.iter_mut().for_each(|s| *s /= points as f32);
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn tone(hz: f32) -> Vec<f32> {
        (0..16_000).map(|i| 0.3 * (std::f32::consts::TAU * hz * i as f32 / 16_000.0).sin()).collect()
    }

    pub(crate) fn rms(x: &[f32]) -> f32 {
        (x.iter().map(|s| s * s).sum::<f32>() / x.len() as f32).sqrt()
    }

    #[test]
    fn an_impulse_response_of_one_impulse_changes_nothing() {
        let x = tone(440.0);
        let y = convolve(&x, &[1.0]);
        assert!(x.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn a_tilt_turns_about_1_khz() {
        let gain_db = |hz| 20.0 * (rms(&tilt(&tone(hz), 3.0)[2_000..14_000]) / rms(&tone(hz))).log10();
        assert!(gain_db(1_000.0).abs() < 0.2, "{}", gain_db(1_000.0));
        assert!((gain_db(2_000.0) - 3.0).abs() < 0.2 && (gain_db(500.0) + 3.0).abs() < 0.2);
    }
}
