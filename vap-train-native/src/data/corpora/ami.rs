//! The AMI Meeting Corpus manual annotations in their official NXT layout, and the official split lists.
//!
//! Per meeting and participant: timed words, other sounds, segments and dialogue acts. Backchannels are the acts
//! of type `bck` (`ami_da_1`). Dialogue acts exist for 139 of the 171 meetings. Inside a segment the alignment
//! gives each word the time up to the next one: of all gaps between words under 1 s, 99.7 % are 0. So pauses
//! under 1 s are not in these annotations and must come from the recordings that are laid on their timing.

use std::collections::HashMap;
use std::path::Path;

use crate::data::files::{list_names, read_text};
use crate::data::formats::nxt::{Document, Reference};
use crate::data::timing::meeting::{DialogueAct, Meeting, Participant, Word};
use crate::data::{CorpusError, Result, Split};

/// Reads all meetings: `annotations` holds `words/`, `segments/`, `dialogueActs/`, `ontologies/` and
/// `corpusResources/`; `lists` holds `{train,dev,test}.meetings.txt`. `read_one` is called after each meeting.
///
/// # Errors
/// [`CorpusError`] naming the missing file, or the element and attribute that is wrong.
pub fn read(annotations: &Path, lists: &Path, read_one: impl FnMut(&str)) -> Result<Vec<Meeting>> {
    let splits = read_splits(lists)?;
    read_meetings(annotations, |name| splits.get(name).copied().unwrap_or(Split::Train), read_one)
}

/// Reads all meetings as [`read`], where `split_of` says the split of a meeting.
///
/// # Errors
/// As [`read`].
pub fn read_meetings(
    annotations: &Path,
    split_of: impl Fn(&str) -> Split,
    mut read_one: impl FnMut(&str),
) -> Result<Vec<Meeting>> {
    let backchannel = backchannel_type(&annotations.join("ontologies/da-types.xml"))?;
    let words_files = list_names(&annotations.join("words"), "AMI word files")?;
    let acts_files = list_names(&annotations.join("dialogueActs"), "AMI dialogue act files")?;
    let roster_path = annotations.join("corpusResources/meetings.xml");
    let roster = Document::read(&roster_path, "AMI list of meetings")?;
    let mut meetings = Vec::new();
    for (index, element) in roster.named("meeting") {
        let name = roster.required(element, "observation")?.to_owned();
        let mut people = HashMap::new();
        for (_, speaker) in roster.named("speaker").filter(|(_, speaker)| speaker.parent == Some(index)) {
            let channel = roster.required(speaker, "nxt_agent")?;
            if !["A", "B", "C", "D", "E"].contains(&channel) {
                return Err(roster.attribute_error(speaker, "nxt_agent", "A, B, C, D or E"));
            }
            people.insert(channel, speaker.get("global_name").map(str::to_owned));
        }
        let has_acts = acts_files.iter().any(|file| is_act_file(file, &name));
        let mut participants = Vec::new();
        for channel in ["A", "B", "C", "D", "E"] {
            // A few channels have words but no entry in the list of meetings.
            let has_words = words_files.contains(&format!("{name}.{channel}.words.xml"));
            if has_words || people.contains_key(channel) {
                let person = people.remove(channel).flatten();
                let types = has_acts.then_some(&backchannel);
                participants.push(read_participant(annotations, &name, channel, person, types)?);
            }
        }
        read_one(&name);
        let split = split_of(&name);
        meetings.push(Meeting { name, split, has_acts, participants });
    }
    Ok(meetings)
}

/// Split of each meeting by the official lists `{train,dev,test}.meetings.txt`.
///
/// # Errors
/// [`CorpusError::Missing`] without a list, [`CorpusError::TwoSplits`] for a meeting in two of them.
pub fn read_splits(lists: &Path) -> Result<HashMap<String, Split>> {
    let mut splits = HashMap::new();
    for split in Split::ALL {
        let path = lists.join(format!("{split}.meetings.txt"));
        for name in read_text(&path, "official list of AMI meetings")?.split_whitespace() {
            if let Some(first) = splits.insert(name.to_owned(), split)
                && first != split
            {
                return Err(CorpusError::TwoSplits {
                    path,
                    what: format!("meeting {name}"),
                    first,
                    second: split,
                });
            }
        }
    }
    Ok(splits)
}

