//! A teacher's answers beside the prepared folder's sound: `NAME-VERSION.answers`, a line of JSON about the teacher and
//! one for each recording, by its key, so that answers outlive a folder that is prepared again with more in it.
//!
//! Lines are only ever added. One that the end of a run cut off is dropped; a place that was answered twice keeps its
//! last answer.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vap_core::SAMPLE_RATE_HZ;

use super::card::Card;
use super::questions::Kind;
use super::session::WINDOW_S;
use super::track::{self, Source, TONE_SAMPLES};
use crate::data::prepared::Manifest;
use crate::error::{Error, Result};

/// First value of every file of answers.
pub const MAGIC: &str = "vap-turn-answers";
/// Version of the layout and of how questions are put.
pub const VERSION: u32 = 1;
/// Ending of the file's name.
pub const ENDING: &str = "answers";
/// An answer stands for the places up to so many samples from its own: 120 ms.
const NEAREST_SAMPLES: u32 = 1_920;

/// One answer: the probability that a turn which stops there has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Sample before which the sound stopped, from the start of the recording.
    pub at: u32,
    /// Why it was asked there.
    pub kind: Kind,
    /// 0 to 1.
    pub ended: f32,
}

/// First line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    magic: String,
    version: u32,
    rate_hz: u32,
    window_s: usize,
    tone_samples: usize,
    teacher: Card,
}

impl Head {
    fn new(teacher: Card) -> Head {
        Head {
            magic: MAGIC.into(),
            version: VERSION,
            rate_hz: SAMPLE_RATE_HZ,
            window_s: WINDOW_S,
            tone_samples: TONE_SAMPLES,
            teacher,
        }
    }
}

/// Any other line. JSON's numbers do not hold the 64 bits of a key, so it is in hex.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    answers: Vec<(u32, Kind, f32)>,
}

/// What a file holds, each recording's answers in the order of time.
type ByKey = HashMap<u64, Vec<Answer>>;

/// Path of a teacher's file in a prepared folder.
pub fn path(folder: &Path, teacher: &Card) -> PathBuf {
    folder.join(format!("{}.{ENDING}", teacher.slug()))
}

/// Reads the text of a file, and how many of its bytes are whole lines.
fn parse(path: &Path, text: &str) -> Result<(Head, ByKey, usize)> {
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let fault = |line: usize, expected: &str, found: String| {
        Error::Data(format!("{}:{line}: expected {expected}, found {found}", path.display()))
    };
    let mut lines = text[..whole].lines().enumerate();
    let (_, first) = lines.next().ok_or_else(|| fault(1, "answers of a teacher", "nothing".into()))?;
    // Magic and version first: a file of another version need not have the fields of this one.
    #[derive(Deserialize)]
    struct Start {
        magic: String,
        version: u32,
    }
    let start: Start =
        serde_json::from_str(first).map_err(|e| fault(1, "JSON with magic and version", e.to_string()))?;
    if (start.magic.as_str(), start.version) != (MAGIC, VERSION) {
        let expected = format!("{MAGIC} version {VERSION}");
        return Err(fault(1, &expected, format!("{} version {}", start.magic, start.version)));
    }
    let head: Head =
        serde_json::from_str(first).map_err(|e| fault(1, "the fields of its version", e.to_string()))?;
    if head != Head::new(head.teacher.clone()) {
        return Err(fault(1, "questions as this version puts them", first.into()));
    }
    let mut by_key = ByKey::new();
    for (i, text) in lines {
        let line: Line =
            serde_json::from_str(text).map_err(|e| fault(i + 1, "a key and answers", e.to_string()))?;
        let key =
            u64::from_str_radix(&line.key, 16).map_err(|_| fault(i + 1, "a key in hex", line.key.clone()))?;
        if let Some((.., ended)) = line.answers.iter().find(|(.., ended)| !(0.0..=1.0).contains(ended)) {
            return Err(fault(i + 1, "probabilities from 0 to 1", ended.to_string()));
        }
        let known = by_key.entry(key).or_default();
        known.extend(line.answers.into_iter().map(|(at, kind, ended)| Answer { at, kind, ended }));
    }
    for answers in by_key.values_mut() {
        // Stable, so that the last of equal ones is the last that was written.
        answers.sort_by_key(|a| (a.at, a.kind));
        answers.dedup_by(|next, kept| {
            let same = (next.at, next.kind) == (kept.at, kept.kind);
            if same {
                *kept = *next;
            }
            same
        });
    }
    Ok((head, by_key, whole))
}

