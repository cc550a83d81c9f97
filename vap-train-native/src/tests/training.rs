use tch::nn::{self, OptimizerConfig, VarStore};
use tch::{Kind, Tensor};
use vap_core::ModelConfig;

use super::*;
use crate::config::{LossConfig, RunConfig, TrainingConfig};
use crate::data::fixture::Folder;
use crate::device::Device;
use crate::model::{Mode, VapModel};
use crate::training::loss::{counts, loss};
use crate::training::optimizer::{AdamW, learning_rate};
use crate::training::{RunFolder, train};

pub(super) fn tiny() -> RunConfig {
    RunConfig {
        model: ModelConfig {
            name: "tiny".into(),
            dim: 16,
            channel_layers: 1,
            num_layers: 1,
            heads: 2,
            context_frames: 8,
            feed_forward_factor: 2,
            norm_epsilon: 1e-5,
            encoder: Default::default(),
            stereo_dim: None,
            stereo_heads: None,
        },
        training: TrainingConfig {
            steps: 6,
            batch: 2,
            window_s: 2.0,
            evaluate_every: 3,
            checkpoint_every: 2,
            dev_windows: 2,
            warm_up_steps: 2,
            dropout: 0.1,
            ..TrainingConfig::default()
        },
        loss: LossConfig::default(),
        simulation: SimulationConfig::default(),
    }
}

