//! The front door: one channel at any sample rate in, the same channel at 16 kHz out.
//!
//! Resampling is rubato's. Its delay is compensated: output sample `k` always stands for input time `k / 16000` s,
//! so times of frames and events are times of the recording. The delay is still there as latency
//! ([`Resampler::delay_ms`]): a sample comes out that much later than it went in.

use crate::SAMPLE_RATE_HZ;
use crate::error::{Error, Result};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// Lowest input rate, in Hz.
pub const MIN_RATE_HZ: u32 = 4_000;
/// Highest input rate, in Hz.
pub const MAX_RATE_HZ: u32 = 384_000;

/// Above this block length the FFT resampler would hold sound back too long.
const MAX_BLOCK_MS: u32 = 40;

/// Streaming resampler of one mono channel to 16 kHz.
///
/// Samples that are not finite become 0 (and are counted), samples beyond full scale are clipped to `[-1, 1]`.
pub struct Resampler {
    inner: Option<Box<dyn rubato::Resampler<f32>>>,
    rate_hz: u32,
    /// Input that does not fill a block yet.
    pending: Vec<f32>,
    block: Vec<f32>,
    /// Output samples of the start-up delay still to drop.
    to_skip: usize,
    consumed: u64,
    produced: u64,
    replaced: u64,
}

impl Resampler {
    /// Resampler for input at `rate_hz`.
    ///
    /// # Errors
    /// [`Error::SampleRate`] outside [`MIN_RATE_HZ`] to [`MAX_RATE_HZ`].
    pub fn new(rate_hz: u32) -> Result<Self> {
        let out_of_range = Error::SampleRate { min: MIN_RATE_HZ, max: MAX_RATE_HZ, found: rate_hz };
        if !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate_hz) {
            return Err(out_of_range);
        }
        let inner = if rate_hz == SAMPLE_RATE_HZ { None } else { Some(build(rate_hz).ok_or(out_of_range)?) };
        let block = inner.as_ref().map_or(0, |r| r.output_frames_max());
        let to_skip = inner.as_ref().map_or(0, |r| r.output_delay());
        Ok(Resampler {
            inner,
            rate_hz,
            pending: Vec::new(),
            block: vec![0.0; block],
            to_skip,
            consumed: 0,
            produced: 0,
            replaced: 0,
        })
    }

    /// Input rate in Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Longest time a sample waits between going in and coming out, in ms: filter delay and block length.
    pub fn delay_ms(&self) -> f64 {
        self.inner.as_ref().map_or(0.0, |r| {
            let out_ms = 1000.0 / f64::from(SAMPLE_RATE_HZ);
            (r.output_delay() + r.output_frames_max()) as f64 * out_ms
        })
    }

    /// Input samples so far that were not finite and became 0.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Takes input samples and appends what is ready to `out`, at 16 kHz.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.consumed += samples.len() as u64;
        for &sample in samples {
            let clean = if sample.is_finite() {
                sample.clamp(-1.0, 1.0)
            } else {
                self.replaced += 1;
                0.0
            };
            if self.inner.is_none() {
                self.produced += 1;
                out.push(clean);
            } else {
                self.pending.push(clean);
            }
        }
        self.work(out);
    }

    /// Ends the stream: appends the rest, so that as many samples have come out as the input lasted (rounded).
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let ratio = f64::from(SAMPLE_RATE_HZ) / f64::from(self.rate_hz);
        let target = (self.consumed as f64 * ratio).round() as u64;
        while self.inner.is_some() && self.produced < target {
            let before_turn = (self.produced, self.to_skip);
            let missing = self.inner.as_ref().map_or(0, |r| r.input_frames_next());
            let length = self.pending.len().max(missing);
            self.pending.resize(length, 0.0);
            let before = out.len();
            self.work(out);
            let surplus = self.produced.saturating_sub(target) as usize;
            out.truncate((out.len() - surplus.min(out.len() - before)).max(before));
            if (self.produced, self.to_skip) == before_turn {
                break;
            }
        }
        *self = match Resampler::new(self.rate_hz) {
            Ok(fresh) => Resampler { replaced: self.replaced, ..fresh },
            Err(_) => return,
        };
    }

    fn work(&mut self, out: &mut Vec<f32>) {
        let Some(inner) = self.inner.as_mut() else { return };
        let mut at = 0;
        loop {
            let wanted = inner.input_frames_next();
            if self.pending.len() - at < wanted {
                break;
            }
            let capacity = self.block.len();
            // Lengths are the resampler's own, so neither adapter nor call can fail.
            let Ok(input) = InterleavedSlice::new(&self.pending[at..at + wanted], 1, wanted) else { break };
            let Ok(mut output) = InterleavedSlice::new_mut(&mut self.block, 1, capacity) else { break };
            let Ok((used, made)) = inner.process_into_buffer(&input, &mut output, None) else { break };
            at += used;
            let skip = self.to_skip.min(made);
            self.to_skip -= skip;
            self.produced += (made - skip) as u64;
            out.extend_from_slice(&self.block[skip..made]);
        }
        self.pending.drain(..at);
    }
}

