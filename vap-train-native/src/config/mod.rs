//! What a run file says: model, training, loss weights, simulation. Unknown keys are refused; the resolved config is
//! saved before the first step.

mod simulation;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vap_core::config::ModelConfig;

pub use self::simulation::SimulationConfig;
use crate::error::{Error, Result};

/// One run: `configs/NAME.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Sizes of the model.
    pub model: ModelConfig,
    /// Steps, batch and optimiser.
    #[serde(default)]
    pub training: TrainingConfig,
    /// Weight of each head's loss.
    #[serde(default)]
    pub loss: LossConfig,
    /// How dialogues are made and what happens to their sound.
    #[serde(default)]
    pub simulation: SimulationConfig,
}

/// Steps, batch and optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Seed of weights, data and dropout.
    pub seed: u64,
    /// Share of windows cut from real two-channel calls; the others are simulated. 1 needs no simulation data.
    pub real_share: f64,
    /// Optimiser steps.
    pub steps: u64,
    /// Windows a step; 0 chooses by the machine.
    pub batch: usize,
    /// Length of a window, in seconds.
    pub window_s: f32,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Factor of the learning rate for the encoder's weights, positions aside: below 1 where they are pretrained.
    pub encoder_rate: f64,
    /// Decoupled weight decay of matrices and kernels.
    pub weight_decay: f64,
    /// Steps of linear warm-up.
    pub warm_up_steps: u64,
    /// Gradients are scaled down to this norm.
    pub clip_norm: f64,
    /// Share of values dropped in training.
    pub dropout: f64,
    /// Decay a step of the moving average of the weights, which is what is validated and exported; 0 for none.
    pub ema_decay: f64,
    /// Model file whose weights and feature statistics the run begins with; fresh weights without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// Teacher file of `vap-train import`: its answers take the place of the end-of-turn targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<PathBuf>,
    /// Questions to the teacher about frames of speech, a window and channel; each silence is asked about beside them.
    pub speech_questions: usize,
    /// Steps between validations on the dev split.
    pub evaluate_every: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Windows of the dev split a validation takes.
    pub dev_windows: usize,
    /// Validations without a better dev loss after which the run ends early; 0 never ends early.
    pub patience: u64,
    /// Threads that make windows; 0 chooses by the machine.
    pub workers: usize,
    /// Precision of matrix products.
    pub precision: Precision,
}

/// Precision of matrix products in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// `mixed` on CUDA, else `single`.
    Auto,
    /// f32.
    Single,
    /// bfloat16 products, f32 sums and weights.
    Mixed,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            seed: 1,
            real_share: 0.0,
            steps: 4_000,
            batch: 0,
            window_s: 12.0,
            learning_rate: 5e-4,
            encoder_rate: 1.0,
            weight_decay: 1e-2,
            warm_up_steps: 100,
            clip_norm: 1.0,
            dropout: 0.05,
            ema_decay: 0.998,
            start_from: None,
            teacher: None,
            speech_questions: 6,
            evaluate_every: 200,
            checkpoint_every: 100,
            dev_windows: 24,
            patience: 0,
            workers: 0,
            precision: Precision::Auto,
        }
    }
}

/// Weight of each head's loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Projection bins.
    pub projection: f64,
    /// End of turn.
    pub eot: f64,
    /// Backchannel.
    pub backchannel: f64,
    /// VAD.
    pub vad: f64,
    /// Overlap.
    pub overlap: f64,
    /// The teacher's own head on the encoder's frames, where there is a teacher.
    pub readout: f64,
    /// What a frame of silence counts in the end-of-turn loss, where a frame of speech counts 1: pauses and ends are
    /// few, and there the question is asked.
    pub eot_silence: f64,
    /// What a frame of a backchannel counts in its loss, where a frame of another sound counts 1.
    pub backchannel_positive: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        LossConfig {
            projection: 1.0,
            eot: 2.0,
            backchannel: 1.5,
            vad: 0.5,
            overlap: 1.0,
            readout: 2.0,
            eot_silence: 4.0,
            backchannel_positive: 3.0,
        }
    }
}

