//! The same dialogues over worse and worse lines, and the few figures that are shown of each.

use super::Report;
use crate::config::SimulationConfig;
use crate::error::Result;
use crate::evaluation::recordings::{Recording, clean};

/// One kind of line.
pub struct Condition {
    /// What it is called.
    pub name: String,
    /// How its dialogues are made.
    pub simulation: SimulationConfig,
    /// Whether the agent's channel is replaced by digital silence.
    pub silent_agent: bool,
}

impl Condition {
    fn new(name: impl Into<String>, simulation: SimulationConfig) -> Condition {
        Condition { name: name.into(), simulation, silent_agent: false }
    }

    /// The recording as it comes over this line.
    pub fn hear(&self, recording: Result<Recording>) -> Result<Recording> {
        let mut recording = recording?;
        if self.silent_agent {
            recording.audio[1].fill(0.0);
        }
        Ok(recording)
    }
}

/// Clean and as trained: those with a table of their own.
pub fn main(trained: &SimulationConfig) -> [Condition; 2] {
    [Condition::new("clean", clean(trained)), Condition::new("as trained", trained.clone())]
}

/// One fault at a time, on otherwise clean lines.
pub fn faults(trained: &SimulationConfig) -> Vec<Condition> {
    let clean = clean(trained);
    let mut all = Vec::new();
    for snr_db in [20.0, 10.0, 5.0, 0.0] {
        let noisy = SimulationConfig { noise: 1.0, noise_snr_db: [snr_db; 2], ..clean.clone() };
        all.push(Condition::new(format!("noise, SNR {snr_db} dB"), noisy));
    }
    let narrow = SimulationConfig { telephone: 1.0, ..clean.clone() };
    all.push(Condition::new("telephone band", narrow));
    for crosstalk_db in [-30.0, -20.0, -10.0] {
        let crosstalk = SimulationConfig { crosstalk: 1.0, crosstalk_db: [crosstalk_db; 2], ..clean.clone() };
        all.push(Condition::new(format!("crosstalk {crosstalk_db} dB"), crosstalk));
    }
    all.push(Condition { name: "silent agent channel".into(), simulation: clean, silent_agent: true });
    all
}

/// Row of a report, column (from the models' first on, or from the baselines' first on), head in the table.
type Headline = (&'static str, Column, &'static str);

#[derive(Clone, Copy)]
enum Column {
    Model,
    Baseline(usize),
}

const CUTOFFS: &str = "end of turn, false cut-offs at 300 ms mean latency";

const HEADLINES: [Headline; 10] = [
    ("VAD, balanced accuracy", Column::Model, "VAD"),
    ("VAD, balanced accuracy", Column::Baseline(3), "VAD, earshot"),
    ("backchannel or claim, AUC", Column::Model, "backchannel AUC"),
    ("shift or hold, mean of the silence (hs2), balanced accuracy", Column::Model, "hs2"),
    ("end of turn, AUC 300 ms into the silence, both channels heard", Column::Model, "EoT AUC, 300 ms"),
    (CUTOFFS, Column::Model, "cut-offs at 300 ms"),
    (CUTOFFS, Column::Baseline(0), "same, silence timeout"),
    (CUTOFFS, Column::Baseline(3), "same, earshot"),
    ("TurnBench EOT, recall", Column::Model, "EOT recall"),
    ("TurnBench EOT, false-positive rate", Column::Model, "EOT false positives"),
];

/// Names of the rows that the table of conditions shows.
pub fn rows() -> Vec<&'static str> {
    HEADLINES.iter().map(|headline| headline.0).collect()
}

/// A line a condition and model.
pub fn markdown(reports: &[Report]) -> String {
    let heads: Vec<&str> = HEADLINES.iter().map(|headline| headline.2).collect();
    let mut out = format!("| condition | dialogues | {} |\n", heads.join(" | "));
    out += &format!("|---|---|{}\n", "---|".repeat(heads.len()));
    for report in reports {
        let models = report.policies.len();
        for model in 0..models {
            let cell = |(name, column, _): &Headline| {
                let at = match column {
                    Column::Model => model,
                    Column::Baseline(at) => models + at,
                };
                let row = report.rows.iter().find(|row| row.name == *name)?;
                row.scores.get(at).copied().flatten().map(|score| format!("{:.3}", score.value))
            };
            let cells: Vec<String> =
                HEADLINES.iter().map(|headline| cell(headline).unwrap_or_else(|| "-".into())).collect();
            let of = if models > 1 { format!(", {}", report.columns[model]) } else { String::new() };
            let (name, dialogues) = (&report.condition, report.dialogues);
            out += &format!("| {name}{of} | {dialogues} | {} |\n", cells.join(" | "));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_alone() {
        let trained = SimulationConfig::default();
        let faults = faults(&trained);
        assert_eq!(faults.len(), 9);
        for fault in &faults {
            let s = &fault.simulation;
            let share = s.noise
                + s.room
                + s.telephone
                + s.muted
                + s.crosstalk
                + f64::from(u8::from(fault.silent_agent));
            assert_eq!(share, 1.0, "{}", fault.name);
        }
        assert_eq!(faults[3].simulation.noise_snr_db, [0.0, 0.0]);
        assert_eq!(faults[7].simulation.crosstalk_db, [-10.0, -10.0]);
    }
}
