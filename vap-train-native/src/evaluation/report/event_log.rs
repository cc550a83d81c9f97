//! What the event machine said of a call beside what was so: one line an event that a person can follow.

use serde::Serialize;
use vap_core::events::{EndReason, EventKind};
use vap_core::{Event, EventMachine, FRAME_HZ, Frame, HOP_MS, Policy};

use crate::error::Result;
use crate::evaluation::recordings::spans;
use crate::labels::Activity;

/// An event may come this much before the sound it is about ends or begins, in seconds.
const EARLY_S: f64 = 0.25;

/// One line: something that was said, or that should have been.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedEvent {
    /// When it was said, or when it should have been, in seconds.
    pub time_s: f64,
    /// 0 user, 1 agent: whom it is about.
    pub speaker: usize,
    /// What was said; `-` for what was missed.
    pub said: String,
    /// What was so.
    pub truth: String,
    /// Whether both agree.
    pub right: bool,
}

/// A silence behind a claim, its outcome also where the other speaks into it.
struct Outcome {
    start_s: f64,
    /// When the same speaker sounds again.
    until_s: f64,
    end: bool,
    truth: String,
}

/// Runs the event machine over a call: its ends of turns, backchannels and interruptions beside the labels, and the
/// ends that it missed, in the order of time.
///
/// # Errors
/// [`crate::Error::Core`] for a policy out of range.
pub fn of_frames(frames: &[Frame], activity: &Activity, policy: Policy) -> Result<Vec<LoggedEvent>> {
    let mut machine = EventMachine::new(policy)?;
    let mut events: Vec<Event> = Vec::new();
    frames.iter().for_each(|frame| machine.step(frame, &mut events));
    let outcomes = [outcomes(activity, 0), outcomes(activity, 1)];
    let mut out: Vec<LoggedEvent> = events.iter().filter_map(|e| logged(e, activity, &outcomes)).collect();
    for (speaker, outcomes) in outcomes.iter().enumerate() {
        for outcome in outcomes.iter().filter(|o| o.end) {
            let found = |t: &LoggedEvent| {
                t.speaker == speaker
                    && t.said.starts_with("end of turn")
                    && (outcome.start_s - EARLY_S..=outcome.until_s).contains(&t.time_s)
            };
            if !out.iter().any(found) {
                let truth = outcome.truth.clone();
                out.push(LoggedEvent {
                    time_s: outcome.start_s,
                    speaker,
                    said: "-".into(),
                    truth,
                    right: false,
                });
            }
        }
    }
    out.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    Ok(out)
}

fn seconds(frame: usize) -> f64 {
    frame as f64 / FRAME_HZ as f64
}

fn outcomes(activity: &Activity, speaker: usize) -> Vec<Outcome> {
    let found = spans::silences(activity, speaker).into_iter().map(|s| {
        let until_s = s.next.map_or(f64::INFINITY, seconds);
        let truth = if s.end {
            "end: the other takes the floor".to_string()
        } else {
            format!("hold: goes on after {:.2} s", until_s - seconds(s.start))
        };
        Outcome { start_s: seconds(s.start), until_s, end: s.end, truth }
    });
    found.collect()
}

fn logged(event: &Event, activity: &Activity, outcomes: &[Vec<Outcome>; 2]) -> Option<LoggedEvent> {
    let (speaker, time_s) = (event.speaker.index(), event.time_ms as f64 / 1000.0);
    let frame = |ms: u64| (ms / u64::from(HOP_MS)) as usize;
    let from = frame(event.start_ms.unwrap_or(event.time_ms));
    let to = frame(event.time_ms).min(activity.frames());
    let any = |track: &[bool]| track.get(from..to).is_some_and(|frames| frames.contains(&true));
    let p = event.probability.map_or(String::new(), |p| format!(", p {p:.2}"));
    let (said, truth, right) = match event.kind {
        EventKind::EndOfTurn => {
            let why = match event.reason {
                Some(EndReason::Silence) => "by silence",
                Some(EndReason::Shift) => "the other took the floor",
                _ => "by the model",
            };
            let said = format!("end of turn, {why}, after {} ms{p}", event.silence_ms.unwrap_or(0));
            let (truth, right) = end_truth(activity, &outcomes[speaker], speaker, time_s);
            (said, truth, right)
        }
        EventKind::Backchannel => {
            let (truth, right) = if any(&activity.backchannel[speaker]) {
                ("a backchannel", true)
            } else if any(&activity.speech[speaker]) {
                ("a claim of the floor", false)
            } else {
                ("no speech", false)
            };
            (format!("backchannel{p}"), truth.into(), right)
        }
        EventKind::Interruption => {
            let both = any(&activity.speech[1 - speaker]);
            let (truth, right) = if any(&activity.backchannel[speaker]) {
                ("a backchannel", false)
            } else if any(&activity.speech[speaker]) && both {
                ("both speak, a claim of the floor", true)
            } else {
                ("only one speaks", false)
            };
            (format!("interruption{p}"), truth.into(), right)
        }
        _ => return None,
    };
    Some(LoggedEvent { time_s, speaker, said, truth, right })
}

