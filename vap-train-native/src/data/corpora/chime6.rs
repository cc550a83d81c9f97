//! CHiME-6: dinner parties of four, each with binaural microphones at the ears, as calls of two.
//!
//! `transcriptions/{train,dev,eval}/S*.json`, a list of utterances with `speaker`, `start_time` and `end_time`
//! (`h:mm:ss.ss`) and `words`, and `audio/{train,dev,eval}/S*_P*.wav`, stereo. A call is a stretch in which only two
//! of the four talk, the left ear of each as its channel; the other is heard there too, more softly. Utterances are
//! transcribers' segments: pauses inside them are found in the sound. Stretches end at `[redacted]` words, whose sound
//! is gone. Backchannels are not annotated.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::data::bad::BadFiles;
use crate::data::files::{list_names, read_bytes};
use crate::data::formats::wav;
use crate::data::recordings::calls::{CallRecording, Source, Span, joined};
use crate::data::timing::meeting::{Island, merged};
use crate::data::timing::options::PairOptions;
use crate::data::timing::pairs::{intrusions, stretches};
use crate::data::timing::turns::{Sound, stretch_turns};
use crate::data::{CorpusError, Result, Split};

const LICENCE: &str = "CC-BY-SA-4.0 (CHiME-6)";
const PARTS: [(&str, Split); 3] = [("train", Split::Train), ("dev", Split::Dev), ("eval", Split::Test)];
/// Silence that is kept around a call where there is as much, in seconds.
const MARGIN_S: f64 = 1.0;

/// One utterance, as the transcription has it.
#[derive(Deserialize)]
struct Utterance {
    speaker: String,
    start_time: String,
    end_time: String,
    words: String,
}

/// Reads the folder `CHiME6`. Sessions that are bad go through `bad`; of the sound only headers are read.
///
/// # Errors
/// [`CorpusError`] naming the missing file, or the session and field that is wrong.
pub fn read(folder: &Path, bad: &mut BadFiles) -> Result<Vec<CallRecording>> {
    // Third speakers would be heard on both channels, so not even their short sounds may lie inside a call.
    let options = PairOptions { third_s: 0.0, ..PairOptions::default() };
    let mut calls = Vec::new();
    let mut found = false;
    for (part, split) in PARTS {
        let transcriptions = folder.join("transcriptions").join(part);
        if !transcriptions.is_dir() {
            continue;
        }
        for file in list_names(&transcriptions, "CHiME-6 transcriptions")? {
            if let Some(session) = file.strip_suffix(".json") {
                found = true;
                let audio = folder.join("audio").join(part);
                let read = read_session(&transcriptions.join(&file), &audio, session, split, &options);
                calls.extend(bad.keep(read)?.into_iter().flatten());
            }
        }
    }
    if !found {
        let path = folder.join("transcriptions/{train,dev,eval}/S*.json");
        return Err(CorpusError::Missing { path, what: "CHiME-6 transcriptions" });
    }
    Ok(calls)
}

