//! Real recordings that are held out: a folder of FLAC and WAV files with their labels comes in, sound at 16 kHz and
//! frame activity go out.
//!
//! Two channels take their labels from `NAME.json` (`vad_list`: `[start, end]` in seconds a channel), else from an
//! RTTM of the same folder whose channels are 1 and 2. One channel takes them from an RTTM: it is the mix of all
//! speakers that the RTTM names.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vap_core::audio::Resampler;
use vap_core::{FRAME_HZ, HOP_SAMPLES, SAMPLE_RATE_HZ};

use crate::data::files::{list_names, read_bytes};
use crate::data::formats::rttm::{self, Segment};
use crate::data::{CorpusError, Result};
use crate::labels::{Activity, mark_backchannels};

/// Silences of one speaker below this are part of the articulation, in seconds.
pub const BRIDGED_S: f64 = 0.2;
/// Sounds below this are no speech, in seconds.
pub const SHORTEST_S: f64 = 0.1;
/// Folders below the one that is asked for.
const DEPTH: usize = 3;

/// A stretch of speech `[start, end)` in seconds.
type Stretch = [f64; 2];

/// A recording with its labels.
#[derive(Debug, Clone)]
pub struct Recording {
    /// File name without its ending.
    pub name: String,
    /// Sound at 16 kHz and who speaks.
    pub content: Content,
}

/// What a recording holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// One speaker a channel.
    Call {
        /// Samples, `[channel]`, equally long.
        audio: [Vec<f32>; 2],
        /// Speech with short gaps bridged, backchannels by the published definition.
        activity: Activity,
    },
    /// All speakers in one channel.
    Mix {
        /// Samples.
        audio: Vec<f32>,
        /// Each speaker's frames, `[speaker][frames]`.
        speakers: Vec<Vec<bool>>,
    },
}

/// Recordings of a folder, and the files that could not be used.
#[derive(Debug, Clone, Default)]
pub struct Recordings {
    /// Those with labels, by name.
    pub recordings: Vec<Recording>,
    /// File and what it lacks.
    pub left_out: Vec<(PathBuf, String)>,
}

/// Reads all FLAC and WAV files in `folder` and the folders below it.
///
/// # Errors
/// [`CorpusError::Missing`] without the folder, [`CorpusError::Audio`] for a broken file,
/// [`CorpusError::Row`] for a bad line of an RTTM. A recording without labels is left out and named.
pub fn read(folder: &Path) -> Result<Recordings> {
    let mut out = Recordings::default();
    read_folder(folder, DEPTH, &mut out)?;
    Ok(out)
}

fn read_folder(folder: &Path, depth: usize, out: &mut Recordings) -> Result<()> {
    let names = list_names(folder, "folder of real recordings")?;
    let ends = |name: &str, ending: &str| name.to_lowercase().ends_with(ending);
    let mut segments = Vec::new();
    for name in names.iter().filter(|name| ends(name, ".rttm")) {
        segments.extend(rttm::read(&folder.join(name))?);
    }
    for name in &names {
        let path = folder.join(name);
        if path.is_dir() && depth > 0 {
            read_folder(&path, depth - 1, out)?;
        } else if ends(name, ".flac") || ends(name, ".wav") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let own: Vec<&Segment> = segments.iter().filter(|s: &&Segment| s.file == stem).collect();
            match read_recording(&path, &own)? {
                Ok(content) => out.recordings.push(Recording { name: stem, content }),
                Err(lacks) => out.left_out.push((path, lacks)),
            }
        }
    }
    Ok(())
}

/// The recording, or what it lacks.
fn read_recording(path: &Path, segments: &[&Segment]) -> Result<Result<Content, String>> {
    let mut channels = read_audio(path)?;
    let frames = channels.iter().map(Vec::len).min().unwrap_or(0) / HOP_SAMPLES;
    let json = path.with_extension("json");
    match channels.len() {
        1 if segments.is_empty() => Ok(Err("no line in an RTTM of its folder".into())),
        1 => {
            let mut speakers: BTreeMap<&str, Vec<Stretch>> = BTreeMap::new();
            segments.iter().for_each(|s| speakers.entry(&s.speaker).or_default().push([s.start_s, s.end_s]));
            let speakers = speakers.into_values().map(|own| track(&own, frames)).collect();
            Ok(Ok(Content::Mix { audio: channels.swap_remove(0), speakers }))
        }
        2 => {
            let stretches = if json.exists() {
                read_vad_list(&json)?
            } else if segments.is_empty() {
                return Ok(Err(format!("neither {} nor a line in an RTTM", json.display())));
            } else {
                ["1", "2"].map(|c| {
                    let own = segments.iter().filter(|s| s.channel == c);
                    own.map(|s| [s.start_s, s.end_s]).collect()
                })
            };
            let speech = stretches.map(|own: Vec<Stretch>| track(&bridged(own), frames));
            let backchannel = mark_backchannels(&speech);
            let activity = Activity { speech, backchannel, complete: false };
            let agent = channels.swap_remove(1);
            Ok(Ok(Content::Call { audio: [channels.swap_remove(0), agent], activity }))
        }
        found => Ok(Err(format!("expected 1 or 2 channels, found {found}"))),
    }
}

