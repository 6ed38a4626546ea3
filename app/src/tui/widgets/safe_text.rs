//! How does text from outside reach the screen? Only as `SafeText`: every control, bidi, zero-width and tag character
//! becomes a visible `\u{..}`, so that no name can move the cursor, turn the line around or hide behind another.
//!
//! Cleaning twice changes nothing, so each painter may clean again whatever it is handed.

use std::borrow::Cow;
use std::fmt;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Longest text that is kept, in characters; what a screen shows is far shorter.
const LENGTH_MAX: usize = 4096;

/// Text that may be drawn: it holds no character that a terminal or a reader would act upon.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText(String);

impl SafeText {
    pub fn new(raw: &str) -> Self {
        Self(clean(raw).into_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Columns it takes, measured as the terminal library measures.
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// Cut to `width` columns, the end marked with `mark`.
    pub fn cut(&self, width: usize, mark: char) -> Self {
        if self.width() <= width {
            return self.clone();
        }
        let mut kept = take_width(&self.0, width.saturating_sub(1)).to_owned();
        if width > 0 {
            kept.push(mark);
        }
        Self(kept)
    }

    /// Cut in the middle: both ends of a long name stay readable, so two names cannot be made to look alike by length.
    pub fn cut_middle(&self, width: usize, mark: char) -> Self {
        if self.width() <= width {
            return self.clone();
        }
        if width < 5 {
            return self.cut(width, mark);
        }
        let tail_width = (width - 1) / 2;
        let head = take_width(&self.0, width - 1 - tail_width);
        Self(format!("{head}{mark}{}", last_width(&self.0, tail_width)))
    }

    /// Its end, as much as fits into `width` columns.
    pub fn tail(&self, width: usize) -> Self {
        Self(last_width(&self.0, width).to_owned())
    }
}

/// The longest prefix that fits into `width` columns.
fn take_width(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return &text[..at];
        }
    }
    text
}

/// The longest end that fits into `width` columns.
fn last_width(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices().rev() {
        used += character.width().unwrap_or(0);
        if used > width {
            return &text[at + character.len_utf8()..];
        }
    }
    text
}

fn clean(raw: &str) -> Cow<'_, str> {
    let short = raw.char_indices().nth(LENGTH_MAX).is_none();
    if short && raw.chars().all(is_harmless) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    for character in raw.chars().take(LENGTH_MAX) {
        if is_harmless(character) {
            out.push(character);
        } else {
            out.extend(character.escape_unicode());
        }
    }
    Cow::Owned(out)
}

/// Everything without a width of its own is refused: that covers C0, C1, DEL, bidi marks and overrides, zero-width
/// joiners, tag characters and combining marks. The line separators have a width but would break a log line.
fn is_harmless(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    character.width().is_some_and(|width| width > 0) && !is_reordering(character)
}

fn is_reordering(character: char) -> bool {
    matches!(u32::from(character),
        0x80..=0x9f | 0xad | 0x061c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
            | 0xe0000..=0xe007f)
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for SafeText {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<&String> for SafeText {
    fn from(raw: &String) -> Self {
        Self::new(raw)
    }
}

impl From<String> for SafeText {
    fn from(raw: String) -> Self {
        match clean(&raw) {
            Cow::Borrowed(_) => Self(raw),
            Cow::Owned(cleaned) => Self(cleaned),
        }
    }
}

/// `format!` whose result is cleaned.
macro_rules! safe {
    ($($argument:tt)*) => { $crate::tui::widgets::SafeText::from(format!($($argument)*)) };
}
pub(crate) use safe;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_upon_becomes_visible() {
        for (raw, shown) in [
            ("db_password", "db_password"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("a\u{9b}31mb\u{7f}", "a\\u{9b}31mb\\u{7f}"),
            ("line\r\nline\t", "line\\u{d}\\u{a}line\\u{9}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("e\u{301}", "e\\u{301}"),
            ("\u{2028}\u{2066}", "\\u{2028}\\u{2066}"),
            ("schlüssel 鍵", "schlüssel 鍵"),
        ] {
            assert_eq!(SafeText::new(raw).as_str(), shown);
            assert_eq!(SafeText::new(shown).as_str(), shown, "cleaning twice changes nothing");
        }
    }

    #[test]
    fn long_names_keep_both_ends() {
        let name = SafeText::new("pay_webhook_signing_key_of_the_shop");
        assert_eq!(name.cut_middle(15, '~').as_str(), "pay_web~he_shop");
        assert_eq!(name.cut(8, '~').as_str(), "pay_web~");
        assert_eq!(name.cut(0, '~').as_str(), "");
        assert_eq!(SafeText::new("鍵鍵鍵").cut(4, '~').as_str(), "鍵~");
        assert_eq!(name.cut_middle(60, '~'), name);
    }

    #[test]
    fn an_endless_name_is_capped() {
        assert_eq!(SafeText::new(&"x".repeat(10_000)).width(), LENGTH_MAX);
    }
}
