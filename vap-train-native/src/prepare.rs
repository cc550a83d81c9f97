//! From the corpora to the prepared folder, in one pass; nothing is left half written.
//!
//! Everything goes into a folder of a temporary name that takes its final name when it is complete. An unchanged
//! input is seen by its number of files and bytes, and then nothing is done.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use crate::corpora::islands::{self, IslandOptions};
use crate::corpora::{CorpusError, Result, Split, ami, list_names, noise, rooms, speech};
use crate::prepared::{self, Inputs, Manifest, NoiseClip, Room, StoredSamples, TurnKind, Utterance};

const AMI_FOLDER: &str = "annotations/ami-annotations";
const AMI_LISTS_FOLDER: &str = "annotations/ami-rttm-splits/ami-diarization-setup/lists";
const AMI_LICENCE: &str = "CC-BY-4.0 (AMI manual annotations)";

/// What [`prepare`] did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// False when the folder was there, complete and of the same input.
    pub written: bool,
    /// The manifest now in the folder.
    pub manifest: Manifest,
}

/// Reads all corpora below `data` and writes the prepared folder `out`; `progress` shows bars on the terminal.
///
/// # Errors
/// Whatever is wrong with the input, by file and place; `out` is then as it was before. A folder `out` that is not
/// a prepared one is an error and not replaced.
pub fn prepare(data: &Path, out: &Path, progress: bool) -> Result<Outcome> {
    let inputs = measure_inputs(data)?;
    if let Some(manifest) = complete(out, &inputs) {
        return Ok(Outcome { written: false, manifest });
    }
    refuse_foreign(out)?;
    let part = beside(out, "part");
    remove_folder(&part)?;
    fs::create_dir_all(&part).map_err(io(&part))?;
    let manifest = write_all(data, &part, inputs, progress)?;
    let old = beside(out, "old");
    remove_folder(&old)?;
    if out.exists() {
        fs::rename(out, &old).map_err(io(out))?;
    }
    fs::rename(&part, out).map_err(io(&part))?;
    remove_folder(&old)?;
    Ok(Outcome { written: true, manifest })
}

fn write_all(data: &Path, part: &Path, inputs: Inputs, progress: bool) -> Result<Manifest> {
    let mut manifest = Manifest {
        magic: prepared::MAGIC.into(),
        version: prepared::VERSION,
        rate_hz: prepared::RATE_HZ,
        inputs,
        samples: StoredSamples { speech: 0, noise: 0, rooms: 0 },
        utterances: Vec::new(),
        noises: Vec::new(),
        rooms: Vec::new(),
        timings: Vec::new(),
        licences: BTreeMap::new(),
        counts: BTreeMap::new(),
    };
    // The cheap checks first: all tables and annotations before gigabytes of audio.
    let recordings = speech::read_table(data)?;
    let noises = noise::read_table(data)?;
    let rooms = rooms::read_table(data)?;
    read_timings(data, &mut manifest, progress)?;
    write_speech(&recordings, part, &mut manifest, progress)?;
    write_noise(&noises, part, &mut manifest, progress)?;
    write_rooms(&rooms, part, &mut manifest)?;
    let path = part.join(prepared::MANIFEST_FILE);
    let mut file = Flat::create(path.clone())?;
    serde_json::to_writer(&mut file.writer, &manifest).map_err(|error| io(&path)(error.into()))?;
    file.finish()?;
    Ok(manifest)
}

