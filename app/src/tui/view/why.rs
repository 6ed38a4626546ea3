//! The chain from a grant to the bytes, drawn link by link; the one that breaks it is marked in words.

use ratatui::layout::Rect;

use super::overlay::boxed;
use crate::tui::model::Model;
use crate::tui::model::why::{Asked, Line, Mark, lines, title};
use crate::tui::theme::{Glyphs, Tone};
use crate::tui::widgets::canvas::wrap;
use crate::tui::widgets::{Canvas, Piece, SafeText, piece, safe};
use crate::why::Holds;

/// Widest box that is still read with ease.
const WIDTH_MAX: u16 = 120;
/// Columns before the text of a link: stem, word, step.
const BEFORE: usize = 26;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, asked: &Asked) {
    let width = area.width.min(WIDTH_MAX);
    let text = usize::from(width.saturating_sub(4));
    let glyphs = canvas.glyphs;
    let rows: Vec<Vec<Piece>> = lines(model, asked)
        .iter()
        .flat_map(|line| row(&glyphs, line, text))
        .collect();
    let height = u16::try_from(rows.len().saturating_add(2)).unwrap_or(u16::MAX);
    let inner = boxed(canvas, area, (width, height), &title(model, asked));
    let height = usize::from(inner.height);
    asked.seen.window(None, rows.len(), height);
    let top = asked.top.min(rows.len().saturating_sub(height));
    for (y, row) in (inner.y..inner.bottom()).zip(rows.iter().skip(top)) {
        canvas.line(inner.x + 1, y, inner.width.saturating_sub(2), row);
    }
    let below = rows.len().saturating_sub(top + height);
    if below > 0 {
        let more = [piece(safe!(" {below} more "), Tone::Dim)];
        canvas.right(inner.x, inner.bottom(), inner.width.saturating_sub(1), &more);
    }
}

/// One line of the chain, broken where it is too long.
fn row(glyphs: &Glyphs, line: &Line, width: usize) -> Vec<Vec<Piece>> {
    let (head, tone): (Vec<Piece>, Tone) = match line.mark {
        Mark::Whole => (vec![piece("WHOLE    ", Tone::Accent)], Tone::Strong),
        Mark::Waits => (vec![piece("WAITS !  ", Tone::Warn)], Tone::Strong),
        Mark::Broken => (vec![piece("BROKEN ! ", Tone::Bad)], Tone::Strong),
        Mark::Next => (vec![piece("next     ", Tone::Dim)], Tone::Accent),
        Mark::Task => (Vec::new(), Tone::Title),
        Mark::Space => (Vec::new(), Tone::Plain),
        Mark::Link(holds) => {
            let (glyph, word, tone) = match holds {
                Holds::Yes => (glyphs.proven, "ok", Tone::Accent),
                Holds::NotYet => (glyphs.unproven, "waits !", Tone::Warn),
                Holds::No => (glyphs.broken, "breaks !", Tone::Bad),
            };
            let pieces = vec![
                piece(safe!(" {glyph} {word:<9} "), tone),
                piece(safe!("{:<12} ", line.step), Tone::Strong),
            ];
            (pieces, if holds == Holds::Yes { Tone::Plain } else { tone })
        }
    };
    let before = head.iter().map(|piece| piece.text.width()).sum::<usize>().min(BEFORE);
    let text = SafeText::new(&line.text);
    let mut rows = Vec::new();
    let mut head = Some(head);
    for part in wrap(text.as_str(), width.saturating_sub(before).max(10)) {
        let mut pieces = head
            .take()
            .unwrap_or_else(|| vec![piece(safe!("{:before$}", ""), Tone::Plain)]);
        pieces.push(piece(part, tone));
        rows.push(pieces);
    }
    rows
}
