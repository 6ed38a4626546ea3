//! What is under way: rotations with their progress, and every task with the files it was given.

use ratatui::layout::Rect;
use wardroom_api::v1::Task;

use super::{list_pane, rotations, rows, state_piece, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::{secrets, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let count = u16::try_from(model.cluster.rotations.len()).unwrap_or(u16::MAX).max(1);
    let top = count.saturating_add(3).min(area.height / 2);
    let parts = rows(area, &[top, area.height - top]);
    rotations::list(canvas, parts[0], model, ListId::Rotations);
    list(canvas, parts[1], model, ListId::Tasks);
}

pub const TASKS: [Column; 7] = [
    column("TASK", 12).grow(1),
    column("NODE", 9).grow(1),
    column("STATE", 10),
    column("FILES", 6).right(),
    column("SINCE", 5).right(),
    column("PID", 7).right().drop(2),
    column("MESSAGE", 10).grow(2).drop(1),
];

pub fn row(model: &Model, task: &Task) -> Vec<Piece> {
    let state = words::task_state(task.state());
    let proven = secrets::proved_files(&model.cluster, task);
    let word = if task.error.is_empty() {
        &task.message
    } else {
        &task.error
    };
    vec![
        plain(words::with_hostnames(&model.cluster, &task.name)),
        plain(if task.node_id.is_empty() {
            "-"
        } else {
            model.cluster.hostname(&task.node_id)
        }),
        if words::is_active(task) {
            state_piece(state)
        } else {
            piece(state, Tone::Dim)
        },
        plain(safe!("{proven}/{}", task.files.len())),
        plain(time::age(model.now_ms, task.state_since_ms)),
        plain(if task.pid == 0 {
            safe!("-")
        } else {
            safe!("{}", task.pid)
        }),
        piece(word, Tone::Dim),
    ]
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: ListId) {
    let title = titled("Tasks");
    list_pane(canvas, area, model, (id, &title), &TASKS, |key| {
        Some(row(model, model.cluster.tasks.get(key)?))
    });
}
