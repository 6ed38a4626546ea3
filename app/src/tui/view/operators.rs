//! Who may use the cluster from elsewhere: operators by name, with their role, and how long their certificates last.

use ratatui::layout::Rect;
use wardroom_api::v1::Operator;

use super::{list_pane, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::trust::is_expiring;
use crate::tui::model::facts::{members, time};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let hint = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    let above = Rect {
        height: area.height - 1,
        ..area
    };
    list(canvas, above, model);
    let text = "made on the command line only: wardroom operator add NAME --role ROLE";
    canvas.text(hint.x + 1, hint.y, hint.width.saturating_sub(1), text, Tone::Dim);
}

const COLUMNS: [Column; 7] = [
    column("OPERATOR", 12).grow(2),
    column("ROLE", 8),
    column("CERT", 9).right(),
    column("UNTIL", 16).drop(2),
    column("ROOT", 12).drop(1),
    column("AGE", 5).right().drop(3),
    column("BY", 10).grow(1).drop(4),
];

fn row(model: &Model, operator: &Operator) -> Vec<Piece> {
    let until = operator.certificate_not_after_ms;
    let left = time::left(model.now_ms, until);
    let root = if operator.certificate_issuer.is_empty() {
        piece("-", Tone::Dim)
    } else if members::hangs_on_older_root(&model.cluster, &operator.certificate_issuer) {
        piece("older one !", Tone::Warn)
    } else {
        plain("current")
    };
    vec![
        plain(&operator.name),
        plain(members::operator_role(operator)),
        if is_expiring(model.now_ms, operator.certificate_not_before_ms, until) {
            piece(safe!("{left} !"), Tone::Warn)
        } else {
            plain(left)
        },
        piece(time::date(until), Tone::Dim),
        root,
        plain(time::age(model.now_ms, operator.created_at_ms)),
        piece(&operator.created_by, Tone::Dim),
    ]
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let title = titled("Operators");
    list_pane(canvas, area, model, (ListId::Operators, &title), &COLUMNS, |key| {
        Some(row(model, model.cluster.operators.get(key)?))
    });
}
