//! Room impulse responses: `rir.tsv` and the WAV files it names, made ready to convolve with.
//!
//! The delay of the direct path is cut so that speech keeps its place and labels stay true; the energy is 1 so
//! that a room changes the sound, hardly the level.

use std::path::{Path, PathBuf};

use super::table::Table;
use super::{CorpusError, Result, wav};

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
    /// Reads the response and makes it ready by [`ready`].
    ///
    /// # Errors
    /// [`CorpusError::Audio`] for a wrong format, a truncated file or a silent response.
    pub fn load(&self) -> Result<Vec<f32>> {
        ready(&wav::read_f32(&self.path)?).ok_or_else(|| CorpusError::Audio {
            path: self.path.clone(),
            expected: "an impulse response".into(),
            found: "silence".into(),
        })
    }
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
}
