//! Where the trainer computes: CUDA when a GPU and its libraries are there, else the CPU.

use tch::Cuda;

use crate::config::{Precision, TrainingConfig};
use crate::error::{Error, Result};

pub use tch::Device;

/// The device training runs on: of several GPUs that of this process, by its rank on this machine.
///
/// The linker drops `libtorch_cuda` as unneeded, since tch calls nothing in it by name; loading it here registers
/// the CUDA backend, so that one binary serves both worlds.
///
/// # Errors
/// [`Error::Distributed`] with more processes on this machine than GPUs.
pub fn choose(local_rank: usize) -> Result<Device> {
    load_cuda();
    let gpus = usize::try_from(Cuda::device_count()).unwrap_or(0);
    match local_rank {
        _ if !Cuda::is_available() => Ok(Device::Cpu),
        rank if rank < gpus => Ok(Device::Cuda(rank)),
        rank => {
            Err(Error::Distributed(format!("LOCAL_RANK: expected a rank below {gpus} GPUs, found {rank}")))
        }
    }
}

/// `config` with everything settled that it leaves to the machine: batch, workers, precision.
pub fn resolve(config: &TrainingConfig, device: Device) -> TrainingConfig {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cuda = device.is_cuda();
    let or = |asked: usize, chosen: usize| if asked == 0 { chosen } else { asked };
    TrainingConfig {
        batch: or(config.batch, if cuda { 32 } else { 4 }),
        // On the CPU the optimiser needs the cores itself.
        workers: or(config.workers, if cuda { (cores - 1).clamp(1, 16) } else { (cores / 8).max(1) }),
        precision: match config.precision {
            Precision::Auto if cuda => Precision::Mixed,
            Precision::Auto => Precision::Single,
            asked => asked,
        },
        ..config.clone()
    }
}

/// The device in words.
pub fn describe(device: Device) -> String {
    match device {
        Device::Cpu => format!("CPU, {} threads", tch::get_num_threads()),
        other => format!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn load_cuda() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY};
    // SAFETY: the initialisers of libtorch_cuda are what any program linked with it runs at start-up.
    if let Ok(library) = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_LAZY | RTLD_GLOBAL) } {
        // Its kernels are registered from now on: it must stay loaded.
        std::mem::forget(library);
    }
}

#[cfg(not(target_os = "linux"))]
fn load_cuda() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_chooses_only_what_is_left_to_it() {
        let open = TrainingConfig::default();
        let cpu = resolve(&open, Device::Cpu);
        assert_eq!((cpu.batch, cpu.precision), (4, Precision::Single));
        let cuda = resolve(&open, Device::Cuda(0));
        assert_eq!((cuda.batch, cuda.precision), (32, Precision::Mixed));
        assert!(cpu.workers >= 1 && cuda.workers >= cpu.workers);
        let asked =
            TrainingConfig { batch: 7, workers: 3, precision: Precision::Mixed, ..TrainingConfig::default() };
        assert_eq!(resolve(&asked, Device::Cpu), asked);
        assert_eq!(resolve(&asked, Device::Cuda(0)), asked);
    }
}
