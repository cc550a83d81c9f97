//! WAV files: mono ones at 16 kHz read whole, and one channel of a recording of any rate, or a part of it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use hound::SampleFormat;

use crate::data::files::read_bytes;
use crate::data::{CorpusError, RATE_HZ, Result};

/// Reads 16-bit samples, mono at 16 kHz.
///
/// # Errors
/// [`CorpusError::Audio`] for another rate, channel count or sample format, and for a file that ends early.
pub fn read_i16(path: &Path) -> Result<Vec<i16>> {
    let bytes = read_bytes(path, "recording")?;
    let mut reader = hound::WavReader::new(bytes.as_slice())
        .map_err(|error| audio_error(path, "a WAV file", error.to_string()))?;
    let spec = reader.spec();
    if (spec.sample_rate, spec.channels, spec.bits_per_sample, spec.sample_format)
        != (RATE_HZ, 1, 16, SampleFormat::Int)
    {
        let found = format!(
            "{} Hz, {} channel(s), {} bit {:?}",
            spec.sample_rate, spec.channels, spec.bits_per_sample, spec.sample_format
        );
        return Err(audio_error(path, &format!("{RATE_HZ} Hz, 1 channel, 16 bit Int"), found));
    }
    let expected = reader.len() as usize;
    let samples: Vec<i16> = reader.samples().map_while(|sample| sample.ok()).collect();
    if samples.len() != expected {
        let found = format!("{} (the file ends early)", samples.len());
        return Err(audio_error(path, &format!("{expected} samples"), found));
    }
    Ok(samples)
}

/// What the header of a WAV file says, once it agrees with the length of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Sample rate in Hz.
    pub rate_hz: u32,
    /// Channels.
    pub channels: usize,
    /// Samples of each channel, at least one.
    pub samples: u32,
}

impl Header {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        f64::from(self.samples) / f64::from(self.rate_hz)
    }
}

/// Reads the header alone: cheap, whatever the length of the recording.
///
/// # Errors
/// [`CorpusError::Missing`], or [`CorpusError::Audio`] for what is no WAV file, is empty or ends early.
pub fn read_header(path: &Path) -> Result<Header> {
    open(path).map(|(header, _)| header)
}

/// Samples `range` of channel `channel` (from 0) in `[-1, 1]`, at the rate of the file.
///
/// # Errors
/// [`CorpusError::Audio`] for a channel or range that the file does not have, a file that ends early, or a value
/// that is not finite.
pub fn read_channel(path: &Path, channel: usize, range: std::ops::Range<u32>) -> Result<Vec<f32>> {
    let (header, mut reader) = open(path)?;
    if channel >= header.channels {
        let found = format!("{} channel(s)", header.channels);
        return Err(audio_error(path, &format!("channel {channel} (from 0)"), found));
    }
    if range.start > range.end || range.end > header.samples {
        let expected = format!("samples {} to {}", range.start, range.end);
        return Err(audio_error(path, &expected, format!("{} samples", header.samples)));
    }
    reader.seek(range.start).map_err(|source| CorpusError::Io { path: path.into(), source })?;
    let count = range.len();
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => take(reader.samples::<f32>(), channel, header.channels, count),
        SampleFormat::Int => {
            let scale = 1.0 / (1_u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            let values: Vec<i32> = take(reader.samples::<i32>(), channel, header.channels, count);
            values.into_iter().map(|value| value as f32 * scale).collect()
        }
    };
    if samples.len() != count {
        let found = format!("{} (the file ends early)", samples.len());
        return Err(audio_error(path, &format!("{count} samples from {}", range.start), found));
    }
    all_finite(path, &samples)?;
    Ok(samples)
}

fn take<S>(
    samples: impl Iterator<Item = hound::Result<S>>,
    channel: usize,
    channels: usize,
    count: usize,
) -> Vec<S> {
    samples.map_while(|sample| sample.ok()).skip(channel).step_by(channels).take(count).collect()
}

fn open(path: &Path) -> Result<(Header, hound::WavReader<BufReader<File>>)> {
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => CorpusError::Missing { path: path.into(), what: "recording" },
        _ => CorpusError::Io { path: path.into(), source },
    };
    let file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let reader = hound::WavReader::new(BufReader::new(file))
        .map_err(|error| audio_error(path, "a WAV file of PCM or 32-bit float", error.to_string()))?;
    let spec = reader.spec();
    let header =
        Header { rate_hz: spec.sample_rate, channels: spec.channels.into(), samples: reader.duration() };
    if header.rate_hz == 0 || header.channels == 0 || header.samples == 0 {
        let found =
            format!("{} Hz, {} channel(s), {} samples", header.rate_hz, header.channels, header.samples);
        return Err(audio_error(path, "at least one channel and one sample", found));
    }
    let promised = u64::from(reader.len()) * u64::from(spec.bits_per_sample / 8);
    if promised > bytes {
        let expected = format!("{promised} bytes of samples as its header says");
        return Err(audio_error(path, &expected, format!("a file of {bytes} bytes (it ends early)")));
    }
    Ok((header, reader))
}

fn all_finite(path: &Path, samples: &[f32]) -> Result<()> {
    match samples.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(audio_error(path, "finite samples", format!("{} at {index}", samples[index]))),
        None => Ok(()),
    }
}

fn audio_error(path: &Path, expected: &str, found: String) -> CorpusError {
    CorpusError::Audio { path: path.into(), expected: expected.into(), found }
}
