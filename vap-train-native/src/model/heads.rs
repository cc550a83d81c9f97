//! Heads on `[own channel, other channel]`, so that swapping the channels swaps the outputs.

use tch::Tensor;
use tch::nn::{self, Linear, Module, Path};
use vap_core::config::ModelConfig;
use vap_core::projection::BINS;

use super::attention::swap_channels;

/// All heads.
pub struct Heads {
    projection: Linear,
    eot: Linear,
    backchannel: Linear,
    vad: Linear,
    overlap: Linear,
}

impl Heads {
    /// Heads with fresh weights.
    pub fn new(path: &Path, config: &ModelConfig) -> Heads {
        let dim = config.dim as i64;
        let linear = |name: &str, input, out| nn::linear(path / name, input, out, Default::default());
        Heads {
            projection: linear("projection", 2 * dim, BINS as i64),
            eot: linear("eot", 2 * dim, 1),
            backchannel: linear("backchannel", 2 * dim, 1),
            vad: linear("vad", 2 * dim, 1),
            overlap: linear("overlap", dim, 1),
        }
    }

    /// `[2 * streams, frames, dim]` to logits `[streams, frames, 27]` in the order of `vap_core::projection`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let size = x.size();
        let (streams, frames) = (size[0] / 2, size[1]);
        let both = Tensor::cat(&[x.shallow_clone(), swap_channels(x)], -1);
        // [2 * streams, frames, n] to [streams, frames, 2 * n], user first.
        let pairs =
            |y: Tensor| y.reshape([streams, 2, frames, -1]).transpose(1, 2).reshape([streams, frames, -1]);
        let sum = x.reshape([streams, 2, frames, -1]).sum_dim_intlist(1, false, None);
        Tensor::cat(
            &[
                pairs(self.projection.forward(&both)),
                pairs(self.eot.forward(&both)),
                pairs(self.backchannel.forward(&both)),
                pairs(self.vad.forward(&both)),
                self.overlap.forward(&sum),
            ],
            -1,
        )
    }
}
