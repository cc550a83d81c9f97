//! What a stream remembers between two hops: convolution tails, rings of keys and values, and its position.
//!
//! Fixed size from the first hop to the last. A fresh state is the only way to begin or to reset a stream.

use super::lanes::LANES;
use vap_core::ModelConfig;
use vap_core::config::{CONV1_KERNEL, CONV2_KERNEL, MEL_BANDS, MELS_A_FRAME};

/// State of one conversation, both channels.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelState {
    /// User, then agent.
    pub(super) tails: [Tails; 2],
    /// One an attention, in the order of the model.
    pub(super) rings: Vec<Ring>,
    /// Hops worked so far.
    pub(super) position: u64,
}

/// Last inputs of the convolutions of a channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tails {
    /// Mel frames, `[2, 80]`.
    pub mels: Vec<f32>,
    /// Outputs of the first convolution, `[2, dim]`.
    pub frames: Vec<f32>,
}

/// Keys and values of the last `context` frames. The frame at position `p` of the stream lies in slot `p % context`;
/// slots not written yet are zero, and out of sight.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    /// `[2, heads, head_dim, slots]`, the slots padded to [`slots`].
    pub keys: Vec<f32>,
    /// `[2, heads, context, padded head_dim]`.
    pub values: Vec<f32>,
}

/// Slots of a ring's keys, padding included.
pub(super) fn slots(config: &ModelConfig) -> usize {
    config.context_frames.next_multiple_of(LANES)
}

/// Width of a head's values, padding included.
pub(super) fn value_dim(config: &ModelConfig) -> usize {
    config.head_dim().next_multiple_of(LANES)
}

impl KernelState {
    /// State at the beginning of a stream.
    pub fn init(config: &ModelConfig) -> Self {
        let tails = Tails {
            mels: vec![0.0; (CONV1_KERNEL - 1) * MEL_BANDS],
            frames: vec![0.0; (CONV2_KERNEL - MELS_A_FRAME) * config.dim],
        };
        let ring = Ring {
            keys: vec![0.0; 2 * config.dim * slots(config)],
            values: vec![0.0; 2 * config.heads * config.context_frames * value_dim(config)],
        };
        KernelState {
            tails: [tails.clone(), tails],
            rings: vec![ring; config.channel_layers + 2 * config.num_layers],
            position: 0,
        }
    }

    /// Hops worked since the stream began.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes held: the same for the whole life of the state.
    pub fn bytes(&self) -> usize {
        let tails = self.tails.iter().map(|t| t.mels.len() + t.frames.len());
        let rings = self.rings.iter().map(|r| r.keys.len() + r.values.len());
        4 * tails.chain(rings).sum::<usize>()
    }
}
