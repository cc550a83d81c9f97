//! Multi-head attention over a bounded causal window with a bias by distance: ALiBi (Press et al. 2022, arXiv
//! 2108.12409), or learned a head.
//!
//! Time is cut into blocks as long as the window, so a query needs the keys of its own block and the one before:
//! work grows with the length of the window, not with its square.

use tch::nn::{self, Init, Linear, Module, Path};
use tch::{Device, Kind, Tensor};
use vap_core::config::{EncoderKind, ModelConfig};

use super::Mode;

/// Distance bias and window mask of a stretch of frames, shared by all layers.
pub struct Band {
    frames: i64,
    blocks: i64,
    block: i64,
    /// ALiBi `[blocks, heads, block, 2 * block]`, minus infinity outside the window.
    bias: Tensor,
    /// Zero in the window, minus infinity outside, `[blocks, 1, block, 2 * block]`.
    window: Tensor,
    /// Distance of each key in the window, else 0, `[block * 2 * block]`.
    distance: Tensor,
}

impl Band {
    /// Band for `frames` frames from the start of a stream.
    pub fn new(config: &ModelConfig, frames: i64, device: Device) -> Band {
        let block = config.context_frames as i64;
        let blocks = (frames + block - 1) / block;
        let float = (Kind::Float, device);
        let query = Tensor::arange(block, float).unsqueeze(1) + block as f64;
        let key = Tensor::arange(2 * block, float).unsqueeze(0);
        let distance = query - &key;
        let outside = distance.less(0.0).logical_or(&distance.greater_equal(block as f64));
        let slopes = Tensor::from_slice(&config.alibi_slopes()).to_device(device).reshape([-1, 1, 1]);
        let blocked = |bias: Tensor| {
            let bias = bias.masked_fill(&outside, f64::NEG_INFINITY).unsqueeze(0);
            // Before the first block there is nothing to attend to.
            let first = bias.masked_fill(&key.less(block as f64), f64::NEG_INFINITY);
            let rest = bias.expand([(blocks - 1).max(0), -1, -1, -1], false);
            Tensor::cat(&[first, rest], 0)
        };
        Band {
            frames,
            blocks,
            block,
            bias: blocked(slopes * -&distance.unsqueeze(0)),
            window: blocked(distance.zeros_like().unsqueeze(0)),
            distance: distance.masked_fill(&outside, 0.0).to_kind(Kind::Int64).flatten(0, -1),
        }
    }

    /// Band in which every frame hears every other, for holding the layers to those of another network.
    #[cfg(test)]
    pub fn open(frames: i64) -> Band {
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let own = zeros(&[1, 1, frames, frames]);
        let window = Tensor::cat(&[own.full_like(f64::NEG_INFINITY), own], 3);
        let distance = zeros(&[2 * frames * frames]).to_kind(Kind::Int64);
        Band { frames, blocks: 1, block: frames, bias: window.shallow_clone(), window, distance }
    }

    /// Bias `[blocks, heads, block, 2 * block]` of a learned one by distance, `[heads, block]`.
    fn learned(&self, by_distance: &Tensor) -> Tensor {
        let bias = by_distance.index_select(1, &self.distance);
        bias.reshape([-1, self.block, 2 * self.block]).unsqueeze(0) + &self.window
    }
}

/// One attention layer with its norm.
pub struct Attention {
    norm: nn::LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: i64,
    /// Learned bias by distance in frames, `[heads, context_frames]`, in the place of ALiBi.
    distance_bias: Option<Tensor>,
}

impl Attention {
    /// Layer with fresh weights; its bias by distance is learned where `kind` is Whisper's encoder.
    pub fn new(path: &Path, config: &ModelConfig, kind: EncoderKind) -> Attention {
        let dim = config.dim as i64;
        let linear = |name: &str| nn::linear(path / name, dim, dim, Default::default());
        Attention {
            norm: layer_norm(&(path / "norm"), config),
            query: linear("query"),
            key: linear("key"),
            value: linear("value"),
            output: linear("output"),
            heads: config.heads as i64,
            distance_bias: (kind == EncoderKind::Whisper).then(|| {
                let shape = [config.heads as i64, config.context_frames as i64];
                path.var("distance_bias", &shape, Init::Const(0.0))
            }),
        }
    }

    /// The layer's addition to `x`, `[rows, frames, dim]`; `across`, keys and values come from the other channel.
    pub fn forward(&self, x: &Tensor, band: &Band, across: bool, mode: Mode) -> Tensor {
        let own = self.norm.forward(x);
        let source = if across { swap_channels(&own) } else { own.shallow_clone() };
        let split = |x: Tensor| self.blocks(&x, band);
        let (q, k, v) = (
            split(mode.linear(&self.query, &own)),
            split(mode.linear(&self.key, &source)),
            split(mode.linear(&self.value, &source)),
        );
        let (rows, dim) = (x.size()[0], x.size()[2]);
        let (k, v) = (with_previous(&k), with_previous(&v));
        // Blocks become rows: libtorch's fused attention takes four axes.
        let flat = |x: &Tensor| x.flatten(0, 1);
        let bias = match &self.distance_bias {
            Some(by_distance) => band.learned(by_distance),
            None => band.bias.shallow_clone(),
        };
        let bias = bias.unsqueeze(0).expand([rows, -1, -1, -1, -1], false).flatten(0, 1).to_kind(q.kind());
        let (q, k, v) = (flat(&q), flat(&k), flat(&v));
        let mixed = Tensor::scaled_dot_product_attention(&q, &k, &v, Some(&bias), 0.0, false, None, false)
            .transpose(1, 2)
            .reshape([rows, band.blocks * band.block, dim])
            .narrow(1, 0, band.frames);
        mode.drop(&mode.linear(&self.output, &mixed))
    }

    /// `[rows, frames, dim]` to `[rows, blocks, heads, block, head_dim]`, padded at the end.
    fn blocks(&self, x: &Tensor, band: &Band) -> Tensor {
        let (rows, dim) = (x.size()[0], x.size()[2]);
        let missing = band.blocks * band.block - band.frames;
        x.constant_pad_nd([0, 0, 0, missing])
            .reshape([rows, band.blocks, band.block, self.heads, dim / self.heads])
            .transpose(2, 3)
    }
}

/// Each block behind the one before it, `[rows, blocks, heads, 2 * block, head_dim]`; zeros before the first.
fn with_previous(x: &Tensor) -> Tensor {
    let blocks = x.size()[1];
    let first = x.narrow(1, 0, 1).zeros_like();
    let previous = Tensor::cat(&[first, x.narrow(1, 0, blocks - 1)], 1);
    Tensor::cat(&[previous, x.shallow_clone()], 3)
}

/// The other channel of the same stream in every row: rows come in pairs, `[2 * streams, frames, dim]`.
pub fn swap_channels(x: &Tensor) -> Tensor {
    let size = x.size();
    x.reshape([size[0] / 2, 2, size[1], size[2]]).flip([1]).reshape(size)
}

/// LayerNorm over the last axis with the config's epsilon.
pub fn layer_norm(path: &Path, config: &ModelConfig) -> nn::LayerNorm {
    let settings = nn::LayerNormConfig { eps: config.norm_epsilon, ..Default::default() };
    nn::layer_norm(path, vec![config.dim as i64], settings)
}
