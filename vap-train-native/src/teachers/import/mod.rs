//! Start weights from elsewhere: the encoder of a trained network, out of an ONNX file or of Whisper's own, under our
//! names and on our front end; and the network itself as a teacher in tch.
//!
//! The source is centred, knows 8 s and where in them a frame stands; ours is causal and endless. The same taps hear
//! the same mels one mel later, positions become one constant and a bias by distance, and what remains is for training.

mod distance;
mod front_end;
mod graph;
mod net;
mod onnx;
mod source;
mod speech;
mod teacher_file;
#[cfg(test)]
mod tests;
mod walk;
mod weights;
mod whisper;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vap_core::Policy;
use vap_core::features::{FeatureStatistics, STEP_SAMPLES};
use vap_core::model_file::{ModelFile, Storage};

use crate::config::RunConfig;
use crate::data::Split;
use crate::data::prepared::Prepared;
use crate::error::{Error, Result};
use crate::export;
use crate::teachers::label::card::{Card, Said};
use crate::teachers::label::whisper_mel::WhisperMel;
use crate::windows::dataset::{self, Windows};
use source::SourceEncoder;

/// Windows that the distance bias is fitted to.
const WINDOWS: usize = 16;

/// Dialogues that the statistics of the features are taken from, as many as a run of its own takes.
const STATISTICS_DIALOGUES: usize = 100;

/// What is imported, and what for.
#[derive(Debug, Clone)]
pub struct Options {
    /// ONNX file, or Whisper's `model.safetensors`.
    pub source: PathBuf,
    /// What it is, where it is not known.
    pub said: Said,
    /// Run config whose model gets the weights.
    pub config: PathBuf,
    /// Prepared folder, for the statistics of the features and for speech that the fits listen to.
    pub data: PathBuf,
    /// Model file to write.
    pub out: PathBuf,
    /// Teacher in tch to write, if it is wanted.
    pub teacher_out: Option<PathBuf>,
}

/// What was found and written.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The source.
    pub card: Card,
    /// Frames of speech that the front end was fitted to.
    pub frames: usize,
    /// Share of the variance of each of the source's 80 bands that our front end tells.
    pub r2: Vec<f64>,
    /// Share of what positions do to each layer's scores that the distance bias tells.
    pub distances_told: Vec<f64>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Card { name, version, licence, sha256 } = &self.card;
        writeln!(f, "{name} {version}, {licence}, SHA-256 {sha256}")?;
        let mean = self.r2.iter().sum::<f64>() / self.r2.len().max(1) as f64;
        writeln!(f, "front end, {} frames: R2 {mean:.3} in the mean of its bands; each:", self.frames)?;
        for (i, ten) in self.r2.chunks(10).enumerate() {
            let ten: Vec<String> = ten.iter().map(|r2| format!("{r2:.3}")).collect();
            writeln!(f, "  {:2} {}", 10 * i, ten.join(" "))?;
        }
        let told: Vec<String> = self.distances_told.iter().map(|told| format!("{told:.2}")).collect();
        writeln!(f, "distance bias, by layer: tells {} of what positions do", told.join(", "))
    }
}

/// Reads the encoder of a file, by its ending.
///
/// # Errors
/// [`Error::Import`] naming the file and what was expected where.
fn read(path: &Path, bytes: &[u8]) -> Result<SourceEncoder> {
    let found = if path.extension().is_some_and(|ending| ending == "safetensors") {
        whisper::encoder(bytes)
    } else {
        graph::Graph::read(bytes).and_then(|graph| walk::encoder(&graph))
    };
    found.map_err(|message| Error::Import { path: path.into(), message })
}

/// Writes start weights, and a teacher beside them.
///
/// # Errors
/// [`Error::Import`] for a file that holds no such encoder or one that the config does not describe, [`Error::Data`]
/// without speech, [`Error::Io`].
pub fn import(options: &Options) -> Result<Outcome> {
    let fault = |message: String| Error::Import { path: options.source.clone(), message };
    let config = RunConfig::read(&options.config)?;
    let bytes = std::fs::read(&options.source).map_err(Error::io(&options.source))?;
    let card = Card::of(&options.source, &bytes, &options.said)?;
    let source = read(&options.source, &bytes)?;
    source.fits(&config.model).map_err(&fault)?;

    let seed = config.training.seed;
    let data = Prepared::open(&options.data)?;
    let clips = speech::clips(&data, seed)?;
    let front_end = front_end::fit(&clips)?.under(&statistics(&data, &config)?);
    if let Some(path) = &options.teacher_out {
        teacher_file::write(path, &source, &front_end, &card).map_err(fault)?;
    }
    let mut whisper = WhisperMel::new();
    let samples = 2 * distance::WINDOW_FRAMES * STEP_SAMPLES;
    let windows: Vec<Vec<f64>> = speech::windows(&clips, WINDOWS, samples, seed)
        .iter()
        .map(|window| front_end::source_features(window, &mut whisper))
        .collect();
    let distances = distance::fit(&source, &windows, config.model.context_frames)?;

    let provenance = provenance(&card, &front_end, &distances);
    let file = ModelFile {
        weights: weights::start(&source, &front_end, &distances, &config)?,
        config: config.model,
        statistics: front_end.statistics.clone(),
        policy: Policy::default(),
        calibration: None,
        provenance,
    };
    export::write_file(&options.out, &file, Storage::F32)?;
    Ok(Outcome { card, frames: front_end.frames, r2: front_end.r2, distances_told: distances.told })
}

/// Mean and deviation of the features as training takes them.
fn statistics(data: &Prepared, config: &RunConfig) -> Result<FeatureStatistics> {
    let windows = Windows::new(data, Split::Train, config)?;
    dataset::statistics(&windows, config.training.seed, STATISTICS_DIALOGUES, config.training.window_s)
}

/// Where the weights come from, for the header.
fn provenance(card: &Card, front_end: &front_end::FrontEnd, distances: &distance::Distances) -> Value {
    let mean = front_end.r2.iter().sum::<f64>() / front_end.r2.len() as f64;
    json!({
        "trainer": concat!("vap-train ", env!("CARGO_PKG_VERSION")),
        "start": card,
        "front_end": {
            "frames": front_end.frames,
            "r2_mean": mean,
            "r2_lowest": front_end.r2.iter().copied().fold(f64::INFINITY, f64::min),
        },
        "distance_bias_told": distances.told,
    })
}
