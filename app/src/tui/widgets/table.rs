//! How is a list of any length drawn? Only the rows that are visible are built; columns have fixed widths and the less
//! important ones go first when room is short.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::tui::model::list::List;
use crate::tui::theme::Tone;

/// One column: its heading and how wide it is.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub title: &'static str,
    /// Columns it needs at least.
    pub width: u16,
    /// Its share of the room that is left, 0: none.
    pub grow: u16,
    pub right: bool,
    /// 0 stays always; the highest goes first.
    pub drop: u8,
}

pub const fn column(title: &'static str, width: u16) -> Column {
    Column {
        title,
        width,
        grow: 0,
        right: false,
        drop: 0,
    }
}

impl Column {
    pub const fn grow(self, grow: u16) -> Self {
        Self { grow, ..self }
    }

    pub const fn right(self) -> Self {
        Self { right: true, ..self }
    }

    pub const fn drop(self, drop: u8) -> Self {
        Self { drop, ..self }
    }
}

/// Draws headings and the visible rows; `row` builds the cells of one key, in the order of `columns`.
pub fn table(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &[Column],
    list: &List,
    focused: bool,
    row: impl Fn(&str) -> Vec<Piece>,
) {
    if area.is_empty() {
        return;
    }
    let widths = fit(columns, area.width.saturating_sub(2));
    headings(canvas, area, columns, &widths, list);
    let height = usize::from(area.height.saturating_sub(1));
    let selected = list.position();
    let offset = list.seen.window(selected, list.keys.len(), height);
    for (line, key) in list.keys.iter().enumerate().skip(offset).take(height) {
        let Ok(down) = u16::try_from(line - offset) else { break };
        let y = area.y + 1 + down;
        cells(canvas, (area.x + 2, y), area.right(), columns, &widths, &row(key));
        if selected == Some(line) && focused {
            canvas.text(area.x, y, 1, canvas.glyphs.selected.to_string(), Tone::Strong);
            canvas.restyle(
                Rect {
                    x: area.x,
                    y,
                    width: area.width,
                    height: 1,
                },
                Tone::Selected,
            );
            canvas.cursor = Some((area.x, y));
        }
    }
}

/// A short table without a selection; what does not fit is counted in its last row, and not built.
pub fn fixed_table<T>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &[Column],
    rows: &[T],
    row: impl Fn(&T) -> Vec<Piece>,
) {
    if area.is_empty() {
        return;
    }
    let widths = fit(columns, area.width.saturating_sub(1));
    let titles: Vec<Piece> = columns
        .iter()
        .map(|column| Piece {
            text: column.title.into(),
            tone: Tone::Title,
        })
        .collect();
    let x = area.x + 1;
    cells(canvas, (x, area.y), area.right(), columns, &widths, &titles);
    let room = usize::from(area.height.saturating_sub(1));
    let shown = if rows.len() > room {
        room.saturating_sub(1)
    } else {
        rows.len()
    };
    for (y, item) in (area.y + 1..area.bottom()).zip(&rows[..shown]) {
        cells(canvas, (x, y), area.right(), columns, &widths, &row(item));
    }
    if shown < rows.len() && room > 0 {
        canvas.text(
            x,
            area.bottom() - 1,
            area.width.saturating_sub(1),
            format!("+{} more", rows.len() - shown),
            Tone::Dim,
        );
    }
}

fn headings(canvas: &mut Canvas<'_>, area: Rect, columns: &[Column], widths: &[u16], list: &List) {
    let mut titles = Vec::with_capacity(columns.len());
    for column in columns {
        let mark = match list.sort {
            Some(sort) if sort.by.heads(column.title) && sort.descending => canvas.glyphs.descending.to_string(),
            Some(sort) if sort.by.heads(column.title) => canvas.glyphs.ascending.to_string(),
            _ => String::new(),
        };
        titles.push(Piece {
            text: format!("{}{mark}", column.title).into(),
            tone: Tone::Title,
        });
    }
    cells(canvas, (area.x + 2, area.y), area.right(), columns, widths, &titles);
}

/// Nothing is written at `end` or behind it: there is the frame, and what stands beside the table.
fn cells(canvas: &mut Canvas<'_>, (x, y): (u16, u16), end: u16, columns: &[Column], widths: &[u16], row: &[Piece]) {
    let mut at = x;
    for ((column, fitted), piece) in columns.iter().zip(widths).zip(row) {
        let width = (*fitted).min(end.saturating_sub(at));
        if width == 0 {
            continue;
        }
        if column.right {
            let text = piece.text.cut(usize::from(width), canvas.glyphs.more);
            canvas.right(at, y, width, &[Piece { text, tone: piece.tone }]);
        } else {
            let text = piece.text.cut_middle(usize::from(width), canvas.glyphs.more);
            canvas.text(at, y, width, text, piece.tone);
        }
        at = at.saturating_add(width).saturating_add(1);
    }
}

