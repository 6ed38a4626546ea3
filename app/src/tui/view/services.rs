//! All services; on wide terminals with the grants and the tasks of the selected one.

use ratatui::layout::Rect;
use wardroom_api::v1::{Grant, Service};

use super::{WIDE, columns, list_pane, rows, state_piece, tasks, titled};
use crate::tui::model::facts::{secrets, spec, time, words};
use crate::tui::model::list::ListId;
use crate::tui::model::{Model, rows as entries};
use crate::tui::theme::Tone;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let selected = model
        .selected(ListId::Services)
        .and_then(|id| model.cluster.services.get(id));
    if area.width >= WIDE {
        let (left, right) = columns(area, area.width / 2);
        list(canvas, left, model);
        let parts = rows(right, &[right.height / 3, right.height - right.height / 3]);
        grants_of(canvas, parts[0], model, selected);
        tasks_of(canvas, parts[1], model, selected);
        return;
    }
    let below = (area.height / 3).max(5);
    let parts = rows(area, &[area.height - below, below]);
    list(canvas, parts[0], model);
    grants_of(canvas, parts[1], model, selected);
}

const SERVICES: [Column; 7] = [
    column("SERVICE", 12).grow(1),
    column("KIND", 8).drop(3),
    column("TASKS", 8),
    column("GRANTS", 6).right(),
    column("STATE", 11),
    column("AGE", 4).right().drop(2),
    column("COMMAND", 12).grow(2).drop(4),
];

fn row(model: &Model, service: &Service) -> Option<Vec<Piece>> {
    let shown = service.spec.as_ref()?;
    let active: Vec<_> = model
        .cluster
        .tasks_of_service(&service.id)
        .filter(|task| words::is_active(task))
        .collect();
    let running = active
        .iter()
        .filter(|task| task.state() == wardroom_api::v1::TaskState::Running)
        .count();
    let wanted = if shown.global {
        active.len()
    } else {
        usize::try_from(shown.replicas).unwrap_or(usize::MAX)
    };
    let update = service.update_status.as_ref().map_or("-", spec::update_state);
    let state = match update {
        "-" | "completed" if running >= wanted => "running",
        "-" | "completed" => "starting !",
        under_way => under_way,
    };
    Some(vec![
        plain(&shown.name),
        plain(words::executor(shown.executor())),
        plain(safe!(
            "{running}/{}",
            if shown.global {
                "global".to_owned()
            } else {
                wanted.to_string()
            }
        )),
        plain(safe!("{}", shown.grants.len())),
        state_piece(state),
        plain(time::age(model.now_ms, service.created_at_ms)),
        piece(shown.command().join(" "), Tone::Dim),
    ])
}

pub fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    list_pane(canvas, area, model, (ListId::Services, &[]), &SERVICES, |key| {
        row(model, model.cluster.services.get(key)?)
    });
}

/// All services by name, for the overview.
pub fn overview(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let inner = canvas.pane(area, &titled("Services"), false);
    let mut services: Vec<&Service> = model.cluster.services.values().collect();
    services.sort_by_key(|service| words::service_name(service));
    fixed_table(canvas, inner, &SERVICES, &services, |service| {
        row(model, service).unwrap_or_default()
    });
}

const GRANTS: [Column; 7] = [
    column("SERVICE", 10).grow(1),
    column("SECRET", 12).grow(1),
    column("VER", 7).drop(3),
    column("TARGET", 12).grow(1),
    column("MODE", 5),
    column("OWNER", 7).drop(4),
    column("ON CHANGE", 9),
];

fn grant_row(model: &Model, service: &Service, grant: &Grant) -> Vec<Piece> {
    let version = if grant.pinned == 0 {
        safe!("current")
    } else {
        safe!("v{}", grant.pinned)
    };
    let mounted = secrets::is_mounted(&model.cluster, service, grant);
    vec![
        plain(words::service_name(service)),
        plain(&grant.secret_name),
        plain(version),
        plain(&grant.target),
        plain(words::mode(grant.mode)),
        plain(safe!("{}:{}", grant.uid, grant.gid)),
        if mounted {
            plain(words::on_change(grant.on_change()))
        } else {
            piece(safe!("{} !", words::on_change(grant.on_change())), Tone::Warn)
        },
    ]
}

pub fn grant_list(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: ListId) {
    let title = titled("Grants");
    list_pane(canvas, area, model, (id, &title), &GRANTS, |key| {
        let (service, grant) = entries::grant_of(model, key)?;
        Some(grant_row(model, service, grant))
    });
}

fn grants_of(canvas: &mut Canvas<'_>, area: Rect, model: &Model, service: Option<&Service>) {
    let title = service.map_or_else(
        || "Grants".to_owned(),
        |service| format!("Grants of {}", words::service_name(service)),
    );
    let inner = canvas.pane(area, &titled(title), false);
    let Some((service, spec)) = service.and_then(|service| Some((service, service.spec.as_ref()?))) else {
        return;
    };
    fixed_table(canvas, inner, &GRANTS, &spec.grants, |grant| {
        grant_row(model, service, grant)
    });
}

fn tasks_of(canvas: &mut Canvas<'_>, area: Rect, model: &Model, service: Option<&Service>) {
    let title = service.map_or_else(
        || "Tasks".to_owned(),
        |service| format!("Tasks of {}", words::service_name(service)),
    );
    let inner = canvas.pane(area, &titled(title), false);
    let mut found: Vec<_> = service
        .into_iter()
        .flat_map(|service| model.cluster.tasks_of_service(&service.id))
        .collect();
    found.sort_by_key(|task| (!words::is_active(task), task.slot, &task.name));
    fixed_table(canvas, inner, &tasks::TASKS, &found, |task| tasks::row(model, task));
}
