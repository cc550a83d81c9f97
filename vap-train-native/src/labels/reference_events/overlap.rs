//! Overlaps and who keeps the floor after them, and the frames in which no shift is near.

use vap_core::error::Result;

use super::check;
use super::config::EventConfig;
use super::islands::{DialogueState, alone, dialogue_states, fill_pauses, islands};

/// How an overlap ends, read `overlap_outcome_s` after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverlapOutcome {
    /// The holder yields to the newcomer: a shift-overlap with its conditions before and after.
    Yielded,
    /// The holder goes on and the newcomer is silent: a backchannel or a failed attempt.
    Kept,
    /// Both speak after it.
    Both,
}

/// Both speakers talking for at least `overlap_min_s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// First frame.
    pub start_frame: usize,
    /// One past the last frame.
    pub end_frame: usize,
    /// Who came into the other's speech; `None` when both began together, or the dialogue begins with it.
    pub newcomer: Option<usize>,
    /// How it ended; `None` when nobody came in, the dialogue ends first, or none of the three fits (the holder is
    /// silent too, or the newcomer's sound does not fill the time after it).
    pub outcome: Option<OverlapOutcome>,
}

/// Finds the overlaps in `speech`, `[speaker][frames]`, that start in `min_context_s..max_time_s`.
///
/// # Errors
/// [`vap_core::Error::Length`] when the two tracks differ in length, [`vap_core::Error::ConfigValue`] for a bad config.
pub fn overlaps(speech: &[Vec<bool>; 2], config: &EventConfig) -> Result<Vec<Overlap>> {
    check(speech)?;
    let frames = config.frames()?;
    let filled = fill_pauses(speech);
    let islands = islands(&dialogue_states(speech));
    let mut found = Vec::new();
    for (at, island) in islands.iter().enumerate() {
        let in_time = (frames.min_context..frames.max_start).contains(&island.start_frame);
        if island.value != DialogueState::Both || island.frames < frames.overlap || !in_time {
            continue;
        }
        let (start_frame, end_frame) = (island.start_frame, island.end_frame());
        let holder = at.checked_sub(1).and_then(|before| islands[before].value.only());
        let outcome = holder.and_then(|holder| {
            let newcomer = 1 - holder;
            let after = |speaker: usize| {
                speech[speaker].get(end_frame..end_frame + frames.outcome).map(|after| after.contains(&true))
            };
            let held = start_frame
                .checked_sub(frames.pre)
                .is_some_and(|start| alone(&filled, holder, start, frames.pre));
            match (after(holder)?, after(newcomer)?) {
                (true, true) => Some(OverlapOutcome::Both),
                (true, false) => Some(OverlapOutcome::Kept),
                (false, true) if held && alone(&filled, newcomer, end_frame, frames.post) => {
                    Some(OverlapOutcome::Yielded)
                }
                _ => None,
            }
        });
        found.push(Overlap { start_frame, end_frame, newcomer: holder.map(|holder| 1 - holder), outcome });
    }
    Ok(found)
}

/// For each frame the last speaker, if the `non_shift_horizon_s` after the frame belongs only to that speaker:
/// there a shift would be wrong; `[frames]`.
///
/// The last speaker is who last spoke alone, nobody from an overlap until one speaks alone again. Frames outside
/// `min_context_s..max_time_s`, and those whose horizon reaches past the end, are `None`.
///
/// # Errors
/// [`vap_core::Error::Length`] when the two tracks differ in length, [`vap_core::Error::ConfigValue`] for a bad config.
pub fn non_shift(speech: &[Vec<bool>; 2], config: &EventConfig) -> Result<Vec<Option<usize>>> {
    check(speech)?;
    let frames = config.frames()?;
    let count = speech[0].len();
    // before[s][i] = frames of speech of s before frame i
    let before = [0, 1].map(|speaker: usize| {
        let mut spoken = 0;
        let mut before = vec![0usize];
        before.extend(speech[speaker].iter().map(|&speech| {
            spoken += usize::from(speech);
            spoken
        }));
        before
    });
    let mut last = None;
    let mut found = Vec::with_capacity(count);
    for (frame, state) in dialogue_states(speech).into_iter().enumerate() {
        if state != DialogueState::Silence {
            last = state.only();
        }
        let (start, end) = (frame + 1, frame + 1 + frames.horizon);
        let in_time = (frames.min_context..frames.max_start).contains(&frame) && end <= count;
        let spoken = |speaker: usize| before[speaker][end] - before[speaker][start];
        found.push(last.filter(|&last| in_time && spoken(last) > 0 && spoken(1 - last) == 0));
    }
    Ok(found)
}
