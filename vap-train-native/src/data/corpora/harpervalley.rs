//! HarperValleyBank in its official layout: bank calls with one WAV a speaker, JSON transcripts and metadata.
//!
//! `audio/{caller,agent}/SID.wav`, `transcript/SID.json`, `metadata/SID.json`. `start_ms` of a segment counts in the
//! file of its channel and `offset_ms` in the call: their difference says how much later than the call a file
//! begins. It is the same for all segments of a channel; taken otherwise, speakers talk over each other at every
//! turn.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::data::bad::BadFiles;
use crate::data::files::{list_names, read_bytes};
use crate::data::recordings::calls::{CallRecording, Source, Span, joined, split_by_share};
use crate::data::{CorpusError, Result, Split};

const LICENCE: &str = "CC-BY-4.0 (HarperValleyBank)";
/// Channel order: the caller is the user.
const ROLES: [&str; 2] = ["caller", "agent"];
/// Segments of one channel may disagree by this much about its delay, in ms: the corpus rounds.
const DELAY_TOLERANCE_MS: f64 = 20.0;
/// Words closer than this are one stretch of speech, in seconds.
const MERGE_GAP_S: f64 = 0.2;
/// Transcribed sounds that are no speech.
const SOUNDS: [&str; 8] =
    ["[baby]", "[ringing]", "[laughter]", "[kids]", "[music]", "[noise]", "[dogs]", "[cough]"];

#[derive(Deserialize)]
struct Segment {
    speaker_role: String,
    start_ms: f64,
    offset_ms: f64,
    duration_ms: f64,
    human_transcript: String,
    transcript: String,
    word_offsets_ms: Vec<f64>,
    word_durations_ms: Vec<f64>,
}

#[derive(Deserialize)]
struct Metadata {
    caller: Party,
    agent: Party,
}

#[derive(Deserialize)]
struct Party {
    speaker_id: i64,
}

/// What a folder holds.
pub struct Corpus {
    /// Calls whose speakers are both of one split.
    pub calls: Vec<CallRecording>,
    /// Calls left out because their two speakers are of different splits.
    pub across_splits: usize,
}

/// Reads a clone of the corpus: `folder` holds `data/`, or is it.
///
/// The 59 speakers are split by the hash of their number, 70 % train, 15 % dev, 15 % test, so that nobody is heard in
/// two splits; a call across splits is left out.
///
/// # Errors
/// [`CorpusError::Missing`] without the folders of the layout; for one call what [`BadFiles`] does not keep:
/// [`CorpusError::Field`] names the transcript and the field.
pub fn read(folder: &Path, bad: &mut BadFiles) -> Result<Corpus> {
    let data = if folder.join("data").is_dir() { folder.join("data") } else { folder.into() };
    for role in ROLES {
        list_names(&data.join("audio").join(role), "HarperValleyBank audio of one side")?;
    }
    let mut corpus = Corpus { calls: Vec::new(), across_splits: 0 };
    for file in list_names(&data.join("transcript"), "HarperValleyBank transcripts")? {
        let Some(sid) = file.strip_suffix(".json") else { continue };
        match bad.keep(read_call(&data, sid))? {
            Some(Some(call)) => corpus.calls.push(call),
            Some(None) => corpus.across_splits += 1,
            None => {}
        }
    }
    Ok(corpus)
}

/// One call; `None` when its speakers are of different splits.
fn read_call(data: &Path, sid: &str) -> Result<Option<CallRecording>> {
    let json = |folder: &str| data.join(folder).join(format!("{sid}.json"));
    let metadata: Metadata =
        read_json(&json("metadata"), "metadata of a call", "caller and agent, each with speaker_id")?;
    let split = |party: &Party| split_by_share(&format!("harpervalley {}", party.speaker_id), [0.70, 0.15]);
    let split: Split = match [split(&metadata.caller), split(&metadata.agent)] {
        [caller, agent] if caller == agent => caller,
        _ => return Ok(None),
    };
    let path = json("transcript");
    let segments: Vec<Segment> = read_json(&path, "transcript of a call", "a list of segments")?;
    let mut delays_ms: [Option<f64>; 2] = [None; 2];
    let mut speech: [Vec<Span>; 2] = Default::default();
    for (index, segment) in segments.iter().enumerate() {
        let fault = |field: &str, expected: String, found: String| CorpusError::Field {
            path: path.clone(),
            field: format!("{index}.{field}"),
            expected,
            found,
        };
        let Some(channel) = ROLES.iter().position(|role| *role == segment.speaker_role) else {
            return Err(fault("speaker_role", "caller or agent".into(), segment.speaker_role.clone()));
        };
        let delay_ms = segment.offset_ms - segment.start_ms;
        let known_ms = *delays_ms[channel].get_or_insert(delay_ms);
        if (delay_ms - known_ms).abs() > DELAY_TOLERANCE_MS {
            let expected = format!("start_ms + {known_ms} as in the segments before");
            return Err(fault("offset_ms", expected, format!("start_ms + {delay_ms}")));
        }
        speech[channel]
            .extend(spoken(segment).map_err(|(field, expected, found)| fault(field, expected, found))?);
    }
    let speech = speech.map(|spans| joined(spans, MERGE_GAP_S));
    let source = |channel: usize| Source {
        path: data.join("audio").join(ROLES[channel]).join(format!("{sid}.wav")),
        channel: 0,
        delay_ms: delays_ms[channel].unwrap_or(0.0),
    };
    Ok(Some(CallRecording {
        name: sid.into(),
        corpus: "harpervalley",
        split,
        licence: LICENCE.into(),
        channels: [source(0), source(1)],
        cut_s: None,
        speech: Some(speech),
        hides_pauses: false,
        backchannels: None,
    }))
}