pub(super) fn checkpoint(folder: &RunFolder) -> Vec<(String, Tensor)> {
    let mut all = Tensor::read_safetensors(folder.checkpoint()).unwrap();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn a_resumed_run_ends_with_the_same_bits() {
    let _turn = alone();
    let (data, config, folder) = (data(), tiny(), Folder::new());
    let (unbroken, broken) = (RunFolder::new(&folder.0.join("a")), RunFolder::new(&folder.0.join("b")));
    train(&config, &data, &unbroken, None).unwrap();
    train(&config, &data, &broken, Some(3)).unwrap();
    assert!(checkpoint(&broken) != checkpoint(&unbroken), "three steps are not six");
    train(&config, &data, &broken, None).unwrap();
    for ((name, a), (_, b)) in checkpoint(&broken).iter().zip(&checkpoint(&unbroken)) {
        assert!(a == b, "{name} differs");
    }
    assert!(crate::export::read_file(&broken.best()).is_ok());
    let log = std::fs::read_to_string(broken.log()).unwrap();
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn a_run_does_not_go_on_under_another_config() {
    let _turn = alone();
    let (data, mut config, folder) = (data(), tiny(), Folder::new());
    let run = RunFolder::new(&folder.0.join("run"));
    train(&config, &data, &run, Some(2)).unwrap();
    config.training.learning_rate = 1e-3;
    assert!(train(&config, &data, &run, None).unwrap_err().to_string().contains("another config"));
}

#[test]
fn training_lowers_the_loss() {
    let _turn = alone();
    let (data, mut config, folder) = (data(), tiny(), Folder::new());
    config.training =
        TrainingConfig { steps: 60, learning_rate: 3e-3, evaluate_every: 60, ..config.training };
    let run = RunFolder::new(&folder.0.join("run"));
    train(&config, &data, &run, None).unwrap();
    let log = std::fs::read_to_string(run.log()).unwrap();
    let losses: Vec<f64> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"].as_f64())
        .collect();
    assert!(losses.len() >= 3 && losses[losses.len() - 1] < 0.9 * losses[0], "{losses:?}");
}

#[test]
fn adamw_is_libtorchs() {
    let _turn = alone();
    let config = TrainingConfig { weight_decay: 0.0, ..TrainingConfig::default() };
    let input = Tensor::arange(12, (Kind::Float, Device::Cpu)).reshape([3, 4]) / 7.0;
    let run = |ours: bool| {
        tch::manual_seed(5);
        let store = VarStore::new(Device::Cpu);
        let layer = nn::linear(store.root(), 4, 2, Default::default());
        let mut reference = nn::AdamW { beta1: 0.9, beta2: 0.98, wd: 0.0, eps: 1e-8, amsgrad: false }
            .build(&store, 1e-2)
            .unwrap();
        let mut own = AdamW::new(&store, &config);
        for step in 0..5 {
            let loss = input.apply(&layer).square().mean(Kind::Float);
            if ours {
                loss.backward();
                own.step(step, 1e-2);
            } else {
                reference.backward_step(&loss);
            }
        }
        layer.ws.copy()
    };
    let off = (run(true) - run(false)).abs().max().double_value(&[]);
    assert!(off < 1e-6, "off by {off}");
}

#[test]
fn masked_targets_do_not_count() {
    let logits = Tensor::zeros([1, 2, 27], (Kind::Float, Device::Cpu));
    let values = Tensor::ones([1, 2, 27], (Kind::Float, Device::Cpu));
    let mask = Tensor::zeros([1, 2, 27], (Kind::Float, Device::Cpu));
    let config = LossConfig::default();
    let own = |mask: &Tensor| loss(&logits, &values, mask, &counts(&values, mask, &config), &config);
    assert_eq!(own(&mask).total.double_value(&[]), 0.0);
    let _ = mask.narrow(2, 24, 2).fill_(1.0);
    let result = own(&mask);
    assert!((result.heads.double_value(&[3]) - 2f64.ln()).abs() < 1e-6);
    assert!((result.total.double_value(&[]) - 0.5 * 2f64.ln()).abs() < 1e-6);
}

#[test]
fn learning_rate_warms_up_and_falls() {
    let config =
        TrainingConfig { steps: 100, warm_up_steps: 10, learning_rate: 1.0, ..TrainingConfig::default() };
    assert_eq!(learning_rate(&config, 0), 0.1);
    assert_eq!(learning_rate(&config, 9), 1.0);
    assert!((learning_rate(&config, 55) - 0.505).abs() < 1e-9);
    assert!((learning_rate(&config, 100) - 0.01).abs() < 1e-9);
}

#[test]
fn the_model_is_causal_bounded_and_symmetric() {
    let _turn = alone();
    let config = tiny().model;
    tch::manual_seed(2);
    let store = VarStore::new(Device::Cpu);
    let model = VapModel::new(&store.root(), &config);
    let run = |mels: &Tensor| tch::no_grad(|| model.forward(mels, Mode::EVALUATE));
    let mels = Tensor::randn([1, 2, 120, 80], (Kind::Float, Device::Cpu));
    let whole = run(&mels);
    let off = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);

    let short = run(&mels.narrow(2, 0, 74));
    assert!(off(&short, &whole.narrow(1, 0, 37)) < 1e-5, "later input changes earlier output");

    // Three layers of 8 frames and the convolutions see 3 * 7 + 2 frames back.
    let changed = mels.copy();
    let _ = changed.narrow(2, 0, 40).fill_(3.0);
    let (late, early) = (run(&changed), 20 + 24);
    assert!(off(&late.narrow(1, early, 60 - early), &whole.narrow(1, early, 60 - early)) < 1e-5, "unbounded");
    assert!(off(&late.narrow(1, 20, 4), &whole.narrow(1, 20, 4)) > 1e-3, "no context at all");

    let swapped = run(&mels.flip([1]));
    let order: Vec<i64> = (10..20).chain(0..10).chain([21, 20, 23, 22, 25, 24, 26]).collect();
    assert!(off(&swapped.index_select(2, &Tensor::from_slice(&order)), &whole) < 1e-5, "swap");
}

#[test]
fn mixed_precision_is_close_to_f32() {
    let _turn = alone();
    tch::manual_seed(3);
    let store = VarStore::new(Device::Cpu);
    let model = VapModel::new(&store.root(), &tiny().model);
    let mels = Tensor::randn([2, 2, 80, 80], (Kind::Float, Device::Cpu));
    let logits = |mixed| {
        let logits = model.forward(&mels, Mode { train: true, dropout: 0.0, mixed });
        logits.square().mean(Kind::Float).backward();
        logits
    };
    let (single, mixed) = (logits(false), logits(true));
    assert_eq!(mixed.kind(), Kind::Float);
    let off = (&single - &mixed).abs().max().double_value(&[]);
    assert!(off > 0.0 && off < 0.15, "off by {off}");
    let finite = |v: &Tensor| v.grad().isfinite().all().int64_value(&[]) == 1;
    assert!(store.trainable_variables().iter().all(finite));
}

#[test]
fn a_run_without_progress_ends_early_and_stays_ended() {
    let _turn = alone();
    let (data, mut config, folder) = (data(), tiny(), Folder::new());
    // A learning rate of nothing: the first validation stays the best.
    config.training =
        TrainingConfig { steps: 40, learning_rate: 1e-12, evaluate_every: 2, patience: 3, ..config.training };
    let run = RunFolder::new(&folder.0.join("run"));
    train(&config, &data, &run, None).unwrap();
    let step = |run: &RunFolder| {
        checkpoint(run).iter().find(|(name, _)| name == "step").unwrap().1.int64_value(&[0])
    };
    let ended = step(&run);
    assert!((8..40).contains(&ended), "ended at step {ended}");
    train(&config, &data, &run, None).unwrap();
    assert_eq!(step(&run), ended, "an ended run does not go on");
}

/// A disk that is full when the checkpoint is written: told, and the last checkpoint stays.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_keeps_the_last_checkpoint() {
    let _turn = alone();
    let (data, config, folder) = (data(), tiny(), Folder::new());
    let run = RunFolder::new(&folder.0.join("run"));
    train(&config, &data, &run, Some(2)).unwrap();
    let before = std::fs::read(run.checkpoint()).unwrap();
    std::os::unix::fs::symlink("/dev/full", run.checkpoint().with_extension("part")).unwrap();
    let error = train(&config, &data, &run, None).unwrap_err().to_string();
    assert!(error.contains("checkpoint") && error.contains("space"), "{error}");
    assert!(std::fs::read(run.checkpoint()).unwrap() == before);
}

#[test]
fn a_run_begins_with_the_weights_of_a_file() {
    let _turn = alone();
    let (data, mut config, folder) = (data(), tiny(), Folder::new());
    let first = RunFolder::new(&folder.0.join("first"));
    train(&config, &data, &first, None).unwrap();
    let file = crate::export::read_file(&first.best()).unwrap();
    config.training =
        TrainingConfig { start_from: Some(first.best()), learning_rate: 1e-12, ..config.training };
    let second = RunFolder::new(&folder.0.join("second"));
    train(&config, &data, &second, None).unwrap();
    let tuned = crate::export::read_file(&second.best()).unwrap();
    assert!(tuned.statistics == file.statistics, "features are normalised as the weights know them");
    for (name, weight) in &file.weights {
        let off = weight.values.iter().zip(&tuned.weights[name].values).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-6, "{name}");
    }
    config.model.dim = 32;
    let third = RunFolder::new(&folder.0.join("third"));
    let error = train(&config, &data, &third, None).unwrap_err().to_string();
    assert!(error.contains("start_from") && error.contains("32") && error.contains("16"), "{error}");
}
