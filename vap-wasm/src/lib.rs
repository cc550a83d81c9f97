//! The listener of `vap-turn`: the Burn model, the streaming session, and the door to browser and Node.
//!
//! Sound flows down this list; a module uses only modules above it. Weights are `&self` and never move; what a
//! stream remembers is one separate value, [`VapState`]. Everything but `web` is plain Rust and runs natively.
#![deny(missing_docs)]

pub mod error;
pub mod backend;
pub mod state;
mod layers;
mod attention;
mod encoder;
mod transformer;
mod heads;
mod weights;
pub mod model;
pub mod session;
#[cfg(target_arch = "wasm32")]
mod web;

pub use error::{Error, Result};
pub use model::VapModel;
pub use session::{Output, Session, SessionOptions};
pub use state::VapState;
