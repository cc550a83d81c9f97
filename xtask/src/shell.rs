//! Starting other programs: each is shown before it runs, reads nothing, and a failure names it.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::paths;

/// A command in the repository root that reads nothing from the terminal.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(paths::root()).stdin(Stdio::null());
    command
}

/// A cargo command over the shared target folder; the first word of `arguments` is the subcommand.
pub fn cargo(arguments: &[&str]) -> Result<Command> {
    let mut cargo = command("cargo");
    // Set by the cargo that runs xtask. Build scripts that watch them would run again each time.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| name_text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    cargo.args(arguments).env("CARGO_TARGET_DIR", paths::target()?);
    Ok(cargo)
}

/// A script of `npm/package.json`, or npm itself, run inside `npm/`.
pub fn npm(arguments: &[&str]) -> Command {
    let mut npm = command(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.args(arguments).current_dir(paths::inside("npm"));
    npm
}

/// Shows the command, runs it with its output going to the terminal, and fails when it does.
pub fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", line(command));
    let status = command.status().map_err(|error| not_started(command, error))?;
    if !status.success() {
        bail!("`{}` failed ({status})", name(command));
    }
    Ok(())
}

/// Shows the command, runs it and returns what it wrote to standard output.
pub fn run_for_output(command: &mut Command) -> Result<String> {
    println!("$ {}", line(command));
    capture(command)
}

/// Runs the command unshown and returns what it wrote to standard output; standard error goes to the terminal.
pub fn capture(command: &mut Command) -> Result<String> {
    command.stderr(Stdio::inherit());
    let output = command.output().map_err(|error| not_started(command, error))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", name(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote text that is not UTF-8", name(command)))
}

/// The first of `names` that is an executable file on the PATH.
pub fn find(names: &[&str]) -> Option<std::path::PathBuf> {
    let folders: Vec<_> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let suffixes: &[&str] = if cfg!(windows) { &[".exe", ".cmd"] } else { &[""] };
    names
        .iter()
        .flat_map(|name| suffixes.iter().map(move |suffix| format!("{name}{suffix}")))
        .flat_map(|name| folders.iter().map(move |folder| folder.join(&name)))
        .find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

fn not_started(command: &Command, error: std::io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => anyhow!("`{program}` is not on the PATH"),
        _ => anyhow!("`{program}` did not start: {error}"),
    }
}

/// Program and first argument: enough to name a command whose whole line was shown.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args().take(1));
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Program and arguments as a person would type them, with paths shown from the repository root.
fn line(command: &Command) -> String {
    let root = paths::root();
    let shown = |word: &OsStr| {
        let path = Path::new(word);
        let text = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
        if text.contains([' ', '<', '>', '*', ';']) { format!("'{text}'") } else { text }
    };
    let words: Vec<String> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(shown).collect();
    words.join(" ")
}
