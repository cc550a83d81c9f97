//! VoxConverse: who speaks when in 448 clips of debates and news, as RTTM, and their recordings where they are.
//!
//! `dev/*.rttm` and `test/*.rttm` as the annotations are published; recordings where the two archives unpack,
//! `dev/audio/*.wav` and `test/voxconverse_test_wav/*.wav`. All speakers share one channel, so the corpus gives
//! timing and no calls. Overlaps are annotated; pauses under 0.25 s are not.

use std::path::{Path, PathBuf};

use crate::data::files::list_names;
use crate::data::formats::rttm;
use crate::data::timing::isolated::mark_backchannels;
use crate::data::timing::meeting::{Island, merged};
use crate::data::timing::options::PairOptions;
use crate::data::timing::pairs::{intrusions, pair_stretches};
use crate::data::timing::turns::{Timing, TimingCorpus};
use crate::data::{CorpusError, Result, Split};

/// The corpus has no training part: its development part is the one to learn from.
const PARTS: [(&str, Split, &str); 2] =
    [("dev", Split::Train, "audio"), ("test", Split::Test, "voxconverse_test_wav")];

/// One clip.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Name, e.g. `abjxc`.
    pub name: String,
    /// Split: the part `dev` is for training, `test` for testing.
    pub split: Split,
    /// The speakers, in order of their first word.
    pub speakers: Vec<Speaker>,
    /// The recording, one channel with all speakers, where it is there.
    pub audio: Option<PathBuf>,
}

/// One speaker of a clip.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// Name within the clip, e.g. `spk00`.
    pub name: String,
    /// Stretches of speech (start, end) in seconds, in the order of the file.
    pub segments_s: Vec<(f64, f64)>,
}

/// Reads all annotations below `folder`, which holds `dev/` and `test/`.
///
/// # Errors
/// [`CorpusError`] naming the missing folder, or the file and line that is wrong.
pub fn read(folder: &Path) -> Result<Vec<Conversation>> {
    let mut conversations = Vec::new();
    for (part, split, audio) in PARTS {
        let part = folder.join(part);
        let names = list_names(&part, "VoxConverse RTTM files")?;
        let before = conversations.len();
        for name in names.iter().filter_map(|name| name.strip_suffix(".rttm")) {
            let path = part.join(format!("{name}.rttm"));
            let mut speakers: Vec<Speaker> = Vec::new();
            for segment in rttm::read(&path)? {
                if segment.file != name {
                    let (line, column) = (segment.line, "recording");
                    let (expected, found) = (name.to_owned(), segment.file);
                    return Err(CorpusError::Row { path, line, column, expected, found });
                }
                let time = (segment.start_s, segment.end_s);
                match speakers.iter_mut().find(|speaker| speaker.name == segment.speaker) {
                    Some(speaker) => speaker.segments_s.push(time),
                    None => speakers.push(Speaker { name: segment.speaker, segments_s: vec![time] }),
                }
            }
            let audio = Some(part.join(audio).join(format!("{name}.wav"))).filter(|path| path.is_file());
            conversations.push(Conversation { name: name.into(), split, speakers, audio });
        }
        if conversations.len() == before {
            return Err(CorpusError::Missing { path: part.join("*.rttm"), what: "VoxConverse RTTM files" });
        }
    }
    Ok(conversations)
}

