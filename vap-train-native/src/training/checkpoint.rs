//! A run's state on disk: weights, their average, optimiser, step, best score. Written whole, then renamed, so that a
//! run killed at any moment resumes from a complete file; on the CPU to the same bits.

use std::collections::BTreeMap;
use std::path::Path;

use tch::nn::VarStore;
use tch::{Kind, Tensor};

use super::average::Average;
use super::optimizer::AdamW;
use crate::error::{Error, Result};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Lowest dev loss so far.
    pub best: f64,
    /// Validations since then.
    pub stale: u64,
}

/// Writes a checkpoint.
///
/// # Errors
/// [`Error::Torch`] or [`Error::Io`].
pub fn save(
    path: &Path,
    store: &VarStore,
    average: &Average,
    optimizer: &AdamW,
    progress: Progress,
) -> Result<()> {
    let mut all: Vec<(String, Tensor)> =
        store.variables().into_iter().map(|(name, v)| (format!("weight.{name}"), v.detach())).collect();
    all.extend(average.state());
    all.extend(optimizer.state());
    all.push(("step".into(), Tensor::from_slice(&[progress.step as i64])));
    all.push(("stale".into(), Tensor::from_slice(&[progress.stale as i64])));
    all.push(("best".into(), Tensor::from_slice(&[progress.best])));
    let part = path.with_extension("part");
    let written = Tensor::write_safetensors(&all, &part);
    written.map_err(|error| Error::Checkpoint { path: part.clone(), message: error.to_string() })?;
    // A checkpoint takes the place of the last one only when it is on the disk.
    std::fs::File::open(&part).and_then(|file| file.sync_all()).map_err(Error::io(&part))?;
    std::fs::rename(&part, path).map_err(Error::io(path))
}

/// Restores a checkpoint into store, average and optimiser.
///
/// # Errors
/// [`Error::Torch`] when the file cannot be read, [`Error::Checkpoint`] when it is of another model.
pub fn load(path: &Path, store: &VarStore, average: &Average, optimizer: &mut AdamW) -> Result<Progress> {
    let fault = |message: String| Error::Checkpoint { path: path.into(), message };
    let saved: BTreeMap<String, Tensor> = Tensor::read_safetensors(path)?.into_iter().collect();
    for (name, mut variable) in store.variables() {
        let weight =
            saved.get(&format!("weight.{name}")).filter(|w| w.size() == variable.size()).ok_or_else(
                || fault(format!("expected weight {name} of shape {:?}, found none", variable.size())),
            )?;
        tch::no_grad(|| variable.copy_(weight));
    }
    average.restore(&saved).map_err(|name| fault(format!("expected average weight {name}, found none")))?;
    optimizer
        .restore(&saved)
        .map_err(|name| fault(format!("expected optimiser state {name}, found none")))?;
    let number = |name: &str| saved.get(name).ok_or_else(|| fault(format!("expected {name}, found none")));
    let counted = |name: &str| -> Result<u64> {
        let count = number(name)?.int64_value(&[0]);
        u64::try_from(count).map_err(|_| fault(format!("expected {name} from 0, found {count}")))
    };
    let best = number("best")?.to_kind(Kind::Double).double_value(&[0]);
    Ok(Progress { step: counted("step")?, best, stale: counted("stale")? })
}
