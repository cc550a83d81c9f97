//! What can be prepared: each kind of corpus as the recordings and timings it holds, before any sound is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Corpus, bar};
use crate::data::bad::BadFiles;
use crate::data::corpora::rirs::{self, RirOptions};
use crate::data::corpora::{
    ami, ami_calls, cabnc, chime6, harpervalley, librispeech, musan, two_channel, voxconverse,
};
use crate::data::files::list_names;
use crate::data::prepared::Input;
use crate::data::recordings::calls::CallRecording;
use crate::data::recordings::noise::{self, NoiseRecording};
use crate::data::recordings::rooms::{self, RoomRecording};
use crate::data::recordings::speech::{self, Recording};
use crate::data::timing::meeting::Meeting;
use crate::data::timing::options::PairOptions;
use crate::data::timing::pairs::pair_timings;
use crate::data::timing::turns::Timing;
use crate::data::{CorpusError, Result};

const AMI_FOLDER: &str = "annotations/ami-annotations";
const AMI_LISTS_FOLDER: &str = "annotations/ami-rttm-splits/ami-diarization-setup/lists";
const AMI_LICENCE: &str = "CC-BY-4.0 (AMI manual annotations)";
const VOXCONVERSE_LICENCE: &str = "CC-BY-4.0 (VoxConverse annotations)";
const CABNC_LICENCE: &str = "CC-BY-3.0 (CABNC)";
/// Meetings of AMI, for the bar.
const AMI_MEETINGS: usize = 171;

/// Layout of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `speech.tsv`, `noise.tsv`, `rir.tsv` with their folders, and AMI annotations.
    Bundle,
    /// AMI headsets and annotations.
    Ami,
    /// HarperValleyBank.
    HarperValley,
    /// Any folder of two-channel WAV files.
    Calls,
    /// LibriSpeech.
    LibriSpeech,
    /// CHiME-6.
    Chime6,
    /// VoxConverse, for its timing.
    VoxConverse,
    /// CABNC, for its timing.
    Cabnc,
    /// MUSAN, noise and music.
    Musan,
    /// RIRS_NOISES, rooms.
    Rirs,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 10] = [
        Kind::Bundle,
        Kind::Ami,
        Kind::HarperValley,
        Kind::Calls,
        Kind::LibriSpeech,
        Kind::Chime6,
        Kind::VoxConverse,
        Kind::Cabnc,
        Kind::Musan,
        Kind::Rirs,
    ];

    /// As the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bundle => "bundle",
            Kind::Ami => "ami",
            Kind::HarperValley => "harpervalley",
            Kind::Calls => "calls",
            Kind::LibriSpeech => "librispeech",
            Kind::Chime6 => "chime6",
            Kind::VoxConverse => "voxconverse",
            Kind::Cabnc => "cabnc",
            Kind::Musan => "musan",
            Kind::Rirs => "rirs",
        }
    }
}

/// What a corpus holds.
#[derive(Default)]
pub(super) struct Contents {
    pub speech: Vec<Recording>,
    pub noises: Vec<NoiseRecording>,
    pub rooms: Vec<RoomRecording>,
    pub calls: Vec<CallRecording>,
    pub timings: Vec<Timing>,
    /// Licences of what is no recording.
    pub licences: BTreeMap<String, usize>,
    pub counts: BTreeMap<String, f64>,
}

