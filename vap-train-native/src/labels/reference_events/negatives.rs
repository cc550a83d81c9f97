//! Where nothing is to be foreseen: all such regions of a dialogue, and a seeded draw of as many as there are
//! positives.

use vap_core::error::Result;

use super::config::{EventConfig, Frames, Negatives};
use super::islands::{DialogueState, dialogue_states, fill_pauses, islands};
use super::random::SplitMix64;
use super::{Events, Region, ShiftHold, non_shift};

/// All negatives of a dialogue, `(of shift prediction, of backchannel prediction)`.
pub(super) fn candidates(
    speech: &[Vec<bool>; 2],
    found: &ShiftHold,
    config: &EventConfig,
) -> Result<(Vec<Region>, Vec<Region>)> {
    let frames = config.frames()?;
    Ok(match config.negatives {
        Negatives::Code => {
            let other = |hold: &Region| Region { speaker: 1 - hold.speaker, ..*hold };
            (found.hold_predictions.iter().map(other).collect(), trimmed_turns(speech, &frames))
        }
        Negatives::Paper => {
            let last = non_shift(speech, config)?;
            let states = dialogue_states(speech);
            let active: Vec<Option<usize>> = last
                .iter()
                .zip(states)
                .map(|(&last, state)| {
                    last.filter(|_| state == DialogueState::User || state == DialogueState::Agent)
                })
                .collect();
            (windows(&active, frames.prediction), windows(&last, frames.prediction))
        }
    })
}

/// Turns of one speaker alone, pauses filled, trimmed on both sides and to the scored time.
fn trimmed_turns(speech: &[Vec<bool>; 2], frames: &Frames) -> Vec<Region> {
    let mut regions = Vec::new();
    for turn in islands(&dialogue_states(&fill_pauses(speech))) {
        let Some(holder) = turn.value.only() else { continue };
        let start_frame = (turn.start_frame + frames.bc_left).max(frames.min_context);
        let end_frame = turn.end_frame().saturating_sub(frames.bc_right).min(frames.max_start);
        if end_frame >= start_frame + frames.prediction {
            regions.push(Region { start_frame, end_frame, speaker: 1 - holder });
        }
    }
    regions
}

/// The runs of one holder cut into windows; the speaker is the other.
fn windows(holders: &[Option<usize>], frames: usize) -> Vec<Region> {
    let mut regions = Vec::new();
    for run in islands(holders) {
        let Some(holder) = run.value else { continue };
        for window in 0..run.frames / frames {
            let start_frame = run.start_frame + window * frames;
            regions.push(Region { start_frame, end_frame: start_frame + frames, speaker: 1 - holder });
        }
    }
    regions
}

/// Draws negatives over all dialogues together, as many as there are positives of the same kind, or all where
/// there are fewer: for shift prediction, for backchannel prediction (one random window of `prediction_region_s`
/// from each region drawn) and, with `equal_hold_shift`, holds to the number of shifts.
///
/// # Errors
/// [`vap_core::Error::ConfigValue`] for a bad config.
pub fn balance(dialogues: &mut [Events], config: &EventConfig, seed: u64) -> Result<()> {
    let window = config.frames()?.prediction;
    let mut random = SplitMix64::new(seed);
    let shifts = dialogues.iter().map(|d| d.shift_hold.shift_predictions.len()).sum();
    draw(dialogues, |d| &mut d.shift_negatives, shifts, &mut random);
    let backchannels = dialogues.iter().map(|d| d.backchannels.predictions.len()).sum();
    draw(dialogues, |d| &mut d.backchannel_negatives, backchannels, &mut random);
    for region in dialogues.iter_mut().flat_map(|d| &mut d.backchannel_negatives) {
        let spare = (region.end_frame - region.start_frame).saturating_sub(window);
        region.start_frame += random.below(spare + 1);
        region.end_frame = region.end_frame.min(region.start_frame + window);
    }
    if config.equal_hold_shift {
        let shifts = dialogues.iter().map(|d| d.shift_hold.shifts.len()).sum();
        draw(dialogues, |d| &mut d.shift_hold.holds, shifts, &mut random);
    }
    Ok(())
}

/// Keeps `count` regions, or all, in their order.
fn draw(
    dialogues: &mut [Events],
    regions: impl Fn(&mut Events) -> &mut Vec<Region>,
    count: usize,
    random: &mut SplitMix64,
) {
    let mut left: usize = dialogues.iter_mut().map(|dialogue| regions(dialogue).len()).sum();
    let mut wanted = count.min(left);
    // Selection sampling (Knuth, algorithm S): every subset of this size is equally likely.
    for dialogue in dialogues {
        regions(dialogue).retain(|_| {
            let keep = random.below(left) < wanted;
            left -= 1;
            wanted -= usize::from(keep);
            keep
        });
    }
}
