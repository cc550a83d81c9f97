//! The trainer: recordings and annotations in, a model file out. It computes on libtorch (CUDA or CPU) and never
//! sees Burn; what it shares with the runtime is in `vap-core`.
#![deny(missing_docs)]

pub mod labels;
pub mod data;
pub mod error;
pub mod config;
pub mod device;
pub mod progress;
pub mod windows;
pub mod model;
pub mod export;
pub mod teachers;
pub mod training;
pub mod evaluation;
pub mod pipeline;

#[cfg(test)]
mod tests;

pub use error::{Error, Result};
