//! The prepared folder: all recordings in four flat files and one manifest, loaded whole.
//!
//! `speech.pcm`, `noise.pcm` and `calls.pcm` hold i16 little-endian at 16 kHz, one recording behind the other, of a
//! call first the one and then the other channel; `rooms.f32` holds room impulse responses as f32 little-endian.
//! `manifest.json` says what lies where, with speech islands, conversation timings and licences. `prepare` writes it;
//! everything that trains or scores reads it here.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::read_bytes;
use super::{CorpusError, Result, Split};

pub use super::RATE_HZ;
pub use super::recordings::speech::{Gender, UtteranceKind};
pub use super::timing::turns::{Timing, TimingCorpus, TurnKind, TurnTiming};

/// First value of every manifest.
pub const MAGIC: &str = "vap-turn-prepared";
/// Version of the layout; raised whenever the meaning of a stored number changes.
pub const VERSION: u32 = 2;
pub(crate) const MANIFEST_FILE: &str = "manifest.json";
pub(crate) const SPEECH_FILE: &str = "speech.pcm";
pub(crate) const NOISE_FILE: &str = "noise.pcm";
pub(crate) const ROOMS_FILE: &str = "rooms.f32";
pub(crate) const CALLS_FILE: &str = "calls.pcm";

/// What `manifest.json` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MAGIC`].
    pub magic: String,
    /// [`VERSION`].
    pub version: u32,
    /// [`RATE_HZ`].
    pub rate_hz: u32,
    /// What the input looked like, corpus by corpus, to see whether it changed.
    pub inputs: Vec<Input>,
    /// Samples in the flat files.
    pub samples: StoredSamples,
    /// All utterances, in the order of the table.
    pub utterances: Vec<Utterance>,
    /// All noise clips.
    pub noises: Vec<NoiseClip>,
    /// All room impulse responses.
    pub rooms: Vec<RoomResponse>,
    /// All two-channel calls.
    pub calls: Vec<Call>,
    /// Two-party timings of all splits; every [`Timing`] names its own.
    pub timings: Vec<Timing>,
    /// Licence as the tables write it -> number of recordings under it.
    pub licences: BTreeMap<String, usize>,
    /// Named counts of what was read and what was left out.
    pub counts: BTreeMap<String, f64>,
    /// What was wrong with each recording that was left out for it.
    pub skipped: Vec<String>,
}

/// Size of one corpus: equal sizes and counts mean unchanged input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its layout, as `prepare` names it.
    pub kind: String,
    /// Files below the folders that are read.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// Lengths of the flat files, in samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSamples {
    /// i16 samples of `speech.pcm`.
    pub speech: u64,
    /// i16 samples of `noise.pcm`.
    pub noise: u64,
    /// f32 samples of `rooms.f32`.
    pub rooms: u64,
    /// i16 samples of `calls.pcm`.
    pub calls: u64,
}

/// Each flat file with its samples and the bytes of one.
pub(crate) fn flat_files(samples: &StoredSamples) -> [(&'static str, u64, u64); 4] {
    [
        (SPEECH_FILE, samples.speech, 2),
        (NOISE_FILE, samples.noise, 2),
        (ROOMS_FILE, samples.rooms, 4),
        (CALLS_FILE, samples.calls, 2),
    ]
}

/// One utterance of one speaker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Utterance {
    /// Name of the set, e.g. `ls-devclean`.
    pub set: String,
    /// Speaker, unique within the set. `anon` stands for many unknown ones.
    pub speaker: String,
    /// Gender where it is known.
    pub gender: Gender,
    /// Language, two letters.
    pub lang: String,
    /// Split; disjoint in speakers.
    pub split: Split,
    /// How it was spoken.
    pub kind: UtteranceKind,
    /// First sample in `speech.pcm`.
    pub offset_samples: u64,
    /// Length in samples.
    pub samples: u32,
    /// Speech islands `[start, end)` in samples from the start of the utterance, in order, at least one. What
    /// lies between two islands is at least 0.12 s without speech.
    pub islands: Vec<[u32; 2]>,
    /// Level of the frames with speech, in dB below full scale (RMS 1.0 = 0 dB).
    pub speech_db: f32,
    /// Level of the quiet frames, in dB below full scale.
    pub floor_db: f32,
}

impl Utterance {
    /// First sample of speech and the sample after the last.
    pub fn span(&self) -> [u32; 2] {
        match (self.islands.first(), self.islands.last()) {
            (Some(first), Some(last)) => [first[0], last[1]],
            _ => [0, 0],
        }
    }

    /// Seconds from the first to the last sound.
    pub fn span_s(&self) -> f32 {
        let [start, end] = self.span();
        (end - start) as f32 / RATE_HZ as f32
    }

    /// Inner pauses `[start, end)` in samples, at least `min_samples` long.
    pub fn pauses(&self, min_samples: u32) -> impl Iterator<Item = [u32; 2]> + '_ {
        self.islands
            .windows(2)
            .map(|pair| [pair[0][1], pair[1][0]])
            .filter(move |p| p[1] - p[0] >= min_samples)
    }
}

