//! The model: normalised mel frames of both channels in, the 27 logits of the hop out.
//!
//! A [`Pass`] is the room that one thread works in; it takes a hop of one or of many streams through the model, a layer
//! at a time. What a stream remembers is its [`KernelState`] alone, so that any pass of the same model may take any
//! stream's next hop.

use super::attention::{Attention, HeadRoom, Shape, ages};
use super::encoder::{ChannelLayer, Encoder, MELS};
use super::heads::{CHANNEL_OUTPUTS, Heads};
use super::lanes::padded;
use super::layers::{FeedForward, add};
use super::matrix::Quantised;
use super::state::KernelState;
use super::transformer::{StereoLayer, Transformer};
use super::weights::Weights;
use crate::card::Card;
use crate::error::Result;
use vap_core::config::{MEL_BANDS, MELS_A_FRAME};
use vap_core::model_file::{ModelFile, ModelView, Storage};
use vap_core::projection::OUTPUTS;
use vap_core::{Error as CoreError, ModelConfig};

/// Mel values of a hop of one channel.
const HOP_MELS: usize = MELS_A_FRAME * MEL_BANDS;

/// Weights as the kernels read them, and what travelled with them.
#[derive(Debug)]
pub struct KernelModel {
    card: Card,
    encoder: Encoder,
    transformer: Transformer,
    heads: Heads,
    /// For each attention, whether it works in integers.
    integers: Vec<bool>,
}

