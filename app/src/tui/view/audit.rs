//! Who did what: the chain of records, newest first, and the selected one in full.

use ratatui::layout::Rect;
use wardroom_api::v1::AuditRecord;

use super::{WIDE, columns, facts, list_pane, rows, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::{time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, SafeText, column, piece, plain, safe};

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

const COLUMNS: [Column; 7] = [
    column("SEQ", 6).right(),
    column("TIME", 11),
    column("ACTOR", 9).grow(1),
    column("FROM", 9).drop(2),
    column("ACTION", 15),
    column("OBJECT", 12).grow(2),
    column("RES", 6),
];

fn row(model: &Model, record: &AuditRecord) -> Vec<Piece> {
    let named = |text: &str| words::with_hostnames(&model.cluster, text);
    vec![
        plain(safe!("{}", record.sequence)),
        piece(time::moment(model.now_ms, record.at_ms), Tone::Dim),
        plain(named(&record.actor)),
        plain(&record.from),
        plain(&record.action),
        plain(named(&record.object)),
        if record.outcome == "denied" {
            piece("DENY !", Tone::Bad)
        } else {
            plain(&record.outcome)
        },
    ]
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    list_pane(canvas, area, model, (ListId::Audit, &[]), &COLUMNS, |key| {
        Some(row(model, model.cluster.audit.get(&key.parse().ok()?)?))
    });
}

/// The last records, for the overview.
pub fn latest(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let inner = canvas.pane(area, &titled("Audit, latest first"), false);
    let room = usize::from(inner.height.saturating_sub(1));
    let last: Vec<&AuditRecord> = model.cluster.audit.values().rev().take(room).collect();
    fixed_table(canvas, inner, &COLUMNS[1..], &last, |record| {
        row(model, record).split_off(1)
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
    // With room to spare the hashes stand in full.
    let room = if area.height > 8 { 64 } else { 12 };
    let hash = |hash: &str| SafeText::new(hash).cut(room, canvas.glyphs.more);
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
