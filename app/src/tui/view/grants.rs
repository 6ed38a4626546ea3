//! The matrix: services against secrets, who may read what, who proves it, and what is meant to change.

use ratatui::layout::Rect;
use wardroom_api::v1::{Grant, OnChange, Secret, Service};

use super::staged::{self, grant_words};
use super::{WIDE, WIDEST, columns, facts, rows, titled};
use crate::tui::model::facts::grants::{self, Tasks};
use crate::tui::model::facts::{secrets, words};
use crate::tui::model::list::ListId;
use crate::tui::model::staged::{Cell, Edit};
use crate::tui::model::{Model, subject};
use crate::tui::theme::{Glyphs, Tone};
use crate::tui::widgets::grid::Grid;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

/// From this width of the matrix on, cells say in words what happens on change.
const WORDS: u16 = 100;
/// Staged edits that are shown where room is short.
const STAGED_SHOWN: usize = 3;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let [body, foot] = [
        Rect {
            height: area.height - 1,
            ..area
        },
        Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        },
    ];
    legend(canvas, foot);
    if area.width >= WIDE {
        let side = if area.width >= WIDEST { 64 } else { 44 };
        let (left, right) = columns(body, body.width - side);
        matrix(canvas, left, model);
        let parts = rows(right, &[right.height / 2, right.height - right.height / 2]);
        cell_pane(canvas, parts[0], model);
        staged::pane(canvas, parts[1], model);
        return;
    }
    let staged = match u16::try_from(model.staged.len().min(STAGED_SHOWN)).unwrap_or(0) {
        0 => 0,
        lines => lines + 2,
    };
    let parts = rows(body, &[body.height.saturating_sub(staged + 5), 5, staged]);
    matrix(canvas, parts[0], model);
    cell_pane(canvas, parts[1], model);
    if staged > 0 {
        staged::pane(canvas, parts[2], model);
    }
}

fn legend(canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs;
    let pieces = [
        piece(safe!("{}R", glyphs.proven), Tone::Plain),
        piece(" every task proves it   ", Tone::Dim),
        piece(safe!("{}r", glyphs.unproven), Tone::Warn),
        piece(" not yet   ", Tone::Dim),
        piece("+A -D ~C", Tone::Accent),
        piece(" staged   ", Tone::Dim),
        piece(safe!("{} none   =v3 pinned", glyphs.absent), Tone::Dim),
    ];
    canvas.line(area.x + 1, area.y, area.width.saturating_sub(1), &pieces);
}

pub fn matrix(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let view = &model.cluster;
    let (Some(services), Some(shown_secrets)) = (model.list(ListId::Matrix), model.list(ListId::MatrixSecrets)) else {
        return;
    };
    let wide = area.width >= WORDS;
    let grid = Grid {
        rows: services,
        columns: shown_secrets,
        corner: "SERVICE",
        side: if wide { 18 } else { 14 },
        cell: if wide { 14 } else { 10 },
    };
    let across = grid.across(area.width.saturating_sub(2));
    let first = shown_secrets
        .seen
        .window(shown_secrets.position(), shown_secrets.keys.len(), across);
    let title = [
        piece(
            safe!(
                "{} x {}",
                words::count(services.keys.len(), "service"),
                words::count(shown_secrets.keys.len(), "secret")
            ),
            Tone::Title,
        ),
        piece(
            safe!(
                "  secrets {}-{}",
                (first + 1).min(shown_secrets.keys.len()),
                (first + across).min(shown_secrets.keys.len())
            ),
            Tone::Dim,
        ),
    ];
    let inner = canvas.pane(area, &title, false);
    if services.keys.is_empty() || shown_secrets.keys.is_empty() {
        let text = "nothing to grant: a matrix needs a service and a secret; esc clears a filter";
        canvas.text(inner.x + 1, inner.y, inner.width, text, Tone::Dim);
        return;
    }
    let height = inner.height.saturating_sub(crate::tui::widgets::grid::HEAD);
    let from = services
        .seen
        .window(services.position(), services.keys.len(), usize::from(height));
    let shown = &services.keys[from..services.keys.len().min(from + usize::from(height))];
    let tasks = Tasks::of(view, |id| shown.iter().any(|key| key == id));
    let glyphs = canvas.glyphs;
    let head = |id: &str| head(model, id);
    let row = |id: &str, shown: &[String]| row(model, &glyphs, &tasks, (id, shown), wide);
    grid.draw(canvas, inner, head, row);
}

