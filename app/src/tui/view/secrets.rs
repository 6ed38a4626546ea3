//! All secrets: state, age and who holds the current version; on wide terminals beside the detail of the selected one.

use ratatui::layout::Rect;
use wardroom_api::v1::Secret;

use super::{WIDE, columns, list_pane, secret, state_piece, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::{secrets, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

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

fn row(model: &Model, states: &secrets::States<'_>, secret: &Secret) -> Vec<Piece> {
    let view = &model.cluster;
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
    vec![
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
    ]
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let states = secrets::States::of(&model.cluster);
    list_pane(canvas, area, model, (ListId::Secrets, &[]), &COLUMNS, |key| {
        Some(row(model, &states, model.cluster.secrets.get(key)?))
    });
}

/// The secrets that changed last, for the overview.
pub fn latest(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let inner = canvas.pane(area, &titled("Secrets, latest change first"), false);
    let states = secrets::States::of(&model.cluster);
    let mut found: Vec<&Secret> = model.cluster.secrets.values().collect();
    found.sort_by_key(|secret| (std::cmp::Reverse(secret.updated_at_ms), &secret.name));
    fixed_table(canvas, inner, &COLUMNS, &found, |secret| row(model, &states, secret));
}
