//! libtorch for the trainer: the user's own, else one with CUDA where there is a GPU for it (`cuda.rs`), else the
//! cached one for the CPU, else the official CPU archive, else the libraries that the CPU needs out of PyPI's CUDA
//! wheel (which also opens where only package registries do).
//!
//! In: the environment and the cache folder. Out: the variables that a cargo building or running tch needs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{archive, cuda, host, paths, shell};

/// The release that tch 0.24 is written against.
const VERSION: &str = "2.11.0";

/// Where the loader looks for libraries first.
const LOADER_PATH: &str = if cfg!(windows) {
    "PATH"
} else if cfg!(target_os = "macos") {
    "DYLD_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// A libtorch that is ready for use.
pub struct Libtorch {
    /// The folder with `include` and `lib`; absent when tch is to ask the user's Python.
    folder: Option<PathBuf>,
    lib: PathBuf,
    /// Folder of the Python that tch is to ask, when it is not the user's.
    python: Option<PathBuf>,
}

impl Libtorch {
    /// Sets what tch needs to build and run.
    pub fn apply(&self, command: &mut Command) -> Result<()> {
        command.envs(self.variables()?);
        Ok(())
    }

    /// The environment variables that tch needs to build and run.
    pub fn variables(&self) -> Result<Vec<(&'static str, OsString)>> {
        let mut variables = Vec::new();
        if let Some(folder) = &self.folder {
            variables.push(("LIBTORCH", folder.clone().into_os_string()));
        }
        if let Some(python) = &self.python {
            let before = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(python.clone()).chain(std::env::split_paths(&before));
            let path = std::env::join_paths(folders).context("the path to Python cannot stand in PATH")?;
            variables.push(("PATH", path));
            variables.push(("LIBTORCH_USE_PYTORCH", "1".into()));
        }
        variables.push((LOADER_PATH, self.loader_path(std::env::var_os(LOADER_PATH))?));
        Ok(variables)
    }

    fn loader_path(&self, before: Option<OsString>) -> Result<OsString> {
        let before = before.unwrap_or_default();
        let folders = std::iter::once(self.lib.clone())
            .chain(std::env::split_paths(&before).filter(|folder| !folder.as_os_str().is_empty()));
        std::env::join_paths(folders).context("the path to libtorch cannot stand in a list of paths")
    }
}

/// Finds libtorch or fetches it; the caller holds the lock of the cache folder.
pub fn ensure() -> Result<Libtorch> {
    if let Some(libtorch) = users_own()? {
        return Ok(libtorch);
    }
    if cuda::is_there() {
        let (python, lib) = cuda::ensure(&paths::cache()?, VERSION)?;
        println!("  libtorch   {} (CUDA)", lib.display());
        return Ok(Libtorch { folder: None, lib, python: Some(python) });
    }
    let folder = paths::cache()?.join(format!("libtorch-{VERSION}"));
    if !folder.is_dir() {
        fetch(&folder)?;
    }
    println!("  libtorch   {}", folder.display());
    Ok(Libtorch { lib: folder.join("lib"), folder: Some(folder), python: None })
}

fn users_own() -> Result<Option<Libtorch>> {
    if let Some(folder) = paths::variable("LIBTORCH") {
        // Build scripts run in folders of their own.
        let folder = std::path::absolute(folder)?;
        let lib = folder.join("lib");
        if !lib.is_dir() {
            bail!("LIBTORCH is set to {}, which has no folder `lib`", folder.display());
        }
        println!("  libtorch   {} (LIBTORCH)", folder.display());
        return Ok(Some(Libtorch { folder: Some(folder), lib, python: None }));
    }
    if paths::variable("LIBTORCH_USE_PYTORCH").is_none() {
        return Ok(None);
    }
    let script = "import os, torch; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))";
    let lib = shell::capture(shell::command("python3").args(["-c", script]))
        .context("LIBTORCH_USE_PYTORCH is set, but Python cannot import torch")?;
    let lib = PathBuf::from(lib.trim());
    println!("  libtorch   {} (LIBTORCH_USE_PYTORCH)", lib.display());
    Ok(Some(Libtorch { folder: None, lib, python: None }))
}

/// Fills a `.part` folder and renames it last: a folder of the final name is always whole.
fn fetch(folder: &Path) -> Result<()> {
    let part = PathBuf::from(format!("{}.part", folder.display()));
    if part.exists() {
        fs::remove_dir_all(&part)?;
    }
    fs::create_dir_all(&part)?;
    let ready = part.join("libtorch");
    obtain(&part, &ready)
        .context("no libtorch could be fetched; set LIBTORCH to a libtorch 2.11.0 of your own")?;
    check(&ready)?;
    fs::rename(&ready, folder)?;
    fs::remove_dir_all(&part)?;
    Ok(())
}

fn obtain(part: &Path, ready: &Path) -> Result<()> {
    let Err(error) = from_official(part, ready) else { return Ok(()) };
    if !cfg!(target_os = "linux") {
        return Err(error);
    }
    println!("not there ({error:#}); next is PyPI");
    if ready.exists() {
        fs::remove_dir_all(ready)?;
    }
    from_wheels(part, ready)
}

fn from_official(part: &Path, ready: &Path) -> Result<()> {
    let name = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => format!("libtorch-shared-with-deps-{VERSION}%2Bcpu.zip"),
        ("macos", "aarch64") => format!("libtorch-macos-arm64-{VERSION}.zip"),
        ("windows", "x86_64") => format!("libtorch-win-shared-with-deps-{VERSION}%2Bcpu.zip"),
        (system, processor) => bail!("there is no official archive for {system} on {processor}"),
    };
    let url = format!("https://download.pytorch.org/libtorch/cpu/{name}");
    println!("fetching libtorch {VERSION} for the CPU, about 200 MB: {url}");
    let zip = part.join("libtorch.zip");
    let quick_to_give_up = ["--connect-timeout", "5", "--speed-limit", "1000", "--speed-time", "30"];
    shell::run(shell::command("curl").args(["-fsSL"]).args(quick_to_give_up).arg("-o").arg(&zip).arg(&url))?;
    archive::unpack(&zip, ready, |member| member.strip_prefix("libtorch/").map(PathBuf::from))?;
    Ok(())
}

