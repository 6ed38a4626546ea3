//! What does an `env_file` set? Docker's format: a `NAME=value` a line, nothing quoted, `#` for remarks, and `NAME` alone
//! for the caller's.

use std::sync::Arc;

use super::fields::At;
use super::problem::Problems;
use super::tree::Place;

/// Its variables in order; one without a value takes the caller's. No line is repeated in a message.
pub fn parse(file: &Arc<str>, bytes: &[u8], problems: &mut Problems) -> Vec<(String, At<Option<String>>)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut variables = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let place = Place {
            file: Arc::clone(file),
            line: number + 1,
            column: 1,
        };
        let Ok(line) = std::str::from_utf8(line) else {
            problems.refuse(&place, "this is not UTF-8 text; save the file as UTF-8");
            continue;
        };
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, None),
        };
        if name.is_empty() || name.contains(char::is_whitespace) || line.contains('\0') {
            problems.refuse(&place, "NAME=value is expected, with a name that has no spaces");
            continue;
        }
        variables.push((name.to_owned(), At { place, value }));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_as_docker_takes_them() {
        let mut problems = Problems::default();
        let text = b"\xef\xbb\xbf# a remark\n\nA=1\r\n  B=\"two\" # kept\nC\nD=\nE F=1\n=x\nG=\xff\n";
        let variables = parse(&"a.env".into(), text, &mut problems);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, at)| (name.as_str(), at.value.as_deref()))
            .collect();
        assert_eq!(
            variables,
            [
                ("A", Some("1")),
                ("B", Some("\"two\" # kept")),
                ("C", None),
                ("D", Some(""))
            ]
        );
        assert_eq!(
            problems.lines(),
            [
                "a.env:7:1: NAME=value is expected, with a name that has no spaces",
                "a.env:8:1: NAME=value is expected, with a name that has no spaces",
                "a.env:9:1: this is not UTF-8 text; save the file as UTF-8",
            ]
        );
    }
}
