//! A report as Markdown.

use super::{Report, Score};

/// The report as a Markdown section with one table.
pub fn markdown(report: &Report) -> String {
    let mut out = format!(
        "### {} on {} dialogues of the {} split, {}\n\n{} s each. Brackets: 95 % bootstrap interval over dialogues.\n\n",
        report.model, report.dialogues, report.split, report.condition, report.seconds
    );
    out += "| what | model | silence timeout | over |\n|---|---|---|---|\n";
    for row in &report.rows {
        out += &format!("| {} | {} | {} | {} |\n", row.name, cell(row.model), cell(row.baseline), row.over);
    }
    out
}

fn cell(score: Option<Score>) -> String {
    score.map_or("-".into(), |s| format!("{:.3} [{:.3}, {:.3}]", s.value, s.low, s.high))
}