fn read_timings(data: &Path, manifest: &mut Manifest, progress: bool) -> Result<()> {
    let folder = data.join(AMI_FOLDER);
    let bar = bar(progress, 171, "meetings");
    let meetings = ami::read(&folder, &data.join(AMI_LISTS_FOLDER), |_| bar.inc(1))?;
    for meeting in &meetings {
        // Variety to train on, purity to choose and report on.
        let options = match meeting.split {
            Split::Train => ami::PairOptions::relaxed(),
            Split::Dev | Split::Test => ami::PairOptions::default(),
        };
        manifest.timings.extend(ami::pair_timings(meeting, &options));
        *manifest.counts.entry("meetings".into()).or_default() += 1.0;
        *manifest.counts.entry("meetings_without_acts".into()).or_default() +=
            f64::from(u8::from(!meeting.has_acts));
    }
    manifest.licences.insert(AMI_LICENCE.into(), meetings.len());
    for split in Split::ALL {
        let timings = manifest.timings.iter().filter(|timing| timing.split == split);
        let turns = || timings.clone().flat_map(|timing| &timing.turns);
        let kind = |kind| turns().filter(|turn| turn.kind == kind).count() as f64;
        let seconds = |timing: &ami::Timing| timing.turns.iter().fold(0.0_f32, |end, t| end.max(t.end_s));
        let counts = [
            ("stretches", timings.clone().count() as f64),
            ("hours", timings.clone().map(seconds).map(f64::from).sum::<f64>() / 3600.0),
            ("turns", kind(TurnKind::Turn)),
            ("backchannels", kind(TurnKind::Backchannel)),
            ("pauses", turns().map(|turn| turn.pauses.len()).sum::<usize>() as f64),
        ];
        manifest.counts.extend(counts.map(|(name, count)| (format!("timing_{split}_{name}"), count)));
    }
    bar.finish();
    Ok(())
}

fn write_speech(
    recordings: &[speech::Recording],
    part: &Path,
    manifest: &mut Manifest,
    progress: bool,
) -> Result<()> {
    let options = IslandOptions::default();
    let mut file = Flat::create(part.join(prepared::SPEECH_FILE))?;
    let bar = bar(progress, recordings.len(), "utterances");
    for recording in recordings {
        let (samples, found) = recording.load(&options)?;
        bar.inc(1);
        if found.islands.is_empty() {
            *manifest.counts.entry("utterances_without_speech".into()).or_default() += 1.0;
            continue;
        }
        manifest.utterances.push(Utterance {
            set: recording.set.clone(),
            speaker: recording.speaker.clone(),
            gender: recording.gender,
            lang: recording.lang.clone(),
            split: recording.split,
            kind: recording.kind,
            offset_samples: file.samples,
            samples: samples.len() as u32,
            islands: found.islands,
            speech_db: found.speech_db,
            floor_db: found.floor_db,
        });
        *manifest.licences.entry(recording.licence.clone()).or_default() += 1;
        let hours = samples.len() as f64 / f64::from(prepared::RATE_HZ) / 3600.0;
        *manifest.counts.entry(format!("speech_{}_hours", recording.split)).or_default() += hours;
        file.write(samples.iter().map(|sample| sample.to_le_bytes()), samples.len())?;
    }
    manifest.samples.speech = file.finish()?;
    bar.finish();
    Ok(())
}

fn write_noise(
    recordings: &[noise::NoiseRecording],
    part: &Path,
    manifest: &mut Manifest,
    progress: bool,
) -> Result<()> {
    let mut file = Flat::create(part.join(prepared::NOISE_FILE))?;
    let bar = bar(progress, recordings.len(), "noises");
    for recording in recordings {
        let samples = recording.load()?;
        manifest.noises.push(NoiseClip {
            set: recording.set.clone(),
            label: recording.label.clone(),
            offset_samples: file.samples,
            samples: samples.len() as u32,
            level_db: islands::level_db(&samples),
        });
        *manifest.licences.entry(recording.licence.clone()).or_default() += 1;
        file.write(samples.iter().map(|sample| sample.to_le_bytes()), samples.len())?;
        bar.inc(1);
    }
    manifest.samples.noise = file.finish()?;
    bar.finish();
    Ok(())
}

fn write_rooms(recordings: &[rooms::RoomRecording], part: &Path, manifest: &mut Manifest) -> Result<()> {
    let mut file = Flat::create(part.join(prepared::ROOMS_FILE))?;
    for recording in recordings {
        let response = recording.load()?;
        manifest.rooms.push(Room {
            name: recording.path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            rt60_s: recording.rt60_s,
            offset_samples: file.samples,
            samples: response.len() as u32,
        });
        *manifest.licences.entry(recording.licence.clone()).or_default() += 1;
        file.write(response.iter().map(|sample| sample.to_le_bytes()), response.len())?;
    }
    manifest.samples.rooms = file.finish()?;
    Ok(())
}

