//! What do the bytes of one file say? YAML as a tree of nodes with their places, or why it is none.

use std::sync::Arc;

use saphyr_parser::{Parser, ScanError};

use super::build::{Builder, place};
use super::problem::Problems;
use super::tree::{Node, Place};

/// Longer files are no compose files.
const MOST_BYTES: usize = 1024 * 1024;

/// The file's one document, or what is wrong with it. Problems that leave a tree behind are found all at once.
pub fn read(file: &str, bytes: &[u8], problems: &mut Problems) -> Option<Node> {
    let file: Arc<str> = file.into();
    let text = text(&file, bytes, problems)?;
    let mut builder = Builder::new(&file, problems);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                unreadable(&file, &error, text, problems);
                return None;
            }
        }
    }
    builder.finish()
}

/// UTF-8, and not too much of it.
fn text<'a>(file: &Arc<str>, bytes: &'a [u8], problems: &mut Problems) -> Option<&'a str> {
    if bytes.len() > MOST_BYTES {
        let start = Place::start_of(file);
        problems.refuse(
            &start,
            "the file is longer than 1 MiB, which no compose file is; name another one",
        );
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let line = good.rsplit('\n').next().unwrap_or_default();
            let place = Place {
                file: Arc::clone(file),
                line: good.matches('\n').count() + 1,
                column: line.chars().count() + 1,
            };
            problems.refuse(&place, "this is not UTF-8 text; save the file as UTF-8");
            None
        }
    }
}

/// The scanner does not know how to go on after an error.
fn unreadable(file: &Arc<str>, error: &ScanError, text: &str, problems: &mut Problems) {
    let place = place(file, error.marker());
    let line = text.lines().nth(place.line - 1).unwrap_or_default();
    let indentation = &line[..line.len() - line.trim_start().len()];
    let message = if indentation.contains('\t') {
        "a tab stands in the indentation; YAML takes spaces only".to_owned()
    } else {
        let why = error.info();
        format!("this is not YAML: {why}; check indentation, colons and quotes here and above")
    };
    problems.refuse(&place, message);
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
