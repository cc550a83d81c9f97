//! The runtime of `vap-turn`: the model on kernels and in Burn, the streaming session, and the door to browser and
//! Node.
//!
//! Sound flows down this list; a module uses only modules above it. Weights are `&self` and never move; what a stream
//! remembers is one separate value. Everything but the doors, `web` and `web_gpu` with `web_error`, is plain Rust and
//! runs natively.
//!
//! The model is here twice: [`kernels`] steps every live hop on a CPU, `burn` (a feature) is the reference they are
//! held to. Files of the same name hold the same layers.
#![deny(missing_docs)]

pub mod error;
pub mod model_info;
pub mod kernels;
pub mod model_stream;
#[cfg(any(feature = "burn", feature = "webgpu"))]
pub mod burn;
mod front_end;
mod conversation;
pub mod session;
pub mod remote_session;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(target_arch = "wasm32")]
mod web_error;
#[cfg(all(target_arch = "wasm32", not(feature = "webgpu")))]
mod web;
#[cfg(all(target_arch = "wasm32", feature = "webgpu"))]
mod web_gpu;

#[cfg(any(feature = "burn", feature = "webgpu"))]
pub use burn::{BurnModel, BurnState};
pub use error::{Error, Result};
pub use kernels::{KernelModel, KernelState};
pub use model_info::ModelInfo;
pub use model_stream::{Model, ModelStream};
pub use remote_session::RemoteSession;
pub use session::{Output, Session, SessionOptions};