/// Stretches in order, with gaps below [`BRIDGED_S`] closed and then what is below [`SHORTEST_S`] dropped.
fn bridged(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_by(|a, b| a[0].total_cmp(&b[0]));
    stretches.dedup_by(|next, kept| {
        // Times are given in hundredths: a gap of 0.2 s must not close by rounding.
        let close = next[0] - kept[1] < BRIDGED_S - 1e-6;
        if close {
            kept[1] = kept[1].max(next[1]);
        }
        close
    });
    stretches.retain(|s| s[1] - s[0] >= SHORTEST_S - 1e-6);
    stretches
}

/// Frames of which at least half is speech.
fn track(stretches: &[Stretch], frames: usize) -> Vec<bool> {
    let mut track = vec![false; frames];
    for [start, end] in stretches {
        let frame = |s: f64| ((s * FRAME_HZ as f64).round() as usize).min(frames);
        track[frame(*start)..frame(*end)].fill(true);
    }
    track
}

fn wrong(path: &Path, expected: &str, found: impl Into<String>) -> CorpusError {
    CorpusError::Audio { path: path.into(), expected: expected.into(), found: found.into() }
}

fn is_stretch([start, end]: Stretch) -> bool {
    start >= 0.0 && end > start && end.is_finite()
}

fn read_vad_list(path: &Path) -> Result<[Vec<Stretch>; 2]> {
    #[derive(Deserialize)]
    struct Labels {
        vad_list: [Vec<Stretch>; 2],
    }
    let labels: Labels = serde_json::from_slice(&read_bytes(path, "labels of a call")?)
        .map_err(|error| wrong(path, "vad_list of two channels, [start, end] each", error.to_string()))?;
    match labels.vad_list.iter().flatten().find(|s| !is_stretch(**s)) {
        Some(found) => Err(wrong(path, "vad_list: 0 <= start < end in seconds", format!("{found:?}"))),
        None => Ok(labels.vad_list),
    }
}

/// All channels of a FLAC or WAV file at 16 kHz.
fn read_audio(path: &Path) -> Result<Vec<Vec<f32>>> {
    let bytes = read_bytes(path, "recording")?;
    let (rate_hz, channels) = if bytes.starts_with(b"fLaC") {
        decode_flac(path, &bytes)?
    } else {
        let wav =
            vap_core::wav::decode(&bytes).map_err(|e| wrong(path, "a WAV or FLAC file", e.to_string()))?;
        (wav.rate_hz, wav.channels)
    };
    channels
        .into_iter()
        .map(|samples| {
            let mut resampler = Resampler::new(rate_hz).map_err(|e| {
                wrong(path, &format!("a rate that goes to {SAMPLE_RATE_HZ} Hz"), e.to_string())
            })?;
            let mut out = Vec::new();
            resampler.push(&samples, &mut out);
            resampler.finish(&mut out);
            Ok(out)
        })
        .collect()
}

