//! One service: what it is and how its last update went, its tasks with health and exit codes, its grants; its spec in
//! full.

use ratatui::layout::Rect;
use wardroom_api::v1::{Service, ServiceSpec, Task};

use super::{WIDE, WIDEST, columns, facts, list_pane, rows, services, state_piece, state_tone, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::spec::{self, Setting};
use crate::tui::model::facts::{rotations, secrets, time, words};
use crate::tui::model::list::ListId;
use crate::tui::model::place::Place;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

/// Columns of a setting's name.
const NAME: u16 = 12;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: &str) {
    let Some((service, shown)) = found(model, id) else {
        return;
    };
    let side = match area.width {
        WIDEST.. => 72,
        WIDE.. => 46,
        _ => 0,
    };
    let (left, right) = columns(area, area.width - side);
    let grants = u16::try_from(shown.grants.len())
        .unwrap_or(5)
        .clamp(1, (left.height / 4).max(2))
        + 3;
    let head_height = 6;
    let bands = rows(
        left,
        &[head_height, left.height.saturating_sub(head_height + grants), grants],
    );
    head(canvas, bands[0], model, service, shown);
    tasks(canvas, bands[1], model);
    services::grant_list(canvas, bands[2], model, ListId::ServiceGrants);
    if side > 0 {
        let inner = canvas.pane(right, &titled("Spec"), false);
        for (y, line) in (inner.y..inner.bottom()).zip(spec::settings(service)) {
            setting(canvas, Rect::new(inner.x, y, inner.width, 1), &line);
        }
    }
}

fn found<'a>(model: &'a Model, id: &str) -> Option<(&'a Service, &'a ServiceSpec)> {
    let service = model.cluster.services.get(id)?;
    Some((service, service.spec.as_ref()?))
}

fn head(canvas: &mut Canvas<'_>, area: Rect, model: &Model, service: &Service, shown: &ServiceSpec) {
    let inner = canvas.pane(area, &titled(words::service_name(service)), false);
    let run = shown.run.clone().unwrap_or_default();
    let what = [run.image.as_str(), &run.command.join(" ")].join(" ");
    let lines = [
        (
            "runs",
            plain(safe!(
                "{} {}: {}",
                words::replicas(shown),
                words::executor(shown.executor()),
                what.trim()
            )),
        ),
        ("update", update(model, service)),
        ("rotation", rotation(model, service)),
        (
            "changed",
            plain(safe!(
                "{}, generation {}, labels {}",
                time::date(service.updated_at_ms),
                service.generation,
                words::labels(&shown.labels)
            )),
        ),
    ];
    facts(canvas, inner, &lines);
}

/// How the last update went, with its message.
fn update(model: &Model, service: &Service) -> Piece {
    let Some(status) = &service.update_status else {
        return piece("none yet", Tone::Dim);
    };
    let word = spec::update_state(status);
    let at = if status.completed_at_ms > 0 {
        status.completed_at_ms
    } else {
        status.started_at_ms
    };
    // Docker's texts repeat the state.
    let message = if status.message.ends_with(word) {
        String::new()
    } else {
        format!(": {}", status.message).trim_end_matches(": ").to_owned()
    };
    piece(
        safe!("{word} {}{message}", time::moment(model.now_ms, at)),
        state_tone(word),
    )
}

/// The rotations that it takes part in now.
fn rotation(model: &Model, service: &Service) -> Piece {
    let running = model.cluster.rotations.values().filter(|it| rotations::is_running(it));
    let parts: Vec<String> = running
        .filter_map(|it| Some((it, it.services.iter().find(|part| part.service_id == service.id)?)))
        .map(|(it, part)| {
            format!(
                "{} v{}: {}, {} of {} proved, {} settled",
                it.secret_name,
                it.to,
                rotations::state(it),
                part.proven,
                part.tasks,
                part.settled
            )
        })
        .collect();
    match parts.as_slice() {
        [] => piece("none", Tone::Dim),
        parts => plain(parts.join("; ")),
    }
}

