//! Data-parallel training: one process a device, each with its share of every batch, started by the environment
//! variables of torchrun. Gradients are summed over libtorch's process groups: NCCL between GPUs where the build has
//! it, else Gloo.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tch::Tensor;

use super::c10d::{Group, Message, Seat, Store, has_nccl};
use crate::device::{self, Device};
use crate::error::{Error, Result};

/// How long ranks wait for each other at the start.
const JOIN: Duration = Duration::from_secs(300);
/// How long a rank waits for the others in a step; validation is within it. libtorch's own default.
const STEP: Duration = Duration::from_secs(1_800);
/// How long the others have to answer after something failed.
const ROLL_CALL: Duration = Duration::from_secs(5);
/// What makes a process one of several: all or none.
const VARIABLES: [&str; 5] = ["RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"];

/// Which of several processes this is, and where they meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Rank, from 0.
    pub rank: usize,
    /// Rank on this machine: the number of its GPU.
    pub local_rank: usize,
    /// Processes in all.
    pub size: usize,
    /// Host of the store.
    pub host: String,
    /// Port of the store.
    pub port: u16,
    /// Whether this process serves the store.
    pub serves: bool,
    /// Apart from earlier starts of the same job.
    pub prefix: String,
}

impl Place {
    /// The place that environment variables name; none when none of them is set.
    ///
    /// # Errors
    /// [`Error::Distributed`] when only some are set or one is out of range.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Place>> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let (set, unset): (Vec<&str>, Vec<&str>) = VARIABLES.iter().partition(|name| get(name).is_some());
        if set.is_empty() {
            return Ok(None);
        }
        if !unset.is_empty() {
            return Err(Error::Distributed(format!(
                "{} set, {} not: expected all or none",
                set.join(", "),
                unset.join(", ")
            )));
        }
        let number = |name: &str, allowed: std::ops::RangeInclusive<usize>| {
            let text = get(name).unwrap_or_default();
            let value = text.parse().ok().filter(|value| allowed.contains(value));
            value.ok_or_else(|| {
                let (low, high) = (allowed.start(), allowed.end());
                Error::Distributed(format!("{name}: expected {low} to {high}, found {text:?}"))
            })
        };
        let size = number("WORLD_SIZE", 1..=65_535)?;
        let rank = number("RANK", 0..=size - 1)?;
        // Under torchrun the agent that starts the ranks serves the store, and starts them anew after a failure.
        let agent_serves = get("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|value| value == "True");
        let start = get("TORCHELASTIC_RESTART_COUNT").unwrap_or_else(|| "0".into());
        Ok(Some(Place {
            rank,
            local_rank: number("LOCAL_RANK", 0..=size - 1)?,
            size,
            host: get("MASTER_ADDR").unwrap_or_default(),
            port: number("MASTER_PORT", 1..=65_535)? as u16,
            serves: rank == 0 && !agent_serves,
            prefix: format!("vap-train/{start}"),
        }))
    }

    fn fault(&self, message: impl std::fmt::Display) -> Error {
        Error::Distributed(format!("rank {} of {}: {message}", self.rank, self.size))
    }

    fn seat(&self) -> Seat {
        Seat { rank: self.rank as i32, size: self.size as i32 }
    }
}

/// The processes of a run as one of them sees them; most runs have one.
pub struct World {
    device: Device,
    peers: Option<Peers>,
}

struct Peers {
    place: Place,
    on_gpu: bool,
    // Dropped before the store that it was made with.
    group: Group,
    store: Store,
}

impl World {
    /// A process by itself.
    pub fn alone(device: Device) -> World {
        World { device, peers: None }
    }

    /// Joins the run that the environment variables name, with the GPU of this rank; alone when none is set.
    ///
    /// # Errors
    /// [`Error::Distributed`] when variables are half set, the port is taken or a rank does not come.
    pub fn from_env() -> Result<World> {
        match Place::from_variables(|name| std::env::var(name).ok())? {
            None => Ok(World::alone(device::choose(0)?)),
            Some(place) => World::join(&place, device::choose(place.local_rank)?, JOIN),
        }
    }

