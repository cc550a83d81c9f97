//! Where one speaker speaks in a recording: stretches of energy between stretches without.
//!
//! Recordings differ by 40 dB in level and noise, so the threshold lies between the quiet and the loud frames of
//! the recording itself. Frames are 20 ms every 10 ms after a weak pre-emphasis: a strong one loses the nasals that
//! end German words, none at all loses consonants in hum.

/// How islands are found.
#[derive(Debug, Clone, Copy)]
pub struct IslandOptions {
    /// Islands closer than this are one, in seconds.
    pub merge_gap_s: f32,
    /// Islands shorter than this are dropped, in seconds.
    pub shortest_s: f32,
    /// Where the threshold lies between the quiet (0) and the loud (1) level in dB.
    pub threshold_share: f32,
    /// The threshold is at most this far below the loud level, in dB.
    pub lowest_db: f32,
    /// The threshold is at least this far below the loud level, in dB.
    pub highest_db: f32,
    /// An island needs [`IslandOptions::loud_frames`] frames this far above the threshold, in dB.
    pub confirm_db: f32,
    /// Number of frames that confirm an island.
    pub loud_frames: usize,
    /// Share of the frames that is quieter than the loud level.
    pub loud_share: f32,
    /// Leaves digital silence out of the quiet and the loud level: where a line is not open yet nothing is heard.
    pub skip_digital_silence: bool,
}

impl Default for IslandOptions {
    fn default() -> Self {
        Self {
            merge_gap_s: 0.12,
            shortest_s: 0.08,
            threshold_share: 0.3,
            lowest_db: 35.0,
            highest_db: 12.0,
            confirm_db: 6.0,
            loud_frames: 4,
            loud_share: 0.95,
            skip_digital_silence: false,
        }
    }
}

impl IslandOptions {
    /// For one channel of a whole call, which may speak for a few of its minutes only.
    pub fn call() -> Self {
        Self { loud_share: 0.99, skip_digital_silence: true, ..Self::default() }
    }
}

/// What [`find`] hears in a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Islands {
    /// `[start, end)` in samples, in order, apart.
    pub islands: Vec<[u32; 2]>,
    /// RMS level inside the islands, in dB below full scale; -120 without any.
    pub speech_db: f32,
    /// RMS level outside, in dB below full scale; -120 when nothing is outside.
    pub floor_db: f32,
}

const HOP: usize = 160;
const WINDOW: usize = 320;
const SILENCE_DB: f32 = -120.0;
const PREEMPHASIS: f32 = 0.7;

/// Finds the islands of speech in 16 kHz samples.
pub fn find(samples: &[i16], options: &IslandOptions) -> Islands {
    let levels = frame_levels(samples);
    let mut islands = Vec::new();
    let mut sorted = levels.clone();
    if options.skip_digital_silence {
        sorted.retain(|level| *level > SILENCE_DB);
    }
    sorted.sort_by(f32::total_cmp);
    let quantile = |share: f32| sorted[((sorted.len() - 1) as f32 * share) as usize];
    if !sorted.is_empty() && quantile(1.0) > SILENCE_DB + 20.0 {
        let (quiet, loud) = (quantile(0.05), quantile(options.loud_share));
        let threshold = (quiet + options.threshold_share * (loud - quiet))
            .clamp(loud - options.lowest_db, loud - options.highest_db);
        islands = runs_above(&levels, threshold);
        merge(&mut islands, (options.merge_gap_s * 100.0).round() as usize);
        islands.retain(|&[start, end]| {
            let loud = levels[start..end].iter().filter(|level| **level >= threshold + options.confirm_db);
            end - start >= (options.shortest_s * 100.0).round() as usize
                && loud.count() >= options.loud_frames
        });
    }
    let to_samples = |frame: usize| (frame * HOP).min(samples.len()) as u32;
    let islands: Vec<[u32; 2]> = islands.iter().map(|&[s, e]| [to_samples(s), to_samples(e)]).collect();
    let (mut inside, mut outside, mut from) = (Power::default(), Power::default(), 0);
    for &[start, end] in &islands {
        outside.add(&samples[from..start as usize]);
        inside.add(&samples[start as usize..end as usize]);
        from = end as usize;
    }
    outside.add(&samples[from..]);
    Islands { islands, speech_db: inside.db(), floor_db: outside.db() }
}

/// RMS level of all samples, in dB below full scale.
pub fn level_db(samples: &[i16]) -> f32 {
    let mut power = Power::default();
    power.add(samples);
    power.db()
}

