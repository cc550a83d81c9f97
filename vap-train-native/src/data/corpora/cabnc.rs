//! CABNC, the conversations of the Audio British National Corpus as CHAT files: timing of everyday British talk.
//!
//! One line an utterance, with a time bullet (start and end in ms) where a forced aligner has found it. The aligner
//! lays utterances one behind the other: not one overlaps the next, 45 % of the changes of speaker have a gap of
//! exactly 0, and a backchannel splits the turn it was spoken over. So overlaps cannot be had from this corpus, and
//! a gap of 0 means 0 or less. Utterances whose length does not fit their words are taken for misaligned, and
//! stretches end at them and at words without a time.

use std::collections::HashMap;
use std::path::Path;

use crate::data::files::{list_names, read_text};
use crate::data::recordings::calls::split_by_name;
use crate::data::timing::isolated::mark_backchannels;
use crate::data::timing::meeting::{Island, merged};
use crate::data::timing::options::PairOptions;
use crate::data::timing::pairs::{intrusions, pair_stretches};
use crate::data::timing::turns::{Timing, TimingCorpus, channel_letter};
use crate::data::{CorpusError, Result, Split};

/// An utterance may take this long, and [`SLOWEST_WORD_S`] a word more. Half of the corpus takes 0.26 s a word.
const LONGEST_REST_S: f64 = 1.0;
const SLOWEST_WORD_S: f64 = 0.6;
/// Less than this a word cannot be spoken, in seconds.
const FASTEST_WORD_S: f64 = 0.06;

/// One conversation.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// File name without its ending, e.g. `KCHRE001`.
    pub name: String,
    /// Split by the recorded household (the first three letters of the name); the corpus has none of its own.
    pub split: Split,
    /// Codes of the speakers, e.g. `PS1BS`.
    pub speakers: Vec<String>,
    /// The utterances, in the order of the file.
    pub utterances: Vec<Utterance>,
}

/// One utterance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utterance {
    /// Index into [`Conversation::speakers`].
    pub speaker: usize,
    /// Start and end in the recording in seconds, where the aligner has found them.
    pub time_s: Option<(f64, f64)>,
    /// Number of words; 0 for what is not speech.
    pub words: usize,
}

/// Reads all `*.cha` files in the folders below `folder` (`KB0/`, `KB1/`, ...).
///
/// # Errors
/// [`CorpusError`] naming the missing folder, or the file, line and field that is wrong.
pub fn read(folder: &Path) -> Result<Vec<Conversation>> {
    let mut conversations = Vec::new();
    for household in list_names(folder, "CABNC folders of CHAT files")? {
        let household = folder.join(household);
        if household.is_dir() {
            for file in list_names(&household, "CHAT files")? {
                if let Some(name) = file.strip_suffix(".cha") {
                    conversations.push(read_one(&household.join(&file), name)?);
                }
            }
        }
    }
    if conversations.is_empty() {
        return Err(CorpusError::Missing { path: folder.join("*/*.cha"), what: "CHAT files" });
    }
    Ok(conversations)
}

fn read_one(path: &Path, name: &str) -> Result<Conversation> {
    let text = read_text(path, "CHAT file")?;
    let error = |line, column, expected: &str, found: &str| CorpusError::Row {
        path: path.into(),
        line,
        column,
        expected: expected.into(),
        found: found.chars().take(80).collect(),
    };
    let mut conversation = Conversation {
        name: name.into(),
        split: split_by_name(name.get(..3).unwrap_or(name)),
        speakers: Vec::new(),
        utterances: Vec::new(),
    };
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut complete = false;
    for (line, text) in logical_lines(&text) {
        if let Some(fields) = text.strip_prefix("@ID:") {
            let code = fields.split('|').nth(2).filter(|code| !code.is_empty());
            let code = code.ok_or_else(|| error(line, "@ID", "language|corpus|code|...", fields.trim()))?;
            places.insert(code.into(), conversation.speakers.len());
            conversation.speakers.push(code.into());
        } else if let Some(utterance) = text.strip_prefix('*') {
            let (code, words) =
                utterance.split_once(':').ok_or_else(|| error(line, "utterance", "*code: words", &text))?;
            let speaker = *places
                .get(code)
                .ok_or_else(|| error(line, "speaker", "a code that an @ID line names", code))?;
            let utterance = read_utterance(speaker, words)
                .map_err(|bullet| error(line, "time bullet", "start_end in ms, in order", bullet))?;
            conversation.utterances.push(utterance);
        }
        complete |= text.trim_end() == "@End";
    }
    if !complete {
        return Err(error(text.lines().count().max(1), "last line", "@End", "the end of the file"));
    }
    Ok(conversation)
}

