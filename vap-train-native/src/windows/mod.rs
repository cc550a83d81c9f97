//! What the model trains on: prepared data and a seed come in, windows of sound with their labels go out.

pub mod voices;
pub mod placed;
pub mod sound;
pub mod simulation;
pub mod targets;
pub mod excerpts;
pub mod dataset;
