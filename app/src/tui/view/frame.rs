//! What stands on the four fixed lines? Cluster and freshness, the place, the keys, the latest message.

use ratatui::layout::Rect;

use crate::tui::keymap::{self, Scope};
use crate::tui::model::facts::managers::Quorum;
use crate::tui::model::facts::{time, words};
use crate::tui::model::overlay::Overlay;
use crate::tui::model::place::{Kind, Place};
use crate::tui::model::{Level, Link, Model};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Piece, line_input, piece, plain, safe};
use crate::tui::wizard::{Step, Task};

/// Line 1: the cluster, what this session may do, quorum and leader, which manager answers, and how fresh the view is.
pub fn header(canvas: &mut Canvas<'_>, model: &Model) {
    let area = canvas.area();
    let view = &model.cluster;
    let mode = if model.read_only() { "[RO]" } else { "[RW]" };
    // The words come closer together where room is short; the program's own name is the first to go, then who answers.
    let gap = if area.width < super::WIDE { " " } else { "  " };
    let mut pieces = vec![piece(" wardroom", Tone::Title)];
    if let Some(cluster) = &view.cluster {
        let quorum = Quorum::of(view);
        let tone = if quorum.holds() { Tone::Plain } else { Tone::Bad };
        pieces.push(piece(safe!(" {}", cluster.name), Tone::Strong));
        pieces.push(plain(safe!(" {mode}")));
        pieces.push(piece(
            safe!(
                "{gap}quorum {}/{}{}",
                quorum.answering,
                quorum.members,
                if quorum.holds() { "" } else { " !" }
            ),
            tone,
        ));
        pieces.push(match view.leader() {
            Some(leader) => plain(safe!("{gap}leader {} t{}", view.hostname(&leader.node_id), leader.term)),
            None => piece(safe!("{gap}no leader !"), Tone::Bad),
        });
        if let Some(attached) = &model.attached {
            pieces.push(piece(safe!("{gap}via {}", view.hostname(attached)), Tone::Dim));
        }
    } else {
        pieces.push(plain(safe!(" {mode}")));
    }
    let freshness = match &model.link {
        Link::Connecting(_) => vec![piece("connecting ... ", Tone::Warn)],
        Link::Live => {
            vec![
                piece(safe!("#{} {} ", view.index, time::minute(model.now_ms)), Tone::Dim),
                piece("live", Tone::Accent),
            ]
        }
        Link::Stale { since_ms, .. } => {
            vec![
                piece(safe!("#{} ", view.index), Tone::Dim),
                piece(safe!("STALE since {} ", time::clock(*since_ms)), Tone::Bad),
            ]
        }
    };
    let right: usize = freshness.iter().map(|piece| piece.text.width()).sum();
    let right = u16::try_from(right).unwrap_or(u16::MAX).min(area.width);
    // One column stays free between the two halves.
    let room = (area.width - right).saturating_sub(1);
    let fits = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.width()).sum::<usize>() <= usize::from(room);
    if !fits(&pieces) {
        pieces.remove(0);
    }
    if !fits(&pieces) && view.cluster.is_some() && model.attached.is_some() {
        pieces.pop();
    }
    canvas.line(area.x, area.y, room, &pieces);
    canvas.right(area.x, area.y, area.width, &freshness);
}

/// Line 2: where one is, and what the list shows.
pub fn breadcrumbs(canvas: &mut Canvas<'_>, model: &Model) {
    let area = canvas.area();
    let y = area.y + 1;
    let mut left = vec![piece(safe!(" {}", crumbs(model)), Tone::Strong)];
    let mut right = Vec::new();
    if let Some(wizard) = &model.wizard {
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
    canvas.line(area.x, y, area.width - width, &left);
    canvas.right(area.x, y, area.width, &right);
}

fn list_words(model: &Model, left: &mut Vec<Piece>, right: &mut Vec<Piece>) {
    let list = model.list(model.focused());
    if let Some(list) = list.filter(|list| !list.filter.is_empty()) {
        left.push(piece(safe!(" </{}>", list.filter.text()), Tone::Accent));
        right.push(plain(safe!("{} of {}  ", list.keys.len(), list.total)));
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
        Place::Secrets => format!("secrets({})", view.secrets.len()),
        Place::Secret(id) => format!("secrets > {}", secret(id)),
        Place::Services => format!("services({})", view.services.len()),
        Place::Service(id) => format!("services > {}", service(id)),
        Place::Grants => "services > grants".to_owned(),
        Place::Nodes => format!("nodes({})", view.nodes.len()),
        Place::Node(id) => format!("nodes > {}", view.hostname(id)),
        Place::Audit => "audit".to_owned(),
        Place::Tasks => "tasks".to_owned(),
    };
    if let Some(wizard) = &model.wizard {
        let about = match wizard.task {
            Task::CreateSecret | Task::CreateService | Task::Grant => String::new(),
            _ => wizard.confirmed_by(),
        };
        if !about.is_empty() && !text.ends_with(&about) {
            text = format!("{text} > {about}");
        }
        text = format!("{text} > {}", wizard.verb());
    }
    text
}

/// The line before the last: keys of what has them now.
pub fn key_bar(canvas: &mut Canvas<'_>, model: &Model) {
    let area = canvas.area();
    let y = area.bottom() - 2;
    let scope = match (&model.overlay, &model.wizard) {
        (Some(Overlay::Palette(_) | Overlay::Filter(..)), _) => Some(Scope::Line),
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
    // Since when, the header says.
    if let (Link::Stale { reason, .. }, false) = (&model.link, model.quit_armed) {
        let text = safe!("stale, reconnecting: {reason}");
        canvas.text(x, y, width, text, Tone::Bad);
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
