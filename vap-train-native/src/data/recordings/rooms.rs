//! Room impulse responses: `rir.tsv` and the WAV files it names, made ready to convolve with.
//!
//! The delay of the direct path is cut so that speech keeps its place and labels stay true; the energy is 1 so
//! that a room changes the sound, hardly the level.

use std::path::{Path, PathBuf};

use crate::data::formats::table::Table;
use crate::data::formats::wav;
use crate::data::{CorpusError, RATE_HZ, Result};

const COLUMNS: &[&str] = &["path", "licence", "seconds", "rt60_est"];
/// Samples kept before the direct path: the rise of a band-limited pulse (1 ms).
const RISE_SAMPLES: usize = 16;
/// The direct path is the first sample at least this share of the peak: reflections may be louder than it.
const DIRECT_SHARE: f32 = 0.5;
/// The tail is cut where less than this share of the energy (-60 dB) is left.
const TAIL_SHARE: f64 = 1e-6;

/// One row of `rir.tsv`.
#[derive(Debug, Clone)]
pub struct RoomRecording {
    /// The WAV file.
    pub path: PathBuf,
    /// Licence as the table writes it.
    pub licence: String,
    /// Estimated reverberation time, in seconds.
    pub rt60_s: f32,
}

/// Reads `rir.tsv` of a data folder and checks that its files are there.
///
/// # Errors
/// [`CorpusError::Row`] names the line.
pub fn read_table(data: &Path) -> Result<Vec<RoomRecording>> {
    let table = Table::read(&data.join("rir.tsv"), COLUMNS, "table of room impulse responses")?;
    let folder = data.join("rir");
    table
        .rows()
        .map(|row| {
            Ok(RoomRecording {
                path: row.file(&folder)?,
                licence: row.text("licence").into(),
                rt60_s: row.number("rt60_est")?,
            })
        })
        .collect()
}

impl RoomRecording {
    /// Reads the response and makes it ready by [`ready`]; of several channels the first.
    ///
    /// # Errors
    /// [`CorpusError::Audio`] for a wrong format, a truncated file or a silent response.
    pub fn load(&self) -> Result<Vec<f32>> {
        read_ready(&self.path)
    }
}

fn read_ready(path: &Path) -> Result<Vec<f32>> {
    let header = wav::read_header(path)?;
    let error = |expected: String, found| CorpusError::Audio { path: path.into(), expected, found };
    if header.rate_hz != RATE_HZ {
        return Err(error(format!("{RATE_HZ} Hz"), format!("{} Hz", header.rate_hz)));
    }
    let response = ready(&wav::read_channel(path, 0, 0..header.samples)?);
    response.ok_or_else(|| error("an impulse response".into(), "silence".into()))
}

/// Reverberation time of a response in a file, in seconds; 0 where it has no decay to measure.
///
/// # Errors
/// As [`RoomRecording::load`].
pub fn measure_rt60_s(path: &Path) -> Result<f32> {
    Ok(rt60_s(&read_ready(path)?))
}

/// T20 of ISO 3382-1 by Schroeder's backward integration: a line through the energy decay between -5 and -25 dB,
/// prolonged to 60 dB. In seconds; 0 where there is no such decay, as in a single pulse.
fn rt60_s(response: &[f32]) -> f32 {
    let mut left: Vec<f64> = response
        .iter()
        .rev()
        .scan(0.0, |sum, value| {
            *sum += f64::from(*value).powi(2);
            Some(*sum)
        })
        .collect();
    left.reverse();
    let total = left.first().copied().unwrap_or(0.0);
    let decay_db = |energy: &f64| 10.0 * (energy / total).log10();
    let points: Vec<(f64, f64)> = left
        .iter()
        .enumerate()
        .map(|(sample, energy)| (sample as f64 / f64::from(RATE_HZ), decay_db(energy)))
        .filter(|(_, level_db)| (-25.0..=-5.0).contains(level_db))
        .collect();
    let count = points.len() as f64;
    let (mean_s, mean_db) = points.iter().fold((0.0, 0.0), |(s, db), p| (s + p.0 / count, db + p.1 / count));
    let (covariance, variance) =
        points.iter().fold((0.0, 0.0), |(covariance, variance), (time_s, level_db)| {
            let apart_s = time_s - mean_s;
            (covariance + apart_s * (level_db - mean_db), variance + apart_s * apart_s)
        });
    let slope = covariance / variance;
    if slope < 0.0 { (-60.0 / slope) as f32 } else { 0.0 }
}

/// Cuts the delay before the direct path (1 ms of it stays) and the tail below -60 dB, and scales the energy to 1.
/// `None` for silence.
pub fn ready(response: &[f32]) -> Option<Vec<f32>> {
    let peak = response.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
    if peak == 0.0 {
        return None;
    }
    let direct = response.iter().position(|value| value.abs() >= DIRECT_SHARE * peak)?;
    let kept = &response[direct.saturating_sub(RISE_SAMPLES)..];
    let energy: f64 = kept.iter().map(|value| f64::from(*value).powi(2)).sum();
    let mut left = 0.0;
    let tail = kept.iter().rev().take_while(|value| {
        left += f64::from(**value).powi(2);
        left < TAIL_SHARE * energy
    });
    let kept = &kept[..kept.len() - tail.count()];
    let scale = energy.sqrt().recip();
    Some(kept.iter().map(|value| (f64::from(*value) * scale) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_and_tail_go_and_energy_is_one() {
        let mut response = vec![0.0_f32; 4_000];
        response[900] = 0.4;
        response[1_200] = -0.7;
        response[1_500] = 0.2;
        response[3_900] = 1e-5;
        let ready = ready(&response).unwrap();
        assert_eq!(ready.len(), RISE_SAMPLES + 600 + 1);
        assert!(ready[RISE_SAMPLES] > 0.0 && ready[..RISE_SAMPLES].iter().all(|value| *value == 0.0));
        let energy: f32 = ready.iter().map(|value| value * value).sum();
        assert!((energy - 1.0).abs() < 1e-5, "{energy}");
        assert!((ready[RISE_SAMPLES] / ready[RISE_SAMPLES + 300] + 0.4 / 0.7).abs() < 1e-5);
    }

    #[test]
    fn silence_is_no_room() {
        assert_eq!(ready(&[0.0; 100]), None);
        assert_eq!(ready(&[]), None);
    }

    #[test]
    fn the_reverberation_time_of_a_decay_is_found() {
        for expected_s in [0.15_f32, 0.5, 1.2] {
            let decay = |n: i32| 10_f32.powf(-3.0 * n as f32 / 16_000.0 / expected_s);
            let response: Vec<f32> = (0..16_000).map(decay).collect();
            let found_s = rt60_s(&response);
            assert!((found_s / expected_s - 1.0).abs() < 0.03, "{found_s} for {expected_s}");
        }
        assert_eq!((rt60_s(&[1.0]), rt60_s(&[])), (0.0, 0.0));
    }
}
