//! The gate: every check of the repository in one row, cheapest first, stopping at the first that fails.
//! CI runs this and nothing else.
//!
//! All native steps name the whole workspace with the same features: cargo unites features over what is named,
//! and another selection would build Burn a second time.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::browsers::Browser;
use crate::setup::TestTools;
use crate::{declarations, paths, setup, shell, sizes, wasm, wasm_tests};

const ALL: [&str; 3] = ["--workspace", "--features", "vap-tests/torch"];

/// How the names of the tests begin that hold the runtime to libtorch; they run last.
const PARITY: &str = "parity::";

struct Gate {
    name: &'static str,
    run: fn(&TestTools) -> Result<()>,
}

/// How many checks there are.
pub const COUNT: i64 = GATES.len() as i64;

const GATES: [Gate; 13] = [
    Gate { name: "format", run: format },
    Gate { name: "lint, native", run: lint_native },
    Gate { name: "lint, wasm32", run: lint_wasm },
    Gate { name: "Rust tests", run: rust_tests },
    Gate { name: "documentation", run: documentation },
    Gate { name: "wasm build, declarations and size", run: wasm_build },
    Gate { name: "TypeScript types and lint", run: typescript },
    Gate { name: "Node tests", run: node_tests },
    Gate { name: "Chromium tests", run: |tools| browser_tests(tools, Browser::Chromium) },
    Gate { name: "Firefox tests", run: |tools| browser_tests(tools, Browser::Firefox) },
    Gate { name: "Rust tests in browsers", run: |tools| wasm_tests::run(tools.browsers()) },
    Gate { name: "package in its consumers", run: consumers },
    Gate { name: "parity with libtorch", run: parity },
];

/// `cargo xtask test`, from the Nth check on; the first is 1.
pub fn run(from: u8) -> Result<()> {
    let first = usize::from(from) - 1;
    let start = Instant::now();
    let tools = setup::for_tests()?;
    for (index, gate) in GATES.iter().enumerate().skip(first) {
        println!("\n== {}/{} {}", index + 1, GATES.len(), gate.name);
        let gate_start = Instant::now();
        let outcome = (gate.run)(&tools);
        let taken = clock(gate_start.elapsed());
        if let Err(error) = outcome {
            let left = GATES.len() - index - 1;
            let passed = index - first;
            println!("\n== gates: {passed} passed, 1 failed, {left} not run, {}", clock(start.elapsed()));
            bail!("gate \"{}\" failed after {taken}: {error:#}", gate.name);
        }
        println!("== {}: passed in {taken}", gate.name);
    }
    println!("\n== gates: {} passed, 0 failed, {}", GATES.len() - first, clock(start.elapsed()));
    Ok(())
}

fn format(_: &TestTools) -> Result<()> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"])?)
}

fn lint_native(tools: &TestTools) -> Result<()> {
    shell::run(tools.cargo(&["clippy"])?.args(ALL).args(["--all-targets", "--", "-D", "warnings"]))
}

fn lint_wasm(_: &TestTools) -> Result<()> {
    let both = ["-p", "vap-core", "-p", "vap-wasm", "--lib", "--tests", "--", "-D", "warnings"];
    shell::run(&mut wasm::cargo("clippy", &both)?)?;
    shell::run(wasm::gpu_cargo("clippy")?.args(["--", "-D", "warnings"]))
}

fn rust_tests(tools: &TestTools) -> Result<()> {
    shell::run(&mut tools.cargo(&["test", "--workspace", "--exclude", "vap-tests"])?)?;
    shell::run(tools.cargo(&["test"])?.args(ALL).args(["--test", "all", "--", "--skip", PARITY]))
}

fn documentation(tools: &TestTools) -> Result<()> {
    shell::run(tools.cargo(&["doc", "--no-deps"])?.args(ALL).env("RUSTDOCFLAGS", "-D warnings"))
}

fn wasm_build(_: &TestTools) -> Result<()> {
    let before = declarations::held()?;
    wasm::package(true)?;
    declarations::hold(&before)?;
    sizes::hold_ceilings()
}

fn typescript(_: &TestTools) -> Result<()> {
    shell::run(&mut shell::npm(&["run", "types"]))?;
    shell::run(&mut shell::npm(&["run", "lint"]))
}

fn node_tests(tools: &TestTools) -> Result<()> {
    let events = native_events(tools)?;
    shell::run(shell::npm(&["test"]).env("VAP_NATIVE_EVENTS", events).env("VAP_REQUIRE_NATIVE", "1"))
}

fn browser_tests(tools: &TestTools, browser: Browser) -> Result<()> {
    let mut npm = shell::npm(&["run", "test:browser"]);
    tools.browsers().apply(browser, &mut npm);
    shell::run(&mut npm)
}

/// Bundlers, runtimes, examples and the snippets of the README, each with the packed package in a fresh folder.
fn consumers(tools: &TestTools) -> Result<()> {
    let mut npm = shell::npm(&["run", "test:consumers"]);
    tools.browsers().apply(Browser::Chromium, &mut npm);
    shell::run(&mut npm)
}

fn parity(tools: &TestTools) -> Result<()> {
    let mut list = tools.cargo(&["test"])?;
    let names = shell::capture(list.args(ALL).args(["--test", "all", PARITY, "--", "--list"]))?;
    if !names.contains("parity::torch::") {
        bail!("no test is named parity::torch::*: nothing holds the runtime to libtorch");
    }
    shell::run(tools.cargo(&["test"])?.args(ALL).args(["--test", "all", PARITY]))
}

/// What the native build says of the fixture, as a file of JSON lines: the Node tests hold wasm to it.
fn native_events(tools: &TestTools) -> Result<PathBuf> {
    shell::run(tools.cargo(&["build"])?.args(ALL).args(["--example", "analyze"]))?;
    let program = paths::target()?.join("debug").join("examples").join("analyze");
    let mut analyze = shell::command(program);
    analyze.args(["npm/models/optimized.safetensors", "tests/fixtures/call.wav", "--frames"]);
    let lines = shell::run_for_output(&mut analyze)?;
    let file = paths::target()?.join("native-events.jsonl");
    fs::write(&file, lines).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(clock(Duration::from_millis(1_540)), "1.5 s");
        assert_eq!(clock(Duration::from_secs(725)), "12 min 5 s");
    }
}
