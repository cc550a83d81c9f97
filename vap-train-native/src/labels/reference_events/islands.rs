//! Runs of equal frames: who speaks, for how long, and pauses made whole.

use super::Region;

/// Who speaks in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogueState {
    /// Only the user; 0 in the reference.
    User,
    /// Nobody; 1 in the reference.
    Silence,
    /// Both; 2 in the reference.
    Both,
    /// Only the agent; 3 in the reference.
    Agent,
}

impl DialogueState {
    /// The speaker of a frame with exactly one.
    pub fn only(self) -> Option<usize> {
        match self {
            DialogueState::User => Some(0),
            DialogueState::Agent => Some(1),
            DialogueState::Silence | DialogueState::Both => None,
        }
    }
}

/// A run of equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Island<T> {
    /// First frame.
    pub start_frame: usize,
    /// Number of frames, at least 1.
    pub frames: usize,
    /// The value of them all.
    pub value: T,
}

impl<T> Island<T> {
    /// One past the last frame.
    pub fn end_frame(&self) -> usize {
        self.start_frame + self.frames
    }
}

/// State of each frame, `[frames]`; `speech` is `[speaker][frames]` with equal lengths.
pub fn dialogue_states(speech: &[Vec<bool>; 2]) -> Vec<DialogueState> {
    let state = |(&user, &agent): (&bool, &bool)| match (user, agent) {
        (true, false) => DialogueState::User,
        (false, false) => DialogueState::Silence,
        (true, true) => DialogueState::Both,
        (false, true) => DialogueState::Agent,
    };
    speech[0].iter().zip(&speech[1]).map(state).collect()
}

/// The runs of equal values, in order.
pub fn islands<T: Copy + PartialEq>(values: &[T]) -> Vec<Island<T>> {
    let mut start_frame = 0;
    let run = |run: &[T]| {
        let island = Island { start_frame, frames: run.len(), value: run[0] };
        start_frame += run.len();
        island
    };
    values.chunk_by(T::eq).map(run).collect()
}

/// Speech with each silence between two utterances of one speaker, nobody else in between, made that speaker's,
/// whatever its length; `[speaker][frames]`.
pub fn fill_pauses(speech: &[Vec<bool>; 2]) -> [Vec<bool>; 2] {
    let mut filled = speech.clone();
    for triad in islands(&dialogue_states(speech)).windows(3) {
        let [before, pause, after] = triad else { continue };
        if let (Some(speaker), DialogueState::Silence) = (before.value.only(), pause.value)
            && after.value == before.value
        {
            filled[speaker][pause.start_frame..pause.end_frame()].fill(true);
        }
    }
    filled
}

/// Whether `speaker` speaks in every frame of the range and the other in none. False past the end of the dialogue.
pub(super) fn alone(speech: &[Vec<bool>; 2], speaker: usize, start_frame: usize, frames: usize) -> bool {
    let range = start_frame..start_frame.saturating_add(frames);
    match (speech[speaker].get(range.clone()), speech[1 - speaker].get(range)) {
        (Some(own), Some(other)) => own.iter().all(|&speech| speech) && !other.contains(&true),
        _ => false,
    }
}

/// The window of `frames` that ends before `end_frame`, unless it starts before `min_start_frame`.
pub(super) fn before(
    end_frame: usize,
    frames: usize,
    min_start_frame: usize,
    speaker: usize,
) -> Option<Region> {
    let start_frame = end_frame.checked_sub(frames).filter(|&start| start >= min_start_frame)?;
    Some(Region { start_frame, end_frame, speaker })
}
