//! Set-up: finds or installs what a verb needs, says which and how big before it does, and does nothing when
//! all is there. Each verb asks for its own part; `cargo xtask setup` asks for everything.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::browsers::{self, Browsers};
use crate::libtorch::{self, Libtorch};
use crate::{host, paths, shell};

const WASM: &str = "wasm32-unknown-unknown";

/// Where the packed package is tried in its consumers.
const CONSUMERS: &str = "tests/consumers";

/// The oldest Node that the package supports: major, minor.
const NODE: (u32, u32) = (20, 19);

/// What only the test gate needs beyond the build.
pub struct TestTools {
    libtorch: Libtorch,
    browsers: Browsers,
}

impl TestTools {
    /// A cargo command that can build and run tch.
    pub fn cargo(&self, arguments: &[&str]) -> Result<Command> {
        let mut cargo = shell::cargo(arguments)?;
        self.libtorch.apply(&mut cargo)?;
        Ok(cargo)
    }

    /// The browsers for the browser tests.
    pub fn browsers(&self) -> &Browsers {
        &self.browsers
    }
}

/// `cargo xtask setup`.
pub fn everything() -> Result<()> {
    let tools = for_tests()?;
    println!("all set: cargo xtask demo");
    println!("\nTo run cargo on the trainer by hand, without building anything twice, set these first:");
    for (name, value) in tools.libtorch.variables()? {
        println!("{}", export(name, &value));
    }
    println!("{}", export("CARGO_TARGET_DIR", paths::target()?.as_os_str()));
    Ok(())
}

/// A line for a POSIX shell.
fn export(name: &str, value: &OsStr) -> String {
    format!("export {name}='{}'", value.to_string_lossy().replace('\'', r"'\''"))
}

/// What building and running the package needs: the wasm target, Node, npm's packages.
pub fn for_build() -> Result<()> {
    let _lock = lock()?;
    println!("set-up");
    wasm_target()?;
    node()?;
    npm_packages("npm", &[], "development only, about 60 MB")
}

/// All of `for_build`, and a C++ compiler, libtorch and the browsers.
pub fn for_tests() -> Result<TestTools> {
    for_build()?;
    let libtorch = for_training()?;
    let _lock = lock()?;
    let browsers = browsers::for_tests()?;
    // Runtimes among them would be fetched by their install scripts: their packages for this machine are enough.
    npm_packages(CONSUMERS, &["--ignore-scripts"], "bundlers and runtimes, about 320 MB")?;
    Ok(TestTools { libtorch, browsers })
}

/// What the trainer needs: a C++ compiler and libtorch, with CUDA where there is a GPU.
pub fn for_training() -> Result<Libtorch> {
    let _lock = lock()?;
    compiler()?;
    libtorch::ensure()
}

/// Held while things are installed, so that two set-ups at once do not write the same folder.
fn lock() -> Result<File> {
    let cache = paths::cache()?;
    fs::create_dir_all(&cache)
        .with_context(|| format!("cannot make the cache folder {}", cache.display()))?;
    let file = File::create(cache.join("setup.lock"))?;
    if file.try_lock().is_err() {
        println!("waiting for another set-up to end");
        file.lock()?;
    }
    Ok(file)
}

fn wasm_target() -> Result<()> {
    let folder =
        shell::capture(shell::command("rustc").args(["--print", "target-libdir", "--target", WASM]))?;
    if !PathBuf::from(folder.trim()).is_dir() {
        if shell::find(&["rustup"]).is_none() {
            bail!("Rust's {WASM} target is missing and there is no rustup to add it: install it by hand");
        }
        println!("installing Rust's {WASM} target through rustup, about 30 MB");
        shell::run(shell::command("rustup").args(["target", "add", WASM]))?;
    }
    println!("  rust       {WASM}");
    Ok(())
}

fn node() -> Result<()> {
    let (major, minor) = NODE;
    let needed = format!("Node {major}.{minor} or newer is needed");
    let Some(node) = shell::find(&["node"]) else {
        bail!("{needed}, and no `node` is on the PATH: https://nodejs.org");
    };
    let version = shell::capture(shell::command(&node).arg("--version"))?;
    let version = version.trim();
    if parse_version(version).is_none_or(|found| found < NODE) {
        bail!("{needed}, and {} is {version}", node.display());
    }
    if shell::find(&["npm"]).is_none() {
        bail!("npm is missing: it comes with Node, or as a package of its own");
    }
    println!("  node       {version}");
    Ok(())
}

/// `v20.19.1` -> (20, 19).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Installs what a folder's `package-lock.json` lists, unless the last install was of this very list.
fn npm_packages(folder: &str, flags: &[&str], what: &str) -> Result<()> {
    let folder = paths::inside(folder);
    let shown = folder.strip_prefix(paths::root()).unwrap_or(&folder).display();
    let wanted = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{shown}/package-lock.json is missing"))?;
    let installed = folder.join("node_modules/.xtask-package-lock.json");
    if fs::read(&installed).ok().as_ref() != Some(&wanted) {
        println!("installing the npm packages of {shown}/package-lock.json ({what})");
        shell::run(shell::npm(&["ci", "--no-audit", "--no-fund"]).args(flags).current_dir(&folder))
            .with_context(|| {
                format!("the packages of {shown} come from npm's registry: is there a network?")
            })?;
        fs::create_dir_all(folder.join("node_modules"))?;
        fs::write(&installed, wanted)?;
    }
    println!("  npm        {shown}/node_modules");
    Ok(())
}

fn compiler() -> Result<()> {
    let own = std::env::var("CXX").ok().filter(|name| !name.is_empty());
    if cfg!(windows) || own.is_some() {
        return Ok(());
    }
    if shell::find(&["c++", "g++", "clang++"]).is_none() {
        host::install(&["g++"], "a C++ compiler, for tch", "about 200 MB")?;
    }
    println!("  compiler   C++");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_compared_as_numbers() {
        assert_eq!(parse_version("v20.19.1"), Some((20, 19)));
        assert!(parse_version("v20.9.0").unwrap() < NODE);
        assert!(parse_version("v22.0.0").unwrap() > NODE);
        assert_eq!(parse_version("nightly"), None);
    }

    #[test]
    fn exported_values_are_quoted() {
        assert_eq!(
            export("LIBTORCH", OsStr::new("/my libs/o'torch")),
            r"export LIBTORCH='/my libs/o'\''torch'"
        );
    }
}
