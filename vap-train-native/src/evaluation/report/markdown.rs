//! A report as Markdown.

use super::{RealReport, Report};
use crate::evaluation::metrics::table::{Row, Score};

/// The report as a Markdown section: one table, with several models one of differences, and the calibration.
pub fn markdown(report: &Report) -> String {
    let mut out = format!(
        "### {} dialogues of the {} split, {}\n\n{:.0} minutes. Brackets: 95 % bootstrap interval over dialogues.\n\n",
        report.dialogues,
        report.split,
        report.condition,
        report.seconds / 60.0
    );
    out += &table(&report.columns, &report.rows);
    let models = &report.columns[..report.policies.len().min(report.columns.len())];
    if models.len() > 1 {
        let others: Vec<String> =
            models[1..].iter().map(|name| format!("{name} minus {}", models[0])).collect();
        out += &format!("\n{}", head("difference", &others, "first model"));
        for row in report.rows.iter().filter(|row| row.differences.iter().any(Option::is_some)) {
            let cells: Vec<String> = row.differences.iter().map(|score| difference(*score)).collect();
            let first = row.scores.first().copied().flatten();
            let first = first.map_or("-".into(), |score| format!("{:.4}", score.value));
            out += &format!("| {} | {} | {first} |\n", row.name, cells.join(" | "));
        }
    }
    if !report.reliability.is_empty() {
        out += "\n| calibration | head | expected calibration error | frames |\n|---|---|---|---|\n";
        for c in &report.reliability {
            let frames: usize = c.curve.bins.iter().map(|bin| bin.count).sum();
            out += &format!("| {} | {} | {:.3} | {frames} |\n", c.model, c.head, c.curve.ece);
        }
    }
    out
}

/// Scores on real recordings and what was said of each call, as Markdown.
pub fn real_markdown(report: &RealReport) -> String {
    let mut out = format!("### Real recordings\n\n{}\n\n", report.method);
    out += &table(&report.columns, &report.rows);
    for left_out in &report.left_out {
        out += &format!("\nLeft out: {left_out}\n");
    }
    for (name, log) in &report.event_logs {
        let wrong = log.iter().filter(|t| !t.right).count();
        out +=
            &format!("\n#### {name}: what the event machine said\n\n{} lines, {wrong} wrong.\n\n", log.len());
        out += "| time, s | channel | said | truly | |\n|---|---|---|---|---|\n";
        for t in log {
            let mark = if t.right { "right" } else { "wrong" };
            out += &format!("| {:.2} | {} | {} | {} | {mark} |\n", t.time_s, t.speaker, t.said, t.truth);
        }
    }
    out
}

/// Rows as a Markdown table.
pub fn table(columns: &[String], rows: &[Row]) -> String {
    let mut out = head("what", columns, "over");
    for row in rows {
        let cells: Vec<String> = row.scores.iter().map(|score| cell(*score)).collect();
        out += &format!("| {} | {} | {} |\n", row.name, cells.join(" | "), row.over);
    }
    out
}

fn head(first: &str, columns: &[String], last: &str) -> String {
    format!("| {first} | {} | {last} |\n|---|{}---|\n", columns.join(" | "), "---|".repeat(columns.len()))
}

fn cell(score: Option<Score>) -> String {
    score.map_or("-".into(), |s| format!("{:.3} [{:.3}, {:.3}]", s.value, s.low, s.high))
}

fn difference(score: Option<Score>) -> String {
    score.map_or("-".into(), |s| format!("{:+.4} [{:+.4}, {:+.4}]", s.value, s.low, s.high))
}
