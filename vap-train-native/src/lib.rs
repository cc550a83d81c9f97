//! The teacher: recordings and annotations in, a model file out. It computes on libtorch (CUDA or CPU) and never
//! sees Burn; what it shares with the listener is in `vap-core`.
#![deny(missing_docs)]

pub mod error;
pub mod config;
pub mod device;
mod c10d;
pub mod distributed;
pub mod progress;
pub mod corpora;
pub mod download;
pub mod prepared;
pub mod prepare;
pub mod voices;
pub mod sound;
pub mod simulate;
pub mod excerpts;
pub mod dataset;
pub mod model;
pub mod loss;
pub mod optimizer;
pub mod average;
pub mod checkpoint;
pub mod export;
pub mod tensorboard;
pub mod journal;
pub mod train;
pub mod launch;
pub mod evaluate;
pub mod pipeline;

#[cfg(test)]
mod tests;

pub use error::{Error, Result};
