//! Rotations: all that there were, and one of them with every service and every task's receipt.

use ratatui::layout::Rect;
use wardroom_api::v1::{Rotation, RotationProgress};

use super::{WIDE, columns, facts, list_pane, rows, state_piece, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::rotations::{self, Proof, TaskLine};
use crate::tui::model::facts::{time, words};
use crate::tui::model::list::ListId;
use crate::tui::model::place::Place;
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

/// All of them; on wide terminals beside the services of the selected one.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    if area.width < WIDE {
        list(canvas, area, model, ListId::AllRotations);
        return;
    }
    let (left, right) = columns(area, area.width * 11 / 20);
    list(canvas, left, model, ListId::AllRotations);
    let selected = model.selected(ListId::AllRotations);
    match selected.and_then(|id| model.cluster.rotations.get(id)) {
        Some(rotation) => summary(canvas, right, model, rotation),
        None => drop_pane(canvas, right),
    }
}

fn drop_pane(canvas: &mut Canvas<'_>, area: Rect) {
    canvas.pane(area, &[], false);
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: ListId) {
    const COLUMNS: [Column; 7] = [
        column("SECRET", 14).grow(1),
        column("VERSIONS", 10),
        column("PHASE", 14),
        column("PROVED", 16),
        column("STARTED", 11).drop(1),
        column("ACTOR", 10).grow(1).drop(2),
        column("MESSAGE", 12).grow(2).drop(3),
    ];
    let glyphs = canvas.glyphs;
    let (running, paused) = rotations::under_way(&model.cluster);
    let mut title = titled("Rotations");
    if running > 0 {
        title.push(piece(safe!("  {running} under way"), Tone::Accent));
    }
    if paused > 0 {
        title.push(piece(safe!(", {paused} paused !"), Tone::Warn));
    }
    list_pane(canvas, area, model, (id, &title), &COLUMNS, |key| {
        let rotation = model.cluster.rotations.get(key)?;
        let count = rotations::count(rotation);
        Some(vec![
            plain(&rotation.secret_name),
            plain(rotations::versions(rotation, glyphs.arrow)),
            state_piece(rotations::state(rotation)),
            plain(safe!(
                "{} {}/{}",
                bar(&glyphs, count.proven, count.tasks, 8),
                count.proven,
                count.tasks
            )),
            plain(time::moment(model.now_ms, rotation.started_at_ms)),
            plain(if rotation.cause() == wardroom_api::v1::RotationCause::Age {
                "by age"
            } else {
                &rotation.actor
            }),
            piece(&rotation.message, Tone::Dim),
        ])
    });
}

/// One rotation: what it is, its services, its tasks.
pub fn detail(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: &str) {
    let Some(rotation) = model.cluster.rotations.get(id) else {
        let text = "this rotation is no longer remembered; esc goes back";
        canvas.text(area.x + 2, area.y + 1, area.width - 2, text, Tone::Dim);
        return;
    };
    let services = u16::try_from(rotation.services.len())
        .unwrap_or(9)
        .clamp(1, area.height / 4)
        + 3;
    let bands = rows(area, &[5, services, area.height.saturating_sub(5 + services)]);
    head(canvas, bands[0], model, rotation);
    self::services(canvas, bands[1], model);
    self::tasks(canvas, bands[2], model);
}

/// What stands beside the list on wide terminals, and in the wizard that began it.
pub fn summary(canvas: &mut Canvas<'_>, area: Rect, model: &Model, rotation: &Rotation) {
    let count = u16::try_from(rotation.services.len())
        .unwrap_or(9)
        .clamp(1, area.height / 4)
        + 3;
    let bands = rows(area, &[5, count, area.height.saturating_sub(5 + count)]);
    head(canvas, bands[0], model, rotation);
    let inner = canvas.pane(bands[1], &titled("Services"), false);
    let bars = bar_cells(bands[1].width);
    let glyphs = canvas.glyphs;
    fixed_table(canvas, inner, &service_columns(bars), &rotation.services, |service| {
        service_row(&glyphs, model, rotation, service, bars)
    });
    let inner = canvas.pane(bands[2], &titled("Tasks and their receipts"), false);
    let lines = rotations::tasks(&model.cluster, rotation);
    fixed_table(canvas, inner, &TASKS, &lines, |line| task_row(model, rotation, line));
}