impl KernelModel {
    /// Reads a model file; matrices stored as integers stay integers.
    ///
    /// # Errors
    /// Those of [`ModelView::read`] and [`ModelView::weight`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_view(&ModelView::read(bytes)?)
    }

    /// Takes the weights of a model in memory, as 32-bit floats.
    ///
    /// # Errors
    /// As [`ModelFile::to_bytes`].
    pub fn from_file(file: &ModelFile) -> Result<Self> {
        Self::from_bytes(&file.to_bytes(Storage::F32)?)
    }

    fn from_view(view: &ModelView) -> Result<Self> {
        let config = &view.config;
        let weights = Weights::new(view)?;
        let shape = Shape::new(config);
        let mut rings = 0..;
        let mut attention = |at: &str, kind: &str| -> Result<Attention> {
            let at = format!("{at}.{kind}");
            let parts = [("query", (config.head_dim() as f32).powf(-0.5)), ("key", 1.0), ("value", 1.0)];
            Ok(Attention {
                norm: weights.norm(&format!("{at}.norm"))?,
                query_key_value: weights.linear(&at, &parts)?,
                output: weights.linear(&at, &[("output", 1.0)])?,
                shape: shape.clone(),
                ring: rings.next().unwrap_or_default(),
                crossed: kind == "cross_attention",
            })
        };
        let feed_forward = |at: &str| -> Result<FeedForward> {
            let at = format!("{at}.feed_forward");
            Ok(FeedForward {
                norm: weights.norm(&format!("{at}.norm"))?,
                expand: weights.linear(&at, &[("expand", 1.0)])?,
                contract: weights.linear(&at, &[("contract", 1.0)])?,
            })
        };
        let mut channel_layers = Vec::new();
        for i in 0..config.channel_layers {
            let at = format!("encoder.layers.{i}");
            let self_attention = attention(&at, "self_attention")?;
            channel_layers.push(ChannelLayer { self_attention, feed_forward: feed_forward(&at)? });
        }
        let mut stereo_layers = Vec::new();
        for i in 0..config.num_layers {
            let at = format!("transformer.layers.{i}");
            stereo_layers.push(StereoLayer {
                self_attention: attention(&at, "self_attention")?,
                cross_attention: attention(&at, "cross_attention")?,
                feed_forward: feed_forward(&at)?,
            });
        }
        Ok(KernelModel {
            card: Card::from(view),
            integers: channel_layers
                .iter()
                .map(|layer| &layer.self_attention)
                .chain(stereo_layers.iter().flat_map(|layer| [&layer.self_attention, &layer.cross_attention]))
                .map(|attention| attention.query_key_value.is_integers())
                .collect(),
            encoder: Encoder {
                conv1: weights.conv("encoder.conv1")?,
                conv2: weights.conv("encoder.conv2")?,
                norm: weights.norm("encoder.norm")?,
                layers: channel_layers,
            },
            transformer: Transformer { layers: stereo_layers, norm: weights.norm("transformer.norm")? },
            heads: Heads {
                channel: weights.linear(
                    "heads",
                    &[("projection", 1.0), ("eot", 1.0), ("backchannel", 1.0), ("vad", 1.0)],
                )?,
                overlap: weights.linear("heads", &[("overlap", 1.0)])?,
            },
        })
    }

    /// What travelled with the weights.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// State at the beginning of a stream.
    pub fn init_state(&self) -> KernelState {
        KernelState::init(&self.card.config, &self.integers)
    }

    /// Room to work in for up to `streams` streams at once.
    pub fn pass(&self, streams: usize) -> Pass {
        Pass { room: Room::new(&self.card.config, streams), streams, stage: Stage::Done }
    }

    /// Bytes of weights that a hop reads, whatever the number of streams.
    pub fn weight_bytes(&self) -> usize {
        let attention = |a: &Attention| a.query_key_value.bytes() + a.output.bytes();
        let feed_forward = |f: &FeedForward| f.expand.bytes() + f.contract.bytes();
        let channel =
            self.encoder.layers.iter().map(|l| attention(&l.self_attention) + feed_forward(&l.feed_forward));
        let stereo = self.transformer.layers.iter().map(|l| {
            attention(&l.self_attention) + attention(&l.cross_attention) + feed_forward(&l.feed_forward)
        });
        let ends = [&self.encoder.conv1, &self.encoder.conv2, &self.heads.channel, &self.heads.overlap];
        channel.chain(stereo).chain(ends.map(|m| m.bytes())).sum()
    }

    /// Normalised mels of any number of hops of one stream, `[2, 2 x hops, 80]`, user then agent, to logits
    /// `[hops, 27]` behind those of `logits`.
    ///
    /// # Errors
    /// `Length` when the mels are not whole hops of two channels; the state is then untouched.
    pub fn forward(
        &self,
        mels: &[f32],
        pass: &mut Pass,
        state: &mut KernelState,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        let hops = mels.len() / (2 * HOP_MELS);
        if mels.len() != 2 * hops * HOP_MELS || hops == 0 {
            let expected = 2 * hops.max(1) * HOP_MELS;
            return Err(
                CoreError::Length { what: "mels of two channels", expected, found: mels.len() }.into()
            );
        }
        let (user, agent) = mels.split_at(hops * HOP_MELS);
        for (user, agent) in user.chunks_exact(HOP_MELS).zip(agent.chunks_exact(HOP_MELS)) {
            pass.begin(0, [user, agent]);
            let states = &mut [&mut *state];
            while !pass.step(self, states) {}
            logits.extend_from_slice(pass.logits(0));
        }
        Ok(())
    }
}

/// Where a pass stands: what its next step works.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Encoder,
    Channel { layer: usize, part: usize },
    Stereo { layer: usize, part: usize },
    Heads,
    Done,
}

/// A hop on its way through the model, and the room it needs. Nothing is allocated after it was made.
#[derive(Debug, Clone)]
pub struct Pass {
    room: Room,
    streams: usize,
    stage: Stage,
}

impl Pass {
    /// Puts a stream's next hop in its place: normalised mels of user and agent, `[2, 80]` each. All streams of a
    /// pass begin before its first [`Pass::step`].
    ///
    /// # Panics
    /// When `stream` is not below the number the pass was made for, or the mels are not those of one hop.
    pub fn begin(&mut self, stream: usize, mels: [&[f32]; 2]) {
        for (channel, mels) in mels.into_iter().enumerate() {
            let end = (2 * stream + channel + 1) * MELS * MEL_BANDS;
            self.room.mels[end - HOP_MELS..end].copy_from_slice(mels);
        }
        self.stage = Stage::Encoder;
    }

