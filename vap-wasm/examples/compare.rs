//! `cargo run -p vap-wasm --features burn --example compare -- MODEL FOLDER`: kernels held to Burn on recordings.
//!
//! Every two-channel WAV under FOLDER is heard in Burn with the model's weights as 32-bit floats, by kernels in floats,
//! and by kernels in integers. Out, for each kind of kernel: the largest and the root mean square difference of the
//! logits, and how many events are the same, a hop apart, or not there.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vap_core::model_file::Storage;
use vap_core::{Event, Frame, HOP_MS, ModelFile, wav};
use vap_wasm::burn::backend;
use vap_wasm::{BurnModel, KernelModel, Model, Output, Session, SessionOptions};

fn main() -> Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [model, folder] = &paths[..] else { bail!("usage: compare MODEL FOLDER") };
    let file = ModelFile::from_bytes(&std::fs::read(model).with_context(|| model.clone())?)?;
    let kernels = |storage| -> Result<Arc<dyn Model>> {
        Ok(Arc::new(KernelModel::from_bytes(&file.to_bytes(storage)?)?))
    };
    let reference: Arc<dyn Model> = Arc::new(BurnModel::from_file(&file, &backend::cpu())?);
    let mut kinds = [
        ("floats", kernels(Storage::F32)?, Tally::default()),
        ("integers", kernels(Storage::I8)?, Tally::default()),
    ];
    let mut recordings = Vec::new();
    find(Path::new(folder), &mut recordings)?;
    recordings.sort();
    for (index, path) in recordings.iter().enumerate() {
        eprint!("\r{} of {} recordings", index + 1, recordings.len());
        let sound = wav::decode(&std::fs::read(path).with_context(|| path.display().to_string())?)?;
        let [user, agent] = &sound.channels[..] else { continue };
        let expected = heard(&reference, sound.rate_hz, user, agent)?;
        for (_, model, tally) in &mut kinds {
            tally.add(&expected, &heard(model, sound.rate_hz, user, agent)?);
        }
    }
    eprintln!();
    for (name, _, tally) in &kinds {
        println!("{name}: {tally}");
    }
    Ok(())
}

fn find(folder: &Path, recordings: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, recordings)?;
        } else if path.extension().is_some_and(|e| e == "wav") {
            recordings.push(path);
        }
    }
    Ok(())
}

fn heard(model: &Arc<dyn Model>, rate_hz: u32, user: &[f32], agent: &[f32]) -> Result<Output> {
    let options = SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy: None };
    let mut session = Session::new(Arc::clone(model), options)?;
    let mut output = session.push(Some(user), Some(agent))?;
    output.extend(session.finish()?);
    Ok(output)
}

#[derive(Default)]
struct Tally {
    recordings: usize,
    frames: usize,
    worst: f64,
    squares: f64,
    numbers: usize,
    events: usize,
    same: usize,
    moved: usize,
    /// Events of one side that the other does not have within a hop.
    missing: usize,
    added: usize,
}

impl Tally {
    fn add(&mut self, expected: &Output, found: &Output) {
        self.recordings += 1;
        self.frames += expected.frames.len();
        for (a, b) in expected.frames.iter().zip(&found.frames) {
            for (a, b) in logits(a).zip(logits(b)) {
                let off = (a - b).abs();
                self.worst = self.worst.max(off);
                self.squares += off * off;
                self.numbers += 1;
            }
        }
        let mut left: Vec<&Event> = found.events.iter().collect();
        self.events += expected.events.len();
        for event in &expected.events {
            let alike = |other: &&Event| {
                let near = other.time_ms.abs_diff(event.time_ms) <= u64::from(HOP_MS);
                (other.kind, other.speaker, other.reason) == (event.kind, event.speaker, event.reason) && near
            };
            match left.iter().position(alike) {
                Some(at) if left.remove(at).time_ms == event.time_ms => self.same += 1,
                Some(_) => self.moved += 1,
                None => self.missing += 1,
            }
        }
        self.added += left.len();
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let mean = (self.squares / self.numbers.max(1) as f64).sqrt();
        let Tally { recordings, frames, worst, events, same, moved, missing, added, .. } = self;
        write!(
            f,
            "{recordings} recordings, {frames} frames: logits off by at most {worst:.6}, {mean:.6} root mean square; of \
             {events} events {same} are the same, {moved} a hop apart, {missing} not there, {added} more"
        )
    }
}

/// Logits of the 27 probabilities of a frame.
fn logits(frame: &Frame) -> impl Iterator<Item = f64> {
    let pairs = [frame.eot, frame.backchannel, frame.vad].into_iter().flatten();
    let all = frame.bins.into_iter().flatten().chain(pairs).chain([frame.overlap]);
    all.map(|p| (f64::from(p) / (1.0 - f64::from(p))).ln())
}
