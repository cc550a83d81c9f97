//! Any folder of two-channel calls: stereo WAV files of any rate, one speaker a channel.
//!
//! Beside `NAME.wav` may lie `NAME.rttm` (channels 1 and 2) or `NAME.json` with `"vad_list"`, two lists of
//! `[start, end]` in seconds; without either, speech is found by its energy. Folders `train/`, `dev/` and `test/` say
//! the split, else the hash of the name does. Where a channel is an agent it is the second.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::data::bad::BadFiles;
use crate::data::files::{list_names, read_bytes};
use crate::data::formats::{rttm, wav};
use crate::data::recordings::calls::{CallRecording, Source, Span, joined, split_by_name};
use crate::data::{CorpusError, Result, Split};

/// The licence of a team's own calls is the team's matter.
const LICENCE: &str = "own recordings";

#[derive(Deserialize)]
struct Annotation {
    vad_list: Vec<Vec<[f64; 2]>>,
}

/// Reads all calls below `folder`.
///
/// # Errors
/// [`CorpusError::Missing`] without any WAV file; for one call what [`BadFiles`] does not keep.
pub fn read(folder: &Path, bad: &mut BadFiles) -> Result<Vec<CallRecording>> {
    let mut paths = Vec::new();
    list_wavs(folder, &mut paths)?;
    if paths.is_empty() {
        return Err(CorpusError::Missing { path: folder.join("*.wav"), what: "two-channel calls" });
    }
    let mut calls = Vec::new();
    for path in paths {
        calls.extend(bad.keep(read_call(folder, &path))?);
    }
    Ok(calls)
}

fn list_wavs(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for name in list_names(folder, "folder of two-channel calls")? {
        let path = folder.join(name);
        if path.is_dir() {
            list_wavs(&path, paths)?;
        } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wav")) {
            paths.push(path);
        }
    }
    Ok(())
}

fn read_call(folder: &Path, path: &Path) -> Result<CallRecording> {
    let inside = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let first = inside.iter().next().and_then(|part| part.to_str()).and_then(Split::from_name);
    let name = inside.to_string_lossy().into_owned();
    let header = wav::read_header(path)?;
    if header.channels != 2 {
        return Err(CorpusError::Audio {
            path: path.into(),
            expected: "2 channels, one a speaker".into(),
            found: header.channels.to_string(),
        });
    }
    let (json, rttm) = (path.with_extension("json"), path.with_extension("rttm"));
    let speech = match (json.is_file(), rttm.is_file()) {
        (true, true) => {
            let (expected, found) = ("a .json or an .rttm beside it".into(), "both".into());
            return Err(CorpusError::Audio { path: path.into(), expected, found });
        }
        (true, false) => Some(read_json(&json)?),
        (false, true) => Some(read_rttm(&rttm)?),
        (false, false) => None,
    };
    Ok(CallRecording {
        split: first.unwrap_or_else(|| split_by_name(&name)),
        name,
        corpus: "calls",
        licence: LICENCE.into(),
        channels: [0, 1].map(|channel| Source { path: path.into(), channel, delay_ms: 0.0 }),
        cut_s: None,
        speech,
        hides_pauses: false,
        backchannels: None,
    })
}

fn read_json(path: &Path) -> Result<[Vec<Span>; 2]> {
    let fault = |field: String, expected: &str, found: String| CorpusError::Field {
        path: path.into(),
        field,
        expected: expected.into(),
        found,
    };
    let annotation: Annotation = serde_json::from_slice(&read_bytes(path, "times of speech")?)
        .map_err(|error| fault("vad_list".into(), "a list of [start, end] a channel", error.to_string()))?;
    let tracks: [Vec<[f64; 2]>; 2] = annotation
        .vad_list
        .try_into()
        .map_err(|list: Vec<_>| fault("vad_list".into(), "2 lists, one a channel", list.len().to_string()))?;
    for (channel, track) in tracks.iter().enumerate() {
        for (index, [start_s, end_s]) in track.iter().enumerate() {
            if !(*start_s >= 0.0 && end_s >= start_s && end_s.is_finite()) {
                let field = format!("vad_list.{channel}.{index}");
                return Err(fault(field, "0 <= start <= end, in seconds", format!("[{start_s}, {end_s}]")));
            }
        }
    }
    Ok(tracks.map(|track| {
        joined(track.into_iter().map(|[start_s, end_s]| Span { start_s, end_s }).collect(), 0.0)
    }))
}

