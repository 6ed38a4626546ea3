//! The machines: state, tasks, and above all which versions each one has in memory right now.

use ratatui::layout::Rect;
use wardroom_api::v1::{Holding, Node};

use super::{WIDE, cluster, columns, facts, list_pane, rows, state_piece, tasks, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::{secrets, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let selected = model.selected(ListId::Nodes).and_then(|id| model.cluster.nodes.get(id));
    if area.width >= WIDE {
        let (left, right) = columns(area, area.width / 2);
        list(canvas, left, model);
        let parts = rows(right, &[right.height - right.height / 2, right.height / 2]);
        held_by(canvas, parts[0], model, selected);
        running_on(canvas, parts[1], model, selected);
    } else {
        let below = area.height / 2;
        let parts = rows(area, &[area.height - below, below]);
        list(canvas, parts[0], model);
        held_by(canvas, parts[1], model, selected);
    }
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 7] = [
        column("NODE", 10).grow(1),
        column("ROLE", 8),
        column("STATE", 8),
        column("TASKS", 5).right(),
        column("HOLDS", 9),
        column("CERT", 5).right(),
        column("SINCE", 5).right(),
    ];
    let view = &model.cluster;
    list_pane(canvas, area, model, (ListId::Nodes, &[]), &COLUMNS, |key| {
        let node = view.nodes.get(key)?;
        let tasks = view.tasks_on_node(key).filter(|task| words::is_active(task)).count();
        Some(vec![
            plain(&node.hostname),
            plain(words::role(node.role())),
            state_piece(words::node_state(node)),
            plain(safe!("{tasks}")),
            plain(cluster::holds(model, key)),
            plain(time::left(model.now_ms, node.certificate_not_after_ms)),
            plain(time::age(model.now_ms, node.state_since_ms)),
        ])
    });
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
    let rest = area.height.saturating_sub(6);
    let bands = rows(area, &[6, rest / 2, rest - rest / 2]);
    let inner = canvas.pane(bands[0], &titled(&node.hostname), false);
    let state = words::node_state(node);
    let since = time::date(node.state_since_ms);
    let lines = [
        (
            "state",
            piece(
                safe!("{} {state} since {since}  {}", words::role(node.role()), node.message),
                super::state_tone(state),
            ),
        ),
        (
            "address",
            plain(if node.address.is_empty() {
                "-"
            } else {
                node.address.as_str()
            }),
        ),
        (
            "cert",
            plain(safe!(
                "until {}  {}",
                time::date(node.certificate_not_after_ms),
                node.certificate_fingerprint
            )),
        ),
        ("labels", plain(words::labels(&node.labels))),
    ];
    facts(canvas, inner, &lines);
    holdings(canvas, bands[1], model);
    tasks::list(canvas, bands[2], model, ListId::NodeTasks);
}
