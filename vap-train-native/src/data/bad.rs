//! What happens at a file of a corpus that cannot be used: the run stops at it, or goes on and counts it.

use super::{CorpusError, Result};

/// What a bad file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBadFile {
    /// Ends the run with its error.
    Stop,
    /// Leaves the recording out.
    Skip,
}

/// Collects what was left out.
#[derive(Debug)]
pub struct BadFiles {
    on_bad_file: OnBadFile,
    /// One error for each recording that was left out, in order.
    pub skipped: Vec<CorpusError>,
}

impl BadFiles {
    /// With nothing left out yet.
    pub fn new(on_bad_file: OnBadFile) -> BadFiles {
        BadFiles { on_bad_file, skipped: Vec::new() }
    }

    /// The value of one recording, or `None` when it was bad and is left out. Readers pass every recording of a
    /// corpus through here, but nothing that is wrong with the corpus as a whole.
    ///
    /// # Errors
    /// The error itself under [`OnBadFile::Stop`].
    pub fn keep<T>(&mut self, recording: Result<T>) -> Result<Option<T>> {
        match recording {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.on_bad_file == OnBadFile::Skip => {
                self.skipped.push(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
