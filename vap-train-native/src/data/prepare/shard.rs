//! One corpus as a prepared folder of its own, and several such folders as one.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::sources::Contents;
use super::{bar, io};
use crate::data::bad::BadFiles;
use crate::data::prepared::{
    self, Call, Input, Manifest, NoiseClip, RoomResponse, StoredSamples, TurnKind, Utterance, flat_files,
};
use crate::data::recordings::calls::Span;
use crate::data::timing::islands::{self, IslandOptions};
use crate::data::{Result, Split};

/// Writes what a corpus holds; recordings whose sound is bad go through `bad`.
pub(super) fn write(
    contents: Contents,
    folder: &Path,
    input: Input,
    mut bad: BadFiles,
    progress: bool,
) -> Result<()> {
    fs::create_dir_all(folder).map_err(io(folder))?;
    let mut manifest = empty(vec![input]);
    manifest.licences = contents.licences.clone();
    manifest.counts = contents.counts.clone();
    write_speech(&contents, folder, &mut manifest, &mut bad, progress)?;
    write_noise(&contents, folder, &mut manifest, &mut bad, progress)?;
    write_rooms(&contents, folder, &mut manifest, &mut bad)?;
    write_calls(&contents, folder, &mut manifest, &mut bad, progress)?;
    manifest.timings = contents.timings;
    manifest.skipped = bad.skipped.iter().map(ToString::to_string).collect();
    count_timings(&mut manifest);
    write_manifest(&manifest, folder)
}

/// Puts the shards behind one another, in their order. Timings of a meeting come from the first shard that has it.
pub(super) fn merge(shards: &[PathBuf], whole: &Path) -> Result<Manifest> {
    if let [shard] = shards {
        let manifest = prepared::open_manifest(shard)?;
        fs::rename(shard, whole).map_err(io(shard))?;
        return Ok(manifest);
    }
    fs::create_dir_all(whole).map_err(io(whole))?;
    let mut all = empty(Vec::new());
    for (file, ..) in flat_files(&all.samples) {
        let path = whole.join(file);
        let mut to = File::create(&path).map_err(io(&path))?;
        for shard in shards {
            let mut from = File::open(shard.join(file)).map_err(io(&shard.join(file)))?;
            std::io::copy(&mut from, &mut to).map_err(io(&path))?;
        }
        to.sync_all().map_err(io(&path))?;
    }
    for shard in shards {
        let part = prepared::open_manifest(shard)?;
        let before = all.samples.clone();
        all.inputs.extend(part.inputs);
        all.utterances.extend(part.utterances.into_iter().map(|mut utterance| {
            utterance.offset_samples += before.speech;
            utterance
        }));
        all.noises.extend(part.noises.into_iter().map(|mut clip| {
            clip.offset_samples += before.noise;
            clip
        }));
        all.rooms.extend(part.rooms.into_iter().map(|mut room| {
            room.offset_samples += before.rooms;
            room
        }));
        all.calls.extend(part.calls.into_iter().map(|mut call| {
            call.offset_samples += before.calls;
            call
        }));
        let known: HashSet<String> = all.timings.iter().map(|timing| timing.meeting.clone()).collect();
        all.timings.extend(part.timings.into_iter().filter(|timing| !known.contains(&timing.meeting)));
        add(&mut all.licences, part.licences);
        add(&mut all.counts, part.counts);
        all.skipped.extend(part.skipped);
        all.samples = StoredSamples {
            speech: before.speech + part.samples.speech,
            noise: before.noise + part.samples.noise,
            rooms: before.rooms + part.samples.rooms,
            calls: before.calls + part.samples.calls,
        };
    }
    count_timings(&mut all);
    write_manifest(&all, whole)?;
    Ok(all)
}

fn add<T: std::ops::AddAssign + Default>(all: &mut BTreeMap<String, T>, part: BTreeMap<String, T>) {
    for (name, count) in part {
        *all.entry(name).or_default() += count;
    }
}

