//! PyTorch with CUDA in a Python environment of the cache folder, for machines with an NVIDIA GPU: its wheels bring
//! every library that training there needs, and no CUDA toolkit has to be installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{host, shell};

/// Headers with which NCCL is built in; the wheels of PyTorch bring its library alone.
const HEADERS: [&str; 2] = ["nvidia-cuda-crt", "nvidia-cuda-cccl"];

/// Whether this machine has an NVIDIA GPU and its driver.
pub fn is_there() -> bool {
    cfg!(target_os = "linux") && Path::new("/proc/driver/nvidia/version").exists()
}

/// The folder with the environment's `python3`, and that of libtorch's libraries.
pub fn ensure(cache: &Path, version: &str) -> Result<(PathBuf, PathBuf)> {
    let folder = cache.join(format!("torch-{version}-cuda"));
    let bin = folder.join("bin");
    let done = folder.join(".done");
    if !done.exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        println!("installing PyTorch {version} with CUDA from PyPI, about 3 GB to load, 6 GB kept");
        let make = || {
            let mut python = shell::command("python3");
            python.args(["-m", "venv"]).arg(&folder);
            python
        };
        if shell::run(&mut make()).is_err() {
            host::install(&["python3-venv"], "Python's venv, to fetch PyTorch from PyPI", "about 40 MB")?;
            shell::run(&mut make())?;
        }
        let torch = format!("torch=={version}");
        let mut pip = shell::command(bin.join("python3"));
        shell::run(pip.args(["-m", "pip", "install", "--quiet", &torch]).args(HEADERS))?;
        fs::write(&done, "")?;
    }
    let script = "import os, torch; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))";
    let lib = shell::capture(shell::command(bin.join("python3")).args(["-c", script]))?;
    let lib = PathBuf::from(lib.trim());
    if !lib.join("libtorch_cuda.so").exists() {
        bail!("{} has no libtorch_cuda.so: PyPI gave a PyTorch without CUDA", lib.display());
    }
    Ok((bin, lib))
}