fn read_rttm(path: &Path) -> Result<[Vec<Span>; 2]> {
    let mut speech: [Vec<Span>; 2] = Default::default();
    for segment in rttm::read(path)? {
        let channel = match segment.channel.as_str() {
            "1" => 0,
            "2" => 1,
            found => {
                return Err(CorpusError::Row {
                    path: path.into(),
                    line: segment.line,
                    column: "channel",
                    expected: "1 or 2, the channel of the WAV file".into(),
                    found: found.into(),
                });
            }
        };
        speech[channel].push(Span { start_s: segment.start_s, end_s: segment.end_s });
    }
    Ok(speech.map(|spans| joined(spans, 0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bad::OnBadFile;
    use crate::data::fixture;
    use crate::data::fixture::{Folder, burst};

    /// A call of 4 s: the first channel speaks from 0.5 to 1.5 s, the second from 2 to 3 s.
    fn add(folder: &Folder, path: &str) {
        let (a, b) = (burst(4.0, 0.5, 1.5), burst(4.0, 2.0, 3.0));
        let both: Vec<i16> = a.into_iter().zip(b).flat_map(|(a, b)| [a, b]).collect();
        fixture::stereo(folder, path, 16_000, &both);
    }

    fn read_all(folder: &Folder) -> Result<Vec<CallRecording>> {
        read(&folder.0, &mut BadFiles::new(OnBadFile::Stop))
    }

    fn spans(list: &[[f64; 2]]) -> Vec<Span> {
        list.iter().map(|[start_s, end_s]| Span { start_s: *start_s, end_s: *end_s }).collect()
    }

    #[test]
    fn speech_comes_from_json_rttm_or_energy() {
        let folder = Folder::new();
        ["a.wav", "b.WAV", "c.wav"].iter().for_each(|path| add(&folder, path));
        folder.write("a.json", r#"{"vad_list": [[[0.5, 1.0], [0.9, 1.5]], []], "label": "by hand"}"#);
        folder.write(
            "b.rttm",
            "SPEAKER b 2 2.000 1.000 <NA> <NA> agent <NA> <NA>\nSPEAKER b 1 0.5 1 <NA> <NA> user <NA> <NA>\n",
        );
        let calls = read_all(&folder).unwrap();
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(calls[0].speech, Some([spans(&[[0.5, 1.5]]), vec![]]));
        assert_eq!(calls[1].speech, Some([spans(&[[0.5, 1.5]]), spans(&[[2.0, 3.0]])]));
        assert_eq!(calls[2].speech, None);
        let audio = calls[2].load().unwrap();
        assert_eq!(audio[1], burst(4.0, 2.0, 3.0));
        let [a, b] = calls[2].speech_in(&audio);
        let near = |found: &[Span], start_s: f64, end_s: f64| {
            found.len() == 1
                && (found[0].start_s - start_s).abs() < 0.03
                && (found[0].end_s - end_s).abs() < 0.03
        };
        assert!(near(&a, 0.5, 1.5) && near(&b, 2.0, 3.0), "{a:?} {b:?}");
    }

    #[test]
    fn folders_or_names_say_the_split() {
        let folder = Folder::new();
        ["train/x/a.wav", "dev/a.wav", "test/a.wav", "other/a.wav"]
            .iter()
            .for_each(|path| add(&folder, path));
        let calls = read_all(&folder).unwrap();
        let splits: Vec<(&str, Split)> = calls.iter().map(|call| (call.name.as_str(), call.split)).collect();
        let other = split_by_name("other/a");
        let expected =
            [("dev/a", Split::Dev), ("other/a", other), ("test/a", Split::Test), ("train/x/a", Split::Train)];
        assert_eq!(splits, expected);
    }

    #[test]
    fn what_is_wrong_is_named_and_may_be_skipped() {
        let faults = [
            ("a.json", r#"{"vad": []}"#, "missing field `vad_list`"),
            ("a.json", r#"{"vad_list": [[]]}"#, "2 lists, one a channel, found 1"),
            ("a.json", r#"{"vad_list": [[], [[1.0, 0.5]]]}"#, "vad_list.1.0: expected 0 <= start <= end"),
            ("a.json", r#"{"vad_list": [[[0, 1e999]], []]}"#, "vad_list"),
            ("a.rttm", "SPEAKER a 3 0.5 1 <NA> <NA> user <NA> <NA>\n", "a.rttm:1: channel: expected 1 or 2"),
            ("a.rttm", "SPEAKER a 1 x 1 <NA> <NA> user <NA> <NA>\n", "a.rttm:1"),
        ];
        for (file, content, expected) in faults {
            let folder = Folder::new();
            add(&folder, "a.wav");
            folder.write(file, content);
            let error = read_all(&folder).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains(expected), "{error}");
        }
        let folder = Folder::new();
        assert!(read_all(&folder).unwrap_err().to_string().contains("*.wav: missing"));
        add(&folder, "a.wav");
        fixture::wav(&folder, "mono.wav", 16_000, &[1; 100]);
        folder.write("broken.wav", "RIFF");
        folder.write("a.json", r#"{"vad_list": [[[0.5, 4.9]], []]}"#);
        let mut bad = BadFiles::new(OnBadFile::Skip);
        let calls = read(&folder.0, &mut bad).unwrap();
        assert_eq!((calls.len(), bad.skipped.len()), (1, 2));
        assert!(bad.skipped[1].to_string().contains("mono.wav: expected 2 channels, one a speaker, found 1"));
        assert!(calls[0].check().unwrap_err().to_string().contains("0.5 to 4.9 s"));
    }
}
