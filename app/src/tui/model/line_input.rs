//! What stands in a line of input that is no secret? A text area of one line: cursor, words and undo are its own; what
//! would make a second line, or a character that no name has, never reaches it.
//!
//! It remembers what was typed, for undo and for putting back. Bytes of a secret therefore go into a `SecretInput`.

use std::fmt;

use tui_textarea::{CursorMove, Input, Key as Pressed, TextArea};

use crate::tui::key::{Code, Key};

/// Longest line, in characters.
const LENGTH_MAX: usize = 1024;

#[derive(Default)]
pub struct LineInput {
    /// Boxed: the other kinds of field are far smaller.
    area: Box<TextArea<'static>>,
}

impl LineInput {
    /// That text with the cursor behind it, and nothing to undo.
    pub fn with(text: &str) -> Self {
        let mut line = Self {
            area: Box::new(TextArea::new(vec![one_line(text).take(LENGTH_MAX).collect()])),
        };
        line.area.move_cursor(CursorMove::End);
        line
    }

    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// The text before the cursor, and the text from it on.
    pub fn parts(&self) -> (&str, &str) {
        let text = self.text();
        let column = self.area.cursor().1;
        let at = text.char_indices().nth(column).map_or(text.len(), |(at, _)| at);
        text.split_at(at)
    }

    /// Does what the key means to a line: types, erases, moves, takes back, puts back. Keys with no such meaning, and
    /// those that would break the line, do nothing.
    pub fn input(&mut self, key: Key) {
        if let Some(input) = meaning(key)
            && (key.typed().is_none() || self.room() > 0)
        {
            self.area.input(input);
        }
    }

    /// Takes in pasted text, without its last line end; line ends within become spaces, so that a paste never runs
    /// anything. False when the end of it did not fit.
    pub fn paste(&mut self, text: &str) -> bool {
        let mut pasted = one_line(text.trim_end());
        let taken: String = pasted.by_ref().take(self.room()).collect();
        self.area.insert_str(taken);
        pasted.next().is_none()
    }

    /// Empties the line; undo brings the text back.
    pub fn clear(&mut self) {
        self.area.select_all();
        self.area.cut();
    }

    fn room(&self) -> usize {
        LENGTH_MAX.saturating_sub(self.text().chars().count())
    }
}

/// The characters of a text as one line has them.
fn one_line(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .map(|character| match character {
            '\r' | '\n' | '\t' => ' ',
            other => other,
        })
        .filter(|character| !character.is_control())
}

fn meaning(key: Key) -> Option<Input> {
    let plain = |pressed| Input {
        key: pressed,
        ..Input::default()
    };
    let with_ctrl = |pressed| Input {
        ctrl: true,
        ..plain(pressed)
    };
    Some(match key.code {
        Code::Char(letter) if key.ctrl && "deruy".contains(letter) => with_ctrl(Pressed::Char(letter)),
        Code::Char(character) if !key.ctrl && !character.is_control() => plain(Pressed::Char(character)),
        Code::Backspace => plain(Pressed::Backspace),
        Code::EraseWord => Input {
            alt: true,
            ..plain(Pressed::Backspace)
        },
        Code::Delete => plain(Pressed::Delete),
        Code::Left => plain(Pressed::Left),
        Code::Right => plain(Pressed::Right),
        Code::WordLeft => with_ctrl(Pressed::Left),
        Code::WordRight => with_ctrl(Pressed::Right),
        Code::Home => plain(Pressed::Home),
        Code::End => plain(Pressed::End),
        _ => return None,
    })
}

/// The length only: what was erased stands in the area's memory, too, and may have been a value in the wrong field.
impl fmt::Debug for LineInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineInput({} characters)", self.text().chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut LineInput, script: &str) {
        for key in Key::script(script) {
            line.input(key);
        }
    }

    fn typed(script: &str) -> LineInput {
        let mut line = LineInput::default();
        press(&mut line, script);
        line
    }

    #[test]
    fn a_line_stays_a_line() {
        let mut line = LineInput::default();
        assert!(line.paste("a\r\nb\x1b[2J\n"));
        assert_eq!(line.text(), "a  b[2J");
        for breaking in ["<enter>", "<ctrl-m>", "<ctrl-j>", "<tab>", "<down>", "\n", "\r"] {
            press(&mut line, breaking);
            assert_eq!((line.text(), line.area.lines().len()), ("a  b[2J", 1), "{breaking:?}");
        }
        assert_eq!(LineInput::with("a\nb").text(), "a b");
    }

    #[test]
    fn a_line_has_an_end() {
        let mut line = typed("ab");
        assert!(!line.paste(&"x".repeat(5000)));
        press(&mut line, "y");
        assert_eq!(line.text().chars().count(), LENGTH_MAX);
        assert!(line.text().ends_with('x'));
    }

    #[test]
    fn the_cursor_moves_by_characters_and_words() {
        assert_eq!(typed("déf<left><left>x").parts(), ("dx", "éf"));
        assert_eq!(typed("one two<ctrl-left>x").parts(), ("one x", "two"));
        assert_eq!(typed("one two<home><ctrl-right>x").parts(), ("one x", "two"));
        assert_eq!(typed("one two<alt-bksp>x<end><bksp>").parts(), ("one ", ""));
        assert_eq!(typed("ab<home><del>").parts(), ("", "b"));
    }

    #[test]
    fn what_was_erased_comes_back() {
        let mut line = typed("name");
        line.clear();
        assert_eq!(line.text(), "");
        press(&mut line, "<ctrl-u>");
        assert_eq!(line.text(), "name");
        press(&mut line, "<ctrl-r>");
        assert_eq!(line.text(), "");
        press(&mut line, "<ctrl-y>");
        assert_eq!(line.text(), "name");
    }

    #[test]
    fn debug_shows_the_length_only() {
        let mut line = typed("c4n4ry");
        line.clear();
        line.paste("more");
        assert_eq!(format!("{line:?}"), "LineInput(4 characters)");
    }
}
