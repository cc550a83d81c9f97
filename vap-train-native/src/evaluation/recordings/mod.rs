//! What is scored: recordings whose activity is known, simulated or real, their silences, and what baselines hear in
//! them.

pub(crate) mod baselines;
pub(crate) mod folder;
mod recording;
mod simulated;
pub(crate) mod spans;

pub use recording::Recording;
pub(crate) use simulated::SEED;
pub use simulated::{clean, simulated};
