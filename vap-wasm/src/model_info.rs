//! What travels with the weights and is the same whatever computes them.

use vap_core::features::FeatureStatistics;
use vap_core::model_file::{ModelFile, ModelView};
use vap_core::{Calibration, ModelConfig, Policy, params};

/// Everything in a model file but the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// Sizes.
    pub config: ModelConfig,
    /// Fixed mean and deviation of the features.
    pub statistics: FeatureStatistics,
    /// Thresholds that came with the weights.
    pub policy: Policy,
    /// Operating points that came with the weights, if any.
    pub calibration: Option<Calibration>,
    /// Where the weights come from.
    pub provenance: serde_json::Value,
}

impl ModelInfo {
    /// Number of trained values.
    pub fn parameters(&self) -> usize {
        params::count(&self.config)
    }
}

impl From<&ModelView<'_>> for ModelInfo {
    fn from(view: &ModelView) -> Self {
        ModelInfo {
            config: view.config.clone(),
            statistics: view.statistics.clone(),
            policy: view.policy,
            calibration: view.calibration.clone(),
            provenance: view.provenance.clone(),
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
        }
    }
}