fn empty(inputs: Vec<Input>) -> Manifest {
    Manifest {
        magic: prepared::MAGIC.into(),
        version: prepared::VERSION,
        rate_hz: prepared::RATE_HZ,
        inputs,
        samples: StoredSamples { speech: 0, noise: 0, rooms: 0, calls: 0 },
        utterances: Vec::new(),
        noises: Vec::new(),
        rooms: Vec::new(),
        calls: Vec::new(),
        timings: Vec::new(),
        licences: BTreeMap::new(),
        counts: BTreeMap::new(),
        skipped: Vec::new(),
    }
}

fn write_manifest(manifest: &Manifest, folder: &Path) -> Result<()> {
    let path = folder.join(prepared::MANIFEST_FILE);
    let mut file = Flat::create(path.clone())?;
    serde_json::to_writer(&mut file.writer, manifest).map_err(|error| io(&path)(error.into()))?;
    file.finish()?;
    Ok(())
}

fn count_timings(manifest: &mut Manifest) {
    for split in Split::ALL {
        let timings = manifest.timings.iter().filter(|timing| timing.split == split);
        if timings.clone().next().is_none() {
            continue;
        }
        let turns = || timings.clone().flat_map(|timing| &timing.turns);
        let kind = |kind| turns().filter(|turn| turn.kind == kind).count() as f64;
        let seconds =
            |timing: &prepared::Timing| timing.turns.iter().fold(0.0_f32, |end, t| end.max(t.end_s));
        let counts = [
            ("stretches", timings.clone().count() as f64),
            ("hours", timings.clone().map(seconds).map(f64::from).sum::<f64>() / 3600.0),
            ("turns", kind(TurnKind::Turn)),
            ("backchannels", kind(TurnKind::Backchannel)),
            ("pauses", turns().map(|turn| turn.pauses.len()).sum::<usize>() as f64),
        ];
        let named = counts.map(|(name, count)| (format!("timing_{split}_{name}"), count));
        manifest.counts.extend(named);
    }
}

fn write_speech(
    contents: &Contents,
    folder: &Path,
    manifest: &mut Manifest,
    bad: &mut BadFiles,
    progress: bool,
) -> Result<()> {
    let options = IslandOptions::default();
    let mut file = Flat::create(folder.join(prepared::SPEECH_FILE))?;
    let bar = bar(progress && !contents.speech.is_empty(), contents.speech.len(), "utterances");
    for recording in &contents.speech {
        bar.inc(1);
        let Some((samples, found)) = bad.keep(recording.load(&options))? else { continue };
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
        file.write_i16(&samples)?;
    }
    manifest.samples.speech = file.finish()?;
    bar.finish();
    Ok(())
}

fn write_noise(
    contents: &Contents,
    folder: &Path,
    manifest: &mut Manifest,
    bad: &mut BadFiles,
    progress: bool,
) -> Result<()> {
    let mut file = Flat::create(folder.join(prepared::NOISE_FILE))?;
    let bar = bar(progress && !contents.noises.is_empty(), contents.noises.len(), "noises");
    for recording in &contents.noises {
        bar.inc(1);
        let Some(samples) = bad.keep(recording.load())? else { continue };
        manifest.noises.push(NoiseClip {
            set: recording.set.clone(),
            label: recording.label.clone(),
            offset_samples: file.samples,
            samples: samples.len() as u32,
            level_db: islands::level_db(&samples),
        });
        *manifest.licences.entry(recording.licence.clone()).or_default() += 1;
        file.write_i16(&samples)?;
    }
    manifest.samples.noise = file.finish()?;
    bar.finish();
    Ok(())
}

