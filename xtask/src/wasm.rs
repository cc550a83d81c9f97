//! The wasm build: cargo makes a binary for the CPU and one for WebGPU, wasm-bindgen (as a library, so its version
//! cannot differ from the crate's) makes their JavaScript, npm compiles the package around them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{declarations, paths, setup, shell, sizes};

const TARGET: &str = "wasm32-unknown-unknown";

/// `cargo xtask build`; without `gpu` as `--cpu`.
pub fn build(gpu: bool) -> Result<()> {
    setup::for_build()?;
    package(gpu)
}

/// The wasm binaries, their JavaScript and the npm package, in `npm/dist`; then their sizes. Without `gpu` the GPU
/// binary stays as it is, or missing.
pub fn package(gpu: bool) -> Result<()> {
    shell::run(&mut cargo("build", &["-p", "vap-wasm"])?)?;
    bind(&paths::target()?, "wasm", "vap_wasm")?;
    if gpu {
        shell::run(&mut gpu_cargo("build")?)?;
        bind(&gpu_target()?, "gpu", "vap_gpu")?;
    }
    shell::run(&mut shell::npm(&["run", "build"]))?;
    sizes::report()
}

/// A cargo command for the GPU binary. It has a target folder of its own: both binaries bear the same name in cargo's
/// eyes. Thin LTO: fat takes minutes more and saves little.
pub fn gpu_cargo(subcommand: &str) -> Result<Command> {
    let mut cargo = cargo(subcommand, &["-p", "vap-wasm", "--features", "webgpu"])?;
    cargo.arg("--target-dir").arg(gpu_target()?).env("CARGO_PROFILE_RELEASE_LTO", "thin");
    Ok(cargo)
}

fn gpu_target() -> Result<PathBuf> {
    Ok(paths::target()?.join("gpu"))
}

/// A cargo command for the wasm target, in the one profile that is built for it.
pub fn cargo(subcommand: &str, arguments: &[&str]) -> Result<Command> {
    let mut cargo = shell::cargo(&[subcommand, "--release", "--target", TARGET])?;
    // Flags from the environment replace those of .cargo/config.toml, and SIMD would silently be off.
    cargo.args(arguments).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    Ok(cargo)
}

/// Makes the JavaScript of a binary, `name`, in its room of the package.
fn bind(target: &Path, room: &str, name: &str) -> Result<()> {
    let binary = target.join(TARGET).join("release").join("vap_wasm.wasm");
    let output = paths::inside("npm/dist").join(room);
    println!("wasm-bindgen -> npm/dist/{room}/{name}");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&binary)
        .out_name(name)
        .web(true)?
        .typescript(true)
        // The package names the binary; a default beside the glue would send bundlers of the GPU Worker after it.
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(&output).with_context(|| format!("wasm-bindgen cannot read {}", binary.display()))?;
    declarations::keep(room, name)
}
