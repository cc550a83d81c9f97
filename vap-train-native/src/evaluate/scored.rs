//! What one dialogue contributes to a report, for one model: scores with labels, events, silences.

use vap_core::labels::Activity;
use vap_core::metrics::SilenceSpan;
use vap_core::projection::{BACKCHANNEL_AT, BINS, OVERLAP_AT, VAD_AT};
use vap_core::reference_events::{EventConfig, Events, Region, events};
use vap_core::{Event, EventMachine, Frame};

use super::asked::Answered;
use super::calibrate::Heard;
use super::{Candidate, Recording, spans};
use crate::error::Result;

/// Every so many values of the bins count: neighbours say the same.
const BINS_STRIDE: usize = 23;

/// What one dialogue contributes.
pub struct Scored {
    pub vad: Vec<(f32, bool)>,
    pub overlap: Vec<(f32, bool)>,
    pub backchannel: Vec<(f32, bool)>,
    pub bins: Vec<(f32, bool)>,
    pub p_now: Vec<[f32; 2]>,
    pub p_future: Vec<[f32; 2]>,
    pub events: Events,
    pub spans: Vec<SilenceSpan>,
    pub machine: Vec<spans::Answer>,
    pub silences: Vec<(f32, bool)>,
    /// Each speaker with the other channel silent.
    pub alone: Vec<Heard>,
    pub asked: Answered,
}

/// Hears a recording and scores it.
pub fn score(recording: &Recording, candidate: &Candidate, config: &EventConfig) -> Result<Scored> {
    let frames = recording.frames();
    let activity = crop(&recording.activity, frames);
    let [user, agent] = recording.audio.each_ref().map(|channel| &channel[..]);
    let heard = candidate.frames([user, agent])?;
    // As with an agent that has not spoken yet: what follows the end must not give it away.
    let silent = vec![0.0; user.len().max(agent.len())];
    let alone = [candidate.frames([user, &silent])?, candidate.frames([&silent, agent])?];
    let targets = vap_core::labels::targets(&recording.activity)?;
    let pairs = |outputs: std::ops::Range<usize>, p: fn(&Frame, usize) -> f32| -> Vec<(f32, bool)> {
        let mut out = Vec::new();
        for (t, frame) in heard.iter().take(frames).enumerate() {
            let known =
                outputs.clone().enumerate().filter_map(|(i, o)| Some((p(frame, i), targets.at(t, o)?)));
            out.extend(known);
        }
        out
    };
    let mut spans = Vec::new();
    let mut answers = Vec::new();
    let alone = alone.into_iter().enumerate();
    let alone: Vec<Heard> = alone
        .map(|(speaker, frames)| Heard { speaker, frames, silences: spans::silences(&activity, speaker) })
        .collect();
    for Heard { speaker, frames, silences: found } in &alone {
        spans.extend(found.iter().map(|s| s.scored(frames, *speaker)));
        let mut machine = EventMachine::new(candidate.policy)?;
        let mut events: Vec<Event> = Vec::new();
        frames.iter().for_each(|frame| machine.step(frame, &mut events));
        answers.extend(spans::answers(found, &events, *speaker));
    }
    let events = events(&activity.speech, config)?;
    let length = |r: &Region| (r.end_frame - r.start_frame) as f32;
    let shift_hold = &events.shift_hold;
    let silences = shift_hold.shifts.iter().map(|r| (length(r), true));
    let silences = silences.chain(shift_hold.holds.iter().map(|r| (length(r), false))).collect();
    Ok(Scored {
        vad: pairs(VAD_AT..VAD_AT + 2, |f, i| f.vad[i]),
        overlap: pairs(OVERLAP_AT..OVERLAP_AT + 1, |f, _| f.overlap),
        backchannel: pairs(BACKCHANNEL_AT..BACKCHANNEL_AT + 2, |f, i| f.backchannel[i]),
        bins: pairs(0..2 * BINS, |f, i| f.bins[i / BINS][i % BINS])
            .into_iter()
            .step_by(BINS_STRIDE)
            .collect(),
        p_now: heard.iter().take(frames).map(|f| f.p_now).collect(),
        p_future: heard.iter().take(frames).map(|f| f.p_future).collect(),
        events,
        spans,
        machine: answers,
        silences,
        asked: candidate.solved.answer(&alone)?,
        alone,
    })
}

fn crop(activity: &Activity, frames: usize) -> Activity {
    let cut = |tracks: &[Vec<bool>; 2]| tracks.each_ref().map(|t| t[..frames].to_vec());
    let complete = activity.complete && frames == activity.frames();
    Activity { speech: cut(&activity.speech), backchannel: cut(&activity.backchannel), complete }
}
