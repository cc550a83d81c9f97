//! The trainer's error enum.

use std::path::PathBuf;

use thiserror::Error as ThisError;

/// Result with the trainer's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a corpus and a model file.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A corpus or a prepared folder is not as it should be.
    #[error(transparent)]
    Corpus(#[from] crate::data::CorpusError),
    /// Core: config, audio, model file.
    #[error(transparent)]
    Core(#[from] vap_core::Error),
    /// Downloads.
    #[error(transparent)]
    Download(#[from] crate::data::download::DownloadError),
    /// libtorch.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A run config with an unknown or missing key, or a value out of range.
    #[error("{path}: {message}")]
    RunConfig {
        /// The config file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Weights that do not fit the model.
    #[error("weights: {0}")]
    Weights(String),
    /// A network from elsewhere that holds no encoder that the config's model could begin with.
    #[error("{}: {message}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Expected and found.
        message: String,
    },
    /// A teacher that cannot be asked.
    #[error("teacher: {0}")]
    Teacher(String),
    /// A checkpoint that does not belong to this run.
    #[error("checkpoint {path}: {message}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Expected and found.
        message: String,
    },
    /// Processes that cannot train together.
    #[error("data-parallel training: {0}")]
    Distributed(String),
    /// Too little data for what was asked.
    #[error("data: {0}")]
    Data(String),
    /// A loss that is not finite.
    #[error("step {step}: the loss is {loss}; lower the learning rate or check the data")]
    Diverged {
        /// Step at which it happened.
        step: u64,
        /// The loss.
        loss: f64,
    },
}

impl Error {
    /// Wraps an i/o error with the file it belongs to.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { path, source }
    }
}
