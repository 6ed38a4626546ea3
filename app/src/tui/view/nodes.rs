//! The machines: state, tasks, and above all which versions each one has in memory right now.

use ratatui::layout::Rect;
use wardroom_api::v1::{Holding, Node, NodeState};

use super::{WIDE, cluster, columns, facts, list_pane, rows, state_piece, tasks, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::trust::is_expiring;
use crate::tui::model::facts::{members, secrets, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let selected = model.selected(ListId::Nodes).and_then(|id| model.cluster.nodes.get(id));
    let count = u16::try_from(model.cluster.nodes.len()).unwrap_or(u16::MAX);
    let above = count.saturating_add(3).clamp(6, (area.height - area.height / 2).max(6));
    let parts = rows(area, &[above, area.height.saturating_sub(above)]);
    list(canvas, parts[0], model);
    if area.width < WIDE {
        return held_by(canvas, parts[1], model, selected);
    }
    let (left, right) = columns(parts[1], parts[1].width / 2);
    let stacked = rows(left, &[8, left.height.saturating_sub(8)]);
    summary(canvas, stacked[0], model, selected);
    held_by(canvas, stacked[1], model, selected);
    running_on(canvas, right, model, selected);
}

/// The columns for these nodes: what only some nodes have takes its room only then. No text is made for this.
fn node_columns(model: &Model, arrow: &str) -> [Column; 11] {
    let nodes = || model.cluster.nodes.values();
    let role = if nodes().any(members::is_changing) {
        "manager  worker".len() + arrow.chars().count()
    } else {
        "manager".len() + 1
    };
    let certificate = nodes().map(|node| certificate_width(model, node)).max().unwrap_or(0);
    let column_of = |width: usize| u16::try_from(width).unwrap_or(u16::MAX);
    [
        column("NODE", 10).grow(2),
        column("ROLE", column_of(role)),
        column("STATE", 7),
        column("AVAIL", 6).drop(3),
        column("MANAGER", 13).drop(1),
        column("TASKS", 5).right().drop(2),
        column("CERT", column_of(certificate.max(5))).right(),
        column("HOLDS", 8).drop(4),
        column("SINCE", 5).right().drop(5),
        column("VERSION", 9).drop(6),
        column("LABELS", 10).grow(2).drop(7),
    ]
}

/// Columns that `certificate` needs for the node, at most.
fn certificate_width(model: &Model, node: &Node) -> usize {
    let until = node.certificate_not_after_ms;
    let left = if until <= model.now_ms { "expired" } else { "000d" };
    let older = members::hangs_on_older_root(&model.cluster, &node.certificate_issuer);
    let expiring = is_expiring(model.now_ms, node.certificate_not_before_ms, until);
    left.len() + if older { " old root".len() } else { 0 } + if expiring { " !".len() } else { 0 }
}

/// How long the node's certificate lasts, and whether it hangs on an older root.
fn certificate(model: &Model, node: &Node) -> Piece {
    let left = time::left(model.now_ms, node.certificate_not_after_ms);
    let expiring = is_expiring(
        model.now_ms,
        node.certificate_not_before_ms,
        node.certificate_not_after_ms,
    );
    match (
        members::hangs_on_older_root(&model.cluster, &node.certificate_issuer),
        expiring,
    ) {
        (true, true) => piece(safe!("{left} old root !"), Tone::Warn),
        (true, false) => piece(safe!("{left} old root"), Tone::Warn),
        (false, true) => piece(safe!("{left} !"), Tone::Warn),
        (false, false) => plain(left),
    }
}

/// Up or down, apart from whether it gets tasks.
fn reached(node: &Node) -> &'static str {
    match node.state() {
        NodeState::Ready => "ready",
        NodeState::Down => "DOWN !",
        NodeState::Unknown | NodeState::Unspecified => "unknown",
    }
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let view = &model.cluster;
    let arrow = canvas.glyphs.arrow;
    let shown = node_columns(model, arrow);
    list_pane(canvas, area, model, (ListId::Nodes, &[]), &shown, |key| {
        let node = view.nodes.get(key)?;
        let tasks = view.tasks_on_node(key).filter(|task| words::is_active(task)).count();
        let standing = members::standing(view, node);
        Some(vec![
            plain(&node.hostname),
            piece(
                members::role_words(node, arrow),
                if members::is_changing(node) {
                    Tone::Warn
                } else {
                    Tone::Plain
                },
            ),
            state_piece(reached(node)),
            plain(words::availability(node.availability())),
            match standing {
                "Leader" => piece(standing, Tone::Accent),
                _ => state_piece(standing),
            },
            plain(safe!("{tasks}")),
            certificate(model, node),
            plain(cluster::holds(model, key)),
            plain(time::age(model.now_ms, node.state_since_ms)),
            plain(if node.version.is_empty() { "-" } else { &node.version }),
            piece(words::labels(&node.labels), Tone::Dim),
        ])
    });
}

