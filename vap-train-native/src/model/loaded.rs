//! A model file on libtorch: sound of both channels in, frames out. What the runtime does, on libtorch.

use tch::nn::VarStore;
use tch::{Device, Tensor};
use vap_core::config::MEL_BANDS;
use vap_core::features::{FeatureStatistics, LogMel};
use vap_core::model_file::ModelFile;
use vap_core::projection::OUTPUTS;
use vap_core::{Frame, HOP_SAMPLES};

use super::{Mode, VapModel, load};
use crate::error::{Error, Result};

/// A model with its weights and statistics.
pub struct LoadedModel {
    model: VapModel,
    statistics: FeatureStatistics,
    device: Device,
    // The weights live as long as their store.
    _store: VarStore,
}

impl LoadedModel {
    /// Model of a file on `device`.
    ///
    /// # Errors
    /// [`Error::Weights`] when names or shapes differ.
    pub fn from_file(file: &ModelFile, device: Device) -> Result<LoadedModel> {
        let store = VarStore::new(device);
        let model = VapModel::new(&store.root(), &file.config);
        load(&store, file)?;
        Ok(LoadedModel { model, statistics: file.statistics.clone(), device, _store: store })
    }

    /// Logits `[frames, 27]` of normalised log-mel `[2, 2 * frames, 80]` from the start of a stream.
    ///
    /// # Errors
    /// [`Error::Data`] for a length that is no whole number of frames, [`Error::Torch`].
    pub fn logits(&self, mels: &[f32]) -> Result<Vec<f32>> {
        let frames = mels.len() / (4 * MEL_BANDS);
        if frames == 0 || mels.len() != frames * 4 * MEL_BANDS {
            return Err(Error::Data(format!(
                "expected log-mel [2, 2 * frames, {MEL_BANDS}], found {} values",
                mels.len()
            )));
        }
        let mels = Tensor::from_slice(mels)
            .reshape([1, 2, 2 * frames as i64, MEL_BANDS as i64])
            .to_device(self.device);
        let logits = tch::no_grad(|| self.model.forward(&mels, Mode::EVALUATE));
        Ok(Vec::try_from(&logits.to_device(Device::Cpu).flatten(0, -1).contiguous())?)
    }

    /// Frames of both channels' sound at 16 kHz, as many as both have whole hops.
    ///
    /// # Errors
    /// As [`LoadedModel::logits`].
    pub fn frames(&self, audio: [&[f32]; 2]) -> Result<Vec<Frame>> {
        let samples = audio[0].len().min(audio[1].len()) / HOP_SAMPLES * HOP_SAMPLES;
        let mut mels = Vec::new();
        audio.iter().for_each(|channel| LogMel::new().push(&channel[..samples], &mut mels));
        self.statistics.normalise(&mut mels);
        let logits = self.logits(&mels)?;
        let (frames, _) = logits.as_chunks::<OUTPUTS>();
        Ok(frames.iter().enumerate().map(|(i, logits)| Frame::from_logits(i as u64, logits)).collect())
    }
}
