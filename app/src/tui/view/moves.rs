//! Changes that every member makes for itself, as a list: what, since when, how far, and who still owes it.

use ratatui::layout::Rect;

use super::{list_pane, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::moves::{self, Move};
use crate::tui::model::facts::time;
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

const COLUMNS: [Column; 5] = [
    column("CHANGE", 22).grow(1),
    column("SINCE", 5).right(),
    column("DONE", 4),
    column("", 8).drop(1),
    column("OWING", 17).grow(2),
];

pub fn any_under_way(model: &Model) -> bool {
    moves::moves(&model.cluster).iter().any(|it| !it.is_done())
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let found = moves::moves(&model.cluster);
    let glyphs = canvas.glyphs;
    let open = found.iter().filter(|it| !it.is_done()).count();
    let mut title = titled("Changes of keys");
    if open > 0 {
        title.push(piece(safe!("  {open} under way"), Tone::Accent));
    }
    list_pane(canvas, area, model, (ListId::Moves, &title), &COLUMNS, |key| {
        let shown = found.iter().find(|it| it.key == key)?;
        let (done, total) = shown.share();
        Some(vec![
            plain(&shown.what),
            plain(time::age(model.now_ms, shown.at_ms)),
            plain(safe!("{done}/{total}")),
            piece(bar(&glyphs, done, total, 8), Tone::Accent),
            owing(shown),
        ])
    });
}

fn owing(shown: &Move) -> Piece {
    let (names, away) = shown.owing();
    if names.is_empty() {
        return piece("nobody", Tone::Dim);
    }
    let mut words: Vec<&str> = names.iter().copied().filter(|name| !away.contains(name)).collect();
    if away.is_empty() {
        return plain(words.join(" "));
    }
    let down = format!("{} down !", away.join(" "));
    words.push(&down);
    piece(words.join(" "), Tone::Warn)
}
