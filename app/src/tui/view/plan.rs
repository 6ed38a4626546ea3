//! A plan before anything happens: what is made, moved and erased, the checks, whose memory loses and gets which bytes.

use ratatui::layout::Rect;
use wardroom_api::v1::{CheckLevel, Plan, PlanAction};

use super::{columns, rows, titled};
use crate::tui::theme::Tone;
use crate::tui::widgets::canvas::wrap;
use crate::tui::widgets::{Canvas, Piece, piece, plain, safe};

/// Columns of a check's mark.
const CHECK: u16 = 6;

/// The sign and the word of an action.
fn action(action: PlanAction) -> (&'static str, &'static str, Tone) {
    match action {
        PlanAction::Create => ("+", "create", Tone::Accent),
        PlanAction::Move => ("~", "move", Tone::Plain),
        PlanAction::Swap => ("~", "swap", Tone::Plain),
        PlanAction::Restart => ("~", "restart", Tone::Plain),
        PlanAction::Signal => ("~", "signal", Tone::Plain),
        PlanAction::Erase => ("-", "erase", Tone::Warn),
        PlanAction::Cut => ("-", "cut", Tone::Warn),
        PlanAction::Destroy => ("-", "destroy", Tone::Warn),
        PlanAction::Keep => ("=", "keep", Tone::Dim),
        PlanAction::Blocked => ("!", "blocked", Tone::Bad),
        PlanAction::Unspecified => ("?", "other", Tone::Dim),
    }
}

/// Draws the plan into the area; steps that do not fit are counted. Whose memory gets and loses which bytes is shown
/// where bytes move.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, plan: &Plan, moves_values: bool) {
    let room = if moves_values { area.width / 2 } else { area.width };
    let width = usize::from(room.saturating_sub(CHECK + 4));
    let lines: usize = plan.checks.iter().map(|check| wrap(&check.text, width).len()).sum();
    let below = u16::try_from(lines).unwrap_or(6).clamp(3, (area.height / 2).max(3)) + 2;
    let parts = rows(area, &[area.height.saturating_sub(below), below]);
    steps(canvas, parts[0], plan);
    let (left, right) = columns(parts[1], room);
    checks(canvas, left, plan);
    if moves_values {
        radius(canvas, right, plan);
    }
}

fn steps(canvas: &mut Canvas<'_>, area: Rect, plan: &Plan) {
    let title = [
        piece(safe!("Plan, computed at #{} ", plan.index), Tone::Title),
        piece("(nothing has been changed yet)", Tone::Dim),
    ];
    let inner = canvas.pane(area, &title, false);
    let room = usize::from(inner.height);
    let shown = if plan.steps.len() > room {
        room.saturating_sub(1)
    } else {
        plan.steps.len()
    };
    let subjects = plan
        .steps
        .iter()
        .map(|step| step.subject.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(8, 28);
    for (row, step) in (0..inner.height).zip(&plan.steps[..shown]) {
        let (sign, word, tone) = action(step.action());
        let subject = crate::tui::widgets::SafeText::new(&step.subject).cut_middle(28, canvas.glyphs.more);
        let pieces = [
            piece(safe!("{sign} {word:<8} "), tone),
            piece(safe!("{:<subjects$} ", subject.as_str()), Tone::Strong),
            plain(&step.detail),
        ];
        canvas.line(inner.x + 1, inner.y + row, inner.width.saturating_sub(1), &pieces);
    }
    if shown < plan.steps.len() && room > 0 {
        let text = safe!("+{} more steps", plan.steps.len() - shown);
        canvas.text(inner.x + 1, inner.bottom() - 1, inner.width, text, Tone::Dim);
    }
}

fn checks(canvas: &mut Canvas<'_>, area: Rect, plan: &Plan) {
    let inner = canvas.pane(area, &titled("Checks"), false);
    let mut y = inner.y;
    for check in &plan.checks {
        if y >= inner.bottom() {
            break;
        }
        let mark = match check.level() {
            CheckLevel::Blocked => piece("STOP  ", Tone::Bad),
            CheckLevel::Warn => piece("WARN  ", Tone::Warn),
            CheckLevel::Ok | CheckLevel::Unspecified => piece("ok    ", Tone::Accent),
        };
        canvas.line(inner.x + 1, y, inner.width.saturating_sub(1), &[mark]);
        let text = Rect {
            x: inner.x + 1 + CHECK,
            y,
            width: inner.width.saturating_sub(CHECK + 2),
            height: inner.bottom() - y,
        };
        y += canvas.paragraph(text, check.text.as_str(), Tone::Plain).max(1);
    }
}

/// Names on one line, shortened to how many there are when they are too many.
fn hosts(names: &[String], width: usize) -> String {
    let line = names.join(" ");
    match (names.len(), wrap(&line, width).len()) {
        (0, _) => "-".to_owned(),
        (_, 1) => line,
        (count, _) => format!("{count} nodes"),
    }
}

fn radius(canvas: &mut Canvas<'_>, area: Rect, plan: &Plan) {
    let inner = canvas.pane(area, &titled("Blast radius"), false);
    let width = usize::from(inner.width.saturating_sub(18));
    let lines: [(&str, &[String], Tone); 3] = [
        ("old bytes leave", &plan.leaves, Tone::Plain),
        ("old bytes stay", &plan.stays, Tone::Warn),
        ("new bytes come", &plan.arrives, Tone::Plain),
    ];
    for (row, (name, names, tone)) in (0..inner.height).zip(lines) {
        let mut pieces: Vec<Piece> = vec![piece(safe!("{name:<16}"), Tone::Dim)];
        let tone = if names.is_empty() { Tone::Dim } else { tone };
        let mark = if tone == Tone::Warn { " !" } else { "" };
        pieces.push(piece(safe!("{}{mark}", hosts(names, width)), tone));
        canvas.line(inner.x + 1, inner.y + row, inner.width.saturating_sub(1), &pieces);
    }
}
