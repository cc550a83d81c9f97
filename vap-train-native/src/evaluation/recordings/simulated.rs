//! Simulated dialogues to score on: always the same ones.

use super::recording::Recording;
use crate::config::SimulationConfig;
use crate::error::Result;
use crate::windows::dataset::dialogue_seed;
use crate::windows::simulation::Simulator;

/// Seed of everything that is drawn for a score.
pub(crate) const SEED: u64 = 0x7E57;

/// Sound without degradation: what the clean condition hears.
pub fn clean(config: &SimulationConfig) -> SimulationConfig {
    config.clean()
}

/// The test dialogues of a simulator, `seconds` long each; the same ones whatever the degradation.
pub fn simulated<'a>(
    simulator: &'a Simulator,
    count: u64,
    seconds: f32,
) -> impl Iterator<Item = Result<Recording>> + 'a {
    (0..count).map(move |i| {
        let dialogue = simulator.dialogue(dialogue_seed(SEED, i), seconds);
        Ok(Recording { name: format!("dialogue {i}"), audio: dialogue.audio, activity: dialogue.activity })
    })
}
