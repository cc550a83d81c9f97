//! LibriSpeech in its official layout: read sentences of 2,484 speakers as FLAC, with their transcripts' list.
//!
//! `LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac`, beside them
//! `<speaker>-<chapter>.trans.txt` with a line for each, and `LibriSpeech/SPEAKERS.TXT`. Any of the subsets may be
//! there. Only headers are read here; where speech begins and ends is found when the sound is loaded.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::data::bad::BadFiles;
use crate::data::files::{list_names, read_text};
use crate::data::formats::flac;
use crate::data::recordings::speech::{Gender, Recording, UtteranceKind};
use crate::data::{CorpusError, Result, Split};

const LICENCE: &str = "CC-BY-4.0 (LibriSpeech)";
const SUBSETS: [(&str, Split); 7] = [
    ("train-clean-100", Split::Train),
    ("train-clean-360", Split::Train),
    ("train-other-500", Split::Train),
    ("dev-clean", Split::Dev),
    ("dev-other", Split::Dev),
    ("test-clean", Split::Test),
    ("test-other", Split::Test),
];

/// Reads all subsets below `folder`, which holds `SPEAKERS.TXT`. Recordings that are bad go through `bad`.
///
/// # Errors
/// [`CorpusError`] naming the missing file, the line of `SPEAKERS.TXT` or of a transcript that is wrong, or the
/// recording.
pub fn read(folder: &Path, bad: &mut BadFiles) -> Result<Vec<Recording>> {
    let speakers = read_speakers(&folder.join("SPEAKERS.TXT"))?;
    let mut recordings = Vec::new();
    let mut found = false;
    for (subset, split) in SUBSETS {
        let path = folder.join(subset);
        if !path.is_dir() {
            continue;
        }
        found = true;
        for speaker in list_names(&path, "speakers of LibriSpeech")? {
            let path = path.join(&speaker);
            let (gender, home) = speakers.get(&speaker).ok_or_else(|| CorpusError::Missing {
                path: folder.join("SPEAKERS.TXT"),
                what: "line of a speaker who has recordings",
            })?;
            if home != subset {
                let (expected, found) = (format!("in {home}, as SPEAKERS.TXT says"), format!("in {subset}"));
                return Err(CorpusError::Audio { path, expected, found });
            }
            for chapter in list_names(&path, "chapters of a LibriSpeech speaker")? {
                let path = path.join(&chapter);
                for number in read_chapter(&path, &format!("{speaker}-{chapter}"))? {
                    let path = path.join(format!("{number}.flac"));
                    let Some(seconds) = bad.keep(flac::seconds(&path))? else { continue };
                    recordings.push(Recording {
                        path,
                        set: format!("ls-{subset}"),
                        speaker: speaker.clone(),
                        gender: *gender,
                        lang: "en".into(),
                        split,
                        licence: LICENCE.into(),
                        kind: UtteranceKind::Read,
                        seconds,
                        table_span_s: [0.0, seconds],
                    });
                }
            }
        }
    }
    if !found {
        return Err(CorpusError::Missing {
            path: folder.join("train-clean-100"),
            what: "subset of LibriSpeech",
        });
    }
    Ok(recordings)
}

/// Gender and subset by speaker.
fn read_speakers(path: &Path) -> Result<HashMap<String, (Gender, String)>> {
    let mut speakers = HashMap::new();
    for (index, text) in read_text(path, "LibriSpeech speakers")?.lines().enumerate() {
        if text.starts_with(';') || text.trim().is_empty() {
            continue;
        }
        let error = |column, expected: &str, found: &str| CorpusError::Row {
            path: path.into(),
            line: index + 1,
            column,
            expected: expected.into(),
            found: found.into(),
        };
        let fields: Vec<&str> = text.splitn(5, '|').map(str::trim).collect();
        let [speaker, sex, subset, ..] = fields[..] else {
            return Err(error("fields", "ID | SEX | SUBSET | MINUTES | NAME", text));
        };
        let gender = match sex {
            "F" => Gender::Female,
            "M" => Gender::Male,
            _ => return Err(error("SEX", "F or M", sex)),
        };
        speakers.insert(speaker.to_owned(), (gender, subset.to_owned()));
    }
    Ok(speakers)
}

