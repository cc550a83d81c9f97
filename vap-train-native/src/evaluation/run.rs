//! The verb `evaluate`: models and a prepared folder in; a folder with report.json, report.md, its pictures, and files
//! for the policy, the provenance and TurnBench out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::evaluate::{Evaluation, evaluate_rows, tune_thresholds};
use super::recordings::simulated;
use super::report::conditions::{self, Condition};
use super::report::{Report, markdown, plots};
use super::scores::Candidate;
use super::turnbench::files::{self, Gold};
use crate::config::{RunConfig, SimulationConfig};
use crate::data::Split;
use crate::data::prepared::Prepared;
use crate::error::{Error, Result};
use crate::export;
use crate::windows::simulation::Simulator;

/// Dialogues of the dev split on which thresholds are tuned, at most.
const TUNING_DIALOGUES: u64 = 12;

/// What to evaluate, on what.
pub struct Options {
    /// Model files; the others are compared with the first.
    pub models: Vec<PathBuf>,
    /// Run config whose simulation is scored on.
    pub config: PathBuf,
    /// Prepared folder.
    pub data: PathBuf,
    /// Folder to write to.
    pub out: PathBuf,
    /// Dialogues clean and as trained.
    pub count: u64,
    /// Dialogues of each further condition; 0 leaves them out.
    pub condition_count: u64,
    /// Length of each, in seconds.
    pub seconds: f32,
    /// Split to score.
    pub split: Split,
}

/// Everything that is written to report.json.
#[derive(Serialize)]
struct Reports<'a> {
    reports: &'a [Report],
    conditions: &'a [Report],
}

/// Scores, writes, and prints the Markdown.
///
/// # Errors
/// Anything of [`Error`].
pub fn run(options: &Options) -> Result<()> {
    let config = RunConfig::read(&options.config)?;
    let text = write(options, &config.simulation, &Prepared::open(&options.data)?)?;
    println!("{text}");
    Ok(())
}

/// Scores and writes; returns the Markdown.
pub(crate) fn write(options: &Options, trained: &SimulationConfig, data: &Prepared) -> Result<String> {
    let mut candidates = candidates(&options.models)?;
    std::fs::create_dir_all(&options.out).map_err(Error::io(&options.out))?;
    let split = format!("{:?}", options.split).to_lowercase();
    let tuning = Simulator::new(data, Split::Dev, trained)?;
    let count = options.count.min(TUNING_DIALOGUES);
    tune_thresholds(&mut candidates, simulated(&tuning, count, options.seconds))?;
    let headlines = conditions::rows();
    let hear = |condition: &Condition, count: u64, only: Option<&[&str]>| -> Result<Evaluation> {
        let simulator = Simulator::new(data, options.split, &condition.simulation)?;
        let recordings = simulated(&simulator, count, options.seconds).map(|r| condition.hear(r));
        evaluate_rows(&candidates, recordings, &split, &condition.name, only)
    };
    let mut text = format!("# Evaluation\n\n{}\n", note(options, &split));
    let mut reports = Vec::new();
    let mut shortened = Vec::new();
    for condition in conditions::main(trained) {
        let Evaluation { report, predictions, gold } = hear(&condition, options.count, None)?;
        text += &format!("\n{}\n", markdown(&report));
        for (file, shows) in plots::write(&report, &options.out)? {
            text += &format!("\n![{shows}]({file})\n\n{shows}.\n");
        }
        // The clean condition is what TurnBench's own recordings are nearest to.
        if reports.is_empty() {
            files::write_predictions(&options.out.join("predictions.json"), predictions)?;
            files::write_gold(&options.out.join("gold.json"), &gold)?;
        }
        let mut short = report.clone();
        short.rows.retain(|row| headlines.contains(&row.name.as_str()));
        (short.reliability, short.curves) = Default::default();
        shortened.push(short);
        reports.push(report);
    }
    if options.condition_count > 0 {
        for condition in conditions::faults(trained) {
            shortened.push(hear(&condition, options.condition_count, Some(&headlines))?.report);
        }
    }
    text += &format!("\n### Conditions\n\n{}\n", conditions::markdown(&shortened));
    // The last of the full conditions is the harder one: its thresholds hold for both.
    let tuned = reports.last().and_then(|report| report.tuned.as_ref());
    if let Some(Err(reason)) = tuned.map(|tuned| &tuned.calibration) {
        text += &format!("\nNo calibration.json: {reason}.\n");
    }
    let save = |name: &str, bytes: Vec<u8>| {
        let path = options.out.join(name);
        std::fs::write(&path, bytes).map_err(Error::io(&path))
    };
    save("report.md", text.clone().into_bytes())?;
    save("report.json", json(&Reports { reports: &reports, conditions: &shortened })?)?;
    save("summary.json", json(&summary(&shortened))?)?;
    if let Some(tuned) = tuned {
        save("policy.json", json(&tuned.policy)?)?;
        if let Ok(calibration) = &tuned.calibration {
            save("calibration.json", json(calibration)?)?;
        }
    }
    Ok(text)
}

/// Scores a TurnBench prediction file against a gold file, as Markdown.
///
/// # Errors
/// [`Error::Io`], [`Error::Data`] naming the file and the field.
pub fn score_predictions(predictions: &Path, gold: &Path) -> Result<String> {
    let gold: Gold = files::read_gold(gold)?;
    let scores = files::score(&files::read_predictions(predictions)?, &gold)?;
    Ok(files::markdown(&scores))
}

fn candidates(paths: &[PathBuf]) -> Result<Vec<Candidate>> {
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let named = |path: &PathBuf| {
        let same = paths.iter().filter(|other| stem(other) == stem(path)).count();
        stem(path).filter(|_| same == 1).unwrap_or_else(|| path.display().to_string())
    };
    paths.iter().map(|path| Candidate::new(&named(path), &export::read_file(path)?)).collect()
}

fn note(options: &Options, split: &str) -> String {
    let tuned = match options.split {
        Split::Dev => "the same dialogues as trained, which flatters it".to_owned(),
        _ => format!("{} dialogues of the dev split as trained", options.count.min(TUNING_DIALOGUES)),
    };
    format!(
        "{} simulated dialogues of {} s of the {split} split, clean and as trained; {} of them under each further \
         condition, always the same ones. A channel that is digital silence is not scored. Thresholds of the weighted \
         F1 are tuned on {tuned}.\n\n\
         Baselines fire after a timeout on the true silence, or on the silence that a voice activity detector hears \
         (a simple energy threshold, WebRTC's detector in mode 2, earshot at 0.5). For shift or hold the timeout is \
         the one that is wrong as often on holds as the first model; for TurnBench each baseline has the timeout with \
         the highest recall at no more than 10 % false positives on these very dialogues, which is in its favour. \
         Where the agent is silent under crosstalk, it is heard without its source.",
        options.count, options.seconds, options.condition_count
    )
}

/// Value of every figure of the conditions, by condition, figure and column; small enough for a model file's header.
fn summary(reports: &[Report]) -> BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, f64>>> {
    reports
        .iter()
        .map(|report| {
            let rows = report.rows.iter().map(|row| {
                let named = report.columns.iter().zip(&row.scores);
                let cells = named.filter_map(|(name, score)| Some((name.as_str(), score.as_ref()?.value)));
                (row.name.as_str(), cells.collect())
            });
            (report.condition.as_str(), rows.collect())
        })
        .collect()
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|e| Error::Data(format!("report: {e}")))
}
