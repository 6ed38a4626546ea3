//! What does the model look like? `draw` is a plain function from model to frame; one file per screen. It changes
//! nothing but the note of which rows of a list were in view.

mod audit;
mod certificates;
mod cluster;
mod frame;
mod grants;
mod header;
mod key_facts;
mod key_tree;
mod keys;
mod lock;
mod logs;
mod moves;
mod nodes;
mod operators;
mod overlay;
mod plan;
mod raft;
mod rotations;
mod secret;
mod secrets;
mod service;
mod services;
mod staged;
mod tasks;
mod tokens;
mod why;
mod wizard;
mod wizard_run;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::model::facts::attention;
use super::model::list::ListId;
use super::model::place::Place;
use super::model::{Link, Model, TINY};
use super::theme::{Glyphs, Theme, Tone};
use super::widgets::{Canvas, Column, Piece, piece, plain, safe, table};

/// Below this one pane is shown instead of several.
const SMALL: (u16, u16) = (80, 24);
/// From here on a list and the detail of its selection stand side by side.
pub const WIDE: u16 = 120;
/// From here on three panes do.
pub const WIDEST: u16 = 180;

/// Draws everything; returns where the terminal's cursor goes.
pub fn draw(model: &Model, buffer: &mut Buffer, theme: Theme, glyphs: Glyphs) -> Option<(u16, u16)> {
    let mut canvas = Canvas::new(buffer, theme, glyphs);
    let area = canvas.area();
    if area.width < TINY.0 || area.height < TINY.1 {
        let text = safe!("wardroom: {}x{}, needs {}x{}", area.width, area.height, TINY.0, TINY.1);
        canvas.paragraph(area, text, Tone::Plain);
        return None;
    }
    let body = Rect {
        y: area.y + 2,
        height: area.height - 4,
        ..area
    };
    header::draw(&mut canvas, model);
    frame::breadcrumbs(&mut canvas, model);
    match (&model.lock, &model.wizard) {
        (Some(locked), _) => lock::draw(&mut canvas, body, model, locked),
        (None, Some(wizard)) => self::wizard::draw(&mut canvas, body, model, wizard),
        (None, None) => screen(&mut canvas, body, model),
    }
    frame::key_bar(&mut canvas, model);
    frame::message_line(&mut canvas, model);
    overlay::draw(&mut canvas, body, model);
    canvas.cursor
}

fn screen(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    if let Link::Connecting(reason) = &model.link {
        frame::connecting(canvas, area, model, reason.as_deref());
        return;
    }
    let whole = canvas.area();
    if whole.width < SMALL.0 || whole.height < SMALL.1 {
        list(canvas, area, model, model.focused());
        return;
    }
    match model.place() {
        Place::Cluster => cluster::draw(canvas, area, model),
        Place::Raft => raft::draw(canvas, area, model),
        Place::Keys => keys::draw(canvas, area, model),
        Place::Operators => operators::draw(canvas, area, model),
        Place::Secrets => secrets::draw(canvas, area, model),
        Place::Secret(id) => secret::draw(canvas, area, model, id),
        Place::Services => services::draw(canvas, area, model),
        Place::Service(id) => service::draw(canvas, area, model, id),
        Place::Grants => grants::draw(canvas, area, model),
        Place::Nodes => nodes::draw(canvas, area, model),
        Place::Node(id) => nodes::detail(canvas, area, model, id),
        Place::Audit => audit::draw(canvas, area, model),
        Place::Tasks => tasks::draw(canvas, area, model),
        Place::Rotations => rotations::draw(canvas, area, model),
        Place::Rotation(id) => rotations::detail(canvas, area, model, id),
        Place::Spec(_) => service::whole_spec(canvas, area, model),
        Place::Logs { .. } => logs::draw(canvas, area, model),
    }
}