/// The manifest of a folder that is complete and of this input.
fn complete(out: &Path, inputs: &Inputs) -> Option<Manifest> {
    let manifest = prepared::open_manifest(out).ok()?;
    let bytes = |file: &str| fs::metadata(out.join(file)).map(|metadata| metadata.len()).ok();
    let whole = bytes(prepared::SPEECH_FILE) == Some(manifest.samples.speech * 2)
        && bytes(prepared::NOISE_FILE) == Some(manifest.samples.noise * 2)
        && bytes(prepared::ROOMS_FILE) == Some(manifest.samples.rooms * 4);
    (whole && manifest.inputs == *inputs).then_some(manifest)
}

/// A folder that holds anything but a prepared one must not be replaced.
fn refuse_foreign(out: &Path) -> Result<()> {
    let known = [prepared::MANIFEST_FILE, prepared::SPEECH_FILE, prepared::NOISE_FILE, prepared::ROOMS_FILE];
    if !out.exists() {
        return Ok(());
    }
    match list_names(out, "prepared folder")?.into_iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(found) => Err(CorpusError::Prepared {
            path: out.into(),
            what: "folder to replace",
            expected: "only files that prepare wrote".into(),
            found,
        }),
    }
}

fn measure_inputs(data: &Path) -> Result<Inputs> {
    let mut inputs = Inputs { files: 0, bytes: 0 };
    for table in ["speech.tsv", "noise.tsv", "rir.tsv"] {
        measure(&data.join(table), &mut inputs)?;
    }
    for folder in ["speech", "noise", "rir", AMI_FOLDER, AMI_LISTS_FOLDER] {
        measure(&data.join(folder), &mut inputs)?;
    }
    Ok(inputs)
}

fn measure(path: &Path, inputs: &mut Inputs) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => CorpusError::Missing { path: path.into(), what: "input of prepare" },
        _ => CorpusError::Io { path: path.into(), source },
    })?;
    if metadata.is_dir() {
        for name in list_names(path, "input of prepare")? {
            measure(&path.join(name), inputs)?;
        }
    } else {
        inputs.files += 1;
        inputs.bytes += metadata.len();
    }
    Ok(())
}

/// A flat file of samples that is being written.
struct Flat {
    path: PathBuf,
    writer: BufWriter<File>,
    samples: u64,
}

impl Flat {
    fn create(path: PathBuf) -> Result<Flat> {
        let file = File::create(&path).map_err(io(&path))?;
        Ok(Flat { path, writer: BufWriter::with_capacity(1 << 20, file), samples: 0 })
    }

    fn write<const N: usize>(&mut self, values: impl Iterator<Item = [u8; N]>, count: usize) -> Result<()> {
        for value in values {
            self.writer.write_all(&value).map_err(io(&self.path))?;
        }
        self.samples += count as u64;
        Ok(())
    }

    /// Flushes to the disk; gives the number of samples.
    fn finish(mut self) -> Result<u64> {
        self.writer.flush().and_then(|()| self.writer.get_ref().sync_all()).map_err(io(&self.path))?;
        Ok(self.samples)
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> CorpusError + '_ {
    move |source| CorpusError::Io { path: path.into(), source }
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{ending}"));
    out.with_file_name(name)
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(io(path)(source)),
        _ => Ok(()),
    }
}

