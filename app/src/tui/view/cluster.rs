//! The overview: managers and workers, health, what happened lately, and what needs attention.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use wardroom_api::v1::{Node, Role};

use super::{WIDE, WIDEST, audit, columns, empty, list_pane, rows, secrets, services, state_piece, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::activity::{MINUTES, activity};
use crate::tui::model::facts::managers::{LAG_NOTED, Manager, Quorum, managers};
use crate::tui::model::facts::secrets as facts;
use crate::tui::model::facts::{time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::sparkline;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let view = &model.cluster;
    let workers = view.nodes.values().filter(|node| node.role() == Role::Worker).count();
    let third = area.height / 3;
    let height = |count: usize| {
        u16::try_from(count)
            .unwrap_or(u16::MAX)
            .saturating_add(3)
            .clamp(6, third.max(6))
    };
    let (top, middle) = (height(view.nodes.len() - workers), height(workers));
    let bands = rows(area, &[top, middle, area.height.saturating_sub(top + middle)]);
    let left = area.width / 2;
    let (managers_area, health_area) = columns(bands[0], left);
    let (workers_area, activity_area) = columns(bands[1], left);
    manager_pane(canvas, managers_area, model);
    health(canvas, health_area, model);
    worker_pane(canvas, workers_area, model);
    lately(canvas, activity_area, model);
    below(canvas, bands[2], model);
}

/// What needs attention, and where there is room what runs, which secrets changed, and who did what last.
fn below(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    if area.width < WIDE || area.height < 14 {
        return attention(canvas, area, model);
    }
    let noted = u16::try_from(model.noted.len()).unwrap_or(u16::MAX).max(1);
    let parts = rows(area, &[noted.saturating_add(3).min(area.height / 2), area.height]);
    attention(canvas, parts[0], model);
    if area.width < WIDEST {
        let (left, right) = columns(parts[1], area.width / 2);
        services::overview(canvas, left, model);
        audit::latest(canvas, right, model);
    } else {
        let (left, rest) = columns(parts[1], area.width / 3);
        let (middle, right) = columns(rest, area.width / 3);
        services::overview(canvas, left, model);
        secrets::latest(canvas, middle, model);
        audit::latest(canvas, right, model);
    }
}

fn manager_pane(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 6] = [
        column("NAME", 7).grow(1),
        column("ROLE", 8),
        column("REACH", 7),
        column("TERM", 4).right(),
        column("LAG", 4).right(),
        column("APPLIED", 8).right().drop(2),
    ];
    let row = |manager: &Manager<'_>| {
        let role = manager.status.map_or("-", |status| status.role.as_str());
        let lag = if manager.lag >= LAG_NOTED {
            safe!("{}!", manager.lag)
        } else {
            safe!("{}", manager.lag)
        };
        vec![
            plain(&manager.node.hostname),
            if manager.leads() {
                piece("LEADER", Tone::Accent)
            } else {
                plain(role)
            },
            state_piece(manager.reach()),
            manager
                .status
                .map_or_else(empty, |status| plain(safe!("{}", status.term))),
            piece(
                lag,
                if manager.lag >= LAG_NOTED {
                    Tone::Warn
                } else {
                    Tone::Plain
                },
            ),
            manager
                .status
                .map_or_else(empty, |status| plain(safe!("{}", status.applied))),
        ]
    };
    let inner = canvas.pane(area, &titled("Managers (raft)"), false);
    fixed_table(canvas, inner, &COLUMNS, &managers(&model.cluster), row);
}

fn worker_pane(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 5] = [
        column("NAME", 8).grow(1),
        column("STATE", 7),
        column("TASKS", 5).right(),
        column("HOLDS", 8),
        column("CERT", 5).right(),
    ];
    let view = &model.cluster;
    let mut workers: Vec<&Node> = view.nodes.values().filter(|node| node.role() == Role::Worker).collect();
    workers.sort_by(|a, b| a.hostname.cmp(&b.hostname));
    let row = |node: &&Node| {
        let tasks = view
            .tasks_on_node(&node.id)
            .filter(|task| words::is_active(task))
            .count();
        vec![
            plain(&node.hostname),
            state_piece(words::node_state(node)),
            plain(safe!("{tasks}")),
            plain(holds(model, &node.id)),
            plain(time::left(model.now_ms, node.certificate_not_after_ms)),
        ]
    };
    let inner = canvas.pane(area, &titled("Workers"), false);
    fixed_table(canvas, inner, &COLUMNS, &workers, row);
}

