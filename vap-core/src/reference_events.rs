//! The published turn-taking events on frame activity: shifts, holds, backchannels, overlaps, and where a model
//! is asked to foresee them.
//!
//! Source: ErikEkstedt/VoiceActivityProjection `vap/events.py` and, for shift-overlap, non-shift and the papers'
//! negatives, ErikEkstedt/vap_turn_taking. We differ in this: a backchannel needs the other to hold the floor
//! (`bc_other_holds_floor`), negatives are as many as the positives of their own kind and drawn with a seed, and
//! no region starts before the dialogue. Overlaps with their outcome are ours.

mod backchannel;
mod config;
mod islands;
#[cfg(test)]
mod tests;

pub use backchannel::{Backchannels, backchannels};
pub use config::{EventConfig, Negatives};
pub use islands::{DialogueState, Island, dialogue_states, fill_pauses, islands};

use crate::error::{Error, Result};

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

impl Region {
    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.end_frame - self.start_frame
    }
}

fn check(speech: &[Vec<bool>; 2]) -> Result<()> {
    let (expected, found) = (speech[0].len(), speech[1].len());
    if expected != found {
        return Err(Error::Length { what: "activity: speech of the agent", expected, found });
    }
    Ok(())
}
