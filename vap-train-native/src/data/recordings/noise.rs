//! Noise recordings: `noise.tsv` and the WAV files it names.

use std::path::{Path, PathBuf};

use crate::data::Result;
use crate::data::formats::table::Table;
use crate::data::formats::wav;

const COLUMNS: &[&str] = &["path", "set", "label", "licence", "seconds"];

/// One row of `noise.tsv`.
#[derive(Debug, Clone)]
pub struct NoiseRecording {
    /// The WAV file.
    pub path: PathBuf,
    /// Name of the set.
    pub set: String,
    /// What sounds.
    pub label: String,
    /// Licence as the table writes it.
    pub licence: String,
}

/// Reads `noise.tsv` of a data folder and checks that its files are there.
///
/// # Errors
/// [`crate::data::CorpusError::Row`] names the line.
pub fn read_table(data: &Path) -> Result<Vec<NoiseRecording>> {
    let table = Table::read(&data.join("noise.tsv"), COLUMNS, "table of noise recordings")?;
    let folder = data.join("noise");
    table
        .rows()
        .map(|row| {
            row.number("seconds")?;
            Ok(NoiseRecording {
                path: row.file(&folder)?,
                set: row.text("set").into(),
                label: row.text("label").into(),
                licence: row.text("licence").into(),
            })
        })
        .collect()
}

impl NoiseRecording {
    /// Reads the audio, i16 at 16 kHz.
    ///
    /// # Errors
    /// [`crate::data::CorpusError::Audio`] for a wrong format or a truncated file.
    pub fn load(&self) -> Result<Vec<i16>> {
        wav::read_i16(&self.path)
    }
}
