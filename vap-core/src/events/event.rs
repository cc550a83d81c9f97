//! What is told to the outside: one flat object an event.

use super::ms;
use crate::{HOP_SAMPLES, Speaker};
use serde::{Deserialize, Serialize};

/// What happened; the `type` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// The speaker began to make sound. Has `startMs`.
    SpeechStart,
    /// The speaker fell silent. Has `startMs`, `endMs`, `durationMs`.
    SpeechEnd,
    /// The speaker's turn will probably end: start thinking. Has `silenceMs`, `probability`.
    EagerEndOfTurn,
    /// The speaker's turn has ended: speak. Has `startMs` and `endMs` of the turn's sound, `durationMs`,
    /// `silenceMs`, `probability`, `reason`.
    EndOfTurn,
    /// An eager end was taken back: it was a pause. Has `probability`, and `startMs` when a new sound told so.
    TurnResumed,
    /// The floor passed to the speaker. Has `startMs` of the speaker's turn.
    TurnShift,
    /// A short sound that does not claim the floor: keep talking. Has `startMs`, `durationMs` so far, `overlapMs`,
    /// `probability`.
    Backchannel,
    /// An overlap by which the speaker claims the floor: stop talking. Has `startMs`, `durationMs` so far,
    /// `overlapMs`, and `probability` that it is not a backchannel.
    Interruption,
    /// Both speak; the speaker is the one who came in second. Has `startMs`; where the speaker's sound began in the
    /// other's turn and is not judged yet, also `soundMs`, `overlapMs`, and `probability` that it is no backchannel:
    /// its verdict then follows.
    OverlapStart,
    /// They no longer both speak; the speaker is that of the `overlapStart`. Has `startMs`, `endMs`, `durationMs`.
    OverlapEnd,
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    /// The model was sure, after at least `minSilenceMs` of silence.
    Model,
    /// `maxSilenceMs` of silence.
    Silence,
    /// The other took the floor.
    Shift,
    /// The stream ended.
    Finish,
}

/// A sound in the other's turn that is not judged yet, and the evidence so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BargeIn {
    /// Whose sound it is.
    pub speaker: Speaker,
    /// End of the last hop that was heard, in ms since the stream began.
    pub time_ms: u64,
    /// When it began, in ms since the stream began: the `startMs` of its verdict.
    pub start_ms: u64,
    /// From its beginning to its last loud hop, in ms.
    pub duration_ms: u64,
    /// Sound together with the other so far, in ms.
    pub overlap_ms: u64,
    /// Probability so far that it is no backchannel: 1 less the mean backchannel probability of its loud hops.
    pub probability: f32,
}

/// One event. [`EventKind`] says which of the optional fields a kind has; the others are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Whose speech, turn, sound or claim it is.
    pub speaker: Speaker,
    /// End of the hop at which it was decided, in ms since the stream began.
    pub time_ms: u64,
    /// The same in samples of the 16 kHz stream.
    pub sample: u64,
    /// When it began in the sound itself, in ms: before any time the machine waited to be sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// When it ended in the sound itself, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
    /// Length of the sound, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// When the sound began that is to be judged, in ms: the `startMs` of its verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound_ms: Option<u64>,
    /// Sound together with the other so far, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_ms: Option<u64>,
    /// Silence of the speaker when it was decided, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<u64>,
    /// Probability it was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
    /// Why a turn ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
}

impl Event {
    /// Event decided `now` hops into the stream, without optional fields.
    pub(super) fn at(now: u64, kind: EventKind, speaker: Speaker) -> Self {
        Event {
            kind,
            speaker,
            time_ms: ms(now),
            sample: now.saturating_mul(HOP_SAMPLES as u64),
            start_ms: None,
            end_ms: None,
            duration_ms: None,
            sound_ms: None,
            overlap_ms: None,
            silence_ms: None,
            probability: None,
            reason: None,
        }
    }

    /// The event with the start of its sound, in hops.
    pub(super) fn since(mut self, start: u64) -> Self {
        self.start_ms = Some(ms(start));
        self
    }

    /// The event with start, end and length of its sound, in hops.
    pub(super) fn over(mut self, start: u64, end: u64) -> Self {
        self.end_ms = Some(ms(end));
        self.lasting(start, end).since(start)
    }

    /// The event with start and length so far of its sound, in hops.
    pub(super) fn lasting(mut self, start: u64, end: u64) -> Self {
        self.duration_ms = Some(ms(end.saturating_sub(start)));
        self.since(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_flat_object() {
        let mut event = Event::at(60, EventKind::EndOfTurn, Speaker::User).over(10, 50);
        event.silence_ms = Some(200);
        event.probability = Some(0.75);
        event.reason = Some(EndReason::Model);
        let json = serde_json::to_string(&event).unwrap();
        let expected = concat!(
            r#"{"type":"endOfTurn","speaker":"user","timeMs":1200,"sample":19200,"startMs":200,"endMs":1000,"#,
            r#""durationMs":800,"silenceMs":200,"probability":0.75,"reason":"model"}"#
        );
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn fields_a_kind_lacks_are_left_out() {
        let event = Event::at(5, EventKind::OverlapStart, Speaker::Agent).since(2);
        let json = serde_json::to_string(&event).unwrap();
        let expected = r#"{"type":"overlapStart","speaker":"agent","timeMs":100,"sample":1600,"startMs":40}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        assert!(serde_json::from_str::<Event>(&json.replace("startMs", "start")).is_err());
    }
}
