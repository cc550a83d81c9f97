//! What a run file says: model, training, loss weights, simulation. Unknown keys are refused; the resolved config is
//! saved before the first step.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vap_core::config::ModelConfig;

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
            weight_decay: 1e-2,
            warm_up_steps: 100,
            clip_norm: 1.0,
            dropout: 0.05,
            ema_decay: 0.998,
            start_from: None,
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
            eot_silence: 4.0,
            backchannel_positive: 3.0,
        }
    }
}

/// How dialogues are made. Shares are chances a dialogue, levels are RMS over speech.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulationConfig {
    /// Lowest and highest speech level of a voice, in dB below full scale.
    pub level_db: [f32; 2],
    /// Level of the room tone under everything, in dB below full scale.
    #[serde(alias = "bed_db")]
    pub room_tone_db: [f32; 2],
    /// Share of channels whose room tone is digital silence.
    #[serde(alias = "silent_bed")]
    pub silent_room_tone: f64,
    /// Share of channels with recorded noise.
    pub noise: f64,
    /// Signal-to-noise ratio of recorded noise, in dB.
    pub noise_snr_db: [f32; 2],
    /// Share of channels in a room.
    pub room: f64,
    /// Share of dialogues over an 8 kHz G.711 telephone line.
    pub telephone: f64,
    /// Share of channels with a coloured microphone.
    pub tilt: f64,
    /// Share of dialogues in which a channel clips.
    pub clipping: f64,
    /// Share of dialogues that lose 0.2 to 5 % of their packets.
    pub packet_loss: f64,
    /// Share of dialogues with one channel absent (digital silence).
    pub muted: f64,
    /// Share of dialogues in which one channel is heard in the other.
    #[serde(alias = "leak")]
    pub crosstalk: f64,
    /// Level of the crosstalk, in dB.
    #[serde(alias = "leak_db")]
    pub crosstalk_db: [f32; 2],
    /// Longest delay of the crosstalk, in ms.
    #[serde(alias = "leak_delay_ms")]
    pub crosstalk_delay_ms: f32,
    /// Share of read turns that begin at an inner phrase, so that turns are as short as real ones.
    pub phrase_start: f64,
    /// Share of inner pauses that take their length from the annotations instead of the recording.
    pub annotated_pauses: f64,
    /// Share of the other inner pauses that are as long as gaps between speakers, so that the length of a silence
    /// does not tell a pause from an end.
    pub matched_pauses: f64,
    /// Lowest and highest speed of a voice against its recording.
    pub speed: [f32; 2],
    /// Share of dialogues of a person with an agent; the others are between two people.
    pub agent_style: f64,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        SimulationConfig {
            level_db: [-36.0, -18.0],
            room_tone_db: [-85.0, -52.0],
            silent_room_tone: 0.2,
            noise: 0.3,
            noise_snr_db: [5.0, 25.0],
            room: 0.3,
            telephone: 0.35,
            tilt: 0.3,
            clipping: 0.05,
            packet_loss: 0.1,
            muted: 0.1,
            crosstalk: 0.15,
            crosstalk_db: [-40.0, -15.0],
            crosstalk_delay_ms: 400.0,
            phrase_start: 0.7,
            annotated_pauses: 0.15,
            matched_pauses: 0.8,
            speed: [0.9, 1.1],
            agent_style: 0.35,
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
        let (s, l) = (&self.simulation, &self.loss);
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
            ((0.0..1.0).contains(&t.weight_decay), "training.weight_decay", "0 to 1", t.weight_decay),
            (t.clip_norm > 0.0, "training.clip_norm", "above 0", t.clip_norm),
            ((0.0..0.9).contains(&t.dropout), "training.dropout", "0 to 0.9", t.dropout),
            (t.evaluate_every > 0, "training.evaluate_every", "above 0", t.evaluate_every as f64),
            (t.checkpoint_every > 0, "training.checkpoint_every", "above 0", t.checkpoint_every as f64),
            (t.workers <= 64, "training.workers", "0 to 64", t.workers as f64),
            (t.dev_windows > 0, "training.dev_windows", "above 0", t.dev_windows as f64),
            (
                (0.0..=2000.0).contains(&s.crosstalk_delay_ms),
                "simulation.crosstalk_delay_ms",
                "0 to 2000",
                s.crosstalk_delay_ms.into(),
            ),
        ];
        let share = |key, value: f64| ((0.0..=1.0).contains(&value), key, "0 to 1", value);
        let weight = |key, value: f64| ((0.0..=1000.0).contains(&value), key, "0 to 1000", value);
        let shares = [
            share("simulation.silent_room_tone", s.silent_room_tone),
            share("simulation.noise", s.noise),
            share("simulation.room", s.room),
            share("simulation.telephone", s.telephone),
            share("simulation.muted", s.muted),
            share("simulation.crosstalk", s.crosstalk),
            share("simulation.phrase_start", s.phrase_start),
            share("simulation.annotated_pauses", s.annotated_pauses),
            share("simulation.matched_pauses", s.matched_pauses),
            share("simulation.agent_style", s.agent_style),
            share("simulation.tilt", s.tilt),
            share("simulation.clipping", s.clipping),
            share("simulation.packet_loss", s.packet_loss),
            share("training.ema_decay", t.ema_decay),
            share("training.real_share", t.real_share),
            weight("loss.projection", l.projection),
            weight("loss.eot", l.eot),
            weight("loss.backchannel", l.backchannel),
            weight("loss.vad", l.vad),
            weight("loss.overlap", l.overlap),
            weight("loss.eot_silence", l.eot_silence),
            weight("loss.backchannel_positive", l.backchannel_positive),
        ];
        for (good, key, expected, found) in rules.into_iter().chain(shares) {
            if !good {
                return Err(format!("{key}: expected {expected}, found {found}"));
            }
        }
        let ranges = [
            ("simulation.level_db", s.level_db),
            ("simulation.room_tone_db", s.room_tone_db),
            ("simulation.noise_snr_db", s.noise_snr_db),
            ("simulation.crosstalk_db", s.crosstalk_db),
        ];
        let [slowest, fastest] = s.speed;
        if !(slowest >= 0.5 && slowest <= fastest && fastest <= 2.0) {
            return Err(format!(
                "simulation.speed: expected [slowest, fastest] from 0.5 to 2, found {:?}",
                s.speed
            ));
        }
        match ranges
            .into_iter()
            .find(|(_, [low, high])| !(low.is_finite() && high.is_finite() && low <= high))
        {
            Some((key, found)) => Err(format!("{key}: expected [low, high] in dB, found {found:?}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: &str = include_str!("../../configs/light.toml");

    #[test]
    fn resolved_config_reads_back() {
        let config = RunConfig::from_toml(LIGHT).unwrap();
        assert_eq!(RunConfig::from_toml(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn former_names_of_options_are_read() {
        let former = "bed_db = [-80.0, -50.0]\nsilent_bed = 0.5\nleak = 0.25\nleak_db = [-30.0, -10.0]\nleak_delay_ms = 7.0";
        let text = LIGHT.replacen("[training]", &format!("[simulation]\n{former}\n[training]"), 1);
        let s = RunConfig::from_toml(&text).unwrap().simulation;
        assert_eq!((s.room_tone_db, s.silent_room_tone), ([-80.0, -50.0], 0.5));
        assert_eq!((s.crosstalk, s.crosstalk_db, s.crosstalk_delay_ms), (0.25, [-30.0, -10.0], 7.0));
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
        ];
        for (from, to, word) in cases {
            assert!(LIGHT.contains(from), "{from}");
            let error = RunConfig::from_toml(&LIGHT.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
