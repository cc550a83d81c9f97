//! Log-mel features, one 10 ms frame at a time: samples at 16 kHz in, `[frames, 80]` out.
//!
//! 25 ms periodic Hann window, 10 ms step, 512-point FFT, power, 80 HTK mel bands from 0 to 8000 Hz (triangles of
//! unit height), natural log floored at 1e-5. Causal: frame `i` ends with sample `160 (i + 1)`; before the stream
//! there is silence. The same numbers as librosa and torchaudio give with `center=False`, HTK bands and `norm=None`
//! when the window is aligned (`tests/golden/make_mel.py`).

use crate::config::MEL_BANDS;
use crate::error::{Error, Result};
use crate::state::{Reader, Writer};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Samples a window: 25 ms.
pub const WINDOW_SAMPLES: usize = 400;
/// Samples between windows: 10 ms.
pub const STEP_SAMPLES: usize = 160;
/// Points of the FFT.
pub const FFT_POINTS: usize = 512;
/// Largest sample that a resampler makes of those in `[-1, 1]`, and more.
const LOUDEST: f32 = 16.0;
/// Smallest power whose log is taken.
pub const FLOOR: f32 = 1e-5;

/// Streaming log-mel of one channel. No allocation a frame beyond growth of the output.
pub struct LogMel {
    fft: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    /// Per band: first FFT bin and the weights from there.
    bands: Vec<(usize, Vec<f32>)>,
    /// The last [`WINDOW_SAMPLES`] samples, oldest first, and how many of the next step have arrived.
    window: Vec<f32>,
    arrived: usize,
    buffer: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl Default for LogMel {
    fn default() -> Self {
        Self::new()
    }
}

impl LogMel {
    /// Extractor at the start of a stream.
    pub fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(FFT_POINTS);
        let hann = (0..WINDOW_SAMPLES)
            .map(|i| (0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / WINDOW_SAMPLES as f64).cos()) as f32)
            .collect();
        LogMel {
            hann,
            bands: mel_bands(),
            window: vec![0.0; WINDOW_SAMPLES],
            arrived: 0,
            buffer: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; FFT_POINTS / 2 + 1],
            fft,
        }
    }

    /// Takes samples at 16 kHz, finite and in `[-1, 1]`, and appends every completed frame to `out`, `[frames, 80]`.
    pub fn push(&mut self, mut samples: &[f32], out: &mut Vec<f32>) {
        while !samples.is_empty() {
            let take = samples.len().min(STEP_SAMPLES - self.arrived);
            let at = WINDOW_SAMPLES - STEP_SAMPLES + self.arrived;
            self.window[at..at + take].copy_from_slice(&samples[..take]);
            self.arrived += take;
            samples = &samples[take..];
            if self.arrived == STEP_SAMPLES {
                self.frame(out);
                self.window.copy_within(STEP_SAMPLES.., 0);
                self.arrived = 0;
            }
        }
    }

    /// Samples taken since the last frame.
    pub fn arrived(&self) -> usize {
        self.arrived
    }

    /// Writes the samples that later frames see.
    pub fn save(&self, out: &mut Writer) {
        out.count(self.arrived as u64);
        out.floats(&self.window);
    }

    /// Reads what [`LogMel::save`] wrote.
    ///
    /// # Errors
    /// [`Error::State`] for what it cannot have written.
    pub fn restore(reader: &mut Reader) -> Result<Self> {
        let mut restored = LogMel::new();
        restored.arrived = reader.count("samples of a step", STEP_SAMPLES as u64 - 1)? as usize;
        reader.floats("samples", LOUDEST, &mut restored.window)?;
        Ok(restored)
    }

    fn frame(&mut self, out: &mut Vec<f32>) {
        for ((b, w), h) in self.buffer.iter_mut().zip(&self.window).zip(&self.hann) {
            *b = w * h;
        }
        self.buffer[WINDOW_SAMPLES..].fill(0.0);
        // Buffers come from the plan itself, so their lengths fit.
        let done = self.fft.process_with_scratch(&mut self.buffer, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok());
        for (p, s) in self.power.iter_mut().zip(&self.spectrum) {
            *p = s.norm_sqr();
        }
        out.extend(self.bands.iter().map(|(first, weights)| {
            let energy: f32 = weights.iter().zip(&self.power[*first..]).map(|(w, p)| w * p).sum();
            energy.max(FLOOR).ln()
        }));
    }
}

