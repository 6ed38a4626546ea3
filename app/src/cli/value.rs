//! Where does a value come from? A file or standard input, bytes as they are, at most what a secret may hold. Never an
//! argument, never a variable; the buffer is allocated once and wiped on every way out.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use wardroom_api::v1;
use zeroize::{Zeroize, Zeroizing};

use crate::cli::arguments::Source;
use crate::report::Report;
use crate::text::clean;

/// The first length that is refused, as Docker has it: 500 KiB.
const TOO_LONG: usize = 512_000;
const NO_ARGUMENT: &str = "a value is never taken from the command line: put it in a file, or pipe it into -";

/// What the caller asked to send.
pub fn read(source: &Source) -> Result<v1::Value, Report> {
    if let Some(length) = source.generate {
        return Ok(v1::Value::generated(length));
    }
    let Some(path) = &source.file else {
        return Err(Report::usage("secret file is required").hint("give a file, - for standard input, or --generate N"));
    };
    let (mut bytes, origin) = if path.as_os_str() == "-" {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(
                Report::usage("standard input is a terminal, and what is typed there would be seen")
                    .hint("pipe the value (printf %s \"$PW\" | wardroom ... -), give a file, or use --generate N"),
            );
        }
        (
            take(stdin.lock()).map_err(|error| unreadable("STDIN", &error))?,
            "STDIN".to_owned(),
        )
    } else {
        open(path)?
    };
    check(&bytes, &origin)?;
    end_of_value(&mut bytes, source.trim, &mut io::stderr());
    check(&bytes, &origin)?;
    Ok(v1::Value::from_bytes(std::mem::take(&mut *bytes)))
}

/// The bytes of a file that a compose file names, and whether they end with a newline.
pub fn of_file(path: &Path) -> Result<(v1::Value, bool), Report> {
    let (bytes, shown) = open(path)?;
    whole(bytes, &shown)
}

/// The bytes of a variable of this process that a compose file names.
pub fn of_variable(name: &str) -> Result<(v1::Value, bool), Report> {
    let value = std::env::var_os(name).ok_or_else(|| {
        Report::failure(format!("the variable {name} is not set")).hint("export it, or put the value into a file")
    })?;
    whole(Zeroizing::new(value.into_encoded_bytes()), name)
}

fn whole(mut bytes: Zeroizing<Vec<u8>>, origin: &str) -> Result<(v1::Value, bool), Report> {
    check(&bytes, origin)?;
    let ends_with_newline = bytes.last() == Some(&b'\n');
    Ok((v1::Value::from_bytes(std::mem::take(&mut *bytes)), ends_with_newline))
}

/// At most one byte more than is ever accepted, in a buffer that never moves.
fn take(reader: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(TOO_LONG + 1));
    let mut limited = reader.take(TOO_LONG as u64 + 1);
    let mut chunk = [0u8; 8192];
    loop {
        match limited.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                chunk.zeroize();
                return Err(error);
            }
        }
    }
    chunk.zeroize();
    Ok(bytes)
}

fn open(path: &Path) -> Result<(Zeroizing<Vec<u8>>, String), Report> {
    let shown = shown(path);
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Report::failure(format!("open {shown}: no such file or directory")).hint(NO_ARGUMENT)
        }
        _ => unreadable(&shown, &error),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Report::failure(format!("read {shown}: is a directory")).hint("name the file that holds the value"));
    }
    let bytes = take(file).map_err(|error| unreadable(&shown, &error))?;
    Ok((bytes, shown))
}

/// A word that may be a value typed in the wrong place is not repeated.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_path = path.exists() || text.contains('/') || path.extension().is_some_and(|extension| extension.len() <= 5);
    if is_path {
        clean(&text).into_owned()
    } else {
        "the given file (its name is not repeated: it may be a value)".to_owned()
    }
}

fn unreadable(shown: &str, error: &io::Error) -> Report {
    Report::failure(format!("error reading from {shown}: {error}"))
        .hint("check the file's permissions, then run the command again")
}

