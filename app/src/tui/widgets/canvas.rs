//! How is anything painted? Through a `Canvas`: it takes `SafeText` only, clips at its area whatever the size of the
//! terminal, and knows theme and glyphs. No screen touches the buffer in another way.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::SafeText;
use crate::tui::theme::{Glyphs, Theme, Tone};

/// A piece of one line: text and what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    pub text: SafeText,
    pub tone: Tone,
}

pub fn piece(text: impl Into<SafeText>, tone: Tone) -> Piece {
    Piece {
        text: text.into(),
        tone,
    }
}

pub fn plain(text: impl Into<SafeText>) -> Piece {
    piece(text, Tone::Plain)
}

pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    pub theme: Theme,
    pub glyphs: Glyphs,
    /// Where the terminal's own cursor goes: the selected row or the focused field.
    pub cursor: Option<(u16, u16)>,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, theme: Theme, glyphs: Glyphs) -> Self {
        Self {
            buffer,
            theme,
            glyphs,
            cursor: None,
        }
    }

    pub fn area(&self) -> Rect {
        *self.buffer.area()
    }

    /// Writes into at most `width` columns, the end marked when it does not fit; returns the column after the text.
    pub fn text(&mut self, x: u16, y: u16, width: u16, text: impl Into<SafeText>, tone: Tone) -> u16 {
        let area = self.area();
        if y < area.y || y >= area.bottom() || x < area.x || x >= area.right() || width == 0 {
            return x;
        }
        let width = width.min(area.right() - x);
        let text = text.into().cut(usize::from(width), self.glyphs.more);
        let style = self.theme.style(tone);
        self.buffer
            .set_stringn(x, y, text.as_str(), usize::from(width), style)
            .0
    }

    /// Puts printable ASCII into the cells one by one: for what must leave no text behind on the heap. Other bytes become
    /// `?`.
    pub fn ascii(&mut self, x: u16, y: u16, width: u16, bytes: &[u8], tone: Tone) {
        for (at, byte) in (x..x.saturating_add(width)).zip(bytes) {
            let shown = if byte.is_ascii_graphic() {
                char::from(*byte)
            } else {
                '?'
            };
            self.glyph(at, y, shown, tone);
        }
    }

    /// Several pieces one after the other, within `width` columns.
    pub fn line(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece]) -> u16 {
        let end = x.saturating_add(width);
        let mut at = x;
        for piece in pieces {
            at = self.text(at, y, end.saturating_sub(at), piece.text.clone(), piece.tone);
        }
        at
    }

    /// Right-aligned within `width` columns from `x`.
    pub fn right(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece]) {
        let used = pieces.iter().map(|piece| piece.text.width()).sum::<usize>();
        let used = u16::try_from(used).unwrap_or(u16::MAX).min(width);
        self.line(x.saturating_add(width - used), y, used, pieces);
    }

    /// Lays a tone over an area without touching its text.
    pub fn restyle(&mut self, area: Rect, tone: Tone) {
        let area = area.intersection(self.area());
        if tone == Tone::Selected {
            // Reverse alone: what is red or blue in the row stays so.
            self.buffer.set_style(area, self.theme.style(Tone::Selected));
        } else {
            self.buffer.set_style(area, self.theme.style(tone));
        }
    }

    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.area());
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// A frame with a title; returns the area inside. Below three rows or four columns there is no frame.
    pub fn pane(&mut self, area: Rect, title: &[Piece], focused: bool) -> Rect {
        let area = area.intersection(self.area());
        if area.width < 4 || area.height < 3 {
            return area;
        }
        let glyphs = self.glyphs;
        let tone = if focused { Tone::Accent } else { Tone::Border };
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in area.x + 1..right {
            self.glyph(x, area.y, glyphs.horizontal, tone);
            self.glyph(x, bottom, glyphs.horizontal, tone);
        }
        for y in area.y + 1..bottom {
            self.glyph(area.x, y, glyphs.vertical, tone);
            self.glyph(right, y, glyphs.vertical, tone);
        }
        let places = [(area.x, area.y), (right, area.y), (area.x, bottom), (right, bottom)];
        for ((x, y), corner) in places.into_iter().zip(glyphs.corners) {
            self.glyph(x, y, corner, tone);
        }
        if !title.is_empty() && area.width > 6 {
            let width = area.width - 5;
            self.text(area.x + 2, area.y, 1, " ", Tone::Plain);
            let end = self.line(area.x + 3, area.y, width.saturating_sub(1), title);
            self.text(end, area.y, 1, " ", Tone::Plain);
        }
        Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width - 2,
            height: area.height - 2,
        }
    }

    fn glyph(&mut self, x: u16, y: u16, glyph: char, tone: Tone) {
        let style = self.theme.style(tone);
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_char(glyph).set_style(style);
        }
    }

    /// Text over several rows, broken between words; returns the rows used.
    pub fn paragraph(&mut self, area: Rect, text: impl Into<SafeText>, tone: Tone) -> u16 {
        let mut row = 0;
        for line in wrap(text.into().as_str(), usize::from(area.width)) {
            if row >= area.height {
                break;
            }
            self.text(area.x, area.y + row, area.width, line, tone);
            row += 1;
        }
        row
    }
}

/// Breaks between words so that no line is wider than `width` columns, if its words allow it.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let used = SafeText::new(lines.last().map_or("", String::as_str)).width();
        let needed = SafeText::new(word).width();
        if used > 0 && used + 1 + needed > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canvas_clips_at_any_size() {
        for (width, height) in [(0, 0), (1, 1), (3, 2), (20, 3)] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            let mut canvas = Canvas::new(&mut buffer, Theme::default(), Glyphs::ASCII);
            let inner = canvas.pane(Rect::new(0, 0, 200, 100), &[plain("a title that is long")], true);
            canvas.text(inner.x, inner.y, 500, "text", Tone::Plain);
            canvas.text(u16::MAX, u16::MAX, u16::MAX, "text", Tone::Plain);
            canvas.right(0, 0, u16::MAX, &[plain("right")]);
            canvas.restyle(Rect::new(5, 5, 100, 100), Tone::Selected);
        }
    }

    #[test]
    fn words_are_broken_at_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
