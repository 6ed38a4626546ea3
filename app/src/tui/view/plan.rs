//! A plan before anything happens: what is made, moved and erased, the checks, whose memory loses and gets which bytes.

use ratatui::layout::Rect;
use wardroom_api::v1::{CheckLevel, Plan, PlanAction};

use super::{columns, rows, titled};
use crate::tui::theme::Tone;
use crate::tui::widgets::canvas::wrap;
use crate::tui::widgets::{Canvas, Piece, SafeText, piece, safe};

/// Columns of a check's mark.
const CHECK: u16 = 6;
/// Columns of an action's sign and word.
const SIGN: usize = 11;

/// What is said about whose memory loses and gets which bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Radius {
    /// Nobody's does.
    None,
    /// One version takes the place of another.
    Versions,
    /// Secrets go where tasks go.
    Files,
}

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
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, plan: &Plan, shown: Radius) {
    let shown = if is_cramped(area, plan) { Radius::None } else { shown };
    let room = if shown == Radius::None {
        area.width
    } else {
        area.width / 2
    };
    let below = below(area, plan, room);
    let parts = rows(area, &[area.height.saturating_sub(below), below]);
    steps(canvas, parts[0], plan);
    let (left, right) = columns(parts[1], room);
    checks(canvas, left, plan);
    if shown != Radius::None {
        radius(canvas, right, plan, shown);
    }
}

/// Rows of the panes below the steps, when the checks have that width.
fn below(area: Rect, plan: &Plan, room: u16) -> u16 {
    let width = usize::from(room.saturating_sub(CHECK + 4));
    let lines: usize = plan.checks.iter().map(|check| wrap(&check.text, width).len()).sum();
    u16::try_from(lines).unwrap_or(6).clamp(3, (area.height / 2).max(3)) + 2
}

/// Whether steps find room only if the checks take the whole width: what is done comes before whose memory it touches.
fn is_cramped(area: Rect, plan: &Plan) -> bool {
    let steps = u16::try_from(plan.steps.len()).unwrap_or(u16::MAX).saturating_add(2);
    let fits = |room| steps.saturating_add(below(area, plan, room)) <= area.height;
    !fits(area.width / 2) && fits(area.width)
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
    let x = inner.x + 1;
    let width = inner.width.saturating_sub(1);
    let before = u16::try_from(SIGN + subjects + 1).unwrap_or(u16::MAX);
    // Rows that no step needs for itself go to the long details, the first of them first.
    let mut spare = room.saturating_sub(plan.steps.len());
    let mut y = inner.y;
    for step in &plan.steps[..shown] {
        let (sign, word, tone) = action(step.action());
        let subject = SafeText::new(&step.subject).cut_middle(28, canvas.glyphs.more);
        let pieces = [
            piece(safe!("{sign} {word:<8} "), tone),
            piece(safe!("{:<subjects$} ", subject.as_str()), Tone::Strong),
        ];
        canvas.line(x, y, width, &pieces);
        for line in detail(&step.detail, usize::from(width.saturating_sub(before + 1)), &mut spare) {
            canvas.text(x + before, y, width.saturating_sub(before), line, Tone::Plain);
            y += 1;
        }
    }
    if shown < plan.steps.len() && room > 0 {
        let text = safe!("+{} more steps", plan.steps.len() - shown);
        canvas.text(x, inner.bottom() - 1, inner.width, text, Tone::Dim);
    }
}

/// The lines of a step's detail: as many as it needs and as there are to spare, the last one with all the rest.
fn detail(text: &str, width: usize, spare: &mut usize) -> Vec<String> {
    let mut lines = wrap(SafeText::new(text).as_str(), width.max(1));
    let most = 1 + *spare;
    if lines.len() > most {
        let rest = lines.split_off(most - 1).join(" ");
        lines.push(rest);
    }
    *spare -= lines.len().saturating_sub(1);
    lines
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

fn radius(canvas: &mut Canvas<'_>, area: Rect, plan: &Plan, shown: Radius) {
    let inner = canvas.pane(area, &titled("Blast radius"), false);
    let width = usize::from(inner.width.saturating_sub(18));
    let words = match shown {
        Radius::Versions => ["old bytes leave", "old bytes stay", "new bytes come"],
        Radius::Files | Radius::None => ["secrets leave", "secrets stay", "secrets come"],
    };
    let lines: [(&str, &[String], Tone); 3] = [
        (words[0], &plan.leaves, Tone::Plain),
        (words[1], &plan.stays, Tone::Warn),
        (words[2], &plan.arrives, Tone::Plain),
    ];
    for (row, (name, names, tone)) in (0..inner.height).zip(lines) {
        let mut pieces: Vec<Piece> = vec![piece(safe!("{name:<16}"), Tone::Dim)];
        let tone = if names.is_empty() { Tone::Dim } else { tone };
        let mark = if tone == Tone::Warn { " !" } else { "" };
        pieces.push(piece(safe!("{}{mark}", hosts(names, width)), tone));
        canvas.line(inner.x + 1, inner.y + row, inner.width.saturating_sub(1), &pieces);
    }
}
