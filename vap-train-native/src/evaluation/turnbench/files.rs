//! TurnBench's files (SesameAILabs/turnbench): a prediction file with the times at which a detector fired, a gold
//! file as its `eval.gold export` prints it, and the score of one against the other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::evaluation::metrics::{TurnBench, turnbench};

/// The version of the prediction schema.
const SCHEMA_VERSION: u32 = 1;

/// A prediction file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// Always 1.
    pub schema_version: u32,
    /// One entry a conversation.
    pub predictions: Vec<ConversationPrediction>,
}

/// What a detector said about one conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationPrediction {
    /// Name of the conversation.
    pub conversation_id: String,
    /// Channel 0, the user.
    pub speaker_1: SpeakerPrediction,
    /// Channel 1, the agent.
    pub speaker_2: SpeakerPrediction,
}

/// Times in seconds, strictly increasing: when all sound the decision rests on has been heard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeakerPrediction {
    /// The speaker's turn ended.
    pub eot: Vec<f64>,
    /// The speaker takes the floor from the other.
    pub interruption: Vec<f64>,
}

/// A gold file. Its stamp (commit, dataset) is carried along unread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gold {
    /// By name.
    pub conversations: BTreeMap<String, Labels>,
}

/// What counts in one conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Length, in seconds.
    pub duration_s: f64,
    /// Ends of turns.
    pub eot_positive_events: Vec<Anchor>,
    /// Pauses within turns.
    pub eot_negative_spans: Vec<Extent>,
    /// Interruptions that take the floor.
    pub int_positive_events: Vec<Anchor>,
    /// Backchannels and noises.
    pub int_negative_spans: Vec<Extent>,
    /// Where ends are in dispute.
    pub eot_excluded: Vec<Extent>,
    /// Where interruptions are in dispute, and attempts that did not take the floor.
    pub int_excluded: Vec<Extent>,
}

/// A time on a speaker's channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// 1 or 2.
    pub speaker: u8,
    /// In seconds.
    pub time_s: f64,
}

/// A stretch of a speaker's channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// 1 or 2.
    pub speaker: u8,
    /// In seconds.
    pub start: f64,
    /// In seconds.
    pub end: f64,
}

/// Scores of both tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Ends of turns.
    pub eot: TurnBench,
    /// Interruptions.
    pub interruption: TurnBench,
}

/// Reads a prediction file.
///
/// # Errors
/// [`Error::Io`], [`Error::Data`] naming the file and the field.
pub fn read_predictions(path: &Path) -> Result<Predictions> {
    let predictions: Predictions = read(path)?;
    if predictions.schema_version != SCHEMA_VERSION {
        let found = predictions.schema_version;
        return Err(wrong(path, format!("schema_version: expected {SCHEMA_VERSION}, found {found}")));
    }
    let mut seen = BTreeSet::new();
    for conversation in &predictions.predictions {
        let id = &conversation.conversation_id;
        if !seen.insert(id) {
            return Err(wrong(path, format!("conversation {id}: expected one entry, found another")));
        }
        for (speaker, lists) in [(1, &conversation.speaker_1), (2, &conversation.speaker_2)] {
            for (task, times) in [("eot", &lists.eot), ("interruption", &lists.interruption)] {
                let rising = times.windows(2).all(|pair| pair[0] < pair[1]);
                if !rising || times.iter().any(|t| !t.is_finite() || *t < 0.0) {
                    let place = format!("conversation {id}: speaker_{speaker}.{task}");
                    return Err(wrong(
                        path,
                        format!("{place}: expected times from 0 on, strictly increasing"),
                    ));
                }
            }
        }
    }
    Ok(predictions)
}

/// Writes a prediction file.
///
/// # Errors
/// [`Error::Io`].
pub fn write_predictions(path: &Path, predictions: Vec<ConversationPrediction>) -> Result<()> {
    write(path, &Predictions { schema_version: SCHEMA_VERSION, predictions })
}

/// Reads a gold file.
///
/// # Errors
/// [`Error::Io`], [`Error::Data`] naming the file and the field.
pub fn read_gold(path: &Path) -> Result<Gold> {
    let gold: Gold = read(path)?;
    for (id, labels) in &gold.conversations {
        let anchors = labels.eot_positive_events.iter().chain(&labels.int_positive_events);
        let extents = [
            &labels.eot_negative_spans,
            &labels.int_negative_spans,
            &labels.eot_excluded,
            &labels.int_excluded,
        ];
        let spans = extents.into_iter().flatten();
        let speakers = anchors.clone().map(|a| a.speaker).chain(spans.clone().map(|s| s.speaker));
        if let Some(found) = speakers.into_iter().find(|s| !(1..=2).contains(s)) {
            return Err(wrong(path, format!("conversation {id}: speaker: expected 1 or 2, found {found}")));
        }
        if !labels.duration_s.is_finite()
            || anchors.clone().any(|a| !a.time_s.is_finite())
            || spans.clone().any(|s| !s.start.is_finite() || !s.end.is_finite() || s.end < s.start)
        {
            return Err(wrong(
                path,
                format!("conversation {id}: expected finite times and ends not before starts"),
            ));
        }
    }
    Ok(gold)
}

