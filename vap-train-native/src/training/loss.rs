//! The multi-task loss: masked binary cross-entropy of each head, weighted; rare frames count more.

use tch::{Reduction, Tensor};
use vap_core::projection::{BACKCHANNEL_AT, EOT_AT, OVERLAP_AT, VAD_AT};

use crate::config::LossConfig;

/// Names of the heads, in the order of the outputs.
pub const HEADS: [&str; 5] = ["projection", "eot", "backchannel", "vad", "overlap"];

/// Loss of one batch.
pub struct Loss {
    /// Weighted sum, for the gradient.
    pub total: Tensor,
    /// Mean cross-entropy of each head, `[5]`, in the order of [`HEADS`].
    pub heads: Tensor,
    /// That of a teacher's head on the encoder's frames, where there is one.
    pub readout: Option<Tensor>,
}

/// First output and outputs of each head.
const RANGES: [(usize, usize); 5] =
    [(0, EOT_AT), (EOT_AT, 2), (BACKCHANNEL_AT, 2), (VAD_AT, 2), (OVERLAP_AT, 1)];

/// Sum over the outputs of each head, `[5]`, of a tensor `[batch, frames, 27]`.
fn sums(x: &Tensor) -> Tensor {
    let parts = RANGES.map(|(at, length)| x.narrow(-1, at as i64, length as i64).sum(x.kind()));
    Tensor::stack(&parts, 0)
}

/// What the targets of each head weigh together, `[5]`: what its loss is divided by.
pub fn counts(values: &Tensor, mask: &Tensor, config: &LossConfig) -> Tensor {
    sums(&(mask * frame_weights(values, config)))
}

/// Loss of logits `[batch, frames, 27]` against targets and mask of the same shape, over [`counts`]: its own, or the
/// sum of those of all shards of a batch, whose losses then add up to the loss of the batch.
pub fn loss(logits: &Tensor, values: &Tensor, mask: &Tensor, counts: &Tensor, config: &LossConfig) -> Loss {
    let mask = &(mask * frame_weights(values, config));
    let entropy =
        logits.binary_cross_entropy_with_logits::<Tensor>(values, None, None, Reduction::None) * mask;
    let heads = sums(&entropy) / counts.clamp_min(1.0);
    let weights = [config.projection, config.eot, config.backchannel, config.vad, config.overlap];
    let weights = Tensor::from_slice(&weights).to_kind(heads.kind()).to_device(heads.device());
    Loss { total: (&heads * weights).sum(heads.kind()), heads: heads.detach(), readout: None }
}

/// Loss of end-of-turn logits `[2 * batch, frames]`, a row a channel, against a batch's end-of-turn targets.
pub fn end_of_turn(
    logits: &Tensor,
    values: &Tensor,
    mask: &Tensor,
    counts: &Tensor,
    config: &LossConfig,
) -> Tensor {
    let eot = |x: &Tensor| x.narrow(-1, EOT_AT as i64, 2).transpose(1, 2).reshape(logits.size());
    let weights = eot(&(mask * frame_weights(values, config)));
    let entropy =
        logits.binary_cross_entropy_with_logits::<Tensor>(&eot(values), None, None, Reduction::None);
    (entropy * weights).sum(logits.kind()) / counts.get(1).clamp_min(1.0)
}

/// What each frame counts in the mean of its head, `[batch, frames, 27]`.
fn frame_weights(values: &Tensor, config: &LossConfig) -> Tensor {
    let weights = values.ones_like();
    let silence: Tensor = 1.0 - values.narrow(-1, VAD_AT as i64, 2);
    let _ = weights.narrow(-1, EOT_AT as i64, 2).g_add_(&(silence * (config.eot_silence - 1.0)));
    let backchannel = values.narrow(-1, BACKCHANNEL_AT as i64, 2);
    let _ = weights
        .narrow(-1, BACKCHANNEL_AT as i64, 2)
        .g_add_(&(backchannel * (config.backchannel_positive - 1.0)));
    weights
}
