//! How is an answer printed? Tables as Docker's for people; for programs one JSON document, or one object per line.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::cli::arguments::Format;
use crate::report::Report;
use crate::text::clean;

/// Columns are padded to the widest cell and this many spaces.
const GAP: usize = 3;

/// Where answers and remarks go.
pub struct Output {
    pub format: Format,
    out: Box<dyn Write>,
    notes: Box<dyn Write>,
    /// A line of progress stands on the terminal, without its end.
    progress: bool,
}

impl Output {
    /// Answers to standard output, remarks to standard error.
    pub fn standard(format: Format) -> Self {
        Self {
            format,
            // Not locked: a container that is attached to writes from another thread.
            out: Box::new(io::stdout()),
            notes: Box::new(io::stderr()),
            progress: false,
        }
    }

    /// For programs, in either form.
    pub fn is_json(&self) -> bool {
        self.format != Format::Table
    }

    pub fn line(&mut self, text: &str) -> Result<(), Report> {
        writeln!(self.out, "{}", clean(text))?;
        Ok(())
    }

    /// A line for people, the document for programs.
    pub fn tell(&mut self, text: &str, document: &Value) -> Result<(), Report> {
        if self.is_json() {
            self.json(document)
        } else {
            self.line(text)
        }
    }

    /// A line for people that stands there before the rest of the command is done; programs get a document at its end.
    pub fn tell_early(&mut self, text: &str) -> Result<(), Report> {
        if self.is_json() {
            return Ok(());
        }
        self.line(text)?;
        self.flush()
    }

    /// Lines that are ready to be shown.
    pub fn text(&mut self, text: &str) -> Result<(), Report> {
        self.out.write_all(text.as_bytes())?;
        self.flush()
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Report> {
        self.out.write_all(bytes)?;
        Ok(())
    }

    /// A remark that is no part of the answer; it must not fail the command.
    pub fn note(&mut self, text: &str) {
        self.end_progress();
        let _ = writeln!(self.notes, "{}", clean(text));
    }

    /// Whether somebody looks on while progress is shown.
    pub fn is_live() -> bool {
        io::stderr().is_terminal()
    }

    /// How far something is: on a terminal in place of the last word about it, elsewhere on a line of its own.
    pub fn progress(&mut self, text: &str) {
        if Self::is_live() {
            let _ = write!(self.notes, "\r\u{1b}[K{}", clean(text));
            let _ = self.notes.flush();
            self.progress = true;
        } else {
            self.note(text);
        }
    }

    /// The last word about it stays.
    pub fn end_progress(&mut self) {
        if std::mem::take(&mut self.progress) {
            let _ = writeln!(self.notes);
        }
    }

    /// One document, with Docker's four spaces; or a line for each element of a list.
    pub fn json(&mut self, value: &Value) -> Result<(), Report> {
        if self.format == Format::Jsonl {
            return match value {
                Value::Array(elements) => elements.iter().try_for_each(|element| self.json_line(element)),
                value => self.json_line(value),
            };
        }
        let mut text = Vec::new();
        let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
        serde::Serialize::serialize(value, &mut serializer)
            .map_err(|error| Report::failure(format!("cannot encode the answer: {error}")))?;
        text.push(b'\n');
        self.out.write_all(&text)?;
        self.flush()
    }

    /// One object on one line, for answers without an end.
    pub fn json_line(&mut self, value: &Value) -> Result<(), Report> {
        writeln!(self.out, "{value}")?;
        self.flush()
    }

    pub fn table(&mut self, table: &Table) -> Result<(), Report> {
        self.out.write_all(table.render().as_bytes())?;
        self.flush()
    }

    pub fn flush(&mut self) -> Result<(), Report> {
        self.out.flush()?;
        Ok(())
    }
}

/// Rows under headings, in the order they are added.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(headings: &[&str]) -> Self {
        Self {
            rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()],
        }
    }

    /// Cells may hold text from outside; it is made harmless here.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| clean(cell.as_ref()).into_owned())
                .collect(),
        );
    }

    /// Every column but the last is padded.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.width())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if column + 1 < row.len() {
                    text.extend(std::iter::repeat_n(' ', widths[column] - cell.width() + GAP));
                }
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}

/// Compares names as people sort them: `2-foo` before `10-foo`.
pub fn natural_order(left: &str, right: &str) -> std::cmp::Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let (digits_left, digits_right) = (leading_digits(left), leading_digits(right));
        if !digits_left.is_empty() && !digits_right.is_empty() {
            let (a, b) = (
                digits_left.trim_start_matches('0'),
                digits_right.trim_start_matches('0'),
            );
            let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            if order.is_ne() {
                return order;
            }
            (left, right) = (&left[digits_left.len()..], &right[digits_right.len()..]);
            continue;
        }
        match (left.chars().next(), right.chars().next()) {
            (Some(a), Some(b)) if a == b => (left, right) = (&left[a.len_utf8()..], &right[b.len_utf8()..]),
            (a, b) => return a.cmp(&b),
        }
    }
}

fn leading_digits(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn columns_are_three_spaces_apart() {
        let mut table = Table::new(&["ID", "NAME", "CREATED"]);
        table.row(["abc", "db_password", "6 minutes ago"]);
        table.row(["abcdef", "x\u{1b}y", ""]);
        assert_eq!(
            table.render(),
            "ID       NAME          CREATED\n\
             abc      db_password   6 minutes ago\n\
             abcdef   x\u{fffd}y\n"
        );
    }

    /// What an output of that format writes for a value.
    fn written(format: Format, value: &Value) -> String {
        let buffer = tempfile::NamedTempFile::new().unwrap();
        let mut output = Output {
            format,
            out: Box::new(buffer.reopen().unwrap()),
            notes: Box::new(io::sink()),
            progress: false,
        };
        output.json(value).unwrap();
        std::fs::read_to_string(buffer.path()).unwrap()
    }

    #[test]
    fn a_list_is_one_document_or_a_line_each() {
        let list = serde_json::json!([{ "a": 1 }, { "a": 2 }]);
        assert_eq!(written(Format::Jsonl, &list), "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(written(Format::Jsonl, &list[0]), "{\"a\":1}\n");
        assert!(written(Format::Json, &list).starts_with("[\n    {\n        \"a\": 1\n"));
    }

    #[test]
    fn names_sort_as_people_read_them() {
        assert_eq!(natural_order("2-foo", "10-foo"), Ordering::Less);
        assert_eq!(natural_order("web.10", "web.9"), Ordering::Greater);
        assert_eq!(natural_order("a", "a"), Ordering::Equal);
        assert_eq!(natural_order("a1b", "a01c"), Ordering::Less);
    }
}
