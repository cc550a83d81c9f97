//! What travels with the weights and is the same whatever computes them.

use serde::Serialize;
use vap_core::features::FeatureStatistics;
use vap_core::model_file::{ModelFile, ModelView};
use vap_core::{Calibration, ModelConfig, Policy, params};

/// What is known about a model: everything in its file but the weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
pub struct ModelInfo {
    /// Sizes of the net.
    #[cfg_attr(feature = "contract", ts(type = "Record<string, unknown>"))]
    pub config: ModelConfig,
    /// Fixed mean and deviation of the features.
    #[serde(skip)]
    pub statistics: FeatureStatistics,
    /// Thresholds that travel with the weights.
    pub policy: Policy,
    /// What can be asked of it; null for a model file that does not know.
    pub calibration: Option<Calibration>,
    /// Data, licences, commit, seed and metrics of the training.
    #[cfg_attr(feature = "contract", ts(type = "unknown"))]
    pub provenance: serde_json::Value,
    /// Number of weights.
    pub parameters: usize,
}

impl From<&ModelView<'_>> for ModelInfo {
    fn from(view: &ModelView) -> Self {
        ModelInfo {
            config: view.config.clone(),
            statistics: view.statistics.clone(),
            policy: view.policy,
            calibration: view.calibration.clone(),
            provenance: view.provenance.clone(),
            parameters: params::count(&view.config),
        }
    }
}

impl From<&ModelFile> for ModelInfo {
    fn from(file: &ModelFile) -> Self {
        ModelInfo {
            config: file.config.clone(),
            statistics: file.statistics.clone(),
            policy: file.policy,
            calibration: file.calibration.clone(),
            provenance: file.provenance.clone(),
            parameters: params::count(&file.config),
        }
    }
}
