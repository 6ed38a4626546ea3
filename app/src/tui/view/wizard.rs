//! A wizard on the screen: the form of a page, and the plan with the line for the name.

use ratatui::layout::Rect;

use super::plan::{self, Radius};
use super::{rows, titled, wizard_run};
use crate::tui::model::facts::words;
use crate::tui::model::{Level, Model};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, line_input, piece, plain, safe};
use crate::tui::wizard::form::{Field, Input};
use crate::tui::wizard::{Step, Task, Wizard, same_as};

/// Columns before a field's input.
const LABEL: u16 = 15;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, wizard: &Wizard) {
    match wizard.step {
        Step::Page(page) => form(canvas, area, wizard, page),
        Step::Plan => plan_page(canvas, area, wizard),
        Step::Run => wizard_run::draw(canvas, area, model, wizard),
    }
}

fn form(canvas: &mut Canvas<'_>, area: Rect, wizard: &Wizard, page: usize) {
    let Some(shown) = wizard.form.pages.get(page) else {
        return;
    };
    let visible = wizard.form.visible(page);
    let height = u16::try_from(visible.len() * 2 + 3)
        .unwrap_or(u16::MAX)
        .min(area.height);
    let parts = rows(area, &[height, area.height.saturating_sub(height)]);
    let inner = canvas.pane(parts[0], &titled(shown.title), false);
    for (row, at) in visible.iter().enumerate() {
        let y = inner.y + u16::try_from(row * 2).unwrap_or(u16::MAX);
        if y >= inner.bottom() {
            break;
        }
        field(
            canvas,
            Rect { y, height: 1, ..inner },
            &shown.fields[*at],
            row == wizard.form.focus,
        );
        if y + 1 < inner.bottom() {
            canvas.text(
                inner.x + LABEL + 2,
                y + 1,
                inner.width.saturating_sub(LABEL + 3),
                shown.fields[*at].hint,
                Tone::Dim,
            );
        }
    }
    let x = area.x + 1;
    let width = area.width.saturating_sub(2);
    let mut y = parts[1].y;
    if visible.is_empty() {
        canvas.text(
            inner.x + 1,
            inner.y,
            inner.width,
            "nothing to choose here; enter continues",
            Tone::Dim,
        );
    }
    if wizard.waiting.is_some() {
        canvas.text(x, y, width, "reading the file ...", Tone::Dim);
        y += 1;
    }
    note(canvas, (x, y, width), wizard);
}

fn field(canvas: &mut Canvas<'_>, area: Rect, field: &Field, focused: bool) {
    let tone = if focused { Tone::Strong } else { Tone::Plain };
    let mark = if focused { canvas.glyphs.selected } else { ' ' };
    canvas.text(area.x, area.y, LABEL + 1, safe!("{mark} {}", field.label), tone);
    let x = area.x + LABEL + 2;
    let width = area.width.saturating_sub(LABEL + 3);
    match &field.input {
        Input::Line(line) => {
            let x = canvas.text(x, area.y, 1, "[", Tone::Dim);
            let end = line_input(canvas, (x, area.y, width.saturating_sub(2)), line, Tone::Plain, focused);
            canvas.text(end, area.y, 1, "]", Tone::Dim);
        }
        Input::Secret(secret) => {
            let shown = if secret.is_empty() {
                "(empty)".to_owned()
            } else {
                secret.shown()
            };
            value_line(canvas, (x, area.y, width), &shown, focused);
        }
        Input::Choice { options, chosen } => choice(canvas, (x, area.y, width), options, *chosen, focused),
    }
}

/// What is said about a value, between brackets.
fn value_line(canvas: &mut Canvas<'_>, (x, y, width): (u16, u16, u16), text: &str, focused: bool) {
    let width = width.saturating_sub(1);
    let end = canvas.line(x, y, width, &[piece("[", Tone::Dim), plain(text)]);
    canvas.text(end, y, 1, "]", Tone::Dim);
    if focused {
        canvas.cursor = Some((end, y));
    }
}