/// What is known of a node, but for what it holds and runs.
fn about(model: &Model, node: &Node, arrow: &str) -> Vec<(&'static str, Piece)> {
    let view = &model.cluster;
    let or_dash = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text.to_owned()
        }
    };
    let manager = match members::standing(view, node) {
        "-" => String::new(),
        standing => format!(", {standing}, raft id {}", node.raft_id),
    };
    let state = reached(node);
    let root = match node.certificate_issuer.as_str() {
        "" => "",
        issuer if members::hangs_on_older_root(view, issuer) => ", of an older root !",
        _ => ", of the current root",
    };
    let left = certificate(model, node);
    vec![
        ("role", plain(safe!("{}{manager}", members::role_words(node, arrow)))),
        (
            "state",
            piece(
                safe!(
                    "{state}, {}, since {}  {}",
                    words::availability(node.availability()),
                    time::date(node.state_since_ms),
                    node.message
                ),
                super::state_tone(state),
            ),
        ),
        (
            "address",
            plain(safe!(
                "{}, version {}{}",
                or_dash(&node.address),
                or_dash(&node.version),
                if node.runs_tasks { "" } else { ", runs no tasks" }
            )),
        ),
        (
            "cert",
            piece(
                safe!(
                    "{} left, until {}  {}{root}",
                    time::left(model.now_ms, node.certificate_not_after_ms),
                    time::date(node.certificate_not_after_ms),
                    node.certificate_fingerprint
                ),
                left.tone,
            ),
        ),
        ("labels", plain(words::labels(&node.labels))),
    ]
}

fn summary(canvas: &mut Canvas<'_>, area: Rect, model: &Model, node: Option<&Node>) {
    let title = node.map_or("node", |node| node.hostname.as_str());
    let inner = canvas.pane(area, &titled(title), false);
    if let Some(node) = node {
        let arrow = canvas.glyphs.arrow;
        facts(canvas, inner, &about(model, node, arrow));
    }
}

const HOLDINGS: [Column; 6] = [
    column("SECRET", 12).grow(1),
    column("VER", 4),
    column("STATE", 10),
    column("TASK", 9).grow(1),
    column("SINCE", 11),
    column("PROOF", 6),
];

fn holding_row(model: &Model, holding: &Holding) -> Vec<Piece> {
    let state = words::holding_state(holding.state(), holding.owed);
    vec![
        plain(&holding.secret_name),
        plain(safe!("v{}", holding.version)),
        piece(
            state,
            if state == "erased" {
                Tone::Dim
            } else {
                super::state_tone(state)
            },
        ),
        plain(words::with_hostnames(&model.cluster, &holding.task_name)),
        plain(time::moment(model.now_ms, holding.since_ms)),
        if holding.proven {
            piece("proved", Tone::Accent)
        } else {
            piece("-", Tone::Dim)
        },
    ]
}

fn held_by(canvas: &mut Canvas<'_>, area: Rect, model: &Model, node: Option<&Node>) {
    let title = node.map_or_else(
        || "In memory".to_owned(),
        |node| format!("In the memory of {} right now", node.hostname),
    );
    let inner = canvas.pane(area, &titled(title), false);
    let Some(node) = node else { return };
    let held = secrets::holdings_on(&model.cluster, &node.id).filter(|holding| secrets::is_in_memory(holding));
    let held: Vec<&Holding> = held.collect();
    if held.is_empty() {
        canvas.text(
            inner.x + 1,
            inner.y,
            inner.width.saturating_sub(1),
            "no secret",
            Tone::Dim,
        );
        return;
    }
    fixed_table(canvas, inner, &HOLDINGS, &held, |holding| holding_row(model, holding));
}

fn running_on(canvas: &mut Canvas<'_>, area: Rect, model: &Model, node: Option<&Node>) {
    let title = node.map_or_else(|| "Tasks".to_owned(), |node| format!("Tasks on {}", node.hostname));
    let inner = canvas.pane(area, &titled(title), false);
    let mut found: Vec<_> = node
        .into_iter()
        .flat_map(|node| model.cluster.tasks_on_node(&node.id))
        .collect();
    found.sort_by_key(|task| (!words::is_active(task), &task.name));
    fixed_table(canvas, inner, &tasks::TASKS, &found, |task| tasks::row(model, task));
}

pub fn holdings(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let title = titled("Secrets: in memory, and erased with proof");
    list_pane(canvas, area, model, (ListId::NodeHoldings, &title), &HOLDINGS, |key| {
        Some(holding_row(model, model.cluster.holdings.get(key)?))
    });
}

/// One node: what it is, what it holds, what it runs.
pub fn detail(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: &str) {
    let Some(node) = model.cluster.nodes.get(id) else {
        canvas.text(
            area.x + 2,
            area.y + 1,
            area.width - 2,
            "this node is gone; esc goes back",
            Tone::Dim,
        );
        return;
    };
    let bands = rows(area, &[7, area.height.saturating_sub(7)]);
    let arrow = canvas.glyphs.arrow;
    let inner = canvas.pane(bands[0], &titled(&node.hostname), false);
    facts(canvas, inner, &about(model, node, arrow));
    let rest = bands[1];
    if area.width >= WIDE {
        let (left, right) = columns(rest, rest.width / 2);
        holdings(canvas, left, model);
        tasks::list(canvas, right, model, ListId::NodeTasks);
    } else {
        let parts = rows(rest, &[rest.height / 2, rest.height - rest.height / 2]);
        holdings(canvas, parts[0], model);
        tasks::list(canvas, parts[1], model, ListId::NodeTasks);
    }
}
