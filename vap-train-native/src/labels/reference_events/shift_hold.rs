//! Shifts, holds and shift-overlaps, the onsets of long turns after shifts, and the half second before each.

use vap_core::error::Result;

use super::config::EventConfig;
use super::islands::{DialogueState, alone, before, dialogue_states, fill_pauses, islands};
use super::{Region, check};

/// Shifts and holds of a dialogue. The speaker is the next speaker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShiftHold {
    /// Silences after which the other speaks.
    pub shifts: Vec<Region>,
    /// Silences after which the same speaker goes on.
    pub holds: Vec<Region>,
    /// Overlaps after which the other alone speaks.
    pub shift_overlaps: Vec<Region>,
    /// First `long_onset_region_s` of the next speaker's utterance after a shift, when that is long.
    pub longs: Vec<Region>,
    /// The `prediction_region_s` before shifts.
    pub shift_predictions: Vec<Region>,
    /// The same before holds.
    pub hold_predictions: Vec<Region>,
}

/// Finds shifts and holds in `speech`, `[speaker][frames]`.
///
/// A silence between two utterances of single speakers counts when it starts in `min_context_s..max_time_s` and
/// lasts `metric_s + metric_pad_s`; and, with pauses filled, the previous speaker alone fills the `sh_pre_cond_s`
/// before it and the next speaker alone the `sh_post_cond_s` after it. A shift-overlap is the same with both
/// talking in place of silence, of any length.
///
/// # Errors
/// [`vap_core::Error::Length`] when the two tracks differ in length, [`vap_core::Error::ConfigValue`] for a bad config.
pub fn shift_hold(speech: &[Vec<bool>; 2], config: &EventConfig) -> Result<ShiftHold> {
    check(speech)?;
    let frames = config.frames()?;
    let filled = fill_pauses(speech);
    let mut found = ShiftHold::default();
    for triad in islands(&dialogue_states(speech)).windows(3) {
        let [last, middle, onset] = triad else { continue };
        let (Some(previous), Some(speaker)) = (last.value.only(), onset.value.only()) else { continue };
        let silence = middle.value == DialogueState::Silence;
        let in_time = (frames.min_context..frames.max_start).contains(&middle.start_frame);
        if !in_time || (silence && middle.frames < frames.min_silence) {
            continue;
        }
        let before_alone = middle
            .start_frame
            .checked_sub(frames.pre)
            .is_some_and(|start| alone(&filled, previous, start, frames.pre));
        if !before_alone || !alone(&filled, speaker, onset.start_frame, frames.post) {
            continue;
        }

        let region = Region { start_frame: middle.start_frame, end_frame: middle.end_frame(), speaker };
        let shift = previous != speaker;
        if !silence {
            // Both, then the same speaker: the other gave up, nothing was passed.
            found.shift_overlaps.extend(shift.then_some(region));
            continue;
        }
        if shift && onset.frames >= frames.long {
            let (start_frame, end_frame) = (onset.start_frame, onset.start_frame + frames.long_region);
            found.longs.push(Region { start_frame, end_frame: end_frame.min(onset.end_frame()), speaker });
        }
        let on_active = last.frames >= frames.prediction || !config.sh_prediction_region_on_active;
        let foreseen =
            before(region.start_frame, frames.prediction, frames.min_context, speaker).filter(|_| on_active);
        let (regions, predictions) = match shift {
            true => (&mut found.shifts, &mut found.shift_predictions),
            false => (&mut found.holds, &mut found.hold_predictions),
        };
        regions.push(region);
        predictions.extend(foreseen);
    }
    Ok(found)
}
