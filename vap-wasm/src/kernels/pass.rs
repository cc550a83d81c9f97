//! A hop on its way through the model, of one stream or of many, a layer at a time.

use super::encoder::MELS;
use super::model::KernelModel;
use super::room::Room;
use super::state::KernelState;
use vap_core::config::{HOP_MELS, MEL_BANDS};
use vap_core::projection::OUTPUTS;

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
    pub(super) fn new(room: Room, streams: usize) -> Self {
        Pass { room, streams, stage: Stage::Done }
    }

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

    /// Works one part of the model, for the streams whose states these are, the same from the first step of a hop to
    /// the last and of this model; true when the logits are there.
    ///
    /// # Panics
    /// When there are more states than the pass was made for, or not as many as at the first step.
    pub fn step(&mut self, model: &KernelModel, states: &mut [&mut KernelState]) -> bool {
        let room = &mut self.room;
        if self.stage == Stage::Encoder {
            assert!(states.len() <= self.streams, "{} states in a pass for {}", states.len(), self.streams);
            room.take(2 * states.len());
        }
        assert!(room.stereo.rows == 2 * states.len(), "other states than at the first step");
        let (channels, stereos) = (&model.encoder.layers, &model.transformer.layers);
        match self.stage {
            Stage::Encoder => model.encoder.step(room, states),
            Stage::Channel { layer, part: 0 } => {
                channels[layer].self_attention.step(&mut room.channel, states);
            }
            Stage::Channel { layer, .. } => channels[layer].feed_forward.step(&mut room.channel),
            Stage::Stereo { layer, part: 0 } => {
                stereos[layer].self_attention.step(&mut room.stereo, states);
            }
            Stage::Stereo { layer, part: 1 } => {
                stereos[layer].cross_attention.step(&mut room.stereo, states);
            }
            Stage::Stereo { layer, .. } => stereos[layer].feed_forward.step(&mut room.stereo),
            Stage::Heads => {
                model.heads.step(&model.transformer.norm, room);
                states.iter_mut().for_each(|state| state.position += 1);
            }
            Stage::Done => {}
        }
        let on_channels = matches!(self.stage, Stage::Encoder | Stage::Channel { .. });
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
        if on_channels && matches!(self.stage, Stage::Stereo { .. }) {
            // Too little work for a part of its own.
            model.encoder.finish(room);
        }
        self.stage == Stage::Done
    }

    /// Logits of a stream's hop, `[27]`, once the last step is done.
    ///
    /// # Panics
    /// When `stream` is not below the number the pass was made for.
    pub fn logits(&self, stream: usize) -> &[f32] {
        &self.room.logits[stream * OUTPUTS..][..OUTPUTS]
    }
}