/// The width of every column, 0 for the dropped ones; one column of space stands between two.
fn fit(columns: &[Column], room: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| column.width).collect();
    for level in (1..=9).rev() {
        if needed(&widths) <= room {
            break;
        }
        for (width, column) in widths.iter_mut().zip(columns) {
            if column.drop == level {
                *width = 0;
            }
        }
    }
    shrink(&mut widths, columns, room);
    let mut left = room.saturating_sub(needed(&widths));
    let shares: u16 = columns
        .iter()
        .zip(&widths)
        .filter(|(_, width)| **width > 0)
        .map(|(column, _)| column.grow)
        .sum();
    if let Some(per_share) = left.checked_div(shares) {
        for (width, column) in widths.iter_mut().zip(columns).filter(|(width, _)| **width > 0) {
            let more = (per_share * column.grow).min(left);
            *width += more;
            left -= more;
        }
    }
    widths
}

fn needed(widths: &[u16]) -> u16 {
    let shown = widths.iter().filter(|width| **width > 0);
    shown.map(|width| width + 1).sum::<u16>().saturating_sub(1)
}

/// What must stay and has no room: names go first, they can be told from a part of them; then whatever is widest.
fn shrink(widths: &mut [u16], columns: &[Column], room: u16) {
    /// A name of so many columns still says something.
    const NAME: u16 = 6;
    for _ in room..needed(widths) {
        let names = columns.iter().zip(&*widths);
        let long = names
            .enumerate()
            .filter(|(_, (column, width))| column.grow > 0 && **width > NAME);
        let name = long.max_by_key(|(at, (_, width))| (**width, *at)).map(|(at, _)| at);
        let widest = || {
            widths
                .iter()
                .enumerate()
                .max_by_key(|(at, width)| (**width, *at))
                .map(|(at, _)| at)
        };
        if let Some(width) = name.or_else(widest).and_then(|at| widths.get_mut(at)) {
            // A column that was there and is gone would be noticed; one that is cut can be guessed.
            *width = (*width - 1).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ratatui::buffer::Buffer;

    use super::super::canvas::plain;
    use super::*;
    use crate::tui::theme::{Glyphs, Theme};

    const COLUMNS: [Column; 3] = [
        column("NAME", 10).grow(1),
        column("STATE", 6),
        column("LABELS", 8).grow(1).drop(2),
    ];

    #[test]
    fn only_the_rows_in_view_are_built() {
        let mut list = List::default();
        list.set_keys((0..100_000).map(|number| number.to_string()).collect(), 100_000);
        list.select_at(50_000);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 12));
        let mut canvas = Canvas::new(&mut buffer, Theme::default(), Glyphs::ASCII);
        let built = Cell::new(0);
        let row = |key: &str| {
            built.set(built.get() + 1);
            vec![plain(key)]
        };
        table(&mut canvas, Rect::new(0, 0, 40, 12), &COLUMNS, &list, true, row);
        assert_eq!(built.get(), 11, "one line is the heading");
        let numbers: Vec<u32> = (0..100_000).collect();
        fixed_table(&mut canvas, Rect::new(0, 0, 40, 12), &COLUMNS, &numbers, |number| {
            row(&number.to_string())
        });
        assert_eq!(built.get(), 11 + 10, "the last line counts the others");
    }

    #[test]
    fn nothing_is_written_outside_of_the_area() {
        let (all, around) = (Rect::new(0, 0, 60, 7), Tone::Plain);
        let mut list = List::default();
        list.set_keys((0..9).map(|number| number.to_string()).collect(), 9);
        for width in 0..50 {
            let mut buffer = Buffer::empty(all);
            let mut canvas = Canvas::new(&mut buffer, Theme::default(), Glyphs::ASCII);
            for y in 0..all.height {
                canvas.text(0, y, 60, "#".repeat(60), around);
            }
            let area = Rect::new(3, 1, width, 5);
            let row = || ["a long name of something", "running", "a=b"].map(plain).to_vec();
            table(&mut canvas, area, &COLUMNS, &list, true, |_| row());
            fixed_table(&mut canvas, area, &COLUMNS, &[(); 9], |()| row());
            for (x, y) in (0..60).flat_map(|x| (0..7).map(move |y| (x, y))) {
                let outside = !area.contains((x, y).into());
                assert!(!outside || buffer[(x, y)].symbol() == "#", "{x},{y} of {area}");
            }
        }
    }

    #[test]
    fn room_is_shared_and_columns_are_dropped() {
        assert_eq!(fit(&COLUMNS, 40), [17, 6, 15]);
        assert_eq!(fit(&COLUMNS, 26), [10, 6, 8]);
        assert_eq!(fit(&COLUMNS, 20), [13, 6, 0]);
        assert_eq!(fit(&COLUMNS, 16), [9, 6, 0]);
        assert_eq!(fit(&COLUMNS, 10), [5, 4, 0]);
        assert_eq!(fit(&COLUMNS, 3), [1, 1, 0]);
        assert_eq!(fit(&COLUMNS, 0), [1, 1, 0], "the area clips what is left");
        assert_eq!(fit(&[], 3), Vec::<u16>::new());
    }
}