/// A file that is being added to.
pub struct Writer {
    path: PathBuf,
    file: File,
    known: ByKey,
}

impl Writer {
    /// The file of `teacher` in a prepared folder; a new one, or one that a run before this has begun.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] for a file of another teacher or version.
    pub fn open(folder: &Path, teacher: &Card) -> Result<Writer> {
        let path = path(folder, teacher);
        let head = Head::new(teacher.clone());
        let mut options = OpenOptions::new();
        let mut file = options.create(true).read(true).append(true).open(&path).map_err(Error::io(&path))?;
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let mut known = ByKey::new();
        if text.contains('\n') {
            let (found, by_key, whole) = parse(&path, &text)?;
            if found != head {
                return Err(Error::Data(format!(
                    "{}: expected answers of {:?}, found {:?}; move the file away to begin anew",
                    path.display(),
                    head.teacher,
                    found.teacher
                )));
            }
            known = by_key;
            file.set_len(whole as u64).map_err(Error::io(&path))?;
        } else {
            file.set_len(0).map_err(Error::io(&path))?;
            write_line(&mut file, &path, &head)?;
        }
        Ok(Writer { path, file, known })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a place of a recording was answered by a run before this one.
    pub fn knows(&self, key: u64, at: u32, kind: Kind) -> bool {
        let found = self.known.get(&key);
        found.is_some_and(|answers| answers.binary_search_by_key(&(at, kind), |a| (a.at, a.kind)).is_ok())
    }

    /// Adds answers of one recording.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, key: u64, answers: &[Answer]) -> Result<()> {
        let answers = answers.iter().map(|a| (a.at, a.kind, (a.ended * 1e4).round() / 1e4)).collect();
        write_line(&mut self.file, &self.path, &Line { key: format!("{key:016x}"), answers })
    }
}

/// One line in one write: what another process adds to the same file stands before or behind it.
fn write_line(file: &mut File, path: &Path, line: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec(line).map_err(|e| Error::io(path)(e.into()))?;
    bytes.push(b'\n');
    file.write_all(&bytes).map_err(Error::io(path))
}

/// Answers about a prepared folder, where the simulation looks them up.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Who answered.
    pub teacher: Card,
    utterances: Vec<Vec<Answer>>,
    calls: Vec<[Vec<Answer>; 2]>,
}

impl Answers {
    /// The answers of a file about the recordings of `manifest`; those about others are left.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] naming the line that cannot be read.
    pub fn open(path: &Path, manifest: &Manifest) -> Result<Answers> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let (head, mut by_key, _) = parse(path, &text)?;
        let mut answers = Answers {
            teacher: head.teacher,
            utterances: vec![Vec::new(); manifest.utterances.len()],
            calls: vec![Default::default(); manifest.calls.len()],
        };
        for track in track::tracks(manifest) {
            // The same recording may lie in a folder twice.
            let Some(found) = by_key.get_mut(&track.key) else { continue };
            match track.source {
                Source::Utterance(i) => answers.utterances[i].clone_from(found),
                Source::Channel(call, channel) => answers.calls[call][channel].clone_from(found),
            }
        }
        Ok(answers)
    }

    /// The files of answers in a prepared folder, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn find(folder: &Path) -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
        let paths = entries.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>();
        let mut paths = paths.map_err(Error::io(folder))?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
        paths.sort();
        Ok(paths)
    }

    /// Whether a turn that stops before `sample` of an utterance has ended: the answer nearest to it, if one lies
    /// within 120 ms.
    pub fn at(&self, utterance: usize, sample: u32) -> Option<f32> {
        nearest(self.of(utterance), sample)
    }

    /// The same for one channel of a call.
    pub fn call_at(&self, call: usize, channel: usize, sample: u32) -> Option<f32> {
        nearest(self.of_call(call, channel), sample)
    }

    /// All answers about an utterance, in the order of time.
    pub fn of(&self, utterance: usize) -> &[Answer] {
        self.utterances.get(utterance).map_or(&[], Vec::as_slice)
    }

    /// All answers about one channel of a call, in the order of time.
    pub fn of_call(&self, call: usize, channel: usize) -> &[Answer] {
        self.calls.get(call).and_then(|channels| channels.get(channel)).map_or(&[], Vec::as_slice)
    }

    /// Utterances that have any answer.
    pub fn answered(&self) -> usize {
        self.utterances.iter().filter(|answers| !answers.is_empty()).count()
    }
}

