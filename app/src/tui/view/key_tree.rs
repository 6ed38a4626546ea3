//! The tree of keys as a list: branch, epoch, age and one word of state on each line; check values, records and what lies
//! on the disks where there is room.

use ratatui::layout::Rect;

use super::{empty, list_pane, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::keys::{self, Keys};
use crate::tui::model::facts::{members, time, words};
use crate::tui::model::key_tree::{self, Line};
use crate::tui::model::list::ListId;
use crate::tui::theme::{Glyphs, Tone};
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

const COLUMNS: [Column; 8] = [
    column("KEY", 17).grow(2),
    column("EPOCH", 5),
    column("AGE", 4).right(),
    column("STATE", 11).grow(1),
    column("CHECK", 8).drop(1),
    column("RECORDS", 7).right().drop(2),
    column("SEGMENTS", 8).drop(3),
    column("SNAPS", 8).drop(4),
];

/// The cells of a line after its name: epoch, age, state, check value, records, segments, snapshots.
struct Cells {
    epoch: String,
    age: String,
    state: Piece,
    check: String,
    disk: [String; 3],
}

impl Cells {
    fn new(state: Piece) -> Self {
        Self {
            epoch: String::new(),
            age: String::new(),
            state,
            check: String::new(),
            disk: Default::default(),
        }
    }
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let glyphs = canvas.glyphs;
    let lines = key_tree::lines(&model.cluster);
    list_pane(canvas, area, model, (ListId::Keys, &titled("Keys")), &COLUMNS, |key| {
        let at = lines.iter().position(|line| line.key() == key)?;
        let line = &lines[at];
        let name = format!("{}{}", branch(&glyphs, &lines, at), line.name(&model.cluster));
        let cells = cells(model, line)?;
        let tone = if line.depth() == 0 { Tone::Strong } else { Tone::Plain };
        let [records, segments, snapshots] = cells.disk;
        Some(vec![
            piece(name, tone),
            plain(cells.epoch),
            plain(cells.age),
            cells.state,
            piece(cells.check, Tone::Dim),
            plain(records),
            plain(segments),
            plain(snapshots),
        ])
    });
}

/// The strokes that lead to a line.
fn branch(glyphs: &Glyphs, lines: &[Line], at: usize) -> String {
    let depth = lines[at].depth();
    let more = |level: usize| {
        let below = lines[at + 1..].iter().map(Line::depth);
        below.take_while(|depth| *depth >= level).any(|depth| depth == level)
    };
    let mut strokes = String::new();
    for level in 1..=depth {
        strokes.push_str(match (level == depth, more(level)) {
            (true, true) => glyphs.branch,
            (true, false) => glyphs.last_branch,
            (false, true) => glyphs.stem,
            (false, false) => "  ",
        });
    }
    strokes
}

fn state(text: impl Into<String>) -> Piece {
    let text = text.into();
    let tone = if text.ends_with('!') { Tone::Warn } else { Tone::Plain };
    piece(text, tone)
}

fn cells(model: &Model, line: &Line) -> Option<Cells> {
    let (view, now_ms) = (&model.cluster, model.now_ms);
    let cluster = view.cluster.as_ref();
    Some(match line {
        Line::UnlockKey => unlock_key(model),
        Line::Dek(node) => dek(model, &keys::of_manager(view, node)?),
        Line::Lying(node, epoch) => lying(model, node, *epoch),
        Line::SealingRoot => Cells {
            check: cluster?.sealing_root_check.clone(),
            ..Cells::new(sealing_root(model))
        },
        Line::DataKeys => Cells::new(state("sealed")),
        Line::Root => Cells {
            age: time::age(now_ms, cluster?.created_at_ms),
            check: cluster?.root_fingerprint.clone(),
            ..Cells::new(state(format!(
                "ends {}",
                time::left(now_ms, cluster?.root_not_after_ms)
            )))
        },
        Line::Retiring(fingerprint) => {
            let root = cluster?.retiring.iter().find(|root| root.fingerprint == *fingerprint)?;
            Cells {
                age: time::age(now_ms, root.since_ms),
                check: fingerprint.clone(),
                ..Cells::new(state(format!("{} hang on !", root.remaining)))
            }
        }
        Line::Certificates => Cells::new(first_end(model)),
        Line::Token(role) => {
            let token = members::join_token(view, *role)?;
            let words = match token.expires_at_ms {
                _ if token.max_uses > 0 && token.uses >= token.max_uses => "used up !".to_owned(),
                0 => "no end".to_owned(),
                at if at <= now_ms => "expired !".to_owned(),
                at => format!("ends {}", time::left(now_ms, at)),
            };
            Cells {
                age: time::age(now_ms, token.created_at_ms),
                ..Cells::new(state(words))
            }
        }
    })
}

fn unlock_key(model: &Model) -> Cells {
    let view = &model.cluster;
    let since = keys::of_cluster(view).map_or(0, |told| told.unlock_key_since_ms);
    let words = match (keys::autolock(view), keys::is_kept(view)) {
        (true, true) => "autolock ON",
        (true, false) => "not kept !",
        (false, _) => "unlocked !",
    };
    Cells {
        epoch: keys::unlock_epoch(view).to_string(),
        age: time::age(model.now_ms, since),
        check: keys::unlock_check(view).to_owned(),
        ..Cells::new(state(words))
    }
}

fn dek(model: &Model, found: &Keys<'_>) -> Cells {
    let (view, now_ms) = (&model.cluster, model.now_ms);
    let due_ms = found.dek_due_ms();
    let words = match (found.trouble(), found.hangs_on(view), found.pending()) {
        _ if found.silent => "DOWN !".to_owned(),
        (Some(_), ..) => "TROUBLE !".to_owned(),
        (_, _, Some(pending)) => {
            let step = keys::step_number(pending.step);
            format!("moves {step}/{}", keys::STEPS.len())
        }
        (_, Some(epoch), _) => format!("by key {epoch} !"),
        _ if due_ms > 0 && due_ms <= now_ms => "due !".to_owned(),
        _ => "ok".to_owned(),
    };
    let here = found.lying_under(found.dek_epoch());
    Cells {
        epoch: found.dek_epoch().to_string(),
        age: time::age(now_ms, found.dek_since_ms()),
        check: found.dek_check().to_owned(),
        disk: [
            found
                .live()
                .map_or_else(String::new, |live| live.dek_records.to_string()),
            here.map_or_else(String::new, |it| amount(it.segments, it.log_bytes)),
            here.map_or_else(String::new, |it| amount(it.snapshots, it.snapshot_bytes)),
        ],
        ..Cells::new(state(words))
    }
}

/// `2 1.1M`: how many, and their size.
fn amount(number: u32, bytes: u64) -> String {
    if number == 0 {
        return "-".to_owned();
    }
    format!("{number} {}", words::size(bytes))
}

fn lying(model: &Model, node: &str, epoch: u32) -> Cells {
    let view = &model.cluster;
    let words = if key_tree::is_older(view, node, epoch) {
        "going"
    } else {
        "coming"
    };
    let disk = keys::of_manager(view, node).and_then(|found| found.lying_under(epoch));
    Cells {
        epoch: epoch.to_string(),
        disk: disk.map_or_else(Default::default, |it| {
            [
                it.records.to_string(),
                amount(it.segments, it.log_bytes),
                amount(it.snapshots, it.snapshot_bytes),
            ]
        }),
        ..Cells::new(state(words))
    }
}

fn sealing_root(model: &Model) -> Piece {
    let view = &model.cluster;
    let strange = view
        .cluster
        .iter()
        .map(|it| keys::strange_sealing_roots(view, it).len())
        .sum::<usize>();
    if strange > 0 {
        return state(format!("{strange} differ !"));
    }
    match keys::memory(view) {
        Some(("plain", _)) => state("in plain !"),
        Some((word, _)) => state(safe!("{word} mem").as_str()),
        None => empty(),
    }
}

/// When the first certificate ends.
fn first_end(model: &Model) -> Piece {
    let view = &model.cluster;
    let (_, first) = keys::certificates(view);
    let soon = keys::certificates_expiring(view, model.now_ms);
    let left = time::left(model.now_ms, first);
    if soon > 0 {
        state(format!("first {left} !"))
    } else {
        state(format!("first {left}"))
    }
}
