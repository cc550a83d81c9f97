//! The one error enum of the core. Messages name what was expected and what was found.

use thiserror::Error;

names! {
    /// Kinds of failure, stable for programs: all that a user of the package can be told, wherever it went wrong.
    pub enum ErrorCode {
        /// The model file holds a configuration that is not valid.
        Config = "config",
        /// An option or a policy threshold is unknown, missing or out of range.
        Option = "option",
        /// A sample rate that cannot be resampled.
        SampleRate = "sample-rate",
        /// One channel ran ahead of the other by more than a session keeps.
        ChannelsApart = "channels-apart",
        /// Not a WAV file that is read.
        Wav = "wav",
        /// A WAV file that ends before its header says.
        WavTruncated = "wav-truncated",
        /// A model file that cannot be read.
        ModelFile = "model-file",
        /// A model file of another format version.
        ModelVersion = "model-version",
        /// The model gave a value that is not finite.
        NotFinite = "not-finite",
        /// Lengths that must agree do not.
        Length = "length",
        /// Bytes that are not the saved state of a conversation with this model.
        State = "state",
        /// Sound came faster than it is computed, and more of it waits than may.
        Behind = "behind",
        /// The stream was finished: `reset()` begins another.
        Finished = "finished",
        /// The device that computes failed.
        Backend = "backend",
        /// There is no GPU to compute on: no WebGPU, no adapter, or no device.
        Gpu = "gpu",
        /// The detector or model was closed.
        Closed = "closed",
        /// A file of the package (wasm binary, model, worklet, Worker) could not be fetched, read, compiled or started.
        Load = "load",
        /// The person, or a policy of the page, does not allow the microphone.
        Permission = "permission",
        /// There is no microphone, or it cannot be opened.
        Microphone = "microphone",
        /// There is no AudioContext, or it is closed or of another session's input.
        Context = "context",
        /// The caller's signal was aborted; its reason is the `cause`.
        Aborted = "aborted",
        /// A fault inside the wasm binary, out of memory included; it needs a fresh page or process.
        Internal = "internal",
    }
}

/// Result with the core's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can be wrong with what comes in from outside.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A configuration names a key that does not exist, lacks one, or is not valid JSON/TOML.
    #[error("config: {0}")]
    ConfigSyntax(String),
    /// A configured value is out of range.
    #[error("config: {key} must be {expected}, found {found}")]
    ConfigValue {
        /// Dotted key.
        key: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A policy or option value is out of range.
    #[error("option {option}: expected {expected}, found {found}")]
    Option {
        /// Name of the option as the user wrote it.
        option: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A sample rate that cannot be resampled.
    #[error("sample rate: expected {min} to {max} Hz, found {found} Hz")]
    SampleRate {
        /// Lowest rate taken.
        min: u32,
        /// Highest rate taken.
        max: u32,
        /// Rate given.
        found: u32,
    },
    /// One channel ran ahead of the other by more than the session keeps.
    #[error("channels: {ahead} is ahead by {found_ms} ms, at most {limit_ms} ms can wait")]
    ChannelsApart {
        /// Channel that is ahead.
        ahead: &'static str,
        /// How far, in ms.
        found_ms: u64,
        /// The limit, in ms.
        limit_ms: u64,
    },
    /// A file that is not a WAV this package reads.
    #[error("WAV: {0}")]
    Wav(String),
    /// A WAV that ends before its header says.
    #[error("WAV: truncated, the header promises {expected} samples a channel, found {found}")]
    WavTruncated {
        /// Samples a channel the header promises.
        expected: u64,
        /// Whole samples a channel that are there.
        found: u64,
    },
    /// A model file that cannot be read at all.
    #[error("model file: {0}")]
    ModelFile(String),
    /// A model file of another format version.
    #[error("model file: expected format version {expected}, found {found}")]
    ModelVersion {
        /// Version this code reads.
        expected: String,
        /// Version in the file.
        found: String,
    },
    /// A weight is missing.
    #[error("model file: weight {name} is missing (shape {expected:?})")]
    WeightMissing {
        /// Name of the weight.
        name: String,
        /// Shape the config asks for.
        expected: Vec<usize>,
    },
    /// A weight the config does not know.
    #[error("model file: weight {name} is not part of this model")]
    WeightUnknown {
        /// Name of the weight.
        name: String,
    },
    /// A weight of the wrong shape.
    #[error("model file: weight {name}: expected shape {expected:?}, found {found:?}")]
    WeightShape {
        /// Name of the weight.
        name: String,
        /// Shape the config asks for.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A value that is not finite where it must be.
    #[error("{place}: value {index} is not finite")]
    NotFinite {
        /// Where it stood.
        place: String,
        /// Its index there.
        index: usize,
    },
    /// Bytes that are not the state of a stream of this model.
    #[error("state: expected {0}, found other bytes")]
    State(&'static str),
    /// Slices whose lengths must agree do not.
    #[error("{what}: expected length {expected}, found {found}")]
    Length {
        /// What was measured.
        what: &'static str,
        /// Length asked for.
        expected: usize,
        /// Length given.
        found: usize,
    },
}

impl Error {
    /// Kind of error.
    pub fn kind(&self) -> ErrorCode {
        match self {
            Error::ConfigSyntax(_) | Error::ConfigValue { .. } => ErrorCode::Config,
            Error::Option { .. } => ErrorCode::Option,
            Error::SampleRate { .. } => ErrorCode::SampleRate,
            Error::ChannelsApart { .. } => ErrorCode::ChannelsApart,
            Error::Wav(_) => ErrorCode::Wav,
            Error::WavTruncated { .. } => ErrorCode::WavTruncated,
            Error::ModelFile(_)
            | Error::WeightMissing { .. }
            | Error::WeightUnknown { .. }
            | Error::WeightShape { .. } => ErrorCode::ModelFile,
            Error::ModelVersion { .. } => ErrorCode::ModelVersion,
            Error::NotFinite { .. } => ErrorCode::NotFinite,
            Error::State(_) => ErrorCode::State,
            Error::Length { .. } => ErrorCode::Length,
        }
    }

    /// Name of the kind of error, for programs: `"model-file"`, `"sample-rate"`, ...
    pub fn code(&self) -> &'static str {
        self.kind().name()
    }
}
