//! The model: normalised mel frames of both channels in, the logits of every 20 ms frame out.
//!
//! One `forward` for any chunk length: a hop, a second, or a whole file, which is a chunk from a fresh state.

use super::attention::{DistanceBias, Window};
use super::encoder::{ChannelLayer, Encoder};
use super::heads::Heads;
use super::layers::Linear;
use super::state::BurnState;
use super::transformer::{StereoLayer, Transformer};
use super::weights::Weights;
use crate::error::Result;
use crate::model_info::ModelInfo;
use burn::tensor::{Device, Tensor};
use vap_core::config::{EncoderKind, MEL_BANDS, MELS_A_FRAME};
use vap_core::model_file::ModelFile;
use vap_core::{Calibration, Error as CoreError};

/// Weights on a device, and what travelled with them.
#[derive(Debug)]
pub struct BurnModel {
    info: ModelInfo,
    encoder: Encoder,
    /// From the encoder's width to that of the stereo layers, where they differ.
    bridge: Option<Linear>,
    transformer: Transformer,
    heads: Heads,
    device: Device,
}

impl BurnModel {
    /// Puts the weights of a model file on a device.
    ///
    /// # Errors
    /// The core's `Config`, `Weight*` and `NotFinite` errors, when the file's parts do not belong together.
    pub fn from_file(file: &ModelFile, device: &Device) -> Result<Self> {
        let config = &file.config;
        config.validate()?;
        file.statistics.validate()?;
        file.policy.validate()?;
        file.calibration.as_ref().map(Calibration::validate).transpose()?;
        let weights = Weights::check(file, device)?;
        let stereo = config.stereo();
        let whisper = config.encoder == EncoderKind::Whisper;
        let channel_layers = (0..config.channel_layers).map(|i| format!("encoder.layers.{i}"));
        let stereo_layers = (0..config.num_layers).map(|i| format!("transformer.layers.{i}"));
        let channel_layer = |at: String| -> Result<ChannelLayer> {
            Ok(ChannelLayer {
                self_attention: weights.attention(&at, "self_attention", config.heads)?,
                feed_forward: weights.feed_forward(&at)?,
            })
        };
        let stereo_layer = |at: String| -> Result<StereoLayer> {
            Ok(StereoLayer {
                self_attention: weights.attention(&at, "self_attention", stereo.heads)?,
                cross_attention: weights.attention(&at, "cross_attention", stereo.heads)?,
                feed_forward: weights.feed_forward(&at)?,
            })
        };
        let distance_biases = match config.encoder {
            EncoderKind::Vap => vec![DistanceBias::alibi(config, device)],
            EncoderKind::Whisper => {
                channel_layers.clone().map(|at| weights.distance_bias(&at)).collect::<Result<_>>()?
            }
        };
        Ok(BurnModel {
            encoder: Encoder {
                conv1: weights.conv("encoder.conv1", 1)?,
                conv2: weights.conv("encoder.conv2", MELS_A_FRAME)?,
                position: whisper.then(|| weights.vector("encoder.position")).transpose()?,
                norm: weights.norm("encoder.norm")?,
                distance_biases,
                layers: channel_layers.map(channel_layer).collect::<Result<_>>()?,
            },
            bridge: config.has_bridge().then(|| weights.side_by_side(&["bridge".into()])).transpose()?,
            transformer: Transformer {
                distance_bias: DistanceBias::alibi(&stereo, device),
                layers: stereo_layers.map(stereo_layer).collect::<Result<_>>()?,
                norm: weights.norm("transformer.norm")?,
            },
            heads: Heads {
                channel: weights.linear("heads", &["projection", "eot", "backchannel", "vad"])?,
                overlap: weights.linear("heads", &["overlap"])?,
            },
            info: ModelInfo::from(file),
            device: device.clone(),
        })
    }

    /// What travelled with the weights.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Device the weights are on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// State at the beginning of `streams` conversations that step together.
    pub fn init_state(&self, streams: usize) -> BurnState {
        BurnState::init(&self.info.config, streams, &self.device)
    }

    /// Normalised mels `[2 x streams, 2 x time, 80]`, all users then all agents, to logits `[streams, time, 27]`.
    ///
    /// Memory does not grow with `time` beyond input and output: long chunks are worked in blocks of
    /// `context_frames`.
    ///
    /// # Errors
    /// `Length` when the shape does not fit the state; the state is then untouched.
    pub fn forward(&self, mels: Tensor<3>, state: &mut BurnState) -> Result<Tensor<3>> {
        let [rows, length, bands] = mels.dims();
        for (what, expected, found) in [
            ("rows of mels", 2 * state.streams, rows),
            ("mel frames, in pairs", (length / MELS_A_FRAME).max(1) * MELS_A_FRAME, length),
            ("mel bands", MEL_BANDS, bands),
        ] {
            if expected != found {
                return Err(CoreError::Length { what, expected, found }.into());
            }
        }
        let time = length / MELS_A_FRAME;
        let mut logits = Vec::new();
        for start in (0..time).step_by(self.info.config.context_frames) {
            let end = time.min(start + self.info.config.context_frames);
            let block = mels.clone().slice([0..rows, start * MELS_A_FRAME..end * MELS_A_FRAME]);
            logits.push(self.block(block, end - start, state));
        }
        Ok(Tensor::cat(logits, 1))
    }

    /// One block of at most `context_frames` frames.
    fn block(&self, mels: Tensor<3>, frames: usize, state: &mut BurnState) -> Tensor<3> {
        let window = Window::new(self.info.config.context_frames, state.position, frames, &self.device);
        let x = self.encoder.forward(mels, &mut state.encoder, &window);
        let x = match &self.bridge {
            Some(bridge) => bridge.forward(x),
            None => x,
        };
        let x = self.transformer.forward(x, &mut state.transformer, &window);
        state.position += frames as u64;
        self.heads.forward(x)
    }
}
