//! The model file: one `.safetensors` whose header carries config, feature statistics, policy and provenance.
//! Bytes in, bytes out. Files from outside are read as hostile: nothing is trusted before it is checked.
//!
//! A [`ModelView`] reads weights where they lie, in the form they are stored in; a [`ModelFile`] holds them as f32.

mod storage;

use crate::calibration::Calibration;
use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::features::FeatureStatistics;
use crate::params::{self, Param};
use crate::policy::Policy;
use crate::state::hash;
use safetensors::tensor::{SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};

/// Value of the header key `format`.
pub const FORMAT: &str = "vap-turn";
/// Version of the layout; a reader takes exactly its own. It also fixes the features (`features.rs`).
pub const FORMAT_VERSION: &str = "1";

pub use storage::{Storage, StoredWeight};

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
    /// Operating points measured with these weights and this policy; files from before have none.
    pub calibration: Option<Calibration>,
    /// Where the weights come from: data, licence, commit, seed, metrics.
    pub provenance: serde_json::Value,
    /// Every weight of [`params::params`], by name.
    pub weights: BTreeMap<String, Weight>,
}

/// A model file in its bytes: the header read and checked, the weights still in their place.
#[derive(Debug)]
pub struct ModelView<'a> {
    /// Sizes.
    pub config: ModelConfig,
    /// Fixed mean and deviation of the features.
    pub statistics: FeatureStatistics,
    /// Thresholds chosen for these weights.
    pub policy: Policy,
    /// Operating points measured with these weights and this policy, if any.
    pub calibration: Option<Calibration>,
    /// Where the weights come from.
    pub provenance: serde_json::Value,
    tensors: SafeTensors<'a>,
    /// All of the file behind its header.
    data: &'a [u8],
}

impl<'a> ModelView<'a> {
    /// Reads the header. Each weight is checked when it is asked for.
    ///
    /// # Errors
    /// [`Error::ModelFile`], [`Error::ModelVersion`], [`Error::WeightUnknown`], or the errors of the header's parts.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let unreadable =
            |e: safetensors::SafeTensorError| Error::ModelFile(format!("not a safetensors file: {e:?}"));
        let (header_length, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
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
        let calibration = header.get("calibration").map(|found| Calibration::from_json(found)).transpose()?;
        let provenance = json("provenance", text("provenance")?)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        storage::nothing_else(&params::params(&config), &tensors)?;
        let data = bytes.get(8 + header_length..).unwrap_or_default();
        Ok(ModelView { config, statistics, policy, calibration, provenance, tensors, data })
    }

    /// What tells this model from others: a hash of its sizes, statistics and weights as they are stored, since in
    /// another form they compute other numbers.
    pub fn identity(&self) -> u64 {
        let statistics = [&self.statistics.mean, &self.statistics.deviation].into_iter().flatten();
        let statistics: Vec<u8> = statistics.flat_map(|v| v.to_le_bytes()).collect();
        hash(&[self.config.to_json().as_bytes(), &statistics, self.data])
    }

    /// A weight in the form it is stored in.
    ///
    /// # Errors
    /// [`Error::WeightMissing`], [`Error::WeightShape`], [`Error::NotFinite`], or [`Error::ModelFile`] for a type
    /// that this weight cannot have.
    pub fn weight(&self, wanted: &Param) -> Result<StoredWeight<'a>> {
        storage::stored(wanted, &self.tensors)
    }
}

impl ModelFile {
    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::ModelFile`], [`Error::ModelVersion`], the `Weight*` errors, [`Error::NotFinite`], or the errors of
    /// the parts in the header; a file that passes is complete and finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let view = ModelView::read(bytes)?;
        let weights = params::params(&view.config)
            .into_iter()
            .map(|param| {
                let values = view.weight(&param)?.to_f32();
                Ok((param.name, Weight { shape: param.shape, values }))
            })
            .collect::<Result<_>>()?;
        let ModelView { config, statistics, policy, calibration, provenance, .. } = view;
        Ok(ModelFile { config, statistics, policy, calibration, provenance, weights })
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
        let mut header = HashMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("format_version".to_string(), FORMAT_VERSION.to_string()),
            ("config".to_string(), self.config.to_json()),
            ("statistics".to_string(), to_json(serde_json::to_string(&self.statistics))?),
            ("policy".to_string(), to_json(serde_json::to_string(&self.policy))?),
            ("provenance".to_string(), to_json(serde_json::to_string(&self.provenance))?),
        ]);
        if let Some(calibration) = &self.calibration {
            calibration.validate()?;
            header.insert("calibration".into(), to_json(serde_json::to_string(calibration))?);
        }
        let stored: Vec<storage::Stored> =
            self.weights.iter().flat_map(|(name, weight)| storage::pack(name, weight, storage)).collect();
        let views = stored
            .iter()
            .map(|part| {
                Ok((part.name.as_str(), TensorView::new(part.dtype, part.shape.clone(), &part.data)?))
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
            if let Some(index) = storage::misfit(&param.name, weight, storage) {
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
mod tests;