fn head(canvas: &mut Canvas<'_>, area: Rect, model: &Model, rotation: &Rotation) {
    let arrow = canvas.glyphs.arrow;
    let title = [
        piece(
            safe!("{}  {}  ", rotation.secret_name, rotations::versions(rotation, arrow)),
            Tone::Title,
        ),
        state_piece(rotations::state(rotation)),
    ];
    let inner = canvas.pane(area, &title, false);
    let count = rotations::count(rotation);
    let ended = match rotation.finished_at_ms {
        0 => String::new(),
        at => format!(
            ", took {}",
            time::precise(u64::try_from(at.saturating_sub(rotation.started_at_ms)).unwrap_or(0))
        ),
    };
    let began = format!(
        "{}, {}{ended}",
        time::moment(model.now_ms, rotation.started_at_ms),
        rotations::cause(rotation)
    );
    let progress = format!(
        "{} of {} proved, {} settled{}",
        count.proven,
        words::count(usize::try_from(count.tasks).unwrap_or(usize::MAX), "task"),
        count.settled,
        if rotations::is_paused(rotation) {
            "; held: <p> resumes it"
        } else {
            ""
        }
    );
    let bad = words::phase(rotation.phase()).ends_with('!');
    let message = if rotation.message.is_empty() {
        piece("-", Tone::Dim)
    } else {
        piece(&rotation.message, if bad { Tone::Warn } else { Tone::Plain })
    };
    facts(
        canvas,
        inner,
        &[
            ("began", plain(began)),
            (if bad { "reason" } else { "message" }, message),
            ("tasks", plain(progress)),
        ],
    );
}

/// How long a bar may be in a pane of that width.
fn bar_cells(width: u16) -> u16 {
    match width {
        WIDE.. => 20,
        64.. => 8,
        _ => 4,
    }
}

fn service_columns(bars: u16) -> [Column; 5] {
    // Room for ` 100/100`.
    let width = bars + 8;
    [
        column("SERVICE", 12).grow(1),
        column("ON CHANGE", 9),
        column("TASKS", 5).right().drop(1),
        column("PROVED", width),
        column("SETTLED", width),
    ]
}

fn service_row(
    glyphs: &crate::tui::theme::Glyphs,
    model: &Model,
    rotation: &Rotation,
    service: &RotationProgress,
    bars: u16,
) -> Vec<Piece> {
    let width = usize::from(bars);
    let tasks = u64::from(service.tasks);
    let share = |part: u32| {
        let tone = if part >= service.tasks {
            Tone::Accent
        } else {
            Tone::Plain
        };
        let part = u64::from(part);
        piece(safe!("{} {part}/{tasks}", bar(glyphs, part, tasks, width)), tone)
    };
    vec![
        plain(&service.service_name),
        plain(rotations::on_change(&model.cluster, rotation, &service.service_id)),
        plain(safe!("{tasks}")),
        share(service.proven),
        share(service.settled),
    ]
}

/// The rotation that the place is about.
fn subject(model: &Model) -> Option<&Rotation> {
    match model.place() {
        Place::Rotation(id) => model.cluster.rotations.get(id),
        _ => None,
    }
}

pub fn services(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(rotation) = subject(model) else { return };
    let glyphs = canvas.glyphs;
    let bars = bar_cells(area.width);
    let title = titled("Services");
    let shown = service_columns(bars);
    list_pane(canvas, area, model, (ListId::RotationServices, &title), &shown, |key| {
        let service = rotation.services.iter().find(|it| it.service_id == key)?;
        Some(service_row(&glyphs, model, rotation, service, bars))
    });
}

const TASKS: [Column; 7] = [
    column("TASK", 12).grow(1),
    column("NODE", 9).grow(1),
    column("HOLDS", 5),
    column("PROOF", 10),
    column("SINCE", 11).drop(1),
    column("STATE", 10),
    column("HEALTH", 9).grow(1).drop(2),
];

fn task_row(model: &Model, rotation: &Rotation, line: &TaskLine<'_>) -> Vec<Piece> {
    let view = &model.cluster;
    let proof = line.proof(rotation);
    let tone = match proof {
        Proof::There => Tone::Accent,
        Proof::Other | Proof::Missing => Tone::Plain,
        Proof::Refused => Tone::Bad,
    };
    let since = line.receipt.map_or(0, |receipt| receipt.since_ms);
    vec![
        plain(words::with_hostnames(view, &line.task.name)),
        plain(if line.task.node_id.is_empty() {
            "-"
        } else {
            view.hostname(&line.task.node_id)
        }),
        plain(line.holds()),
        piece(proof.word(), tone),
        plain(if since == 0 {
            "-".to_owned()
        } else {
            time::moment(model.now_ms, since)
        }),
        state_piece(words::task_state(line.task.state())),
        super::health_piece(line.task),
    ]
}

pub fn tasks(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(rotation) = subject(model) else { return };
    let lines = rotations::tasks(&model.cluster, rotation);
    let title = titled("Tasks and their receipts");
    list_pane(canvas, area, model, (ListId::RotationTasks, &title), &TASKS, |key| {
        let line = lines.iter().find(|line| line.task.id == key)?;
        Some(task_row(model, rotation, line))
    });
}
