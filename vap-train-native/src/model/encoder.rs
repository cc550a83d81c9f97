//! Two 10 ms mel frames in, one 20 ms frame out, on each channel alone.

use tch::Tensor;
use tch::nn::{self, Conv1D, Init, LayerNorm, Module, Path};
use vap_core::config::{CONV1_KERNEL, EncoderKind, MEL_BANDS, MELS_A_FRAME, ModelConfig};

use super::Mode;
use super::attention::{Attention, Band, layer_norm};
use super::transformer::FeedForward;

/// Convolutions and channel layers.
pub struct Encoder {
    conv1: Conv1D,
    conv2: Conv1D,
    conv2_kernel: usize,
    /// Added to every frame where the encoder is Whisper's, which is normalised behind its layers, not before them.
    position: Option<Tensor>,
    norm: LayerNorm,
    layers: Vec<(Attention, FeedForward)>,
}

impl Encoder {
    /// Encoder with fresh weights.
    pub fn new(path: &Path, config: &ModelConfig) -> Encoder {
        let dim = config.dim as i64;
        let conv2_kernel = config.encoder.conv2_kernel();
        let stride = nn::ConvConfig { stride: MELS_A_FRAME as i64, ..Default::default() };
        let layers = (0..config.channel_layers)
            .map(|i| {
                let at = path / "layers" / i;
                (
                    Attention::new(&(&at / "self_attention"), config, config.encoder),
                    FeedForward::new(&(&at / "feed_forward"), config),
                )
            })
            .collect();
        Encoder {
            conv1: nn::conv1d(path / "conv1", MEL_BANDS as i64, dim, CONV1_KERNEL as i64, Default::default()),
            conv2: nn::conv1d(path / "conv2", dim, dim, conv2_kernel as i64, stride),
            conv2_kernel,
            position: (config.encoder == EncoderKind::Whisper)
                .then(|| path.var("position", &[dim], Init::Const(0.0))),
            norm: layer_norm(&(path / "norm"), config),
            layers,
        }
    }

    /// `[rows, 2 * frames, 80]` to `[rows, frames, dim]`.
    pub fn forward(&self, mels: &Tensor, band: &Band, mode: Mode) -> Tensor {
        let left =
            |x: &Tensor, kernel: usize, stride: usize| x.constant_pad_nd([(kernel - stride) as i64, 0]);
        let x = self.conv1.forward(&left(&mels.transpose(1, 2), CONV1_KERNEL, 1)).gelu("none");
        let x = self.conv2.forward(&left(&x, self.conv2_kernel, MELS_A_FRAME)).gelu("none").transpose(1, 2);
        let mut x = mode.drop(&match &self.position {
            Some(position) => x + position,
            None => self.norm.forward(&x),
        });
        for (attention, feed_forward) in &self.layers {
            x = &x + attention.forward(&x, band, false, mode);
            x = &x + feed_forward.forward(&x, mode);
        }
        if self.position.is_some() { self.norm.forward(&x) } else { x }
    }
}