fn build(rate_hz: u32) -> Option<Box<dyn rubato::Resampler<f32>>> {
    let (input, output) = (rate_hz as usize, SAMPLE_RATE_HZ as usize);
    let block_ms = 1000 / gcd(rate_hz, SAMPLE_RATE_HZ).max(1);
    if block_ms <= MAX_BLOCK_MS {
        let chunk = (input / 100).max(1);
        let fft = Fft::<f32>::new_custom(
            input,
            output,
            chunk,
            1,
            1,
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        );
        return Some(Box::new(fft.ok()?));
    }
    // Rates without a short common block with 16 kHz: windowed sinc, any ratio.
    let parameters = SincInterpolationParameters::new(128, WindowFunction::BlackmanHarris2)
        .interpolation(SincInterpolationType::Cubic);
    let ratio = output as f64 / input as f64;
    let chunk = (input / 100).max(1);
    let sinc = Async::<f32>::new_sinc(ratio, 1.01, &parameters, chunk, 1, FixedAsync::Input);
    Some(Box::new(sinc.ok()?))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(rate_hz: u32, hz: f32, seconds: f32) -> Vec<f32> {
        let n = (rate_hz as f32 * seconds) as usize;
        (0..n).map(|i| 0.5 * (TAU * hz * i as f32 / rate_hz as f32).sin()).collect()
    }

    fn resample(rate_hz: u32, samples: &[f32], chunk: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate_hz).unwrap();
        let mut out = Vec::new();
        for part in samples.chunks(chunk) {
            resampler.push(part, &mut out);
        }
        resampler.finish(&mut out);
        out
    }

    #[test]
    fn a_tone_keeps_its_place_in_time_at_every_rate() {
        for rate_hz in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 44_099, 48_000, 96_000]
        {
            let out = resample(rate_hz, &tone(rate_hz, 440.0, 1.0), 333);
            let want = tone(SAMPLE_RATE_HZ, 440.0, 1.0);
            assert!(out.len().abs_diff(want.len()) <= 1, "{rate_hz}: {} samples", out.len());
            // Away from both edges, where the filter rings on the cut tone.
            let worst = (1600..14_000).map(|i| (out[i] - want[i]).abs()).fold(0.0, f32::max);
            // An odd block has its centre between two samples: half an input sample of shift is allowed. The sinc
            // resampler of rates without a short block tells its delay in whole output samples only.
            let shift_s = if rate_hz == 44_099 { 1.0 / 16_000.0 } else { 0.5 / rate_hz as f32 };
            assert!(worst < 5e-3 + 0.5 * TAU * 440.0 * shift_s, "{rate_hz} Hz: off by {worst}");
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_filtered_away() {
        let out = resample(48_000, &tone(48_000, 10_000.0, 1.0), 480);
        let rms = (out[1600..14_000].iter().map(|x| x * x).sum::<f32>() / 12_400.0).sqrt();
        assert!(20.0 * rms.log10() < -60.0, "10 kHz comes through at {rms}");
    }

    #[test]
    fn any_chunking_gives_the_same_samples() {
        for rate_hz in [8_000, 44_100, 44_099, 48_000] {
            let input = tone(rate_hz, 300.0, 0.5);
            let whole = resample(rate_hz, &input, usize::MAX);
            for chunk in [1, 7, 160, 333, 4096] {
                assert_eq!(resample(rate_hz, &input, chunk), whole, "{rate_hz} Hz by {chunk}");
            }
        }
    }

    #[test]
    fn later_input_never_changes_earlier_output() {
        let input = tone(44_100, 300.0, 0.5);
        let (mut short, mut long) = (Vec::new(), Vec::new());
        Resampler::new(44_100).unwrap().push(&input[..10_000], &mut short);
        Resampler::new(44_100).unwrap().push(&input, &mut long);
        assert!(!short.is_empty());
        assert_eq!(short, long[..short.len()]);
    }

    #[test]
    fn finished_equals_new() {
        let input = tone(48_000, 300.0, 0.1);
        let mut resampler = Resampler::new(48_000).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        resampler.push(&input, &mut first);
        resampler.finish(&mut first);
        resampler.push(&input, &mut second);
        resampler.finish(&mut second);
        assert_eq!(first, second);
        assert_eq!(first.len(), 1600);
    }

    #[test]
    fn finish_ends_when_nothing_comes_out() {
        let mut resampler = Resampler::new(8_000).unwrap();
        // No room for output: every call of the resampler fails.
        resampler.block.clear();
        let mut out = Vec::new();
        resampler.push(&[0.5; 800], &mut out);
        resampler.finish(&mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn hostile_samples_have_a_defined_outcome() {
        let mut resampler = Resampler::new(16_000).unwrap();
        let mut out = Vec::new();
        resampler.push(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -3.0, 0.25], &mut out);
        assert_eq!(out, [0.0, 0.0, 0.0, 1.0, -1.0, 0.25]);
        assert_eq!(resampler.replaced(), 3);
        assert!(matches!(Resampler::new(0), Err(Error::SampleRate { found: 0, .. })));
        assert!(Resampler::new(u32::MAX).is_err());
    }

    #[test]
    fn the_delay_is_short_at_common_rates() {
        for rate_hz in [8_000, 16_000, 24_000, 44_100, 48_000] {
            assert!(Resampler::new(rate_hz).unwrap().delay_ms() <= 15.0, "{rate_hz}");
        }
    }
}