/// Writes a gold file.
///
/// # Errors
/// [`Error::Io`].
pub fn write_gold(path: &Path, gold: &Gold) -> Result<()> {
    write(path, gold)
}

/// Scores predictions; every conversation of the gold must be in them, and no other.
///
/// # Errors
/// [`Error::Data`] naming the conversation that is missing, unknown, or has times past its end.
pub fn score(predictions: &Predictions, gold: &Gold) -> Result<Scores> {
    let mut scores = Scores::default();
    let of = |id: &str| predictions.predictions.iter().find(|p| p.conversation_id == id);
    for (id, labels) in &gold.conversations {
        let found =
            of(id).ok_or_else(|| Error::Data(format!("predictions: conversation {id} is missing")))?;
        let speakers = [&found.speaker_1, &found.speaker_2];
        let late = speakers.iter().flat_map(|s| s.eot.iter().chain(&s.interruption));
        if let Some(time) = late.copied().find(|t| *t > labels.duration_s) {
            let end = labels.duration_s;
            return Err(Error::Data(format!(
                "predictions: conversation {id}: {time} s is past its end, {end} s"
            )));
        }
        let (eot, interruption) = score_one(found, labels);
        scores.eot.add(&eot);
        scores.interruption.add(&interruption);
    }
    let unknown = |p: &&ConversationPrediction| !gold.conversations.contains_key(&p.conversation_id);
    match predictions.predictions.iter().find(unknown) {
        Some(p) => {
            Err(Error::Data(format!("predictions: the gold has no conversation {}", p.conversation_id)))
        }
        None => Ok(scores),
    }
}

/// Scores of one conversation: ends of turns, interruptions.
pub fn score_one(found: &ConversationPrediction, labels: &Labels) -> (TurnBench, TurnBench) {
    let (mut eot, mut interruption) = (TurnBench::default(), TurnBench::default());
    for (speaker, lists) in [(1, &found.speaker_1), (2, &found.speaker_2)] {
        let anchors = |all: &[Anchor]| -> Vec<f64> {
            all.iter().filter(|a| a.speaker == speaker).map(|a| a.time_s).collect()
        };
        let extents = |all: &[Extent]| -> Vec<(f64, f64)> {
            all.iter().filter(|e| e.speaker == speaker).map(|e| (e.start, e.end)).collect()
        };
        eot.add(&turnbench(
            &anchors(&labels.eot_positive_events),
            &extents(&labels.eot_negative_spans),
            &lists.eot,
            &extents(&labels.eot_excluded),
        ));
        interruption.add(&turnbench(
            &anchors(&labels.int_positive_events),
            &extents(&labels.int_negative_spans),
            &lists.interruption,
            &extents(&labels.int_excluded),
        ));
    }
    (eot, interruption)
}

/// The scores as a Markdown table.
pub fn markdown(scores: &Scores) -> String {
    let mut out = String::from(
        "| task | recall | false-positive rate | latency p10 / p50 / p90, s | found | missed | false | quiet |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (task, score) in [("EOT", &scores.eot), ("INT", &scores.interruption)] {
        let rate = |rate: Option<f64>| rate.map_or("-".into(), |r| format!("{r:.3}"));
        let latency = score.latency();
        let latency =
            latency.map_or("-".into(), |l| format!("{:.3} / {:.3} / {:.3}", l.p10_s, l.p50_s, l.p90_s));
        out += &format!(
            "| {task} | {} | {} | {latency} | {} | {} | {} | {} |\n",
            rate(score.recall()),
            rate(score.fp_rate()),
            score.true_positives,
            score.false_negatives,
            score.false_positives,
            score.true_negatives
        );
    }
    out
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    serde_json::from_slice(&bytes).map_err(|e| wrong(path, e.to_string()))
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|e| wrong(path, e.to_string()))?;
    std::fs::write(path, bytes).map_err(Error::io(path))
}

