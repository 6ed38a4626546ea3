//! What have tasks written? The newest lines of one stream, bounded; what they hold is made harmless before it is kept.

use std::collections::VecDeque;

use wardroom_api::v1::LogLine;

use super::place::Place;
use crate::tui::msg::Ticket;

/// Lines and bytes of text that are kept.
const LINES_MAX: usize = 5000;
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of one line that are kept.
const LENGTH_MAX: usize = 4096;
const TAB: &str = "    ";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub at_ms: i64,
    pub task_id: String,
    pub task: String,
    pub node_id: String,
    /// Of standard error.
    pub error: bool,
    /// Older ones of its task were dropped on the way.
    pub lost: bool,
    pub text: String,
}

/// How the stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    Open,
    Over,
    Broken(String),
}

#[derive(Debug)]
pub struct Logs {
    pub ticket: Ticket,
    /// What it was opened for: another place ends it.
    pub about: Place,
    pub stream: Stream,
    /// The view stands still; lines come all the same.
    pub paused: bool,
    /// Lines that came since then.
    pub unseen: u64,
    lines: VecDeque<Line>,
    /// Number of the first line that is kept.
    first: u64,
    bytes: usize,
}

impl Logs {
    pub fn new(about: Place, ticket: Ticket) -> Self {
        Self {
            ticket,
            about,
            stream: Stream::Open,
            paused: false,
            unseen: 0,
            lines: VecDeque::new(),
            first: 0,
            bytes: 0,
        }
    }

    pub fn take_in(&mut self, lines: Vec<LogLine>) {
        for line in lines {
            let line = Line {
                at_ms: line.at_ms,
                task_id: line.task_id,
                task: line.task_name,
                node_id: line.node_id,
                error: line.error,
                lost: line.lost,
                text: readable(&line.text),
            };
            self.bytes += line.text.len();
            self.lines.push_back(line);
            self.unseen += u64::from(self.paused);
        }
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(gone) = self.lines.pop_front() else { break };
            self.bytes -= gone.text.len();
            self.first += 1;
        }
    }

    /// Numbers of the lines that are kept, oldest first.
    pub fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.first + u64::try_from(self.lines.len()).unwrap_or(0)
    }

    pub fn get(&self, number: u64) -> Option<&Line> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.lines.get(at)
    }

    /// Lines that were kept and are not any more.
    pub fn dropped(&self) -> u64 {
        self.first
    }

    /// When the newest line was written.
    pub fn newest_ms(&self) -> i64 {
        self.lines.iter().map(|line| line.at_ms).max().unwrap_or(0)
    }
}

/// Text for a line: colours and carriage returns gone, tabs as spaces. What else a terminal would act upon stays, and is
/// shown as its number wherever it is drawn.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim_end_matches(['\r', '\n']);
    while let Some(first) = rest.chars().next() {
        if let Some(after) = after_colour(rest) {
            rest = after;
            continue;
        }
        match first {
            '\t' => out.push_str(TAB),
            other => out.push(other),
        }
        rest = &rest[first.len_utf8()..];
    }
    match out.char_indices().nth(LENGTH_MAX) {
        Some((at, _)) => out[..at].to_owned(),
        None => out,
    }
}

/// What follows a sequence that sets a colour, if the text begins with one.
fn after_colour(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    rest[end..].strip_prefix('m')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            text: text.as_bytes().to_vec(),
            ..LogLine::default()
        }
    }

    #[test]
    fn lines_are_bounded_and_keep_their_numbers() {
        let mut logs = Logs::new(Place::Tasks, 1);
        logs.take_in((0..6000).map(|number| line(&number.to_string())).collect());
        assert_eq!((logs.numbers(), logs.dropped()), (1000..6000, 1000));
        assert_eq!(logs.get(1000).map(|line| line.text.as_str()), Some("1000"));
        assert!(logs.get(999).is_none() && logs.get(6000).is_none());
        logs.take_in((0..2000).map(|_| line(&"x".repeat(9999))).collect());
        assert!(logs.bytes <= BYTES_MAX, "{}", logs.bytes);
        let last = logs.numbers().end - 1;
        assert_eq!(logs.get(last).map(|line| line.text.len()), Some(LENGTH_MAX));
    }

    #[test]
    fn colours_go_and_what_else_acts_on_a_terminal_stays_to_be_shown() {
        assert_eq!(readable(b"\x1b[1;31mred\x1b[0m\tend\r\n"), "red    end");
        assert_eq!(readable(b"\x1b[2Jx\x07"), "\u{1b}[2Jx\u{7}");
        assert_eq!(readable(b"\xff\x1b["), "\u{fffd}\u{1b}[");
    }

    #[test]
    fn what_comes_while_it_is_paused_is_counted() {
        let mut logs = Logs::new(Place::Tasks, 1);
        logs.take_in(vec![line("a")]);
        logs.paused = true;
        logs.take_in(vec![line("b"), line("c")]);
        assert_eq!((logs.unseen, logs.numbers()), (2, 0..3));
    }
}
