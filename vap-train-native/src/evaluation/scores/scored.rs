//! What one dialogue contributes to a report, for one model: scores with labels, events, answers to silences.

use vap_core::projection::{BACKCHANNEL_AT, BINS, EOT_AT, OVERLAP_AT, VAD_AT};
use vap_core::{Event, EventMachine, Frame, Policy};

use super::Candidate;
use super::truth::Truth;
use crate::error::Result;
use crate::evaluation::calibration::calibrate::Heard;
use crate::evaluation::calibration::check::{Answered, Solved};
use crate::evaluation::metrics::{SilenceSpan, TurnBench};
use crate::evaluation::recordings::Recording;
use crate::evaluation::recordings::spans::{self, Answer, SCORE_STEP_FRAMES};
use crate::evaluation::turnbench::files::{ConversationPrediction, score_one};
use crate::evaluation::turnbench::labels;

/// Every so many values of the bins count: neighbours say the same.
const BINS_STRIDE: usize = 23;

/// What one dialogue contributes.
pub struct Scored {
    pub vad: Vec<(f32, bool)>,
    pub overlap: Vec<(f32, bool)>,
    pub backchannel: Vec<(f32, bool)>,
    pub eot: Vec<(f32, bool)>,
    pub bins: Vec<(f32, bool)>,
    /// `[frames][speaker]`.
    pub p_now: Vec<[f32; 2]>,
    /// `[frames][speaker]`.
    pub p_future: Vec<[f32; 2]>,
    /// End of turn with both channels heard, `[speaker][frames]`.
    pub eot_heard: [Vec<f32>; 2],
    /// End of turn with the other channel silent, `[speaker][frames]`.
    pub eot_alone: [Vec<f32>; 2],
    /// Silences with the scores of `eot_alone`.
    pub spans: Vec<SilenceSpan>,
    /// The event machine's answers to them, on the same sound.
    pub machine: Vec<Answer>,
    /// The event machine's times with both channels heard.
    pub prediction: ConversationPrediction,
    /// Their score: ends of turns, interruptions.
    pub turnbench: (TurnBench, TurnBench),
    /// Each audible speaker with the other channel silent.
    pub alone: Vec<Heard>,
    /// What the policies that were asked of the model file do there.
    pub checked: Answered,
}

/// What a model hears of a recording.
pub struct Output {
    /// Both channels.
    pub both: Vec<Frame>,
    /// Each channel with the other one silent, `[speaker]`.
    pub alone: [Vec<Frame>; 2],
}

/// Hears a recording.
pub fn hear(recording: &Recording, candidate: &Candidate) -> Result<Output> {
    let [user, agent] = recording.audio.each_ref().map(|channel| &channel[..]);
    // As with an agent that has not spoken yet: what follows the end must not give it away.
    let silent = vec![0.0; user.len().max(agent.len())];
    let alone = [candidate.frames([user, &silent])?, candidate.frames([&silent, agent])?];
    Ok(Output { both: candidate.frames([user, agent])?, alone })
}

/// Scores what was heard of recording `name`.
pub fn score(name: &str, truth: &Truth, output: Output, policy: Policy, solved: &Solved) -> Result<Scored> {
    let frames = truth.activity.frames();
    let Output { both: mut heard, alone } = output;
    heard.truncate(frames);
    // A speaker's output counts when the channel has sound; what concerns both, when both have.
    let both = truth.audible[0] && truth.audible[1];
    let pairs = |at: usize, each: usize, speakers: usize, p: fn(&Frame, usize) -> f32| {
        let mut out = Vec::new();
        for (t, frame) in heard.iter().enumerate() {
            let counts = |i: &usize| if speakers == 2 { truth.audible[i / each] } else { both };
            let known = (0..each * speakers).filter(counts);
            out.extend(known.filter_map(|i| Some((p(frame, i), truth.targets.at(t, at + i)?))));
        }
        out
    };
    let mut machine = Vec::new();
    let mut silences = Vec::new();
    let eot_alone = [0, 1].map(|s| alone[s].iter().take(frames).map(|f| f.eot[s]).collect::<Vec<f32>>());
    for (speaker, found) in truth.silences.iter().enumerate() {
        silences.extend(found.iter().map(|silence| silence.with(&eot_alone[speaker], SCORE_STEP_FRAMES)));
        machine.extend(spans::answers(found, &events(&alone[speaker], policy)?, speaker));
    }
    let alone: Vec<Heard> = alone
        .into_iter()
        .enumerate()
        .map(|(speaker, frames)| Heard { speaker, frames, silences: truth.silences[speaker].clone() })
        .filter(|heard| truth.audible[heard.speaker])
        .collect();
    let prediction = labels::of_events(name, &events(&heard, policy)?);
    Ok(Scored {
        vad: pairs(VAD_AT, 1, 2, |f, i| f.vad[i]),
        overlap: pairs(OVERLAP_AT, 1, 1, |f, _| f.overlap),
        backchannel: pairs(BACKCHANNEL_AT, 1, 2, |f, i| f.backchannel[i]),
        eot: pairs(EOT_AT, 1, 2, |f, i| f.eot[i]),
        bins: pairs(0, BINS, 2, |f, i| f.bins[i / BINS][i % BINS]).into_iter().step_by(BINS_STRIDE).collect(),
        p_now: heard.iter().map(|f| f.p_now).collect(),
        p_future: heard.iter().map(|f| f.p_future).collect(),
        eot_heard: [0, 1].map(|s| heard.iter().map(|f| f.eot[s]).collect()),
        eot_alone,
        spans: silences,
        machine,
        checked: solved.answer(&alone)?,
        alone,
        turnbench: score_one(&prediction, &truth.labels),
        prediction,
    })
}

fn events(frames: &[Frame], policy: Policy) -> Result<Vec<Event>> {
    let mut machine = EventMachine::new(policy)?;
    let mut events = Vec::new();
    frames.iter().for_each(|frame| machine.step(frame, &mut events));
    Ok(events)
}
