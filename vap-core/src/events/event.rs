//! What is told to the outside: one flat object an event.

use super::ms;
use crate::{HOP_SAMPLES, Speaker};
use serde::{Deserialize, Serialize};

names! {
    /// What happened; the `type` of an event.
    pub enum EventKind {
        /// The speaker began to make sound, at `startMs`.
        SpeechStart = "speechStart",
        /// The speaker fell silent.
        SpeechEnd = "speechEnd",
        /// The speaker's turn will probably end: start thinking.
        EagerEndOfTurn = "eagerEndOfTurn",
        /// The speaker's turn has ended: speak. Start, end and length are those of the turn's sound. `probability` is
        /// left out of a turn that began no sooner than the stream ended.
        EndOfTurn = "endOfTurn",
        /// An eager end was taken back: it was a pause. `startMs` is that of the new sound, when one told so.
        TurnResumed = "turnResumed",
        /// The floor passed to the speaker, whose turn began at `startMs`.
        TurnShift = "turnShift",
        /// A short sound that does not claim the floor: keep talking. `durationMs` is its length so far, `overlapMs`
        /// how long of it both sounded, `probability` that of a backchannel.
        Backchannel = "backchannel",
        /// An overlap by which the speaker claims the floor: stop talking. `durationMs` is the length of the sound so
        /// far, `overlapMs` how long of it both sounded, `probability` that of no backchannel.
        Interruption = "interruption",
        /// Both speak; the speaker is the one who came in second. With `soundMs` the sound began in the other's turn
        /// and is not judged yet: lower your voice. `probability` is then that of no backchannel, and exactly one
        /// verdict of this speaker with that `startMs` follows: `interruption`, `backchannel`, or, where the other had
        /// fallen silent by then, `turnShift`, or `endOfTurn` when that turn is over at once. Only a backchannel that
        /// goes on beyond `maxBackchannelMs` is judged once more.
        OverlapStart = "overlapStart",
        /// They no longer both speak; the speaker is that of the `overlapStart`.
        OverlapEnd = "overlapEnd",
    }
}

impl EventKind {
    /// Optional fields of [`Event`] that every event of this kind has, by their names in JSON, and those that some
    /// have: all of them or none. It has no others.
    pub fn fields(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            EventKind::SpeechStart | EventKind::TurnShift => (&["startMs"], &[]),
            EventKind::SpeechEnd | EventKind::OverlapEnd => (&["startMs", "endMs", "durationMs"], &[]),
            EventKind::EagerEndOfTurn => (&["silenceMs", "probability"], &[]),
            EventKind::EndOfTurn => {
                (&["startMs", "endMs", "durationMs", "silenceMs", "reason"], &["probability"])
            }
            EventKind::TurnResumed => (&["probability"], &["startMs"]),
            EventKind::Backchannel | EventKind::Interruption => {
                (&["startMs", "durationMs", "overlapMs", "probability"], &[])
            }
            EventKind::OverlapStart => (&["startMs"], &["soundMs", "overlapMs", "probability"]),
        }
    }
}

names! {
    /// Why a turn ended.
    pub enum EndReason {
        /// The model was sure, after at least `minSilenceMs` of silence.
        Model = "model",
        /// `maxSilenceMs` of silence.
        Silence = "silence",
        /// The other took the floor.
        Shift = "shift",
        /// The stream ended.
        Finish = "finish",
    }
}

/// A sound in the other's turn that is not judged yet, and the evidence so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
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

impl BargeIn {
    /// Names of the numbers of a packed one, in order.
    pub const PACKED: [&str; 6] = ["channel", "timeMs", "startMs", "durationMs", "overlapMs", "probability"];

    /// All it holds as numbers, in the order of [`BargeIn::PACKED`].
    pub fn packed(&self) -> [f64; 6] {
        let BargeIn { speaker, time_ms, start_ms, duration_ms, overlap_ms, probability } = *self;
        let [time, start, duration, overlap] =
            [time_ms, start_ms, duration_ms, overlap_ms].map(|ms| ms as f64);
        [speaker.index() as f64, time, start, duration, overlap, f64::from(probability)]
    }
}

/// One event. [`EventKind::fields`] says which of the optional fields a kind has; the others are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
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
    fn a_packed_barge_in_has_its_fields_in_the_order_of_their_names() {
        let sound = BargeIn {
            speaker: Speaker::Agent,
            time_ms: 140,
            start_ms: 20,
            duration_ms: 100,
            overlap_ms: 80,
            probability: 0.75,
        };
        let json = serde_json::to_value(sound).unwrap();
        let field = |name: &str| if name == "channel" { Some(1.0) } else { json[name].as_f64() };
        assert_eq!(BargeIn::PACKED.map(field), sound.packed().map(Some));
    }

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
