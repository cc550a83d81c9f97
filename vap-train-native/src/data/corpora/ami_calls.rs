//! The AMI Meeting Corpus with its sound: every stretch of a meeting in which only two talk becomes a call of two
//! headsets.
//!
//! A folder holds the official downloads side by side: `amicorpus/MEETING/audio/MEETING.Headset-N.wav`, and the NXT
//! annotations (`words/`, `segments/`, `dialogueActs/`, ...) in it, or one or two folders below.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ami;
use crate::data::bad::BadFiles;
use crate::data::files::list_names;
use crate::data::formats::nxt::Document;
use crate::data::recordings::calls::{CallRecording, Source, Span, joined};
use crate::data::timing::meeting::Meeting;
use crate::data::timing::options::PairOptions;
use crate::data::timing::pairs::pair_timings;
use crate::data::timing::turns::{Timing, TurnKind};
use crate::data::{CorpusError, Result, Split};

const LICENCE: &str = "CC-BY-4.0 (AMI Meeting Corpus)";
const AUDIO_FOLDER: &str = "amicorpus";
/// Meetings held out by the full-corpus partition that the corpus's site recommends, by the start of their names.
const DEV: [&str; 4] = ["ES2011", "IS1008", "TS3004", "IB40"];
const TEST: [&str; 4] = ["ES2004", "IS1009", "TS3003", "EN2002"];

/// What a folder holds.
pub struct Corpus {
    /// Two-party timings of all meetings, with or without sound.
    pub timings: Vec<Timing>,
    /// Meetings read.
    pub meetings: usize,
    /// Meetings that have no folder in `amicorpus`.
    pub without_audio: usize,
    /// One call for each stretch of a meeting with sound.
    pub calls: Vec<CallRecording>,
}

/// Reads annotations, and names the sound where there is `amicorpus`. `read_one` is called after each meeting.
///
/// # Errors
/// [`CorpusError`] of the annotations; for one stretch what [`BadFiles`] does not keep, such as a headset that is not
/// there while the meeting's folder is.
pub fn read(folder: &Path, bad: &mut BadFiles, read_one: impl FnMut(&str)) -> Result<Corpus> {
    let annotations = annotations_below(folder)?;
    let audio = folder.join(AUDIO_FOLDER);
    let with_audio = if audio.is_dir() { list_names(&audio, "AMI meetings with audio")? } else { Vec::new() };
    let headsets = read_headsets(&annotations)?;
    let meetings = ami::read_meetings(&annotations, official_split, read_one)?;
    let mut corpus =
        Corpus { timings: Vec::new(), meetings: meetings.len(), without_audio: 0, calls: Vec::new() };
    for meeting in &meetings {
        corpus.timings.extend(pair_timings(meeting, &PairOptions::of(meeting.split)));
        if with_audio.contains(&meeting.name) {
            for timing in stretches_with_sound(meeting) {
                corpus.calls.extend(bad.keep(call(&audio, &timing, &headsets))?);
            }
        } else {
            corpus.without_audio += 1;
        }
    }
    Ok(corpus)
}

/// Split of a meeting by the full-corpus partition.
pub fn official_split(meeting: &str) -> Split {
    let starts = |names: [&str; 4]| names.iter().any(|name| meeting.starts_with(name));
    // IB4005 is of no partition, and of the same series as those of dev.
    if starts(TEST) {
        Split::Test
    } else if starts(DEV) && meeting != "IB4005" {
        Split::Dev
    } else {
        Split::Train
    }
}

/// The folders that [`read`] reads, of those that are there.
///
/// # Errors
/// [`CorpusError::Missing`] without annotations.
pub fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let audio = Some(folder.join(AUDIO_FOLDER)).filter(|path| path.is_dir());
    Ok(audio.into_iter().chain([annotations_below(folder)?]).collect())
}

fn annotations_below(folder: &Path) -> Result<PathBuf> {
    let places = ["", "annotations", "ami_public_manual_1.6.2", "annotations/ami-annotations"];
    let found = places.iter().map(|place| folder.join(place)).find(|place| place.join("words").is_dir());
    found.ok_or_else(|| CorpusError::Missing { path: folder.join("words"), what: "AMI manual annotations" })
}

