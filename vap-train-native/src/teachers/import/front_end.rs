//! One front end for all: the source's log-mel as a linear function of ours, by least squares over real speech, folded
//! into the source's first convolution.
//!
//! The source hears Slaney's bands, a logarithm to base 10 and a waveform of unit variance; ours are HTK's bands, a
//! natural logarithm and sound as it comes. At a fixed level the two differ by a linear map and the floors under them.
//! Frames of equal number are centred 2.5 ms apart.

use tch::{Kind, Tensor};
use vap_core::config::MEL_BANDS;
use vap_core::features::{FeatureStatistics, LogMel};
use vap_core::model_file::Weight;

use super::source::Affine;
use crate::error::{Error, Result};
use crate::teachers::label::whisper_mel::{WhisperMel, feature};

/// RMS of speech that the source hears at unit variance. Fixed: it normalises each window, a stream cannot.
pub const SPEECH_RMS: f64 = 0.05;
/// What the source's logarithm is raised to: it cuts 8 below the loudest band of its window, which for speech of unit
/// variance lies about 3.
const LOWEST_LOG10: f64 = -5.0;
/// Frames at the start of a clip that are left out: before it ours hears silence, the source's its mirror.
const SKIPPED_FRAMES: usize = 2;
/// Weight of the map's own size against a frame, each band at deviation 1: holds what little is heard apart.
const RIDGE: f64 = 1e-4;
/// Least deviation of a band, in units of the natural logarithm.
const LEAST_DEVIATION: f64 = 1e-3;

/// The source's features from ours: `map · x + offset` of a normalised frame `x`.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontEnd {
    /// `[80, 80]`, row-major, a row for each of the source's bands.
    pub map: Vec<f64>,
    /// `[80]`.
    pub offset: Vec<f64>,
    /// Mean and deviation that ours are normalised by.
    pub statistics: FeatureStatistics,
    /// Share of the variance of each of the source's bands that the map tells, on clips it was not fitted to.
    pub r2: Vec<f64>,
    /// Frames it was fitted to.
    pub frames: usize,
}

/// The source's features at the fixed level, `[samples / 160, 80]`.
pub fn source_features(samples: &[f32], whisper: &mut WhisperMel) -> Vec<f64> {
    let louder: Vec<f64> = samples.iter().map(|x| f64::from(*x) / SPEECH_RMS).collect();
    let mut mels = whisper.log10(&louder);
    mels.iter_mut().for_each(|x| *x = feature(x.max(LOWEST_LOG10)));
    mels
}

/// Sums over frames of `[1, ours, theirs]`, each with each.
struct Moments {
    sums: Vec<f64>,
    frames: usize,
}

const ROW: usize = 1 + 2 * MEL_BANDS;

impl Moments {
    fn new() -> Moments {
        Moments { sums: vec![0.0; ROW * ROW], frames: 0 }
    }

    fn add(&mut self, clip: &[f32], whisper: &mut WhisperMel) {
        let mut ours = Vec::new();
        LogMel::new().push(clip, &mut ours);
        let theirs = source_features(clip, whisper);
        let frames = ours.chunks_exact(MEL_BANDS).zip(theirs.chunks_exact(MEL_BANDS));
        let mut row = vec![1.0; ROW];
        for (ours, theirs) in frames.skip(SKIPPED_FRAMES) {
            let (left, right) = row[1..].split_at_mut(MEL_BANDS);
            left.iter_mut().zip(ours).for_each(|(to, x)| *to = f64::from(*x));
            right.iter_mut().zip(theirs).for_each(|(to, x)| *to = *x);
            for (sums, x) in self.sums.chunks_exact_mut(ROW).zip(&row) {
                sums.iter_mut().zip(&row).for_each(|(sum, y)| *sum += x * y);
            }
            self.frames += 1;
        }
    }

    /// Mean of a product of columns.
    fn mean(&self, a: usize, b: usize) -> f64 {
        self.sums[a * ROW + b] / self.frames as f64
    }

    fn covariance(&self, a: usize, b: usize) -> f64 {
        self.mean(a, b) - self.mean(0, a) * self.mean(0, b)
    }
}

