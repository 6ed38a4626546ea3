//! What stands on the fixed lines below the header? The place, the keys, and the latest message.

use ratatui::layout::Rect;

use crate::tui::keymap::{self, Scope};
use crate::tui::model::facts::{time, words};
use crate::tui::model::list::ListId;
use crate::tui::model::overlay::Overlay;
use crate::tui::model::place::{Kind, Place};
use crate::tui::model::tokens::Stage;
use crate::tui::model::{Level, Link, Model};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Piece, SafeText, line_input, piece, plain, safe};
use crate::tui::wizard::Step;

/// Less than this of an address says nothing.
const ADDRESS_MIN: u16 = 12;

/// Line 2: where one is, and what the list shows.
pub fn breadcrumbs(canvas: &mut Canvas<'_>, model: &Model) {
    let area = canvas.area();
    let y = area.y + 1;
    let crumbs = if model.lock.is_some() {
        "locked".to_owned()
    } else {
        crumbs(model)
    };
    let mut left = vec![piece(safe!(" {crumbs}"), Tone::Strong)];
    let mut right = Vec::new();
    if model.lock.is_some() {
        right.push(piece("<?>help ", Tone::Dim));
    } else if let Some(wizard) = &model.wizard {
        let (titles, at) = wizard.steps();
        for (number, title) in titles.iter().enumerate() {
            let word = safe!("{} {title}", number + 1);
            right.push(if number == at {
                piece(safe!(" [{word}]"), Tone::Strong)
            } else {
                piece(safe!("  {word}"), Tone::Dim)
            });
        }
        right.push(plain(" "));
    } else {
        list_words(model, &mut left, &mut right);
    }
    let width: usize = right.iter().map(|piece| piece.text.width()).sum();
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(area.width);
    let end = canvas.line(area.x, y, area.width - width, &left);
    canvas.right(area.x, y, area.width, &right);
    // Where it is reached goes between the two, as much of it as fits.
    let room = (area.right() - width).saturating_sub(end).saturating_sub(4);
    let address = SafeText::new(&model.address);
    let whole = address.width() <= usize::from(room);
    let shortened = room >= ADDRESS_MIN && model.wizard.is_none();
    if (model.cluster.cluster.is_some() || model.lock.is_some()) && (whole || shortened) {
        let address = address.cut_middle(usize::from(room), canvas.glyphs.more);
        canvas.right(end, y, room + 2, &[piece(address, Tone::Dim)]);
    }
}

fn list_words(model: &Model, left: &mut Vec<Piece>, right: &mut Vec<Piece>) {
    // In the matrix both ways are filtered at once.
    let both = [ListId::Matrix, ListId::MatrixSecrets];
    let shown = if model.place().kind() == Kind::Grants {
        &both[..]
    } else {
        &[model.focused()][..]
    };
    for list in shown.iter().filter_map(|id| model.list(*id)) {
        if !list.filter.is_empty() {
            left.push(piece(safe!(" </{}>", list.filter.text()), Tone::Accent));
            right.push(plain(safe!("{} of {}  ", list.keys.len(), list.total)));
        }
    }
    if model.shown.problems_only {
        left.push(piece(" !problems", Tone::Warn));
    }
    if model.shown.follow && model.place().kind() == Kind::Audit {
        right.push(piece("FOLLOW  ", Tone::Accent));
    }
    right.push(piece("<:>command </>filter <?>help ", Tone::Dim));
}

