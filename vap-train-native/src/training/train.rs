//! The loop, on one page: windows, forward, loss, backward, clip, update, log; now and then validation on the dev
//! split and a checkpoint. Of several processes each takes its shard of every batch; the first alone validates, logs
//! and saves.

use std::path::{Path, PathBuf};

use serde_json::json;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};
use vap_core::ModelConfig;
use vap_core::config::MEL_BANDS;
use vap_core::features::FeatureStatistics;
use vap_core::model_file::{ModelFile, Storage};
use vap_core::projection::VAD_AT;

use super::answers::Asker;
use super::average::Average;
use super::checkpoint::{self, Progress};
use super::distributed::World;
use super::loss::{HEADS, counts, end_of_turn, loss};
use super::optimizer::{AdamW, learning_rate};
use super::run_log::RunLog;
use crate::config::{Precision, RunConfig, TrainingConfig};
use crate::data::Split;
use crate::data::prepared::Prepared;
use crate::error::{Error, Result};
use crate::model::{self, Mode, VapModel};
use crate::windows::dataset::{self, Batch, Shard, Windows};
use crate::{device, export};

/// Dialogues the feature statistics are taken from.
const STATISTICS_DIALOGUES: usize = 100;
/// Steps whose mean the log shows.
const LOG_EVERY: u64 = 20;
/// Dev dialogues have their own seeds, whatever the run's.
const DEV_SEED: u64 = 0xDE5;

/// Files of a run.
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The folder of one run.
    pub fn new(path: &Path) -> RunFolder {
        RunFolder(path.into())
    }

    /// The resolved config.
    pub fn config(&self) -> PathBuf {
        self.0.join("run.toml")
    }

    /// Mean and deviation of the features.
    pub fn statistics(&self) -> PathBuf {
        self.0.join("statistics.json")
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint.safetensors")
    }

    /// The model with the lowest dev loss.
    pub fn best(&self) -> PathBuf {
        self.0.join("best.safetensors")
    }

    /// One JSON object a line: losses and scores as they came.
    pub fn log(&self) -> PathBuf {
        self.0.join("log.jsonl")
    }
}