fn decode_flac(path: &Path, bytes: &[u8]) -> Result<(u32, Vec<Vec<f32>>)> {
    let broken = |e: claxon::Error| wrong(path, "a FLAC file", e.to_string());
    let mut reader = claxon::FlacReader::new(Cursor::new(bytes)).map_err(broken)?;
    let info = reader.streaminfo();
    let scale = 1.0 / (1u64 << (info.bits_per_sample.clamp(1, 32) - 1)) as f32;
    let mut channels = vec![Vec::new(); info.channels as usize];
    for (i, sample) in reader.samples().enumerate() {
        channels[i % info.channels as usize].push(sample.map_err(broken)? as f32 * scale);
    }
    let found = channels.last().map_or(0, Vec::len) as u64;
    match info.samples {
        Some(expected) if found < expected => {
            Err(wrong(path, &format!("{expected} samples"), format!("{found} (the file ends early)")))
        }
        _ => Ok((info.sample_rate, channels)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture::Folder;

    fn wav(folder: &Folder, name: &str, channels: u16, rate_hz: u32, seconds: u32) {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate_hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        let samples = seconds * rate_hz * u32::from(channels);
        (0..samples).for_each(|i| writer.write_sample((i % 7) as i16).unwrap());
        writer.finalize().unwrap();
        folder.write(name, bytes.into_inner());
    }

    #[test]
    fn gaps_close_and_clicks_drop() {
        let found = bridged(vec![[2.0, 3.0], [0.5, 1.0], [1.19, 1.5], [1.7, 1.75], [3.2, 3.9]]);
        assert_eq!(found, [[0.5, 1.5], [2.0, 3.0], [3.2, 3.9]]);
        assert_eq!(track(&[[0.1, 0.2], [0.99, 9.0]], 50), {
            let mut expected = vec![false; 50];
            expected[5..10].fill(true);
            expected
        });
    }

    #[test]
    fn calls_and_mixes_are_read_and_the_rest_is_named() {
        let folder = Folder::new();
        wav(&folder, "a/call.wav", 2, 8_000, 4);
        folder.write("a/call.json", r#"{"vad_list": [[[0.5, 1.5]], [[2.0, 3.0]]], "more": 1}"#);
        wav(&folder, "b/call2.wav", 2, 16_000, 4);
        wav(&folder, "b/mix.wav", 1, 16_000, 2);
        wav(&folder, "b/alone.wav", 1, 16_000, 2);
        let line = |file: &str, channel: u8, start: f32, speaker: &str| {
            format!("SPEAKER {file} {channel} {start} 1.0 <NA> <NA> {speaker} <NA> <NA>\n")
        };
        let lines = [
            line("call2", 1, 0.0, "x"),
            line("call2", 2, 1.5, "y"),
            line("mix", 1, 0.0, "x"),
            line("mix", 1, 0.5, "y"),
        ];
        let rttm = folder.write("b/all.rttm", lines.concat());
        let found = read(&folder.0).unwrap();
        assert_eq!(found.left_out.len(), 1);
        assert!(found.left_out[0].0.ends_with("b/alone.wav"), "{:?}", found.left_out);
        let names: Vec<&str> = found.recordings.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["call", "call2", "mix"]);
        let spoken = |track: &[bool]| {
            let first = track.iter().position(|speech| *speech).unwrap();
            (first, track.iter().filter(|speech| **speech).count())
        };
        let Content::Call { audio, activity } = &found.recordings[0].content else { panic!("a call") };
        assert_eq!((audio[0].len(), audio[1].len(), activity.frames()), (64_000, 64_000, 200));
        assert_eq!([spoken(&activity.speech[0]), spoken(&activity.speech[1])], [(25, 50), (100, 50)]);
        let Content::Call { activity, .. } = &found.recordings[1].content else { panic!("a call") };
        assert_eq!([spoken(&activity.speech[0]), spoken(&activity.speech[1])], [(0, 50), (75, 50)]);
        let Content::Mix { speakers, .. } = &found.recordings[2].content else { panic!("a mix") };
        assert_eq!(speakers.iter().map(|s| spoken(s)).collect::<Vec<_>>(), [(0, 50), (25, 50)]);

        let faults = [
            ("a/call.json", "{}", "call.json: expected vad_list"),
            ("a/call.json", r#"{"vad_list": [[[1.0, 0.5]], []]}"#, "0 <= start < end"),
            ("a/call.json", r#"{"vad_list": [[[1.0, 2.0]]]}"#, "call.json: expected vad_list"),
            ("a/call.wav", "fLaC, or not", "call.wav: expected a FLAC file"),
        ];
        for (file, text, expected) in faults {
            let whole = std::fs::read(folder.0.join(file)).unwrap();
            folder.write(file, text);
            let error = read(&folder.0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            folder.write(file, whole);
        }
        std::fs::write(&rttm, lines[0].replace("1.0", "NaN")).unwrap();
        assert!(read(&folder.0).unwrap_err().to_string().contains("all.rttm:1: duration"));
    }
}