impl RunConfig {
    /// Reads and checks a run file.
    ///
    /// # Errors
    /// [`Error::Io`] without the file, [`Error::RunConfig`] for unknown keys or values out of range.
    pub fn read(path: &Path) -> Result<RunConfig> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        RunConfig::from_toml(&text).map_err(|message| Error::RunConfig { path: path.into(), message })
    }

    /// The config a TOML text says, or what is wrong with it.
    ///
    /// # Errors
    /// A message naming the key, what is allowed and what was found.
    pub fn from_toml(text: &str) -> Result<RunConfig, String> {
        let config: RunConfig = toml::from_str(text).map_err(|e| e.to_string())?;
        config.validate()?;
        Ok(config)
    }

    /// The resolved config as TOML.
    ///
    /// # Errors
    /// [`Error::RunConfig`] if it cannot be written.
    pub fn to_toml(&self) -> Result<String> {
        let failed = |e: toml::ser::Error| Error::RunConfig { path: "".into(), message: e.to_string() };
        toml::to_string(self).map_err(failed)
    }

    fn validate(&self) -> Result<(), String> {
        self.model.validate().map_err(|e| e.to_string())?;
        let t = &self.training;
        let l = &self.loss;
        let rules = [
            (t.steps > 0, "training.steps", "above 0", t.steps as f64),
            (t.batch <= 4096, "training.batch", "0 to 4096", t.batch as f64),
            ((2.0..=120.0).contains(&t.window_s), "training.window_s", "2 to 120", f64::from(t.window_s)),
            (
                t.learning_rate > 0.0 && t.learning_rate < 1.0,
                "training.learning_rate",
                "0 to 1",
                t.learning_rate,
            ),
            ((0.0..=1.0).contains(&t.encoder_rate), "training.encoder_rate", "0 to 1", t.encoder_rate),
            ((0.0..1.0).contains(&t.weight_decay), "training.weight_decay", "0 to 1", t.weight_decay),
            (t.clip_norm > 0.0, "training.clip_norm", "above 0", t.clip_norm),
            ((0.0..0.9).contains(&t.dropout), "training.dropout", "0 to 0.9", t.dropout),
            (t.evaluate_every > 0, "training.evaluate_every", "above 0", t.evaluate_every as f64),
            (t.checkpoint_every > 0, "training.checkpoint_every", "above 0", t.checkpoint_every as f64),
            (t.workers <= 64, "training.workers", "0 to 64", t.workers as f64),
            (t.speech_questions <= 1000, "training.speech_questions", "0 to 1000", t.speech_questions as f64),
            (t.dev_windows > 0, "training.dev_windows", "above 0", t.dev_windows as f64),
        ];
        let share = |key, value: f64| ((0.0..=1.0).contains(&value), key, "0 to 1", value);
        let weight = |key, value: f64| ((0.0..=1000.0).contains(&value), key, "0 to 1000", value);
        let shares = [
            share("training.ema_decay", t.ema_decay),
            share("training.real_share", t.real_share),
            weight("loss.projection", l.projection),
            weight("loss.eot", l.eot),
            weight("loss.backchannel", l.backchannel),
            weight("loss.vad", l.vad),
            weight("loss.overlap", l.overlap),
            weight("loss.readout", l.readout),
            weight("loss.eot_silence", l.eot_silence),
            weight("loss.backchannel_positive", l.backchannel_positive),
        ];
        for (good, key, expected, found) in rules.into_iter().chain(shares) {
            if !good {
                return Err(format!("{key}: expected {expected}, found {found}"));
            }
        }
        self.simulation.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: &str = include_str!("../../../configs/light.toml");

    #[test]
    fn resolved_config_reads_back() {
        let config = RunConfig::from_toml(LIGHT).unwrap();
        assert_eq!(RunConfig::from_toml(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("dim = 192", "dims = 192", "dims"),
            ("heads = 4", "heads = 5", "heads"),
            ("[training]", "[trainings]", "trainings"),
            ("steps = 20000", "steps = 20000\nbatch = 5000", "training.batch"),
            ("[training]", "[simulation]\nnoise = 1.5\n[training]", "simulation.noise"),
            ("[training]", "[simulation]\nroom_tone_db = [1.0, 0.0]\n[training]", "simulation.room_tone_db"),
            ("[training]", "[simulation]\nlull_s = [9.0, 3.0]\n[training]", "simulation.lull_s"),
            ("[training]", "[simulation]\nquiet = -0.1\n[training]", "simulation.quiet"),
        ];
        for (from, to, word) in cases {
            assert!(LIGHT.contains(from), "{from}");
            let error = RunConfig::from_toml(&LIGHT.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
