//! What the trainer and the runtime of `vap-turn` must share, written once.
//!
//! Sound flows down this list; a module uses only modules above it. Everything here is plain `f32` slices and
//! values: no tensors, no files, no threads, and it builds for native targets and `wasm32-unknown-unknown`.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

#[macro_use]
mod names;
pub mod error;
pub mod state;
pub mod config;
pub mod g711;
pub mod wav;
pub mod audio;
pub mod features;
pub mod params;
pub mod projection;
pub mod policy;
pub mod expectation;
pub mod calibration;
pub mod events;
pub mod model_file;

pub use calibration::{Ask, Calibration, Preset};
pub use config::ModelConfig;
pub use error::{Error, ErrorCode, Result};
pub use events::{BargeIn, Event, EventMachine};
pub use expectation::Expectation;
pub use model_file::{ModelFile, ModelView};
pub use policy::Policy;
pub use projection::Frame;

/// Sample rate inside the house, in Hz.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
/// Samples a hop at [`SAMPLE_RATE_HZ`]: one output frame every 20 ms.
pub const HOP_SAMPLES: usize = 320;
/// Milliseconds a hop.
pub const HOP_MS: u32 = 20;
/// Output frames a second.
pub const FRAME_HZ: usize = 50;

/// One of the two channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// Channel 0: the person at the microphone.
    User,
    /// Channel 1: the agent, or the other party of a call.
    Agent,
}

impl Speaker {
    /// Both speakers, in channel order.
    pub const BOTH: [Speaker; 2] = [Speaker::User, Speaker::Agent];

    /// Channel index: 0 for the user, 1 for the agent.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The other speaker.
    pub fn other(self) -> Speaker {
        match self {
            Speaker::User => Speaker::Agent,
            Speaker::Agent => Speaker::User,
        }
    }
}
