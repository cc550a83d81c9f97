//! WAV files: bytes in, channels of samples in `[-1, 1]` out. Reading is hound's (integer PCM of 8 to 32 bits and
//! 32-bit float, plain or extensible), and G.711 through it as 8-bit PCM; bytes are read as hostile.

use crate::error::{Error, Result};
use crate::g711::Law;
use hound::SampleFormat;
use std::borrow::Cow;
use std::io::Cursor;

/// A decoded WAV.
#[derive(Debug, Clone, PartialEq)]
pub struct Wav {
    /// Sample rate in Hz.
    pub rate_hz: u32,
    /// Samples of each channel, `[channels][samples]`, all of one length.
    pub channels: Vec<Vec<f32>>,
}

/// Decodes a WAV file.
///
/// # Errors
/// [`Error::Wav`] for what is not a WAV or neither PCM nor G.711, [`Error::WavTruncated`] when samples the header
/// promises are missing.
pub fn decode(bytes: &[u8]) -> Result<Wav> {
    let (bytes, law) = as_pcm(with_real_length(bytes))?;
    let reader = hound::WavReader::new(Cursor::new(&bytes[..])).map_err(explain)?;
    let spec = reader.spec();
    let promised = u64::from(reader.duration());
    let channels = usize::from(spec.channels);
    if channels == 0 || spec.sample_rate == 0 {
        return Err(Error::Wav(format!(
            "expected at least one channel and a sample rate, found {channels} channels at {} Hz",
            spec.sample_rate
        )));
    }
    // A lying header must not reserve memory that the file cannot fill.
    let capacity = (bytes.len() / channels).min(promised as usize);
    let mut out = vec![Vec::with_capacity(capacity); channels];
    let mut count = 0usize;
    let mut keep = |sample: f32| {
        out[count % channels].push(sample);
        count += 1;
    };
    let complete = match spec.sample_format {
        SampleFormat::Float => drain(reader.into_samples::<f32>(), &mut keep)?,
        SampleFormat::Int if let Some(law) = law => {
            // hound may have found another format chunk than the one of the law.
            if spec.bits_per_sample != 8 {
                return Err(Error::Wav(format!(
                    "expected one format, found G.711 and PCM of {} bits",
                    spec.bits_per_sample
                )));
            }
            // hound has taken the byte for one around 128.
            let byte = |sample: i32| sample.wrapping_add(128) as u8;
            drain(reader.into_samples::<i32>(), |s| keep(f32::from(law.decode(byte(s))) / 32_768.0))?
        }
        SampleFormat::Int => {
            let scale = 1.0 / (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            drain(reader.into_samples::<i32>(), |s| keep(s as f32 * scale))?
        }
    };
    let found = (count / channels) as u64;
    if !complete || found < promised {
        return Err(Error::WavTruncated { expected: promised, found });
    }
    Ok(Wav { rate_hz: spec.sample_rate, channels: out })
}

/// Hands on every sample; false when the file ends too early.
fn drain<S>(samples: impl Iterator<Item = hound::Result<S>>, mut keep: impl FnMut(S)) -> Result<bool> {
    for sample in samples {
        match sample {
            Ok(sample) => keep(sample),
            Err(hound::Error::IoError(_)) => return Ok(false),
            Err(error) => return Err(explain(error)),
        }
    }
    Ok(true)
}

/// G.711 under the name of 8-bit PCM, and its law.
fn as_pcm(bytes: Cow<[u8]>) -> Result<(Cow<[u8]>, Option<Law>)> {
    const PCM: u16 = 1;
    const EXTENSIBLE: u16 = 0xFFFE;
    let word = |at: usize| bytes.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let Some(body) = format_chunk(&bytes) else { return Ok((bytes, None)) };
    let tag_at = if word(body) == Some(EXTENSIBLE) { body + 24 } else { body };
    let law = match word(tag_at) {
        Some(6) => Law::A,
        Some(7) => Law::Mu,
        _ => return Ok((bytes, None)),
    };
    let bits = word(body + 14).unwrap_or_default();
    if bits != 8 {
        return Err(Error::Wav(format!("expected G.711 of 8 bits a sample, found {bits}")));
    }
    let mut bytes = bytes.into_owned();
    bytes[tag_at..tag_at + 2].copy_from_slice(&PCM.to_le_bytes());
    Ok((bytes.into(), Some(law)))
}

/// Where the body of the format chunk begins.
fn format_chunk(bytes: &[u8]) -> Option<usize> {
    let mut at = 12usize;
    loop {
        let [a, b, c, d, length @ ..] = bytes.get(at..)?.first_chunk::<8>()?;
        if &[*a, *b, *c, *d] == b"fmt " {
            return Some(at + 8);
        }
        let length = u32::from_le_bytes(*length) as usize;
        at = (at + 8).saturating_add(length).saturating_add(length & 1);
    }
}

/// Recorders that write to a pipe leave the data length at 0xFFFFFFFF, or at 0 with the file's own length unset
/// too: there the data lasts to the end.
fn with_real_length(bytes: &[u8]) -> Cow<'_, [u8]> {
    let no_file_length = matches!(bytes.get(4..8), Some([0, 0, 0, 0] | [0xFF, 0xFF, 0xFF, 0xFF]));
    let mut block = 1;
    let mut at = 12usize;
    while let Some([a, b, c, d, length @ ..]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let length = u32::from_le_bytes(*length);
        let body = at + 8;
        match &[*a, *b, *c, *d] {
            b"data" if length == u32::MAX || (length == 0 && no_file_length) => {
                let rest = (bytes.len() - body).min(u32::MAX as usize);
                let mut fixed = bytes.to_vec();
                fixed[at + 4..body].copy_from_slice(&((rest / block * block) as u32).to_le_bytes());
                return fixed.into();
            }
            b"data" => break,
            b"fmt " => {
                let align = bytes.get(body + 12..body + 14);
                block = align.map_or(1, |b| usize::from(u16::from_le_bytes([b[0], b[1]])).max(1));
            }
            _ => {}
        }
        at = body.saturating_add(length as usize).saturating_add(length as usize & 1);
    }
    bytes.into()
}