/// Fits the map to clips of speech at 16 kHz, at the levels the model will hear; every fifth is kept to tell how well.
///
/// # Errors
/// [`Error::Data`] for too few frames or an equation without an answer.
pub fn fit(clips: &[Vec<f32>]) -> Result<FrontEnd> {
    let (mut fitted, mut held) = (Moments::new(), Moments::new());
    let mut whisper = WhisperMel::new();
    for (i, clip) in clips.iter().enumerate() {
        (if i % 5 == 4 { &mut held } else { &mut fitted }).add(clip, &mut whisper);
    }
    let least = 20 * MEL_BANDS;
    if fitted.frames < least || held.frames == 0 {
        return Err(Error::Data(format!(
            "front end: expected speech of {least} frames and five clips, found {} frames and {} held out",
            fitted.frames, held.frames
        )));
    }
    let (ours, theirs) = (|band: usize| 1 + band, |band: usize| 1 + MEL_BANDS + band);
    let mean: Vec<f64> = (0..MEL_BANDS).map(|b| fitted.mean(0, ours(b))).collect();
    let deviation: Vec<f64> = (0..MEL_BANDS)
        .map(|b| fitted.covariance(ours(b), ours(b)).max(0.0).sqrt().max(LEAST_DEVIATION))
        .collect();
    let square = |value: &dyn Fn(usize, usize) -> f64| {
        let values: Vec<f64> =
            (0..MEL_BANDS * MEL_BANDS).map(|i| value(i / MEL_BANDS, i % MEL_BANDS)).collect();
        Tensor::from_slice(&values).reshape([MEL_BANDS as i64, MEL_BANDS as i64])
    };
    let left = square(&|a, b| {
        let ridge = if a == b { RIDGE } else { 0.0 };
        fitted.covariance(ours(a), ours(b)) / (deviation[a] * deviation[b]) + ridge
    });
    let right = square(&|a, b| fitted.covariance(ours(a), theirs(b)) / deviation[a]);
    let solved = Tensor::f_linalg_solve(&left, &right, true)?;
    // Columns are the source's bands; rows are what a map needs.
    let map: Vec<f64> =
        Vec::try_from(&solved.transpose(0, 1).contiguous().flatten(0, 1).to_kind(Kind::Double))?;
    let offset: Vec<f64> = (0..MEL_BANDS).map(|b| fitted.mean(0, theirs(b))).collect();
    let r2 = (0..MEL_BANDS)
        .map(|band| {
            // The error's mean square over the clips held out, from their moments:
            // e = y - offset - row · (x - mean) / d.
            let row = &map[band * MEL_BANDS..(band + 1) * MEL_BANDS];
            let mut factors = vec![0.0; ROW];
            factors[theirs(band)] = 1.0;
            factors[0] = -offset[band];
            for (b, m) in row.iter().enumerate() {
                factors[ours(b)] = -m / deviation[b];
                factors[0] += m * mean[b] / deviation[b];
            }
            let error: f64 = (0..ROW)
                .map(|a| factors[a] * (0..ROW).map(|b| factors[b] * held.mean(a, b)).sum::<f64>())
                .sum();
            1.0 - error / held.covariance(theirs(band), theirs(band)).max(1e-12)
        })
        .collect();
    let statistics = FeatureStatistics {
        mean: mean.iter().map(|v| *v as f32).collect(),
        deviation: deviation.iter().map(|v| *v as f32).collect(),
    };
    statistics.validate()?;
    Ok(FrontEnd { map, offset, statistics, r2, frames: fitted.frames })
}

impl FrontEnd {
    /// The same map for our features under other statistics.
    pub fn under(mut self, statistics: &FeatureStatistics) -> FrontEnd {
        let old = &self.statistics;
        for (row, offset) in self.map.chunks_exact_mut(MEL_BANDS).zip(&mut self.offset) {
            for (band, m) in row.iter_mut().enumerate() {
                let deviation = f64::from(old.deviation[band]);
                *offset += *m * f64::from(statistics.mean[band] - old.mean[band]) / deviation;
                *m *= f64::from(statistics.deviation[band]) / deviation;
            }
        }
        self.statistics = statistics.clone();
        self
    }

    /// The source's first convolution on our features: the map in front of it.
    pub fn fold(&self, conv: &Affine) -> Affine {
        let kernel = conv.weight.shape[2];
        let mut weight = vec![0.0f32; conv.weight.values.len()];
        let mut bias = conv.bias.values.clone();
        for (out, bias) in bias.iter_mut().enumerate() {
            let at = |band: usize, tap: usize| (out * MEL_BANDS + band) * kernel + tap;
            let mut moved = f64::from(*bias);
            for tap in 0..kernel {
                let taps: Vec<f64> =
                    (0..MEL_BANDS).map(|band| f64::from(conv.weight.values[at(band, tap)])).collect();
                moved += taps.iter().zip(&self.offset).map(|(w, o)| w * o).sum::<f64>();
                for band in 0..MEL_BANDS {
                    let column = self.map[band..].iter().step_by(MEL_BANDS);
                    weight[at(band, tap)] = taps.iter().zip(column).map(|(w, m)| w * m).sum::<f64>() as f32;
                }
            }
            *bias = moved as f32;
        }
        Affine {
            weight: Weight { shape: conv.weight.shape.clone(), values: weight },
            bias: Weight { shape: conv.bias.shape.clone(), values: bias },
        }
    }

