//! Where does an unlock key come from? A terminal that shows nothing, a file, a descriptor or standard input, a key or a
//! share on each line; never an argument or the environment.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use wardroom_keys::SecretBytes;
use zeroize::{Zeroize, Zeroizing};

use crate::cli::arguments::SwarmUnlock;
use crate::cli::hidden;
use crate::report::Report;
use crate::text::clean;

/// No key and no share is longer; a longer line is none.
const LINE_BYTES_MAX: usize = 1024;
const INSTEAD: &str = "pipe it in, or give it with --key-file FILE|- or --key-fd N";

/// What is asked for the next key.
pub enum KeySource {
    Person,
    Lines { reader: Box<dyn Read>, shown: String },
}

impl KeySource {
    /// What the options name; without one a person at the terminal, or standard input.
    pub fn open(unlock: &SwarmUnlock) -> Result<Self, Report> {
        if !unlock.misplaced.is_empty() {
            return Err(
                Report::usage("an unlock key is never taken from the command line").hint(format!(
                    "if it was one, rotate it: other users and the shell's history may have it; {INSTEAD}"
                )),
            );
        }
        match (&unlock.key_file, unlock.key_fd) {
            (Some(path), _) if path.as_os_str() == "-" => Self::stdin_unless_seen(),
            (Some(path), _) => Self::file(path, clean(&path.to_string_lossy()).into_owned()),
            (None, Some(0)) => Self::stdin_unless_seen(),
            // What the caller opened is opened once more by its name: no descriptor of unknown origin is taken over.
            (None, Some(number)) => Self::file(
                &PathBuf::from(format!("/proc/self/fd/{number}")),
                format!("descriptor {number}"),
            ),
            (None, None) if io::stdin().is_terminal() => Ok(Self::Person),
            (None, None) => Ok(Self::stdin()),
        }
    }

    pub fn is_person(&self) -> bool {
        matches!(self, Self::Person)
    }

    /// The next key or share, without blanks around it; `None` when there is no more.
    pub fn next(&mut self, prompt: &str) -> Result<Option<SecretBytes>, Report> {
        match self {
            Self::Person => hidden::ask_or_end(prompt, INSTEAD).map(|line| line.map(|line| trimmed(&line))),
            Self::Lines { reader, shown } => next_line(reader).map_err(|error| {
                Report::failure(format!("cannot read {shown}: {error}")).hint("check where the key comes from")
            }),
        }
    }

    fn stdin() -> Self {
        Self::Lines {
            reader: Box::new(Stdin),
            shown: "standard input".to_owned(),
        }
    }

    fn stdin_unless_seen() -> Result<Self, Report> {
        if io::stdin().is_terminal() {
            return Err(
                Report::usage("standard input is a terminal, and what is typed there would be seen")
                    .hint("leave the option out to be asked"),
            );
        }
        Ok(Self::stdin())
    }

    fn file(path: &Path, shown: String) -> Result<Self, Report> {
        let opened = File::open(path).map_err(|error| {
            Report::failure(format!("cannot read {shown}: {error}")).hint("check where the key comes from")
        })?;
        Ok(Self::Lines {
            reader: Box::new(opened),
            shown,
        })
    }
}

/// Standard input past the library's buffer, which nobody would wipe.
struct Stdin;

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin(), buffer)?)
    }
}

fn trimmed(line: &SecretBytes) -> SecretBytes {
    SecretBytes::new(line.expose().trim_ascii().to_vec())
}

/// The next line that is not blank, in a buffer that never moves. Byte by byte: what follows a key is not waited for.
fn next_line(reader: &mut dyn Read) -> io::Result<Option<SecretBytes>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    let mut byte = [0u8];
    loop {
        let is_end = match reader.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let is_blank = line.trim_ascii().is_empty();
        match byte[0] {
            _ if is_end && is_blank => return Ok(None),
            b'\n' if is_blank => line.zeroize(),
            b'\n' => break,
            _ if is_end => break,
            _ if line.len() == LINE_BYTES_MAX => {
                return Err(io::Error::other("a line of it is longer than any key"));
            }
            byte => line.push(byte),
        }
        byte.zeroize();
    }
    byte.zeroize();
    let line = SecretBytes::new(std::mem::take(&mut *line));
    Ok(Some(trimmed(&line)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::report::Exit;

    fn lines(text: &str) -> Vec<String> {
        let mut reader = text.as_bytes();
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut reader).unwrap() {
            lines.push(String::from_utf8(line.expose().to_vec()).unwrap());
        }
        lines
    }

    fn options() -> SwarmUnlock {
        SwarmUnlock {
            key_file: None,
            key_fd: None,
            misplaced: Vec::new(),
        }
    }

    #[test]
    fn a_key_stands_on_each_line_that_is_not_blank() {
        assert_eq!(lines("SWMKEY-1-a"), ["SWMKEY-1-a"]);
        assert_eq!(lines(" SWMKEY-1-a \r\n"), ["SWMKEY-1-a"]);
        assert_eq!(lines("\n \na\n\r\n\tb\n\n"), ["a", "b"]);
        assert!(lines("").is_empty() && lines(" \n\n ").is_empty());
    }

    #[test]
    fn what_follows_a_key_is_not_waited_for() {
        struct Ends(usize);
        impl Read for Ends {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let next = b"key\n".get(self.0).expect("nothing is read after the line");
                self.0 += 1;
                buffer[0] = *next;
                Ok(1)
            }
        }
        assert!(next_line(&mut Ends(0)).unwrap().unwrap().equals(b"key"));
    }

    #[test]
    fn a_line_without_an_end_is_no_key() {
        assert_eq!(lines(&"k".repeat(LINE_BYTES_MAX)).len(), 1);
        let error = next_line(&mut io::repeat(b'k')).err().unwrap();
        assert_eq!(error.to_string(), "a line of it is longer than any key");
    }

    #[test]
    fn a_file_and_a_descriptor_are_read_from_their_beginning() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, b"first\nsecond\n").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(file.as_file());
        for options in [
            SwarmUnlock {
                key_file: Some(file.path().to_owned()),
                ..options()
            },
            SwarmUnlock {
                key_fd: Some(u16::try_from(number).unwrap()),
                ..options()
            },
        ] {
            let mut source = KeySource::open(&options).unwrap();
            assert!(source.next("").unwrap().unwrap().equals(b"first"));
            assert!(source.next("").unwrap().unwrap().equals(b"second"));
            assert!(source.next("").unwrap().is_none());
        }
        let report = KeySource::open(&SwarmUnlock {
            key_fd: Some(u16::MAX),
            ..options()
        });
        assert!(
            report
                .err()
                .unwrap()
                .message
                .starts_with("cannot read descriptor 65535: ")
        );
    }

    #[test]
    fn a_key_in_the_wrong_place_is_not_repeated() {
        let report = KeySource::open(&SwarmUnlock {
            misplaced: vec!["SWMKEY-1-canary".into()],
            ..options()
        });
        let report = report.err().unwrap();
        assert_eq!(report.exit, Exit::Usage);
        assert!(!report.to_string().contains("canary"), "{report}");
    }
}
