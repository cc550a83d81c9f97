//! Start values of the distance bias. The source tells frames apart by their positions; a stream has none, so each
//! head's taste for near and far frames is read off its scores and given to it as a bias by distance.

use tch::{Kind, Tensor};
use vap_core::model_file::Weight;

use super::net::{self, Form};
use super::source::SourceEncoder;
use crate::error::{Error, Result};

/// Frames of a window, 8 s: as many as the source has positions.
pub const WINDOW_FRAMES: usize = 400;
/// Windows a pass; scores of all layers are kept.
const BATCH: usize = 4;

/// Start values of one encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Distances {
    /// Bias of each layer, `[heads, context]`, by distance in frames.
    pub bias: Vec<Weight>,
    /// Share of the variance of what positions change in each layer's scores that the bias tells.
    pub told: Vec<f64>,
}

/// Fits the bias to windows of the source's features, `[2 * 400, 80]` each: the mean over windows and over the last
/// `context` frames of how much higher a score is with positions than with a constant one. Both nets hear the past
/// alone, and each layer its own net.
///
/// # Errors
/// [`Error::Data`] without windows or with a context longer than half a window, [`Error::Torch`].
pub fn fit(source: &SourceEncoder, windows: &[Vec<f64>], context: usize) -> Result<Distances> {
    let frames = source.positions.shape[0].min(WINDOW_FRAMES);
    if windows.is_empty() || 2 * context > frames {
        return Err(Error::Data(format!(
            "distance bias: expected windows and a context of at most {} frames, found {} and {context}",
            frames / 2,
            windows.len()
        )));
    }
    let context = context as i64;
    let layers = source.layers.len();
    let mut sums: Vec<Option<[Tensor; 2]>> = (0..layers).map(|_| None).collect();
    for part in windows.chunks(BATCH) {
        let mels = net::batch(part);
        let mels = mels.narrow(2, mels.size()[2] - 2 * frames as i64, 2 * frames as i64);
        tch::no_grad(|| {
            let placed = net::pass(source, &mels, Form::Causal);
            let constant = net::pass(source, &mels, Form::Stream(context));
            for (sum, (a, b)) in sums.iter_mut().zip(placed.scores.iter().zip(&constant.scores)) {
                let more = by_distance(&(a - b), context);
                let dims = [0i64, 2];
                // A softmax takes no notice of what all scores of a frame have in common.
                let centred = &more - more.mean_dim([3i64].as_slice(), true, Kind::Float);
                let new = [
                    more.sum_dim_intlist(dims.as_slice(), false, Kind::Double),
                    centred.square().sum_dim_intlist([0i64, 2, 3].as_slice(), false, Kind::Double),
                ];
                *sum = Some(match sum.take() {
                    None => new,
                    Some([x, y]) => [x + &new[0], y + &new[1]],
                });
            }
        });
    }
    let count = (windows.len() as i64 * context) as f64;
    let (mut bias, mut told) = (Vec::new(), Vec::new());
    for [sum, squares] in sums.into_iter().flatten() {
        let mean = sum / count;
        let centred = &mean - mean.mean_dim([1i64].as_slice(), true, Kind::Double);
        let of_bias = (centred.square().sum(Kind::Double) * count).double_value(&[]);
        told.push(of_bias / squares.sum(Kind::Double).double_value(&[]).max(1e-12));
        let values = Vec::<f32>::try_from(&mean.to_kind(Kind::Float).contiguous().flatten(0, -1))?;
        bias.push(Weight { shape: vec![source.heads, context as usize], values });
    }
    Ok(Distances { bias, told })
}

/// Scores `[batch, heads, frames, frames]` of the last `context` frames by distance,
/// `[batch, heads, context, context]`.
fn by_distance(scores: &Tensor, context: i64) -> Tensor {
    let frames = scores.size()[2];
    let query = Tensor::arange(context, (Kind::Int64, tch::Device::Cpu)).unsqueeze(1) + (frames - context);
    let key = query - Tensor::arange(context, (Kind::Int64, tch::Device::Cpu)).unsqueeze(0);
    let size = scores.size();
    let index = key.unsqueeze(0).unsqueeze(0).expand([size[0], size[1], context, context], false);
    scores.narrow(2, frames - context, context).gather(3, &index, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_sorted_by_distance() {
        // The score of query i and key j is 100 i + j.
        let place = Tensor::arange(6, (Kind::Float, tch::Device::Cpu));
        let scores: Tensor = place.unsqueeze(1) * 100.0 + place.unsqueeze(0);
        let found = by_distance(&scores.reshape([1, 1, 6, 6]), 2);
        let values = Vec::<f32>::try_from(&found.flatten(0, -1)).unwrap();
        assert_eq!(values, [404.0, 403.0, 505.0, 504.0]);
    }
}