fn nearest(answers: &[Answer], sample: u32) -> Option<f32> {
    let after = answers.partition_point(|a| a.at < sample);
    let around = answers[after.saturating_sub(1)..].iter().take(2);
    let best = around.min_by_key(|a| a.at.abs_diff(sample))?;
    (best.at.abs_diff(sample) <= NEAREST_SAMPLES).then_some(best.ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(sha256: &str) -> Card {
        Card { name: "ear".into(), version: "1".into(), licence: "own".into(), sha256: sha256.into() }
    }

    fn answer(at: u32, ended: f32) -> Answer {
        Answer { at, kind: Kind::Speech, ended }
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("vap-answers-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_line_cut_off_is_written_again() {
        let folder = folder("cut");
        let mut writer = Writer::open(&folder, &card("ab")).unwrap();
        writer.append(7, &[answer(100, 0.25), answer(200, 0.5)]).unwrap();
        writer.append(u64::MAX, &[answer(300, 1.0)]).unwrap();
        let path = writer.path().to_path_buf();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();

        let mut writer = Writer::open(&folder, &card("ab")).unwrap();
        assert!(writer.knows(7, 200, Kind::Speech) && !writer.knows(7, 200, Kind::End));
        assert!(!writer.knows(u64::MAX, 300, Kind::Speech));
        writer.append(u64::MAX, &[answer(300, 0.75)]).unwrap();
        writer.append(7, &[answer(100, 0.125)]).unwrap();
        let (_, known, _) = parse(&path, &std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(known[&u64::MAX], [answer(300, 0.75)]);
        assert_eq!(known[&7], [answer(100, 0.125), answer(200, 0.5)]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn another_teacher_of_the_name_is_refused() {
        let folder = folder("other");
        Writer::open(&folder, &card("ab")).unwrap();
        let error = Writer::open(&folder, &card("cd")).err().unwrap().to_string();
        assert!(error.contains("cd") && error.contains("ear-1.answers"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line() {
        let head = serde_json::to_string(&Head::new(card("ab"))).unwrap();
        let read = |text: &str| parse(Path::new("a.answers"), text).map(|(_, known, _)| known.len());
        let line = r#"{"key":"00000000000000ff","answers":[[5,"end",0.5]]}"#;
        assert_eq!(read(&format!("{head}\n{line}\n")).unwrap(), 1);
        for (text, word) in [
            (String::new(), "nothing"),
            ("{}\n".into(), "magic"),
            (format!("{}\n", head.replace("\"version\":1,\"rate", "\"version\":9,\"rate")), "version 9"),
            (format!("{}\n", head.replace("960", "961")), "as this version"),
            (format!("{head}\n{}\n", line.replace("ff", "fx")), ":2: expected a key in hex"),
            (format!("{head}\n{}\n", line.replace("0.5", "1.5")), "1.5"),
            (format!("{head}\n{}\n", line.replace("end", "ends")), ":2:"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(word), "{word}: {error}");
        }
    }

    #[test]
    fn the_nearest_answer_counts() {
        let answers = [answer(10_000, 0.1), answer(13_200, 0.2), answer(13_300, 0.9)];
        assert_eq!(nearest(&answers, 10_001), Some(0.1));
        assert_eq!(nearest(&answers, 13_249), Some(0.2));
        assert_eq!(nearest(&answers, 13_300), Some(0.9));
        assert_eq!(nearest(&answers, 15_220), Some(0.9));
        assert_eq!(nearest(&answers, 15_221), None);
        assert_eq!(nearest(&answers, 0), None);
        assert_eq!(nearest(&[], 5), None);
    }
}