fn bar(progress: bool, length: usize, unit: &'static str) -> ProgressBar {
    if !progress {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:11} [{wide_bar}] {pos}/{len} {eta}");
    ProgressBar::new(length as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpora::fixture;
    use crate::prepared::Prepared;

    #[test]
    fn a_prepared_folder_holds_everything_and_is_kept() {
        let folder = fixture::data();
        let out = folder.0.join("out");
        assert!(prepare(&folder.0, &out, false).unwrap().written);
        let prepared = Prepared::open(&out).unwrap();
        assert_eq!(prepared.utterances().len(), 2);
        let second = &prepared.utterances()[1];
        assert_eq!((second.offset_samples, second.samples, second.split), (32_000, 16_000, Split::Dev));
        assert_eq!(prepared.utterance_audio(0), fixture::burst(2.0, 0.5, 1.5));
        assert_eq!(prepared.utterance_audio(1), fixture::burst(1.0, 0.25, 0.75));
        assert!((second.span_s() - 0.5).abs() < 0.04 && second.pauses(0).next().is_none());
        assert_eq!(prepared.noise_audio(0).len(), 8_000);
        assert_eq!(prepared.room_response(0).len(), 16 + 600 + 1);
        assert_eq!(prepared.timings(Split::Train).count(), 2);
        assert_eq!(prepared.timings(Split::Dev).count(), 1);
        assert_eq!(prepared.timings(Split::Test).count(), 0);
        assert_eq!(prepared.manifest.licences[AMI_LICENCE], 3);
        assert_eq!(prepared.manifest.licences["Apache-2.0"], 1);

        assert!(!prepare(&folder.0, &out, false).unwrap().written, "nothing has changed");
        folder.write("noise/hum/more.wav", "x");
        assert!(prepare(&folder.0, &out, false).unwrap().written, "a file was added");
        std::fs::write(out.join(prepared::SPEECH_FILE), "short").unwrap();
        assert!(prepare(&folder.0, &out, false).unwrap().written, "the folder was damaged");
        assert!(Prepared::open(&out).is_ok());
    }

    #[test]
    fn a_fault_leaves_the_folder_as_it_was() {
        let folder = fixture::data();
        let out = folder.0.join("out");
        prepare(&folder.0, &out, false).unwrap();
        fixture::wav(&folder, "speech/pv/x/b.wav", 44_100, &[0; 16_000]);
        folder.write("noise/hum/more.wav", "x");
        let error = prepare(&folder.0, &out, false).unwrap_err().to_string();
        assert!(error.contains("b.wav") && error.contains("44100 Hz"), "{error}");
        assert_eq!(Prepared::open(&out).unwrap().utterances().len(), 2);
        let fresh = folder.0.join("fresh");
        assert!(prepare(&folder.0, &fresh, false).is_err());
        assert!(!fresh.exists(), "nothing half written under the final name");
    }

    #[test]
    fn a_foreign_folder_is_not_replaced() {
        let folder = fixture::data();
        folder.write("out/thesis.txt", "years of work");
        let error = prepare(&folder.0, &folder.0.join("out"), false).unwrap_err().to_string();
        assert!(error.contains("thesis.txt"), "{error}");
        assert!(folder.0.join("out/thesis.txt").exists());
    }

    #[test]
    fn missing_input_is_named() {
        let folder = fixture::data();
        std::fs::remove_file(folder.0.join("rir.tsv")).unwrap();
        let error = prepare(&folder.0, &folder.0.join("out"), false).unwrap_err().to_string();
        assert!(error.contains("rir.tsv: missing"), "{error}");
    }

    #[test]
    fn opening_checks_magic_version_lengths_and_ranges() {
        let folder = fixture::data();
        let out = folder.0.join("out");
        assert!(Prepared::open(&out).unwrap_err().to_string().contains("run prepare first"));
        prepare(&folder.0, &out, false).unwrap();
        let whole = std::fs::read_to_string(out.join(prepared::MANIFEST_FILE)).unwrap();
        let edits = [
            ("vap-turn-prepared", "other", "magic: expected vap-turn-prepared, found other"),
            ("\"version\":1", "\"version\":9", "version: expected 1, found 9"),
            ("\"rate_hz\":16000", "\"rate_hz\":8000", "rate_hz: expected 16000, found 8000"),
            ("\"offset_samples\":32000", "\"offset_samples\":40000", "utterance: expected an end"),
            ("\"speech\":48000", "\"speech\":49000", "bytes: expected 98000, found 96000"),
            ("\"gender\"", "\"sex\"", "fields"),
            ("\"speaker\":0", "\"speaker\":2", "turn: expected speaker 0 or 1"),
            ("\"islands\":[[", "\"islands\":[[9,3],[", "speech island"),
        ];
        for (from, to, expected) in edits {
            assert!(whole.contains(from), "{from}");
            std::fs::write(out.join(prepared::MANIFEST_FILE), whole.replacen(from, to, 1)).unwrap();
            let error = Prepared::open(&out).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        std::fs::write(out.join(prepared::MANIFEST_FILE), "{").unwrap();
        assert!(Prepared::open(&out).unwrap_err().to_string().contains("JSON with magic"));
    }
}
