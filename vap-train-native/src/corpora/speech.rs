//! Speech recordings: `speech.tsv` and the WAV files it names.

use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
