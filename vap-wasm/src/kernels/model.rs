//! The model: normalised mel frames of both channels in, the 27 logits of the hop out.
//!
//! A [`super::Pass`] is the workspace of one thread. What a stream remembers is its [`KernelState`] alone, so that any
//! pass of the same model may take any stream's next hop.

use super::arithmetic::lanes::padded;
use super::attention::{Attention, DistanceBias};
use super::encoder::{ChannelLayer, Encoder};
use super::heads::Heads;
use super::layers::FeedForward;
use super::rings::Ring;
use super::shapes::Shape;
use super::state::KernelState;
use super::transformer::{StereoLayer, Transformer};
use super::weights::Weights;
use crate::error::Result;
use crate::model_info::ModelInfo;
use vap_core::ModelConfig;
use vap_core::config::EncoderKind;
use vap_core::model_file::{ModelFile, ModelView, Storage};

/// Weights as the kernels read them, and what travelled with them.
#[derive(Debug)]
pub struct KernelModel {
    info: ModelInfo,
    identity: u64,
    pub(super) encoder: Encoder,
    pub(super) transformer: Transformer,
    pub(super) heads: Heads,
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
        let (config, stereo) = (&view.config, &view.config.stereo());
        let weights = Weights::new(view)?;
        let mut rings = 0..;
        let mut attention = |config: &ModelConfig, at: &str, kind: &str| -> Result<Attention> {
            let at = format!("{at}.{kind}");
            let parts = [("query", (config.head_dim() as f32).powf(-0.5)), ("key", 1.0), ("value", 1.0)];
            Ok(Attention {
                norm: weights.norm(&format!("{at}.norm"))?,
                query_key_value: weights.linear(&at, &parts)?,
                output: weights.linear(&at, &[("output", 1.0)])?,
                shape: Shape::new(config),
                bias: match config.encoder {
                    EncoderKind::Vap => DistanceBias::alibi(config),
                    EncoderKind::Whisper => DistanceBias::learned(
                        &weights.vector(&format!("{at}.distance_bias"))?,
                        config.context_frames,
                    ),
                },
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
            let self_attention = attention(config, &at, "self_attention")?;
            channel_layers.push(ChannelLayer { self_attention, feed_forward: feed_forward(&at)? });
        }
        let mut stereo_layers = Vec::new();
        for i in 0..config.num_layers {
            let at = format!("transformer.layers.{i}");
            stereo_layers.push(StereoLayer {
                self_attention: attention(stereo, &at, "self_attention")?,
                cross_attention: attention(stereo, &at, "cross_attention")?,
                feed_forward: feed_forward(&at)?,
            });
        }
        let position = (config.encoder == EncoderKind::Whisper).then(|| -> Result<Vec<f32>> {
            let mut position = weights.vector("encoder.position")?;
            position.resize(padded(config.dim), 0.0);
            Ok(position)
        });
        Ok(KernelModel {
            info: ModelInfo::from(view),
            identity: view.identity(),
            encoder: Encoder {
                conv1: weights.conv("encoder.conv1")?,
                conv2: weights.conv("encoder.conv2")?,
                conv2_kernel: config.encoder.conv2_kernel(),
                position: position.transpose()?,
                norm: weights.norm("encoder.norm")?,
                layers: channel_layers,
                bridge: config.has_bridge().then(|| weights.matrix("bridge")).transpose()?,
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
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What tells this model from others.
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// State at the beginning of a stream.
    pub fn init_state(&self) -> KernelState {
        let channel = self.encoder.layers.iter().map(|layer| &layer.self_attention);
        let stereo = self.transformer.layers.iter();
        let stereo = stereo.flat_map(|layer| [&layer.self_attention, &layer.cross_attention]);
        let ring = |at: &Attention| Ring::new(&at.shape, at.query_key_value.is_integers());
        KernelState::init(self.encoder.kept_frames(), channel.chain(stereo).map(ring).collect())
    }
}
