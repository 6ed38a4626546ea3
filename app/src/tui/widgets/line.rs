//! How is a line that is being typed drawn? Around its cursor: of a line longer than its room the part that is being
//! worked on shows. Drawn by the canvas, as all text is, because names may hold what a terminal acts upon.

use super::canvas::Canvas;
use super::safe_text::SafeText;
use crate::tui::model::line_input::LineInput;
use crate::tui::theme::Tone;

/// Draws the line into `width` columns and puts the cursor there if the line has the keys; returns the column after it.
pub fn line_input(
    canvas: &mut Canvas<'_>,
    (x, y, width): (u16, u16, u16),
    line: &LineInput,
    tone: Tone,
    focused: bool,
) -> u16 {
    let (before, after) = line.parts();
    // One column stays for the cursor behind the last character.
    let head = SafeText::new(before).tail(usize::from(width.saturating_sub(1)));
    let cursor = canvas.text(x, y, width, head, tone);
    let end = canvas.text(cursor, y, width.saturating_sub(cursor - x), after, tone);
    if focused {
        canvas.cursor = Some((cursor, y));
    }
    end
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::tui::key::Key;
    use crate::tui::theme::{Glyphs, Theme};

    fn drawn(text: &str, keys: &str) -> (String, Option<(u16, u16)>) {
        let mut line = LineInput::with(text);
        for key in Key::script(keys) {
            line.input(key);
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        let mut canvas = Canvas::new(&mut buffer, Theme::default(), Glyphs::ASCII);
        line_input(&mut canvas, (0, 0, 6), &line, Tone::Plain, true);
        let cursor = canvas.cursor;
        let cells = buffer.content().iter().map(ratatui::buffer::Cell::symbol);
        (cells.collect::<String>().trim_end().to_owned(), cursor)
    }

    #[test]
    fn the_cursor_is_always_in_view() {
        assert_eq!(drawn("abc", ""), ("abc".into(), Some((3, 0))));
        assert_eq!(drawn("abc", "<left>"), ("abc".into(), Some((2, 0))));
        assert_eq!(drawn("abcdefgh", ""), ("defgh".into(), Some((5, 0))));
        assert_eq!(drawn("abcdefgh", "<home>"), ("abcde~".into(), Some((0, 0))));
        assert_eq!(drawn("abcdefgh", "<left>"), ("cdefgh".into(), Some((5, 0))));
    }

    #[test]
    fn what_a_terminal_acts_upon_is_shown_as_its_number() {
        assert_eq!(drawn("\u{202e}", "<home>").0, "\\u{20~");
    }
}
