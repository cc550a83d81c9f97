//! What comes in from outside: recordings and annotations in their published layouts, read and checked whole, and the
//! prepared folder that everything after this room reads.
//!
//! A reader turns a folder into plain values or names the file, the line or the attribute that is wrong, with what was
//! expected and what was found.

mod split;
mod error;
pub(crate) mod files;
pub mod bad;
pub mod formats;
pub mod timing;
pub mod recordings;
pub mod corpora;
pub mod download;
pub mod prepared;
pub mod prepare;
#[cfg(test)]
pub(crate) mod fixture;

pub use error::{CorpusError, Result};
pub use split::Split;

/// Samples a second of every recording that is read.
pub const RATE_HZ: u32 = 16_000;
