//! How does a value, or an unlock key, get from the keyboard into a request without leaving traces? In a buffer of fixed
//! capacity that is wiped on drop, has no undo, no yank and no clone, and shows nothing but its length.
//!
//! What cannot be wiped from here: the terminal's, the multiplexer's and the kernel's buffers, and the event that the
//! terminal library made of the keys.

use std::fmt;

use zeroize::Zeroize;

/// Docker's limit for a secret's value, in bytes, with room for the one byte that makes it too long.
const CAPACITY: usize = 512_000;

/// Why text was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The terminal replaced bytes that are no text: the value would not be what was copied.
    NotText,
    TooLong,
}

impl Refused {
    pub fn words(self) -> &'static str {
        match self {
            Self::NotText => "this is not text: a terminal cannot carry binary values, choose `file` instead",
            Self::TooLong => "a value has at most 511999 bytes",
        }
    }
}

/// Bytes on their way into the cluster.
pub struct SecretInput {
    /// Allocated in full on first use, so that growing never leaves a copy behind.
    bytes: Vec<u8>,
    /// Bytes that it takes at most.
    capacity: usize,
}

impl Default for SecretInput {
    fn default() -> Self {
        Self::up_to(CAPACITY)
    }
}

impl SecretInput {
    /// A field for something shorter than a value.
    pub fn up_to(capacity: usize) -> Self {
        Self {
            bytes: Vec::new(),
            capacity,
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn push(&mut self, character: char) -> Result<(), Refused> {
        let mut encoded = [0; 4];
        let result = self.extend(character.encode_utf8(&mut encoded).as_bytes());
        encoded.zeroize();
        result
    }

    /// Takes back the last character.
    pub fn erase(&mut self) {
        while let Some(last) = self.bytes.last_mut() {
            let continues = *last & 0b1100_0000 == 0b1000_0000;
            *last = 0;
            self.bytes.pop();
            if !continues {
                break;
            }
        }
    }

    pub fn clear(&mut self) {
        self.bytes.zeroize();
    }

    /// Adds pasted text, whose line ends a terminal sends as CR: they become LF again. The text is wiped.
    pub fn paste(&mut self, mut text: String) -> Result<(), Refused> {
        let result = self.paste_text(&text);
        text.zeroize();
        result
    }

    fn paste_text(&mut self, text: &str) -> Result<(), Refused> {
        if text.contains('\u{fffd}') {
            return Err(Refused::NotText);
        }
        let before = self.bytes.len();
        let mut after_cr = false;
        for byte in text.bytes() {
            let skip = after_cr && byte == b'\n';
            after_cr = byte == b'\r';
            if !skip && let Err(refused) = self.extend(&[if after_cr { b'\n' } else { byte }]) {
                self.cut(before);
                return Err(refused);
            }
        }
        Ok(())
    }

    /// Replaces everything by these bytes, which are wiped.
    pub fn replace(&mut self, mut bytes: Vec<u8>) -> Result<(), Refused> {
        self.clear();
        let result = self.extend(&bytes);
        bytes.zeroize();
        result
    }

    /// Replaces everything by one pasted word without the space around it: an unlock key as it stands in a note. The bytes
    /// are wiped. What cannot be a key is refused whole, and leaves the field empty.
    pub fn replace_trimmed(&mut self, mut bytes: Vec<u8>) -> Result<(), &'static str> {
        self.clear();
        let word = bytes.trim_ascii();
        let result = if word.is_empty() {
            Err("the paste was empty")
        } else if !word.iter().all(u8::is_ascii_graphic) {
            Err(
                "that is no unlock key: one is a single word of plain letters, digits and signs; the field is empty again",
            )
        } else {
            self.extend(word)
                .map_err(|_too_long| "no unlock key is that long; the field is empty again")
        };
        bytes.zeroize();
        result
    }

    /// Whether it begins so: what is public about a key.
    pub fn begins_with(&self, beginning: &[u8]) -> bool {
        self.bytes.starts_with(beginning)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.bytes.len() + bytes.len() > self.capacity {
            return Err(Refused::TooLong);
        }
        if self.bytes.capacity() < self.capacity {
            self.bytes.reserve_exact(self.capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether both hold the same bytes, as a passphrase that is typed twice should.
    pub fn same_as(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    fn cut(&mut self, length: usize) {
        self.bytes[length..].zeroize();
        self.bytes.truncate(length);
    }

    /// Whether the value ends in a line end, the classic cause of wrong passwords.
    pub fn ends_with_newline(&self) -> bool {
        self.bytes.last() == Some(&b'\n')
    }

    /// A copy for one request, without its final line end if so asked. The request wipes it; this buffer keeps its own
    /// until the change is through, because a plan that went stale asks for it again.
    pub fn copy(&self, strip_newline: bool) -> Vec<u8> {
        let mut end = self.bytes.len();
        if strip_newline && self.ends_with_newline() {
            end -= 1;
            if self.bytes[..end].last() == Some(&b'\r') {
                end -= 1;
            }
        }
        self.bytes[..end].to_vec()
    }

    /// What the screen shows: the length and nothing else, whatever was typed.
    pub fn shown(&self) -> String {
        match self.len() {
            0 => String::new(),
            1 => "(1 byte, hidden)".to_owned(),
            length => format!("({length} bytes, hidden)"),
        }
    }
}

impl Drop for SecretInput {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretInput({} bytes, hidden)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_and_erasing_whole_characters() {
        let mut input = SecretInput::default();
        for character in "pä鍵".chars() {
            input.push(character).expect("there is room");
        }
        assert_eq!((input.len(), input.shown().as_str()), (6, "(6 bytes, hidden)"));
        input.erase();
        input.erase();
        assert_eq!(input.copy(false), b"p");
        input.erase();
        input.erase();
        assert_eq!(input.shown(), "");
    }

    #[test]
    fn a_paste_gets_its_line_ends_back() {
        let mut input = SecretInput::default();
        assert_eq!(input.paste("one\rtwo\r\nthree\r".into()), Ok(()));
        assert_eq!(input.copy(false), b"one\ntwo\nthree\n");
        assert!(input.ends_with_newline());
        assert_eq!(input.copy(true), b"one\ntwo\nthree");
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused_whole() {
        let mut input = SecretInput::default();
        input.push('a').expect("there is room");
        assert_eq!(input.paste("b\u{fffd}".into()), Err(Refused::NotText));
        assert_eq!(input.paste("x".repeat(CAPACITY)), Err(Refused::TooLong));
        assert_eq!(input.copy(false), b"a");
        assert_eq!(input.replace(vec![1; CAPACITY + 1]), Err(Refused::TooLong));
        assert!(input.is_empty());
    }

    #[test]
    fn a_pasted_word_is_taken_without_the_space_around_it() {
        let mut input = SecretInput::up_to(16);
        assert_eq!(input.replace_trimmed(b" \r\nSWMKEY-1-ab \n".to_vec()), Ok(()));
        assert_eq!(input.copy(false), b"SWMKEY-1-ab");
        for rubbish in [
            &b"two words"[..],
            b"",
            b"\x1b[2J",
            "schl\u{fc}ssel".as_bytes(),
            &[b'x'; 17],
        ] {
            assert!(input.replace_trimmed(rubbish.to_vec()).is_err());
            assert!(input.is_empty());
        }
    }

    #[test]
    fn the_buffer_never_moves_while_it_grows() {
        let mut input = SecretInput::default();
        input.push('a').expect("there is room");
        let first = input.bytes.as_ptr();
        input.paste("x".repeat(100_000)).expect("there is room");
        assert_eq!(input.bytes.as_ptr(), first);
    }

    #[test]
    fn debug_shows_the_length_only() {
        let mut input = SecretInput::default();
        input.paste("c4n4ry".into()).expect("there is room");
        assert_eq!(format!("{input:?}"), "SecretInput(6 bytes, hidden)");
    }
}
