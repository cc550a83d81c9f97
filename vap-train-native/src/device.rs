//! Where the teacher computes: CUDA when a GPU and its libraries are there, else the CPU.

use tch::Cuda;

pub use tch::Device;

use crate::error::{Error, Result};

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
