//! The teacher: recordings and annotations in, a model file out. It computes on libtorch (CUDA or CPU) and never
//! sees Burn; what it shares with the listener is in `vap-core`.
#![deny(missing_docs)]

pub mod checkpoint;
pub mod config;
pub mod corpora;
pub mod dataset;
pub mod device;
pub mod error;
pub mod export;
pub mod loss;
pub mod model;
pub mod optimizer;
pub mod prepare;
pub mod prepared;
pub mod progress;
pub mod simulate;
pub mod sound;
pub mod train;
pub mod voices;

pub use error::{Error, Result};
