//! The model in Burn: the reference that the kernels are held to.
//!
//! Weights are `&self` and never move; what a stream remembers is one separate value, [`BurnState`].

pub mod backend;
mod state;
mod layers;
mod attention;
mod encoder;
mod transformer;
mod heads;
mod weights;
mod model;
#[cfg(feature = "burn")]
mod stream;

pub use model::BurnModel;
pub use state::BurnState;
