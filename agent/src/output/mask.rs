//! Which bytes of a line are a value? Every occurrence of one that the task has, as it is, in base64 and in hexadecimal.
//!
//! Lines are looked at whole, so that it makes no difference how they were read. A value of several lines is looked for line
//! by line, and a long one in pieces.

use std::collections::BTreeMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use wardroom_keys::SecretBytes;

use super::lines::LINE_BYTES_MAX;
use crate::ids::VersionId;
use crate::values::Value;

/// What stands in place of a value. It tells nothing of its length.
const BULLETS: &str = "•••••";
const CUT: &str = "…";
/// Shorter ones occur by chance, and hiding them would tell where.
const VALUE_BYTES_MIN: usize = 5;
/// Lines of a value of several lines may be anybody's.
const VALUE_LINE_BYTES_MIN: usize = 8;
/// Longer values are looked for in pieces of this size, so that one is found where only a part of it is.
pub(super) const PIECE_BYTES: usize = 1024;
/// Beyond this a value is looked for as it is, and in no other spelling.
const SPELT_BYTES_MAX: usize = 16 * 1024;
/// Of the words in a report.
const WORDS_CHARS_MAX: usize = 300;

enum Search {
    For(AhoCorasick),
    /// There are more states than the library has numbers for.
    TooMuch,
}

#[derive(Default)]
pub(super) struct Mask {
    values: BTreeMap<VersionId, Arc<Value>>,
    /// Made when the first line comes.
    search: Option<Search>,
}

impl Mask {
    pub(super) fn know(&mut self, values: BTreeMap<VersionId, Arc<Value>>) {
        self.values = values;
        self.search = None;
    }

    pub(super) fn known(&self) -> &BTreeMap<VersionId, Arc<Value>> {
        &self.values
    }

    /// The line with bullets in it, cut to what is kept of one.
    pub(super) fn hide(&mut self, line: &[u8]) -> SecretBytes {
        let mut hidden = Vec::with_capacity(line.len().min(LINE_BYTES_MAX) + BULLETS.len());
        let mut from = 0;
        for (start, end) in self.places(line) {
            if start >= LINE_BYTES_MAX {
                break;
            }
            if start >= from {
                hidden.extend_from_slice(&line[from..start]);
                // Pieces of one value that follow each other are one value.
                if start > from || from == 0 {
                    hidden.extend_from_slice(BULLETS.as_bytes());
                }
            }
            from = end;
        }
        let to = line.len().min(LINE_BYTES_MAX);
        if from < to {
            hidden.extend_from_slice(&line[from..to]);
        }
        if line.len() > LINE_BYTES_MAX {
            hidden.extend_from_slice(CUT.as_bytes());
        }
        SecretBytes::new(hidden)
    }

    fn places(&mut self, line: &[u8]) -> Vec<(usize, usize)> {
        if self.values.is_empty() {
            return Vec::new();
        }
        let values = &self.values;
        match self.search.get_or_insert_with(|| search(values)) {
            Search::For(values) => {
                let found = values.find_iter(line);
                found.map(|found| (found.start(), found.end())).collect()
            }
            // What cannot be searched is not shown.
            Search::TooMuch => vec![(0, line.len())],
        }
    }
}

fn search(values: &BTreeMap<VersionId, Arc<Value>>) -> Search {
    let patterns: Vec<SecretBytes> = values
        .values()
        .flat_map(|value| spellings(value.bytes.expose()))
        .collect();
    let made = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(patterns.iter().map(SecretBytes::expose));
    made.map_or(Search::TooMuch, Search::For)
}

/// What is looked for because of one value.
fn spellings(value: &[u8]) -> Vec<SecretBytes> {
    let bare = value.trim_ascii_end();
    let mut spellings = Vec::new();
    if bare.contains(&b'\n') {
        let lines = bare.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| line.len() >= VALUE_LINE_BYTES_MIN) {
            pieces(line, &mut spellings);
        }
    } else if bare.len() >= VALUE_BYTES_MIN {
        pieces(bare, &mut spellings);
    }
    if bare.len() >= VALUE_BYTES_MIN && bare.len() <= SPELT_BYTES_MAX {
        for spelt in [value, bare] {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                pieces(engine.encode(spelt).as_bytes(), &mut spellings);
            }
            let hex = hex(spelt);
            pieces(hex.as_bytes(), &mut spellings);
            pieces(hex.to_ascii_uppercase().as_bytes(), &mut spellings);
        }
    }
    spellings
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16);
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(digit)
        .collect()
}

