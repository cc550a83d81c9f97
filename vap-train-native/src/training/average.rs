//! A moving average of the weights (Polyak and Juditsky 1992): what a run validates and exports.

use std::collections::BTreeMap;

use tch::nn::VarStore;
use tch::{Device, Tensor};
use vap_core::config::ModelConfig;

use crate::model::VapModel;

/// A second model whose weights follow those of the first.
pub struct Average {
    /// The averaged model.
    pub model: VapModel,
    /// Its weights.
    pub store: VarStore,
    decay: f64,
}

impl Average {
    /// Average that begins at the weights of `store`.
    pub fn new(store: &VarStore, config: &ModelConfig, decay: f64, device: Device) -> Average {
        let own = VarStore::new(device);
        let model = VapModel::new(&own.root(), config);
        let average = Average { model, store: own, decay };
        average.follow(store, 0.0);
        average
    }

    /// Moves towards the weights of `store` after step `step`, counted from 0: faster in the first steps, whose
    /// weights are soon out of date.
    pub fn update(&self, store: &VarStore, step: u64) {
        let step = step as f64;
        self.follow(store, self.decay.min((1.0 + step) / (10.0 + step)));
    }

    fn follow(&self, store: &VarStore, decay: f64) {
        let current = store.variables();
        tch::no_grad(|| {
            for (name, mut own) in self.store.variables() {
                if let Some(value) = current.get(&name) {
                    let _ = own.lerp_(value, 1.0 - decay);
                }
            }
        });
    }

    /// The averaged weights, named `average.NAME`.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let named = |(name, v): (String, Tensor)| (format!("average.{name}"), v.detach());
        self.store.variables().into_iter().map(named).collect()
    }

    /// Restores what [`Average::state`] gave; the name of the first tensor that is missing otherwise.
    pub fn restore(&self, state: &BTreeMap<String, Tensor>) -> std::result::Result<(), String> {
        for (name, mut own) in self.store.variables() {
            let key = format!("average.{name}");
            let saved = state.get(&key).filter(|s| s.size() == own.size()).ok_or(key)?;
            tch::no_grad(|| own.copy_(saved));
        }
        Ok(())
    }
}
