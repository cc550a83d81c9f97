//! The model file: one `.safetensors` whose header carries config, feature statistics, policy and provenance.
//! Bytes in, bytes out. Files from outside are read as hostile: nothing is trusted before it is checked.

use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::features::FeatureStatistics;
use crate::params;
use crate::policy::Policy;
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};

/// Value of the header key `format`.
pub const FORMAT: &str = "vap-turn";
/// Version of the layout; a reader takes exactly its own. It also fixes the features (`features.rs`).
pub const FORMAT_VERSION: &str = "1";

/// How the weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE half).
    F16,
}

/// One weight, always f32 in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    /// Shape, outermost first.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// A model as it lies in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// Sizes.
    pub config: ModelConfig,
    /// Fixed mean and deviation of the features.
    pub statistics: FeatureStatistics,
    /// Thresholds chosen for these weights.
    pub policy: Policy,
    /// Where the weights come from: data, licence, commit, seed, metrics.
    pub provenance: serde_json::Value,
    /// Every weight of [`params::params`], by name.
    pub weights: BTreeMap<String, Weight>,
}

impl ModelFile {
    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::ModelFile`], [`Error::ModelVersion`], the `Weight*` errors, [`Error::NotFinite`], or the errors of
    /// the parts in the header; a file that passes is complete and finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let unreadable =
            |e: safetensors::SafeTensorError| Error::ModelFile(format!("not a safetensors file: {e:?}"));
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let header = metadata.metadata().clone().unwrap_or_default();
        let text = |key: &str| {
            header.get(key).ok_or_else(|| Error::ModelFile(format!("header key {key:?} is missing")))
        };
        if text("format")? != FORMAT {
            return Err(Error::ModelFile(format!("expected format {FORMAT:?}, found {:?}", text("format")?)));
        }
        let version = text("format_version")?;
        if version != FORMAT_VERSION {
            return Err(Error::ModelVersion { expected: FORMAT_VERSION.into(), found: version.clone() });
        }
        let config = ModelConfig::from_json(text("config")?)?;
        let statistics: FeatureStatistics = json("statistics", text("statistics")?)?;
        statistics.validate()?;
        let policy: Policy = json("policy", text("policy")?)?;
        policy.validate()?;
        let provenance = json("provenance", text("provenance")?)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let weights = read_weights(&config, &tensors)?;
        Ok(ModelFile { config, statistics, policy, provenance, weights })
    }

    /// Writes the model file.
    ///
    /// # Errors
    /// As [`ModelFile::from_bytes`] and [`ModelFile::check_weights`]: what could not be read back is not written.
    pub fn to_bytes(&self, storage: Storage) -> Result<Vec<u8>> {
        self.config.validate()?;
        self.statistics.validate()?;
        self.policy.validate()?;
        self.check_weights(storage)?;
        let to_json = |value: serde_json::Result<String>| value.map_err(|e| Error::ModelFile(e.to_string()));
        let header = HashMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("format_version".to_string(), FORMAT_VERSION.to_string()),
            ("config".to_string(), self.config.to_json()),
            ("statistics".to_string(), to_json(serde_json::to_string(&self.statistics))?),
            ("policy".to_string(), to_json(serde_json::to_string(&self.policy))?),
            ("provenance".to_string(), to_json(serde_json::to_string(&self.provenance))?),
        ]);
        let stored: Vec<(&String, &Weight, Vec<u8>)> =
            self.weights.iter().map(|(name, weight)| (name, weight, pack(&weight.values, storage))).collect();
        let dtype = match storage {
            Storage::F32 => Dtype::F32,
            Storage::F16 => Dtype::F16,
        };
        let views = stored
            .iter()
            .map(|(name, weight, data)| {
                Ok((name.as_str(), TensorView::new(dtype, weight.shape.clone(), data)?))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|e| Error::ModelFile(e.to_string()))?;
        // safetensors 0.8 writes the header in hash order: sort it so that equal models are equal files.
        let bytes =
            safetensors::serialize(views, Some(header)).map_err(|e| Error::ModelFile(e.to_string()))?;
        sorted_header(&bytes)
    }

    /// A weight by name.
    ///
    /// # Errors
    /// [`Error::WeightMissing`].
    pub fn weight(&self, name: &str) -> Result<&Weight> {
        self.weights.get(name).ok_or_else(|| Error::WeightMissing { name: name.into(), expected: Vec::new() })
    }

    /// Checks that the weights are those [`params::params`] lists for the config, and finite once stored so.
    ///
    /// # Errors
    /// The `Weight*` errors, [`Error::Length`] when a weight has more or fewer values than its shape says,
    /// [`Error::NotFinite`].
    pub fn check_weights(&self, storage: Storage) -> Result<()> {
        let wanted = params::params(&self.config);
        for param in &wanted {
            let Some(weight) = self.weights.get(&param.name) else {
                return Err(Error::WeightMissing { name: param.name.clone(), expected: param.shape.clone() });
            };
            if weight.shape != param.shape {
                return Err(Error::WeightShape {
                    name: param.name.clone(),
                    expected: param.shape.clone(),
                    found: weight.shape.clone(),
                });
            }
            if weight.values.len() != param.len() {
                let (expected, found) = (param.len(), weight.values.len());
                return Err(Error::Length { what: "values of a weight", expected, found });
            }
            let fits = |v: &f32| match storage {
                Storage::F32 => v.is_finite(),
                Storage::F16 => f16::from_f32(*v).is_finite(),
            };
            if let Some(index) = weight.values.iter().position(|v| !fits(v)) {
                return Err(Error::NotFinite { place: format!("weight {}", param.name), index });
            }
        }
        match self.weights.keys().find(|name| !wanted.iter().any(|p| p.name == **name)) {
            Some(name) => Err(Error::WeightUnknown { name: name.clone() }),
            None => Ok(()),
        }
    }
}

fn json<T: DeserializeOwned>(key: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::ConfigSyntax(format!("header key {key:?}: {e}")))
}

fn read_weights(config: &ModelConfig, tensors: &SafeTensors) -> Result<BTreeMap<String, Weight>> {
    let wanted = params::params(config);
    if let Some(name) = tensors.names().iter().find(|name| !wanted.iter().any(|p| p.name == **name)) {
        return Err(Error::WeightUnknown { name: name.to_string() });
    }
    let mut weights = BTreeMap::new();
    for param in wanted {
        let Ok(view) = tensors.tensor(&param.name) else {
            return Err(Error::WeightMissing { name: param.name, expected: param.shape });
        };
        if view.shape() != param.shape {
            let found = view.shape().to_vec();
            return Err(Error::WeightShape { name: param.name, expected: param.shape, found });
        }
        let values = unpack(&param.name, &view)?;
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::NotFinite { place: format!("weight {}", param.name), index });
        }
        weights.insert(param.name, Weight { shape: param.shape, values });
    }
    Ok(weights)
}

fn pack(values: &[f32], storage: Storage) -> Vec<u8> {
    match storage {
        Storage::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Storage::F16 => values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
    }
}

fn unpack(name: &str, view: &TensorView) -> Result<Vec<f32>> {
    match view.dtype() {
        Dtype::F32 => {
            Ok(view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
        }
        Dtype::F16 => {
            Ok(view.data().chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect())
        }
        other => Err(Error::ModelFile(format!("weight {name}: expected type F32 or F16, found {other:?}"))),
    }
}

/// The same file with the keys of its header in order.
fn sorted_header(bytes: &[u8]) -> Result<Vec<u8>> {
    let broken = || Error::ModelFile("the header just written cannot be read back".into());
    let length = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b) as usize).ok_or_else(broken)?;
    let header = bytes.get(8..8 + length).ok_or_else(broken)?;
    // serde_json's map is ordered by key.
    let value: serde_json::Value = serde_json::from_slice(header).map_err(|_| broken())?;
    let mut text = serde_json::to_vec(&value).map_err(|_| broken())?;
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(&text);
    out.extend_from_slice(&bytes[8 + length..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MEL_BANDS;

    fn tiny() -> ModelFile {
        let config = ModelConfig {
            name: "tiny".into(),
            dim: 4,
            channel_layers: 1,
            num_layers: 1,
            heads: 2,
            context_frames: 3,
            feed_forward_factor: 2,
            norm_epsilon: 1e-5,
        };
        let weights = params::params(&config)
            .into_iter()
            .map(|p| {
                let values = (0..p.len()).map(|i| (i % 7) as f32 / 8.0 - 0.375).collect();
                (p.name, Weight { shape: p.shape, values })
            })
            .collect();
        ModelFile {
            config,
            statistics: FeatureStatistics { mean: vec![-5.0; MEL_BANDS], deviation: vec![2.0; MEL_BANDS] },
            policy: Policy::default(),
            provenance: serde_json::json!({ "data": "none", "seed": 1 }),
            weights,
        }
    }

    /// The file with its JSON header rewritten by `change`.
    fn with_header(bytes: &[u8], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut header = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        change(&mut header);
        let mut text = serde_json::to_vec(&header).unwrap();
        text.resize(text.len().next_multiple_of(8), b' ');
        [&(text.len() as u64).to_le_bytes()[..], &text, &bytes[8 + length..]].concat()
    }

    #[test]
    fn round_trip_in_both_storages_and_the_same_bytes_every_time() {
        let model = tiny();
        for storage in [Storage::F32, Storage::F16] {
            let bytes = model.to_bytes(storage).unwrap();
            // Eighths are exact in f16.
            assert_eq!(ModelFile::from_bytes(&bytes).unwrap(), model);
            assert_eq!(model.to_bytes(storage).unwrap(), bytes);
        }
    }

    #[test]
    fn a_file_cut_short_anywhere_is_an_error() {
        let bytes = tiny().to_bytes(Storage::F16).unwrap();
        for cut in (0..bytes.len()).step_by(13).chain([bytes.len() - 1]) {
            assert!(ModelFile::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_lying_header_is_an_error() {
        let bytes = tiny().to_bytes(Storage::F32).unwrap();
        let mut huge = bytes.clone();
        huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(ModelFile::from_bytes(&huge), Err(Error::ModelFile(_))));
        let shape =
            with_header(&bytes, |h| h["encoder.conv1.bias"]["shape"] = serde_json::json!([1u64 << 40]));
        assert!(ModelFile::from_bytes(&shape).is_err());
        let offsets = with_header(&bytes, |h| {
            h["encoder.conv1.bias"]["data_offsets"] = serde_json::json!([0, 1u64 << 40])
        });
        assert!(ModelFile::from_bytes(&offsets).is_err());
        let version = with_header(&bytes, |h| h["__metadata__"]["format_version"] = "9".into());
        assert!(
            matches!(ModelFile::from_bytes(&version), Err(Error::ModelVersion { found, .. }) if found == "9")
        );
        let missing = with_header(&bytes, |h| {
            h["__metadata__"].as_object_mut().unwrap().remove("config");
        });
        assert!(matches!(ModelFile::from_bytes(&missing), Err(Error::ModelFile(m)) if m.contains("config")));
    }

    #[test]
    fn config_and_weights_must_agree() {
        let bytes = tiny().to_bytes(Storage::F32).unwrap();
        let config = |change: fn(&mut ModelConfig)| {
            let mut other = tiny().config;
            change(&mut other);
            let text = other.to_json();
            ModelFile::from_bytes(&with_header(&bytes, |h| h["__metadata__"]["config"] = text.clone().into()))
        };
        assert!(matches!(config(|c| c.dim = 8), Err(Error::WeightShape { .. })));
        assert!(matches!(config(|c| c.num_layers = 2), Err(Error::WeightMissing { .. })));
        assert!(matches!(config(|c| c.channel_layers = 0), Err(Error::WeightUnknown { .. })));
        assert!(matches!(config(|c| c.dim = 5), Err(Error::ConfigValue { key: "heads", .. })));
        let unknown = with_header(&bytes, |h| {
            h["__metadata__"]["config"] = tiny().config.to_json().replace("\"dim\"", "\"dims\"").into();
        });
        assert!(matches!(ModelFile::from_bytes(&unknown), Err(Error::ConfigSyntax(m)) if m.contains("dims")));
    }

    #[test]
    fn weights_that_are_not_finite_are_refused_both_ways() {
        let mut model = tiny();
        let bytes = model.to_bytes(Storage::F32).unwrap();
        let mut poisoned = bytes.clone();
        let end = poisoned.len();
        poisoned[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(matches!(ModelFile::from_bytes(&poisoned), Err(Error::NotFinite { .. })));
        model.weights.get_mut("heads.eot.bias").unwrap().values[0] = 1e6;
        assert!(model.to_bytes(Storage::F32).is_ok());
        assert!(matches!(model.to_bytes(Storage::F16), Err(Error::NotFinite { .. })), "1e6 is beyond f16");
    }
}