/// HTK mel triangles over the FFT bins, `[80]` of (first bin, weights).
fn mel_bands() -> Vec<(usize, Vec<f32>)> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
    let nyquist_hz = f64::from(crate::SAMPLE_RATE_HZ) / 2.0;
    let edges: Vec<f64> =
        (0..MEL_BANDS + 2).map(|i| hz(mel(nyquist_hz) * i as f64 / (MEL_BANDS + 1) as f64)).collect();
    let bin_hz = nyquist_hz / (FFT_POINTS / 2) as f64;
    edges
        .windows(3)
        .map(|e| {
            let weight = |bin: usize| {
                let f = bin as f64 * bin_hz;
                ((f - e[0]) / (e[1] - e[0])).min((e[2] - f) / (e[2] - e[1])).max(0.0) as f32
            };
            let inside: Vec<usize> = (0..=FFT_POINTS / 2).filter(|&bin| weight(bin) > 0.0).collect();
            (inside.first().copied().unwrap_or(0), inside.iter().map(|&bin| weight(bin)).collect())
        })
        .collect()
}

/// Fixed mean and deviation of each band, which travel with the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureStatistics {
    /// Mean of each band, `[80]`.
    pub mean: Vec<f32>,
    /// Standard deviation of each band, `[80]`, above 0.
    pub deviation: Vec<f32>,
}

impl FeatureStatistics {
    /// Checks lengths and values.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::NotFinite`]; a deviation that is not above 1e-6 counts as not finite.
    pub fn validate(&self) -> Result<()> {
        for (what, list) in [("feature mean", &self.mean), ("feature deviation", &self.deviation)] {
            if list.len() != MEL_BANDS {
                return Err(Error::Length { what, expected: MEL_BANDS, found: list.len() });
            }
            let least = if what == "feature mean" { f32::MIN } else { 1e-6 };
            if let Some(index) = list.iter().position(|v| !(v.is_finite() && *v >= least)) {
                return Err(Error::NotFinite { place: what.into(), index });
            }
        }
        Ok(())
    }

    /// Subtracts the mean and divides by the deviation, in place, `[frames, 80]`.
    pub fn normalise(&self, mel: &mut [f32]) {
        for frame in mel.chunks_exact_mut(MEL_BANDS) {
            for ((x, m), d) in frame.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = (*x - m) / d;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(samples: usize) -> Vec<f32> {
        let mut state = 7u32;
        (0..samples)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    fn mel(samples: &[f32], chunk: usize) -> Vec<f32> {
        let mut features = LogMel::new();
        let mut out = Vec::new();
        samples.chunks(chunk).for_each(|part| features.push(part, &mut out));
        out
    }

    #[test]
    fn any_chunking_gives_the_same_frames() {
        let samples = noise(5_000);
        let whole = mel(&samples, usize::MAX);
        assert_eq!(whole.len(), 5_000 / STEP_SAMPLES * MEL_BANDS);
        for chunk in [1, 7, 160, 320, 333, 4096] {
            assert_eq!(mel(&samples, chunk), whole, "by {chunk}");
        }
    }

    #[test]
    fn later_samples_never_change_earlier_frames() {
        let samples = noise(4_800);
        let mut other = samples.clone();
        other[1_600..].fill(0.0);
        let (a, b) = (mel(&samples, 4_800), mel(&other, 4_800));
        assert_eq!(a[..10 * MEL_BANDS], b[..10 * MEL_BANDS]);
        assert_ne!(a[10 * MEL_BANDS..11 * MEL_BANDS], b[10 * MEL_BANDS..11 * MEL_BANDS]);
    }

    #[test]
    fn silence_lies_on_the_floor() {
        assert!(mel(&[0.0; 1_600], 1_600).iter().all(|x| *x == FLOOR.ln()));
    }

    #[test]
    fn a_tone_lights_its_band() {
        let tone: Vec<f32> =
            (0..1_600).map(|i| (std::f32::consts::TAU * 1_000.0 * i as f32 / 16_000.0).sin()).collect();
        let out = mel(&tone, 1_600);
        let frame = &out[9 * MEL_BANDS..];
        let loudest = (0..MEL_BANDS).max_by(|a, b| frame[*a].total_cmp(&frame[*b])).unwrap();
        // 1000 Hz is 1000 mel of 2840: band 81 * 1000 / 2840 - 1.
        assert!((27..=28).contains(&loudest), "band {loudest}");
    }

    #[test]
    fn statistics_are_checked() {
        let good = FeatureStatistics { mean: vec![0.0; MEL_BANDS], deviation: vec![1.0; MEL_BANDS] };
        assert!(good.validate().is_ok());
        let short = FeatureStatistics { mean: vec![0.0; 3], ..good.clone() };
        assert!(matches!(short.validate(), Err(Error::Length { found: 3, .. })));
        let mut zero = good;
        zero.deviation[5] = 0.0;
        assert!(matches!(zero.validate(), Err(Error::NotFinite { index: 5, .. })));
    }
}
