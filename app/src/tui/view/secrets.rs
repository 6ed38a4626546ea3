//! All secrets: state, age and who holds the current version; on wide terminals beside the detail of the selected one.

use ratatui::layout::Rect;

use super::{WIDE, columns, list_pane, secret, state_piece};
use crate::tui::model::Model;
use crate::tui::model::facts::{secrets, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Column, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    if area.width < WIDE {
        let foot = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        list(
            canvas,
            Rect {
                height: area.height - 1,
                ..area
            },
            model,
        );
        let hint = "HOLD = nodes that prove the current version in memory / nodes that should";
        canvas.text(foot.x + 1, foot.y, foot.width - 1, hint, Tone::Dim);
        return;
    }
    let (left, right) = columns(area, area.width / 2);
    list(canvas, left, model);
    match model
        .selected(ListId::Secrets)
        .and_then(|id| model.cluster.secrets.get(id))
    {
        Some(selected) => secret::summary(canvas, right, model, selected),
        None => drop(canvas.pane(right, &[], false)),
    }
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 9] = [
        column("NAME", 14).grow(2),
        column("TARGET", 12).grow(1).drop(3),
        column("VER", 4),
        column("STATE", 9),
        column("AGE", 4).right(),
        column("SIZE", 5).right().drop(4),
        column("SVC", 3).right().drop(2),
        column("HOLD", 5),
        column("LABELS", 6).grow(1).drop(5),
    ];
    let view = &model.cluster;
    let states = secrets::States::of(view);
    list_pane(canvas, area, model, (ListId::Secrets, &[]), &COLUMNS, |key| {
        let secret = view.secrets.get(key)?;
        let state = states.state(secret, model.now_ms);
        let (have, should) = secrets::hold(view, secret);
        let size = secret
            .current_version()
            .map_or_else(|| "-".to_owned(), |version| words::size(version.size.into()));
        let version = if secret.current == 0 {
            safe!("-")
        } else {
            safe!("v{}", secret.current)
        };
        Some(vec![
            plain(&secret.name),
            piece(secrets::target(view, secret), Tone::Dim),
            plain(version),
            state_piece(state.word()),
            plain(time::age(model.now_ms, secrets::born(secret))),
            plain(size),
            plain(safe!("{}", view.services_granted(&secret.id).count())),
            if have < should {
                piece(safe!("{have}/{should} !"), Tone::Warn)
            } else {
                plain(safe!("{have}/{should}"))
            },
            piece(words::labels(&secret.labels), Tone::Dim),
        ])
    });
}
