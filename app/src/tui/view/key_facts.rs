//! The pane beside the tree of keys: what the selected line protects, what is due, what may be done with it; for a change
//! that every member makes, how far each of them is.

use ratatui::layout::Rect;

use super::{facts, state_tone, titled};
use crate::tui::model::facts::moves::{self, Move};
use crate::tui::model::facts::time;
use crate::tui::model::key_tree::Line;
use crate::tui::model::list::ListId;
use crate::tui::model::{Model, describe};
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::{Canvas, SafeText, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let selected_move = || moves::with_key(&model.cluster, model.selected(ListId::Moves)?);
    if model.focused() == ListId::Moves
        && let Some(shown) = selected_move()
    {
        self::members(canvas, area, model, &shown);
        return;
    }
    let line = model.selected(ListId::Keys).and_then(Line::of_key);
    let Some(line) = line else {
        canvas.pane(area, &titled("Facts"), false);
        return;
    };
    let inner = canvas.pane(area, &titled(line.name(&model.cluster)), false);
    let found = describe::keys::facts(model, &line);
    let pieces: Vec<_> = found
        .iter()
        .map(|(name, text)| (*name, piece(text, state_tone(text))))
        .collect();
    facts(canvas, inner, &pieces);
}

/// How far everybody is with the selected change.
pub fn latest(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    match model
        .selected(ListId::Moves)
        .and_then(|key| moves::with_key(&model.cluster, key))
    {
        Some(shown) => self::members(canvas, area, model, &shown),
        None => {
            canvas.pane(area, &titled("Who is through"), false);
        }
    }
}

/// Columns of a member's bar.
const BAR: usize = 7;

fn members(canvas: &mut Canvas<'_>, area: Rect, model: &Model, shown: &Move) {
    let inner = canvas.pane(area, &titled(&shown.what), false);
    let (x, width) = (inner.x + 1, inner.width.saturating_sub(1));
    let (done, total) = shown.share();
    let since = time::age(model.now_ms, shown.at_ms);
    let by = if shown.by.is_empty() {
        String::new()
    } else {
        format!(" by {}", shown.by)
    };
    canvas.text(
        x,
        inner.y,
        width,
        safe!("{done} of {total} through, {since} ago{by}"),
        Tone::Strong,
    );
    let longest = shown
        .parts
        .iter()
        .map(|part| part.name.chars().count())
        .max()
        .unwrap_or(0);
    let column = longest.min(usize::from(width / 3));
    for (y, part) in (inner.y + 1..inner.bottom()).zip(&shown.parts) {
        let name = SafeText::new(&part.name).cut_middle(column, canvas.glyphs.more);
        let tone = if part.away { Tone::Warn } else { Tone::Plain };
        let pieces = [
            plain(safe!("{:<column$} ", name.as_str())),
            piece(bar(&canvas.glyphs, part.done, part.total, BAR), Tone::Accent),
            piece(safe!(" {}", part.words), tone),
        ];
        canvas.line(x, y, width, &pieces);
    }
}