fn explain(error: hound::Error) -> Error {
    Error::Wav(match error {
        hound::Error::IoError(_) => "the file ends inside its header".into(),
        hound::Error::FormatError(what) => format!("not a readable WAV file ({what})"),
        hound::Error::Unsupported => {
            "expected PCM of 8 to 32 bits, 32-bit float or G.711, found another encoding".into()
        }
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(spec: hound::WavSpec, write: impl Fn(&mut hound::WavWriter<&mut Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn spec(channels: u16, bits: u16, sample_format: SampleFormat) -> hound::WavSpec {
        hound::WavSpec { channels, sample_rate: 8_000, bits_per_sample: bits, sample_format }
    }

    #[test]
    fn every_width_reads_to_the_same_values() {
        for bits in [8u16, 16, 24, 32] {
            let full = 1i64 << (bits - 1);
            let bytes = wav(spec(2, bits, SampleFormat::Int), |w| {
                for s in [full / 2, -full / 2, 0, -full] {
                    w.write_sample(s as i32).unwrap();
                }
            });
            let read = decode(&bytes).unwrap();
            assert_eq!(
                (read.rate_hz, &read.channels),
                (8_000, &vec![vec![0.5, 0.0], vec![-0.5, -1.0]]),
                "{bits}"
            );
        }
        let bytes = wav(spec(1, 32, SampleFormat::Float), |w| w.write_sample(0.125f32).unwrap());
        assert_eq!(decode(&bytes).unwrap().channels, [[0.125]]);
    }

    #[test]
    fn hostile_bytes_are_typed_errors() {
        let good = wav(spec(2, 16, SampleFormat::Int), |w| (0..200).for_each(|i| w.write_sample(i).unwrap()));
        for cut in 0..good.len() {
            assert!(decode(&good[..cut]).is_err(), "cut at {cut}");
        }
        assert!(matches!(
            decode(&good[..good.len() - 2]),
            Err(Error::WavTruncated { expected: 100, found: 99 })
        ));
        assert!(matches!(decode(b"ID3 not a wave file at all, no"), Err(Error::Wav(_))));
        let mut state = 1u64;
        for _ in 0..2_000 {
            let mut bytes = good.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let at = (state >> 33) as usize % 60;
                bytes[at] = (state >> 20) as u8;
            }
            let _ = decode(&bytes);
        }
    }

    /// A file of G.711, as recorders of calls write it: a format chunk of 18 bytes and the number of samples.
    fn telephone(tag: u16, bits: u16, codes: &[u8]) -> Vec<u8> {
        let mut format = Vec::new();
        [tag, 2].iter().for_each(|v| format.extend(v.to_le_bytes()));
        [8_000u32, 16_000].iter().for_each(|v| format.extend(v.to_le_bytes()));
        [2, bits, 0].iter().for_each(|v| format.extend(v.to_le_bytes()));
        let fact = (codes.len() as u32 / 2).to_le_bytes();
        let chunks = [(b"fmt ", &format[..]), (b"fact", &fact), (b"data", codes)];
        let body: Vec<u8> = chunks
            .iter()
            .flat_map(|(name, data)| [&name[..], &(data.len() as u32).to_le_bytes(), data].concat())
            .collect();
        [b"RIFF", &(body.len() as u32 + 4).to_le_bytes()[..], b"WAVE", &body].concat()
    }

    #[test]
    fn telephone_calls_are_read() {
        let codes: Vec<u8> = (0..=255).collect();
        for (tag, law) in [(6, Law::A), (7, Law::Mu)] {
            let bytes = telephone(tag, 8, &codes);
            let channel = |from: usize| crate::g711::decode(&codes[from..], law).into_iter().step_by(2);
            let expected: Vec<Vec<f32>> = [0, 1].map(|c| channel(c).collect()).into();
            assert_eq!(decode(&bytes).unwrap(), Wav { rate_hz: 8_000, channels: expected });
            for cut in 0..bytes.len() - 1 {
                assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
            }
            assert!(matches!(decode(&telephone(tag, 16, &codes)), Err(Error::Wav(_))));
        }
        assert!(matches!(decode(&telephone(0x31, 8, &codes)), Err(Error::Wav(_))));
    }

    #[test]
    fn two_formats_in_one_file_are_refused() {
        let law = telephone(6, 8, &[0; 8]);
        for bits in [16, 24, 32] {
            let pcm = wav(spec(1, bits, SampleFormat::Int), |w| {
                (0..8).for_each(|_| w.write_sample(((1i64 << (bits - 1)) - 1) as i32).unwrap());
            });
            let format = law.windows(4).position(|w| w == b"fact").unwrap();
            let both = [&law[..format], &pcm[12..]].concat();
            let error = decode(&both).unwrap_err();
            assert_eq!(error.code(), "wav");
            assert!(error.to_string().contains(&format!("G.711 and PCM of {bits} bits")), "{error}");
        }
    }

    #[test]
    fn a_piped_file_without_length_reads_to_its_end() {
        let mut bytes =
            wav(spec(1, 16, SampleFormat::Int), |w| (0..50).for_each(|i| w.write_sample(i).unwrap()));
        let at = bytes.windows(4).position(|w| w == b"data").unwrap() + 4;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&bytes).unwrap().channels[0].len(), 50);
        bytes[at..at + 4].fill(0);
        for unset in [0, u32::MAX] {
            bytes[4..8].copy_from_slice(&unset.to_le_bytes());
            assert_eq!(decode(&bytes).unwrap().channels[0].len(), 50, "file length {unset}");
        }
    }

    #[test]
    fn a_header_with_only_a_list_behind_it_has_no_samples() {
        let mut bytes = wav(spec(2, 16, SampleFormat::Int), |_| {});
        bytes.extend_from_slice(b"LIST\x04\0\0\0INFO");
        let file_length = bytes.len() as u32 - 8;
        bytes[4..8].copy_from_slice(&file_length.to_le_bytes());
        assert_eq!(decode(&bytes).unwrap().channels, [[0.0; 0]; 2]);
    }

    #[test]
    fn the_block_size_comes_from_the_format_chunk_wherever_it_is() {
        let plain =
            wav(spec(2, 16, SampleFormat::Int), |w| (0..100).for_each(|i| w.write_sample(i).unwrap()));
        let data = plain.windows(4).position(|w| w == b"data").unwrap();
        let mut bytes = [&plain[..12], b"JUNK\x1c\0\0\0", &[0xFF; 28], &plain[12..]].concat();
        let at = data + 36 + 4;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        // Three bytes of a block that was not written to its end.
        bytes.extend_from_slice(&[1, 2, 3]);
        assert_eq!(decode(&bytes).unwrap(), decode(&plain).unwrap());
        for hostile in [u32::MAX, u32::MAX - 1, i32::MAX as u32] {
            bytes[16..20].copy_from_slice(&hostile.to_le_bytes());
            assert!(matches!(decode(&bytes), Err(Error::Wav(_))), "a chunk of {hostile} bytes");
        }
    }
}
