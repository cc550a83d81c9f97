//! What a stream remembers between two chunks: convolution tails, rings of keys and values, and its position.
//!
//! Fixed size from the first frame to the last. A fresh state is the only way to begin or to reset a stream.

use burn::tensor::{Device, Tensor};
use vap_core::ModelConfig;
use vap_core::config::{CONV1_KERNEL, MEL_BANDS, MELS_A_FRAME};

/// State of `streams` conversations that step together, two channels each: `rows = 2 x streams`, all users first,
/// then all agents.
#[derive(Debug, Clone)]
pub struct BurnState {
    pub(super) encoder: EncoderState,
    pub(super) transformer: Vec<StereoState>,
    /// Frames worked so far.
    pub(super) position: u64,
    pub(super) streams: usize,
}

#[derive(Debug, Clone)]
pub(super) struct EncoderState {
    /// Last inputs of the first convolution, `[rows, 2, 80]`.
    pub mel_tail: Tensor<3>,
    /// Last inputs of the second convolution, `[rows, kernel - 2, dim]`.
    pub frame_tail: Tensor<3>,
    /// One ring a channel layer.
    pub layers: Vec<Ring>,
}

#[derive(Debug, Clone)]
pub(super) struct StereoState {
    pub self_attention: Ring,
    pub cross_attention: Ring,
}

/// Keys and values of the last `context` frames, `[rows, heads, context, head_dim]` each. The frame at position
/// `p` of the stream lies in slot `p % context`; slots not written yet are zero and masked.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    pub keys: Tensor<4>,
    pub values: Tensor<4>,
}

impl BurnState {
    /// State at the beginning of `streams` streams.
    pub fn init(config: &ModelConfig, streams: usize, device: &Device) -> Self {
        let rows = 2 * streams;
        let ring = |config: &ModelConfig| {
            let shape = [rows, config.heads, config.context_frames, config.head_dim()];
            Ring { keys: Tensor::zeros(shape, device), values: Tensor::zeros(shape, device) }
        };
        let stereo = config.stereo();
        let conv2_tail = config.encoder.conv2_kernel() - MELS_A_FRAME;
        BurnState {
            encoder: EncoderState {
                mel_tail: Tensor::zeros([rows, CONV1_KERNEL - 1, MEL_BANDS], device),
                frame_tail: Tensor::zeros([rows, conv2_tail, config.dim], device),
                layers: (0..config.channel_layers).map(|_| ring(config)).collect(),
            },
            transformer: (0..config.num_layers)
                .map(|_| StereoState { self_attention: ring(&stereo), cross_attention: ring(&stereo) })
                .collect(),
            position: 0,
            streams,
        }
    }

    /// Frames worked since the stream began.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes held, of all streams together: the same for the whole life of the state.
    pub fn bytes(&self) -> usize {
        let rings = self.encoder.layers.iter();
        let rings =
            rings.chain(self.transformer.iter().flat_map(|s| [&s.self_attention, &s.cross_attention]));
        let tails = [&self.encoder.mel_tail, &self.encoder.frame_tail];
        let values = rings.map(|r| r.keys.shape().num_elements() + r.values.shape().num_elements());
        4 * values.chain(tails.map(|t| t.shape().num_elements())).sum::<usize>()
    }
}
