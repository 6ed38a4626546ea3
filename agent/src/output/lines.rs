//! Where does a line end? At its newline, wherever the reads of it were cut; a line that is too long is cut, and the rest of
//! it is passed over.

use wardroom_keys::SecretBytes;

use super::mask::PIECE_BYTES;

/// What is kept of one line.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;
/// A little more is looked at, so that no value that the cut goes through is taken for something else.
const LOOK_BYTES: usize = LINE_BYTES_MAX + PIECE_BYTES;

/// Bytes of one stream on their way to lines.
#[derive(Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    /// Enough of this line was taken.
    passing_over: bool,
}

impl Lines {
    /// Hands every line that `bytes` complete to `take`.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, whole) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if !self.passing_over {
                let room = LOOK_BYTES - self.begun.len();
                self.begun.extend_from_slice(&text[..text.len().min(room)]);
                if self.begun.len() == LOOK_BYTES {
                    self.hand_over(&mut take);
                    self.passing_over = true;
                }
            }
            if whole {
                if !self.passing_over {
                    self.hand_over(&mut take);
                }
                self.passing_over = false;
            }
        }
    }

    /// The stream has ended; a line without its newline is one too.
    pub(crate) fn end(&mut self, mut take: impl FnMut(&[u8])) {
        if !self.begun.is_empty() {
            self.hand_over(&mut take);
        }
    }

    fn hand_over(&mut self, take: &mut impl FnMut(&[u8])) {
        // Wiped once it was handed over.
        let line = SecretBytes::new(std::mem::take(&mut self.begun));
        let text = line.expose();
        take(text.strip_suffix(b"\r").unwrap_or(text));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(SecretBytes::new(std::mem::take(&mut self.begun)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(reads: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let mut lines = Lines::default();
        for read in reads {
            lines.feed(read, |line| found.push(line.to_vec()));
        }
        lines.end(|line| found.push(line.to_vec()));
        found
    }

    #[test]
    fn reads_are_cut_anywhere() {
        assert_eq!(
            lines(&[b"on", b"e\ntw", b"o\r\n\nthr", b"ee"]),
            [&b"one"[..], b"two", b"", b"three"]
        );
    }

    #[test]
    fn the_rest_of_a_long_line_is_passed_over() {
        let long = vec![b'x'; 3 * LOOK_BYTES];
        let found = lines(&[&long, b"still", b" it\nnext\n"]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].len(), LOOK_BYTES);
        assert_eq!(found[1], b"next");
    }

    proptest! {
        #[test]
        fn how_reads_are_cut_makes_no_difference(text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), cut in 1_usize..20) {
            let whole = lines(&[&text]);
            let pieces: Vec<&[u8]> = text.chunks(cut).collect();
            prop_assert_eq!(whole, lines(&pieces));
        }
    }
}
