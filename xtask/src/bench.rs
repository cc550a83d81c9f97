//! The bench: what a hop costs in Node, in Chromium and native, beside Burn and onnxruntime, on one thread each.
//!
//! Out: Markdown on standard output, and in the folder `bench` of the target folder `bench.md`, `bench.json`,
//! `native.json` and the models that were timed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use wasm_bindgen_cli_support::Bindgen;

use crate::{browsers, paths, shell, wasm};

/// How the models are stored that the native bench reads; f16 is worked in f32.
const STORAGES: [&str; 2] = ["f16", "int8"];

/// Title of the column, and where its number lies in the native bench's JSON.
const COLUMNS: [(&str, &str); 4] = [
    ("hop median, ms", "/hopMs/median"),
    ("hop p99, ms", "/hopMs/p99"),
    ("sound a second, min", "/minutesASecond"),
    ("load, ms", "/loadMs"),
];

/// `cargo xtask bench [--quick]`.
pub fn run(quick: bool) -> Result<()> {
    let Some(chromium) = browsers::find_chromium()? else {
        bail!("no Chromium: `cargo xtask setup` installs one, CHROMIUM names another");
    };
    let folder = paths::target()?.join("bench");
    wasm::build(false)?;
    build_burn(&folder.join("burn"))?;
    let bench = paths::inside("npm/bench");
    shell::run(shell::npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(bench))?;

    let mut node = shell::command("node");
    node.arg("npm/bench/run.mjs").args(["--kernels", "npm/dist/wasm"]).env("CHROMIUM", chromium);
    node.arg("--burn").arg(folder.join("burn")).arg("--out").arg(&folder);
    if quick {
        node.arg("--quick");
    }
    shell::run(&mut node)?;
    native(&folder)
}

/// The wasm package that also holds Burn, built for speed alone. It has a target folder of its own: both binaries bear
/// the same name, and cargo would take the one for the other.
fn build_burn(output: &Path) -> Result<()> {
    let target = paths::target()?.join("burn");
    let mut cargo = wasm::cargo("build", &["-p", "vap-wasm", "--features", "burn"])?;
    shell::run(cargo.arg("--target-dir").arg(&target).env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"))?;
    let binary = target.join("wasm32-unknown-unknown").join("release").join("vap_wasm.wasm");
    println!("wasm-bindgen -> {}", output.display());
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&binary)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(output).with_context(|| format!("wasm-bindgen cannot read {}", binary.display()))
}

/// The same model without wasm, from the files that the bench in Node left in `folder`.
fn native(folder: &Path) -> Result<()> {
    let mut results = Map::new();
    for storage in STORAGES {
        let mut bench = shell::cargo(&["bench", "--profile", "dev", "-p", "vap-wasm", "--features", "burn"])?;
        let model = folder.join("models").join(format!("light-{storage}.safetensors"));
        let engines = measure(bench.args(["--bench", "session", "--"]).arg(model))?;
        for (engine, result) in engines {
            results.insert(format!("{engine}, {storage} file"), result);
        }
    }
    println!("\n## Native\n\n`light`, 48 kHz, one thread:\n\n{}", table(&results));
    fs::write(folder.join("native.json"), Value::Object(results).to_string())?;
    println!("{}", folder.display());
    Ok(())
}

/// Runs a bench and reads the JSON in the last line of what it prints: a result by engine.
fn measure(command: &mut Command) -> Result<Map<String, Value>> {
    let text = shell::run_for_output(command)?;
    let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) else {
        bail!("the bench printed nothing");
    };
    serde_json::from_str(line).with_context(|| format!("the bench's last line is not JSON: {line}"))
}

/// A Markdown table, a row a result; what was not measured is a dash.
fn table(results: &Map<String, Value>) -> String {
    let titles = COLUMNS.map(|(title, _)| title).join(" | ");
    let mut text = format!("| | {titles} |\n|---|{}\n", "---:|".repeat(COLUMNS.len()));
    for (name, result) in results {
        let number = |key: &str| result.pointer(key).and_then(Value::as_f64);
        let cells = COLUMNS.map(|(_, key)| number(key).map_or("-".to_owned(), |value| format!("{value:.2}")));
        text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_has_a_dash_for_what_was_not_measured() {
        let result = json!({ "hopMs": { "median": 1.234, "p99": 2 }, "minutesASecond": 3.5 });
        let text = table(&Map::from_iter([("native".to_owned(), result)]));
        assert_eq!(text.lines().last(), Some("| native | 1.23 | 2.00 | 3.50 | - |"));
    }
}
