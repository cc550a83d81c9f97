//! The bench: what a 20 ms hop and a whole file cost, native and as wasm in Node, on one thread each.
//!
//! Out: a Markdown table on standard output, and `bench.json` in the target folder.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{paths, shell, wasm};

const MODEL: &str = "npm/models/optimized.safetensors";

/// Title of the column, and where its number lies in a runner's JSON.
const COLUMNS: [(&str, &str); 4] = [
    ("hop median, ms", "/hopMs/median"),
    ("hop p99, ms", "/hopMs/p99"),
    ("sound a second, min", "/minutesASecond"),
    ("load, ms", "/loadMs"),
];

/// `cargo xtask bench`.
pub fn run() -> Result<()> {
    wasm::build()?;
    let model = paths::inside(MODEL);
    let mut native =
        shell::cargo(&["bench", "--profile", "dev", "-p", "vap-wasm", "--bench", "session", "--"])?;
    let mut node = shell::command("node");
    let native = measure(native.arg(model))?;
    let node = measure(node.arg("npm/bench/hop.mjs"))?;

    let rows = [("native", &native), ("wasm in Node", &node)];
    let name = native["model"].as_str().unwrap_or("model");
    let parameters = native["parameters"].as_f64().unwrap_or(f64::NAN) / 1e6;
    println!(
        "\n`{name}`, {parameters:.2} M parameters, both channels, sound to events, one thread:\n\n{}",
        table(&rows)
    );
    let file = paths::target()?.join("bench.json");
    fs::write(&file, json!({ "native": native, "node": node }).to_string())?;
    println!("{}", file.display());
    Ok(())
}

/// Runs a bench and reads the JSON in the last line of what it prints.
fn measure(command: &mut std::process::Command) -> Result<Value> {
    let text = shell::run_for_output(command)?;
    let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) else {
        bail!("the bench printed nothing");
    };
    serde_json::from_str(line).with_context(|| format!("the bench's last line is not JSON: {line}"))
}

/// A Markdown table, a row a runner; what a runner does not measure is a dash.
fn table(rows: &[(&str, &Value)]) -> String {
    let titles = COLUMNS.map(|(title, _)| title).join(" | ");
    let mut text = format!("| | {titles} |\n|---|{}\n", "---:|".repeat(COLUMNS.len()));
    for (name, result) in rows {
        let number = |key: &str| result.pointer(key).and_then(Value::as_f64);
        let cells = COLUMNS.map(|(_, key)| number(key).map_or("-".to_owned(), |value| format!("{value:.2}")));
        text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_dash_for_what_was_not_measured() {
        let result = json!({ "hopMs": { "median": 1.234, "p99": 2 }, "minutesASecond": 3.5 });
        let text = table(&[("native", &result)]);
        assert_eq!(text.lines().last(), Some("| native | 1.23 | 2.00 | 3.50 | - |"));
    }
}
