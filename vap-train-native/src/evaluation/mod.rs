//! Held-out scores: two-channel recordings with known activity, simulated of speakers and meetings the model never
//! met or real, through the models, the published event definitions and the shipped event machine. Always beside
//! timeouts on the true silence and on voice activity detectors, always with 95 % bootstrap intervals over dialogues.

pub mod metrics;
pub mod recordings;
pub mod turnbench;
pub mod calibration;
pub mod scores;
pub mod report;
mod evaluate;
mod peer;
mod real;
pub mod audit;
mod run;

pub use audit::AuditSize;
pub use evaluate::{Evaluation, evaluate, tune_thresholds};
pub use peer::Peer;
pub use real::real;
#[cfg(test)]
pub(crate) use run::write;
pub use run::{Options, run, score_predictions};
