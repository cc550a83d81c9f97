//! What comes in from outside: recordings and annotations in their published layouts, read and checked whole.
//!
//! One file a corpus. Each reader turns a folder into plain values or names the file, the line or the attribute
//! that is wrong, with what was expected and what was found. Nothing is written here; `prepare` does that.

pub mod ami;
pub mod ami_calls;
pub mod bad;
pub mod cabnc;
pub mod calls;
pub mod chime6;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flac;
pub mod harpervalley;
pub mod islands;
mod isolated;
pub mod librispeech;
pub mod musan;
pub mod noise;
pub mod nxt;
pub mod pairs;
pub mod rirs;
pub mod rooms;
pub mod rttm;
pub mod speech;
pub mod table;
pub mod turns;
pub mod two_channel;
pub mod voxconverse;
pub mod wav;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Samples a second of every recording that is read.
pub const RATE_HZ: u32 = 16_000;

/// Result with [`CorpusError`].
pub type Result<T, E = CorpusError> = std::result::Result<T, E>;

/// Everything that can be wrong with a corpus on disk, or with a prepared folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A file or folder of the published layout is not there.
    #[error("{}: missing ({what})", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file that is not well-formed XML, or not in an encoding that is read.
    #[error("{}: byte {position}: {message}", path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// Byte offset of the fault.
        position: u64,
        /// What is wrong.
        message: String,
    },
    /// An attribute of an XML element is missing or has a bad value.
    #[error("{}: {element}: {attribute}: expected {expected}, found {found}", path.display())]
    Attribute {
        /// The file.
        path: PathBuf,
        /// Element name and id.
        element: String,
        /// Attribute name.
        attribute: &'static str,
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A row of a table is wrong.
    #[error("{}:{line}: {column}: expected {expected}, found {found}", path.display())]
    Row {
        /// The table.
        path: PathBuf,
        /// Line number from 1.
        line: usize,
        /// Column name.
        column: &'static str,
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A recording of the wrong kind, or that ends before its header says.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Audio {
        /// The file.
        path: PathBuf,
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A field of a JSON file or of a line of text is missing or has a bad value, or the file is not JSON.
    #[error("{}: {field}: expected {expected}, found {found}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Where in it, e.g. `3.offset_ms` or `line 7, start`.
        field: String,
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A two-channel recording whose times do not fit its sound.
    #[error("call {name}: {what}: expected {expected}, found {found}")]
    Call {
        /// Corpus and name.
        name: String,
        /// What was checked.
        what: &'static str,
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A meeting stands in two split lists, or a speaker in two splits.
    #[error("{}: {what} is in two splits, {first} and {second}", path.display())]
    TwoSplits {
        /// The list or table.
        path: PathBuf,
        /// Meeting or speaker.
        what: String,
        /// Split seen first.
        first: Split,
        /// Split seen then.
        second: Split,
    },
    /// A prepared folder that cannot be used as it is.
    #[error("{}: {what}: expected {expected}, found {found}; run prepare again", path.display())]
    Prepared {
        /// The file.
        path: PathBuf,
        /// What was checked.
        what: &'static str,
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
}

/// Which part of the data a speaker or a meeting belongs to. Speakers and meetings never cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For weights.
    Train,
    /// For choices: checkpoints, thresholds, calibration.
    Dev,
    /// For reported numbers only.
    Test,
}

impl Split {
    /// All splits, in order.
    pub const ALL: [Split; 3] = [Split::Train, Split::Dev, Split::Test];

    /// The name as tables write it.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Dev => "dev",
            Split::Test => "test",
        }
    }

    /// The split of that name.
    pub fn from_name(name: &str) -> Option<Split> {
        Split::ALL.into_iter().find(|split| split.name() == name)
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Letter of a speaker in a [`pairs::Timing`]: `A` for the first, and so on.
pub(crate) fn channel_letter(speaker: usize) -> char {
    u32::try_from(speaker).ok().and_then(|speaker| char::from_u32(u32::from('A') + speaker)).unwrap_or('?')
}

/// Reads a whole file; a missing one is named with what it holds.
pub(crate) fn read_bytes(path: &Path, what: &'static str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => CorpusError::Missing { path: path.into(), what },
        _ => CorpusError::Io { path: path.into(), source },
    })
}

/// Reads a whole UTF-8 file.
pub(crate) fn read_text(path: &Path, what: &'static str) -> Result<String> {
    String::from_utf8(read_bytes(path, what)?).map_err(|error| CorpusError::Io {
        path: path.into(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()),
    })
}

/// File names in a folder, sorted; a missing folder is named with what it holds.
pub(crate) fn list_names(folder: &Path, what: &'static str) -> Result<Vec<String>> {
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => CorpusError::Missing { path: folder.into(), what },
        _ => CorpusError::Io { path: folder.into(), source },
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
