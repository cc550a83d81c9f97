//! Held-out scores: two-channel recordings with known activity, simulated of speakers and meetings the model never
//! met or real, through the model, the published event definitions and the shipped event machine. Always beside the
//! silence timeout, always with 95 % bootstrap intervals over dialogues.

mod asked;
mod calibrate;
mod end_of_turn;
mod leak;
mod pairs;
mod probe;
mod real;
mod recordings;
mod report;
mod rows;
mod scored;
mod spans;
mod table;
mod told;
mod tune;

use serde::{Deserialize, Serialize};
use tch::Device;
use vap_core::labels::Activity;
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
use scored::Scored;
pub use table::{Figure, Row, Score, Table, at_threshold, ranked};

const SEED: u64 = 0x7E57;

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
        Ok(Candidate { name: name.into(), policy: file.policy, solved, model })
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
    /// Thresholds that these dialogues suggest for the first model; on dev only.
    #[serde(skip)]
    pub tuned: Option<Tuned>,
    /// All figures.
    pub rows: Vec<Row>,
}

/// What a model file is exported with.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// At most 10 % false cut-offs.
    pub policy: Policy,
    /// What else can be asked for.
    pub calibration: Calibration,
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
) -> Result<Report> {
    let Some(first) = candidates.first() else { return Err(Error::Data("no model to score".into())) };
    let recordings = recordings.into_iter();
    let bar = progress::bar(recordings.size_hint().0 as u64, condition.to_owned());
    // Inoue et al. 2024: all holds count.
    let config = EventConfig { max_time_s: None, equal_hold_shift: false, ..EventConfig::default() };
    let mut scored: Vec<Vec<Scored>> = candidates.iter().map(|_| Vec::new()).collect();
    let mut frames = 0;
    for recording in recordings {
        let recording = recording?;
        let named = |message: String| Error::Data(format!("{}: {message}", recording.name));
        recording.activity.validate().map_err(|e| named(e.to_string()))?;
        if recording.frames() == 0 {
            return Err(named("expected at least one hop of sound with activity, found none".into()));
        }
        frames += recording.frames();
        for (candidate, scored) in candidates.iter().zip(&mut scored) {
            scored.push(scored::score(&recording, candidate, &config)?);
        }
        bar.inc(1);
    }
    bar.finish();
    if frames == 0 {
        return Err(Error::Data("no dialogue to score".into()));
    }
    // The same draw for all: it depends on the events and the seed alone.
    for scored in &mut scored {
        let mut found: Vec<Events> = scored.iter_mut().map(|s| std::mem::take(&mut s.events)).collect();
        balance(&mut found, &config, SEED)?;
        scored.iter_mut().zip(found).for_each(|(s, e)| s.events = e);
    }
    let columns = candidates.iter().map(|c| c.name.clone()).chain(["silence timeout".into()]).collect();
    Ok(Report {
        split: split.into(),
        condition: condition.into(),
        dialogues: scored[0].len(),
        seconds: frames as f64 / FRAME_HZ as f64,
        columns,
        policies: candidates.iter().map(|c| c.policy).collect(),
        tuned: (split == Split::Dev.name()).then(|| tune::tune(&mut scored[0], first.policy)).transpose()?,
        rows: rows::rows(&scored, &config),
    })
}

/// Checks what a report must have to be worth showing.
///
/// # Errors
/// [`Error::Data`] when nothing could be scored.
pub fn check(report: &Report) -> Result<()> {
    if report.rows.iter().all(|row| row.scores.iter().all(Option::is_none)) {
        return Err(Error::Data("no dialogue had anything to score".into()));
    }
    Ok(())
}
