//! Backchannels and the half second before each: isolated short sounds while the other holds the floor.

use vap_core::error::Result;

use super::config::EventConfig;
use super::islands::{before, fill_pauses, islands};
use super::{Region, check};

/// Backchannels of a dialogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backchannels {
    /// The backchannels, whole; also the SHORT events. Those of the user first.
    pub backchannels: Vec<Region>,
    /// The region before each, where it does not start before the least context.
    pub predictions: Vec<Region>,
}

/// Finds the backchannels in `speech`, `[speaker][frames]`.
///
/// On speech with its pauses filled: an island of at most `bc_max_s` (and at least `bc_min_s`), at least
/// `bc_pre_cond_s` of own silence before and `bc_post_cond_s` after it, that starts in
/// `min_context_s..max_time_s`. With `bc_other_holds_floor`, also: the other spoke last before it, and speaks
/// during it or next after it. (The 2022 code asks the first half of that, the newer code nothing.)
///
/// # Errors
/// [`vap_core::Error::Length`] when the two tracks differ in length, [`vap_core::Error::ConfigValue`] for a bad config.
pub fn backchannels(speech: &[Vec<bool>; 2], config: &EventConfig) -> Result<Backchannels> {
    check(speech)?;
    let frames = config.frames()?;
    let filled = fill_pauses(speech);
    let mut found = Backchannels::default();
    for speaker in 0..2 {
        for triad in islands(&filled[speaker]).windows(3) {
            let [silence, sound, after] = triad else { continue };
            let in_time = (frames.min_context..frames.max_start).contains(&sound.start_frame);
            let short = (frames.bc_min..=frames.bc_max).contains(&sound.frames);
            let isolated = silence.frames >= frames.bc_pre && after.frames >= frames.bc_post;
            if !(sound.value && in_time && short && isolated) {
                continue;
            }
            let region = Region { start_frame: sound.start_frame, end_frame: sound.end_frame(), speaker };
            if config.bc_other_holds_floor && !other_holds_floor(&filled, region) {
                continue;
            }
            found.backchannels.push(region);
            found.predictions.extend(before(
                sound.start_frame,
                frames.prediction,
                frames.min_context,
                speaker,
            ));
        }
    }
    Ok(found)
}

fn other_holds_floor(filled: &[Vec<bool>; 2], sound: Region) -> bool {
    let (own, other) = (&filled[sound.speaker], &filled[1 - sound.speaker]);
    let last = (0..sound.start_frame).rev().find(|&frame| own[frame] || other[frame]);
    let next = (sound.end_frame..own.len()).find(|&frame| own[frame] || other[frame]);
    let before = last.is_some_and(|frame| other[frame] && !own[frame]);
    let during = other[sound.start_frame..sound.end_frame].contains(&true);
    before && (during || next.is_some_and(|frame| other[frame]))
}