/// Trains, or goes on with, the run in `folder`, to its end or until step `stop_at`; with others, when the environment
/// names them ([`World::from_env`]).
///
/// # Errors
/// Anything of [`Error`]; [`Error::Diverged`] when a loss is not finite.
pub fn train(config: &RunConfig, data: &Prepared, folder: &RunFolder, stop_at: Option<u64>) -> Result<()> {
    let world = World::from_env()?;
    let at = world.device();
    if world.is_first() {
        let weights = vap_core::params::count(&config.model);
        println!("{} ({weights} weights) on {}", config.model.name, world.describe());
    }
    let config = &RunConfig { training: device::resolve(&config.training, at), ..config.clone() };
    world.agree("the config", &config.to_toml()?)?;
    world.agree("the step to stop at", &format!("{stop_at:?}"))?;
    let source = Windows::new(data, Split::Train, config)?;
    let statistics = begin(config, folder, &source, &world)?;
    let asker = config
        .training
        .teacher
        .as_deref()
        .map(|path| Asker::read(path, config, &statistics, at))
        .transpose()?;
    let mut dev = if world.is_first() { dev_batches(config, data, &statistics, at)? } else { Vec::new() };
    if let Some(asker) = &asker {
        for (i, batch) in dev.iter_mut().enumerate() {
            asker.answer(batch, dataset::dialogue_seed(DEV_SEED, i as u64))?;
        }
    }

    let t = &config.training;
    tch::manual_seed(t.seed as i64);
    let store = VarStore::new(at);
    let model = VapModel::new(&store.root(), &config.model);
    if let Some(path) = t.start_from.as_ref().filter(|_| world.is_first()) {
        model::load(&store, &start_file(path, config)?)?;
        println!("weights begin as those of {}", path.display());
    }
    let readout = match &asker {
        Some(asker) => asker.readout(&(store.root() / "readout"), &config.model)?,
        None => None,
    };
    let average = Average::new(&store, &config.model, t.ema_decay, at);
    let mut optimizer = AdamW::new(&store, t);
    let mut state = Progress { step: 0, best: f64::INFINITY, stale: 0 };
    if world.is_first() && folder.checkpoint().exists() {
        state = checkpoint::load(&folder.checkpoint(), &store, &average, &mut optimizer)?;
        println!("resumed at step {}", state.step);
    }
    share(&world, &optimizer, &mut state)?;
    let mut run_log =
        if world.is_first() { Some(RunLog::open(&folder.log(), state.step, t, world.size())?) } else { None };
    let shard = Shard { rank: world.rank() as u64, size: world.size() as u64 };
    let mixed = t.precision == Precision::Mixed;

    std::thread::scope(|scope| {
        let last = stop_at.unwrap_or(t.steps).min(t.steps);
        let mut batches = dataset::stream(scope, &source, t, &statistics, state.step..last, shard);
        while state.step < last && !ended(t, state) {
            let step = state.step;
            let mut batch = batches.next_batch()?.to(at);
            if let Some(asker) = &asker {
                asker.answer(&mut batch, dataset::dialogue_seed(t.seed ^ shard.rank, step))?;
            }
            let counts = counts(&batch.values, &batch.mask, &config.loss);
            world.sum(std::slice::from_ref(&counts))?;
            // Dropout of a step does not depend on the steps before: a resumed run draws the same.
            let draw = step.wrapping_mul(0x9E37_79B9) ^ shard.rank.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
            tch::manual_seed((t.seed ^ draw) as i64);
            let mode = Mode { train: true, dropout: t.dropout, mixed };
            let (encoded, logits) = model.encode_and_forward(&batch.mels, mode);
            let mut result = loss(&logits, &batch.values, &batch.mask, &counts, &config.loss);
            if let Some(readout) = &readout {
                let read = readout.forward(&encoded);
                let read = end_of_turn(&read, &batch.values, &batch.mask, &counts, &config.loss);
                result.readout = Some(read.detach());
                result.total += read * config.loss.readout;
            }
            result.total.backward();
            let mut parts = optimizer.gradients();
            parts.extend([result.total.detach(), result.heads.shallow_clone()]);
            world.sum(&parts)?;
            let total = result.total.double_value(&[]);
            if !total.is_finite() {
                return Err(Error::Diverged { step, loss: total });
            }
            let norm = optimizer.clip(t.clip_norm);
            optimizer.step(step, learning_rate(t, step));
            average.update(&store, step);
            state.step += 1;

            if let Some(run_log) = &mut run_log {
                run_log.step(&result, total, norm);
                if state.step.is_multiple_of(LOG_EVERY) || state.step == last {
                    run_log.means(state.step, learning_rate(t, step), state.best)?;
                }
            }
            if state.step.is_multiple_of(t.evaluate_every) || state.step == t.steps {
                if let Some(run_log) = &mut run_log {
                    let (score, line) = validate(&average.model, &dev, config, state.step);
                    run_log.validation(&line, score < state.best)?;
                    state.stale += 1;
                    if score < state.best {
                        (state.best, state.stale) = (score, 0);
                        let provenance = export::provenance(config, data, state.step, score)?;
                        let path = folder.best();
                        export::write(&path, config, &statistics, &average.store, provenance, Storage::F32)?;
                    }
                }
                share_progress(&world, &mut state)?;
            }
            let due = state.step.is_multiple_of(t.checkpoint_every) || state.step == last || ended(t, state);
            if due && run_log.is_some() {
                checkpoint::save(&folder.checkpoint(), &store, &average, &optimizer, state)?;
            }
        }
        Ok(())
    })?;
    if let Some(run_log) = run_log.filter(|_| ended(t, state)) {
        let (step, stale) = (state.step, state.stale);
        run_log.say(&format!("ended early at step {step}: {stale} validations without a better dev loss"));
    }
    world.barrier()
}

/// Whether a run has gone on for too long without a better dev loss.
fn ended(config: &TrainingConfig, state: Progress) -> bool {
    config.patience > 0 && state.stale >= config.patience
}

/// Puts every process where the first stands.
fn share(world: &World, optimizer: &AdamW, state: &mut Progress) -> Result<()> {
    share_progress(world, state)?;
    world.share(&optimizer.tensors())
}

/// Step and validations of the first process, which alone validates, to all.
fn share_progress(world: &World, state: &mut Progress) -> Result<()> {
    let counts = Tensor::from_slice(&[state.step as i64, state.stale as i64]).to_device(world.device());
    world.share(std::slice::from_ref(&counts))?;
    (state.step, state.stale) = (counts.int64_value(&[0]) as u64, counts.int64_value(&[1]) as u64);
    Ok(())
}

