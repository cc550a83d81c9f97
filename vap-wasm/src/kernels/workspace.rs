//! Where activations live while a hop passes through the model.

use super::arithmetic::lanes::{add, padded};
use super::arithmetic::matrix::Quantised;
use super::shapes::{CHANNEL_OUTPUTS, MELS, Shape};
use vap_core::ModelConfig;
use vap_core::config::MEL_BANDS;
use vap_core::projection::OUTPUTS;

/// Bias of what must not be seen: its weight after the softmax is below 1e-26 of the whole.
pub(super) const NEVER: f32 = -1e30;

/// Padding is zero from the beginning and never written: so layers of another width have room of their own.
#[derive(Debug, Clone)]
pub(super) struct Workspace {
    /// Mel frames, tail and hop, `[rows, 4, 80]`.
    pub mels: Vec<f32>,
    /// Outputs of the first convolution, tail and hop, `[rows, padded conv2_kernel x dim]`.
    pub frames: Vec<f32>,
    /// Workspace of the channel layers.
    pub channel: Flow,
    /// Workspace of the stereo layers.
    pub stereo: Flow,
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
}

/// Workspace of layers of one width.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// Rows in use: user and agent of each stream.
    pub rows: usize,
    /// Padded width of a row.
    pub dim: usize,
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
    pub head: HeadWorkspace,
    pub quantised: Quantised,
}

impl Workspace {
    /// Workspace for `streams` streams.
    pub fn new(config: &ModelConfig, streams: usize) -> Self {
        let stereo = config.stereo();
        let rows = 2 * streams;
        let window = padded(config.encoder.conv2_kernel() * config.dim);
        let pair = padded(2 * stereo.dim);
        let zeros = |length: usize| vec![0.0; length];
        Workspace {
            mels: zeros(rows * MELS * MEL_BANDS),
            frames: zeros(rows * window),
            channel: Flow::new(config, rows, window.max(MELS * MEL_BANDS)),
            pairs: zeros(rows * pair),
            sums: zeros(streams * padded(stereo.dim)),
            answers: zeros(rows * CHANNEL_OUTPUTS),
            overlaps: zeros(streams),
            logits: zeros(streams * OUTPUTS),
            stereo: Flow::new(&stereo, rows, pair),
        }
    }

    /// Rows that the next hop takes.
    pub fn take(&mut self, rows: usize) {
        (self.channel.rows, self.stereo.rows) = (rows, rows);
    }
}

impl Flow {
    /// Workspace for `rows` rows; `widest` is the longest input of a matrix outside the layers.
    fn new(config: &ModelConfig, rows: usize, widest: usize) -> Self {
        let (dim, wide) = (padded(config.dim), padded(config.feed_forward_dim()));
        let zeros = |length: usize| vec![0.0; length];
        Flow {
            rows: 0,
            dim,
            x: zeros(rows * dim),
            normed: zeros(rows * dim),
            y: zeros(rows * dim),
            queries: zeros(rows * 3 * config.dim),
            wide: zeros(rows * wide),
            head: HeadWorkspace::new(&Shape::new(config)),
            quantised: Quantised::new(rows, widest.max(wide)),
        }
    }

    /// Adds the output of a layer to what flows through.
    pub fn add(&mut self) {
        let length = self.rows * self.dim;
        add(&mut self.x[..length], &self.y[..length]);
    }
}

/// Workspace of the heads, one after the other.
#[derive(Debug, Clone)]
pub(super) struct HeadWorkspace {
    /// Distance bias of each slot, `[heads, slots]`.
    pub biases: Vec<f32>,
    /// Scores, then shares, `[slots]`.
    pub scores: Vec<f32>,
    /// What the head saw, `[value_dim]`.
    pub seen: Vec<f32>,
    /// A query, key, value or row of shares as integers, `[value_dim]` or `[slots]`.
    pub integers: Vec<i16>,
}

impl HeadWorkspace {
    pub fn new(shape: &Shape) -> Self {
        HeadWorkspace {
            biases: vec![NEVER; shape.heads * shape.slots],
            scores: vec![0.0; shape.slots],
            seen: vec![0.0; shape.value_dim],
            integers: vec![0; shape.slots.max(shape.value_dim)],
        }
    }
}
