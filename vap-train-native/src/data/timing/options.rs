//! Which stretches of a meeting are taken, and what a turn is.

use super::meeting::IslandRule;
use crate::data::Split;

/// Which stretches are taken, and what a turn is.
#[derive(Debug, Clone, Copy)]
pub struct PairOptions {
    /// Speech of a third participant up to this long does not end a stretch, in seconds. His backchannels never do.
    pub third_s: f64,
    /// Speech of a third participant is dropped where the two leave no silence longer than this around it, in
    /// seconds; 0 keeps strictly to stretches of two.
    pub bridged_silence_s: f64,
    /// A common silence longer than this ends a stretch, in seconds.
    pub longest_silence_s: f64,
    /// Shortest stretch, in seconds.
    pub shortest_s: f64,
    /// A longer silence of one speaker ends the turn, in seconds.
    pub longest_pause_s: f64,
    /// A backchannel closer than this to a turn of its own speaker is part of that turn, in seconds.
    pub backchannel_apart_s: f64,
    /// A sound up to this long that begins and ends inside a turn of the other, with [`Self::backchannel_apart_s`]
    /// of own silence on both sides, is a backchannel whatever its act: it leaves the floor where it is. Seconds.
    pub brief_s: f64,
    /// How words become islands.
    pub islands: IslandRule,
}

impl PairOptions {
    /// For the timings of a split: variety to train on, purity to choose and report on.
    pub fn of(split: Split) -> Self {
        match split {
            Split::Train => Self::relaxed(),
            Split::Dev | Split::Test => Self::default(),
        }
    }

    /// Three times the stretches: speech of third participants is dropped where the two go on within 2 s.
    pub fn relaxed() -> Self {
        Self { bridged_silence_s: 2.0, ..Self::default() }
    }
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            third_s: 0.3,
            bridged_silence_s: 0.0,
            longest_silence_s: 5.0,
            shortest_s: 12.0,
            longest_pause_s: 3.0,
            backchannel_apart_s: 1.0,
            brief_s: 1.0,
            islands: IslandRule::default(),
        }
    }
}
