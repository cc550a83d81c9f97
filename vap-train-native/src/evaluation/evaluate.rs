//! Recordings with known activity through the models: a report, and what the first model and the truth say in
//! TurnBench's terms.

use vap_core::FRAME_HZ;

use super::metrics::reliability;
use super::recordings::{Recording, SEED, baselines};
use super::report::{Curves, HeadReliability, Report};
use super::scores::Candidate;
use super::scores::rows::rows;
use super::scores::scene::Scene;
use super::scores::scored::{self, Scored};
use super::scores::thresholds::Thresholds;
use super::scores::truth::Truth;
use super::scores::{end_of_turn, tune};
use super::turnbench::files::{ConversationPrediction, Gold};
use crate::data::Split;
use crate::error::{Error, Result};
use crate::labels::reference_events::{EventConfig, Events, balance};
use crate::progress;

/// Bins of a reliability curve.
const RELIABILITY_BINS: usize = 10;

/// A report, and what the first model and the truth say in TurnBench's terms.
pub struct Evaluation {
    /// The figures.
    pub report: Report,
    /// Times at which the first model's event machine fired.
    pub predictions: Vec<ConversationPrediction>,
    /// The labels they are scored against.
    pub gold: Gold,
}

/// Scores `candidates` on `recordings`.
///
/// # Errors
/// [`Error::Data`] naming a recording that is too short or uneven, or when there is nothing to score; and what the
/// recordings themselves fail with.
pub fn evaluate(
    candidates: &[Candidate],
    recordings: impl IntoIterator<Item = Result<Recording>>,
    split: &str,
    condition: &str,
) -> Result<Evaluation> {
    evaluate_rows(candidates, recordings, split, condition, None)
}

/// As [`evaluate`]; with `only`, no more than these rows, and no curves.
pub(super) fn evaluate_rows(
    candidates: &[Candidate],
    recordings: impl IntoIterator<Item = Result<Recording>>,
    split: &str,
    condition: &str,
    only: Option<&[&str]>,
) -> Result<Evaluation> {
    let Some(first) = candidates.first() else { return Err(Error::Data("no model to score".into())) };
    let config = event_config();
    let (truths, mut scored) = hear(candidates, recordings, &config, condition)?;
    let whole = only.is_none();
    let tuned = whole && split == Split::Dev.name();
    let tuned = tuned.then(|| tune::tune(&mut scored[0], first.policy)).transpose()?;
    let thresholds: Vec<Thresholds> = candidates.iter().map(|c| c.thresholds).collect();
    let scene = Scene { truths: &truths, models: &scored, thresholds: &thresholds, config: &config };
    let baselines = baselines::NAMES.map(String::from);
    let frames: usize = truths.iter().map(|t| t.activity.frames()).sum();
    let report = Report {
        split: split.into(),
        condition: condition.into(),
        dialogues: truths.len(),
        seconds: frames as f64 / FRAME_HZ as f64,
        columns: candidates.iter().map(|c| c.name.clone()).chain(baselines).collect(),
        policies: candidates.iter().map(|c| c.policy).collect(),
        tuned,
        rows: rows(&scene, only),
        reliability: if whole { heads(candidates, &scored) } else { Vec::new() },
        curves: if whole { curves(&scene) } else { Curves::default() },
        thresholds,
    };
    if report.rows.iter().all(|row| row.scores.iter().all(Option::is_none)) {
        return Err(Error::Data("no dialogue had anything to score".into()));
    }
    let predictions: Vec<_> = scored[0].iter().map(|s| s.prediction.clone()).collect();
    let names = predictions.iter().map(|p| p.conversation_id.clone());
    let gold = Gold { conversations: names.zip(truths.into_iter().map(|t| t.labels)).collect() };
    Ok(Evaluation { report, predictions, gold })
}

/// Takes the thresholds of the weighted F1 from `recordings`, which are not to be the ones that are scored.
///
/// # Errors
/// As [`evaluate`].
pub fn tune_thresholds(
    candidates: &mut [Candidate],
    recordings: impl IntoIterator<Item = Result<Recording>>,
) -> Result<()> {
    let config = event_config();
    let (truths, scored) = hear(candidates, recordings, &config, "thresholds")?;
    for (candidate, scored) in candidates.iter_mut().zip(&scored) {
        candidate.thresholds = tune::thresholds(&truths, scored, &config);
    }
    Ok(())
}

fn curves(scene: &Scene) -> Curves {
    Curves { cutoffs: end_of_turn::cutoff_curves(scene), auc: end_of_turn::auc_curves(scene) }
}

fn event_config() -> EventConfig {
    // Inoue et al. 2024: all holds count.
    EventConfig { max_time_s: None, equal_hold_shift: false, ..EventConfig::default() }
}

/// What is known and what each model says, `([dialogue], [model][dialogue])`; at least one dialogue.
fn hear(
    candidates: &[Candidate],
    recordings: impl IntoIterator<Item = Result<Recording>>,
    config: &EventConfig,
    condition: &str,
) -> Result<(Vec<Truth>, Vec<Vec<Scored>>)> {
    let recordings = recordings.into_iter();
    let bar = progress::bar(recordings.size_hint().0 as u64, condition.to_owned());
    let mut truths = Vec::new();
    let mut scored: Vec<Vec<Scored>> = candidates.iter().map(|_| Vec::new()).collect();
    for recording in recordings {
        let recording = recording?;
        let named = |message: String| Error::Data(format!("{}: {message}", recording.name));
        recording.activity.validate().map_err(|e| named(e.to_string()))?;
        if recording.frames() == 0 {
            return Err(named("expected at least one hop of sound with activity, found none".into()));
        }
        let truth = Truth::of(&recording, config)?;
        for (candidate, scored) in candidates.iter().zip(&mut scored) {
            let output = scored::hear(&recording, candidate)?;
            scored.push(scored::score(&recording.name, &truth, output, candidate.policy, &candidate.solved)?);
        }
        truths.push(truth);
        bar.inc(1);
    }
    bar.finish();
    if truths.is_empty() {
        return Err(Error::Data("no dialogue to score".into()));
    }
    let mut found: Vec<Events> = truths.iter_mut().map(|t| std::mem::take(&mut t.events)).collect();
    balance(&mut found, config, SEED)?;
    truths.iter_mut().zip(found).for_each(|(truth, events)| truth.events = events);
    Ok((truths, scored))
}

fn heads(candidates: &[Candidate], scored: &[Vec<Scored>]) -> Vec<HeadReliability> {
    type Head = fn(&Scored) -> &[(f32, bool)];
    let heads: [(&str, Head); 3] =
        [("eot", |s| &s.eot), ("vad", |s| &s.vad), ("backchannel", |s| &s.backchannel)];
    let mut out = Vec::new();
    for (candidate, scored) in candidates.iter().zip(scored) {
        for (head, pairs) in heads {
            let all: Vec<(f32, bool)> = scored.iter().flat_map(pairs).copied().collect();
            let found = reliability(&all, RELIABILITY_BINS);
            out.extend(found.map(|curve| HeadReliability {
                model: candidate.name.clone(),
                head: head.into(),
                curve,
            }));
        }
    }
    out
}

#[cfg(test)]
mod tests;