fn is_act_file(file: &str, meeting: &str) -> bool {
    file.strip_prefix(meeting).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".dialog-act.xml"))
}

/// The id of the type named `bck`, and all ids.
struct ActTypes {
    backchannel: String,
    all: Vec<String>,
}

fn backchannel_type(path: &Path) -> Result<ActTypes> {
    let document = Document::read(path, "AMI dialogue act types")?;
    let (mut backchannel, mut all) = (None, Vec::new());
    for (_, element) in document.named("da-type") {
        let id = document.required(element, "nite:id")?;
        all.push(id.to_owned());
        if element.get("name") == Some("bck") {
            backchannel = Some(id.to_owned());
        }
    }
    match backchannel {
        Some(backchannel) => Ok(ActTypes { backchannel, all }),
        None => Err(document.attribute_error(&document.elements[0], "name", "a type named bck")),
    }
}

/// Reads one participant; `types` is `None` when the meeting has no dialogue acts.
fn read_participant(
    annotations: &Path,
    meeting: &str,
    channel: &str,
    person: Option<String>,
    types: Option<&ActTypes>,
) -> Result<Participant> {
    let file =
        |folder: &str, kind: &str| annotations.join(folder).join(format!("{meeting}.{channel}.{kind}.xml"));
    let document = Document::read(&file("words", "words"), "AMI words of a participant")?;
    let mut participant = Participant {
        channel: channel.chars().next().unwrap_or('?'),
        person,
        words: Vec::new(),
        untimed_words: 0,
        punctuation: 0,
        sounds_s: Vec::new(),
        segments_s: Vec::new(),
        acts: Vec::new(),
    };
    // Of every element id: how many timed words stand before it, and whether it is one.
    let mut places: HashMap<&str, (usize, usize)> = HashMap::new();
    for element in document.elements.iter().skip(1) {
        let id = document.required(element, "nite:id")?;
        let before = participant.words.len();
        let timed = element.get("starttime").is_some() && element.get("endtime").is_some();
        let times = || Ok((document.seconds(element, "starttime")?, document.seconds(element, "endtime")?));
        match element.name.as_str() {
            "w" if element.get("punc") == Some("true") => participant.punctuation += 1,
            "w" if timed => {
                let (start_s, end_s) = times()?;
                participant.words.push(Word { start_s, end_s, backchannel: false });
            }
            "w" => participant.untimed_words += 1,
            "vocalsound" if timed => participant.sounds_s.push(times()?),
            _ => {}
        }
        places.insert(id, (before, participant.words.len()));
    }
    let segments = Document::read(&file("segments", "segments"), "AMI segments of a participant")?;
    for (_, segment) in segments.named("segment") {
        let start_s = segments.seconds(segment, "transcriber_start")?;
        participant.segments_s.push((start_s, segments.seconds(segment, "transcriber_end")?));
    }
    if let Some(types) = types {
        let acts = Document::read(&file("dialogueActs", "dialog-act"), "AMI dialogue acts of a participant")?;
        read_acts(&acts, types, &places, &mut participant)?;
    }
    Ok(participant)
}