fn read_session(
    path: &Path,
    audio: &Path,
    session: &str,
    split: Split,
    options: &PairOptions,
) -> Result<Vec<CallRecording>> {
    let utterances: Vec<Utterance> = serde_json::from_slice(&read_bytes(path, "CHiME-6 transcription")?)
        .map_err(|error| CorpusError::Row {
            path: path.into(),
            line: error.line(),
            column: "JSON",
            expected: "a list of utterances with speaker, start_time, end_time and words".into(),
            found: error.to_string(),
        })?;
    let mut sounds: BTreeMap<String, Vec<Island>> = BTreeMap::new();
    for (index, utterance) in utterances.into_iter().enumerate() {
        let fault = |what, expected: &str, found: &str| CorpusError::Call {
            name: format!("chime6/{session}"),
            what,
            expected: expected.into(),
            found: format!("{found:?} in utterance {index} (from 0)"),
        };
        let time = |what, text: &str| seconds(text).ok_or_else(|| fault(what, "h:mm:ss.ss", text));
        let start_s = time("start_time", &utterance.start_time)?;
        let end_s = time("end_time", &utterance.end_time)?;
        if end_s < start_s {
            return Err(fault(
                "end_time",
                &format!("{} or later", utterance.start_time),
                &utterance.end_time,
            ));
        }
        let speaker = utterance.speaker;
        if speaker.is_empty() || !speaker.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(fault("speaker", "letters and digits", &speaker));
        }
        let doubtful = utterance.words.contains("[redacted]");
        let sounds = sounds.entry(speaker).or_default();
        if end_s > start_s {
            sounds.push(Island { start_s, end_s, backchannel: false, doubtful });
        }
    }
    let names: Vec<&String> = sounds.keys().collect();
    let islands: Vec<Vec<Island>> =
        sounds.values().map(|sounds| merged(sounds.clone(), options.islands.merge_gap_s)).collect();
    let paths: Vec<_> = names.iter().map(|name| audio.join(format!("{session}_{name}.wav"))).collect();
    for path in &paths {
        wav::read_header(path)?;
    }
    let mut calls = Vec::new();
    for second in 1..islands.len() {
        for first in 0..second {
            let pair = [&islands[first][..], &islands[second][..]];
            let others = (0..islands.len()).filter(|i| *i != first && *i != second);
            let third = others.flat_map(|index| &islands[index]);
            for stretch in stretches(pair, &intrusions(pair, third, options), options) {
                if stretch_turns(&stretch, options).is_none() {
                    continue;
                }
                let cut_s = with_margins(&stretch, &islands);
                let speech = [0, 1].map(|speaker| spans(&stretch, speaker, cut_s[0]));
                let source = |index: usize| Source { path: paths[index].clone(), channel: 0, delay_ms: 0.0 };
                let call = CallRecording {
                    name: format!("{session}-{}-{}-{:.0}", names[first], names[second], cut_s[0] * 1000.0),
                    corpus: "chime6",
                    split,
                    licence: LICENCE.into(),
                    channels: [source(first), source(second)],
                    cut_s: Some(cut_s),
                    speech: Some(speech),
                    hides_pauses: true,
                    backchannels: None,
                };
                call.check()?;
                calls.push(call);
            }
        }
    }
    Ok(calls)
}

/// Seconds of `h:mm:ss.ss`.
fn seconds(text: &str) -> Option<f64> {
    let mut fields = text.split(':');
    let (hours, minutes, seconds) = (fields.next()?, fields.next()?, fields.next()?);
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds: f64 = seconds.parse().ok()?;
    let valid = fields.next().is_none() && minutes < 60 && (0.0..60.0).contains(&seconds);
    valid.then(|| f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds)
}

/// Start and end of a stretch with the silence of all speakers around it, up to [`MARGIN_S`] on each side.
fn with_margins(stretch: &[Sound], islands: &[Vec<Island>]) -> [f64; 2] {
    let start_s = stretch.iter().fold(f64::INFINITY, |start_s, (_, island)| island.start_s.min(start_s));
    let end_s = stretch.iter().fold(0.0_f64, |end_s, (_, island)| island.end_s.max(end_s));
    let all = || islands.iter().flatten();
    // What began before the stretch and is not in it.
    let before_s = all().filter(|island| island.start_s < start_s).fold(0.0_f64, |s, i| i.end_s.max(s));
    let after_s = all().filter(|island| island.end_s > end_s).fold(f64::INFINITY, |s, i| i.start_s.min(s));
    // The sound may end right after the last word, and no header says so here: nothing follows, no margin.
    let after_s = if after_s.is_finite() { after_s } else { end_s };
    [before_s.clamp(start_s - MARGIN_S, start_s).max(0.0), after_s.clamp(end_s, end_s + MARGIN_S)]
}

