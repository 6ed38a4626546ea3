//! What tasks write, as it comes: the newest lines, or those that a filter leaves; only the rows in view are built.

use ratatui::layout::Rect;

use crate::tui::model::Model;
use crate::tui::model::facts::{time, words};
use crate::tui::model::list::ListId;
use crate::tui::model::logs::{Line, Logs, Stream};
use crate::tui::model::place::Place;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Piece, SafeText, piece, plain, safe};

/// Columns of a task's name, at most.
const TASK: usize = 18;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(logs) = &model.logs else {
        canvas.pane(area, &[piece("Output", Tone::Title)], false);
        return;
    };
    let inner = canvas.pane(area, &title(model, logs), false);
    let Some(list) = model.list(ListId::Logs) else { return };
    let (x, width) = (inner.x + 1, inner.width.saturating_sub(1));
    if list.keys.is_empty() {
        canvas.text(x, inner.y, width, nothing(logs, list.total), Tone::Dim);
        return;
    }
    let height = usize::from(inner.height);
    let selected = list.position();
    let offset = list.seen.window(selected, list.keys.len(), height);
    let shown = list.keys.iter().enumerate().skip(offset).take(height);
    let lines: Vec<(usize, &Line)> = shown
        .filter_map(|(at, key)| Some((at, logs.get(key.parse().ok()?)?)))
        .collect();
    let one_task = matches!(model.place(), Place::Logs { task: Some(_), .. });
    let column = if one_task {
        0
    } else {
        let names = lines.iter().map(|(_, line)| name(model, line).width());
        names.max().unwrap_or(0).min(TASK)
    };
    for (y, (at, line)) in (inner.y..inner.bottom()).zip(lines) {
        canvas.line(x, y, width, &pieces(model, line, column));
        if selected == Some(at) && logs.paused {
            canvas.restyle(Rect::new(inner.x, y, inner.width, 1), Tone::Selected);
        }
        if selected == Some(at) {
            canvas.cursor = Some((inner.x, y));
        }
    }
}

fn name(model: &Model, line: &Line) -> SafeText {
    SafeText::new(&words::with_hostnames(&model.cluster, &line.task))
}

fn pieces(model: &Model, line: &Line, column: usize) -> Vec<Piece> {
    let mut found = vec![piece(safe!("{} ", time::clock(line.at_ms)), Tone::Dim)];
    if column > 0 {
        let name = name(model, line).cut_middle(column, '~');
        found.push(piece(safe!("{:<column$} ", name.as_str()), Tone::Title));
    }
    if line.lost {
        found.push(piece("(older lines are lost) ", Tone::Warn));
    }
    // Not by colour alone: what went to standard error has a mark.
    if line.error {
        found.push(piece("! ", Tone::Warn));
    } else {
        found.push(plain("  "));
    }
    found.push(plain(&line.text));
    found
}

fn nothing(logs: &Logs, total: usize) -> &'static str {
    match (&logs.stream, total) {
        (_, 1..) => "no line matches the filter; esc clears it",
        (Stream::Open, 0) => "nothing was written yet; lines appear as they come",
        (Stream::Over | Stream::Broken(_), 0) => "no line came",
    }
}

fn title(model: &Model, logs: &Logs) -> Vec<Piece> {
    let mut found = vec![piece("Output  ", Tone::Title)];
    found.push(match (&logs.stream, logs.paused) {
        (Stream::Broken(reason), _) => piece(safe!("BROKEN OFF ! ctrl-r reads on  {reason}"), Tone::Bad),
        (Stream::Over, _) => piece("ended: no more lines will come", Tone::Dim),
        (Stream::Open, true) => piece(
            safe!("held, {} since", words::count_u64(logs.unseen, "new line")),
            Tone::Warn,
        ),
        (Stream::Open, false) => piece("following", Tone::Accent),
    });
    let shown = model.list(ListId::Logs).map_or(0, |list| list.keys.len());
    let dropped = match logs.dropped() {
        0 => String::new(),
        count => format!(", {count} older ones let go"),
    };
    found.push(piece(safe!("  {}{dropped}", words::count(shown, "line")), Tone::Dim));
    found
}
