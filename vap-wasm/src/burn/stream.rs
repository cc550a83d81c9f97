//! One stream through Burn, as a session wants it.

use super::{BurnModel, BurnState};
use crate::error::{Error, Result};
use crate::model_info::ModelInfo;
use crate::model_stream::{Model, ModelStream};
use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;
use vap_core::Error as CoreError;
use vap_core::config::{MEL_BANDS, MELS_A_FRAME};
use vap_core::state::{Reader, Writer};

impl Model for BurnModel {
    fn info(&self) -> &ModelInfo {
        BurnModel::info(self)
    }

    /// None: its streams are not saved.
    fn identity(&self) -> u64 {
        0
    }

    fn stream(self: Arc<Self>) -> Box<dyn ModelStream> {
        Box::new(BurnStream { state: self.init_state(1), model: self, mels: Vec::new(), logits: Vec::new() })
    }
}

struct BurnStream {
    model: Arc<BurnModel>,
    state: BurnState,
    mels: Vec<f32>,
    logits: Vec<f32>,
}

impl ModelStream for BurnStream {
    fn most_hops(&self) -> usize {
        self.model.info().config.context_frames
    }

    fn begin(&mut self, mels: [&[f32]; 2]) {
        self.mels.clear();
        mels.into_iter().for_each(|channel| self.mels.extend_from_slice(channel));
    }

    fn step(&mut self) -> Result<bool> {
        let hops = self.mels.len() / (2 * MELS_A_FRAME * MEL_BANDS);
        let mels = TensorData::new(std::mem::take(&mut self.mels), [2, hops * MELS_A_FRAME, MEL_BANDS]);
        let logits = self.model.forward(Tensor::from_data(mels, self.model.device()), &mut self.state)?;
        let logits = logits.try_into_data().map_err(|e| Error::Backend(e.to_string()))?;
        self.logits = logits.try_into_vec().map_err(|e| Error::Backend(e.to_string()))?;
        Ok(true)
    }

    fn logits(&self) -> &[f32] {
        &self.logits
    }

    fn state_bytes(&self) -> usize {
        self.state.bytes()
    }

    fn position(&self) -> u64 {
        self.state.position()
    }

    fn save(&self, _: &mut Writer) -> Result<()> {
        Err(CoreError::State("a model on kernels").into())
    }

    fn restore(&mut self, _: &mut Reader) -> Result<()> {
        Err(CoreError::State("a model on kernels").into())
    }
}
