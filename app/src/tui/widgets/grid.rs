//! How is a table drawn that is as wide as it is long? Only the cells in view are built; the headings above and the names
//! on the left stay where they are while both ways scroll.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::tui::model::list::List;
use crate::tui::theme::Tone;

/// Rows of the headings.
pub const HEAD: u16 = 2;

pub struct Grid<'a> {
    pub rows: &'a List,
    pub columns: &'a List,
    /// Above the names.
    pub corner: &'static str,
    /// Columns of the names, and of one cell.
    pub side: u16,
    pub cell: u16,
}

/// What one row shows: its name, and a piece for each of the columns that are in view.
pub type Row = (Piece, Vec<Piece>);

impl Grid<'_> {
    /// Cells that stand beside each other in an area of that width.
    pub fn across(&self, width: u16) -> usize {
        usize::from(width.saturating_sub(self.side + 3) / (self.cell + 1))
    }

    /// Draws headings and cells; `row` is called for the rows in view alone, with the keys of the columns in view.
    pub fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        head: impl Fn(&str) -> [Piece; 2],
        row: impl Fn(&str, &[String]) -> Row,
    ) {
        let height = usize::from(area.height.saturating_sub(HEAD));
        let (at_row, at_column) = (self.rows.position(), self.columns.position());
        let across = self.across(area.width);
        let first = self.columns.seen.window(at_column, self.columns.keys.len(), across);
        let shown = &self.columns.keys[first..self.columns.keys.len().min(first + across)];
        canvas.text(area.x + 2, area.y + 1, self.side, self.corner, Tone::Title);
        let place = |number: usize| {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            (area.x + self.side + 3).saturating_add(number.saturating_mul(self.cell + 1))
        };
        for (number, key) in shown.iter().enumerate() {
            for (y, piece) in (area.y..area.bottom()).zip(head(key)) {
                Self::put(canvas, (place(number), y), self.cell, &piece);
            }
            if at_column == Some(first + number) {
                let heading = Rect::new(place(number), area.y, self.cell, 1);
                canvas.restyle(heading, Tone::Selected);
            }
        }
        let offset = self.rows.seen.window(at_row, self.rows.keys.len(), height);
        for (line, key) in self.rows.keys.iter().enumerate().skip(offset).take(height) {
            let Ok(down) = u16::try_from(line - offset) else { break };
            let y = area.y + HEAD + down;
            let (name, cells) = row(key, shown);
            Self::put(canvas, (area.x + 2, y), self.side, &name);
            for (number, piece) in cells.iter().enumerate().take(shown.len()) {
                Self::put(canvas, (place(number), y), self.cell, piece);
                if at_row == Some(line) && at_column == Some(first + number) {
                    canvas.restyle(Rect::new(place(number), y, self.cell, 1), Tone::Selected);
                    canvas.cursor = Some((place(number), y));
                }
            }
            if at_row == Some(line) {
                canvas.text(area.x, y, 1, canvas.glyphs.selected.to_string(), Tone::Strong);
                canvas.restyle(Rect::new(area.x + 2, y, self.side, 1), Tone::Selected);
            }
        }
    }

    fn put(canvas: &mut Canvas<'_>, (x, y): (u16, u16), width: u16, piece: &Piece) {
        let text = piece.text.cut_middle(usize::from(width), canvas.glyphs.more);
        canvas.text(x, y, width, text, piece.tone);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ratatui::buffer::Buffer;

    use super::super::canvas::plain;
    use super::*;
    use crate::tui::theme::{Glyphs, Theme};

    fn list(count: usize, at: usize) -> List {
        let mut list = List::default();
        list.set_keys((0..count).map(|number| number.to_string()).collect(), count);
        list.select_at(at);
        list
    }

    /// Draws a thousand by a thousand; how many cells and headings were built, and the screen.
    fn drawn(at: (usize, usize)) -> ((usize, usize), String) {
        let (rows, columns) = (list(1000, at.0), list(1000, at.1));
        let grid = Grid {
            rows: &rows,
            columns: &columns,
            corner: "SERVICE",
            side: 8,
            cell: 6,
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 8));
        let mut canvas = Canvas::new(&mut buffer, Theme::default(), Glyphs::ASCII);
        let (cells, heads) = (Cell::new(0), Cell::new(0));
        let head = |key: &str| {
            heads.set(heads.get() + 1);
            [plain(key), plain("v1")]
        };
        let row = |key: &str, shown: &[String]| {
            cells.set(cells.get() + shown.len());
            let texts = shown.iter().map(|column| plain(format!("{key}x{column}")));
            (plain(key), texts.collect())
        };
        grid.draw(&mut canvas, Rect::new(0, 0, 40, 8), head, row);
        let text = buffer.content().chunks(40).map(|line| {
            let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
            line.trim_end().to_owned()
        });
        ((cells.get(), heads.get()), text.collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn of_a_million_cells_those_in_view_are_built() {
        for at in [(0, 0), (999, 999), (500, 3), (3, 500)] {
            assert_eq!(drawn(at).0, (6 * 4, 4), "{at:?}");
        }
    }

    #[test]
    fn names_and_headings_stay_while_both_ways_scroll() {
        insta::assert_snapshot!(drawn((999, 998)).1, @r#"
                   995    996    997    998
          SERVICE  v1     v1     v1     v1
          994      994~95 994~96 994~97 994~98
          995      995~95 995~96 995~97 995~98
          996      996~95 996~96 996~97 996~98
          997      997~95 997~96 997~97 997~98
          998      998~95 998~96 998~97 998~98
        > 999      999~95 999~96 999~97 999~98
        "#);
    }
}
