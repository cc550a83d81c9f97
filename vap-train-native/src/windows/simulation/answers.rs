//! What a teacher hears in the recordings: at a place in an utterance, would the speaker sound finished?

use vap_core::SAMPLE_RATE_HZ;

/// Soft answers about prepared utterances.
pub trait Answers: Sync {
    /// Probability that the speaker sounds finished, were `utterance` to stop at `sample` of its recording; none where
    /// the teacher was not asked close by.
    fn at(&self, utterance: usize, sample: usize) -> Option<f32>;
}

/// Samples between answers inside speech: 200 ms.
pub const DENSE_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 5;

/// An answer at its place in a dialogue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// The frame in which the speaker stops, or would.
    pub frame: usize,
    /// Probability that the speaker sounds finished.
    pub finished: f32,
    /// Whether the speaker stops there; else the answer is about speech that goes on.
    pub stops: bool,
}

/// A teacher's answers about a dialogue, and what they count.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Soft {
    /// Answers about each channel.
    pub answers: [Vec<Heard>; 2],
    /// Share of the answer in the end-of-turn target where a speaker stops; the rest is what the dialogue does.
    pub end: f32,
    /// What an answer about speech that goes on counts as an end-of-turn target; 0 for the dialogue's own.
    pub dense: f32,
}
