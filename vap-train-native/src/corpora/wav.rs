//! Mono WAV files at 16 kHz, i16 or f32, read whole.

use std::path::Path;

use super::{CorpusError, RATE_HZ, Result, read_bytes};

/// Reads 16-bit samples.
///
/// # Errors
/// [`CorpusError::Audio`] for another rate, channel count or sample format, and for a file that ends early.
pub fn read_i16(path: &Path) -> Result<Vec<i16>> {
    read(path, hound::SampleFormat::Int, 16)
}

/// Reads 32-bit float samples; a value that is not finite is an error.
///
/// # Errors
/// As [`read_i16`].
pub fn read_f32(path: &Path) -> Result<Vec<f32>> {
    let samples: Vec<f32> = read(path, hound::SampleFormat::Float, 32)?;
    match samples.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(audio_error(path, "finite samples", format!("{} at {index}", samples[index]))),
        None => Ok(samples),
    }
}

fn read<S: hound::Sample>(path: &Path, format: hound::SampleFormat, bits: u16) -> Result<Vec<S>> {
    let bytes = read_bytes(path, "recording")?;
    let mut reader = hound::WavReader::new(bytes.as_slice())
        .map_err(|error| audio_error(path, "a WAV file", error.to_string()))?;
    let spec = reader.spec();
    if (spec.sample_rate, spec.channels, spec.bits_per_sample, spec.sample_format)
        != (RATE_HZ, 1, bits, format)
    {
        let found = format!(
            "{} Hz, {} channel(s), {} bit {:?}",
            spec.sample_rate, spec.channels, spec.bits_per_sample, spec.sample_format
        );
        return Err(audio_error(path, &format!("{RATE_HZ} Hz, 1 channel, {bits} bit {format:?}"), found));
    }
    let expected = reader.len() as usize;
    let samples: Vec<S> = reader.samples().map_while(|sample| sample.ok()).collect();
    if samples.len() != expected {
        let found = format!("{} (the file ends early)", samples.len());
        return Err(audio_error(path, &format!("{expected} samples"), found));
    }
    Ok(samples)
}

fn audio_error(path: &Path, expected: &str, found: String) -> CorpusError {
    CorpusError::Audio { path: path.into(), expected: expected.into(), found }
}
