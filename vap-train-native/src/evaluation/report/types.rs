//! What a report holds.

use serde::{Deserialize, Serialize};
use vap_core::Policy;

use super::event_log::LoggedEvent;
use crate::evaluation::metrics::Reliability;
use crate::evaluation::metrics::table::Row;
use crate::evaluation::scores::thresholds::Thresholds;
use crate::evaluation::scores::tune::Tuned;

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

/// Scores on real recordings.
#[derive(Debug, Clone, Serialize)]
pub struct RealReport {
    /// Heads of the columns: the model, the peer if there is one, the silence timeout.
    pub columns: Vec<String>,
    /// What the labels are and what an interval is over.
    pub method: String,
    /// All figures.
    pub rows: Vec<Row>,
    /// What the event machine said of each call and what was so, by the call's name.
    pub event_logs: Vec<(String, Vec<LoggedEvent>)>,
    /// Recordings that could not be used, and why.
    pub left_out: Vec<String>,
}
