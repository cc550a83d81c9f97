//! TurnBench (SesameAILabs/turnbench): its files and its labels.

pub mod files;
pub(crate) mod labels;
