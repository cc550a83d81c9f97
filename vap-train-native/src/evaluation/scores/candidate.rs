//! A model to be scored.

use tch::Device;
use vap_core::model_file::ModelFile;
use vap_core::{Frame, Policy};

use super::thresholds::Thresholds;
use crate::error::Result;
use crate::evaluation::calibration::check::Solved;
use crate::model::LoadedModel;

/// A model to be scored.
pub struct Candidate {
    /// What its column is called.
    pub name: String,
    /// Policy of its event machine.
    pub policy: Policy,
    /// Thresholds of its weighted F1.
    pub thresholds: Thresholds,
    pub(in crate::evaluation) solved: Solved,
    model: LoadedModel,
}

impl Candidate {
    /// The model of a file, on the CPU.
    ///
    /// # Errors
    /// [`crate::Error::Weights`] when names or shapes differ.
    pub fn new(name: &str, file: &ModelFile) -> Result<Candidate> {
        let model = LoadedModel::from_file(file, Device::Cpu)?;
        let solved = Solved::new(&file.policy, file.calibration.as_ref());
        let thresholds = Thresholds::default();
        Ok(Candidate { name: name.into(), policy: file.policy, thresholds, solved, model })
    }

    /// Frames of both channels' sound at 16 kHz, as many as both have whole hops.
    ///
    /// # Errors
    /// [`crate::Error::Data`] for less than a hop, [`crate::Error::Torch`].
    pub fn frames(&self, audio: [&[f32]; 2]) -> Result<Vec<Frame>> {
        self.model.frames(audio)
    }
}