/// Names of a chapter's utterances by its transcript, which must agree with the recordings that are there.
fn read_chapter(folder: &Path, chapter: &str) -> Result<Vec<String>> {
    let path = folder.join(format!("{chapter}.trans.txt"));
    let names = list_names(folder, "chapter of LibriSpeech")?;
    let recorded: BTreeSet<&str> = names.iter().filter_map(|name| name.strip_suffix(".flac")).collect();
    let mut utterances = Vec::new();
    for (index, text) in read_text(&path, "transcript of a LibriSpeech chapter")?.lines().enumerate() {
        let name = text.split(' ').next().unwrap_or_default();
        if !recorded.contains(name) {
            let expected = format!("an utterance with a recording {chapter}-*.flac");
            let (line, column, found) = (index + 1, "utterance", name.to_owned());
            return Err(CorpusError::Row { path, line, column, expected, found });
        }
        utterances.push(name.to_owned());
    }
    if let Some(name) = recorded.iter().find(|name| !utterances.iter().any(|known| known == *name)) {
        let (column, expected) = ("utterance", format!("a line for {name}.flac"));
        return Err(CorpusError::Row {
            path,
            line: utterances.len(),
            column,
            expected,
            found: "none".into(),
        });
    }
    Ok(utterances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bad::OnBadFile;
    use crate::data::fixture;
    use crate::data::fixture::{Folder, burst};
    use crate::data::timing::islands::IslandOptions;

    const SPEAKERS: &str = "; Notes\n;ID  |SEX| SUBSET           |MINUTES| NAME\n\
                            14   | F | train-clean-100  | 25.03 | Kristin | LeMoine\n\
                            61   | M | test-clean       | 8.08 | A\n";

    fn corpus() -> Folder {
        let folder = Folder::new();
        folder.write("SPEAKERS.TXT", SPEAKERS);
        folder.write("train-clean-100/14/208/14-208.trans.txt", "14-208-0000 ONE\n14-208-0001 TWO WORDS\n");
        fixture::flac(&folder, "train-clean-100/14/208/14-208-0000.flac", 16_000, &burst(1.0, 0.2, 0.8));
        fixture::flac(&folder, "train-clean-100/14/208/14-208-0001.flac", 16_000, &burst(0.5, 0.1, 0.4));
        folder.write("test-clean/61/70/61-70.trans.txt", "61-70-0000 X\n");
        fixture::flac(&folder, "test-clean/61/70/61-70-0000.flac", 16_000, &burst(0.5, 0.1, 0.4));
        folder
    }

    fn error(folder: &Folder) -> String {
        read(&folder.0, &mut BadFiles::new(OnBadFile::Stop)).unwrap_err().to_string()
    }

    #[test]
    fn recordings_are_read() {
        let folder = corpus();
        let recordings = read(&folder.0, &mut BadFiles::new(OnBadFile::Stop)).unwrap();
        assert_eq!(recordings.len(), 3);
        let first = &recordings[0];
        assert_eq!((first.speaker.as_str(), first.gender, first.split), ("14", Gender::Female, Split::Train));
        assert_eq!((first.set.as_str(), first.seconds), ("ls-train-clean-100", 1.0));
        let (samples, islands) = first.load(&IslandOptions::default()).unwrap();
        assert_eq!(samples, burst(1.0, 0.2, 0.8));
        assert_eq!(islands.islands.len(), 1);
        assert_eq!((recordings[2].gender, recordings[2].split), (Gender::Male, Split::Test));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let faults = [
            ("14   | F", "14   | X", "SPEAKERS.TXT:3: SEX: expected F or M, found X"),
            ("14   | F |", "15   | F |", "SPEAKERS.TXT: missing (line of a speaker"),
            ("train-clean-100 ", "train-clean-360 ", "14: expected in train-clean-360"),
            ("61   | M | test-clean       | 8.08 | A", "61", "SPEAKERS.TXT:4: fields"),
        ];
        for (from, to, expected) in faults {
            let folder = corpus();
            folder.edit("SPEAKERS.TXT", from, to);
            assert!(error(&folder).contains(expected), "{}", error(&folder));
        }
        let transcript = "train-clean-100/14/208/14-208.trans.txt";
        let folder = corpus();
        folder.edit(transcript, "14-208-0001", "14-208-0002");
        assert!(
            error(&folder).contains("14-208.trans.txt:2: utterance: expected an utterance with a recording")
        );
        folder.edit(transcript, "14-208-0002 TWO WORDS\n", "");
        assert!(error(&folder).contains("expected a line for 14-208-0001.flac"), "{}", error(&folder));
        std::fs::remove_file(folder.0.join(transcript)).unwrap();
        assert!(error(&folder).contains("14-208.trans.txt: missing"));
        assert!(error(&Folder::new()).contains("SPEAKERS.TXT: missing (LibriSpeech speakers)"));
        let empty = Folder::new();
        empty.write("SPEAKERS.TXT", SPEAKERS);
        assert!(error(&empty).contains("missing (subset of LibriSpeech)"));
    }

    #[test]
    fn bad_recordings_are_named_or_left_out() {
        let path = "train-clean-100/14/208/14-208-0000.flac";
        let folder = corpus();
        let whole = std::fs::read(folder.0.join(path)).unwrap();
        folder.write(path, &whole[..20]);
        assert!(error(&folder).contains("14-208-0000.flac: expected a FLAC file"), "{}", error(&folder));
        let mut bad = BadFiles::new(OnBadFile::Skip);
        assert_eq!(read(&folder.0, &mut bad).unwrap().len(), 2);
        assert_eq!(bad.skipped.len(), 1);
        fixture::flac(&folder, path, 8_000, &[0; 100]);
        assert!(error(&folder).contains("found 8000 Hz, 1 channel(s), 16 bit"), "{}", error(&folder));

        let load = |bytes: &[u8]| {
            folder.write(path, bytes);
            let recordings = read(&folder.0, &mut BadFiles::new(OnBadFile::Stop)).unwrap();
            recordings[0].load(&IslandOptions::default()).unwrap_err().to_string()
        };
        assert!(load(&whole[..whole.len() / 2]).contains("14-208-0000.flac: expected"));
        let mut flipped = whole.clone();
        flipped[5_000] ^= 0x40;
        assert!(load(&flipped).contains("expected a FLAC file"), "the checksum of a frame fails");
        // A header that promises 2^36 samples must not reserve them.
        let mut huge = whole.clone();
        huge[21] |= 0x0F;
        huge[22..26].fill(0xFF);
        assert!(load(&huge).contains("14-208-0000.flac: expected"), "{}", load(&huge));
    }
}