/// All options while they fit, otherwise the chosen one and how many there are.
fn choice(
    canvas: &mut Canvas<'_>,
    (x, y, width): (u16, u16, u16),
    options: &[(String, String)],
    chosen: usize,
    focused: bool,
) {
    let needed: usize = options.iter().map(|(_, label)| label.chars().count() + 5).sum();
    if needed <= usize::from(width) {
        let mut at = x;
        for (number, (_, label)) in options.iter().enumerate() {
            let (mark, tone) = if number == chosen {
                ("(x)", Tone::Strong)
            } else {
                ("( )", Tone::Dim)
            };
            at = canvas.text(at, y, width.saturating_sub(at - x), safe!("{mark} {label} "), tone);
        }
    } else if let Some((_, label)) = options.get(chosen) {
        let pieces = [
            piece("< ", Tone::Dim),
            piece(label, Tone::Strong),
            piece(safe!(" >  {} of {}", chosen + 1, options.len()), Tone::Dim),
        ];
        canvas.line(x, y, width, &pieces);
    }
    if focused {
        canvas.cursor = Some((x, y));
    }
}

fn note(canvas: &mut Canvas<'_>, (x, y, width): (u16, u16, u16), wizard: &Wizard) {
    let Some((level, text)) = &wizard.note else { return };
    let (mark, tone) = match level {
        Level::Bad => ("ERROR: ", Tone::Bad),
        Level::Warn => ("! ", Tone::Warn),
        Level::Info | Level::Good => ("", Tone::Plain),
    };
    let height = canvas.area().bottom().saturating_sub(2).saturating_sub(y);
    canvas.paragraph(Rect { x, y, width, height }, safe!("{mark}{text}"), tone);
}

fn plan_page(canvas: &mut Canvas<'_>, area: Rect, wizard: &Wizard) {
    let foot = 6.min(area.height / 2);
    let parts = rows(area, &[area.height.saturating_sub(foot), foot]);
    let (x, width) = (area.x + 1, area.width.saturating_sub(2));
    let Some(shown) = &wizard.plan else {
        let text = if wizard.waiting.is_some() {
            "the leader is making the plan ..."
        } else {
            "there is no plan: enter asks again"
        };
        canvas.text(x + 1, area.y + 1, width, text, Tone::Dim);
        note(canvas, (x, parts[1].y, width), wizard);
        return;
    };
    plan::draw(canvas, parts[0], shown, radius(&wizard.task));
    let y = parts[1].y;
    canvas.text(x, y, width, wizard.task.warning(), Tone::Warn);
    canvas.line(
        x,
        y + 1,
        width,
        &[piece("same as  $ ", Tone::Dim), piece(same_as(wizard), Tone::Dim)],
    );
    let at = canvas.text(x, y + 2, width, wizard.task.prompt(), Tone::Strong);
    let matches = wizard.name_matches();
    let missing = wizard
        .confirmed_by()
        .chars()
        .count()
        .saturating_sub(wizard.confirm.text().chars().count());
    let at = canvas.text(at, y + 2, 1, "[", Tone::Dim);
    let right = area.right().saturating_sub(2);
    let tone = if matches { Tone::Accent } else { Tone::Plain };
    let room = right.saturating_sub(at);
    let end = line_input(canvas, (at, y + 2, room), &wizard.confirm, tone, true);
    let rest = [piece("_".repeat(missing.min(40)), Tone::Dim), piece("]", Tone::Dim)];
    canvas.line(end, y + 2, right.saturating_sub(end) + 1, &rest);
    if wizard.waiting.is_some() {
        let text = match wizard.written {
            Some(bytes) => safe!("writing the file: {} so far ...", words::size(bytes)),
            None => safe!("sent, waiting for the answer ..."),
        };
        canvas.text(x, y + 3, width, text, Tone::Dim);
    }
    note(canvas, (x, y + 3, width), wizard);
}

/// Whose memory a change of that kind touches.
fn radius(task: &Task) -> Radius {
    match task {
        Task::StepDown { .. }
        | Task::RotateRoot { .. }
        | Task::RotateToken { .. }
        | Task::RemoveOperator { .. }
        | Task::RotateUnlockKey { .. }
        | Task::RotateDek { .. }
        | Task::Autolock { .. }
        | Task::Lock { .. }
        | Task::Backup { .. } => Radius::None,
        Task::Node { .. } => Radius::Files,
        _ => Radius::Versions,
    }
}
