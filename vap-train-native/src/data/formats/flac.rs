//! Mono FLAC files at 16 kHz, 16 bit, read whole.

use std::io::Cursor;
use std::path::Path;

use crate::data::files::read_bytes;
use crate::data::{CorpusError, RATE_HZ, Result};

/// Reads 16-bit samples.
///
/// # Errors
/// [`CorpusError::Audio`] for another rate, channel count or depth, for a broken stream and for one that ends early.
pub fn read_i16(path: &Path) -> Result<Vec<i16>> {
    let bytes = read_bytes(path, "recording")?;
    let mut reader = claxon::FlacReader::new(Cursor::new(&bytes)).map_err(|error| broken(path, error))?;
    let expected = stream_samples(path, &reader.streaminfo())?;
    // The header may claim any length; the bytes bound what is set aside for it.
    let mut samples: Vec<i16> = Vec::with_capacity(expected.min(bytes.len() * 4));
    for sample in reader.samples() {
        let sample = sample.map_err(|error| broken(path, error))?;
        samples.push(i16::try_from(sample).map_err(|_| audio_error(path, "16 bit", sample.to_string()))?);
    }
    if samples.len() != expected {
        let found = format!("{} (the file ends early)", samples.len());
        return Err(audio_error(path, &format!("{expected} samples"), found));
    }
    Ok(samples)
}

/// Length in seconds by the header; nothing else is read.
///
/// # Errors
/// As [`read_i16`], of the header.
pub fn seconds(path: &Path) -> Result<f32> {
    let file = std::fs::File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => CorpusError::Missing { path: path.into(), what: "recording" },
        _ => CorpusError::Io { path: path.into(), source },
    })?;
    let options = claxon::FlacReaderOptions { metadata_only: true, read_vorbis_comment: false };
    let reader = claxon::FlacReader::new_ext(file, options).map_err(|error| broken(path, error))?;
    Ok(stream_samples(path, &reader.streaminfo())? as f32 / RATE_HZ as f32)
}

/// Number of samples in the stream, of the one kind that is read.
fn stream_samples(path: &Path, info: &claxon::metadata::StreamInfo) -> Result<usize> {
    if (info.sample_rate, info.channels, info.bits_per_sample) != (RATE_HZ, 1, 16) {
        let found =
            format!("{} Hz, {} channel(s), {} bit", info.sample_rate, info.channels, info.bits_per_sample);
        return Err(audio_error(path, &format!("{RATE_HZ} Hz, 1 channel, 16 bit"), found));
    }
    let samples = info.samples.and_then(|samples| usize::try_from(samples).ok());
    samples.ok_or_else(|| audio_error(path, "a length in the header", "none".into()))
}

fn broken(path: &Path, error: claxon::Error) -> CorpusError {
    match error {
        claxon::Error::IoError(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            CorpusError::Io { path: path.into(), source }
        }
        error => audio_error(path, "a FLAC file", error.to_string()),
    }
}

fn audio_error(path: &Path, expected: &str, found: String) -> CorpusError {
    CorpusError::Audio { path: path.into(), expected: expected.into(), found }
}