    /// The source's features of one normalised frame of ours.
    #[cfg(test)]
    pub fn apply(&self, frame: &[f32]) -> Vec<f64> {
        let rows = self.map.chunks_exact(MEL_BANDS).zip(&self.offset);
        rows.map(|(row, offset)| offset + row.iter().zip(frame).map(|(m, x)| m * f64::from(*x)).sum::<f64>())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    /// Coloured noise whose colour and level change every 200 ms.
    fn clips(count: usize) -> Vec<Vec<f32>> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let clip = |_| {
            let mut samples = Vec::new();
            for _ in 0..10 {
                let (pole, gain) =
                    (rng.random_range(-0.95f32..0.95), 10f32.powf(rng.random_range(-2.5..-0.8)));
                let mut last = 0.0;
                samples.extend((0..3_200).map(|_| {
                    last = pole * last + (1.0 - pole * pole).sqrt() * rng.random_range(-1.0f32..1.0);
                    gain * last
                }));
            }
            samples
        };
        (0..count).map(clip).collect()
    }

    #[test]
    fn the_map_tells_the_other_front_end() {
        let found = fit(&clips(30)).unwrap();
        assert_eq!(found.frames, 24 * (200 - SKIPPED_FRAMES));
        let worst = found.r2.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(worst > 0.9, "{:?}", found.r2);
        assert!(found.r2.iter().all(|r2| *r2 < 1.0));
    }

    #[test]
    fn a_folded_convolution_hears_what_the_source_hears() {
        let front = fit(&clips(30)).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(6);
        let mut draw = |shape: &[usize]| Weight {
            shape: shape.into(),
            values: (0..shape.iter().product()).map(|_| rng.random_range(-1.0f32..1.0)).collect(),
        };
        let conv = Affine { weight: draw(&[4, MEL_BANDS, 3]), bias: draw(&[4]) };
        let frames = draw(&[3, MEL_BANDS]).values;
        let folded = front.fold(&conv);
        let theirs: Vec<f64> = frames.chunks_exact(MEL_BANDS).flat_map(|frame| front.apply(frame)).collect();
        for out in 0..4 {
            let sum = |conv: &Affine, x: &dyn Fn(usize, usize) -> f64| {
                let taps = (0..3).flat_map(|tap| (0..MEL_BANDS).map(move |band| (tap, band)));
                let products = taps.map(|(tap, band)| {
                    f64::from(conv.weight.values[(out * MEL_BANDS + band) * 3 + tap]) * x(tap, band)
                });
                f64::from(conv.bias.values[out]) + products.sum::<f64>()
            };
            let expected = sum(&conv, &|tap, band| theirs[tap * MEL_BANDS + band]);
            let found = sum(&folded, &|tap, band| f64::from(frames[tap * MEL_BANDS + band]));
            assert!((expected - found).abs() < 1e-3 * expected.abs().max(1.0), "{expected} {found}");
        }
    }

    #[test]
    fn other_statistics_give_the_same_features() {
        let front = fit(&clips(30)).unwrap();
        let other = FeatureStatistics {
            mean: (0..MEL_BANDS).map(|i| i as f32 * 0.1 - 7.0).collect(),
            deviation: (0..MEL_BANDS).map(|i| 1.0 + i as f32 * 0.02).collect(),
        };
        let mels: Vec<f32> = (0..MEL_BANDS).map(|i| -8.0 + (i as f32 * 0.7).sin() * 3.0).collect();
        let heard = |front: &FrontEnd| {
            let mut frame = mels.clone();
            front.statistics.normalise(&mut frame);
            front.apply(&frame)
        };
        let (before, after) = (heard(&front), heard(&front.clone().under(&other)));
        let worst = before.iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-4 && before.iter().any(|x| x.abs() > 0.1), "{worst}");
    }

    #[test]
    fn too_little_speech_is_named() {
        let error = fit(&clips(4)).unwrap_err().to_string();
        assert!(error.contains("five clips"), "{error}");
    }
}
