//! The machine's own package manager. Only Debian as root is installed to; elsewhere the user is told what
//! is missing, and nothing is touched.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// Installs Debian packages after saying why and how big, or fails with what the user has to do.
pub fn install(packages: &[&str], what_for: &str, size: &str) -> Result<()> {
    let names = packages.join(" ");
    if !is_debian_root() {
        bail!("{what_for} is missing: install it (on Debian or Ubuntu: apt-get install {names})");
    }
    println!("installing {names} through apt-get, {size}: {what_for}");
    shell::run(&mut apt(&["update", "-qq"]))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    shell::run(&mut apt(&arguments))
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = shell::command("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_debian_root() -> bool {
    let is_root = || shell::capture(shell::command("id").arg("-u")).is_ok_and(|user| user.trim() == "0");
    Path::new("/etc/debian_version").exists() && shell::find(&["apt-get"]).is_some() && is_root()
}
