//! Tab-separated tables with one header line: `speech.tsv`, `noise.tsv`, `rir.tsv`.

use std::path::{Component, Path, PathBuf};

use crate::data::files::read_text;
use crate::data::{CorpusError, Result};

/// A table in memory; every row has exactly one field a column.
pub struct Table {
    path: PathBuf,
    columns: &'static [&'static str],
    rows: Vec<(usize, Vec<String>)>,
}

/// One row, which knows where it stands.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    line: usize,
    fields: &'a [String],
}

impl Table {
    /// Reads a table whose header is exactly `columns`.
    ///
    /// # Errors
    /// [`CorpusError::Missing`], or [`CorpusError::Row`] for another header or number of fields.
    pub fn read(path: &Path, columns: &'static [&'static str], what: &'static str) -> Result<Table> {
        let text = read_text(path, what)?;
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let row_error = |line, column, expected: String, found: String| {
            Err(CorpusError::Row { path: path.into(), line, column, expected, found })
        };
        let header = lines.next().map_or("", |(_, line)| line);
        if header.split('\t').ne(columns.iter().copied()) {
            return row_error(1, "header", columns.join(" "), header.replace('\t', " "));
        }
        let mut rows = Vec::new();
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            let fields: Vec<String> = text.split('\t').map(str::to_owned).collect();
            if fields.len() != columns.len() {
                return row_error(line, "fields", columns.len().to_string(), fields.len().to_string());
            }
            rows.push((line, fields));
        }
        Ok(Table { path: path.into(), columns, rows })
    }

    /// All rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, fields)| Row { table: self, line: *line, fields })
    }

    /// Where the table was read.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Row<'_> {
    /// Field of a column of this table.
    pub fn text(&self, column: &'static str) -> &str {
        self.table.columns.iter().position(|name| *name == column).map_or("", |index| &self.fields[index])
    }

    /// Field as a finite number that is not negative.
    pub fn number(&self, column: &'static str) -> Result<f32> {
        let text = self.text(column);
        match text.parse::<f32>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
            _ => Err(self.error(column, "a number, 0 or more", text)),
        }
    }

    /// Field read by `parse`; `expected` says what it takes.
    pub fn parsed<T>(
        &self,
        column: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        parse(self.text(column)).ok_or_else(|| self.error(column, expected, self.text(column)))
    }

    /// Field `path` below `folder`; the file must be there and may not lie outside.
    pub fn file(&self, folder: &Path) -> Result<PathBuf> {
        let text = self.text("path");
        let inside = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || text.is_empty() {
            return Err(self.error("path", "a path below the table's folder", text));
        }
        let path = folder.join(text);
        if !path.is_file() {
            return Err(self.error("path", "a file", &format!("nothing at {}", path.display())));
        }
        Ok(path)
    }

    /// An error at this row.
    pub fn error(&self, column: &'static str, expected: &str, found: &str) -> CorpusError {
        CorpusError::Row {
            path: self.table.path.clone(),
            line: self.line,
            column,
            expected: expected.into(),
            found: if found.is_empty() { "nothing".into() } else { found.into() },
        }
    }
}