    /// Works one part of the model, for the streams whose states these are; true when the logits are there.
    ///
    /// # Panics
    /// When there are more states than the pass was made for, or they are not of this model.
    pub fn step(&mut self, model: &KernelModel, states: &mut [&mut KernelState]) -> bool {
        let room = &mut self.room;
        let (channels, stereos) = (&model.encoder.layers, &model.transformer.layers);
        match self.stage {
            Stage::Encoder => {
                assert!(states.len() <= self.streams, "a pass for {} streams", self.streams);
                let config = &model.card.config;
                room.rows = 2 * states.len();
                let slots = room.head.scores.len();
                for (state, room) in states.iter().zip(room.ages.chunks_exact_mut(slots)) {
                    ages(state.position, config.context_frames, room);
                }
                model.encoder.step(room, states, config.dim);
            }
            Stage::Channel { layer, part: 0 } => channels[layer].self_attention.step(room, states),
            Stage::Channel { layer, .. } => channels[layer].feed_forward.step(room),
            Stage::Stereo { layer, part: 0 } => stereos[layer].self_attention.step(room, states),
            Stage::Stereo { layer, part: 1 } => stereos[layer].cross_attention.step(room, states),
            Stage::Stereo { layer, .. } => stereos[layer].feed_forward.step(room),
            Stage::Heads => {
                model.heads.step(&model.transformer.norm, room, model.card.config.dim);
                states.iter_mut().for_each(|state| state.position += 1);
            }
            Stage::Done => {}
        }
        self.stage = match self.stage {
            Stage::Encoder if channels.is_empty() => Stage::Stereo { layer: 0, part: 0 },
            Stage::Encoder => Stage::Channel { layer: 0, part: 0 },
            Stage::Channel { layer, part: 0 } => Stage::Channel { layer, part: 1 },
            Stage::Channel { layer, .. } if layer + 1 < channels.len() => {
                Stage::Channel { layer: layer + 1, part: 0 }
            }
            Stage::Channel { .. } => Stage::Stereo { layer: 0, part: 0 },
            Stage::Stereo { layer, part } if part < 2 => Stage::Stereo { layer, part: part + 1 },
            Stage::Stereo { layer, .. } if layer + 1 < stereos.len() => {
                Stage::Stereo { layer: layer + 1, part: 0 }
            }
            Stage::Stereo { .. } => Stage::Heads,
            Stage::Heads | Stage::Done => Stage::Done,
        };
        self.stage == Stage::Done
    }

    /// Logits of a stream's hop, `[27]`, once the last step is done.
    pub fn logits(&self, stream: usize) -> &[f32] {
        &self.room.logits[stream * OUTPUTS..][..OUTPUTS]
    }
}

/// Where activations live while a hop passes. Padding is zero from the beginning and never written.
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
    /// Own and other channel side by side, `[2, padded 2 dim]`.
    pub pair: Vec<f32>,
    /// Both channels' sum, `[dim]`.
    pub sum: Vec<f32>,
    /// What both channels answered, `[2, 13]`.
    pub answers: Vec<f32>,
    /// `[streams, 27]`.
    pub logits: Vec<f32>,
    pub quantised: Quantised,
}

impl Room {
    fn new(config: &ModelConfig, streams: usize) -> Self {
        let shape = Shape::new(config);
        let (rows, dim) = (2 * streams, padded(config.dim));
        let wide = padded(config.feed_forward_dim());
        let window = padded(4 * config.dim);
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
            pair: zeros(2 * padded(2 * config.dim)),
            sum: zeros(dim),
            answers: zeros(2 * CHANNEL_OUTPUTS),
            logits: zeros(streams * OUTPUTS),
            quantised: Quantised::new(rows.max(2), widest),
        }
    }

    /// Adds the output of a layer to what flows through.
    pub fn add(&mut self) {
        let length = self.rows * self.dim;
        add(&mut self.x[..length], &self.y[..length]);
    }
}