fn crumbs(model: &Model) -> String {
    let view = &model.cluster;
    let secret = |id: &str| {
        view.secrets
            .get(id)
            .map_or_else(|| "gone".to_owned(), |secret| secret.name.clone())
    };
    let service = |id: &str| {
        view.services
            .get(id)
            .map_or_else(|| "gone".to_owned(), |service| words::service_name(service).to_owned())
    };
    let mut text = match model.place() {
        Place::Cluster => "cluster".to_owned(),
        Place::Raft => "cluster > raft".to_owned(),
        Place::Keys => "cluster > keys".to_owned(),
        Place::Operators => format!("keys > operators({})", view.operators.len()),
        Place::Secrets => format!("secrets({})", view.secrets.len()),
        Place::Secret(id) => format!("secrets > {}", secret(id)),
        Place::Services => format!("services({})", view.services.len()),
        Place::Service(id) => format!("services > {}", service(id)),
        Place::Grants => "services > grants".to_owned(),
        Place::Nodes => format!("nodes({})", view.nodes.len()),
        Place::Node(id) => format!("nodes > {}", view.hostname(id)),
        Place::Audit => "audit".to_owned(),
        Place::Tasks => "tasks".to_owned(),
        Place::Rotations => format!("tasks > rotations({})", view.rotations.len()),
        Place::Rotation(id) => format!(
            "rotations > {}",
            view.rotations.get(id).map_or_else(
                || "gone".to_owned(),
                |rotation| format!("{} v{}", rotation.secret_name, rotation.to)
            )
        ),
        Place::Spec(id) => format!("services > {} > spec", service(id)),
        Place::Logs { service: id, task } => {
            let of = match task.as_ref().and_then(|task| view.tasks.get(task)) {
                Some(task) => words::with_hostnames(view, &task.name),
                None => service(id),
            };
            format!("services > {of} > logs")
        }
    };
    if let Some(wizard) = &model.wizard {
        let about = if wizard.task.names_itself() {
            wizard.task.about(&wizard.form)
        } else {
            String::new()
        };
        if !about.is_empty() && !text.ends_with(&about) {
            text = format!("{text} > {about}");
        }
        text = format!("{text} > {}", wizard.task.verb());
    }
    text
}

/// The line before the last: keys of what has them now.
pub fn key_bar(canvas: &mut Canvas<'_>, model: &Model) {
    let area = canvas.area();
    let y = area.bottom() - 2;
    let scope = match (&model.overlay, &model.wizard) {
        (None, _) if model.lock.is_some() => Some(Scope::Lock),
        (Some(Overlay::Palette(_) | Overlay::Filter(..)), _) => Some(Scope::Line),
        (Some(Overlay::Tokens(_)), _) => Some(Scope::Tokens),
        (Some(Overlay::Ask(_)), _) => Some(Scope::Question),
        (Some(_), _) => Some(Scope::Popup),
        (None, Some(_)) => Some(Scope::Wizard),
        (None, None) => None,
    };
    let step = model.wizard.as_ref().map(|wizard| wizard.step);
    let mut x = area.x + 1;
    let mut show = |canvas: &mut Canvas<'_>, key: &str, word: &str| {
        let width = u16::try_from(key.len() + word.len() + 3).unwrap_or(u16::MAX);
        if x.saturating_add(width) <= area.right() {
            x = canvas.line(
                x,
                y,
                width,
                &[piece(safe!("<{key}>"), Tone::Key), plain(safe!("{word} "))],
            );
        }
    };
    match scope {
        Some(Scope::Wizard) if step == Some(Step::Run) => {
            show(canvas, "enter", "leave");
            show(canvas, "esc", "leave");
        }
        Some(Scope::Wizard) if step == Some(Step::Plan) => {
            show(canvas, "enter", "run once the name matches");
            let first = model.wizard.as_ref().is_none_or(|wizard| wizard.form.pages.is_empty());
            show(canvas, "esc", if first { "cancel" } else { "back" });
        }
        Some(Scope::Tokens) => tokens_bar(model, &mut |key, word| show(canvas, key, word)),
        Some(scope) => {
            for binding in keymap::of_scope(scope).filter(|binding| !binding.bar.is_empty()) {
                show(canvas, &binding.keys[0].name(), binding.bar);
            }
        }
        None if model.place().kind() == Kind::Cluster => screens(canvas, y),
        None => {
            for binding in
                keymap::of_screen(model.place().kind(), model.read_only()).filter(|binding| !binding.bar.is_empty())
            {
                show(canvas, &binding.keys[0].name(), binding.bar);
            }
        }
    }
}

