//! Thresholds of the 2022 papers' weighted F1.

use serde::{Deserialize, Serialize};

/// Thresholds of a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Shift against hold.
    pub shift_hold: f32,
    /// Shift prediction.
    pub shift_prediction: f32,
    /// Long against short.
    pub long_short: f32,
    /// Backchannel prediction.
    pub backchannel_prediction: f32,
}

impl Default for Thresholds {
    /// The papers' own.
    fn default() -> Self {
        Thresholds { shift_hold: 0.5, shift_prediction: 0.3, long_short: 0.5, backchannel_prediction: 0.1 }
    }
}