fn head(model: &Model, id: &str) -> [Piece; 2] {
    let Some(secret) = model.cluster.secrets.get(id) else {
        return [plain("gone"), plain("")];
    };
    let version = if secret.current == 0 {
        piece("revoked", Tone::Dim)
    } else {
        piece(safe!("v{}", secret.current), Tone::Dim)
    };
    [piece(&secret.name, Tone::Title), version]
}

fn row(
    model: &Model,
    glyphs: &Glyphs,
    tasks: &Tasks<'_>,
    (id, shown): (&str, &[String]),
    wide: bool,
) -> (Piece, Vec<Piece>) {
    let Some(service) = model.cluster.services.get(id) else {
        return (plain("gone"), Vec::new());
    };
    let granted = grants::by_secret(service);
    let mut key: Cell = (id.to_owned(), String::new());
    let cell = |secret_id: &String| {
        key.1.clone_from(secret_id);
        if let Some(edit) = model.staged.get(&key) {
            return staged_cell(edit, wide);
        }
        let found = granted.get(secret_id.as_str()).map_or(&[][..], Vec::as_slice);
        match (found.first(), model.cluster.secrets.get(secret_id)) {
            (Some(grant), Some(secret)) => {
                let proven = found.iter().all(|grant| {
                    let version = grants::version(secret, grant);
                    grants::is_settled(&model.cluster, tasks.of_service(id), grant, version)
                });
                granted_cell(glyphs, secret, grant, (proven, found.len()), wide)
            }
            _ => piece(glyphs.absent.to_string(), Tone::Dim),
        }
    };
    (plain(words::service_name(service)), shown.iter().map(cell).collect())
}

/// `swp` where room is short, `swap` elsewhere.
fn change_word(on_change: OnChange, wide: bool) -> &'static str {
    match (on_change, wide) {
        (other, true) => words::on_change(other),
        (OnChange::Restart, false) => "rst",
        (OnChange::Signal, false) => "sig",
        (OnChange::Swap | OnChange::Unspecified, false) => "swp",
    }
}

fn granted_cell(glyphs: &Glyphs, secret: &Secret, grant: &Grant, (proven, count): (bool, usize), wide: bool) -> Piece {
    let (glyph, letter, tone) = if proven {
        (glyphs.proven, 'R', Tone::Plain)
    } else {
        (glyphs.unproven, 'r', Tone::Warn)
    };
    let pin = if grant.pinned == 0 { "" } else { "=" };
    let version = grants::version(secret, grant);
    if count > 1 {
        return piece(safe!("{glyph}{letter} {count} files"), tone);
    }
    let word = change_word(grant.on_change(), wide);
    piece(safe!("{glyph}{letter} {pin}v{version} {word}"), tone)
}

fn staged_cell(edit: &Edit, wide: bool) -> Piece {
    let letter = match edit {
        Edit::Add(_) => 'A',
        Edit::Change(_) => 'C',
        Edit::Remove(_) => 'D',
    };
    let sign = edit.sign();
    match edit.grant() {
        Some(grant) => {
            let word = change_word(grant.on_change(), wide);
            piece(
                safe!(
                    "{sign}{letter} {} {word}",
                    words::mode(grant.mode).trim_start_matches('0')
                ),
                Tone::Accent,
            )
        }
        None => piece(safe!("{sign}{letter} remove"), Tone::Accent),
    }
}

