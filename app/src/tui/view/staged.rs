//! The edits of grants that are not sent yet, one line each.

use ratatui::layout::Rect;
use wardroom_api::v1::Grant;

use super::titled;
use crate::tui::model::Model;
use crate::tui::model::facts::words;
use crate::tui::model::staged::{Cell, Edit};
use crate::tui::theme::Tone;
use crate::tui::widgets::canvas::wrap;
use crate::tui::widgets::{Canvas, Piece, piece, safe};

/// What a grant says, in one line.
pub fn grant_words(grant: &Grant) -> String {
    let pinned = if grant.pinned == 0 {
        String::new()
    } else {
        format!(", v{} for good", grant.pinned)
    };
    let signal = if grant.signal.is_empty() {
        String::new()
    } else {
        format!(" {}", grant.signal)
    };
    format!(
        "file {}{pinned}, {}:{} {}, on change {}{signal}",
        grant.target,
        grant.uid,
        grant.gid,
        words::mode(grant.mode),
        words::on_change(grant.on_change())
    )
}

/// The edits, as many as fit; the others are counted.
pub fn pane(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let count = model.staged.len();
    let mut title = titled("Staged");
    title.push(piece(
        if count == 0 {
            safe!("  nothing")
        } else {
            safe!("  {}, not sent: <p> plans", words::count(count, "edit"))
        },
        Tone::Dim,
    ));
    let inner = canvas.pane(area, &title, false);
    let (x, width) = (inner.x + 1, inner.width.saturating_sub(2));
    if count == 0 {
        let text = "space grants or withdraws the selected cell, e edits how; p plans all of it as one change";
        for (row, line) in (0..inner.height).zip(wrap(text, usize::from(width))) {
            canvas.text(x, inner.y + row, width, line, Tone::Dim);
        }
        return;
    }
    let room = usize::from(inner.height);
    let shown = if count > room { room.saturating_sub(1) } else { count };
    for (row, (cell, edit)) in (0..inner.height).zip(model.staged.iter().take(shown)) {
        canvas.line(
            x,
            inner.y + row,
            width,
            &staged_line(model, cell, edit, canvas.glyphs.arrow),
        );
    }
    if shown < count && room > 0 {
        let more = safe!("+{} more", count - shown);
        canvas.text(x, inner.bottom() - 1, width, more, Tone::Dim);
    }
}

fn staged_line(model: &Model, (service, secret): &Cell, edit: &Edit, arrow: &str) -> Vec<Piece> {
    let view = &model.cluster;
    let service = view.services.get(service).map_or("gone", words::service_name);
    let secret = view.secrets.get(secret).map_or("gone", |secret| secret.name.as_str());
    let mut pieces = vec![
        piece(safe!("{} {:<8} ", edit.sign(), edit.word()), Tone::Accent),
        piece(safe!("{service} {arrow} {secret}  "), Tone::Strong),
    ];
    pieces.extend(edit.grant().map(|grant| piece(grant_words(grant), Tone::Dim)));
    pieces
}