/// Reads and checks everything but the sound.
pub(super) fn read(corpus: &Corpus, bad: &mut BadFiles, progress: bool) -> Result<Contents> {
    let folder = &corpus.folder;
    let mut contents = Contents::default();
    match corpus.kind {
        Kind::Bundle => {
            contents.speech = speech::read_table(folder)?;
            contents.noises = noise::read_table(folder)?;
            contents.rooms = rooms::read_table(folder)?;
            let bar = bar(progress, AMI_MEETINGS, "meetings");
            let lists = folder.join(AMI_LISTS_FOLDER);
            let meetings = ami::read(&folder.join(AMI_FOLDER), &lists, |_| bar.inc(1))?;
            bar.finish();
            let timings = |meeting: &Meeting| pair_timings(meeting, &PairOptions::of(meeting.split));
            contents.timings = meetings.iter().flat_map(timings).collect();
            let without_acts = meetings.iter().filter(|meeting| !meeting.has_acts).count();
            contents.count("meetings", meetings.len());
            contents.count("meetings_without_acts", without_acts);
            contents.licences.insert(AMI_LICENCE.into(), meetings.len());
        }
        Kind::Ami => {
            let bar = bar(progress, AMI_MEETINGS, "meetings");
            let ami = ami_calls::read(folder, bad, |_| bar.inc(1))?;
            bar.finish();
            contents.count("meetings", ami.meetings);
            contents.count("meetings_without_audio", ami.without_audio);
            contents.licences.insert(AMI_LICENCE.into(), ami.meetings);
            (contents.timings, contents.calls) = (ami.timings, ami.calls);
        }
        Kind::HarperValley => {
            let corpus = harpervalley::read(folder, bad)?;
            contents.count("harpervalley_calls_across_splits", corpus.across_splits);
            contents.calls = corpus.calls;
        }
        Kind::Calls => contents.calls = two_channel::read(folder, bad)?,
        Kind::LibriSpeech => contents.speech = librispeech::read(folder, bad)?,
        Kind::Chime6 => contents.calls = chime6::read(folder, bad)?,
        Kind::VoxConverse => {
            let clips = voxconverse::read(folder)?;
            contents.count("voxconverse_clips", clips.len());
            contents.licences.insert(VOXCONVERSE_LICENCE.into(), clips.len());
            contents.timings =
                clips.iter().flat_map(|clip| clip.timings(&PairOptions::of(clip.split))).collect();
        }
        Kind::Cabnc => {
            let talks = cabnc::read(folder)?;
            contents.count("cabnc_conversations", talks.len());
            contents.licences.insert(CABNC_LICENCE.into(), talks.len());
            contents.timings =
                talks.iter().flat_map(|talk| talk.timings(&PairOptions::of(talk.split))).collect();
        }
        Kind::Musan => contents.noises = musan::read(folder, bad)?,
        Kind::Rirs => contents.rooms = rirs::read(folder, &RirOptions::default(), bad)?,
    }
    let mut checked = Vec::with_capacity(contents.calls.len());
    for call in contents.calls {
        checked.extend(bad.keep(call.check().map(|()| call))?);
    }
    contents.calls = checked;
    Ok(contents)
}

impl Contents {
    fn count(&mut self, name: &str, count: usize) {
        self.counts.insert(name.into(), count as f64);
    }
}

/// What the input looks like.
pub(super) fn measure(corpus: &Corpus) -> Result<Input> {
    let mut input = Input { kind: corpus.kind.name().into(), files: 0, bytes: 0 };
    match corpus.kind {
        Kind::Bundle => {
            let parts = [
                "speech.tsv",
                "noise.tsv",
                "rir.tsv",
                "speech",
                "noise",
                "rir",
                AMI_FOLDER,
                AMI_LISTS_FOLDER,
            ];
            parts.into_iter().try_for_each(|part| add(&corpus.folder.join(part), &mut input))?;
        }
        // Downloads lie side by side: what is another corpus's is not looked at.
        Kind::Ami => {
            let folders = ami_calls::folders(&corpus.folder)?;
            folders.iter().try_for_each(|folder| add(folder, &mut input))?;
        }
        _ => add(&corpus.folder, &mut input)?,
    }
    Ok(input)
}

fn add(path: &Path, input: &mut Input) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            CorpusError::Missing { path: PathBuf::from(path), what: "input of prepare" }
        }
        _ => CorpusError::Io { path: path.into(), source },
    })?;
    if metadata.is_dir() {
        for name in list_names(path, "input of prepare")? {
            add(&path.join(name), input)?;
        }
    } else {
        input.files += 1;
        input.bytes += metadata.len();
    }
    Ok(())
}
