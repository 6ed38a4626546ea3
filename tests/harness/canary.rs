//! Is a planted value anywhere it must not be? Searches bytes raw, in hex, in base64 and in UTF-16: for the whole of it,
//! or for any piece, because a buffer that was half overwritten gives half a value away.

use std::io::{self, ErrorKind};
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine;

use crate::until::until;

/// So many bytes of a form in a row are no coincidence.
const PIECE: usize = 16;

/// Every form in which a value could hide.
pub struct Canary {
    forms: Vec<(&'static str, Vec<u8>)>,
    /// The forms cut into pieces that do not overlap: whatever is left of a form and is twice as long holds one.
    pieces: AhoCorasick,
    /// The form each piece is of.
    piece_of: Vec<&'static str>,
}

impl Canary {
    pub fn new(value: &[u8]) -> Self {
        let lower = value
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let utf16 = value.iter().flat_map(|&byte| [byte, 0]).collect();
        let mut forms = vec![
            ("raw", value.to_vec()),
            ("hex", lower.clone().into_bytes()),
            ("HEX", lower.to_uppercase().into_bytes()),
            ("utf-16", utf16),
        ];
        // Base64 inside a longer text starts at one of three alignments; the middle survives all of them.
        for (skip, name) in [(0, "base64"), (1, "base64+1"), (2, "base64+2")] {
            let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&value[skip..]);
            forms.push((name, text.as_bytes()[..text.len() - 2].to_vec()));
        }
        let cut = |(name, form): &(&'static str, Vec<u8>)| {
            let whole = form.len().min(PIECE);
            let pieces = form.chunks_exact(whole).map(<[u8]>::to_vec);
            pieces.map(|piece| (*name, piece)).collect::<Vec<_>>()
        };
        let (piece_of, pieces): (Vec<_>, Vec<_>) = forms.iter().flat_map(cut).unzip();
        let pieces = AhoCorasick::new(pieces).unwrap();
        Self {
            forms,
            pieces,
            piece_of,
        }
    }

    /// Every piece of the value in `bytes`: the form, and where it stands. They do not overlap.
    pub fn traces_in(&self, bytes: &[u8]) -> Vec<(&'static str, usize)> {
        let found = self.pieces.find_iter(bytes);
        found
            .map(|piece| (self.piece_of[piece.pattern().as_usize()], piece.start()))
            .collect()
    }

    /// The longest piece: two parts of something that are searched one by one must overlap by one byte less.
    pub fn piece_len(&self) -> usize {
        self.pieces.max_pattern_len()
    }

    /// Each form by its name.
    pub fn forms(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.forms.iter().map(|(name, bytes)| (*name, bytes.as_slice()))
    }

    /// Of the bytes that unpadded base64 stands for.
    pub fn of_base64(text: &str) -> Self {
        let value = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text);
        Self::new(&value.unwrap_or_else(|error| panic!("no base64: {error}")))
    }

    /// The form in which the value stands in `bytes`, if it does.
    pub fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        self.forms
            .iter()
            .find(|(_, form)| contains(bytes, form))
            .map(|(name, _)| *name)
    }

    /// Every file below `folder` that contains the value, with the form. While somebody works there, files go before they
    /// are read, or come under another name: then all is searched again.
    pub fn found_below(&self, folder: &Path) -> Vec<String> {
        assert!(folder.is_dir(), "{} is no folder", folder.display());
        until(&format!("{} stands still", folder.display()), || {
            match self.search(folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                found => Some(found.unwrap_or_else(|error| panic!("{}: {error}", folder.display()))),
            }
        })
    }

    fn search(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut hits = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                let kind = path.symlink_metadata()?.file_type();
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_file() {
                    let bytes = std::fs::read(&path)?;
                    hits.extend(self.found_in(&bytes).map(|form| format!("{} ({form})", path.display())));
                }
            }
        }
        Ok(hits)
    }
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let Some(&first) = form.first() else { return false };
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == first) {
        let start = from + at;
        if bytes[start..].starts_with(form) {
            return true;
        }
        from = start + 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_and_nothing_else() {
        let value = b"s3cret-canary-0123456789";
        let canary = Canary::new(value);
        for form in [
            value.to_vec(),
            b"xx73336372657"
                .iter()
                .copied()
                .chain(value.iter().flat_map(|b| format!("{b:02x}").into_bytes()))
                .collect(),
            base64::engine::general_purpose::STANDARD
                .encode([b"k=", &value[..]].concat())
                .into_bytes(),
            base64::engine::general_purpose::STANDARD
                .encode([b"k", &value[..], b"z"].concat())
                .into_bytes(),
            base64::engine::general_purpose::STANDARD.encode(value).into_bytes(),
        ] {
            assert!(canary.found_in(&form).is_some(), "{}", String::from_utf8_lossy(&form));
        }
        assert_eq!(canary.found_in(b"s3cret-canary-012345678"), None);
    }

    #[test]
    fn half_a_value_leaves_a_trace() {
        let value: Vec<u8> = (b'0'..b'p').collect();
        let canary = Canary::new(&value);
        for from in 0..value.len() - 2 * PIECE {
            let remnant = [b"..", &value[from..from + 2 * PIECE], b".."].concat();
            let traces = canary.traces_in(&remnant);
            assert!(
                traces.iter().any(|(form, at)| *form == "raw" && *at < 2 + PIECE),
                "{from}"
            );
            assert_eq!(canary.found_in(&remnant), None, "the whole of it is not there");
        }
        let hex = value
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(canary.traces_in(&hex.as_bytes()[1..])[0].0, "hex");
        assert!(canary.traces_in(&value[..PIECE - 1]).is_empty());
    }
}