/// `9 / 11v`: secrets and versions of them in the node's memory.
pub fn holds(model: &Model, node_id: &str) -> String {
    let held = facts::holdings_on(&model.cluster, node_id).filter(|holding| facts::is_in_memory(holding));
    let versions: BTreeSet<(&str, u32)> = held
        .map(|holding| (holding.secret_id.as_str(), holding.version))
        .collect();
    let secrets: BTreeSet<&str> = versions.iter().map(|(secret, _)| *secret).collect();
    if versions.is_empty() {
        "0".to_owned()
    } else {
        format!("{} / {}v", secrets.len(), versions.len())
    }
}

fn health(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let view = &model.cluster;
    let inner = canvas.pane(area, &titled("Health"), false);
    let quorum = Quorum::of(view);
    let count = |prefix: &str| model.noted.iter().filter(|item| item.key.starts_with(prefix)).count();
    let active = || view.tasks.values().filter(|task| words::is_active(task));
    let proven: usize = active().map(|task| facts::proved_files(view, task)).sum();
    let expected: usize = active().map(|task| task.files.len()).sum();
    let mut lines = [
        if quorum.holds() {
            (
                true,
                safe!(
                    "quorum {}/{}, tolerates {}",
                    quorum.answering,
                    quorum.members,
                    words::losses(quorum.tolerates())
                ),
            )
        } else {
            (
                false,
                safe!("no quorum: {} of {} answer", quorum.answering, quorum.members),
            )
        },
        (
            proven >= expected,
            safe!("{proven} of {expected} files proved in memory"),
        ),
        match count("secret/") {
            0 => (true, safe!("no secret needs attention")),
            secrets => (false, safe!("{} attention", needs(secrets, "secret"))),
        },
        match count("certificate/") {
            0 => (true, safe!("certificates valid")),
            certificates => (
                false,
                safe!("{} near the end", words::count(certificates, "certificate")),
            ),
        },
        match count("down/") {
            0 => (true, safe!("every node answers")),
            nodes => (false, safe!("{} down", words::count(nodes, "node"))),
        },
    ];
    // After the quorum what is wrong stands first: the last lines have no room on a small screen.
    lines[1..].sort_by_key(|(good, _)| *good);
    for (row, (good, text)) in (0..inner.height).zip(lines) {
        let mark = if good {
            piece("ok    ", Tone::Accent)
        } else {
            piece("WARN  ", Tone::Warn)
        };
        canvas.line(
            inner.x + 1,
            inner.y + row,
            inner.width.saturating_sub(1),
            &[mark, plain(text)],
        );
    }
}

fn needs(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun} needs")
    } else {
        format!("{count} {noun}s need")
    }
}

fn lately(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let minutes = if canvas.area().width >= WIDE {
        2 * MINUTES
    } else {
        MINUTES
    };
    let title = safe!("Last {minutes} min");
    let inner = canvas.pane(area, &titled(title), false);
    let found = activity(&model.cluster, model.now_ms, minutes);
    let lines = [
        ("changes", &found.changes, Tone::Plain),
        ("rotations", &found.rotations, Tone::Plain),
        ("elections", &found.elections, Tone::Plain),
        ("denied", &found.denied, Tone::Warn),
        ("receipts", &found.receipts, Tone::Plain),
    ];
    for (row, (name, numbers, tone)) in (0..inner.height).zip(lines) {
        let total: u64 = numbers.iter().sum();
        let tone = if total > 0 { tone } else { Tone::Dim };
        let spark = sparkline(&canvas.glyphs, numbers);
        let total = if tone == Tone::Warn {
            safe!("  {total} !")
        } else {
            safe!("  {total}")
        };
        let pieces = [piece(safe!("{name:<10}"), Tone::Dim), piece(spark, tone), plain(total)];
        canvas.line(inner.x + 1, inner.y + row, inner.width.saturating_sub(1), &pieces);
    }
}

pub fn attention(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 2] = [column("WHAT", 20).grow(1), column("ENTER", 10)];
    let noted = &model.noted;
    let title = titled(safe!("Needs attention ({})", noted.len()));
    if noted.is_empty() {
        let inner = canvas.pane(area, &title, false);
        canvas.text(
            inner.x + 1,
            inner.y,
            inner.width.saturating_sub(1),
            "nothing: all is well",
            Tone::Dim,
        );
        return;
    }
    list_pane(canvas, area, model, (ListId::Attention, &title), &COLUMNS, |key| {
        let item = noted.iter().find(|item| item.key == key)?;
        Some::<Vec<Piece>>(vec![
            piece(safe!("! {}", item.text), Tone::Plain),
            piece(item.action, Tone::Dim),
        ])
    });
}
