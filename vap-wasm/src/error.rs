//! The one error enum of the runtime: the core's errors and the few of its own.

use vap_core::ErrorCode;

/// Result with the runtime's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between sound and events.
#[derive(Debug, thiserror::Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// What the core found wrong: a model file, a rate, a policy, channels too far apart.
    #[error(transparent)]
    Core(#[from] vap_core::Error),
    /// Session options with an unknown, missing or mistyped key.
    #[error("options: {0}")]
    Options(String),
    /// Sound for a session that was finished.
    #[error("session: expected a running session, found a finished one; reset it first")]
    Finished,
    /// Sound that came faster than it was worked.
    #[error(
        "session: expected less than {limit_ms} ms of sound that waits to be worked, found {found_ms} ms"
    )]
    Behind {
        /// What waits, in ms.
        found_ms: u64,
        /// What may, in ms.
        limit_ms: u64,
    },
    /// A session that is to be saved within a hop.
    #[error("session: expected no hop under way, found one; work it to its end first")]
    UnderWay,
    /// The device that computes failed.
    #[error("backend: {0}")]
    Backend(String),
    /// There is no GPU to compute on.
    #[error("gpu: {0}")]
    Gpu(String),
}

impl Error {
    /// Kind of error.
    pub fn kind(&self) -> ErrorCode {
        match self {
            Error::Core(error) => error.kind(),
            Error::Options(_) => ErrorCode::Option,
            Error::Finished => ErrorCode::Finished,
            Error::Behind { .. } => ErrorCode::Behind,
            Error::UnderWay => ErrorCode::State,
            Error::Backend(_) => ErrorCode::Backend,
            Error::Gpu(_) => ErrorCode::Gpu,
        }
    }

    /// Name of the kind of error, for programs.
    pub fn code(&self) -> &'static str {
        self.kind().name()
    }
}
