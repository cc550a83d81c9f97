//! Where activations live while a hop passes through the model.

use super::attention::{HeadRoom, Shape};
use super::encoder::MELS;
use super::heads::CHANNEL_OUTPUTS;
use super::lanes::padded;
use super::layers::add;
use super::matrix::Quantised;
use vap_core::ModelConfig;
use vap_core::config::{CONV2_KERNEL, MEL_BANDS};
use vap_core::projection::OUTPUTS;

/// Padding is zero from the beginning and never written.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// Rows in use: user and agent of each stream.
    pub rows: usize,
    /// Padded width of a row.
    pub dim: usize,
    /// Mel frames, tail and hop, `[rows, 4, 80]`.
    pub mels: Vec<f32>,
    /// Outputs of the first convolution, tail and hop, `[rows, padded 4 dim]`.
    pub frames: Vec<f32>,
    /// What flows through the layers, `[rows, dim]`.
    pub x: Vec<f32>,
    /// A layer's normalised input, `[rows, dim]`.
    pub normed: Vec<f32>,
    /// A layer's output, `[rows, dim]`.
    pub y: Vec<f32>,
    /// Queries, keys and values, `[rows, 3 dim]`.
    pub queries: Vec<f32>,
    /// Inside of a feed-forward layer, `[rows, padded width]`.
    pub wide: Vec<f32>,
    /// Frames since each slot was written, `[streams, slots]`.
    pub ages: Vec<f32>,
    pub head: HeadRoom,
    /// Own and other channel side by side, `[rows, padded 2 dim]`.
    pub pairs: Vec<f32>,
    /// Both channels' sum, `[streams, dim]`.
    pub sums: Vec<f32>,
    /// What the channels answered, `[rows, 13]`.
    pub answers: Vec<f32>,
    /// What was answered of the sums, `[streams]`.
    pub overlaps: Vec<f32>,
    /// `[streams, 27]`.
    pub logits: Vec<f32>,
    pub quantised: Quantised,
}

impl Room {
    /// Room for `streams` streams.
    pub fn new(config: &ModelConfig, streams: usize) -> Self {
        let shape = Shape::new(config);
        let (rows, dim) = (2 * streams, padded(config.dim));
        let wide = padded(config.feed_forward_dim());
        let window = padded(CONV2_KERNEL * config.dim);
        let widest = [window, wide, padded(2 * config.dim), MELS * MEL_BANDS].into_iter().max().unwrap_or(0);
        let zeros = |length: usize| vec![0.0; length];
        Room {
            rows: 0,
            dim,
            mels: zeros(rows * MELS * MEL_BANDS),
            frames: zeros(rows * window),
            x: zeros(rows * dim),
            normed: zeros(rows * dim),
            y: zeros(rows * dim),
            queries: zeros(rows * 3 * config.dim),
            wide: zeros(rows * wide),
            ages: zeros(streams * shape.slots),
            head: HeadRoom::new(&shape),
            pairs: zeros(rows * padded(2 * config.dim)),
            sums: zeros(streams * dim),
            answers: zeros(rows * CHANNEL_OUTPUTS),
            overlaps: zeros(streams),
            logits: zeros(streams * OUTPUTS),
            quantised: Quantised::new(rows, widest),
        }
    }

    /// Adds the output of a layer to what flows through.
    pub fn add(&mut self) {
        let length = self.rows * self.dim;
        add(&mut self.x[..length], &self.y[..length]);
    }
}