/// What is known of the selected cell.
fn cell_pane(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some((service, secret)) = subject::cell(model) else {
        canvas.pane(area, &[], false);
        return;
    };
    let arrow = canvas.glyphs.arrow;
    let title = safe!("{} {arrow} {}", words::service_name(service), secret.name);
    let inner = canvas.pane(area, &titled(title), false);
    let key = (service.id.clone(), secret.id.clone());
    let granted = grants::by_secret(service)
        .remove(secret.id.as_str())
        .unwrap_or_default();
    let mut lines: Vec<(&str, Piece)> = Vec::new();
    for grant in &granted {
        lines.push(("granted", plain(grant_words(grant))));
        lines.push(proof(model, service, secret, grant));
    }
    if granted.is_empty() {
        lines.push(("granted", piece("no: space stages a grant", Tone::Dim)));
    }
    if let Some(edit) = model.staged.get(&key) {
        let text = match edit.grant() {
            Some(grant) => safe!("{} {}: {}", edit.sign(), edit.word(), grant_words(grant)),
            None => safe!("- withdraw, its files are erased"),
        };
        // It stands where it is seen in the smallest pane, too.
        lines.insert(0, ("staged", piece(text, Tone::Accent)));
    }
    let used = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_mul(2);
    facts(canvas, inner, &lines);
    // Where there is room, who has it, task by task.
    if let Some(grant) = granted.first().filter(|_| inner.height > used.saturating_add(3)) {
        let below = Rect {
            y: inner.y + used + 1,
            height: inner.height - used - 1,
            ..inner
        };
        by_task(canvas, below, model, (service, secret), grant);
    }
}

fn by_task(canvas: &mut Canvas<'_>, area: Rect, model: &Model, (service, secret): (&Service, &Secret), grant: &Grant) {
    const COLUMNS: [Column; 4] = [
        column("TASK", 10).grow(1),
        column("NODE", 8).grow(1),
        column("HOLDS", 5),
        column("PROOF", 9),
    ];
    let view = &model.cluster;
    let tasks = Tasks::of(view, |id| id == service.id);
    let version = grants::version(secret, grant);
    fixed_table(canvas, area, &COLUMNS, tasks.of_service(&service.id), |task| {
        let held = view
            .holdings_of_task(&task.id)
            .filter(|holding| holding.secret_id == secret.id && holding.target == grant.target)
            .filter(|holding| secrets::is_in_memory(holding))
            .map(|holding| holding.version)
            .max();
        vec![
            plain(words::with_hostnames(view, &task.name)),
            plain(view.hostname(&task.node_id)),
            plain(held.map_or_else(|| safe!("-"), |held| safe!("v{held}"))),
            if grants::is_proven(view, task, grant, version) {
                piece("proved", Tone::Accent)
            } else {
                piece("not yet !", Tone::Warn)
            },
        ]
    });
}

/// Who proves the grant's file, and who does not.
fn proof(model: &Model, service: &Service, secret: &Secret, grant: &Grant) -> (&'static str, Piece) {
    let view = &model.cluster;
    let tasks = Tasks::of(view, |id| id == service.id);
    let tasks = tasks.of_service(&service.id);
    let version = grants::version(secret, grant);
    let missing: Vec<String> = tasks
        .iter()
        .filter(|task| !grants::is_proven(view, task, grant, version))
        .map(|task| {
            format!(
                "{} on {}",
                words::with_hostnames(view, &task.name),
                view.hostname(&task.node_id)
            )
        })
        .collect();
    let proven = tasks.len() - missing.len();
    let piece = match (tasks.len(), missing.is_empty()) {
        (0, _) => piece("no task runs", Tone::Warn),
        (all, true) => plain(safe!("v{version} by {proven} of {}", words::count(all, "task"))),
        (all, false) => piece(
            safe!(
                "v{version} by {proven} of {}, not by {} !",
                words::count(all, "task"),
                missing.join(", ")
            ),
            Tone::Warn,
        ),
    };
    ("proven", piece)
}
