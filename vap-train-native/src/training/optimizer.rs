//! AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) whose state can be saved and restored to the bit, which
//! libtorch's own optimiser does not offer through tch.

use std::collections::BTreeMap;

use tch::Tensor;
use tch::nn::VarStore;

use crate::config::TrainingConfig;

const BETAS: [f64; 2] = [0.9, 0.98];
const EPSILON: f64 = 1e-8;

/// Whether a weight is one that a pretrained encoder brings: all but what stands for its positions; a
/// teacher's head with it.
fn is_imported(name: &str) -> bool {
    let imported = name.starts_with("encoder.") || name.starts_with("readout.");
    imported && !name.ends_with("distance_bias") && name != "encoder.position"
}

/// Optimiser over all variables of a store.
pub struct AdamW {
    slots: BTreeMap<String, Slot>,
    weight_decay: f64,
}

struct Slot {
    variable: Tensor,
    /// Factor of the learning rate.
    rate: f64,
    mean: Tensor,
    square: Tensor,
}

impl AdamW {
    /// Fresh optimiser.
    pub fn new(store: &VarStore, config: &TrainingConfig) -> AdamW {
        let slot = |(name, variable): (String, Tensor)| {
            let (mean, square) = (variable.zeros_like(), variable.zeros_like());
            let rate = if is_imported(&name) { config.encoder_rate } else { 1.0 };
            (name, Slot { variable, rate, mean, square })
        };
        AdamW { slots: store.variables().into_iter().map(slot).collect(), weight_decay: config.weight_decay }
    }

    /// All variables with their means and mean squares: what an update works on.
    pub fn tensors(&self) -> Vec<Tensor> {
        let three = |slot: &Slot| [&slot.variable, &slot.mean, &slot.square].map(Tensor::shallow_clone);
        self.slots.values().flat_map(three).collect()
    }

    /// Gradients of all variables, in the order of their names.
    pub fn gradients(&self) -> Vec<Tensor> {
        self.slots.values().map(|slot| slot.variable.grad()).collect()
    }

    /// Scales all gradients down to a total norm of `clip_norm` and returns the norm before.
    pub fn clip(&self, clip_norm: f64) -> f64 {
        tch::no_grad(|| {
            let squares: Vec<Tensor> =
                self.slots.values().map(|s| s.variable.grad().square().sum(None)).collect();
            let norm = Tensor::stack(&squares, 0).sum(None).sqrt().double_value(&[]);
            if norm > clip_norm {
                for slot in self.slots.values() {
                    let _ = slot.variable.grad().g_mul_scalar_(clip_norm / norm);
                }
            }
            norm
        })
    }

    /// One update from the gradients, which are then cleared. `step` counts from 0.
    pub fn step(&mut self, step: u64, learning_rate: f64) {
        tch::no_grad(|| {
            let correction = BETAS.map(|b| 1.0 - b.powi(step as i32 + 1));
            for slot in self.slots.values_mut() {
                let learning_rate = learning_rate * slot.rate;
                let mut gradient = slot.variable.grad();
                let _ = slot.mean.g_mul_scalar_(BETAS[0]).g_add_(&(&gradient * (1.0 - BETAS[0])));
                let _ = slot.square.g_mul_scalar_(BETAS[1]).g_add_(&(gradient.square() * (1.0 - BETAS[1])));
                // Norms and biases are not decayed.
                if slot.variable.dim() > 1 {
                    let _ = slot.variable.g_mul_scalar_(1.0 - learning_rate * self.weight_decay);
                }
                let scale = (&slot.square / correction[1]).sqrt() + EPSILON;
                let _ = slot.variable.g_sub_(&(&slot.mean / scale * (learning_rate / correction[0])));
                let _ = gradient.zero_();
            }
        });
    }

    /// Mean and mean square of every variable's gradient, named `mean.NAME` and `square.NAME`.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let both = |(name, slot): (&String, &Slot)| {
            [
                (format!("mean.{name}"), slot.mean.shallow_clone()),
                (format!("square.{name}"), slot.square.shallow_clone()),
            ]
        };
        self.slots.iter().flat_map(both).collect()
    }

    /// Restores what [`AdamW::state`] gave; the name of the first tensor that is missing otherwise.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>) -> std::result::Result<(), String> {
        for (name, slot) in &mut self.slots {
            for (kind, tensor) in [("mean", &mut slot.mean), ("square", &mut slot.square)] {
                let key = format!("{kind}.{name}");
                let saved = state.get(&key).filter(|s| s.size() == tensor.size()).ok_or(key)?;
                tensor.copy_(saved);
            }
        }
        Ok(())
    }
}

/// Learning rate at a step: linear warm-up, then half a cosine down to 1 % of the highest.
pub fn learning_rate(config: &TrainingConfig, step: u64) -> f64 {
    let (step, warm, all) = (step as f64, config.warm_up_steps as f64, config.steps as f64);
    if step < warm {
        return config.learning_rate * (step + 1.0) / warm;
    }
    let done = ((step - warm) / (all - warm).max(1.0)).min(1.0);
    config.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()))
}