fn from_wheels(part: &Path, ready: &Path) -> Result<()> {
    if !pip().arg("--version").output().is_ok_and(|output| output.status.success()) {
        host::install(&["python3-pip"], "pip, to fetch libtorch from PyPI", "about 40 MB")?;
    }
    println!("fetching libtorch {VERSION} from PyPI's torch wheel: 530 MB to load, 540 MB kept");
    let wheels = part.join("wheels");
    download(&format!("torch=={VERSION}"), &wheels)?;
    let torch = wheel(&wheels, "torch-")?;
    let is_cuda = archive::names(&torch)?.iter().any(|name| name.ends_with("/libtorch_cuda.so"));
    archive::unpack(&torch, ready, place_torch)?;
    if is_cuda {
        // The wheel's CPU library names these two as needed, though it runs without a GPU.
        let needed = [("nvidia-cuda-runtime", "libcudart.so."), ("nvidia-cuda-cupti", "libcupti.so.")];
        for (package, library) in needed {
            download(&format!("{package}>=13,<14"), &wheels)?;
            let wheel = wheel(&wheels, &package.replace('-', "_"))?;
            let place = |member: &str| {
                let file = member.rsplit('/').next()?;
                file.starts_with(library).then(|| Path::new("lib").join(file))
            };
            if archive::unpack(&wheel, ready, place)? == 0 {
                bail!("{} holds no {library}*", wheel.display());
            }
        }
    }
    // The wheel's own libtorch.so needs the CUDA libraries. This text is a linker script.
    fs::write(ready.join("lib").join("libtorch.so"), "INPUT(libtorch_cpu.so)\n")?;
    Ok(())
}

fn pip() -> Command {
    let mut pip = shell::command("python3");
    pip.args(["-m", "pip"]);
    pip
}

/// The Python version is named so that any Python with pip will do: only the C++ libraries are taken.
fn download(requirement: &str, folder: &Path) -> Result<()> {
    let options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version=311", "--dest"];
    shell::run(pip().arg("download").args(options).arg(folder).arg(requirement))
}

fn wheel(folder: &Path, prefix: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(entry.path());
        }
    }
    bail!("pip left no file {prefix}* in {}", folder.display())
}

/// Where a member of the torch wheel goes: headers, and the libraries that do not need CUDA or Python. What
/// those need in turn (OpenMP, BLAS) lies beside them or in `torch.libs`, under names that vary by wheel.
fn place_torch(member: &str) -> Option<PathBuf> {
    if let Some(header) = member.strip_prefix("torch/include/") {
        return Some(Path::new("include").join(header));
    }
    let library = member.strip_prefix("torch/lib/").or_else(|| member.strip_prefix("torch.libs/"))?;
    let is_library = !library.contains('/') && (library.ends_with(".so") || library.contains(".so."));
    let not_for_cpu = ["cuda", "nvrtc", "nvshmem", "python"].iter().any(|word| library.contains(word));
    let is_wanted = is_library && !not_for_cpu && library != "libtorch.so";
    is_wanted.then(|| Path::new("lib").join(library))
}

fn check(folder: &Path) -> Result<()> {
    let lib = folder.join("lib");
    let is_whole = |name: &str| lib.join(name).metadata().is_ok_and(|data| data.len() > 10_000_000);
    let has_library = ["torch_cpu.dll", "libtorch_cpu.dylib", "libtorch_cpu.so"].into_iter().any(is_whole);
    if !has_library || !folder.join("include").join("torch").is_dir() {
        bail!("what was fetched is not a libtorch: no lib/libtorch_cpu or include/torch in it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_torch_wheel_only_headers_and_cpu_libraries_are_taken() {
        let placed = |member| place_torch(member).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(placed("torch/include/ATen/ATen.h").as_deref(), Some("include/ATen/ATen.h"));
        assert_eq!(placed("torch/lib/libtorch_cpu.so").as_deref(), Some("lib/libtorch_cpu.so"));
        assert_eq!(placed("torch/lib/libgomp.so.1").as_deref(), Some("lib/libgomp.so.1"));
        assert_eq!(placed("torch.libs/libgomp-e985bcbb.so.1").as_deref(), Some("lib/libgomp-e985bcbb.so.1"));
        for left in [
            "torch/lib/libtorch.so",
            "torch/lib/libtorch_cuda.so",
            "torch/lib/libc10_cuda.so",
            "torch/lib/libcaffe2_nvrtc.so",
            "torch/lib/libtorch_python.so",
            "torch/nn/modules/linear.py",
            "torch/_C.cpython-311-x86_64-linux-gnu.so",
        ] {
            assert_eq!(placed(left), None, "{left}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn libtorch_comes_first_on_the_loader_path() {
        let libtorch = Libtorch { python: None, folder: None, lib: "/torch/lib".into() };
        assert_eq!(libtorch.loader_path(Some("/a:/b".into())).unwrap(), "/torch/lib:/a:/b");
        assert_eq!(libtorch.loader_path(None).unwrap(), "/torch/lib");
    }
}
