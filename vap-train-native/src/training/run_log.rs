//! What a run says while it goes: one JSON object a line, TensorBoard events, a live line with loss, metric, speed and
//! time left.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::loss::{HEADS, Loss};
use super::tensorboard::EventFile;
use crate::config::TrainingConfig;
use crate::error::{Error, Result};
use crate::progress;

/// Where a run writes what it measures.
pub struct RunLog {
    file: std::fs::File,
    path: PathBuf,
    board: EventFile,
    bar: ProgressBar,
    recent: Recent,
    /// Seconds of dialogue a step.
    dialogue_s: f64,
}

impl RunLog {
    /// Goes on with the log at `path` behind `step`: what a killed run wrote after its last checkpoint is
    /// dropped, as those steps are done again. TensorBoard files lie beside it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path, step: u64, config: &TrainingConfig, processes: usize) -> Result<RunLog> {
        let before = std::fs::read_to_string(path).unwrap_or_default();
        let done = |line: &&str| {
            let line: Option<Value> = serde_json::from_str(line).ok();
            line.is_some_and(|line| line["step"].as_u64().is_some_and(|at| at <= step))
        };
        let kept: String = before.lines().filter(done).flat_map(|line| [line, "\n"]).collect();
        let part = path.with_extension("part");
        std::fs::write(&part, kept).map_err(Error::io(&part))?;
        std::fs::rename(&part, path).map_err(Error::io(path))?;
        let file = std::fs::OpenOptions::new().append(true).open(path).map_err(Error::io(path))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let board = EventFile::create(folder).map_err(Error::io(folder))?;
        let bar = progress::bar(config.steps, "training");
        bar.set_position(step);
        let dialogue_s = (config.batch * processes) as f64 * f64::from(config.window_s);
        Ok(RunLog { file, path: path.into(), board, bar, recent: Recent::default(), dialogue_s })
    }

    /// Takes down a step.
    pub fn step(&mut self, loss: &Loss, total: f64, norm: f64) {
        self.recent.add(loss, total, norm);
        self.bar.inc(1);
    }

    /// Writes the means of the steps since the last line.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn means(&mut self, step: u64, learning_rate: f64, best: f64) -> Result<()> {
        let line = self.recent.take(step, learning_rate, self.dialogue_s);
        let number = |key: &str| line[key].as_f64().unwrap_or(0.0);
        self.bar.set_message(format!(
            "loss {:.3}, best dev {best:.3}, {:.0} dialogue hours an hour",
            number("loss"),
            number("dialogue_hours_an_hour")
        ));
        self.write(&line)
    }

    /// Writes a validation on the dev split and says it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn validation(&mut self, line: &Value, better: bool) -> Result<()> {
        self.write(line)?;
        let text = format!(
            "step {}: dev loss {:.4}{}, VAD accuracy {:.4}",
            line["step"],
            line["dev_loss"].as_f64().unwrap_or(f64::NAN),
            if better { " (best)" } else { "" },
            line["dev_vad_accuracy"].as_f64().unwrap_or(f64::NAN),
        );
        self.say(&text);
        Ok(())
    }

    /// Says a line above the bar, or where there is no terminal for one.
    pub fn say(&self, text: &str) {
        if self.bar.is_hidden() { println!("{text}") } else { self.bar.println(text) }
    }

    fn write(&mut self, line: &Value) -> Result<()> {
        writeln!(self.file, "{line}").map_err(Error::io(&self.path))?;
        let mut scalars = Vec::new();
        numbers(line, "", &mut scalars);
        let step = line["step"].as_u64().unwrap_or(0);
        let values = scalars.iter().filter(|(tag, _)| tag != "step").map(|(tag, v)| (tag.as_str(), *v));
        self.board.scalars(step, values).map_err(Error::io(&self.path))
    }
}

/// All numbers of a JSON object, named `outer/inner`.
fn numbers(value: &Value, name: &str, out: &mut Vec<(String, f64)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let inner = if name.is_empty() { key.clone() } else { format!("{name}/{key}") };
                numbers(value, &inner, out);
            }
        }
        Value::Number(number) => out.extend(number.as_f64().map(|v| (name.to_string(), v))),
        _ => {}
    }
}

/// Sums since the last line.
#[derive(Default)]
struct Recent {
    since: Option<Instant>,
    steps: f64,
    total: f64,
    norm: f64,
    heads: [f64; 5],
    readout: f64,
}

impl Recent {
    fn add(&mut self, loss: &Loss, total: f64, norm: f64) {
        self.since.get_or_insert_with(Instant::now);
        self.steps += 1.0;
        self.total += total;
        self.norm += norm;
        for (i, head) in self.heads.iter_mut().enumerate() {
            *head += loss.heads.double_value(&[i as i64]);
        }
        self.readout += loss.readout.as_ref().map_or(0.0, |readout| readout.double_value(&[]));
    }

    fn take(&mut self, step: u64, learning_rate: f64, dialogue_s: f64) -> Value {
        let done = std::mem::take(self);
        let n = done.steps.max(1.0);
        let seconds = done.since.map_or(0.0, |s| s.elapsed().as_secs_f64()) / (n - 1.0).max(1.0);
        let heads: serde_json::Map<_, _> =
            HEADS.iter().zip(done.heads).map(|(name, v)| (name.to_string(), json!(v / n))).collect();
        json!({
            "step": step, "loss": done.total / n, "heads": heads, "readout": done.readout / n, "gradient_norm": done.norm / n,
            "learning_rate": learning_rate, "seconds_a_step": seconds,
            "dialogue_hours_an_hour": if seconds > 0.0 { dialogue_s / seconds } else { 0.0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture::Folder;

    #[test]
    fn lines_behind_the_checkpoint_are_dropped() {
        let folder = Folder::new();
        let path = folder.0.join("log.jsonl");
        std::fs::write(&path, "{\"step\":20}\n{\"step\":40}\n{\"step\":60}\n{\"ste").unwrap();
        let mut run_log = RunLog::open(&path, 40, &TrainingConfig::default(), 1).unwrap();
        run_log.validation(&json!({ "step": 60, "dev_loss": 1.0 }), true).unwrap();
        let lines = std::fs::read_to_string(&path).unwrap();
        let steps: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(steps.iter().map(|l| l["step"].as_u64().unwrap()).collect::<Vec<_>>(), [20, 40, 60]);
    }
}
