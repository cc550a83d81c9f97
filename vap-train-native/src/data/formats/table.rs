//! Tab-separated tables with one header line: `speech.tsv`, `noise.tsv`, `rir.tsv`.

use std::path::{Component, Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};

use crate::data::files::read_text;
use crate::data::{CorpusError, Result};

/// A table in memory; every row has exactly one field a column.
pub struct Table {
    path: PathBuf,
    columns: &'static [&'static str],
    rows: Vec<(usize, StringRecord)>,
}

/// One row, which knows where it stands.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    line: usize,
    fields: &'a StringRecord,
}

impl Table {
    /// Reads a table whose header is exactly `columns`.
    ///
    /// # Errors
    /// [`CorpusError::Missing`], or [`CorpusError::Row`] for another header or number of fields.
    pub fn read(path: &Path, columns: &'static [&'static str], what: &'static str) -> Result<Table> {
        let text = read_text(path, what)?;
        let row_error = |line, column, expected: String, found: String| {
            Err(CorpusError::Row { path: path.into(), line, column, expected, found })
        };
        // A quotation mark is a character as any other, and a row of another length is told by its line.
        let mut reader = ReaderBuilder::new();
        let mut reader = reader
            .delimiter(b'\t')
            .quoting(false)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut records = reader.records();
        let unreadable = |error: csv::Error| {
            let line = error.position().map_or(0, |at| at.line() as usize);
            row_error(line, "fields", "text".into(), error.to_string())
        };
        let header = match records.next().transpose() {
            Ok(header) => header.unwrap_or_default(),
            Err(error) => return unreadable(error),
        };
        if header.iter().ne(columns.iter().copied()) {
            let found = header.iter().collect::<Vec<_>>().join(" ");
            return row_error(1, "header", columns.join(" "), found);
        }
        let mut rows = Vec::new();
        for record in records {
            let record = match record {
                Ok(record) => record,
                Err(error) => return unreadable(error),
            };
            let line = record.position().map_or(0, |at| at.line() as usize);
            if record.len() != columns.len() {
                return row_error(line, "fields", columns.len().to_string(), record.len().to_string());
            }
            rows.push((line, record));
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
