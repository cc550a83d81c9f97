//! A person and a spoken agent: commands, spelling and short answers with pauses to think, an agent that reads
//! fluently, waits for its turn and never says "mm-hmm", and a person who now and then talks into its answer, upon
//! which it stops.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Simulator;
use super::timeline::backchannel;
use super::turn::{Speaker, TurnPlan};
use crate::windows::placed::Placed;
use crate::windows::voices::samples;

/// Silence before an agent's answer, in seconds: as long as the pauses in a person's turn, which share it.
const ANSWER_S: [f32; 2] = [0.2, 1.6];
/// Share of the agent's answers that the person talks into.
const BARGE_IN: f64 = 0.15;
/// Time from the person's first sound to the agent's silence, in seconds.
const STOP_S: [f32; 2] = [0.25, 1.0];
/// Share of the agent's answers that the person says "mm-hmm" to.
const LISTENING: f64 = 0.25;

/// Sounds of both channels until `length` samples are filled, the person on either channel.
pub(super) fn timeline(simulator: &Simulator, rng: &mut ChaCha8Rng, length: usize) -> [Vec<Placed>; 2] {
    let [person, agent] = simulator.voices.person_and_agent(rng);
    let mut person = Speaker::new(person, simulator.speed(rng), true);
    let mut agent = Speaker::new(agent, 1.0, false);
    let (mut said, mut answered) = (Vec::new(), Vec::new());
    let mut at = samples(rng.random_range(0.1..1.5));
    let mut agent_first = rng.random_bool(0.5);
    while at < length {
        if !agent_first {
            // Pauses to think are as long as the agent's wait, or a silence would tell who speaks next.
            let thinking = [0; 24].map(|_| rng.random_range(ANSWER_S[0]..ANSWER_S[1]));
            let plan = TurnPlan {
                spoken_s: rng.random_range(0.4f32..6.0),
                start: at,
                pauses_s: &thinking,
                annotated: 1.0,
                matched: simulator.config.matched_pauses,
            };
            at = simulator.turn(rng, &plan, &mut person, &mut said)
                + samples(rng.random_range(ANSWER_S[0]..ANSWER_S[1]));
        }
        agent_first = false;
        // After a short word into its answer the agent may still be on its way to silence.
        at = at.max(answered.last().map_or(0, Placed::end) + samples(ANSWER_S[0]));
        let spoken_s = rng.random_range(1.0f32..8.0);
        let plan = TurnPlan {
            spoken_s,
            start: at,
            pauses_s: &[],
            annotated: 0.0,
            matched: simulator.config.matched_pauses,
        };
        let end = simulator.turn(rng, &plan, &mut agent, &mut answered);
        at = if rng.random_bool(BARGE_IN) {
            let start = at + ((end - at) as f32 * rng.random_range(0.2f32..0.9)) as usize;
            stop(&mut answered, start + samples(rng.random_range(STOP_S[0]..STOP_S[1])));
            start
        } else {
            if rng.random_bool(LISTENING) {
                let spoken = at + ((end - at) as f32 * rng.random_range(0.2f32..0.8)) as usize;
                backchannel(simulator, rng, &person, spoken, &mut said);
            }
            let gap_s = simulator.silent_gap_s(rng);
            let isolated = said.last().filter(|p| p.backchannel).map_or(0, |p| p.end() + samples(1.0));
            (end + samples(gap_s)).max(isolated)
        };
    }
    if rng.random_bool(0.5) { [said, answered] } else { [answered, said] }
}

/// Cuts a track off at a sample; of a sound that has hardly begun nothing is left.
fn stop(track: &mut Vec<Placed>, at: usize) {
    track.retain(|placed| placed.at + samples(0.1) < at);
    if let Some(last) = track.last_mut().filter(|last| last.end() > at) {
        last.cut[1] = last.cut[0] + ((at - last.at) as f32 * last.speed) as u32;
        last.inner.end = true;
    }
}