/// Lines with their number from 1; a line that starts with a tab goes on from the one before.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match lines.last_mut() {
            Some((_, last)) if line.starts_with('\t') => last.push_str(line),
            _ => lines.push((index + 1, line.to_owned())),
        }
    }
    lines
}

/// Words, and the time over all bullets (`\u{15}start_end\u{15}`); a bullet that is none is the error.
fn read_utterance(speaker: usize, text: &str) -> Result<Utterance, &str> {
    let mut utterance = Utterance { speaker, time_s: None, words: 0 };
    for (index, part) in text.split('\u{15}').enumerate() {
        if index % 2 == 0 {
            let is_word = |token: &&str| *token != "0" && token.chars().any(char::is_alphanumeric);
            utterance.words += part.split_whitespace().filter(is_word).count();
            continue;
        }
        let seconds = |text: &str| text.parse::<u32>().ok().map(|ms| f64::from(ms) / 1000.0);
        let span = part.split_once('_').and_then(|(start, end)| seconds(start).zip(seconds(end)));
        let (start_s, end_s) = span.filter(|(start_s, end_s)| start_s <= end_s).ok_or(part)?;
        let (first_s, last_s) = utterance.time_s.unwrap_or((start_s, end_s));
        utterance.time_s = Some((first_s.min(start_s), last_s.max(end_s)));
    }
    Ok(utterance)
}