/// The sounds of one speaker of a stretch, counted from the start of the call.
fn spans(stretch: &[Sound], speaker: usize, from_s: f64) -> Vec<Span> {
    let own = stretch.iter().filter(|(who, _)| *who == speaker);
    joined(own.map(|(_, i)| Span { start_s: i.start_s - from_s, end_s: i.end_s - from_s }).collect(), 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bad::OnBadFile;
    use crate::data::fixture;
    use crate::data::fixture::Folder;

    const TALK: [(&str, &str, &str, &str); 7] = [
        ("P05", "0:00:02.00", "0:00:06.50", "so what do we cook"),
        ("P06", "0:00:06.80", "0:00:12.00", "pasta [laughs] I think"),
        ("P05", "0:00:08.00", "0:00:08.60", "mm"),
        ("P05", "0:00:12.25", "0:00:20.00", "fine"),
        ("P07", "0:00:20.50", "0:00:24.00", "not again"),
        ("P05", "0:00:24.10", "0:00:31.00", "well"),
        ("P06", "0:00:31.50", "0:00:40.00", "yes it is all that there is"),
    ];

    fn json(talk: &[(&str, &str, &str, &str)]) -> String {
        let line = |(speaker, start, end, words): &(&str, &str, &str, &str)| {
            format!(
                "{{\"end_time\": \"{end}\", \"start_time\": \"{start}\", \"words\": \"{words}\", \
                 \"speaker\": \"{speaker}\", \"ref\": \"U02\", \"location\": \"kitchen\", \
                 \"session_id\": \"S02\"}}"
            )
        };
        format!("[\n{}\n]", talk.iter().map(line).collect::<Vec<_>>().join(",\n"))
    }

    fn corpus() -> Folder {
        let folder = Folder::new();
        folder.write("transcriptions/dev/S02.json", json(&TALK));
        for (speaker, level) in [("P05", 500_i16), ("P06", 600), ("P07", 700)] {
            let samples: Vec<i16> = (0..16_000 * 40).flat_map(|_| [level, -1]).collect();
            fixture::stereo(&folder, &format!("audio/dev/S02_{speaker}.wav"), 16_000, &samples);
        }
        folder
    }

    fn read_stop(folder: &Folder) -> Result<Vec<CallRecording>> {
        read(&folder.0, &mut BadFiles::new(OnBadFile::Stop))
    }

    #[test]
    fn stretches_of_two_become_calls() {
        let folder = corpus();
        let calls = read_stop(&folder).unwrap();
        // P05 and P06 until P07 speaks, and after; P05 and P07 from where P06 is done until P06 speaks again.
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["S02-P05-P06-1000", "S02-P05-P06-24000", "S02-P05-P07-12000"]);
        let call = &calls[0];
        assert_eq!(call.split, Split::Dev);
        assert_eq!(
            call.cut_s,
            Some([1.0, 20.5]),
            "a second before, half a second to the third speaker after"
        );
        let speech = call.speech.clone().unwrap();
        let rounded = |spans: &[Span]| -> Vec<(f64, f64)> {
            let round = |s: f64| (s * 1000.0).round() / 1000.0;
            spans.iter().map(|span| (round(span.start_s), round(span.end_s))).collect()
        };
        assert_eq!(rounded(&speech[0]), [(1.0, 5.5), (7.0, 7.6), (11.25, 19.0)]);
        assert_eq!(rounded(&speech[1]), [(5.8, 11.0)]);
        let [a, b] = call.load().unwrap();
        assert_eq!((a.len(), b.len()), (312_000, 312_000));
        assert!(a.iter().all(|x| *x == 500) && b.iter().all(|x| *x == 600), "the left ear of each");
        let cut_s = calls[1].cut_s.unwrap();
        assert!((cut_s[0] - 24.0).abs() < 1e-9 && cut_s[1] == 40.0, "{cut_s:?}");
    }

    #[test]
    fn redacted_words_end_a_stretch() {
        let folder = corpus();
        folder.edit("transcriptions/dev/S02.json", "pasta [laughs]", "[redacted]");
        let calls = read_stop(&folder).unwrap();
        assert!(calls.iter().all(|call| call.cut_s.unwrap()[0] >= 12.0), "{calls:?}");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let path = "transcriptions/dev/S02.json";
        let faults = [
            (
                "0:00:06.80",
                "0:00:66.80",
                "call chime6/S02: start_time: expected h:mm:ss.ss, found \"0:00:66.80\"",
            ),
            ("0:00:06.80", "0:00:NaN", "start_time"),
            ("0:00:06.80", "6.80", "start_time"),
            ("0:00:06.80", "0:00:06.80:1", "start_time"),
            ("0:00:06.50", "0:00:01.50", "end_time: expected 0:00:02.00 or later"),
            ("\"P06\"", "\"../P06\"", "speaker: expected letters and digits"),
            ("\"P06\"", "\"P08\"", "S02_P08.wav: missing (recording)"),
            ("\"speaker\": \"P06\"", "\"who\": \"P06\"", "S02.json:3: JSON: expected a list of utterances"),
            ("0:00:40.00", "0:01:40.00", "call chime6/S02-P05-P06"),
        ];
        for (from, to, expected) in faults {
            let folder = corpus();
            folder.edit(path, from, to);
            let error = read_stop(&folder).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let folder = corpus();
        folder.write(path, &json(&TALK)[..200]);
        assert!(read_stop(&folder).unwrap_err().to_string().contains("S02.json:"));
        let mut bad = BadFiles::new(OnBadFile::Skip);
        assert!(read(&folder.0, &mut bad).unwrap().is_empty());
        assert_eq!(bad.skipped.len(), 1);
        assert!(
            read_stop(&Folder::new()).unwrap_err().to_string().contains("missing (CHiME-6 transcriptions)")
        );
    }
}
