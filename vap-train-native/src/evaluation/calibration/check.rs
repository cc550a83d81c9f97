//! What was asked of the calibration in the model file, and what its event machine then does: on dialogues that the
//! calibration never saw, beside the silence timeout chosen for the same ask in the same way.

use vap_core::{Ask, Calibration, Policy};

use super::calibrate::{Heard, dialogue_counts, timeout_policy};
use crate::error::Result;
use crate::evaluation::metrics::SilenceCounts;
use crate::evaluation::metrics::table::{Figure, Table};

const ASKS: [Ask; 5] = [
    Ask::MaxFalseCutoff(0.05),
    Ask::MaxFalseCutoff(0.1),
    Ask::MaxFalseCutoff(0.2),
    Ask::MeanLatencyMs(500.0),
    Ask::MeanLatencyMs(1000.0),
];

/// Policies that answer [`ASKS`]; none where the calibration cannot promise it.
pub struct Solved {
    model: [Option<Policy>; ASKS.len()],
    timeout: [Option<Policy>; ASKS.len()],
}

/// What those policies do in one dialogue.
pub struct Answered {
    model: [Option<SilenceCounts>; ASKS.len()],
    timeout: [Option<SilenceCounts>; ASKS.len()],
}

impl Solved {
    /// Solves every ask; other options as in `base`.
    pub fn new(base: &Policy, calibration: Option<&Calibration>) -> Solved {
        Solved {
            model: ASKS.map(|ask| Some(calibration?.solve(base, ask).ok()?.policy)),
            timeout: ASKS.map(|ask| {
                let point = calibration?.solve_silence(ask).ok()?;
                Some(timeout_policy(base, point.timeout_ms))
            }),
        }
    }

    /// Runs every policy on a dialogue.
    pub fn answer(&self, heard: &[Heard]) -> Result<Answered> {
        let mut answered = Answered { model: [None; ASKS.len()], timeout: [None; ASKS.len()] };
        for at in 0..ASKS.len() {
            let counts = |policy: Option<Policy>| policy.map(|p| dialogue_counts(heard, p)).transpose();
            answered.model[at] = counts(self.model[at])?;
            answered.timeout[at] = counts(self.timeout[at])?;
        }
        Ok(answered)
    }
}

/// Adds two rows an ask, cut-offs and latency: a column a model, then the timeout of the first model's calibration as
/// the first of `baselines`.
pub fn add(table: &mut Table, answered: &[Vec<&Answered>], baselines: usize) {
    for (at, ask) in ASKS.iter().enumerate() {
        let model = |a: &Answered| a.model[at];
        let timeout = |a: &Answered| a.timeout[at];
        let columns = |part: fn(&SilenceCounts) -> (f64, u32)| -> Vec<Option<Figure<'static>>> {
            let models = answered.iter().map(|each| ratio(each, model, part));
            let first = answered.first().and_then(|each| ratio(each, timeout, part));
            models.chain([first]).chain((1..baselines).map(|_| None)).collect()
        };
        let asked = match ask {
            Ask::MaxFalseCutoff(most) => format!("asked for at most {} % false cut-offs", most * 100.0),
            Ask::MeanLatencyMs(most) => format!("asked for at most {most} ms mean latency"),
            Ask::Preset(preset) => format!("asked for the preset {}", preset.name()),
        };
        let cutoffs = columns(|c| (f64::from(c.cut), c.pauses));
        if cutoffs.iter().all(Option::is_none) {
            continue;
        }
        let over = "event machine, policy solved from the model file";
        table.add(format!("{asked}: false cut-offs got"), over, &cutoffs);
        table.add(format!("{asked}: mean latency got, s"), over, &columns(|c| (c.latency_s, c.ends)));
    }
}

/// A ratio of sums over the dialogues of a draw.
fn ratio(
    each: &[&Answered],
    counts: impl Fn(&Answered) -> Option<SilenceCounts>,
    part: fn(&SilenceCounts) -> (f64, u32),
) -> Option<Figure<'static>> {
    let parts = each.iter().map(|a| Some(part(&counts(a)?))).collect::<Option<Vec<_>>>()?;
    Some(Box::new(move |weights| {
        let (mut sum, mut of) = (0.0, 0);
        for ((part, count), times) in parts.iter().zip(weights) {
            sum += part * f64::from(*times);
            of += count * times;
        }
        (of > 0).then(|| sum / f64::from(of))
    }))
}