impl Conversation {
    /// Stretches in which two of the speakers talk, for every pair; speakers are lettered `A`, `B`, ... in order of
    /// their first word. Backchannels are those that are short and isolated.
    pub fn timings(&self, options: &PairOptions) -> Vec<Timing> {
        let island =
            |&(start_s, end_s): &(f64, f64)| Island { start_s, end_s, backchannel: false, doubtful: false };
        let sounds = self.speakers.iter().map(|speaker| speaker.segments_s.iter().map(island).collect());
        let mut islands: Vec<Vec<Island>> =
            sounds.map(|sounds| merged(sounds, options.islands.merge_gap_s)).collect();
        mark_backchannels(&mut islands);
        let mut timings = Vec::new();
        for second in 1..islands.len() {
            for first in 0..second {
                let pair = [&islands[first][..], &islands[second][..]];
                let others = (0..islands.len()).filter(|i| *i != first && *i != second);
                let third = others.flat_map(|index| &islands[index]);
                for (offset_s, turns) in pair_stretches(pair, &intrusions(pair, third, options), options) {
                    timings.push(Timing {
                        corpus: TimingCorpus::VoxConverse,
                        meeting: self.name.clone(),
                        split: self.split,
                        channels: [first, second].map(crate::data::timing::turns::channel_letter),
                        offset_s,
                        turns,
                    });
                }
            }
        }
        timings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture;
    use crate::data::fixture::Folder;
    use crate::data::timing::turns::TurnKind;

    fn rttm(name: &str, segments: &[(&str, f64, f64)]) -> String {
        let line = |(speaker, start, end): &(&str, f64, f64)| {
            format!("SPEAKER {name} 1 {start:.6} {:.6} <NA> <NA> {speaker} <NA> <NA>\n", end - start)
        };
        segments.iter().map(line).collect()
    }

    fn corpus() -> Folder {
        let folder = Folder::new();
        let segments = [
            ("spk01", 1.0, 8.0),
            ("spk00", 4.0, 4.5),
            ("spk00", 8.3, 14.0),
            ("spk01", 13.5, 16.0),
            ("spk02", 30.0, 40.0),
        ];
        folder.write("dev/abjxc.rttm", rttm("abjxc", &segments));
        folder.write("test/aepyx.rttm", rttm("aepyx", &segments[..1]));
        fixture::wav(&folder, "test/voxconverse_test_wav/aepyx.wav", 16_000, &[0; 16]);
        folder
    }

    #[test]
    fn pairs_are_timed() {
        let folder = corpus();
        let conversations = read(&folder.0).unwrap();
        assert_eq!(conversations.len(), 2);
        assert_eq!((conversations[0].split, conversations[1].split), (Split::Train, Split::Test));
        assert!(conversations[0].audio.is_none() && conversations[1].audio.is_some());
        assert_eq!(conversations[0].speakers[0].name, "spk01");
        let timings = conversations[0].timings(&PairOptions::default());
        assert_eq!(timings.len(), 1);
        assert_eq!((timings[0].channels, timings[0].offset_s), (['A', 'B'], 1.0));
        let turns: Vec<_> = timings[0].turns.iter().map(|turn| (turn.speaker, turn.kind)).collect();
        use TurnKind::{Backchannel, Turn};
        assert_eq!(turns, [(0, Turn), (1, Backchannel), (1, Turn), (0, Turn)]);
        assert!(timings[0].turns[3].start_s < timings[0].turns[2].end_s, "overlaps stay");
        assert!(conversations[1].timings(&PairOptions::default()).is_empty());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let folder = corpus();
        folder.edit("dev/abjxc.rttm", "abjxc 1 4.0", "other 1 4.0");
        let error = read(&folder.0).unwrap_err().to_string();
        assert!(error.contains("abjxc.rttm:2: recording: expected abjxc, found other"), "{error}");
        std::fs::remove_file(folder.0.join("dev/abjxc.rttm")).unwrap();
        assert!(read(&folder.0).unwrap_err().to_string().contains("missing (VoxConverse RTTM files)"));
        std::fs::remove_dir_all(folder.0.join("dev")).unwrap();
        assert!(read(&folder.0).unwrap_err().to_string().contains("dev: missing"));
    }

    #[test]
    fn the_whole_corpus_is_read() {
        let Some(data) = fixture::real_data() else { return };
        let conversations = read(&data.join("annotations/voxconverse-rttm/voxconverse-rttm")).unwrap();
        let of = |split| conversations.iter().filter(|c| c.split == split).count();
        assert_eq!((of(Split::Train), of(Split::Test)), (216, 232));
        for (name, options) in [("strict", PairOptions::default()), ("relaxed", PairOptions::relaxed())] {
            let timings: Vec<Timing> = conversations.iter().flat_map(|c| c.timings(&options)).collect();
            fixture::report(&format!("VoxConverse, {name}"), &timings);
            assert!(timings.len() > 300);
        }
    }
}
