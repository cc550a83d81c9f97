//! Dialogues and excerpts of real calls to batches: normalised mels, targets and masks. Batch `i` is a pure function
//! of (data, config, seed, i), so a resumed run sees what an unbroken one would.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};
use vap_core::config::MEL_BANDS;
use vap_core::features::{FeatureStatistics, LogMel};
use vap_core::projection::OUTPUTS;

use super::excerpts::{Excerpt, Excerpts};
use super::simulation::{Answers, Dialogue, Simulator, Soft};
use super::targets::of_sound;
use crate::config::{RunConfig, TrainingConfig};
use crate::data::Split;
use crate::data::prepared::Prepared;
use crate::error::{Error, Result};

/// Batches made ahead of the trainer.
const AHEAD: usize = 4;

/// One window, on the CPU.
pub struct Window {
    /// Raw log-mel, `[2, 2 * frames, 80]`.
    pub mels: Vec<f32>,
    /// Targets, `[frames, 27]`.
    pub values: Vec<f32>,
    /// What each target counts, 0 where it is unknown, `[frames, 27]`.
    pub mask: Vec<f32>,
    /// Output frames.
    pub frames: usize,
}

/// Tensors of one step.
pub struct Batch {
    /// Normalised log-mel, `[batch, 2, 2 * frames, 80]`.
    pub mels: Tensor,
    /// Targets, `[batch, frames, 27]`.
    pub values: Tensor,
    /// What each target counts, 0 where it is unknown, `[batch, frames, 27]`.
    pub mask: Tensor,
}

/// What the windows of one split are cut from: simulated dialogues, real calls, or both.
pub struct Windows<'a> {
    simulator: Option<Simulator<'a>>,
    excerpts: Option<Excerpts<'a>>,
    real_share: f64,
}

impl<'a> Windows<'a> {
    /// Windows of one split as `training.real_share` mixes them. Without real calls of their own, dev and test are
    /// simulated, unless all windows are to be real.
    ///
    /// # Errors
    /// [`Error::Data`] when the split lacks what its share asks for.
    pub fn new(data: &'a Prepared, split: Split, config: &RunConfig) -> Result<Self> {
        let share = config.training.real_share;
        let needed = split == Split::Train || share >= 1.0 || data.calls(split).next().is_some();
        let real_share = if needed { share } else { 0.0 };
        let simulated = || Simulator::new(data, split, &config.simulation);
        let real = || Excerpts::new(data, split, &config.simulation);
        Ok(Windows {
            simulator: (real_share < 1.0).then(simulated).transpose()?,
            excerpts: (real_share > 0.0).then(real).transpose()?,
            real_share,
        })
    }

    /// The same with a teacher's ear for simulated dialogues.
    pub fn hearing(self, answers: &'a dyn Answers) -> Self {
        Windows { simulator: self.simulator.map(|simulator| simulator.hearing(answers)), ..self }
    }

    /// Window `seed`, `seconds` long.
    ///
    /// # Errors
    /// As [`window`].
    pub fn window(&self, seed: u64, seconds: f32) -> Result<Window> {
        // A draw of its own, so that simulated dialogues are the same for every share.
        let mut rng = ChaCha8Rng::seed_from_u64(!seed);
        let real = self.excerpts.as_ref().filter(|_| rng.random_bool(self.real_share));
        match (real, &self.simulator) {
            (Some(excerpts), _) => excerpt_window(&excerpts.excerpt(seed, seconds)),
            (None, Some(simulator)) => window(&simulator.dialogue(seed, seconds)),
            (None, None) => Err(Error::Data("neither simulated nor real windows".into())),
        }
    }
}

/// Features and targets of a dialogue.
///
/// # Errors
/// [`Error::Core`] if the activity is uneven.
pub fn window(dialogue: &Dialogue) -> Result<Window> {
    let mut targets = of_sound(&dialogue.activity, &dialogue.beside, &dialogue.soft, 0)?;
    targets.values.truncate(dialogue.frames * OUTPUTS);
    targets.mask.truncate(dialogue.frames * OUTPUTS);
    let mels = mels(&dialogue.audio, dialogue.frames);
    Ok(Window { mels, values: targets.values, mask: targets.mask, frames: dialogue.frames })
}

/// Features and targets of an excerpt; frames behind the end of its call are masked.
///
/// # Errors
/// As [`window`].
pub fn excerpt_window(excerpt: &Excerpt) -> Result<Window> {
    let targets = of_sound(&excerpt.activity, &excerpt.beside, &Soft::default(), excerpt.first)?;
    let known = |values: Vec<f32>| {
        let mut known = values[excerpt.first * OUTPUTS..(excerpt.first + excerpt.known) * OUTPUTS].to_vec();
        known.resize(excerpt.frames * OUTPUTS, 0.0);
        known
    };
    let mels = mels(&excerpt.audio, excerpt.frames);
    Ok(Window { mels, values: known(targets.values), mask: known(targets.mask), frames: excerpt.frames })
}

