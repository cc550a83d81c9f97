//! Speech recordings: `speech.tsv` and the WAV files it names, one utterance of one speaker a row.
//!
//! Speech islands are found in the audio itself, so that a pause inside an utterance is a real pause.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::formats::table::Table;
use crate::data::formats::{flac, wav};
use crate::data::timing::islands::{self, IslandOptions, Islands};
use crate::data::{CorpusError, RATE_HZ, Result, Split};

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
    /// `?`, or nothing.
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
    /// Played by an actor.
    Acted,
    /// A sound without words: a laugh, a grunt, an "mm-hmm".
    Vocal,
}

impl UtteranceKind {
    /// Whether it is too little to be a turn of its own: it may stand for a backchannel.
    pub fn is_fragment(self) -> bool {
        matches!(self, UtteranceKind::Keyword | UtteranceKind::Vocal)
    }
}

/// A language tag as BCP 47 writes it: `en`, `cnh`, `zh-TW`, `rm-sursilv`.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    let letters = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_lowercase());
    letters
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

/// One utterance: a row of `speech.tsv`, checked, or what another corpus gives instead.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The WAV or FLAC file.
    pub path: PathBuf,
    /// Name of the set.
    pub set: String,
    /// Speaker within the set.
    pub speaker: String,
    /// Gender where it is known.
    pub gender: Gender,
    /// Language, a BCP 47 tag.
    pub lang: String,
    /// Split; disjoint in speakers.
    pub split: Split,
    /// Licence as the table writes it.
    pub licence: String,
    /// How it was spoken.
    pub kind: UtteranceKind,
    /// Length in seconds.
    pub seconds: f32,
    /// Start and end of speech as the table gives them, in seconds; the whole where no table does.
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
            gender: row.parsed("gender", "f, m, ? or nothing", |text| match text {
                "f" => Some(Gender::Female),
                "m" => Some(Gender::Male),
                "?" | "" => Some(Gender::Unknown),
                _ => None,
            })?,
            lang: row.parsed("lang", "a language tag such as en or zh-TW", |text| {
                is_language(text).then(|| text.to_owned())
            })?,
            split: row.parsed("split", "train, dev or test", Split::from_name)?,
            licence: row
                .parsed("licence", "a licence", |text| (!text.is_empty()).then(|| text.to_owned()))?,
            kind: row.parsed(
                "kind",
                "read, spontaneous-command, prompted, keyword, acted or vocal",
                |text| match text {
                    "read" => Some(UtteranceKind::Read),
                    "spontaneous-command" => Some(UtteranceKind::SpontaneousCommand),
                    "prompted" => Some(UtteranceKind::Prompted),
                    "keyword" => Some(UtteranceKind::Keyword),
                    "acted" => Some(UtteranceKind::Acted),
                    "vocal" => Some(UtteranceKind::Vocal),
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
    /// Reads the audio (WAV or FLAC, i16, 16 kHz mono) and finds its speech islands.
    ///
    /// # Errors
    /// [`CorpusError::Audio`] for a wrong format, a truncated file, or a length other than the table's.
    pub fn load(&self, options: &IslandOptions) -> Result<(Vec<i16>, Islands)> {
        let samples = match self.path.extension() {
            Some(extension) if extension == "flac" => flac::read_i16(&self.path)?,
            _ => wav::read_i16(&self.path)?,
        };
        let found_s = samples.len() as f32 / RATE_HZ as f32;
        if (found_s - self.seconds).abs() > LENGTH_TOLERANCE_S {
            return Err(CorpusError::Audio {
                path: self.path.clone(),
                expected: format!("{} s as its table or header says", self.seconds),
                found: format!("{found_s} s"),
            });
        }
        let islands = islands::find(&samples, options);
        Ok((samples, islands))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture;

    #[test]
    fn rows_and_audio_are_read() {
        let folder = fixture::data();
        let recordings = read_table(&folder.0).unwrap();
        assert_eq!(recordings.len(), 2);
        assert_eq!((recordings[0].split, recordings[0].gender), (Split::Train, Gender::Female));
        assert_eq!(recordings[1].kind, UtteranceKind::SpontaneousCommand);
        let (samples, found) = recordings[0].load(&IslandOptions::default()).unwrap();
        assert_eq!(samples.len(), 32_000);
        assert_eq!(found.islands.len(), 1);
        for (found, table_s) in found.islands[0].iter().zip(recordings[0].table_span_s) {
            assert!((*found as f32 / 16_000.0 - table_s).abs() <= 0.02);
        }
    }

    #[test]
    fn languages_are_tags_and_gender_may_be_left_out() {
        let folder = fixture::data();
        folder.edit("speech.tsv", "\t?\ten", "\t\trm-sursilv");
        let recordings = read_table(&folder.0).unwrap();
        assert_eq!((recordings[1].gender, recordings[1].lang.as_str()), (Gender::Unknown, "rm-sursilv"));
        for (tag, good) in
            [("en", true), ("cnh", true), ("zh-TW", true), ("EN", false), ("e", false), ("en-", false)]
        {
            assert_eq!(is_language(tag), good, "{tag}");
        }
    }

    #[test]
    fn a_bad_row_is_named_by_line_and_column() {
        let edits = [
            ("\tdev\t", "\tdevel\t", "speech.tsv:3: split: expected train, dev or test, found devel"),
            ("\t?\ten", "\tx\ten", "speech.tsv:3: gender"),
            ("1.000\t0.25", "1.000\tnan", "speech.tsv:3: speech_start"),
            ("0.75", "0.05", "speech.tsv:3: speech_end"),
            ("0.75", "9.75", "speech.tsv:3: speech_end"),
            ("\tread\t", "\tsung\t", "speech.tsv:2: kind"),
            ("1.50\t1.00", "1.50", "speech.tsv:2: fields: expected 12, found 11"),
            ("pv/x/b.wav", "pv/x/c.wav", "speech.tsv:3: path: expected a file"),
            ("pv/x/b.wav", "../b.wav", "speech.tsv:3: path: expected a path below"),
            ("speaker", "talker", "speech.tsv:1: header"),
        ];
        for (from, to, expected) in edits {
            let folder = fixture::data();
            folder.edit("speech.tsv", from, to);
            let error = read_table(&folder.0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_speaker_stays_in_one_split() {
        let folder = fixture::data();
        folder.edit("speech.tsv", "pv/x/b.wav\tpv\tx", "pv/x/b.wav\tls\t1");
        let error = read_table(&folder.0).unwrap_err().to_string();
        assert!(error.contains("two splits, train and dev"), "{error}");
    }

    #[test]
    fn wrong_audio_is_refused() {
        let load = |folder: &fixture::Folder| {
            read_table(&folder.0).unwrap()[0].load(&IslandOptions::default()).unwrap_err().to_string()
        };
        let folder = fixture::data();
        fixture::wav(&folder, "speech/ls/1/a.wav", 8_000, &[0; 16_000]);
        let error = load(&folder);
        assert!(error.contains("expected 16000 Hz") && error.contains("found 8000 Hz"), "{error}");

        let path = fixture::wav(&folder, "speech/ls/1/a.wav", 16_000, &[1; 32_000]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 20_001]).unwrap();
        let error = load(&folder);
        assert!(error.contains("expected 32000 samples") && error.contains("ends early"), "{error}");

        fixture::wav(&folder, "speech/ls/1/a.wav", 16_000, &[1; 16_000]);
        assert!(load(&folder).contains("expected 2 s as its table or header says, found 1 s"));
        std::fs::write(&path, b"RIFF").unwrap();
        assert!(load(&folder).contains("expected a WAV file"));
    }
}