/// One list in its pane, by itself.
fn list(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: ListId) {
    match id {
        ListId::Attention => cluster::attention(canvas, area, model),
        ListId::Managers => raft::members(canvas, area, model),
        ListId::Entries => raft::entries(canvas, area, model),
        ListId::Keys => key_tree::list(canvas, area, model),
        ListId::Certificates => certificates::list(canvas, area, model),
        ListId::Moves => moves::list(canvas, area, model),
        ListId::Operators => operators::list(canvas, area, model),
        ListId::Secrets => secrets::list(canvas, area, model),
        ListId::Versions => secret::versions(canvas, area, model),
        ListId::Holders => secret::holders(canvas, area, model),
        ListId::SecretGrants | ListId::ServiceGrants => services::grant_list(canvas, area, model, id),
        ListId::Services => services::list(canvas, area, model),
        ListId::Matrix | ListId::MatrixSecrets => grants::matrix(canvas, area, model),
        ListId::Nodes => nodes::list(canvas, area, model),
        ListId::NodeHoldings => nodes::holdings(canvas, area, model),
        ListId::ServiceTasks => service::task_list(canvas, area, model),
        ListId::NodeTasks | ListId::Tasks => tasks::list(canvas, area, model, id),
        ListId::Audit => audit::list(canvas, area, model),
        ListId::Rotations | ListId::AllRotations => rotations::list(canvas, area, model, id),
        ListId::RotationServices => rotations::services(canvas, area, model),
        ListId::RotationTasks => rotations::tasks(canvas, area, model),
        ListId::Spec => service::whole_spec(canvas, area, model),
        ListId::Logs => logs::draw(canvas, area, model),
    }
}

/// A list in a pane: rows, or why there are none.
fn list_pane(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    (id, title): (ListId, &[Piece]),
    columns: &[Column],
    row: impl Fn(&str) -> Option<Vec<Piece>>,
) {
    let several = model.place().lists().len() > 1;
    let focused = model.focused() == id;
    let inner = canvas.pane(area, title, focused && several);
    let Some(list) = model.list(id) else { return };
    if list.keys.is_empty() {
        let text = if list.total == 0 {
            "nothing here"
        } else {
            "nothing matches the filter; esc clears it"
        };
        canvas.text(inner.x + 1, inner.y, inner.width.saturating_sub(1), text, Tone::Dim);
        return;
    }
    table(canvas, inner, columns, list, focused, |key| {
        row(key).unwrap_or_default()
    });
}

/// `name` cells in two columns: labels before values, for panes of facts.
fn facts(canvas: &mut Canvas<'_>, area: Rect, facts: &[(&str, Piece)]) {
    let x = area.x.saturating_add(10);
    let width = area.right().saturating_sub(x);
    let mut y = area.y;
    for (at, (name, value)) in facts.iter().enumerate() {
        let others = u16::try_from(facts.len() - at - 1).unwrap_or(u16::MAX);
        let left = area.bottom().saturating_sub(y);
        if left == 0 {
            break;
        }
        canvas.text(area.x + 1, y, 9, *name, Tone::Dim);
        // Long values go on below where the other facts leave them room.
        let height = left.saturating_sub(others).max(1);
        if value.text.width() <= usize::from(width) || height == 1 {
            canvas.line(x, y, width, std::slice::from_ref(value));
            y += 1;
        } else {
            let below = Rect { x, y, width, height };
            y += canvas.paragraph(below, value.text.as_str(), value.tone).max(1);
        }
    }
}

/// The tone of a state's word: those that need attention end in `!`.
fn state_tone(word: &str) -> Tone {
    if word.ends_with('!') { Tone::Warn } else { Tone::Plain }
}

fn state_piece(word: &str) -> Piece {
    piece(word, state_tone(word))
}

/// What a task's health check says; `-` where there is none.
fn health_piece(task: &wardroom_api::v1::Task) -> Piece {
    if task.health.is_empty() {
        piece("-", Tone::Dim)
    } else if attention::is_well(&task.health) {
        plain(&task.health)
    } else {
        piece(safe!("{} !", task.health), Tone::Warn)
    }
}

fn titled(text: impl Into<super::widgets::SafeText>) -> Vec<Piece> {
    vec![piece(text, Tone::Title)]
}

fn rows(area: Rect, heights: &[u16]) -> Vec<Rect> {
    let mut y = area.y;
    let mut found = Vec::with_capacity(heights.len());
    for height in heights {
        let height = (*height).min(area.bottom().saturating_sub(y));
        found.push(Rect { y, height, ..area });
        y += height;
    }
    found
}

/// Left part of that width, and the rest.
fn columns(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(area.width);
    (
        Rect { width: left, ..area },
        Rect {
            x: area.x + left,
            width: area.width - left,
            ..area
        },
    )
}

fn empty() -> Piece {
    plain("-")
}
