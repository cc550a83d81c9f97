//! The wasm build: cargo makes the binary, wasm-bindgen (as a library, so its version cannot differ from the
//! crate's) makes its JavaScript, npm compiles the package around both.

use std::process::Command;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{paths, setup, shell, sizes};

const TARGET: &str = "wasm32-unknown-unknown";

/// `cargo xtask build`.
pub fn build() -> Result<()> {
    setup::for_build()?;
    package()
}

/// The wasm binary, its JavaScript and the npm package, in `npm/dist`; then their sizes.
pub fn package() -> Result<()> {
    shell::run(&mut cargo("build", &["-p", "vap-wasm"])?)?;
    bind()?;
    shell::run(&mut shell::npm(&["run", "build"]))?;
    sizes::report()
}

/// A cargo command for the wasm target, in the one profile that is built for it.
pub fn cargo(subcommand: &str, arguments: &[&str]) -> Result<Command> {
    let mut cargo = shell::cargo(&[subcommand, "--release", "--target", TARGET])?;
    // Flags from the environment replace those of .cargo/config.toml, and SIMD would silently be off.
    cargo.args(arguments).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    Ok(cargo)
}

fn bind() -> Result<()> {
    let binary = paths::target()?.join(TARGET).join("release").join("vap_wasm.wasm");
    let output = paths::inside("npm/dist");
    println!("wasm-bindgen -> npm/dist");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&binary)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(&output).with_context(|| format!("wasm-bindgen cannot read {}", binary.display()))
}