/// One clip of noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseClip {
    /// Name of the set, e.g. `esc10`.
    pub set: String,
    /// What sounds.
    pub label: String,
    /// First sample in `noise.pcm`.
    pub offset_samples: u64,
    /// Length in samples.
    pub samples: u32,
    /// RMS level in dB below full scale.
    pub level_db: f32,
}

/// One room impulse response: direct path within the first 1 ms, energy (sum of squares) 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomResponse {
    /// File name without its ending.
    pub name: String,
    /// Estimated reverberation time, in seconds.
    pub rt60_s: f32,
    /// First sample in `rooms.f32`.
    pub offset_samples: u64,
    /// Length in samples.
    pub samples: u32,
}

/// One real conversation with a channel a speaker. All times are in samples from its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Corpus, e.g. `ami`.
    pub corpus: String,
    /// Name in the corpus.
    pub name: String,
    /// Split.
    pub split: Split,
    /// First sample of the first channel in `calls.pcm`; the second channel lies behind it.
    pub offset_samples: u64,
    /// Length of each channel in samples.
    pub samples: u32,
    /// Whether the conversation ends with the recording; a stretch cut out of one goes on.
    pub ended: bool,
    /// RMS level inside the speech of each channel, in dB below full scale; -120 without any.
    pub speech_db: [f32; 2],
    /// When each channel speaks, `[start, end)` in order and apart, backchannels included.
    pub speech: [Vec<[u32; 2]>; 2],
    /// Which of that is backchannels, where they are annotated.
    pub backchannels: Option<[Vec<[u32; 2]>; 2]>,
}

/// A prepared folder in memory.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The manifest, checked against the audio.
    pub manifest: Manifest,
    speech: Vec<i16>,
    noise: Vec<i16>,
    rooms: Vec<f32>,
    calls: Vec<i16>,
}

impl Prepared {
    /// Loads a folder that `prepare` wrote: about 1.2 GB of memory for ten hours of speech, 230 MB for an hour of
    /// calls.
    ///
    /// # Errors
    /// [`CorpusError::Missing`] without a file, [`CorpusError::Prepared`] when magic, version or a length differs.
    pub fn open(folder: &Path) -> Result<Prepared> {
        let manifest = open_manifest(folder)?;
        let speech = read_values(&folder.join(SPEECH_FILE), manifest.samples.speech, i16::from_le_bytes)?;
        let noise = read_values(&folder.join(NOISE_FILE), manifest.samples.noise, i16::from_le_bytes)?;
        let rooms = read_values(&folder.join(ROOMS_FILE), manifest.samples.rooms, f32::from_le_bytes)?;
        let calls = read_values(&folder.join(CALLS_FILE), manifest.samples.calls, i16::from_le_bytes)?;
        Ok(Prepared { manifest, speech, noise, rooms, calls })
    }

    /// A folder that was never on disk.
    #[cfg(test)]
    pub(crate) fn from_parts(
        manifest: Manifest,
        speech: Vec<i16>,
        noise: Vec<i16>,
        rooms: Vec<f32>,
        calls: Vec<i16>,
    ) -> Prepared {
        Prepared { manifest, speech, noise, rooms, calls }
    }

    /// All utterances.
    pub fn utterances(&self) -> &[Utterance] {
        &self.manifest.utterances
    }

    /// Audio of utterance `index`, whole, 16 kHz.
    pub fn utterance_audio(&self, index: usize) -> &[i16] {
        let utterance = &self.manifest.utterances[index];
        stored(&self.speech, utterance.offset_samples, utterance.samples)
    }

    /// Audio of noise clip `index`, 16 kHz.
    pub fn noise_audio(&self, index: usize) -> &[i16] {
        let clip = &self.manifest.noises[index];
        stored(&self.noise, clip.offset_samples, clip.samples)
    }

    /// Impulse response of room `index`, 16 kHz.
    pub fn room_response(&self, index: usize) -> &[f32] {
        let room = &self.manifest.rooms[index];
        stored(&self.rooms, room.offset_samples, room.samples)
    }

    /// Calls of one split, with their indices.
    pub fn calls(&self, split: Split) -> impl Iterator<Item = (usize, &Call)> {
        self.manifest.calls.iter().enumerate().filter(move |(_, call)| call.split == split)
    }

    /// Audio of both channels of call `index`, whole, 16 kHz.
    pub fn call_audio(&self, index: usize) -> [&[i16]; 2] {
        let call = &self.manifest.calls[index];
        let offsets = [call.offset_samples, call.offset_samples + u64::from(call.samples)];
        offsets.map(|offset| stored(&self.calls, offset, call.samples))
    }

    /// Timings of one split.
    pub fn timings(&self, split: Split) -> impl Iterator<Item = &Timing> {
        self.manifest.timings.iter().filter(move |timing| timing.split == split)
    }
}

