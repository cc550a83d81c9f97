//! A hop on its way through the model, of one stream or of many, a layer at a time.

use super::model::KernelModel;
use super::shapes::MELS;
use super::state::KernelState;
use super::workspace::Workspace;
use crate::error::Result;
use vap_core::Error as CoreError;
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

/// A hop on its way through the model, and the workspace it needs. Nothing is allocated after it was made.
#[derive(Debug, Clone)]
pub struct Pass {
    workspace: Workspace,
    streams: usize,
    stage: Stage,
}

impl KernelModel {
    /// Workspace for up to `streams` streams at once.
    pub fn pass(&self, streams: usize) -> Pass {
        Pass { workspace: Workspace::new(&self.info().config, streams), streams, stage: Stage::Done }
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

impl Pass {
    /// Puts a stream's next hop in its place: normalised mels of user and agent, `[2, 80]` each. All streams of a
    /// pass begin before its first [`Pass::step`].
    ///
    /// # Panics
    /// When `stream` is not below the number the pass was made for, or the mels are not those of one hop.
    pub fn begin(&mut self, stream: usize, mels: [&[f32]; 2]) {
        for (channel, mels) in mels.into_iter().enumerate() {
            let end = (2 * stream + channel + 1) * MELS * MEL_BANDS;
            self.workspace.mels[end - HOP_MELS..end].copy_from_slice(mels);
        }
        self.stage = Stage::Encoder;
    }

    /// Works one part of the model, for the streams whose states these are, the same from the first step of a hop to
    /// the last and of this model; true when the logits are there.
    ///
    /// # Panics
    /// When there are more states than the pass was made for, or not as many as at the first step.
    pub fn step(&mut self, model: &KernelModel, states: &mut [&mut KernelState]) -> bool {
        let workspace = &mut self.workspace;
        if self.stage == Stage::Encoder {
            assert!(states.len() <= self.streams, "{} states in a pass for {}", states.len(), self.streams);
            workspace.take(2 * states.len());
        }
        assert!(workspace.stereo.rows == 2 * states.len(), "other states than at the first step");
        let (channels, stereos) = (&model.encoder.layers, &model.transformer.layers);
        match self.stage {
            Stage::Encoder => model.encoder.step(workspace, states),
            Stage::Channel { layer, part: 0 } => {
                channels[layer].self_attention.step(&mut workspace.channel, states);
            }
            Stage::Channel { layer, .. } => channels[layer].feed_forward.step(&mut workspace.channel),
            Stage::Stereo { layer, part: 0 } => {
                stereos[layer].self_attention.step(&mut workspace.stereo, states);
            }
            Stage::Stereo { layer, part: 1 } => {
                stereos[layer].cross_attention.step(&mut workspace.stereo, states);
            }
            Stage::Stereo { layer, .. } => stereos[layer].feed_forward.step(&mut workspace.stereo),
            Stage::Heads => {
                model.heads.step(&model.transformer.norm, workspace);
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
            model.encoder.finish(workspace);
        }
        self.stage == Stage::Done
    }

    /// Logits of a stream's hop, `[27]`, once the last step is done.
    ///
    /// # Panics
    /// When `stream` is not below the number the pass was made for.
    pub fn logits(&self, stream: usize) -> &[f32] {
        &self.workspace.logits[stream * OUTPUTS..][..OUTPUTS]
    }
}
