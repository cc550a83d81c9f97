//! Compiles `native/c10d.cpp` against the libtorch that torch-sys found: with Gloo where libtorch brings c10d's
//! headers, with NCCL too where it brings CUDA and the headers of CUDA and NCCL can be found.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Gloo's headers that libtorch's ProcessGroupGloo.hpp includes; see `native/gloo_names.h`.
const GLOO_HEADERS: [&str; 5] =
    ["algorithm.h", "common/error.h", "context.h", "rendezvous/store.h", "transport/device.h"];

/// Headers that libtorch's ProcessGroupNCCL.hpp needs from elsewhere.
const CUDA_HEADERS: [&str; 7] = [
    "nccl.h",
    "cuda_runtime_api.h",
    "crt/host_config.h",
    "nv/target",
    "cublas_v2.h",
    "cusparse.h",
    "cusolverDn.h",
];

fn main() -> std::io::Result<()> {
    for path in ["build.rs", "native"] {
        println!("cargo:rerun-if-changed={path}");
    }
    for variable in ["DEP_TCH_LIBTORCH_LIB", "LIBTORCH_INCLUDE", "CUDA_HOME", "NCCL_HOME"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false).opt_level(1).file("native/c10d.cpp");
    // torch-sys names the folder on Linux and macOS alone.
    let lib = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
    let include = match (env::var_os("LIBTORCH_INCLUDE"), &lib) {
        (Some(folder), _) => Some(PathBuf::from(folder).join("include")),
        (None, Some(lib)) => Some(lib.with_file_name("include")),
        (None, None) => None,
    };
    let header = "torch/csrc/distributed/c10d/ProcessGroupGloo.hpp";
    if let (Some(lib), Some(include)) = (lib, include.filter(|folder| folder.join(header).is_file())) {
        build.include("native").include(gloo_names()?).include(&include);
        build.include(include.join("torch/csrc/api/include"));
        build.define("HAS_C10D", None).define("USE_C10D_GLOO", None);
        if let Some(folders) = cuda_headers(&lib) {
            let mut with_nccl = build.clone();
            with_nccl.includes(folders).define("USE_C10D_NCCL", None);
            match with_nccl.try_compile("vap_c10d") {
                Ok(()) => return Ok(()),
                Err(error) => println!("cargo:warning=built without NCCL: {error}"),
            }
        }
    }
    build.compile("vap_c10d");
    Ok(())
}

/// A folder in which each of Gloo's headers names `native/gloo_names.h`.
fn gloo_names() -> std::io::Result<PathBuf> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("include");
    for name in GLOO_HEADERS {
        let file = out.join("gloo").join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, "#include \"gloo_names.h\"\n")?;
    }
    Ok(out)
}

/// Folders that together hold [`CUDA_HEADERS`]: of CUDA's own installation, of the system, or of the Python packages
/// beside PyTorch's.
fn cuda_headers(lib: &Path) -> Option<Vec<PathBuf>> {
    if !lib.join("libtorch_cuda.so").is_file() {
        return None;
    }
    let home = |name: &str| env::var_os(name).map(|folder| PathBuf::from(folder).join("include"));
    let mut folders: Vec<PathBuf> = [home("NCCL_HOME"), home("CUDA_HOME")].into_iter().flatten().collect();
    folders.extend(["/usr/local/cuda/include", "/usr/include"].map(PathBuf::from));
    let packages = lib.parent().and_then(Path::parent).map(|site| site.join("nvidia"));
    if let Some(Ok(entries)) = packages.map(fs::read_dir) {
        folders.extend(entries.flatten().map(|entry| entry.path().join("include")));
    }
    let wanted = CUDA_HEADERS.map(|name| folders.iter().find(|folder| folder.join(name).is_file()).cloned());
    let mut found = wanted.into_iter().collect::<Option<Vec<_>>>()?;
    // A system folder named on the command line would come before the compiler's own.
    found.retain(|folder| folder != Path::new("/usr/include"));
    found.sort();
    found.dedup();
    Some(found)
}
