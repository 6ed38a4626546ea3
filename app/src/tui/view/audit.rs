//! Who did what: the chain of records, newest first, and the selected one in full.

use ratatui::layout::Rect;
use wardroom_api::v1::AuditRecord;

use super::{WIDE, columns, facts, list_pane, rows, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::{time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Column, SafeText, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    if area.width >= WIDE {
        let (left, right) = columns(area, area.width * 3 / 5);
        list(canvas, left, model);
        record(canvas, right, model);
    } else {
        let parts = rows(area, &[area.height - 6, 6]);
        list(canvas, parts[0], model);
        record(canvas, parts[1], model);
    }
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 7] = [
        column("SEQ", 6).right(),
        column("TIME", 11),
        column("ACTOR", 11).grow(1),
        column("FROM", 9).drop(2),
        column("ACTION", 15),
        column("OBJECT", 12).grow(2),
        column("RES", 6),
    ];
    list_pane(canvas, area, model, (ListId::Audit, &[]), &COLUMNS, |key| {
        let record = model.cluster.audit.get(&key.parse().ok()?)?;
        let named = |text: &str| words::with_hostnames(&model.cluster, text);
        let denied = record.outcome == "denied";
        Some(vec![
            plain(safe!("{}", record.sequence)),
            piece(time::moment(model.now_ms, record.at_ms), Tone::Dim),
            plain(named(&record.actor)),
            plain(&record.from),
            plain(&record.action),
            plain(named(&record.object)),
            if denied {
                piece("DENY !", Tone::Bad)
            } else {
                plain(&record.outcome)
            },
        ])
    });
}

fn selected(model: &Model) -> Option<&AuditRecord> {
    model.cluster.audit.get(&model.selected(ListId::Audit)?.parse().ok()?)
}

fn record(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(record) = selected(model) else {
        canvas.pane(area, &titled("record"), false);
        return;
    };
    let inner = canvas.pane(area, &titled(safe!("{}", record.sequence)), false);
    let named = |text: &str| words::with_hostnames(&model.cluster, text);
    let hash = |hash: &str| SafeText::new(hash).cut(12, canvas.glyphs.more);
    let before = record
        .sequence
        .checked_sub(1)
        .and_then(|before| model.cluster.audit.get(&before));
    let chained = match before {
        Some(before) if before.hash == record.previous => piece("chained to the record before", Tone::Accent),
        Some(_) => piece("NOT chained to the record before !", Tone::Bad),
        None => piece("the record before is not here", Tone::Dim),
    };
    let lines = [
        (
            "what",
            plain(safe!(
                "{} {} by {} from {}",
                record.action,
                named(&record.object),
                named(&record.actor),
                record.from
            )),
        ),
        (
            "why",
            plain(if record.detail.is_empty() {
                "-".to_owned()
            } else {
                named(&record.detail)
            }),
        ),
        (
            "raft",
            plain(safe!("index {}  {}", record.index, time::date(record.at_ms))),
        ),
        (
            "chain",
            plain(safe!(
                "prev {}  this {}  {}",
                hash(&record.previous),
                hash(&record.hash),
                chained.text
            )),
        ),
    ];
    facts(canvas, inner, &lines);
}
