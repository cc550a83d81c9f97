//! TypeScript as text: constants, lists of names, interfaces made of what ts-rs says of a type.

use serde::Serialize;
use std::fmt::Display;
use ts_rs::{Config, TS};

const WIDTH: usize = 120;

/// One field of an object type.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name in JavaScript.
    pub name: String,
    /// Its type; an optional one of Rust may be null.
    pub kind: String,
    /// What it means.
    pub meaning: String,
}

/// Text that grows.
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// Appends a line.
    pub fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// Begins a declaration: an empty line, and what it means.
    pub fn doc(&mut self, meaning: &str) {
        self.line("");
        self.comment("", meaning);
    }

    /// What a field means.
    pub fn inner_doc(&mut self, meaning: &str) {
        self.comment("  ", meaning);
    }

    /// Appends a number.
    pub fn constant(&mut self, name: &str, meaning: &str, value: impl Display) {
        self.doc(meaning);
        self.line(&format!("export const {name} = {value};"));
    }

    /// Appends a list of strings.
    pub fn list(&mut self, name: &str, meaning: &str, items: &[&str]) {
        self.doc(meaning);
        let items: Vec<_> = items.iter().map(|item| format!("{item:?}")).collect();
        self.line(&format!("export const {name} = [{}] as const;", items.join(", ")));
    }

    /// Appends a list of names with their meanings, and the type `T` of one of them.
    pub fn names<T: TS>(&mut self, list: &str, items: &[(&str, &str)]) {
        let name = T::ident(&config());
        let meaning = plain(&T::docs().unwrap_or_default());
        self.doc(&format!("Every {{@link {name}}}, in order."));
        self.line(&format!("export const {list} = ["));
        for (item, meaning) in items {
            self.inner_doc(meaning);
            self.line(&format!("  {item:?},"));
        }
        self.line("] as const;");
        self.doc(&meaning);
        self.line(&format!("export type {name} = (typeof {list})[number];"));
    }

    /// Appends a type as an interface of the same name.
    pub fn interface<T: TS>(&mut self) {
        self.doc(&plain(&T::docs().unwrap_or_default()));
        self.line(&format!("export interface {} {{", T::ident(&config())));
        fields::<T>().iter().for_each(|field| self.field(field, ""));
        self.line("}");
    }

    /// Appends a field; `mark` is `?` for one that may be left out.
    pub fn field(&mut self, Field { name, kind, meaning }: &Field, mark: &str) {
        self.inner_doc(meaning);
        self.line(&format!("  {name}{mark}: {kind};"));
    }

    /// All of it.
    pub fn finish(self) -> String {
        self.0
    }

    fn comment(&mut self, indent: &str, meaning: &str) {
        let short = format!("{indent}/** {} */", meaning.trim());
        if short.len() <= WIDTH && !short.contains('\n') {
            return self.line(&short);
        }
        self.line(&format!("{indent}/**"));
        for paragraph in meaning.trim().split("\n\n") {
            for line in wrapped(paragraph, WIDTH - indent.len() - 3) {
                self.line(&format!("{indent} * {line}"));
            }
            self.line(&format!("{indent} *"));
        }
        self.0.truncate(self.0.len() - indent.len() - 3);
        self.line(&format!("{indent} */"));
    }
}

/// Fields of an object type in order, as ts-rs writes them.
///
/// # Panics
/// When it is none.
pub fn fields<T: TS>() -> Vec<Field> {
    let text = T::inline(&config());
    let mut rest = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).expect("an object type");
    let mut fields = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\n', ',']);
        let meaning = match rest.strip_prefix("/**").and_then(|comment| comment.split_once("*/")) {
            Some((comment, behind)) => {
                rest = behind.trim_start();
                plain(comment)
            }
            None => String::new(),
        };
        let Some((name, behind)) = rest.split_once(": ") else { return fields };
        let end = field_end(behind);
        let kind = behind[..end].trim();
        let list = kind.strip_prefix("Array<").and_then(|kind| kind.strip_suffix('>'));
        let kind = list.map_or(kind.to_string(), |item| format!("{item}[]"));
        let name = name.trim_end_matches('?').to_string();
        fields.push(Field { name, kind, meaning });
        rest = &behind[end..];
    }
}

/// Where a type ends: at a comma outside all brackets.
fn field_end(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '<' | '[' | '{' | '(' => depth += 1,
            '>' | ']' | '}' | ')' => depth -= 1,
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// A comment of JavaScript or Rust as plain text: paragraphs apart, links as what they name.
fn plain(comment: &str) -> String {
    let lines = comment.trim().trim_start_matches("/**").trim_end_matches("*/").lines();
    let lines: Vec<_> = lines.map(|line| line.trim().trim_start_matches('*').trim()).collect();
    lines.join("\n").trim().replace("[`", "`").replace("`]", "`")
}

/// A paragraph in lines of a width.
fn wrapped(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let line = lines.last_mut().expect("one line at least");
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            lines.push(word.into());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

/// What serde writes of a name.
pub fn name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|json| json.as_str().map(Into::into)).expect("a name")
}

fn config() -> Config {
    Config::new().with_large_int("number")
}