fn write_rooms(
    contents: &Contents,
    folder: &Path,
    manifest: &mut Manifest,
    bad: &mut BadFiles,
) -> Result<()> {
    let mut file = Flat::create(folder.join(prepared::ROOMS_FILE))?;
    for recording in &contents.rooms {
        let Some(response) = bad.keep(recording.load())? else { continue };
        manifest.rooms.push(RoomResponse {
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

fn write_calls(
    contents: &Contents,
    folder: &Path,
    manifest: &mut Manifest,
    bad: &mut BadFiles,
    progress: bool,
) -> Result<()> {
    let mut file = Flat::create(folder.join(prepared::CALLS_FILE))?;
    let bar = bar(progress && !contents.calls.is_empty(), contents.calls.len(), "calls");
    for recording in &contents.calls {
        bar.inc(1);
        let Some(audio) = bad.keep(recording.load())? else { continue };
        let samples = audio[0].len() as u32;
        let at = |time_s: f64| ((time_s * f64::from(prepared::RATE_HZ)).round() as u32).min(samples);
        let stored = |tracks: &[Vec<Span>; 2]| {
            tracks.each_ref().map(|spans| -> Vec<[u32; 2]> {
                let ranges = spans.iter().map(|span| [at(span.start_s), at(span.end_s)]);
                ranges.filter(|[start, end]| start < end).collect()
            })
        };
        let speech = stored(&recording.speech_in(&audio));
        let mut count = |name: &str, count: f64| {
            *manifest.counts.entry(format!("calls_{}_{name}", recording.corpus)).or_default() += count;
        };
        if speech.iter().all(Vec::is_empty) {
            count("without_speech", 1.0);
            continue;
        }
        let backchannels = recording.backchannels.as_ref().map(stored);
        count(recording.split.name(), 1.0);
        let hours = f64::from(samples) / f64::from(prepared::RATE_HZ) / 3600.0;
        count(&format!("{}_hours", recording.split), hours);
        let annotated = backchannels.iter().flatten().map(Vec::len).sum::<usize>();
        count("backchannels", annotated as f64);
        manifest.calls.push(Call {
            corpus: recording.corpus.into(),
            name: recording.name.clone(),
            split: recording.split,
            offset_samples: file.samples,
            samples,
            ended: recording.cut_s.is_none(),
            speech_db: [0, 1].map(|c| level_inside(&audio[c], &speech[c])),
            speech,
            backchannels,
        });
        *manifest.licences.entry(recording.licence.clone()).or_default() += 1;
        audio.iter().try_for_each(|channel| file.write_i16(channel))?;
    }
    manifest.samples.calls = file.finish()?;
    bar.finish();
    Ok(())
}

/// RMS level inside the spans, in dB below full scale.
fn level_inside(samples: &[i16], spans: &[[u32; 2]]) -> f32 {
    let inside: Vec<i16> =
        spans.iter().flat_map(|[start, end]| &samples[*start as usize..*end as usize]).copied().collect();
    islands::level_db(&inside)
}

/// A flat file of samples that is being written.
pub(super) struct Flat {
    path: PathBuf,
    writer: BufWriter<File>,
    samples: u64,
}

impl Flat {
    pub(super) fn create(path: PathBuf) -> Result<Flat> {
        let file = File::create(&path).map_err(io(&path))?;
        Ok(Flat { path, writer: BufWriter::with_capacity(1 << 20, file), samples: 0 })
    }

    pub(super) fn write_i16(&mut self, samples: &[i16]) -> Result<()> {
        self.write(samples.iter().map(|sample| sample.to_le_bytes()), samples.len())
    }

    fn write<const N: usize>(&mut self, values: impl Iterator<Item = [u8; N]>, count: usize) -> Result<()> {
        for value in values {
            self.writer.write_all(&value).map_err(io(&self.path))?;
        }
        self.samples += count as u64;
        Ok(())
    }

    /// Flushes to the disk; gives the number of samples.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.writer.flush().and_then(|()| self.writer.get_ref().sync_all()).map_err(io(&self.path))?;
        Ok(self.samples)
    }
}
