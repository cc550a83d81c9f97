//! Stereo layers: each channel attends to itself, then to the other channel's same-time past.

use tch::Tensor;
use tch::nn::{self, LayerNorm, Linear, Module, Path};
use vap_core::config::{EncoderKind, ModelConfig};

use super::Mode;
use super::attention::{Attention, Band, layer_norm};

/// All stereo layers and the final norm.
pub struct Transformer {
    layers: Vec<Layer>,
    norm: LayerNorm,
}

struct Layer {
    self_attention: Attention,
    cross_attention: Attention,
    feed_forward: FeedForward,
}

impl Transformer {
    /// Transformer with fresh weights.
    pub fn new(path: &Path, config: &ModelConfig) -> Transformer {
        let layers = (0..config.num_layers)
            .map(|i| {
                let at = path / "layers" / i;
                Layer {
                    self_attention: Attention::new(&(&at / "self_attention"), config, EncoderKind::Vap),
                    cross_attention: Attention::new(&(&at / "cross_attention"), config, EncoderKind::Vap),
                    feed_forward: FeedForward::new(&(&at / "feed_forward"), config),
                }
            })
            .collect();
        Transformer { layers, norm: layer_norm(&(path / "norm"), config) }
    }

    /// `[2 * streams, frames, dim]` to the same shape.
    pub fn forward(&self, x: &Tensor, band: &Band, mode: Mode) -> Tensor {
        let mut x = x.shallow_clone();
        for layer in &self.layers {
            x = &x + layer.self_attention.forward(&x, band, false, mode);
            x = &x + layer.cross_attention.forward(&x, band, true, mode);
            x = &x + layer.feed_forward.forward(&x, mode);
        }
        self.norm.forward(&x)
    }
}

/// Feed-forward part with its norm.
pub struct FeedForward {
    norm: LayerNorm,
    expand: Linear,
    contract: Linear,
}

impl FeedForward {
    /// Part with fresh weights.
    pub fn new(path: &Path, config: &ModelConfig) -> FeedForward {
        let (dim, wide) = (config.dim as i64, config.feed_forward_dim() as i64);
        FeedForward {
            norm: layer_norm(&(path / "norm"), config),
            expand: nn::linear(path / "expand", dim, wide, Default::default()),
            contract: nn::linear(path / "contract", wide, dim, Default::default()),
        }
    }

    /// The part's addition to `x`, `[rows, frames, dim]`.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let wide = mode.linear(&self.expand, &self.norm.forward(x)).gelu("none");
        mode.drop(&mode.linear(&self.contract, &wide))
    }
}