impl Conversation {
    /// Stretches of a conversation of exactly two speakers; none for any other. Backchannels are those that are
    /// short and isolated. No two utterances overlap, see the module.
    pub fn timings(&self, options: &PairOptions) -> Vec<Timing> {
        if self.speakers.len() != 2 {
            return Vec::new();
        }
        let mut sounds: [Vec<Island>; 2] = Default::default();
        let mut untimed: Vec<(f64, f64)> = Vec::new();
        let (mut last_s, mut open) = (f64::NEG_INFINITY, false);
        for utterance in self.utterances.iter().filter(|utterance| utterance.words > 0) {
            let Some((start_s, end_s)) = utterance.time_s else {
                open = true;
                continue;
            };
            if open {
                untimed.push((last_s, start_s.max(last_s)));
            }
            (last_s, open) = (end_s.max(last_s), false);
            if end_s > start_s {
                let words = utterance.words as f64;
                let plausible = FASTEST_WORD_S * words..=LONGEST_REST_S + SLOWEST_WORD_S * words;
                let doubtful = !plausible.contains(&(end_s - start_s));
                sounds[utterance.speaker].push(Island { start_s, end_s, backchannel: false, doubtful });
            }
        }
        let mut islands = sounds.map(|sounds| merged(sounds, options.islands.merge_gap_s));
        mark_backchannels(&mut islands);
        let pair = [&islands[0][..], &islands[1][..]];
        let mut cuts = intrusions(pair, std::iter::empty(), options);
        cuts.extend(untimed);
        cuts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let timing = |(offset_s, turns)| Timing {
            corpus: TimingCorpus::Cabnc,
            meeting: self.name.clone(),
            split: self.split,
            channels: [0, 1].map(channel_letter),
            offset_s,
            turns,
        };
        pair_stretches(pair, &cuts, options).into_iter().map(timing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture;
    use crate::data::fixture::Folder;
    use crate::data::timing::turns::{TurnKind, TurnTiming};

    const HEAD: &str = "@UTF8\n@Begin\n@Languages:\teng\n@Participants:\tPS1 Jane Unidentified, PS2 Phil\n\t\
                        Unidentified\n@ID:\teng|CABNC|PS1|40;1.1|female|||Unidentified||SES is AB|\n\
                        @ID:\teng|CABNC|PS2|46;1.1|male|||Unidentified||SES is AB|\n@Media:\tKB0RE001, audio\n";

    fn folder(lines: &str) -> Folder {
        let folder = Folder::new();
        folder.write("KB0/KB0RE001.cha", format!("{HEAD}{lines}@End\n"));
        folder.write("0metadata.cdc", "Title: CABNC");
        folder
    }

    const TALK: &str = "*PS1:\tWe 're going to do the mower \n\tand the hedge too Okay .  \u{15}1000_5000\u{15}\n\
                        *PS2:\tYeah .  \u{15}5000_5300\u{15}\n*PS2:\t0 .\n\
                        *PS1:\tSo I 'm gon na fetch it round and then we can start .  \u{15}5300_9000\u{15}\n\
                        *PS2:\tYes but not before lunch I think or is it too hot .  \u{15}9400_13000\u{15}\n\
                        *PS1:\tIt is hot .  \u{15}13000_14000\u{15}\n";

    fn turns(timing: &Timing) -> Vec<(u8, TurnKind, f32, f32)> {
        timing.turns.iter().map(|t: &TurnTiming| (t.speaker, t.kind, t.start_s, t.end_s)).collect()
    }

    #[test]
    fn utterances_become_turns() {
        let folder = folder(TALK);
        let conversations = read(&folder.0).unwrap();
        assert_eq!(conversations[0].speakers, ["PS1", "PS2"]);
        let utterances = &conversations[0].utterances;
        assert_eq!(utterances[0], Utterance { speaker: 0, time_s: Some((1.0, 5.0)), words: 12 });
        assert_eq!(utterances[2], Utterance { speaker: 1, time_s: None, words: 0 });
        let timings = conversations[0].timings(&PairOptions::default());
        assert_eq!(timings.len(), 1);
        use TurnKind::{Backchannel, Turn};
        let expected =
            [(0, Turn, 0.0, 8.0), (1, Backchannel, 4.0, 4.3), (1, Turn, 8.4, 12.0), (0, Turn, 12.0, 13.0)];
        assert_eq!(turns(&timings[0]), expected);
        assert_eq!(timings[0].turns[0].pauses, [(4.0, 4.3)]);
    }

    #[test]
    fn misaligned_and_untimed_words_end_a_stretch() {
        let count = |lines: &str| {
            let conversation = read(&folder(lines).0).unwrap().remove(0);
            conversation.timings(&PairOptions { shortest_s: 5.0, ..PairOptions::default() }).len()
        };
        assert_eq!(count(TALK), 1);
        assert_eq!(count(&TALK.replace("5300_9000", "5300_9300")), 1);
        assert_eq!(count(&TALK.replace("5300_9000", "8990_9300")), 0, "14 words in 0.3 s");
        assert_eq!(count(&TALK.replace("1000_5000", "1000_50000")), 0, "12 words in 49 s");
        assert_eq!(
            count(&TALK.replace("*PS2:\t0 .\n", "*PS2:\tWhat .\n")),
            1,
            "only what follows is long enough"
        );
        assert_eq!(
            count(&format!("@ID:\teng|CABNC|PS3|9|male|||Unidentified|||\n{TALK}")),
            0,
            "three speakers"
        );
    }

    #[test]
    fn a_bad_file_is_named_by_line() {
        let faults = [
            (
                TALK.replace("5000_5300", "5300_5000"),
                "KB0RE001.cha:11: time bullet: expected start_end in ms",
            ),
            (TALK.replace("5000_5300", "5000_99999999999"), "KB0RE001.cha:11: time bullet"),
            (TALK.replace("5000_5300", "5000_"), "KB0RE001.cha:11: time bullet"),
            (TALK.replace("*PS2:\tYes", "*PS9:\tYes"), "KB0RE001.cha:14: speaker: expected a code"),
            (TALK.replace("*PS2:\t0 .", "*PS2"), "KB0RE001.cha:12: utterance"),
            ("@ID:\teng|CABNC\n".to_owned(), "KB0RE001.cha:9: @ID"),
        ];
        for (lines, expected) in faults {
            let error = read(&folder(&lines).0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let cut = folder(TALK);
        cut.edit("KB0/KB0RE001.cha", "@End\n", "");
        assert!(read(&cut.0).unwrap_err().to_string().contains("last line: expected @End"));
        cut.write("KB0/KB0RE001.cha", [0xFF, 0xFE]);
        assert!(read(&cut.0).unwrap_err().to_string().contains("KB0RE001.cha"));
        assert!(read(&Folder::new().0).unwrap_err().to_string().contains("missing (CHAT files)"));
    }

    #[test]
    fn the_whole_corpus_is_read() {
        let Some(data) = fixture::real_data() else { return };
        let conversations = read(&data.join("annotations/cabnc/cabnc/data/cabnc_talkbank_chat")).unwrap();
        let timed = conversations.iter().filter(|c| c.utterances.iter().any(|u| u.time_s.is_some()));
        let two = timed.clone().filter(|conversation| conversation.speakers.len() == 2);
        assert_eq!((conversations.len(), timed.count(), two.count()), (1860, 1651, 708));
        let timings: Vec<Timing> =
            conversations.iter().flat_map(|c| c.timings(&PairOptions::default())).collect();
        fixture::report("CABNC", &timings);
        let changes = timings.iter().flat_map(|timing| timing.turns.windows(2));
        let gaps_s = changes.filter(|pair| pair[0].speaker != pair[1].speaker);
        let gaps_s: Vec<f32> = gaps_s.map(|pair| pair[1].start_s - pair[0].end_s).collect();
        let share =
            |test: fn(&f32) -> bool| gaps_s.iter().filter(|g| test(g)).count() as f32 / gaps_s.len() as f32;
        eprintln!(
            "CABNC gaps: {} of which {:.3} are 0, {:.3} positive",
            gaps_s.len(),
            share(|g| g.abs() < 0.0015),
            share(|g| *g > 0.0015)
        );
        assert!(timings.len() > 300);
    }
}