/// What was so where an end of turn was said.
fn end_truth(activity: &Activity, outcomes: &[Outcome], speaker: usize, time_s: f64) -> (String, bool) {
    let last = outcomes.iter().rev().find(|o| o.start_s - EARLY_S <= time_s && time_s <= o.until_s);
    if let Some(outcome) = last {
        return (outcome.truth.clone(), outcome.end);
    }
    let frame = ((time_s * FRAME_HZ as f64) as usize).min(activity.frames().saturating_sub(1));
    match activity.speech[speaker].get(frame) {
        Some(true) => ("still speaking".into(), false),
        // The other already spoke when the turn ended, or the sound was a backchannel.
        _ if activity.speech[1 - speaker].get(frame) == Some(&true) => {
            ("end: the other already speaks".into(), true)
        }
        _ => ("no turn of the speaker ends here".into(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(text: &str) -> Vec<bool> {
        // A sign is 0.2 s.
        text.chars().flat_map(|c| [c != '.'; 10]).collect()
    }

    fn marks(text: &str) -> Vec<bool> {
        text.chars().flat_map(|c| [c == 'b'; 10]).collect()
    }

    #[test]
    fn each_line_says_what_was_so() {
        let (user, agent) = ("xxxxxx....xxxxxx..........xxxxxxxxxx", "....................xxxx......bb....");
        let activity = Activity {
            speech: [track(user), track(agent)],
            backchannel: [marks(user), marks(agent)],
            complete: false,
        };
        let at = |frame: usize, eot: f32| {
            let mut f = Frame::from_logits(frame as u64, &[-9.0; 27]);
            f.vad = [0, 1].map(|s| if activity.speech[s][frame] { 0.99 } else { 0.01 });
            f.eot = [eot, 0.0];
            f.backchannel = [0.0, 0.0];
            f
        };
        let mut policy = Policy { end_threshold: 0.5, ..Policy::default() };
        policy.max_silence_ms = 1_500;
        // Sure in the pause of 0.8 s, unsure at the end: one false cut-off, one end found by silence alone.
        let frames: Vec<Frame> =
            (0..activity.frames()).map(|t| at(t, if t < 90 { 0.9 } else { 0.1 })).collect();
        let log = of_frames(&frames, &activity, policy).unwrap();
        assert!(log.windows(2).all(|pair| pair[0].time_s <= pair[1].time_s));
        let of = |speaker: usize, start: &str| -> Vec<&LoggedEvent> {
            log.iter().filter(|t| t.speaker == speaker && t.said.starts_with(start)).collect()
        };
        let ends = of(0, "end of turn");
        assert_eq!(ends[0].truth, "hold: goes on after 0.80 s", "{log:?}");
        assert!(!ends[0].right && (1.2..2.0).contains(&ends[0].time_s));
        assert!(ends[1].right && ends[1].truth.starts_with("end"), "{log:?}");
        // The agent's second sound is a backchannel that the machine takes for a claim.
        let interruptions = of(1, "interruption");
        assert!(interruptions.iter().all(|t| t.truth == "a backchannel" && !t.right), "{log:?}");
    }

    #[test]
    fn what_was_never_said_is_missed() {
        let activity = Activity {
            speech: [track("xxxxx..........."), track("..........xxxxxx")],
            backchannel: [marks("................"), marks("................")],
            complete: false,
        };
        let silent = |t: usize| {
            let mut frame = Frame::from_logits(t as u64, &[-9.0; 27]);
            frame.vad = [0.0; 2];
            frame
        };
        let frames: Vec<Frame> = (0..activity.frames()).map(silent).collect();
        let log = of_frames(&frames, &activity, Policy::default()).unwrap();
        let missed = LoggedEvent {
            time_s: 1.0,
            speaker: 0,
            said: "-".into(),
            truth: "end: the other takes the floor".into(),
            right: false,
        };
        assert_eq!(log, [missed]);
    }
}