/// The keys of the box of the join tokens, by what it is doing.
fn tokens_bar(model: &Model, show: &mut dyn FnMut(&str, &str)) {
    let stage = match &model.overlay {
        Some(Overlay::Tokens(tokens)) => &tokens.stage,
        _ => return,
    };
    match stage {
        Stage::Facts(_) if model.read_only() => {}
        Stage::Facts(_) => {
            show("enter", "show");
            show("r", "rotate");
            show("j", "the other");
        }
        Stage::Asking => show("y", "show it for 30 s"),
        Stage::Waiting(_) | Stage::Shown { .. } => {}
    }
    let leave = match stage {
        Stage::Facts(_) => "close",
        Stage::Asking | Stage::Waiting(_) => "do not show it",
        Stage::Shown { .. } => "hide it now",
    };
    show("esc", leave);
}

/// On the home screen the key bar names the screens.
fn screens(canvas: &mut Canvas<'_>, y: u16) {
    let area = canvas.area();
    let mut x = area.x + 1;
    for (number, (_, name)) in Kind::DIGITS.iter().enumerate() {
        let pieces = [piece(safe!("{}", number + 1), Tone::Key), plain(safe!(" {name} "))];
        x = canvas.line(x, y, area.right().saturating_sub(x), &pieces);
    }
}

/// The last line: what is wrong with the connection, otherwise the latest message.
pub fn message_line(canvas: &mut Canvas<'_>, model: &Model) {
    let area = canvas.area();
    let y = area.bottom() - 1;
    let x = area.x + 1;
    let width = area.width.saturating_sub(2);
    if let Some(Overlay::Filter(_, line)) = &model.overlay {
        let x = canvas.text(x, y, 1, "/", Tone::Key);
        line_input(canvas, (x, y, width.saturating_sub(1)), line, Tone::Plain, true);
        return;
    }
    let quiet = model.quit_armed || model.lock.is_some();
    // Since when, the header says.
    if let (Link::Stale { reason, .. }, false) = (&model.link, quiet) {
        let text = safe!("stale, reconnecting: {reason}");
        canvas.text(x, y, width, text, Tone::Bad);
        return;
    }
    if let (Some(since_ms), false) = (model.leadership.gone_since_ms, quiet) {
        let age = time::counted(model.now_ms.saturating_sub(since_ms));
        let text = safe!(
            "no leader for {age}: this is as of #{}; nothing changes until one is elected",
            model.cluster.index
        );
        canvas.text(x, y, width, text, Tone::Warn);
        return;
    }
    let Some(message) = model.messages.back() else { return };
    let (mark, tone) = match message.level {
        Level::Info => ("", Tone::Plain),
        Level::Good => ("ok  ", Tone::Accent),
        Level::Warn => ("WARN  ", Tone::Warn),
        Level::Bad => ("ERROR  ", Tone::Bad),
    };
    let pieces = [
        piece(safe!("{} ", time::clock(message.at_ms)), Tone::Dim),
        piece(mark, tone),
        plain(&message.text),
    ];
    canvas.line(x, y, width, &pieces);
}

/// Before the first word of the cluster: where it is looked for, and what went wrong so far.
pub fn connecting(canvas: &mut Canvas<'_>, area: Rect, model: &Model, reason: Option<&str>) {
    let (x, width) = (area.x + 2, area.width.saturating_sub(4));
    canvas.text(
        x,
        area.y + 1,
        width,
        safe!("connecting to {} ...", model.address),
        Tone::Strong,
    );
    if let Some(reason) = reason {
        let below = Rect {
            x,
            y: area.y + 3,
            width,
            height: area.height.saturating_sub(4),
        };
        let used = canvas.paragraph(below, reason, Tone::Warn);
        canvas.text(
            x,
            below.y + used + 1,
            width,
            "it is tried again by itself; :q quits",
            Tone::Dim,
        );
    }
}
