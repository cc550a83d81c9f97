//! Two-party timing out of meetings: who of two speaks when, which sounds are backchannels, where turns pause.

use serde::{Deserialize, Serialize};

use super::Split;

/// A stretch of a meeting in which only two participants talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Meeting, e.g. `ES2002a`.
    pub meeting: String,
    /// Split of the meeting.
    pub split: Split,
    /// Channel letters of speaker 0 and speaker 1 in the meeting.
    pub channels: [char; 2],
    /// Where the stretch starts in the meeting, in seconds; every other time counts from there.
    pub offset_s: f32,
    /// Turns and backchannels of both, in order of start.
    pub turns: Vec<TurnTiming>,
}

/// One turn or one backchannel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnTiming {
    /// 0 or 1.
    pub speaker: u8,
    /// Start of its first sound, in seconds from the start of the stretch.
    pub start_s: f32,
    /// End of its last sound, in seconds from the start of the stretch.
    pub end_s: f32,
    /// Turn or backchannel.
    pub kind: TurnKind,
    /// Inner pauses (start, end) in seconds from `start_s`, each longer than 0.2 s.
    pub pauses: Vec<(f32, f32)>,
}

/// What a stretch of sound does in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TurnKind {
    /// It holds or claims the floor.
    Turn,
    /// It leaves the floor with the other ("mm-hmm").
    Backchannel,
}