const TASKS: [Column; 9] = [
    column("TASK", 10).grow(1),
    column("NODE", 8).grow(1),
    column("WANTED", 8).drop(4),
    column("STATE", 10),
    column("HEALTH", 9).grow(1).drop(1),
    column("FILES", 5).right(),
    column("EXIT", 4).right().drop(3),
    column("SINCE", 5).right(),
    column("MESSAGE", 10).grow(3).drop(2),
];

/// Active ones first, then what has ended; a task of an earlier spec says so.
fn tasks(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Place::Service(id) = model.place() else { return };
    let Some(service) = model.cluster.services.get(id) else {
        return;
    };
    let outdated = model
        .cluster
        .tasks_of_service(id)
        .filter(|task| words::is_active(task) && task.generation != service.generation)
        .count();
    let mut title = titled("Tasks");
    if outdated > 0 {
        title.push(piece(safe!("  {outdated} outdated !"), Tone::Warn));
    }
    list_pane(canvas, area, model, (ListId::ServiceTasks, &title), &TASKS, |key| {
        Some(task_row(model, service, model.cluster.tasks.get(key)?))
    });
}

fn task_row(model: &Model, service: &Service, task: &Task) -> Vec<Piece> {
    let view = &model.cluster;
    let active = words::is_active(task);
    let state = words::task_state(task.state());
    let word = if task.error.is_empty() {
        &task.message
    } else {
        &task.error
    };
    let outdated = active && task.generation != service.generation;
    let message = if outdated && task.error.is_empty() {
        piece("outdated !", Tone::Warn)
    } else if outdated {
        piece(safe!("outdated, {word}"), Tone::Warn)
    } else {
        piece(word, Tone::Dim)
    };
    vec![
        plain(words::with_hostnames(view, &task.name)),
        plain(if task.node_id.is_empty() {
            "-"
        } else {
            view.hostname(&task.node_id)
        }),
        piece(words::task_state(task.desired()), Tone::Dim),
        if active {
            state_piece(state)
        } else {
            piece(state, Tone::Dim)
        },
        super::health_piece(task),
        plain(safe!("{}/{}", secrets::proved_files(view, task), task.files.len())),
        plain(if active || task.exit_code == 0 {
            safe!("-")
        } else {
            safe!("{}", task.exit_code)
        }),
        plain(time::age(model.now_ms, task.state_since_ms)),
        message,
    ]
}

pub fn task_list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    tasks(canvas, area, model);
}

fn setting(canvas: &mut Canvas<'_>, area: Rect, line: &Setting) {
    if line.name.is_empty() {
        canvas.text(
            area.x + 1,
            area.y,
            area.width.saturating_sub(1),
            &line.text,
            Tone::Title,
        );
        return;
    }
    canvas.text(area.x + 2, area.y, NAME, line.name, Tone::Dim);
    let x = area.x + 2 + NAME;
    canvas.text(x, area.y, area.right().saturating_sub(x), &line.text, Tone::Plain);
}

/// The whole spec, on a screen of its own.
pub fn whole_spec(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Place::Spec(id) = model.place() else { return };
    let Some(service) = model.cluster.services.get(id) else {
        return;
    };
    let inner = canvas.pane(area, &titled("Spec"), false);
    let Some(list) = model.list(ListId::Spec) else { return };
    let settings = spec::settings(service);
    let height = usize::from(inner.height);
    let offset = list.seen.window(list.position(), settings.len(), height);
    for (y, (at, line)) in (inner.y..inner.bottom()).zip(settings.iter().enumerate().skip(offset)) {
        let row = Rect::new(inner.x, y, inner.width, 1);
        setting(canvas, row, line);
        if list.position() == Some(at) {
            canvas.restyle(row, Tone::Selected);
            canvas.cursor = Some((inner.x, y));
        }
    }
}
