//! Whose certificate ends when, and on which root does it hang? Soonest first, the root itself last.

use ratatui::layout::Rect;

use super::{empty, list_pane, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::trust::is_expiring;
use crate::tui::model::facts::{members, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

/// One certificate's line: whose it is, how long it lasts, which root it hangs on.
struct Certificate<'a> {
    name: &'a str,
    kind: &'a str,
    life: (i64, i64),
    fingerprint: &'a str,
    issuer: &'a str,
}

fn certificate<'a>(model: &'a Model, key: &str) -> Option<Certificate<'a>> {
    let view = &model.cluster;
    if key == "root" {
        let cluster = view.cluster.as_ref()?;
        return Some(Certificate {
            name: "root CA",
            kind: "ca",
            life: (cluster.created_at_ms, cluster.root_not_after_ms),
            fingerprint: &cluster.root_fingerprint,
            issuer: "",
        });
    }
    if let Some(operator) = view.operators.get(key) {
        return Some(Certificate {
            name: &operator.name,
            kind: members::operator_role(operator),
            life: (operator.certificate_not_before_ms, operator.certificate_not_after_ms),
            fingerprint: &operator.certificate_fingerprint,
            issuer: &operator.certificate_issuer,
        });
    }
    let node = view.nodes.get(key)?;
    Some(Certificate {
        name: &node.hostname,
        kind: words::role(node.role()),
        life: (node.certificate_not_before_ms, node.certificate_not_after_ms),
        fingerprint: &node.certificate_fingerprint,
        issuer: &node.certificate_issuer,
    })
}

/// How many certificates hang on older roots, for the title.
fn retiring(model: &Model) -> Vec<Piece> {
    let mut title = titled("Certificates, soonest first");
    let remaining = model
        .cluster
        .cluster
        .as_ref()
        .map_or(0, members::remaining_on_older_roots);
    if remaining > 0 {
        title.push(piece(safe!("  {remaining} still on an older root !"), Tone::Warn));
    }
    title
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 7] = [
        column("NAME", 9).grow(1),
        column("KIND", 8),
        column("NOT AFTER", 16).drop(1),
        column("LEFT", 9).right(),
        column("LIFE LEFT", 18).drop(2),
        column("ROOT", 7).drop(3),
        column("FINGERPRINT", 12).grow(1).drop(4),
    ];
    let glyphs = canvas.glyphs;
    let title = retiring(model);
    list_pane(canvas, area, model, (ListId::Certificates, &title), &COLUMNS, |key| {
        let shown = certificate(model, key)?;
        let (from, until) = shown.life;
        let expiring = is_expiring(model.now_ms, from, until);
        let left = time::left(model.now_ms, until);
        let whole = u64::try_from(until.saturating_sub(from)).unwrap_or(0);
        let rest = u64::try_from(until.saturating_sub(model.now_ms)).unwrap_or(0);
        Some(vec![
            plain(shown.name),
            plain(shown.kind),
            plain(time::date(until)),
            if expiring {
                piece(safe!("{left} !"), Tone::Warn)
            } else {
                plain(left)
            },
            piece(
                safe!("[{}]", bar(&glyphs, rest, whole, 16)),
                if expiring { Tone::Warn } else { Tone::Dim },
            ),
            match shown.issuer {
                "" => empty(),
                issuer if members::hangs_on_older_root(&model.cluster, issuer) => piece("older !", Tone::Warn),
                _ => piece("current", Tone::Dim),
            },
            piece(shown.fingerprint, Tone::Dim),
        ])
    });
}