/// Level after pre-emphasis in dB, one frame each 10 ms, centred on those 10 ms.
fn frame_levels(samples: &[i16]) -> Vec<f32> {
    let emphasised: Vec<f32> = std::iter::once(0.0)
        .chain(
            samples.windows(2).map(|pair| (f32::from(pair[1]) - PREEMPHASIS * f32::from(pair[0])) / 32768.0),
        )
        .collect();
    let margin = (WINDOW - HOP) / 2;
    (0..samples.len().div_ceil(HOP))
        .map(|frame| {
            let start = (frame * HOP).saturating_sub(margin);
            let end = (frame * HOP + HOP + margin).min(samples.len());
            let energy: f32 = emphasised[start..end].iter().map(|value| value * value).sum();
            to_db(f64::from(energy) / (end - start) as f64)
        })
        .collect()
}

fn runs_above(levels: &[f32], threshold: f32) -> Vec<[usize; 2]> {
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for (frame, level) in levels.iter().enumerate() {
        if *level >= threshold {
            match runs.last_mut() {
                Some(run) if run[1] == frame => run[1] = frame + 1,
                _ => runs.push([frame, frame + 1]),
            }
        }
    }
    runs
}

fn merge(runs: &mut Vec<[usize; 2]>, gap: usize) {
    runs.dedup_by(|next, kept| {
        let close = next[0] - kept[1] < gap;
        if close {
            kept[1] = next[1];
        }
        close
    });
}

fn to_db(power: f64) -> f32 {
    (10.0 * power.max(1e-12).log10()) as f32
}

#[derive(Default)]
struct Power {
    sum: f64,
    count: usize,
}

impl Power {
    fn add(&mut self, samples: &[i16]) {
        self.sum += samples.iter().map(|sample| (f64::from(*sample) / 32768.0).powi(2)).sum::<f64>();
        self.count += samples.len();
    }

    fn db(&self) -> f32 {
        if self.count == 0 { SILENCE_DB } else { to_db(self.sum / self.count as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    /// Noise bursts `[start_s, end_s)` at `burst` amplitude over noise at `floor` amplitude.
    fn bursts(length_s: f32, bursts: &[[f32; 2]], burst: f32, floor: f32) -> Vec<i16> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        (0..(length_s * 16_000.0) as usize)
            .map(|sample| {
                let time_s = sample as f32 / 16_000.0;
                let active = bursts.iter().any(|[start, end]| time_s >= *start && time_s < *end);
                let amplitude = if active { burst } else { floor };
                (amplitude * rng.random_range(-1.0_f32..1.0)) as i16
            })
            .collect()
    }

    fn assert_islands(samples: &[i16], expected: &[[f32; 2]]) {
        let found = find(samples, &IslandOptions::default()).islands;
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            for side in 0..2 {
                let found_s = found[side] as f32 / 16_000.0;
                assert!((found_s - expected[side]).abs() <= 0.02, "{found:?} for {expected:?}");
            }
        }
    }

    #[test]
    fn bursts_are_islands_at_any_level_and_noise() {
        let expected = [[0.3, 1.0], [1.5, 2.2], [2.5, 3.4]];
        for (burst, floor) in [(20_000.0, 0.0), (20_000.0, 200.0), (400.0, 4.0), (3_000.0, 400.0)] {
            assert_islands(&bursts(4.0, &expected, burst, floor), &expected);
        }
    }

    #[test]
    fn short_gaps_close_and_clicks_drop() {
        let samples = bursts(3.0, &[[0.5, 0.9], [0.98, 1.5], [2.2, 2.22]], 9_000.0, 20.0);
        assert_islands(&samples, &[[0.5, 1.5]]);
    }

    #[test]
    fn silence_has_no_islands() {
        assert!(find(&[], &IslandOptions::default()).islands.is_empty());
        assert!(find(&[0; 16_000], &IslandOptions::default()).islands.is_empty());
    }

    #[test]
    fn levels_are_of_the_right_stretch() {
        let found = find(&bursts(2.0, &[[0.5, 1.5]], 32_767.0, 327.67), &IslandOptions::default());
        // Uniform noise of amplitude 1 has a power of 1/3.
        assert!((found.speech_db + 4.77).abs() < 0.3, "{found:?}");
        assert!((found.floor_db + 44.77).abs() < 3.0, "{found:?}");
    }
}
