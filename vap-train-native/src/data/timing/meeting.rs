//! A meeting as it is annotated: words, sounds and dialogue acts of each participant, and the islands they make.

use std::ops::Range;

use crate::data::Split;

/// One meeting.
#[derive(Debug, Clone)]
pub struct Meeting {
    /// Name, e.g. `ES2002a`.
    pub name: String,
    /// Split by the official lists; a meeting in no list is for training.
    pub split: Split,
    /// Whether dialogue acts, and so backchannels, are annotated.
    pub has_acts: bool,
    /// Participants by channel letter.
    pub participants: Vec<Participant>,
}

/// One participant of a meeting.
#[derive(Debug, Clone)]
pub struct Participant {
    /// Channel letter, `A` to `E`.
    pub channel: char,
    /// Name across meetings where it is known, e.g. `FIE081`.
    pub person: Option<String>,
    /// Words with times, in document order.
    pub words: Vec<Word>,
    /// Words without times.
    pub untimed_words: usize,
    /// Punctuation marks.
    pub punctuation: usize,
    /// Laughs, coughs and other sounds that are no words (start, end), in seconds.
    pub sounds_s: Vec<(f64, f64)>,
    /// Transcriber's segments (start, end), in seconds.
    pub segments_s: Vec<(f64, f64)>,
    /// Dialogue acts, in document order.
    pub acts: Vec<DialogueAct>,
}

/// One word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Word {
    /// Start in the meeting, in seconds.
    pub start_s: f64,
    /// End in the meeting, in seconds. A few words of the corpus end where they start, or before.
    pub end_s: f64,
    /// Whether it lies in a backchannel act.
    pub backchannel: bool,
}

/// One dialogue act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogueAct {
    /// Id of its type in `da-types.xml`; some acts have none.
    pub kind: Option<String>,
    /// Its words, as indices into [`Participant::words`].
    pub words: Range<usize>,
}

/// A stretch of words of one participant without a longer gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Island {
    /// Start in the meeting, in seconds.
    pub start_s: f64,
    /// End in the meeting, in seconds.
    pub end_s: f64,
    /// All its words lie in backchannel acts.
    pub backchannel: bool,
    /// It holds a word too long to be true: the alignment has failed there.
    pub doubtful: bool,
}

/// How words become islands.
#[derive(Debug, Clone, Copy)]
pub struct IslandRule {
    /// Words at most this far apart are one island, in seconds.
    pub merge_gap_s: f64,
    /// A longer word makes its island doubtful, in seconds.
    pub longest_word_s: f64,
}

impl Default for IslandRule {
    fn default() -> Self {
        Self { merge_gap_s: 0.2, longest_word_s: 2.0 }
    }
}

impl Participant {
    /// Islands of words, in order of time, apart. Words without a length are left out.
    pub fn islands(&self, rule: &IslandRule) -> Vec<Island> {
        let words = self.words.iter().filter(|word| word.end_s > word.start_s).map(|word| Island {
            start_s: word.start_s,
            end_s: word.end_s,
            backchannel: word.backchannel,
            doubtful: word.end_s - word.start_s > rule.longest_word_s,
        });
        merged(words.collect(), rule.merge_gap_s)
    }
}

/// Sounds of one speaker, in order of time, those at most `gap_s` apart made one.
pub(crate) fn merged(mut sounds: Vec<Island>, gap_s: f64) -> Vec<Island> {
    sounds.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let mut islands: Vec<Island> = Vec::new();
    for sound in sounds {
        match islands.last_mut() {
            Some(island) if sound.start_s - island.end_s <= gap_s => {
                island.end_s = island.end_s.max(sound.end_s);
                island.backchannel &= sound.backchannel;
                island.doubtful |= sound.doubtful;
            }
            _ => islands.push(sound),
        }
    }
    islands
}
