//! The browsers of the tests: found, or installed where the machine lets us.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{host, paths, shell};

/// A browser that the tests know.
#[derive(Clone, Copy)]
pub enum Browser {
    Chromium,
    Firefox,
}

/// Every one of them.
pub const ALL: [Browser; 2] = [Browser::Chromium, Browser::Firefox];

/// Where they are.
pub struct Browsers {
    chromium: PathBuf,
    firefox: PathBuf,
}

impl Browsers {
    /// Makes the tests that a command runs use that browser.
    pub fn apply(&self, browser: Browser, command: &mut Command) {
        command.env("CHROMIUM", &self.chromium).env("FIREFOX", &self.firefox);
        command.env(
            "BROWSER",
            match browser {
                Browser::Chromium => "chromium",
                Browser::Firefox => "firefox",
            },
        );
    }
}

/// Finds both, or installs them.
pub fn for_tests() -> Result<Browsers> {
    let packages = ["chromium", "fonts-liberation"];
    let chromium = found("Chromium", find_chromium, &packages, "about 400 MB")?;
    let firefox = found("Firefox", find_firefox, &["firefox-esr"], "about 300 MB")?;
    // Without an audio device a Firefox runs no AudioContext; this one plays to nowhere.
    if cfg!(target_os = "linux") && shell::find(&["pulseaudio"]).is_none() {
        host::install(&["pulseaudio"], "PulseAudio, for sound in Firefox", "about 10 MB")?;
    }
    Ok(Browsers { chromium, firefox })
}

fn found(
    name: &str,
    find: fn() -> Result<Option<PathBuf>>,
    packages: &[&str],
    size: &str,
) -> Result<PathBuf> {
    let path = match find()? {
        Some(path) => path,
        None => {
            host::install(packages, &format!("{name}, for browser tests"), size)?;
            find()?.with_context(|| format!("apt-get installed {name}, but it is not on the PATH"))?
        }
    };
    println!("  {:<10} {}", name.to_lowercase(), path.display());
    Ok(path)
}

/// `$CHROMIUM`, else a Chromium or Chrome in its usual place.
pub fn find_chromium() -> Result<Option<PathBuf>> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let places = [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "C:/Program Files/Google/Chrome/Application/chrome.exe",
    ];
    find("CHROMIUM", &names, &places)
}

/// `$FIREFOX`, else a Firefox in its usual place.
fn find_firefox() -> Result<Option<PathBuf>> {
    let places =
        ["/Applications/Firefox.app/Contents/MacOS/firefox", "C:/Program Files/Mozilla Firefox/firefox.exe"];
    find("FIREFOX", &["firefox-esr", "firefox"], &places)
}

fn find(variable: &str, names: &[&str], places: &[&str]) -> Result<Option<PathBuf>> {
    if let Some(path) = paths::variable(variable) {
        if !path.is_file() {
            bail!("{variable} is set to {}, which is not a file", path.display());
        }
        return Ok(Some(path));
    }
    Ok(shell::find(names).or_else(|| places.iter().map(PathBuf::from).find(|path| path.is_file())))
}
