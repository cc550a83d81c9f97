//! Sizes that more than one part of the model must agree on.

use vap_core::ModelConfig;
use vap_core::config::{CONV1_KERNEL, MELS_A_FRAME};
use vap_core::projection::BINS;

/// Mel frames that a hop looks at: its own, and the tail of the first convolution.
pub(super) const MELS: usize = CONV1_KERNEL - 1 + MELS_A_FRAME;

/// Numbers a channel: bins, end of turn, backchannel, VAD.
pub(super) const CHANNEL_OUTPUTS: usize = BINS + 3;

/// Sizes of an attention's parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub dim: usize,
    pub heads: usize,
    pub head_dim: usize,
    pub context: usize,
    /// Slots of a ring, padding included: they are worked eight at a time.
    pub slots: usize,
    /// Width of a head's values, padding included.
    pub value_dim: usize,
}

impl Shape {
    pub fn new(config: &ModelConfig) -> Self {
        Shape {
            dim: config.dim,
            heads: config.heads,
            head_dim: config.head_dim(),
            context: config.context_frames,
            slots: config.context_frames.next_multiple_of(8),
            value_dim: config.head_dim().next_multiple_of(8),
        }
    }
}
