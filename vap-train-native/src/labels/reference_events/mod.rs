//! The published turn-taking events on frame activity: shifts, holds, backchannels, overlaps, and where a model
//! is asked to foresee them. Activity comes in; regions, and with a model's output scores and labels, go out.
//!
//! Source: ErikEkstedt/VoiceActivityProjection `vap/events.py` and, for shift-overlap, non-shift and the paper's
//! negatives, ErikEkstedt/vap_turn_taking. We differ in this: a backchannel needs the other to hold the floor
//! (`bc_other_holds_floor`), negatives are as many as the positives of their own kind and drawn with a seed, and
//! no region starts before the dialogue. Overlaps with their outcome are ours.

mod backchannel;
mod config;
mod islands;
mod negatives;
mod overlap;
pub(crate) mod random;
mod scoring;
mod shift_hold;
#[cfg(test)]
mod tests;

pub use backchannel::{Backchannels, backchannels};
pub use config::{EventConfig, Negatives};
pub use islands::{DialogueState, Island, dialogue_states, fill_pauses, islands};
pub use negatives::balance;
pub use overlap::{Overlap, OverlapOutcome, non_shift, overlaps};
pub use scoring::{
    HoldShiftReading, backchannel_prediction_scores, long_short_scores, shift_hold_scores,
    shift_prediction_scores,
};
pub use shift_hold::{ShiftHold, shift_hold};

use vap_core::error::{Error, Result};

/// Frames of one event and whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First frame.
    pub start_frame: usize,
    /// One past the last frame.
    pub end_frame: usize,
    /// 0 user, 1 agent: the next speaker, the backchanneller, or who might take the floor.
    pub speaker: usize,
}

/// All events of one dialogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Frames of the dialogue.
    pub frames: usize,
    /// Shifts, holds, shift-overlaps, long onsets and the regions before shifts and holds.
    pub shift_hold: ShiftHold,
    /// Regions in which no shift is to be foreseen; the speaker is who does not get the floor. All there are,
    /// until [`balance`] draws from them.
    pub shift_negatives: Vec<Region>,
    /// Backchannels, also the SHORT events, and the regions before them.
    pub backchannels: Backchannels,
    /// Regions in which no backchannel is to be foreseen; the speaker is who does not give one. All there are and
    /// as long as they are, until [`balance`] draws windows from them.
    pub backchannel_negatives: Vec<Region>,
    /// Overlaps and how they end.
    pub overlaps: Vec<Overlap>,
}

/// Finds all events in `speech`, `[speaker][frames]`.
///
/// # Errors
/// [`Error::Length`] when the two tracks differ in length, [`Error::ConfigValue`] for a bad config.
pub fn events(speech: &[Vec<bool>; 2], config: &EventConfig) -> Result<Events> {
    let shift_hold = shift_hold(speech, config)?;
    let (shift_negatives, backchannel_negatives) = negatives::candidates(speech, &shift_hold, config)?;
    Ok(Events {
        frames: speech[0].len(),
        shift_hold,
        shift_negatives,
        backchannels: backchannels(speech, config)?,
        backchannel_negatives,
        overlaps: overlaps(speech, config)?,
    })
}

fn check(speech: &[Vec<bool>; 2]) -> Result<()> {
    let (expected, found) = (speech[0].len(), speech[1].len());
    if expected != found {
        return Err(Error::Length { what: "activity: speech of the agent", expected, found });
    }
    Ok(())
}
