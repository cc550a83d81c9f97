//! Who speaks when: sounds of each speaker come in, turns, pauses and backchannels of two go out.

pub mod islands;
pub mod meeting;
pub mod options;
pub(crate) mod isolated;
pub mod turns;
pub mod pairs;
