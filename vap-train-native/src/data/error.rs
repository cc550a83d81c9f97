//! What can be wrong with data on disk, by file and place.

use std::path::PathBuf;

use thiserror::Error;

use super::split::Split;

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
