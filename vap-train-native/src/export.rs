//! Weights to the model file that the runtime loads.

use std::path::Path;

use serde_json::{Value, json};
use tch::nn::VarStore;
use vap_core::features::FeatureStatistics;
use vap_core::model_file::{ModelFile, Storage};
use vap_core::{ModelConfig, Policy};

use crate::config::RunConfig;
use crate::data::prepared::Prepared;
use crate::error::{Error, Result};
use crate::model;
use crate::model::teacher;

/// Where weights come from, for the header; with the source of what they began as and of their teacher.
///
/// # Errors
/// As [`read_file`]; [`Error::Weights`] for a teacher file without a header.
pub fn provenance(config: &RunConfig, data: &Prepared, step: u64, dev_loss: f64) -> Result<Value> {
    let mut value = json!({
        "trainer": concat!("vap-train ", env!("CARGO_PKG_VERSION")),
        "licence": "Apache-2.0 OR MIT",
        "data": {
            "speech": "simulated dialogues of recorded utterances on AMI conversation timing",
            "licences": data.manifest.licences,
            "utterances": data.manifest.utterances.len(),
        },
        "seed": config.training.seed,
        "steps": step,
        "windows": step * config.training.batch as u64,
        "window_s": config.training.window_s,
        "dev_loss": dev_loss,
    });
    if let Some(path) = &config.training.start_from {
        let start = read_file(path)?.provenance;
        value["start"] = start.get("start").cloned().unwrap_or(start);
    }
    if let Some(path) = &config.training.teacher {
        value["teacher"] = json!(teacher::source(path)?);
    }
    Ok(value)
}

/// Writes a model file from a store.
///
/// # Errors
/// [`Error::Core`] when a weight does not fit the storage, [`Error::Io`].
pub fn write(
    path: &Path,
    config: &RunConfig,
    statistics: &FeatureStatistics,
    store: &VarStore,
    provenance: Value,
    storage: Storage,
) -> Result<()> {
    let file = ModelFile {
        config: config.model.clone(),
        statistics: statistics.clone(),
        policy: Policy::default(),
        calibration: None,
        provenance,
        weights: model::weights(store)?,
    };
    write_file(path, &file, storage)
}

/// Writes a model file.
///
/// # Errors
/// [`Error::Core`] when a weight does not fit the storage, [`Error::Io`].
pub fn write_file(path: &Path, file: &ModelFile, storage: Storage) -> Result<()> {
    let bytes = file.to_bytes(storage)?;
    let part = path.with_extension("part");
    std::fs::write(&part, bytes).map_err(Error::io(&part))?;
    std::fs::rename(&part, path).map_err(Error::io(path))
}

/// Reads a model file.
///
/// # Errors
/// [`Error::Io`], [`Error::Core`].
pub fn read_file(path: &Path) -> Result<ModelFile> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    Ok(ModelFile::from_bytes(&bytes)?)
}

/// A storage by its name on the command line.
///
/// # Errors
/// What was expected and found.
pub fn storage(name: &str) -> Result<Storage, String> {
    match name {
        "f32" => Ok(Storage::F32),
        "f16" => Ok(Storage::F16),
        "int8" => Ok(Storage::I8),
        _ => Err(format!("expected f32, f16 or int8, found {name}")),
    }
}

/// Reads a JSON file such as `evaluate` writes.
///
/// # Errors
/// [`Error::Io`], [`Error::Data`] naming the file and what it lacks.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::Data(format!("{}: {e}", path.display())))
}

/// Parameter counts, in words.
pub fn describe(config: &ModelConfig) -> String {
    let count = vap_core::params::count(config);
    format!("{}: {count} parameters, {:.1} MB in f16", config.name, count as f64 * 2.0 / 1e6)
}
