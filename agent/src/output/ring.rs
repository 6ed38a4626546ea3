//! How much of a task's output is kept? The last lines, up to a number of them and of bytes. Older ones make room and are
//! wiped, and who reads too late is told so.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use wardroom_keys::SecretBytes;

const LINES_MAX: usize = 4096;
const BYTES_MAX: usize = 256 * 1024;
/// What a line costs besides its text.
const LINE_BYTES: usize = 32;

/// Where a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Output,
    Error,
}

/// One line, masked. Its text is wiped with the last reader's hold of it.
#[derive(Clone)]
pub struct Line {
    pub at_ms: i64,
    pub stream: Stream,
    pub text: Arc<SecretBytes>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} line of {} bytes", self.stream, self.text.len())
    }
}

/// What a reader gets.
pub(crate) struct Read {
    pub(crate) lines: Vec<Line>,
    /// Where to go on.
    pub(crate) next: u64,
    /// Lines before these are gone that the reader has not had.
    pub(crate) lost: bool,
}

#[derive(Default)]
pub(super) struct Ring {
    lines: VecDeque<Line>,
    bytes: usize,
    /// The number of the first line that is kept.
    first: u64,
}

impl Ring {
    pub(super) fn push(&mut self, at_ms: i64, stream: Stream, text: SecretBytes) {
        self.bytes += text.len() + LINE_BYTES;
        let text = Arc::new(text);
        self.lines.push_back(Line { at_ms, stream, text });
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(line) = self.lines.pop_front() else { break };
            self.bytes -= line.text.len() + LINE_BYTES;
            self.first += 1;
        }
    }

    /// The number of the line that is written next.
    pub(super) fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    pub(super) fn begin(&self, tail: Option<u32>, since_ms: i64) -> u64 {
        let of_tail = tail.map_or(self.first, |tail| self.end().saturating_sub(u64::from(tail)));
        let old = self.lines.iter().take_while(|line| line.at_ms < since_ms).count();
        of_tail.max(self.first + old as u64)
    }

    pub(super) fn read(&self, from: u64, bytes: usize) -> Read {
        let start = from.max(self.first);
        let skip = usize::try_from(start - self.first).unwrap_or(usize::MAX);
        let mut room = bytes;
        let fits = |line: &&Line| {
            let cost = line.text.len() + LINE_BYTES;
            let fits = room >= cost || room == bytes;
            room = room.saturating_sub(cost);
            fits
        };
        let lines: Vec<Line> = self.lines.iter().skip(skip).take_while(fits).cloned().collect();
        Read {
            next: start + lines.len() as u64,
            lost: from < self.first && from > 0,
            lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(lines: u32) -> Ring {
        let mut ring = Ring::default();
        for number in 0..lines {
            let text = SecretBytes::new(number.to_string().into_bytes());
            ring.push(i64::from(number), Stream::Output, text);
        }
        ring
    }

    fn texts(read: &Read) -> Vec<String> {
        let text = |line: &Line| String::from_utf8_lossy(line.text.expose()).into_owned();
        read.lines.iter().map(text).collect()
    }

    #[test]
    fn the_oldest_lines_make_room() {
        let ring = ring(5000);
        assert_eq!(ring.lines.len(), LINES_MAX);
        let read = ring.read(10, usize::MAX);
        assert!(read.lost, "a reader that was at line 10 has missed some");
        assert_eq!(texts(&read)[0], (5000 - LINES_MAX).to_string());
        assert!(!ring.read(0, usize::MAX).lost, "who begins has missed nothing");
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut ring = Ring::default();
        for _ in 0..100 {
            ring.push(0, Stream::Error, SecretBytes::new(vec![b'x'; 16 * 1024]));
        }
        assert!(ring.bytes <= BYTES_MAX);
        assert!(ring.lines.len() > 10);
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let ring = ring(10);
        let first = ring.read(0, 3 * (LINE_BYTES + 1));
        assert_eq!(texts(&first), ["0", "1", "2"]);
        let second = ring.read(first.next, 1);
        assert_eq!(texts(&second), ["3"], "one line always fits");
        assert_eq!(ring.read(10, usize::MAX).next, 10);
    }

    #[test]
    fn tail_and_time_are_both_kept_to() {
        let ring = ring(10);
        assert_eq!(ring.begin(None, 0), 0);
        assert_eq!(ring.begin(Some(3), 0), 7);
        assert_eq!(ring.begin(Some(3), 9), 9);
        assert_eq!(ring.begin(Some(0), 0), 10);
        assert_eq!(ring.begin(Some(100), 5), 5);
        assert_eq!(ring.begin(None, 1000), 10);
    }
}
