//! Speech recordings: `speech.tsv` and the WAV files it names, one utterance of one speaker a row.
//!
//! Speech islands are found in the audio itself, so that a pause inside an utterance is a real pause.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::islands::{self, IslandOptions, Islands};
use super::table::Table;
use super::{CorpusError, RATE_HZ, Result, Split, wav};

const COLUMNS: &[&str] = &[
    "path",
    "set",
    "speaker",
    "gender",
    "lang",
    "split",
    "licence",
    "kind",
    "seconds",
    "speech_start",
    "speech_end",
    "speech_seconds",
];
/// The table rounds to 1 ms, and some recordings have lost up to a codec frame.
const LENGTH_TOLERANCE_S: f32 = 0.05;

/// Gender as the table gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gender {
    /// `f`.
    Female,
    /// `m`.
    Male,
    /// `?`.
    Unknown,
}

/// How an utterance was spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UtteranceKind {
    /// Read aloud from a book.
    Read,
    /// A command in the speaker's own words.
    SpontaneousCommand,
    /// Spelling, dates and numbers on request.
    Prompted,
    /// One short word or phrase.
    Keyword,
}

/// One row of `speech.tsv`, checked.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The WAV file.
    pub path: PathBuf,
    /// Name of the set.
    pub set: String,
    /// Speaker within the set.
    pub speaker: String,
    /// Gender where it is known.
    pub gender: Gender,
    /// Language, two letters.
    pub lang: String,
    /// Split; disjoint in speakers.
    pub split: Split,
    /// Licence as the table writes it.
    pub licence: String,
    /// How it was spoken.
    pub kind: UtteranceKind,
    /// Length in seconds.
    pub seconds: f32,
    /// Start and end of speech as the table gives them, in seconds.
    pub table_span_s: [f32; 2],
}

/// Reads `speech.tsv` of a data folder and checks every row; audio is not opened yet.
///
/// # Errors
/// [`CorpusError::Row`] names the line; [`CorpusError::TwoSplits`] a speaker who crosses splits.
pub fn read_table(data: &Path) -> Result<Vec<Recording>> {
    let table = Table::read(&data.join("speech.tsv"), COLUMNS, "table of speech recordings")?;
    let folder = data.join("speech");
    let mut splits: HashMap<(String, String), Split> = HashMap::new();
    let mut recordings = Vec::new();
    for row in table.rows() {
        let recording = Recording {
            path: row.file(&folder)?,
            set: row.text("set").into(),
            speaker: row.text("speaker").into(),
            gender: row.parsed("gender", "f, m or ?", |text| match text {
                "f" => Some(Gender::Female),
                "m" => Some(Gender::Male),
                "?" => Some(Gender::Unknown),
                _ => None,
            })?,
            lang: row.parsed("lang", "two lower-case letters", |text| {
                let letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
                letters.then(|| text.to_owned())
            })?,
            split: row.parsed("split", "train, dev or test", Split::from_name)?,
            licence: row
                .parsed("licence", "a licence", |text| (!text.is_empty()).then(|| text.to_owned()))?,
            kind: row.parsed(
                "kind",
                "read, spontaneous-command, prompted or keyword",
                |text| match text {
                    "read" => Some(UtteranceKind::Read),
                    "spontaneous-command" => Some(UtteranceKind::SpontaneousCommand),
                    "prompted" => Some(UtteranceKind::Prompted),
                    "keyword" => Some(UtteranceKind::Keyword),
                    _ => None,
                },
            )?,
            seconds: row.number("seconds")?,
            table_span_s: [row.number("speech_start")?, row.number("speech_end")?],
        };
        let [start, end] = recording.table_span_s;
        if start >= end || end > recording.seconds + LENGTH_TOLERANCE_S {
            let expected = format!("after speech_start {start} and within {} s", recording.seconds);
            return Err(row.error("speech_end", &expected, row.text("speech_end")));
        }
        // LibriSpeech is cut into several sets that share one numbering of speakers.
        let family = if recording.set.starts_with("ls-") { "ls" } else { &recording.set };
        let split = *splits.entry((family.into(), recording.speaker.clone())).or_insert(recording.split);
        if split != recording.split {
            return Err(CorpusError::TwoSplits {
                path: table.path().into(),
                what: format!("speaker {} of {}", recording.speaker, recording.set),
                first: split,
                second: recording.split,
            });
        }
        recordings.push(recording);
    }
    Ok(recordings)
}

impl Recording {
    /// Reads the audio (i16, 16 kHz mono) and finds its speech islands.
    ///
    /// # Errors
    /// [`CorpusError::Audio`] for a wrong format, a truncated file, or a length other than the table's.
    pub fn load(&self, options: &IslandOptions) -> Result<(Vec<i16>, Islands)> {
        let samples = wav::read_i16(&self.path)?;
        let found_s = samples.len() as f32 / RATE_HZ as f32;
        if (found_s - self.seconds).abs() > LENGTH_TOLERANCE_S {
            return Err(CorpusError::Audio {
                path: self.path.clone(),
                expected: format!("{} s as speech.tsv says", self.seconds),
                found: format!("{found_s} s"),
            });
        }
        let islands = islands::find(&samples, options);
        Ok((samples, islands))
    }
}