fn wrong(path: &Path, message: String) -> Error {
    Error::Data(format!("{}: {message}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture::Folder;

    const PREDICTIONS: &str = r#"{"schema_version": 1, "predictions": [
        {"conversation_id": "20", "speaker_1": {"eot": [10.4, 21.0], "interruption": []},
         "speaker_2": {"eot": [16.5], "interruption": [8.1, 30.2]}}]}"#;
    const GOLD: &str = r#"{"scorer_sha": "0dda64e", "dataset_revision": "x", "tau_pre_s": 0.25, "tau_max_s": 3.0,
        "conversations": {"20": {"duration_s": 60.0,
            "eot_positive_events": [{"speaker": 1, "time_s": 10.0}, {"speaker": 2, "time_s": 40.0}],
            "eot_negative_spans": [{"speaker": 1, "start": 20.8, "end": 22.0}, {"speaker": 2, "start": 16.0, "end": 16.4}],
            "int_positive_events": [{"speaker": 2, "time_s": 7.9}],
            "int_negative_spans": [{"speaker": 2, "start": 30.0, "end": 30.6}, {"speaker": 1, "start": 50.0, "end": 50.5}],
            "eot_excluded": [], "int_excluded": [{"speaker": 2, "start": 30.1, "end": 30.3}]}}}"#;

    fn files(predictions: &str, gold: &str) -> (Folder, Result<Scores>) {
        let folder = Folder::new();
        let (a, b) = (folder.0.join("predictions.json"), folder.0.join("gold.json"));
        std::fs::write(&a, predictions).unwrap();
        std::fs::write(&b, gold).unwrap();
        let scores = read_predictions(&a).and_then(|p| score(&p, &read_gold(&b)?));
        (folder, scores)
    }

    #[test]
    fn a_conversation_counted_by_hand() {
        let scores = files(PREDICTIONS, GOLD).1.unwrap();
        // 10.4 finds 10.0; 40.0 is missed; 21.0 fires in a pause; 16.5 comes after the other pause.
        let eot = &scores.eot;
        assert_eq!(
            (eot.true_positives, eot.false_negatives, eot.false_positives, eot.true_negatives),
            (1, 1, 1, 1)
        );
        assert!((eot.latencies_s[0] - 0.4).abs() < 1e-9);
        // 8.1 finds 7.9; 30.2 is excluded, so both negatives stay quiet.
        let int = &scores.interruption;
        assert_eq!(
            (int.true_positives, int.false_negatives, int.false_positives, int.true_negatives),
            (1, 0, 0, 2)
        );
        assert!(
            markdown(&scores).contains("| EOT | 0.500 | 0.500 | 0.400 / 0.400 / 0.400 | 1 | 1 | 1 | 1 |")
        );
    }

    #[test]
    fn files_survive_a_round_trip() {
        let (folder, _) = files(PREDICTIONS, GOLD);
        let (a, b) = (folder.0.join("predictions.json"), folder.0.join("gold.json"));
        let (predictions, gold) = (read_predictions(&a).unwrap(), read_gold(&b).unwrap());
        write_predictions(&a, predictions.predictions.clone()).unwrap();
        write_gold(&b, &gold).unwrap();
        assert_eq!(read_predictions(&a).unwrap(), predictions);
        assert_eq!(read_gold(&b).unwrap(), gold);
    }

    #[test]
    fn bad_files_are_told_by_name() {
        let cases = [
            (
                PREDICTIONS.replace("\"schema_version\": 1", "\"schema_version\": 2"),
                "schema_version: expected 1",
            ),
            (PREDICTIONS.replace("10.4, 21.0", "21.0, 10.4"), "conversation 20: speaker_1.eot"),
            (PREDICTIONS.replace("[16.5]", "[-1.0]"), "speaker_2.eot"),
            (PREDICTIONS.replace("30.2", "61.0"), "61 s is past its end"),
            (PREDICTIONS.replace("\"20\"", "\"21\""), "conversation 20 is missing"),
            (PREDICTIONS.replace("\"interruption\": []", "\"score\": []"), "unknown field `score`"),
            (PREDICTIONS[..40].to_owned(), "EOF"),
        ];
        for (text, expected) in cases {
            let error = files(&text, GOLD).1.unwrap_err().to_string();
            assert!(error.contains(expected), "{error} for {expected}");
        }
        let gold = GOLD.replacen("\"speaker\": 2", "\"speaker\": 3", 1);
        assert!(files(PREDICTIONS, &gold).1.unwrap_err().to_string().contains("expected 1 or 2, found 3"));
        let gold = GOLD.replace("\"end\": 30.6", "\"end\": 3.6");
        assert!(files(PREDICTIONS, &gold).1.unwrap_err().to_string().contains("ends not before starts"));
    }
}
