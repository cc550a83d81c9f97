//! A report as Markdown.

use super::{Report, Score};

/// The report as a Markdown section with one table.
pub fn markdown(report: &Report) -> String {
    let mut out = format!(
        "### {} dialogues of the {} split, {}\n\n{:.0} minutes. Brackets: 95 % bootstrap interval over dialogues.\n\n",
        report.dialogues,
        report.split,
        report.condition,
        report.seconds / 60.0
    );
    out += &format!("| what | {} | over |\n", report.columns.join(" | "));
    out += &format!("|---|{}---|\n", "---|".repeat(report.columns.len()));
    for row in &report.rows {
        let cells: Vec<String> = row.scores.iter().map(|score| cell(*score)).collect();
        out += &format!("| {} | {} | {} |\n", row.name, cells.join(" | "), row.over);
    }
    out
}

fn cell(score: Option<Score>) -> String {
    score.map_or("-".into(), |s| format!("{:.3} [{:.3}, {:.3}]", s.value, s.low, s.high))
}
