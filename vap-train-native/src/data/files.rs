//! Files and folders read whole, with errors that name them.

use std::path::Path;

use super::{CorpusError, Result};

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