/// The feature statistics of the run, which the first process reads or takes.
fn begin(
    config: &RunConfig,
    folder: &RunFolder,
    source: &Windows,
    world: &World,
) -> Result<FeatureStatistics> {
    let mut statistics = FeatureStatistics { mean: vec![0.0; MEL_BANDS], deviation: vec![1.0; MEL_BANDS] };
    if world.is_first() {
        statistics = begin_folder(config, folder, source)?;
    }
    let both = [&statistics.mean, &statistics.deviation]
        .map(|values| Tensor::from_slice(values).to_device(world.device()));
    world.share(&both)?;
    let [mean, deviation] = both.map(Vec::<f32>::try_from);
    Ok(FeatureStatistics { mean: mean?, deviation: deviation? })
}

/// Saves the resolved config first; statistics once a run.
fn begin_folder(config: &RunConfig, folder: &RunFolder, source: &Windows) -> Result<FeatureStatistics> {
    std::fs::create_dir_all(&folder.0).map_err(Error::io(&folder.0))?;
    let text = config.to_toml()?;
    let path = folder.config();
    if folder.checkpoint().exists() {
        let before = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        if before != text {
            let message =
                format!("the run was begun with another config ({}); use a new folder", path.display());
            return Err(Error::Checkpoint { path: folder.checkpoint(), message });
        }
    }
    std::fs::write(&path, text).map_err(Error::io(&path))?;
    let path = folder.statistics();
    if let Ok(text) = std::fs::read_to_string(&path) {
        let read = serde_json::from_str(&text).map_err(|e| e.to_string());
        return read.map_err(|message| Error::RunConfig { path, message });
    }
    let t = &config.training;
    let statistics = match &t.start_from {
        Some(path) => start_file(path, config)?.statistics,
        None => dataset::statistics(source, t.seed, STATISTICS_DIALOGUES, t.window_s)?,
    };
    let text = serde_json::to_string(&statistics).unwrap_or_default();
    std::fs::write(&path, text).map_err(Error::io(&path))?;
    Ok(statistics)
}

/// The model file a run begins with.
fn start_file(path: &Path, config: &RunConfig) -> Result<ModelFile> {
    let file = export::read_file(path)?;
    // The name may differ; sizes, context and norm may not.
    let sizes = |model: &ModelConfig| ModelConfig { name: String::new(), ..model.clone() };
    if sizes(&file.config) != sizes(&config.model) {
        let message = format!(
            "training.start_from: expected a model of the config's sizes {:?}, found {:?}",
            config.model, file.config
        );
        return Err(Error::RunConfig { path: path.into(), message });
    }
    Ok(file)
}

fn dev_batches(
    config: &RunConfig,
    data: &Prepared,
    statistics: &FeatureStatistics,
    at: Device,
) -> Result<Vec<Batch>> {
    let source = Windows::new(data, Split::Dev, config)?;
    let t = &config.training;
    let windows = (0..t.dev_windows as u64)
        .map(|i| source.window(dataset::dialogue_seed(DEV_SEED, i), t.window_s))
        .collect::<Result<Vec<_>>>()?;
    Ok(windows.chunks(t.batch).map(|part| dataset::batch(part, statistics).to(at)).collect())
}

/// Dev loss and a line for the log.
fn validate(model: &VapModel, dev: &[Batch], config: &RunConfig, step: u64) -> (f64, serde_json::Value) {
    tch::no_grad(|| {
        let (mut total, mut heads, mut right, mut count) = (0.0, [0.0; 5], 0.0, 0.0);
        for batch in dev {
            let logits = model.forward(&batch.mels, Mode::EVALUATE);
            let counts = counts(&batch.values, &batch.mask, &config.loss);
            let result = loss(&logits, &batch.values, &batch.mask, &counts, &config.loss);
            total += result.total.double_value(&[]) / dev.len() as f64;
            for (i, head) in heads.iter_mut().enumerate() {
                *head += result.heads.double_value(&[i as i64]) / dev.len() as f64;
            }
            let vad = |x: &Tensor| x.narrow(-1, VAD_AT as i64, 2);
            let said = vad(&logits).greater(0.0).to_kind(Kind::Float);
            let mask = vad(&batch.mask);
            right += (said.eq_tensor(&vad(&batch.values)) * &mask).sum(Kind::Double).double_value(&[]);
            count += mask.sum(Kind::Double).double_value(&[]);
        }
        let heads: serde_json::Map<_, _> =
            HEADS.iter().zip(heads).map(|(n, v)| (n.to_string(), json!(v))).collect();
        (
            total,
            json!({ "step": step, "dev_loss": total, "dev_heads": heads, "dev_vad_accuracy": right / count }),
        )
    })
}
