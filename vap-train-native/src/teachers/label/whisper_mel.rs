//! Whisper's log-mel features: sound at 16 kHz in, `[frames, 80]` or a teacher's `[80, frames]` out.
//!
//! Periodic Hann window of 25 ms on a 400-point FFT, 10 ms step, centred with the sound mirrored at both ends, power,
//! 80 mel bands of Slaney's scale with unit area from 0 to 8000 Hz, logarithm to base 10 (Radford et al. 2022,
//! arXiv 2212.04356). In f64, as the reference computes. Goldens: `golden/make_whisper_mel.py`.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use vap_core::SAMPLE_RATE_HZ;
use vap_core::config::MEL_BANDS;
use vap_core::features::STEP_SAMPLES;

/// Points of the FFT, and samples a window.
const FFT_POINTS: usize = 400;
/// Smallest band power whose logarithm is taken.
const FLOOR: f64 = 1e-10;
/// What is below the loudest band of a window by more than this is raised to it, in powers of ten.
const RANGE: f64 = 8.0;
/// Added to a waveform's variance before it is divided by its root.
const VARIANCE_EPSILON: f64 = 1e-7;

/// Extractor. One a thread: it keeps its buffers.
pub struct WhisperMel {
    fft: Arc<dyn RealToComplex<f64>>,
    hann: Vec<f64>,
    /// Per band: first FFT bin and the weights from there.
    bands: Vec<(usize, Vec<f64>)>,
    buffer: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    power: Vec<f64>,
}

impl Default for WhisperMel {
    fn default() -> Self {
        WhisperMel::new()
    }
}

impl WhisperMel {
    /// Extractor with its tables.
    pub fn new() -> WhisperMel {
        let fft = RealFftPlanner::new().plan_fft_forward(FFT_POINTS);
        WhisperMel {
            hann: (0..FFT_POINTS).map(|i| 0.5 - 0.5 * (TAU * i as f64 / FFT_POINTS as f64).cos()).collect(),
            bands: mel_bands(),
            buffer: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; FFT_POINTS / 2 + 1],
            fft,
        }
    }

    /// Logarithm to base 10 of the band powers, floored at 1e-10, `[samples / 160, 80]`; frame `i` is centred on sample
    /// `160 i`. Less than 201 samples give no frame: there is too little to mirror.
    pub fn log10(&mut self, samples: &[f64]) -> Vec<f64> {
        let half = FFT_POINTS / 2;
        if samples.len() <= half {
            return Vec::new();
        }
        let last = samples.len() as i64 - 1;
        let mut out = Vec::with_capacity(samples.len() / STEP_SAMPLES * MEL_BANDS);
        for frame in 0..samples.len() / STEP_SAMPLES {
            let start = (frame * STEP_SAMPLES) as i64 - half as i64;
            for (i, (b, h)) in self.buffer.iter_mut().zip(&self.hann).enumerate() {
                let at = (start + i as i64).abs();
                let at = if at > last { 2 * last - at } else { at };
                *b = samples[at as usize] * h;
            }
            // Buffers come from the plan itself, so their lengths fit.
            let done = self.fft.process_with_scratch(&mut self.buffer, &mut self.spectrum, &mut self.scratch);
            debug_assert!(done.is_ok());
            for (p, s) in self.power.iter_mut().zip(&self.spectrum) {
                *p = s.norm_sqr();
            }
            out.extend(self.bands.iter().map(|(first, weights)| {
                let energy: f64 = weights.iter().zip(&self.power[*first..]).map(|(w, p)| w * p).sum();
                energy.max(FLOOR).log10()
            }));
        }
        out
    }

    /// A teacher's features of one window, `[80, samples / 160]`: the waveform is brought to mean 0 and variance 1, the
    /// logarithm cut `RANGE` below its highest value, then moved and scaled as Whisper does.
    pub fn features(&mut self, window: &[f32]) -> Vec<f32> {
        let count = window.len().max(1) as f64;
        let mean = window.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let variance = window.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
        let scale = 1.0 / (variance + VARIANCE_EPSILON).sqrt();
        let samples: Vec<f64> = window.iter().map(|x| (f64::from(*x) - mean) * scale).collect();
        let mels = self.log10(&samples);
        let lowest = mels.iter().copied().fold(f64::NEG_INFINITY, f64::max) - RANGE;
        let frames = mels.len() / MEL_BANDS;
        let mut out = vec![0.0; mels.len()];
        for (frame, bands) in mels.chunks_exact(MEL_BANDS).enumerate() {
            for (band, mel) in bands.iter().enumerate() {
                out[band * frames + frame] = feature(mel.max(lowest)) as f32;
            }
        }
        out
    }
}

/// Whisper's scale of a base-10 logarithm.
pub fn feature(log10: f64) -> f64 {
    (log10 + 4.0) / 4.0
}

/// Slaney's mel triangles of unit area over the FFT bins, `[80]` of (first bin, weights).
fn mel_bands() -> Vec<(usize, Vec<f64>)> {
    // Linear up to 1000 Hz, 15 mel; above it 27 mel are a factor of 6.4.
    let log_step = 6.4f64.ln() / 27.0;
    let mel = |hz: f64| if hz < 1000.0 { hz * 3.0 / 200.0 } else { 15.0 + (hz / 1000.0).ln() / log_step };
    let hz = |mel: f64| if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * log_step).exp() };
    let nyquist_hz = f64::from(SAMPLE_RATE_HZ) / 2.0;
    let edges: Vec<f64> =
        (0..MEL_BANDS + 2).map(|i| hz(mel(nyquist_hz) * i as f64 / (MEL_BANDS + 1) as f64)).collect();
    let bin_hz = nyquist_hz / (FFT_POINTS / 2) as f64;
    edges
        .windows(3)
        .map(|e| {
            let weight = |bin: usize| {
                let f = bin as f64 * bin_hz;
                let triangle = ((f - e[0]) / (e[1] - e[0])).min((e[2] - f) / (e[2] - e[1])).max(0.0);
                triangle * 2.0 / (e[2] - e[0])
            };
            let inside: Vec<usize> = (0..=FFT_POINTS / 2).filter(|&bin| weight(bin) > 0.0).collect();
            (inside.first().copied().unwrap_or(0), inside.iter().map(|&bin| weight(bin)).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    fn golden(name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(include_bytes!("golden/whisper_mel.safetensors")).unwrap();
        let bytes = file.tensor(name).unwrap().data().to_vec();
        bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    #[test]
    fn the_reference_gives_the_same_features() {
        let (found, expected) = (WhisperMel::new().features(&golden("samples")), golden("features"));
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }

    #[test]
    fn level_does_not_tell() {
        let loud = golden("samples");
        let soft: Vec<f32> = loud.iter().map(|x| x * 0.25).collect();
        let mut mel = WhisperMel::new();
        let pairs: Vec<_> = mel.features(&loud).into_iter().zip(mel.features(&soft)).collect();
        assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn too_little_sound_has_no_frame() {
        assert!(WhisperMel::new().features(&[0.5; 200]).is_empty());
        assert_eq!(WhisperMel::new().features(&[]).len(), 0);
        assert_eq!(WhisperMel::new().features(&[0.5; 320]).len(), 2 * MEL_BANDS);
    }
}
