//! Held-out scores: two-channel recordings with known activity, simulated of speakers and meetings the model never
//! met or real, through the models, the published event definitions and the shipped event machine. Always beside
//! timeouts on the true silence and on voice activity detectors, always with 95 % bootstrap intervals over dialogues.

mod asked;
mod baselines;
mod calibrate;
mod conditions;
mod end_of_turn;
mod floor;
mod leak;
mod marks;
mod pairs;
mod plots;
mod probe;
mod real;
mod recordings;
mod report;
mod rows;
mod run;
mod scored;
mod spans;
mod table;
mod thresholds;
mod told;
mod truth;
mod tune;
pub mod turnbench;

use serde::{Deserialize, Serialize};
use tch::Device;
use vap_core::labels::Activity;
use vap_core::metrics::{Reliability, reliability};
use vap_core::model_file::ModelFile;
use vap_core::reference_events::{EventConfig, Events, balance};
use vap_core::{Calibration, FRAME_HZ, Frame, HOP_SAMPLES, Policy};

use crate::config::SimulationConfig;
use crate::corpora::Split;
use crate::dataset::dialogue_seed;
use crate::error::{Error, Result};
use crate::model::LoadedModel;
use crate::progress;
use crate::simulate::Simulator;
pub use leak::{LeakSize, leak};
pub use pairs::pairs;
pub use real::{RealReport, real};
pub use report::{markdown, real_markdown, table};
use rows::Scene;
#[cfg(test)]
pub(crate) use run::write;
pub use run::{Options, run, score_predictions};
use scored::Scored;
pub use table::{Row, Score};
pub use thresholds::Thresholds;
use truth::Truth;
use turnbench::{ConversationPrediction, Gold};

const SEED: u64 = 0x7E57;
/// Bins of a reliability curve.
const RELIABILITY_BINS: usize = 10;

/// A conversation whose activity is known.
pub struct Recording {
    /// What errors call it.
    pub name: String,
    /// Sound of both channels at 16 kHz, `[user, agent]`.
    pub audio: [Vec<f32>; 2],
    /// Who speaks in each frame. May be longer than the sound: then the future of its last frames is known.
    pub activity: Activity,
}

impl Recording {
    /// Frames that have both sound and activity.
    pub fn frames(&self) -> usize {
        let samples = self.audio[0].len().min(self.audio[1].len());
        (samples / HOP_SAMPLES).min(self.activity.frames())
    }
}

/// A model to be scored.
pub struct Candidate {
    /// What its column is called.
    pub name: String,
    /// Policy of its event machine.
    pub policy: Policy,
    /// Thresholds of its weighted F1.
    pub thresholds: Thresholds,
    solved: asked::Solved,
    model: LoadedModel,
}

impl Candidate {
    /// The model of a file, on the CPU.
    ///
    /// # Errors
    /// [`Error::Weights`] when names or shapes differ.
    pub fn new(name: &str, file: &ModelFile) -> Result<Candidate> {
        let model = LoadedModel::from_file(file, Device::Cpu)?;
        let solved = asked::Solved::new(&file.policy, file.calibration.as_ref());
        let thresholds = Thresholds::default();
        Ok(Candidate { name: name.into(), policy: file.policy, thresholds, solved, model })
    }

    /// Frames of both channels' sound at 16 kHz, as many as both have whole hops.
    ///
    /// # Errors
    /// [`Error::Data`] for less than a hop, [`Error::Torch`].
    pub fn frames(&self, audio: [&[f32]; 2]) -> Result<Vec<Frame>> {
        self.model.frames(audio)
    }
}

/// Scores of models under one condition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// `dev` or `test`, or what else was scored.
    pub split: String,
    /// `clean`, `as trained`, ...
    pub condition: String,
    /// Dialogues scored.
    pub dialogues: usize,
    /// Length of all of them, in seconds.
    pub seconds: f64,
    /// Heads of the columns: the models, then the baselines.
    pub columns: Vec<String>,
    /// Policy of each model's event machine.
    pub policies: Vec<Policy>,
    /// Thresholds of each model's weighted F1.
    pub thresholds: Vec<Thresholds>,
    /// Thresholds that these dialogues suggest for the first model; on dev only.
    #[serde(skip)]
    pub tuned: Option<Tuned>,
    /// All figures.
    pub rows: Vec<Row>,
    /// Reliability of the models' heads.
    pub reliability: Vec<HeadReliability>,
    /// Lines of the pictures.
    pub curves: Curves,
}

/// What a model file is exported with.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// At most 10 % false cut-offs, where the dialogues can tell.
    pub policy: Policy,
    /// What else can be asked for, or why the dialogues cannot tell.
    pub calibration: Result<Calibration, String>,
}

/// Reliability of one head of one model, over frames.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeadReliability {
    /// Which model.
    pub model: String,
    /// `eot`, `vad` or `backchannel`.
    pub head: String,
    /// The curve.
    pub curve: Reliability,
}

/// Lines of the pictures, one a column of the report.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Curves {
    /// Lowest false cut-offs, `[column][point][mean latency in s, %]`.
    pub cutoffs: Vec<Vec<[f64; 2]>>,
    /// AUC of ends against pauses still open, `[column][point][ms, AUC]`.
    pub auc: Vec<Vec<[f64; 2]>>,
}

impl Curves {
    fn of(scene: &Scene) -> Curves {
        Curves { cutoffs: end_of_turn::cutoff_curves(scene), auc: end_of_turn::auc_curves(scene) }
    }
}

/// A report, and what the first model and the truth say in TurnBench's terms.
pub struct Evaluation {
    /// The figures.
    pub report: Report,
    /// Times at which the first model's event machine fired.
    pub predictions: Vec<ConversationPrediction>,
    /// The labels they are scored against.
    pub gold: Gold,
}

/// Sound without degradation: what the clean condition hears.
pub fn clean(config: &SimulationConfig) -> SimulationConfig {
    SimulationConfig {
        noise: 0.0,
        room: 0.0,
        telephone: 0.0,
        muted: 0.0,
        leak: 0.0,
        tilt: 0.0,
        clipping: 0.0,
        packet_loss: 0.0,
        ..config.clone()
    }
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
fn evaluate_rows(
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
        rows: rows::rows(&scene, only),
        reliability: if whole { heads(candidates, &scored) } else { Vec::new() },
        curves: if whole { Curves::of(&scene) } else { Curves::default() },
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
        candidate.thresholds = Thresholds::tuned(&truths, scored, &config);
    }
    Ok(())
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