fn pieces(text: &[u8], into: &mut Vec<SecretBytes>) {
    let mut rest = text;
    // The last piece is not one that occurs by chance.
    while rest.len() > PIECE_BYTES {
        let at = if rest.len() - PIECE_BYTES < VALUE_LINE_BYTES_MIN {
            PIECE_BYTES / 2
        } else {
            PIECE_BYTES
        };
        let (piece, after) = rest.split_at(at);
        into.push(SecretBytes::new(piece.to_vec()));
        rest = after;
    }
    if !rest.is_empty() {
        into.push(SecretBytes::new(rest.to_vec()));
    }
}

/// The end of a text without line breaks and controls.
pub(super) fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words: Vec<&str> = text.split(|char: char| char.is_control()).map(str::trim).collect();
    let line = words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let chars = line.chars().count();
    line.chars().skip(chars.saturating_sub(WORDS_CHARS_MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Driver;

    fn mask(values: &[&[u8]]) -> Mask {
        let value = |bytes: &&[u8]| {
            Arc::new(Value {
                bytes: SecretBytes::new(bytes.to_vec()),
                digest_key: SecretBytes::new(Vec::new()),
                driver: Driver::Plain,
            })
        };
        let values = values.iter().map(value).enumerate();
        let mut mask = Mask::default();
        mask.know(
            values
                .map(|(at, value)| (VersionId::new(at.to_string()), value))
                .collect(),
        );
        mask
    }

    fn hidden(values: &[&[u8]], line: &[u8]) -> String {
        String::from_utf8_lossy(mask(values).hide(line).expose()).into_owned()
    }

    #[test]
    fn a_value_is_hidden_wherever_it_stands() {
        assert_eq!(hidden(&[b"c4n4ry"], b"c4n4ry at c4n4ry."), "••••• at •••••.");
        assert_eq!(
            hidden(&[b"c4n4ry\n"], b"with its newline or without: c4n4ry"),
            "with its newline or without: •••••"
        );
        assert_eq!(
            hidden(&[b"c4n4ry", b"c4n4ry-longer"], b"c4n4ry-longer"),
            "•••••",
            "the longest that fits"
        );
        assert_eq!(hidden(&[b"other"], b"nothing here"), "nothing here");
        assert_eq!(hidden(&[], b"nothing known"), "nothing known");
    }

    #[test]
    fn short_values_are_left_alone() {
        assert_eq!(hidden(&[b"true"], b"it is true"), "it is true");
        assert_eq!(hidden(&[b"truly"], b"it is truly"), "it is •••••");
    }

    #[test]
    fn other_spellings_are_hidden() {
        assert_eq!(hidden(&[b"c4n4ry"], b"YzRuNHJ5"), "•••••");
        assert_eq!(hidden(&[b"c4n4ry!"], b"basic YzRuNHJ5IQ=="), "basic •••••==");
        assert_eq!(hidden(&[b"c4n4ry"], b"63346e347279 63346E347279"), "••••• •••••");
    }

    #[test]
    fn a_value_of_several_lines_is_hidden_line_by_line() {
        let key = b"-----BEGIN KEY-----\nAAAABBBBCCCC\n}\n";
        assert_eq!(hidden(&[key], b"AAAABBBBCCCC"), "•••••");
        assert_eq!(hidden(&[key], b"}"), "}", "a line that may be anybody's");
    }

    #[test]
    fn the_cut_of_a_long_line_goes_through_no_value() {
        let value = vec![b'v'; 600];
        let mut line = vec![b'x'; LINE_BYTES_MAX - 100];
        line.extend_from_slice(&value);
        let hidden = hidden(&[&value], &line);
        assert!(!hidden.contains('v'), "{}", &hidden[hidden.len() - 40..]);
        assert!(hidden.ends_with("x•••••…"));
    }

    #[test]
    fn a_long_value_is_hidden_in_pieces() {
        let value: Vec<u8> = (0..3003_u32)
            .map(|at| b'a' + u8::try_from(at * 7 % 23).expect("below 23"))
            .collect();
        assert_eq!(hidden(&[&value], &value), "•••••");
        let half = &value[..2500];
        assert!(!hidden(&[&value], half).contains(std::str::from_utf8(&value[..900]).expect("letters")));
    }

    #[test]
    fn words_fit_into_a_line() {
        assert_eq!(one_line(b"first\n\n  second\x1b[31m\n"), "first second [31m");
        assert_eq!(one_line(&vec![b'x'; 1000]).len(), WORDS_CHARS_MAX);
    }
}