/// Docker's words for both ends of the range.
fn check(bytes: &[u8], origin: &str) -> Result<(), Report> {
    if bytes.is_empty() {
        return Err(Report::usage(format!("error reading from {origin}: data is empty"))
            .hint("a secret holds at least one byte; --generate N makes one"));
    }
    if bytes.len() >= TOO_LONG {
        return Err(
            Report::usage("secret data must be larger than 0 and less than 512000 bytes")
                .hint("keep a key in wardroom and the bulk elsewhere, encrypted with it"),
        );
    }
    Ok(())
}

/// A newline at the end breaks logins: it is pointed out, and only `--trim` cuts it.
fn end_of_value(bytes: &mut Zeroizing<Vec<u8>>, trim: bool, notes: &mut dyn Write) {
    if bytes.last() != Some(&b'\n') {
        return;
    }
    if trim {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        return;
    }
    // A remark that cannot be made must not keep the value from being sent.
    let _ = writeln!(
        notes,
        "note: the value ends with a newline (kept: {} bytes); use --trim to strip it",
        bytes.len()
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn source(path: &Path, trim: bool) -> Source {
        Source {
            file: Some(path.to_owned()),
            generate: None,
            trim,
        }
    }

    fn bytes_of(mut value: v1::Value) -> Vec<u8> {
        match value.source.take() {
            Some(v1::value::Source::Bytes(bytes)) => bytes,
            _ => panic!("not bytes"),
        }
    }

    fn file_with(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn bytes_are_kept_as_they_are() {
        let file = file_with(b"\xff\x00value\r\n");
        assert_eq!(
            bytes_of(read(&source(file.path(), false)).unwrap()),
            b"\xff\x00value\r\n"
        );
        assert_eq!(bytes_of(read(&source(file.path(), true)).unwrap()), b"\xff\x00value");
    }

    #[test]
    fn a_newline_at_the_end_is_pointed_out_with_the_length() {
        let mut notes = Vec::new();
        let mut bytes = Zeroizing::new(b"sixteen-letters.\n".to_vec());
        end_of_value(&mut bytes, false, &mut notes);
        assert_eq!(
            String::from_utf8(notes).unwrap(),
            "note: the value ends with a newline (kept: 17 bytes); use --trim to strip it\n"
        );
        assert_eq!(bytes.len(), 17);
        let mut silent = Vec::new();
        end_of_value(&mut Zeroizing::new(b"no newline".to_vec()), false, &mut silent);
        assert!(silent.is_empty());
    }

    #[test]
    fn empty_and_oversized_values_are_refused_in_dockers_words() {
        let empty = file_with(b"");
        let report = read(&source(empty.path(), false)).unwrap_err();
        assert_eq!(
            report.message,
            format!("error reading from {}: data is empty", empty.path().display())
        );
        let only_a_newline = file_with(b"\n");
        assert!(
            read(&source(only_a_newline.path(), true))
                .unwrap_err()
                .message
                .ends_with("data is empty")
        );
        let large = file_with(&vec![7; 511_999]);
        assert_eq!(bytes_of(read(&source(large.path(), false)).unwrap()).len(), 511_999);
        let too_large = file_with(&vec![7; 512_000]);
        assert_eq!(
            read(&source(too_large.path(), false)).unwrap_err().message,
            "secret data must be larger than 0 and less than 512000 bytes"
        );
    }

    #[test]
    fn no_more_is_read_than_can_be_refused() {
        assert_eq!(take(io::repeat(1)).unwrap().len(), TOO_LONG + 1);
    }

    #[test]
    fn a_word_that_may_be_a_value_is_not_repeated() {
        let report = read(&source(Path::new("hunter2"), false)).unwrap_err();
        assert!(!report.to_string().contains("hunter2"));
        assert_eq!(report.hint.as_deref(), Some(NO_ARGUMENT));
        let report = read(&source(Path::new("/no/such/file"), false)).unwrap_err();
        assert_eq!(report.message, "open /no/such/file: no such file or directory");
        let directory = tempfile::tempdir().unwrap();
        assert!(
            read(&source(directory.path(), false))
                .unwrap_err()
                .message
                .ends_with("is a directory")
        );
    }

    #[test]
    fn nothing_is_read_without_a_source() {
        let report = read(&Source {
            file: None,
            generate: None,
            trim: false,
        })
        .unwrap_err();
        assert_eq!(report.message, "secret file is required");
    }
}
