//! The tch twin of the runtime's model: mel windows in, logits out. Rooms and weight names are those of `vap-wasm`
//! and `vap_core::params`.
//!
//! Training sees whole windows from the start of a stream; the runtime's chunks from a fresh state give the
//! same numbers (tested in `tests/parity.rs`).

pub(crate) mod attention;
pub(crate) mod encoder;
mod heads;
mod loaded;
pub mod readout;
pub mod teacher;
pub(crate) mod transformer;

use std::collections::BTreeMap;

use tch::nn::{self, Linear, Module, Path, VarStore};
use tch::{Kind, Tensor};
use vap_core::config::ModelConfig;
use vap_core::model_file::{ModelFile, Weight};

use attention::Band;
use encoder::Encoder;
use heads::Heads;
use transformer::Transformer;

use crate::error::{Error, Result};

pub use loaded::LoadedModel;

/// Voice activity projection for two channels.
pub struct VapModel {
    config: ModelConfig,
    encoder: Encoder,
    /// From the encoder's width to that of the stereo layers, where they differ.
    bridge: Option<Linear>,
    transformer: Transformer,
    heads: Heads,
}

/// What a forward pass needs to know beside its input.
#[derive(Clone, Copy)]
pub struct Mode {
    /// Whether dropout is active.
    pub train: bool,
    /// Share of values dropped.
    pub dropout: f64,
    /// Whether matrix products are computed in bfloat16; sums, norms and softmax stay in f32 (Micikevicius et al.
    /// 2018, arXiv 1710.03740; bfloat16 has the range of f32, so the loss need not be scaled).
    pub mixed: bool,
}

impl Mode {
    /// No dropout, f32.
    pub const EVALUATE: Mode = Mode { train: false, dropout: 0.0, mixed: false };

    /// A linear layer in the mode's precision.
    fn linear(self, layer: &Linear, x: &Tensor) -> Tensor {
        if !self.mixed {
            return layer.forward(x);
        }
        let half = |x: &Tensor| x.to_kind(Kind::BFloat16);
        half(x).linear(&half(&layer.ws), layer.bs.as_ref().map(half))
    }

    fn drop(self, x: &Tensor) -> Tensor {
        if self.train && self.dropout > 0.0 { x.dropout(self.dropout, true) } else { x.shallow_clone() }
    }
}

impl VapModel {
    /// Model with freshly drawn weights below `path`.
    pub fn new(path: &Path, config: &ModelConfig) -> VapModel {
        let stereo = config.stereo();
        VapModel {
            config: config.clone(),
            encoder: Encoder::new(&(path / "encoder"), config),
            bridge: config.has_bridge().then(|| {
                nn::linear(path / "bridge", config.dim as i64, stereo.dim as i64, Default::default())
            }),
            transformer: Transformer::new(&(path / "transformer"), &stereo),
            heads: Heads::new(&(path / "heads"), &stereo),
        }
    }

    /// Logits `[batch, frames, 27]` of normalised mel windows `[batch, 2, 2 * frames, 80]` that begin a stream.
    pub fn forward(&self, mels: &Tensor, mode: Mode) -> Tensor {
        self.encode_and_forward(mels, mode).1
    }

    /// What the encoder says of each channel, `[2 * batch, frames, dim]`, and the logits of [`VapModel::forward`].
    pub fn encode_and_forward(&self, mels: &Tensor, mode: Mode) -> (Tensor, Tensor) {
        let (batch, channels, mel_frames, bands) = mels.size4().unwrap_or((0, 2, 0, 80));
        let folded = mels.reshape([batch * channels, mel_frames, bands]);
        let band = |config: &ModelConfig| Band::new(config, mel_frames / 2, mels.device());
        let encoded = self.encoder.forward(&folded, &band(&self.config), mode);
        let hidden = match &self.bridge {
            Some(bridge) => mode.linear(bridge, &encoded),
            None => encoded.shallow_clone(),
        };
        let hidden = self.transformer.forward(&hidden, &band(&self.config.stereo()), mode);
        (encoded, self.heads.forward(&hidden))
    }
}

/// Copies a model file's weights into the store.
///
/// # Errors
/// [`Error::Weights`] when names or shapes differ.
pub fn load(store: &VarStore, file: &ModelFile) -> Result<()> {
    let mut variables = store.variables();
    if variables.len() != file.weights.len() {
        return Err(Error::Weights(format!(
            "expected {} weights, found {}",
            variables.len(),
            file.weights.len()
        )));
    }
    for (name, weight) in &file.weights {
        let variable =
            variables.get_mut(name).ok_or_else(|| Error::Weights(format!("{name} is not in the model")))?;
        let shape: Vec<i64> = weight.shape.iter().map(|s| *s as i64).collect();
        if variable.size() != shape {
            return Err(Error::Weights(format!("{name}: expected {:?}, found {shape:?}", variable.size())));
        }
        let values = Tensor::from_slice(&weight.values).reshape(&shape);
        tch::no_grad(|| variable.copy_(&values));
    }
    Ok(())
}

/// The store's weights as the model file holds them.
///
/// # Errors
/// [`Error::Torch`] when a tensor cannot be read.
pub fn weights(store: &VarStore) -> Result<BTreeMap<String, Weight>> {
    let read = |(name, tensor): (String, Tensor)| {
        let shape = tensor.size().iter().map(|s| *s as usize).collect();
        let flat =
            tensor.detach().to_device(tch::Device::Cpu).to_kind(Kind::Float).flatten(0, -1).contiguous();
        let values = Vec::<f32>::try_from(&flat)?;
        Ok((name, Weight { shape, values }))
    };
    store.variables().into_iter().map(read).collect()
}
