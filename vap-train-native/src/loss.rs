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
}

/// Loss of logits `[batch, frames, 27]` against targets and mask of the same shape.
pub fn loss(logits: &Tensor, values: &Tensor, mask: &Tensor, config: &LossConfig) -> Loss {
    let mask = &(mask * frame_weights(values, config));
    let entropy =
        logits.binary_cross_entropy_with_logits::<Tensor>(values, None, None, Reduction::None) * mask;
    let ranges = [
        (0, EOT_AT, config.projection),
        (EOT_AT, 2, config.eot),
        (BACKCHANNEL_AT, 2, config.backchannel),
        (VAD_AT, 2, config.vad),
        (OVERLAP_AT, 1, config.overlap),
    ];
    let means: Vec<Tensor> = ranges
        .iter()
        .map(|(at, length, _)| {
            let part = |x: &Tensor| x.narrow(-1, *at as i64, *length as i64).sum(entropy.kind());
            part(&entropy) / part(mask).clamp_min(1.0)
        })
        .collect();
    let total = means.iter().zip(&ranges).map(|(mean, (.., weight))| mean * *weight).sum();
    Loss { total, heads: Tensor::stack(&means, 0).detach() }
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
