//! How does a token or a passphrase come in without being seen? From a file, from standard input, or typed on a
//! terminal that shows nothing; never from an argument or the environment.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use wardroom_keys::SecretBytes;
use zeroize::{Zeroize, Zeroizing};

use crate::report::Report;
use crate::text::clean;

/// The longest line that is taken from a terminal.
const LINE_BYTES_MAX: usize = 1024;

/// The content of a file, or of standard input for `-`, without the line end it closes with. More than `limit` bytes
/// are refused.
pub fn from_file(path: &Path, limit: usize) -> Result<SecretBytes, Report> {
    let is_stdin = path.as_os_str() == "-";
    let shown = if is_stdin {
        "standard input".to_owned()
    } else {
        clean(&path.to_string_lossy()).into_owned()
    };
    if is_stdin && io::stdin().is_terminal() {
        return Err(
            Report::usage("standard input is a terminal, and what is typed there would be seen")
                .hint("pipe it in, name a file, or leave the option out to be asked"),
        );
    }
    let unreadable = |error: io::Error| {
        Report::failure(format!("cannot read {shown}: {error}")).hint("check the path and its permissions")
    };
    let bytes = if is_stdin {
        take(io::stdin().lock(), limit)
    } else {
        File::open(path).and_then(|file| take(file, limit))
    };
    let bytes = bytes.map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(Report::usage(format!("{shown} holds more than {limit} bytes")).hint("is it the right file?"));
    }
    let content = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    Ok(SecretBytes::new(content.to_vec()))
}

/// At most one byte more than the limit, in a buffer that never moves.
fn take(reader: impl Read, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; limit + 1]);
    let mut reader = reader.take(limit as u64 + 1);
    let mut length = 0;
    while length < bytes.len() {
        match reader.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// What a person types at the terminal; `instead` says what to do where there is none.
pub fn ask(prompt: &str, instead: &str) -> Result<SecretBytes, Report> {
    let typed = ask_or_end(prompt, instead)?;
    typed.ok_or_else(|| Report::failure("cancelled, nothing was done").hint(instead))
}

/// As [`ask`]; `None` for control-D or control-C, which is all there is to say where several lines are asked for.
pub fn ask_or_end(prompt: &str, instead: &str) -> Result<Option<SecretBytes>, Report> {
    let stdin = io::stdin();
    if !stdin.is_terminal() || !io::stderr().is_terminal() {
        return Err(Report::usage("nobody can be asked: standard input is not a terminal").hint(instead));
    }
    let terminal = |error: io::Error| Report::failure(format!("the terminal failed: {error}")).hint(instead);
    let mut notes = io::stderr();
    let typed = {
        // Silent first: who answers as soon as the question is there must not be seen, nor lose what was typed.
        let _silent = Silent::begin().map_err(terminal)?;
        notes.write_all(prompt.as_bytes()).map_err(terminal)?;
        notes.flush().map_err(terminal)?;
        read_line()
    };
    writeln!(notes).map_err(terminal)?;
    match typed.map_err(terminal)? {
        Typed::Line(line) => Ok(Some(line)),
        Typed::Cancelled => Ok(None),
        Typed::TooLong => Err(Report::usage(format!("it is longer than {LINE_BYTES_MAX} bytes")).hint(instead)),
    }
}

/// Asks twice, for what would be lost with a slip.
pub fn ask_twice(prompt: &str, instead: &str) -> Result<SecretBytes, Report> {
    let first = ask(prompt, instead)?;
    if first.is_empty() {
        return Err(Report::usage("nothing was typed").hint(instead));
    }
    let again = ask("Once more: ", instead)?;
    if again.equals(first.expose()) {
        return Ok(first);
    }
    Err(Report::usage("what was typed differs").hint("run the command again"))
}

/// A terminal that shows nothing and leaves keys to us, also the one that would end the program in the middle: it is as
/// before when this is dropped.
struct Silent {
    before: Termios,
}

impl Silent {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

enum Typed {
    Line(SecretBytes),
    Cancelled,
    TooLong,
}

/// Byte by byte past the library's buffer, which nobody would wipe.
fn read_line() -> io::Result<Typed> {
    let mut line = Line::default();
    let mut byte = [0u8];
    loop {
        let ended = match rustix::io::read(io::stdin(), &mut byte) {
            Ok(0) => Some(Typed::Cancelled),
            Ok(_) => line.take(byte[0]),
            Err(rustix::io::Errno::INTR) => None,
            Err(error) => return Err(error.into()),
        };
        byte.zeroize();
        if let Some(typed) = ended {
            return Ok(typed);
        }
    }
}

/// A line as it is typed, in one buffer that never moves.
struct Line(Zeroizing<Vec<u8>>);

impl Default for Line {
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX)))
    }
}

impl Line {
    fn take(&mut self, byte: u8) -> Option<Typed> {
        match byte {
            b'\r' | b'\n' => return Some(Typed::Line(SecretBytes::new(std::mem::take(&mut *self.0)))),
            0x03 | 0x04 => return Some(Typed::Cancelled), // control-C, control-D
            0x15 => self.0.zeroize(),                     // control-U
            0x08 | 0x7f => self.rub_out(),
            _ if self.0.len() == LINE_BYTES_MAX => return Some(Typed::TooLong),
            byte => self.0.push(byte),
        }
        None
    }

    /// The last character, which may have several bytes.
    fn rub_out(&mut self) {
        while let Some(byte) = self.0.pop() {
            if byte & 0xc0 != 0x80 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::report::Exit;

    fn typed(keys: &str) -> Option<String> {
        let mut line = Line::default();
        for byte in keys.bytes() {
            match line.take(byte) {
                Some(Typed::Line(line)) => return String::from_utf8(line.expose().to_vec()).ok(),
                Some(_) => return None,
                None => {}
            }
        }
        panic!("the line has no end")
    }

    #[test]
    fn a_line_is_typed_and_corrected() {
        assert_eq!(typed("correct\r").as_deref(), Some("correct"));
        assert_eq!(typed("horx\u{7f}se\n").as_deref(), Some("horse"));
        assert_eq!(typed("grü\u{8}u\n").as_deref(), Some("gru"));
        assert_eq!(typed("wrong\u{15}right\n").as_deref(), Some("right"));
        assert_eq!(typed("\u{7f}\n").as_deref(), Some(""));
        assert_eq!(typed("abc\u{3}"), None);
        assert_eq!(typed(&format!("{}\n", "x".repeat(LINE_BYTES_MAX + 1))), None);
    }

    #[test]
    fn a_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, " correct horse \r\n").unwrap();
        assert!(from_file(&path, 100).unwrap().equals(b" correct horse "));
        std::fs::write(&path, "x".repeat(101)).unwrap();
        assert_eq!(from_file(&path, 100).err().unwrap().exit, Exit::Usage);
        let report = from_file(&folder.path().join("none"), 100).err().unwrap();
        assert!(report.message.contains("none"), "{}", report.message);
    }
}