fn mels(audio: &[Vec<f32>; 2], frames: usize) -> Vec<f32> {
    let mut mels = Vec::with_capacity(2 * 2 * frames * MEL_BANDS);
    for channel in audio {
        LogMel::new().push(channel, &mut mels);
    }
    mels
}

/// Windows of one length to tensors on the CPU.
pub fn batch(windows: &[Window], statistics: &FeatureStatistics) -> Batch {
    let (count, frames) = (windows.len() as i64, windows.first().map_or(0, |w| w.frames as i64));
    let gather = |part: fn(&Window) -> &[f32]| windows.iter().flat_map(part).copied().collect::<Vec<f32>>();
    let mut mels = gather(|w| &w.mels);
    statistics.normalise(&mut mels);
    let (values, mask) = (gather(|w| &w.values), gather(|w| &w.mask));
    let tensor = |data: &[f32], shape: &[i64]| Tensor::from_slice(data).reshape(shape);
    Batch {
        mels: tensor(&mels, &[count, 2, 2 * frames, MEL_BANDS as i64]),
        values: tensor(&values, &[count, frames, OUTPUTS as i64]),
        mask: tensor(&mask, &[count, frames, OUTPUTS as i64]),
    }
}

impl Batch {
    /// The batch on `device`; to CUDA through pinned memory, without waiting.
    pub fn to(&self, device: Device) -> Batch {
        let move_to = |x: &Tensor| {
            if device.is_cuda() {
                x.pin_memory(device).to_device_(device, Kind::Float, true, false)
            } else {
                x.shallow_clone()
            }
        };
        Batch { mels: move_to(&self.mels), values: move_to(&self.values), mask: move_to(&self.mask) }
    }
}

/// Mean and deviation of each band over `count` windows.
///
/// # Errors
/// [`Error::Core`] if they have no sound at all.
pub fn statistics(windows: &Windows, seed: u64, count: usize, seconds: f32) -> Result<FeatureStatistics> {
    let (mut sum, mut squares, mut frames) = ([0f64; MEL_BANDS], [0f64; MEL_BANDS], 0f64);
    for i in 0..count {
        let window = windows.window(dialogue_seed(seed, u64::MAX - i as u64), seconds)?;
        for frame in window.mels.chunks_exact(MEL_BANDS) {
            for (band, x) in frame.iter().enumerate() {
                sum[band] += f64::from(*x);
                squares[band] += f64::from(*x).powi(2);
            }
            frames += 1.0;
        }
    }
    let mean: Vec<f32> = sum.iter().map(|s| (s / frames) as f32).collect();
    let deviation =
        squares.iter().zip(&sum).map(|(q, s)| (q / frames - (s / frames).powi(2)).max(1e-4).sqrt() as f32);
    let statistics = FeatureStatistics { deviation: deviation.collect(), mean };
    statistics.validate()?;
    Ok(statistics)
}

/// Seed of dialogue `index` of a run.
pub fn dialogue_seed(seed: u64, index: u64) -> u64 {
    // Finaliser of splitmix64: neighbours become strangers.
    let mut z =
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Which part of every batch a process makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Part, from 0.
    pub rank: u64,
    /// Parts in all.
    pub size: u64,
}

/// Makes a shard's batches of `steps` in background threads, in order.
pub fn stream<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    windows: &'env Windows<'env>,
    config: &'env TrainingConfig,
    statistics: &'env FeatureStatistics,
    steps: Range<u64>,
    shard: Shard,
) -> Stream {
    let workers = config.workers as u64;
    let queues = (0..workers)
        .map(|worker| {
            let (send, receive) = sync_channel(AHEAD.div_ceil(config.workers));
            let (first, last) = (steps.start, steps.end);
            scope.spawn(move || {
                let mut step = first + worker;
                let make = |step| Ok(batch(&step_windows(windows, config, step, shard)?, statistics));
                while step < last && send.send(make(step)).is_ok() {
                    step += workers;
                }
            });
            receive
        })
        .collect();
    Stream { queues, next: 0 }
}

/// A shard's windows of one step, `config.batch` of them: together the shards are the windows of one process with the
/// batch of all.
///
/// # Errors
/// As [`window`].
pub fn step_windows(
    windows: &Windows,
    config: &TrainingConfig,
    step: u64,
    shard: Shard,
) -> Result<Vec<Window>> {
    (0..config.batch as u64)
        .map(|i| {
            let index = (step * shard.size + shard.rank) * config.batch as u64 + i;
            windows.window(dialogue_seed(config.seed, index), config.window_s)
        })
        .collect()
}

/// Batches made ahead.
pub struct Stream {
    queues: Vec<Receiver<Result<Batch>>>,
    next: usize,
}

impl Stream {
    /// Batch of the next step, on the CPU.
    ///
    /// # Errors
    /// What making it gave, or [`Error::Data`] when a worker has died.
    pub fn next_batch(&mut self) -> Result<Batch> {
        let queue = &self.queues[self.next];
        self.next = (self.next + 1) % self.queues.len();
        queue.recv().map_err(|_| Error::Data("a thread that makes windows has stopped".into()))?
    }
}