    /// Meets the other ranks within `timeout`.
    ///
    /// # Errors
    /// [`Error::Distributed`] when the port is taken or a rank does not come.
    pub fn join(place: &Place, device: Device, timeout: Duration) -> Result<World> {
        if place.size == 1 {
            return Ok(World::alone(device));
        }
        let at = format!("{}:{}", place.host, place.port);
        let opened = Store::open(&place.host, place.port, place.serves, &place.prefix, timeout);
        let store = opened.map_err(|message| match place.serves {
            true if message.contains("EADDRINUSE") => {
                place.fault(format!("port {} is in use, set MASTER_PORT to another ({message})", place.port))
            }
            true => place.fault(format!("the ranks cannot meet at {at}: {message}")),
            false => place.fault(format!("rank 0 does not answer at {at}: {message}")),
        })?;
        let absent = store.roll_call("join", place.seat(), timeout).map_err(|m| place.fault(m))?;
        if !absent.is_empty() {
            let waited = timeout.as_secs_f32();
            return Err(place.fault(format!("{} did not come within {waited} s", ranks(&absent))));
        }
        let cuda = match device {
            Device::Cuda(index) if has_nccl() => Some(index),
            _ => None,
        };
        let group = Group::connect(&store, place.seat(), cuda, timeout, STEP).map_err(|m| place.fault(m))?;
        let peers = Peers { place: place.clone(), on_gpu: cuda.is_some(), group, store };
        Ok(World { device, peers: Some(peers) })
    }

    /// Rank, from 0.
    pub fn rank(&self) -> usize {
        self.peers.as_ref().map_or(0, |peers| peers.place.rank)
    }

    /// Processes in all.
    pub fn size(&self) -> usize {
        self.peers.as_ref().map_or(1, |peers| peers.place.size)
    }

    /// Whether this process is the one that logs, evaluates and saves.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Device of this process.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The processes in words.
    pub fn describe(&self) -> String {
        let device = device::describe(self.device);
        match &self.peers {
            None => device,
            Some(peers) => {
                let backend = if peers.on_gpu { "NCCL" } else { "Gloo" };
                format!("{device}, {} processes over {backend}", peers.place.size)
            }
        }
    }

    /// Replaces tensors of one kind by their sums over all ranks, in one exchange.
    ///
    /// # Errors
    /// [`Error::Distributed`] when a rank is gone.
    pub fn sum(&self, tensors: &[Tensor]) -> Result<()> {
        self.exchange(tensors, Group::all_reduce)
    }

    /// Replaces tensors of one kind by those of rank 0, in one exchange.
    ///
    /// # Errors
    /// [`Error::Distributed`] when a rank is gone.
    pub fn share(&self, tensors: &[Tensor]) -> Result<()> {
        self.exchange(tensors, |group, bucket| group.broadcast(bucket, 0))
    }

    /// Holds a text to that of rank 0: ranks that work on different things must not be averaged.
    ///
    /// # Errors
    /// [`Error::Distributed`] naming `what` differs, or when a rank is gone.
    pub fn agree(&self, what: &str, text: &str) -> Result<()> {
        let Some(peers) = &self.peers else { return Ok(()) };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let own = hasher.finish() as i64;
        let first = Tensor::from_slice(&[own]).to_device(self.device);
        self.share(std::slice::from_ref(&first))?;
        if first.int64_value(&[0]) != own {
            return Err(peers.place.fault(format!("{what} differs from that of rank 0")));
        }
        Ok(())
    }

    /// Returns when all ranks have come here.
    ///
    /// # Errors
    /// [`Error::Distributed`] when a rank is gone.
    pub fn barrier(&self) -> Result<()> {
        let Some(peers) = &self.peers else { return Ok(()) };
        peers.group.barrier().map_err(|message| peers.fault(&message))
    }

    fn exchange(
        &self,
        tensors: &[Tensor],
        action: impl Fn(&Group, &mut Tensor) -> std::result::Result<(), Message>,
    ) -> Result<()> {
        let Some(peers) = &self.peers else { return Ok(()) };
        tch::no_grad(|| {
            let flat: Vec<Tensor> = tensors.iter().map(|t| t.detach().reshape([-1])).collect();
            let mut bucket = Tensor::cat(&flat, 0);
            if !peers.on_gpu {
                bucket = bucket.to_device(Device::Cpu);
            }
            action(&peers.group, &mut bucket).map_err(|message| peers.fault(&message))?;
            let mut at = 0;
            for tensor in tensors {
                let length = tensor.numel() as i64;
                let part = bucket.narrow(0, at, length).reshape(tensor.size());
                tensor.shallow_clone().copy_(&part);
                at += length;
            }
            Ok(())
        })
    }
}

impl Peers {
    /// What libtorch says of a failed exchange, with the ranks that are gone.
    fn fault(&self, message: &str) -> Error {
        let lost = match self.store.roll_call("fault", self.place.seat(), ROLL_CALL) {
            Ok(absent) if absent.is_empty() => "all ranks still answer".to_owned(),
            Ok(absent) => format!("{} does not answer", ranks(&absent)),
            Err(_) => "whoever serves the store (rank 0 or torchrun) has ended".to_owned(),
        };
        self.place.fault(format!("{lost}: {message}"))
    }
}

fn ranks(list: &[usize]) -> String {
    let numbers: Vec<String> = list.iter().map(usize::to_string).collect();
    format!("rank {}", numbers.join(", "))
}