fn read_acts(
    document: &Document,
    types: &ActTypes,
    places: &HashMap<&str, (usize, usize)>,
    participant: &mut Participant,
) -> Result<()> {
    // Children follow their act, so the last act is theirs.
    for element in &document.elements {
        match element.name.as_str() {
            "dact" => participant.acts.push(DialogueAct { kind: None, words: 0..0 }),
            "nite:pointer" if element.get("role") == Some("da-aspect") => {
                let kind = document.reference(element)?.first;
                if !types.all.contains(&kind) {
                    return Err(document.attribute_error(element, "href", "a type of da-types.xml"));
                }
                if let Some(act) = participant.acts.last_mut() {
                    act.kind = Some(kind);
                }
            }
            "nite:child" => {
                let Reference { first, last, .. } = document.reference(element)?;
                let range = places.get(first.as_str()).zip(places.get(last.as_str()));
                let words = match range {
                    Some((first, last)) if first.0 <= last.1 => first.0..last.1,
                    _ => {
                        return Err(document.attribute_error(
                            element,
                            "href",
                            "ids of the word file, in order",
                        ));
                    }
                };
                if let Some(act) = participant.acts.last_mut() {
                    act.words = words;
                }
            }
            _ => {}
        }
    }
    for act in &participant.acts {
        if act.kind.as_deref() == Some(&types.backchannel) {
            participant.words[act.words.clone()].iter_mut().for_each(|word| word.backchannel = true);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture;
    use crate::data::timing::meeting::{Island, IslandRule};
    use crate::data::timing::options::PairOptions;
    use crate::data::timing::pairs::pair_timings;
    use crate::data::timing::turns::Timing;

    fn read_error(folder: &fixture::Folder) -> String {
        read(&folder.ami(), &folder.lists(), |_| ()).unwrap_err().to_string()
    }

    #[test]
    fn meetings_are_read_whole() {
        let folder = fixture::data();
        let mut seen = Vec::new();
        let meetings = read(&folder.ami(), &folder.lists(), |name| seen.push(name.to_owned())).unwrap();
        assert_eq!(seen, ["ES1a", "ES2a", "ES3a"]);
        let splits: Vec<Split> = meetings.iter().map(|meeting| meeting.split).collect();
        assert_eq!(splits, [Split::Train, Split::Dev, Split::Train], "ES3a is in no list");
        let meeting = &meetings[0];
        assert!(meeting.has_acts);
        assert_eq!(meeting.participants.len(), 3);
        let b = &meeting.participants[1];
        assert_eq!((b.channel, b.words.len(), b.punctuation, b.untimed_words), ('B', 4, 4, 1));
        assert_eq!(b.words[0], Word { start_s: 2.5, end_s: 2.8, backchannel: true });
        assert!(!b.words[1].backchannel);
        assert_eq!(b.acts[1], DialogueAct { kind: Some("ami_da_4".into()), words: 1..2 });
        assert_eq!(b.segments_s[3], (14.0, 15.0));
    }

    #[test]
    fn near_words_are_one_island_and_a_mixed_one_is_no_backchannel() {
        let word = |start_s, end_s, backchannel| Word { start_s, end_s, backchannel };
        let participant = Participant {
            channel: 'A',
            person: None,
            words: vec![
                word(0.0, 0.3, true),
                word(0.45, 0.8, true),
                word(2.0, 2.4, true),
                word(2.4, 3.0, false),
                word(3.0, 3.0, false),
                word(4.0, 7.0, false),
            ],
            untimed_words: 0,
            punctuation: 0,
            sounds_s: Vec::new(),
            segments_s: Vec::new(),
            acts: Vec::new(),
        };
        let islands = participant.islands(&IslandRule::default());
        let island = |start_s, end_s, backchannel, doubtful| Island { start_s, end_s, backchannel, doubtful };
        let expected =
            [island(0.0, 0.8, true, false), island(2.0, 3.0, false, false), island(4.0, 7.0, false, true)];
        assert_eq!(islands, expected);
    }

    #[test]
    fn a_meeting_without_acts_has_no_backchannels() {
        let folder = fixture::data();
        for channel in ["A", "B", "C"] {
            let file = format!("dialogueActs/ES1a.{channel}.dialog-act.xml");
            std::fs::remove_file(folder.ami().join(file)).unwrap();
        }
        let meetings = read(&folder.ami(), &folder.lists(), |_| ()).unwrap();
        assert!(!meetings[0].has_acts && meetings[1].has_acts);
        assert!(meetings[0].participants.iter().flat_map(|p| &p.words).all(|word| !word.backchannel));
        assert!(pair_timings(&meetings[0], &PairOptions::default()).is_empty());
    }

    #[test]
    fn missing_files_are_named() {
        for file in ["words/ES2a.B.words.xml", "segments/ES2a.B.segments.xml", "ontologies/da-types.xml"] {
            let folder = fixture::data();
            std::fs::remove_file(folder.ami().join(file)).unwrap();
            let error = read_error(&folder);
            assert!(error.contains(file) && error.contains("missing"), "{error}");
        }
        let folder = fixture::data();
        std::fs::remove_file(folder.ami().join("dialogueActs/ES2a.B.dialog-act.xml")).unwrap();
        assert!(read_error(&folder).contains("ES2a.B.dialog-act.xml"), "the others of the meeting are there");
        std::fs::remove_file(folder.lists().join("dev.meetings.txt")).unwrap();
        assert!(read_error(&folder).contains("dev.meetings.txt"));
    }

    #[test]
    fn bad_attributes_are_named_with_what_was_found() {
        let edits = [
            ("segments/ES1a.A.segments.xml", "transcriber_end=\"2\"", "transcriber_end=\"two\"", "\"two\""),
            ("segments/ES1a.A.segments.xml", "transcriber_end=\"2\"", "", "transcriber_end"),
            ("dialogueActs/ES1a.B.dialog-act.xml", "id(ami_da_1)", "id(ami_da_99)", "a type of da-types.xml"),
            ("dialogueActs/ES1a.B.dialog-act.xml", "words.xml#id(", "words.xml#(", "file#id(a)"),
            (
                "dialogueActs/ES1a.B.dialog-act.xml",
                "..id(ES1a.B.words1)",
                "..id(other)",
                "ids of the word file",
            ),
            ("corpusResources/meetings.xml", "nxt_agent=\"A\"", "nxt_agent=\"Q\"", "A, B, C, D or E"),
            ("corpusResources/meetings.xml", "observation=\"ES1a\"", "", "observation"),
            ("ontologies/da-types.xml", "name=\"bck\"", "name=\"bkc\"", "a type named bck"),
        ];
        for (file, from, to, expected) in edits {
            let folder = fixture::data();
            folder.edit(&format!("annotations/ami-annotations/{file}"), from, to);
            let error = read_error(&folder);
            assert!(error.contains(file) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn broken_xml_is_an_error_with_its_place() {
        for (from, to) in
            [("</nite:root>", ""), ("</segment", "</segmint"), ("nite:id=\"ES1a.A.s0\"", "nite:id=")]
        {
            let folder = fixture::data();
            let file = "annotations/ami-annotations/segments/ES1a.A.segments.xml";
            let (from, to) = if from == "</segment" { ("/>", "></segmint>") } else { (from, to) };
            folder.edit(file, from, to);
            let error = read(&folder.ami(), &folder.lists(), |_| ()).unwrap_err();
            assert!(matches!(error, CorpusError::Xml { position, .. } if position > 0), "{error}");
        }
    }

    #[test]
    fn a_meeting_in_two_lists_is_an_error() {
        let folder = fixture::data();
        std::fs::write(folder.lists().join("test.meetings.txt"), "ES1a\n").unwrap();
        let error = read_splits(&folder.lists()).unwrap_err().to_string();
        assert!(error.contains("meeting ES1a is in two splits, train and test"), "{error}");
    }

    #[test]
    fn the_whole_corpus_is_read() {
        let Some(data) = fixture::real_data() else { return };
        let lists = data.join("annotations/ami-rttm-splits/ami-diarization-setup/lists");
        let meetings = read(&data.join("annotations/ami-annotations"), &lists, |_| ()).unwrap();
        let people = || meetings.iter().flat_map(|meeting| &meeting.participants);
        let words: usize = people().map(|person| person.words.len()).sum();
        let acts = people().flat_map(|person| &person.acts);
        let of_a_kind = acts.clone().filter(|act| act.kind.is_some()).count();
        assert_eq!((meetings.len(), words, acts.count(), of_a_kind), (171, 978_212, 117_915, 117_887));
        let pairs = meetings.iter().flat_map(|meeting| pair_timings(meeting, &PairOptions::relaxed()));
        fixture::report("AMI", &pairs.collect::<Vec<Timing>>());
    }
}