type Fault = (&'static str, String, String);

/// Words of a segment, in seconds of the call. Where no person heard speech there is none; where only the recogniser
/// heard none, the whole segment counts.
fn spoken(segment: &Segment) -> Result<Vec<Span>, Fault> {
    let words: Vec<&str> = segment.transcript.split_whitespace().collect();
    let (offsets, durations) = (&segment.word_offsets_ms, &segment.word_durations_ms);
    for (field, times) in [("word_offsets_ms", offsets), ("word_durations_ms", durations)] {
        if times.len() != words.len() {
            let expected = format!("{} times, one a word of transcript", words.len());
            return Err((field, expected, times.len().to_string()));
        }
    }
    let span = |offset_ms: f64, duration_ms: f64| Span {
        start_s: (segment.offset_ms + offset_ms) / 1000.0,
        end_s: (segment.offset_ms + offset_ms + duration_ms) / 1000.0,
    };
    let whole = span(0.0, segment.duration_ms);
    // `f64::NAN` cannot stand in JSON, but 1e999 can.
    if !(whole.start_s >= 0.0 && whole.end_s >= whole.start_s && whole.end_s.is_finite()) {
        return Err((
            "offset_ms",
            "0 or more, with a duration_ms of 0 or more".into(),
            segment.offset_ms.to_string(),
        ));
    }
    let is_speech = |word: &&str| !SOUNDS.contains(word);
    if !segment.human_transcript.split_whitespace().any(|word| is_speech(&word)) {
        return Ok(Vec::new());
    }
    let mut spans = Vec::new();
    for (word, (offset_ms, duration_ms)) in words.iter().zip(offsets.iter().zip(durations)) {
        if !(*offset_ms >= 0.0 && *duration_ms >= 0.0 && duration_ms.is_finite()) {
            let found = format!("{offset_ms} and {duration_ms} ms");
            return Err(("word_offsets_ms", "an offset and a duration of 0 ms or more".into(), found));
        }
        if is_speech(word) {
            spans.push(span(*offset_ms, *duration_ms));
        }
    }
    Ok(if spans.is_empty() { vec![whole] } else { spans })
}

fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str, expected: &str) -> Result<T> {
    serde_json::from_slice(&read_bytes(path, what)?).map_err(|error| CorpusError::Field {
        path: path.into(),
        field: "JSON".into(),
        expected: expected.into(),
        found: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bad::OnBadFile;
    use crate::data::fixture;
    use crate::data::fixture::{Folder, burst};

    fn segment(role: &str, start_ms: i64, offset_ms: i64, text: &str, words: &str) -> String {
        format!(
            "{{\"channel_index\": 1, \"speaker_role\": \"{role}\", \"start_ms\": {start_ms}, \
             \"offset_ms\": {offset_ms}, \"duration_ms\": 900, \"human_transcript\": \"{text}\", \
             \"transcript\": \"{text}\", \"emotion\": [0.1, 0.8, 0.1], {words}}}"
        )
    }

    fn add(folder: &Folder, sid: &str, speakers: [i64; 2]) {
        let two = "\"word_offsets_ms\": [0, 500], \"word_durations_ms\": [200, 400]";
        let one = "\"word_offsets_ms\": [0], \"word_durations_ms\": [900]";
        let segments = [
            segment("agent", 500, 1500, "hello there", two),
            segment("caller", 3000, 3000, "[noise]", one),
            segment("caller", 4000, 4000, "bye", one),
        ];
        folder.write(&format!("hvb/data/transcript/{sid}.json"), format!("[{}]", segments.join(",")));
        let [caller, agent] = speakers;
        let metadata = format!(
            "{{\"sid\": \"{sid}\", \"caller\": {{\"speaker_id\": {caller}}}, \"agent\": {{\"speaker_id\": {agent}}}}}"
        );
        folder.write(&format!("hvb/data/metadata/{sid}.json"), metadata);
        fixture::wav(
            folder,
            &format!("hvb/data/audio/agent/{sid}.wav"),
            8_000,
            &burst(2.5, 0.5, 1.4)[..20_000],
        );
        fixture::wav(folder, &format!("hvb/data/audio/caller/{sid}.wav"), 8_000, &[0; 40_000]);
    }

    fn folder() -> Folder {
        let folder = Folder::new();
        add(&folder, "00aa", [7, 7]);
        folder
    }

    fn read_all(folder: &Folder) -> Result<Corpus> {
        read(&folder.0.join("hvb"), &mut BadFiles::new(OnBadFile::Stop))
    }

    #[test]
    fn calls_stand_on_one_timeline() {
        let folder = folder();
        let call = &read_all(&folder).unwrap().calls[0];
        assert_eq!(
            (call.name.as_str(), call.channels[0].delay_ms, call.channels[1].delay_ms),
            ("00aa", 0.0, 1000.0)
        );
        assert!(call.channels[0].path.ends_with("audio/caller/00aa.wav"));
        let [caller, agent] = call.speech.clone().unwrap();
        let span = |start_s, end_s| Span { start_s, end_s };
        assert_eq!(caller, [span(4.0, 4.9)], "noise is no speech");
        assert_eq!(agent, [span(1.5, 1.7), span(2.0, 2.4)]);
        let [caller, agent] = call.load().unwrap();
        assert_eq!((caller.len(), agent.len()), (80_000, 80_000));
        assert!(agent[..15_000].iter().all(|x| *x == 0), "the agent's file begins 1 s into the call");
        let data = read(&folder.0.join("hvb/data"), &mut BadFiles::new(OnBadFile::Stop)).unwrap();
        assert_eq!(data.calls.len(), 1, "the inner folder is taken too");
    }

    #[test]
    fn speakers_do_not_cross_splits() {
        let folder = folder();
        let split = |id: i64| split_by_share(&format!("harpervalley {id}"), [0.70, 0.15]);
        let other = (1..60).find(|id| split(*id) != split(7)).unwrap();
        add(&folder, "00bb", [7, other]);
        let corpus = read_all(&folder).unwrap();
        assert_eq!((corpus.calls.len(), corpus.across_splits), (1, 1));
        assert_eq!(corpus.calls[0].split, split(7));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let edits = [
            ("transcript", "\"offset_ms\": 1500, ", "", "missing field `offset_ms`"),
            (
                "transcript",
                "\"offset_ms\": 4000",
                "\"offset_ms\": 4200",
                "2.offset_ms: expected start_ms + 0",
            ),
            ("transcript", "\"agent\"", "\"robot\"", "0.speaker_role: expected caller or agent, found robot"),
            ("transcript", "[0, 500]", "[0]", "0.word_offsets_ms: expected 2 times"),
            ("transcript", "[200, 400]", "[200, -4]", "0.word_offsets_ms: expected an offset"),
            ("transcript", "\"duration_ms\": 900", "\"duration_ms\": -900", "0.offset_ms"),
            ("transcript", "\"start_ms\": 500", "\"start_ms\": \"x\"", "invalid type"),
            ("transcript", "]", "", "a list of segments"),
            ("metadata", "\"speaker_id\": 7", "\"speaker\": 7", "missing field `speaker_id`"),
        ];
        for (kind, from, to, expected) in edits {
            let folder = folder();
            folder.edit(&format!("hvb/data/{kind}/00aa.json"), from, to);
            let error = read_all(&folder).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(&format!("{kind}/00aa.json")) && error.contains(expected), "{error}");
        }
        let folder = folder();
        folder.edit(
            "hvb/data/transcript/00aa.json",
            "\"start_ms\": 4000, \"offset_ms\": 4000",
            "\"start_ms\": 9000, \"offset_ms\": 9000",
        );
        let error = read_all(&folder).unwrap().calls[0].check().unwrap_err().to_string();
        assert!(error.contains("call harpervalley/00aa: speech") && error.contains("9 to 9.9 s"), "{error}");
        std::fs::remove_file(folder.0.join("hvb/data/metadata/00aa.json")).unwrap();
        let mut bad = BadFiles::new(OnBadFile::Skip);
        let corpus = read(&folder.0.join("hvb"), &mut bad).unwrap();
        assert_eq!((corpus.calls.len(), bad.skipped.len()), (0, 1));
        assert!(bad.skipped[0].to_string().contains("metadata/00aa.json: missing"));
        std::fs::remove_dir_all(folder.0.join("hvb/data/audio/agent")).unwrap();
        assert!(read(&folder.0.join("hvb"), &mut bad).is_err(), "the layout itself is never skipped");
    }
}
