//! Where things are: the repository, the cache folder that outlives checkouts, the shared target folder.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The repository root.
pub fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let manifest = PathBuf::from(manifest);
    manifest.parent().map(PathBuf::from).unwrap_or(manifest)
}

/// A path inside the repository, written with forward slashes.
pub fn inside(relative: &str) -> PathBuf {
    root().join(relative)
}

/// `$VAP_TURN_CACHE`, else `$XDG_CACHE_HOME/vap-turn`, else `~/.cache/vap-turn`.
pub fn cache() -> Result<PathBuf> {
    if let Some(folder) = variable("VAP_TURN_CACHE") {
        return std::path::absolute(folder).context("VAP_TURN_CACHE is not a usable path");
    }
    if let Some(folder) = variable("XDG_CACHE_HOME") {
        return Ok(folder.join("vap-turn"));
    }
    let home = env::home_dir().context("no home folder: set VAP_TURN_CACHE to a folder of your choice")?;
    Ok(home.join(".cache").join("vap-turn"))
}

/// The target folder of every cargo started here: the user's own, else one shared by all checkouts.
pub fn target() -> Result<PathBuf> {
    match variable("CARGO_TARGET_DIR") {
        Some(folder) => std::path::absolute(folder).context("CARGO_TARGET_DIR is not a usable path"),
        None => Ok(cache()?.join("target")),
    }
}

/// An environment variable as a path; empty counts as unset.
pub fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
