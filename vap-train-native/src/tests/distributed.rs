use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use tch::Tensor;

use super::training::{checkpoint, tiny};
use super::*;
use crate::config::{RunConfig, TrainingConfig};
use crate::data::fixture::Folder;
use crate::device::Device;
use crate::training::distributed::{Place, World};
use crate::training::{RunFolder, train};
use crate::windows::dataset::{Shard, Windows, step_windows};

const SOON: Duration = Duration::from_secs(20);

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn place(rank: usize, size: usize, port: u16) -> Place {
    let (local_rank, serves) = (rank, rank == 0);
    Place { rank, local_rank, size, host: "127.0.0.1".into(), port, serves, prefix: "test".into() }
}

fn join(rank: usize, size: usize, port: u16) -> World {
    World::join(&place(rank, size, port), Device::Cpu, SOON).unwrap()
}

#[test]
fn variables_are_all_set_or_none() {
    let all = [
        ("RANK", "1"),
        ("LOCAL_RANK", "0"),
        ("WORLD_SIZE", "2"),
        ("MASTER_ADDR", "h"),
        ("MASTER_PORT", "29500"),
    ];
    let parse = |set: &[(&str, &str)]| {
        Place::from_variables(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    };
    assert_eq!(parse(&[]).unwrap(), None);
    let found = parse(&all).unwrap().unwrap();
    assert_eq!((found.rank, found.local_rank, found.size, found.port), (1, 0, 2, 29_500));
    assert!(!found.serves);
    assert!(parse(&[("RANK", "0"), all[1], all[2], all[3], all[4]]).unwrap().unwrap().serves);
    let agent = [("RANK", "0"), all[1], all[2], all[3], all[4], ("TORCHELASTIC_USE_AGENT_STORE", "True")];
    assert!(!parse(&agent).unwrap().unwrap().serves, "torchrun's agent has the port");

    let half = parse(&all[..3]).unwrap_err().to_string();
    assert!(half.contains("MASTER_ADDR, MASTER_PORT not"), "{half}");
    for (name, value) in [("RANK", "2"), ("WORLD_SIZE", "0"), ("MASTER_PORT", "70000"), ("LOCAL_RANK", "x")] {
        let wrong = all.map(|(n, v)| if n == name { (n, value) } else { (n, v) });
        let error = parse(&wrong).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
}

#[test]
fn ranks_sum_share_and_agree() {
    let port = free_port();
    std::thread::scope(|scope| {
        for rank in 0..3 {
            scope.spawn(move || {
                let world = join(rank, 3, port);
                let own = [Tensor::from_slice(&[rank as f32, 1.0]), Tensor::from(10f32.powi(rank as i32))];
                world.sum(&own).unwrap();
                assert_eq!(Vec::<f32>::try_from(&own[0]).unwrap(), [3.0, 3.0]);
                assert_eq!(own[1].double_value(&[]), 111.0);

                let shared = Tensor::from_slice(&[rank as i64 + 5]);
                world.share(std::slice::from_ref(&shared)).unwrap();
                assert_eq!(shared.int64_value(&[0]), 5);

                world.agree("the seed", "1").unwrap();
                let differs = world.agree("the seed", if rank == 2 { "2" } else { "1" });
                assert_eq!(differs.is_err(), rank == 2);
                if let Err(error) = differs {
                    assert!(error.to_string().contains("rank 2 of 3: the seed differs"), "{error}");
                }
                world.barrier().unwrap();
            });
        }
    });
}

#[test]
fn a_rank_that_does_not_come_is_named() {
    let wait = Duration::from_secs(1);
    let error =
        |rank| World::join(&place(rank, 2, free_port()), Device::Cpu, wait).err().unwrap().to_string();
    assert!(error(0).contains("rank 0 of 2: rank 1 did not come within 1 s"), "{}", error(0));
    assert!(error(1).contains("rank 1 of 2: rank 0 does not answer at 127.0.0.1:"), "{}", error(1));
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = World::join(&place(0, 2, port), Device::Cpu, SOON).err().unwrap().to_string();
    assert!(error.contains(&format!("port {port} is in use")), "{error}");
}

#[test]
fn a_rank_that_dies_is_named() {
    let port = free_port();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(join(1, 2, port)));
        let world = join(0, 2, port);
        let error = world.sum(&[Tensor::from(1f32)]).unwrap_err().to_string();
        assert!(error.contains("rank 0 of 2: rank 1 does not answer"), "{error}");
    });
}

#[test]
fn shards_are_the_windows_of_the_whole_batch() {
    let data = data();
    let source = Windows::new(&data, Split::Train, &tiny()).unwrap();
    let windows = |batch, rank, size| {
        let config = TrainingConfig { batch, ..tiny().training };
        let windows = step_windows(&source, &config, 3, Shard { rank, size }).unwrap();
        windows.into_iter().map(|window| window.mels).collect::<Vec<_>>()
    };
    let shards = [windows(2, 0, 2), windows(2, 1, 2)].concat();
    assert!(shards == windows(4, 0, 1));
    assert!(shards[0] != shards[2]);
}

/// Set in the processes that the test below starts: the folder of their run.
const RUN: &str = "VAP_TEST_RUN";

fn even(batch: usize) -> RunConfig {
    let mut config = tiny();
    config.training = TrainingConfig {
        steps: 40,
        batch,
        evaluate_every: 5,
        checkpoint_every: 40,
        dropout: 0.0,
        ..config.training
    };
    config
}

#[test]
fn two_processes_train_as_one_with_the_double_batch() {
    let data = data();
    if let Ok(folder) = std::env::var(RUN) {
        return train(&even(2), &data, &RunFolder::new(folder.as_ref()), None).unwrap();
    }
    let _turn = alone();
    let (folder, port) = (Folder::new(), free_port().to_string());
    let (one, two) = (RunFolder::new(&folder.0.join("one")), RunFolder::new(&folder.0.join("two")));
    let children = ["0", "1"].map(|rank| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::distributed::two_processes_train_as_one_with_the_double_batch"])
            .envs([("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", "2"), ("OMP_NUM_THREADS", "1")])
            .envs([("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &port)])
            .env(RUN, folder.0.join("two"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    });
    train(&even(4), &data, &one, None).unwrap();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }

    let lines = |run: &RunFolder| -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(run.log()).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (one_log, two_log) = (lines(&one), lines(&two));
    assert_eq!((one_log.len(), two_log.len()), (10, 10), "two lines of training, eight validations");
    for (a, b) in one_log.iter().zip(&two_log) {
        for key in ["loss", "gradient_norm", "dev_loss"] {
            let (a, b) = (a[key].as_f64().unwrap_or(0.0), b[key].as_f64().unwrap_or(0.0));
            assert!((a - b).abs() <= 1e-4 * a.abs(), "{key}: {a} and {b}");
        }
    }
    assert!(one_log[0]["dev_loss"] != one_log[9]["dev_loss"], "nothing was learned");
    for ((name, a), (_, b)) in checkpoint(&one).iter().zip(&checkpoint(&two)) {
        let off = (a - b).abs().max().double_value(&[]);
        assert!(off < 1e-3, "{name} is off by {off}");
    }
}