/// Reads and checks `manifest.json` alone.
///
/// # Errors
/// As [`Prepared::open`].
pub fn open_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST_FILE);
    let bytes = read_bytes(&path, "manifest of a prepared folder; run prepare first")?;
    let fault = |what: &'static str, expected: String, found: String| CorpusError::Prepared {
        path: path.clone(),
        what,
        expected,
        found,
    };
    // Magic and version first: a manifest of another version need not have the fields of this one.
    #[derive(Deserialize)]
    struct Head {
        magic: String,
        version: u32,
    }
    let head: Head = serde_json::from_slice(&bytes)
        .map_err(|error| fault("head", "JSON with magic and version".into(), error.to_string()))?;
    if head.magic != MAGIC {
        return Err(fault("magic", MAGIC.into(), head.magic));
    }
    if head.version != VERSION {
        return Err(fault("version", VERSION.to_string(), head.version.to_string()));
    }
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| fault("fields", format!("a manifest of version {VERSION}"), error.to_string()))?;
    if manifest.rate_hz != RATE_HZ {
        return Err(fault("rate_hz", RATE_HZ.to_string(), manifest.rate_hz.to_string()));
    }
    check_ranges(&manifest, fault)?;
    Ok(manifest)
}

fn check_ranges(
    manifest: &Manifest,
    fault: impl Fn(&'static str, String, String) -> CorpusError,
) -> Result<()> {
    let within = |what: &'static str, offset: u64, samples: u32, stored: u64| {
        let end = offset.saturating_add(samples.into());
        if end > stored {
            return Err(fault(what, format!("an end at or before sample {stored}"), end.to_string()));
        }
        Ok(())
    };
    let ordered = |what: &'static str, spans: &[[u32; 2]], samples: u32| {
        let mut last = 0;
        for &[start, end] in spans {
            if start < last || end <= start || end > samples {
                let expected = format!("{last} <= start < end <= {samples}");
                return Err(fault(what, expected, format!("[{start}, {end}]")));
            }
            last = end;
        }
        Ok(())
    };
    for utterance in &manifest.utterances {
        within("utterance", utterance.offset_samples, utterance.samples, manifest.samples.speech)?;
        ordered("speech island", &utterance.islands, utterance.samples)?;
        if utterance.islands.is_empty() {
            return Err(fault("speech islands of an utterance", "at least one".into(), "none".into()));
        }
    }
    for clip in &manifest.noises {
        within("noise clip", clip.offset_samples, clip.samples, manifest.samples.noise)?;
    }
    for room in &manifest.rooms {
        within("room", room.offset_samples, room.samples, manifest.samples.rooms)?;
    }
    for call in &manifest.calls {
        within("call", call.offset_samples, call.samples, manifest.samples.calls)?;
        let second = call.offset_samples.saturating_add(call.samples.into());
        within("second channel of a call", second, call.samples, manifest.samples.calls)?;
        for track in call.speech.iter().chain(call.backchannels.iter().flatten()) {
            ordered("speech of a call", track, call.samples)?;
        }
    }
    for turn in manifest.timings.iter().flat_map(|timing| &timing.turns) {
        if turn.speaker > 1 || !(turn.start_s >= 0.0 && turn.end_s > turn.start_s) {
            let found = format!("speaker {} from {} to {} s", turn.speaker, turn.start_s, turn.end_s);
            return Err(fault("turn", "speaker 0 or 1, 0 <= start < end".into(), found));
        }
    }
    Ok(())
}

/// `offset..offset + samples` of a flat file; `open_manifest` has checked that it lies inside.
fn stored<T>(values: &[T], offset: u64, samples: u32) -> &[T] {
    let start = offset as usize;
    &values[start..start + samples as usize]
}

fn read_values<T, const N: usize>(path: &Path, expected: u64, from: fn([u8; N]) -> T) -> Result<Vec<T>> {
    use std::io::Read;
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => {
            CorpusError::Missing { path: path.into(), what: "audio of a prepared folder" }
        }
        _ => CorpusError::Io { path: path.into(), source },
    };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let found = file.metadata().map_err(io)?.len();
    if found != expected * N as u64 {
        return Err(CorpusError::Prepared {
            path: path.into(),
            what: "bytes",
            expected: (expected * N as u64).to_string(),
            found: found.to_string(),
        });
    }
    // Blocks: the bytes and the values of a gigabyte file need not be in memory together.
    let mut values = Vec::with_capacity(expected as usize);
    let mut block = vec![0_u8; (N << 20).min(found as usize)];
    let mut left = found as usize;
    while left > 0 {
        let take = left.min(block.len());
        file.read_exact(&mut block[..take]).map_err(io)?;
        values.extend(block[..take].as_chunks::<N>().0.iter().map(|bytes| from(*bytes)));
        left -= take;
    }
    Ok(values)
}