/// Stretches whose sound is taken, strictly of two: timings may leave a third speaker out, but in a recording the two
/// wait for him.
fn stretches_with_sound(meeting: &Meeting) -> Vec<Timing> {
    pair_timings(meeting, &PairOptions::default())
}

/// Number of the headset of each (meeting, channel letter). It is mostly, not always, the place of the letter.
fn read_headsets(annotations: &Path) -> Result<HashMap<(String, char), u32>> {
    let path = annotations.join("corpusResources/meetings.xml");
    let roster = Document::read(&path, "AMI list of meetings")?;
    let mut headsets = HashMap::new();
    for (index, element) in roster.named("meeting") {
        let meeting = roster.required(element, "observation")?;
        for (_, speaker) in roster.named("speaker").filter(|(_, speaker)| speaker.parent == Some(index)) {
            let letter = roster.required(speaker, "nxt_agent")?.chars().next().unwrap_or('?');
            let Ok(headset) = roster.required(speaker, "channel")?.parse() else {
                return Err(roster.attribute_error(speaker, "channel", "the number of a headset"));
            };
            headsets.insert((meeting.to_owned(), letter), headset);
        }
    }
    Ok(headsets)
}

/// The call of one stretch. Word times give a word the time up to the next one, so pauses come from the sound.
fn call(audio: &Path, timing: &Timing, headsets: &HashMap<(String, char), u32>) -> Result<CallRecording> {
    let meeting = &timing.meeting;
    let name = format!("{meeting}-{}{}-{:.3}", timing.channels[0], timing.channels[1], timing.offset_s);
    let source = |letter: char| {
        let headset = headsets.get(&(meeting.clone(), letter)).ok_or_else(|| CorpusError::Call {
            name: format!("ami/{name}"),
            what: "headset",
            expected: format!("speaker {letter} of {meeting} in meetings.xml"),
            found: "none".into(),
        })?;
        let path = audio.join(meeting).join("audio").join(format!("{meeting}.Headset-{headset}.wav"));
        Ok(Source { path, channel: 0, delay_ms: 0.0 })
    };
    let mut speech: [Vec<Span>; 2] = Default::default();
    let mut backchannels: [Vec<Span>; 2] = Default::default();
    let mut end_s = 0.0_f64;
    for turn in &timing.turns {
        let start_s = f64::from(turn.start_s);
        let paused = turn.pauses.iter().map(|(from, to)| [f64::from(*from), f64::from(*to)]);
        let mut from_s = start_s;
        let mut spans = Vec::new();
        for [pause_s, resume_s] in paused {
            spans.push(Span { start_s: from_s, end_s: start_s + pause_s });
            from_s = start_s + resume_s;
        }
        spans.push(Span { start_s: from_s, end_s: turn.end_s.into() });
        let speaker = usize::from(turn.speaker);
        if turn.kind == TurnKind::Backchannel {
            backchannels[speaker].extend(&spans);
        }
        speech[speaker].extend(spans);
        end_s = end_s.max(turn.end_s.into());
    }
    let offset_s = f64::from(timing.offset_s);
    Ok(CallRecording {
        channels: [source(timing.channels[0])?, source(timing.channels[1])?],
        name,
        corpus: "ami",
        split: timing.split,
        licence: LICENCE.into(),
        cut_s: Some([offset_s, offset_s + end_s]),
        speech: Some(speech.map(|spans| joined(spans, 0.0))),
        hides_pauses: true,
        backchannels: Some(backchannels.map(|spans| joined(spans, 0.0))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bad::OnBadFile;
    use crate::data::fixture;
    use crate::data::fixture::{Folder, burst};

    /// The meetings of the fixture under `ami/`; ES1a and ES2a have sound for their speakers A and B.
    fn folder() -> (Folder, PathBuf) {
        let folder = fixture::data();
        let ami = folder.0.join("ami");
        std::fs::rename(folder.ami(), &ami).unwrap();
        for meeting in ["ES1a", "ES2a"] {
            for headset in 0..2 {
                let path = format!("ami/amicorpus/{meeting}/audio/{meeting}.Headset-{headset}.wav");
                fixture::wav(&folder, &path, 16_000, &burst(22.0, 1.0, 3.0));
            }
        }
        (folder, ami)
    }

    fn read_all(ami: &Path) -> Result<Corpus> {
        read(ami, &mut BadFiles::new(OnBadFile::Stop), |_| ())
    }

    #[test]
    fn stretches_become_calls_of_two_headsets() {
        let (_folder, ami) = folder();
        let corpus = read_all(&ami).unwrap();
        assert_eq!((corpus.meetings, corpus.without_audio, corpus.timings.len()), (3, 1, 3));
        assert_eq!(corpus.calls.len(), 2);
        let call = &corpus.calls[0];
        assert!(call.channels[1].path.ends_with("amicorpus/ES1a/audio/ES1a.Headset-1.wav"));
        assert_eq!((call.cut_s, call.hides_pauses), (Some([1.0, 15.0]), true));
        let rounded = |spans: &[Span]| -> Vec<[i64; 2]> {
            spans.iter().map(|s| [s.start_s, s.end_s].map(|x| (x * 1000.0).round() as i64)).collect()
        };
        let speech = call.speech.as_ref().unwrap();
        assert_eq!(rounded(&speech[0]), [[0, 2500], [4000, 5000], [10000, 11000]]);
        assert_eq!(rounded(&speech[1])[0], [1500, 1800]);
        assert_eq!(rounded(&call.backchannels.as_ref().unwrap()[1]), [[1500, 1800]]);
        let [a, _] = call.load().unwrap();
        assert_eq!((a.len(), &a[..32_000]), (14 * 16_000, &burst(22.0, 1.0, 3.0)[16_000..48_000]));
    }

    #[test]
    fn annotations_alone_give_timings_alone() {
        let (_folder, ami) = folder();
        std::fs::remove_dir_all(ami.join("amicorpus")).unwrap();
        let corpus = read_all(&ami).unwrap();
        assert_eq!((corpus.timings.len(), corpus.calls.len(), corpus.without_audio), (3, 0, 3));
    }

    #[test]
    fn what_is_missing_is_named() {
        let (folder, ami) = folder();
        std::fs::remove_file(ami.join("amicorpus/ES1a/audio/ES1a.Headset-1.wav")).unwrap();
        let corpus = read_all(&ami).unwrap();
        let error = corpus.calls[0].check().unwrap_err().to_string();
        assert!(error.contains("ES1a.Headset-1.wav: missing"), "{error}");
        folder.edit("ami/corpusResources/meetings.xml", "channel=\"1\"", "channel=\"one\"");
        let error = read_all(&ami).err().unwrap().to_string();
        assert!(error.contains("meetings.xml") && error.contains("number of a headset"), "{error}");
        std::fs::remove_dir_all(ami.join("words")).unwrap();
        assert!(
            read_all(&ami).err().unwrap().to_string().contains("words: missing (AMI manual annotations)")
        );
    }

    #[test]
    fn held_out_meetings_are_those_of_the_partition() {
        let meetings = ["ES2011a", "IB4011", "IB4005", "EN2002d", "TS3003b", "ES2002a", "IN1001"];
        use Split::{Dev, Test, Train};
        assert_eq!(meetings.map(official_split), [Dev, Dev, Train, Test, Test, Train, Train]);
    }

    #[test]
    fn every_stretch_of_the_corpus_has_its_headsets() {
        let Some(data) = fixture::real_data() else { return };
        let headsets = read_headsets(&annotations_below(&data).unwrap()).unwrap();
        let meetings =
            ami::read_meetings(&annotations_below(&data).unwrap(), official_split, |_| ()).unwrap();
        for split in Split::ALL {
            let timings = meetings.iter().filter(|m| m.split == split).flat_map(stretches_with_sound);
            let calls: Vec<CallRecording> =
                timings.map(|timing| call(&data, &timing, &headsets).unwrap()).collect();
            let hours: f64 = calls
                .iter()
                .filter_map(|call| call.cut_s)
                .map(|[start_s, end_s]| end_s - start_s)
                .sum::<f64>()
                / 3600.0;
            let count =
                |tracks: &Option<[Vec<Span>; 2]>| tracks.iter().flatten().map(Vec::len).sum::<usize>();
            let speech: usize = calls.iter().map(|call| count(&call.speech)).sum();
            let backchannels: usize = calls.iter().map(|call| count(&call.backchannels)).sum();
            eprintln!(
                "AMI {split}: {} calls, {hours:.2} h, {speech} stretches of speech, {backchannels} backchannels",
                calls.len()
            );
        }
    }
}
