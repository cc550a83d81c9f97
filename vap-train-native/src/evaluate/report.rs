//! A report as Markdown.

use super::{RealReport, Report, Row, Score};

/// The report as a Markdown section with one table.
pub fn markdown(report: &Report) -> String {
    let mut out = format!(
        "### {} dialogues of the {} split, {}\n\n{:.0} minutes. Brackets: 95 % bootstrap interval over dialogues.\n\n",
        report.dialogues,
        report.split,
        report.condition,
        report.seconds / 60.0
    );
    out += &table(&report.columns, &report.rows);
    out
}

/// Scores on real recordings and what was said of each call, as Markdown.
pub fn real_markdown(report: &RealReport) -> String {
    let mut out = format!("### Real recordings\n\n{}\n\n", report.method);
    out += &table(&report.columns, &report.rows);
    for left_out in &report.left_out {
        out += &format!("\nLeft out: {left_out}\n");
    }
    for (name, told) in &report.told {
        let wrong = told.iter().filter(|t| !t.right).count();
        out += &format!(
            "\n#### {name}: what the event machine said\n\n{} lines, {wrong} wrong.\n\n",
            told.len()
        );
        out += "| time, s | channel | said | truly | |\n|---|---|---|---|---|\n";
        for t in told {
            let mark = if t.right { "right" } else { "wrong" };
            out += &format!("| {:.2} | {} | {} | {} | {mark} |\n", t.time_s, t.speaker, t.said, t.truth);
        }
    }
    out
}

/// Rows as a Markdown table.
pub fn table(columns: &[String], rows: &[Row]) -> String {
    let mut out = format!("| what | {} | over |\n", columns.join(" | "));
    out += &format!("|---|{}---|\n", "---|".repeat(columns.len()));
    for row in rows {
        let cells: Vec<String> = row.scores.iter().map(|score| cell(*score)).collect();
        out += &format!("| {} | {} | {} |\n", row.name, cells.join(" | "), row.over);
    }
    out
}

fn cell(score: Option<Score>) -> String {
    score.map_or("-".into(), |s| format!("{:.3} [{:.3}, {:.3}]", s.value, s.low, s.high))
}
