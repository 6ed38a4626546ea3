//! A change that runs: how far it is, who still has to answer, and where it stands in the audit chain.

use ratatui::layout::Rect;

use crate::tui::model::Model;
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::{Canvas, SafeText, piece, plain, safe};
use crate::tui::wizard::progress::{Line, Verdict, progress};
use crate::tui::wizard::{Task, Wizard};

/// Columns of a line's name, at least.
const NAME: usize = 18;
/// Columns of its bar and its words.
const REST: usize = 58;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, wizard: &Wizard) {
    let found = progress(wizard, &model.cluster);
    let (word, tone) = match found.verdict {
        Verdict::Running => ("under way", Tone::Plain),
        Verdict::Done => ("DONE", Tone::Accent),
        Verdict::Failed => ("FAILED !", Tone::Bad),
    };
    let title = [piece(safe!("{}  ", wizard.task.verb()), Tone::Title), piece(word, tone)];
    let inner = canvas.pane(area, &title, false);
    let (x, width) = (inner.x + 1, inner.width.saturating_sub(2));
    let height = 3.min(inner.height);
    let used = canvas.paragraph(
        Rect {
            x,
            width,
            height,
            ..inner
        },
        found.headline,
        Tone::Strong,
    );
    let mut from = inner.y + used + 1;
    let advice = wizard.task.advice();
    if !advice.is_empty() && found.verdict == Verdict::Running {
        let area = Rect {
            x,
            y: from,
            width,
            height: inner.bottom().saturating_sub(from),
        };
        from += canvas.paragraph(area, advice, Tone::Warn) + 1;
    }
    let mut y = lines(canvas, inner, from, &found.lines) + 1;
    let mut below = |canvas: &mut Canvas<'_>, text: SafeText| {
        if y < inner.bottom() {
            canvas.text(x, y, width, text, Tone::Dim);
            y += 1;
        }
    };
    let index = wizard.accepted.as_ref().map_or(0, |accepted| accepted.index);
    if index > 0 && !matches!(wizard.task, Task::Backup { .. } | Task::StepDown { .. }) {
        let audit = found
            .audit
            .map_or_else(String::new, |sequence| format!(", audit record {sequence}"));
        below(canvas, safe!("committed at #{index}{audit}"));
    }
    if found.verdict == Verdict::Running {
        let screen = wizard.task.seen_on();
        below(
            canvas,
            safe!("you may leave: it goes on by itself, and screen {screen} shows it"),
        );
    }
}

/// One line for each that has to answer, as many as there is room for; returns the row after them.
fn lines(canvas: &mut Canvas<'_>, inner: Rect, from: u16, lines: &[Line]) -> u16 {
    let (x, width) = (inner.x + 1, inner.width.saturating_sub(2));
    // Below them stand an empty row and two with what is known of the change.
    let room = usize::from(inner.bottom().saturating_sub(from).saturating_sub(3));
    let shown = if lines.len() > room {
        room.saturating_sub(1)
    } else {
        lines.len()
    };
    let longest = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let column = longest.min(usize::from(width).saturating_sub(REST)).max(NAME);
    let mut y = from;
    for line in &lines[..shown] {
        let name = SafeText::new(&line.name).cut_middle(column, canvas.glyphs.more);
        let pieces = [
            plain(safe!("{:<column$} ", name.as_str())),
            piece(bar(&canvas.glyphs, line.done, line.total, 20), Tone::Accent),
            plain(safe!("  {}", line.words)),
        ];
        canvas.line(x, y, width, &pieces);
        y += 1;
    }
    if shown < lines.len() && room > 0 {
        let hidden = &lines[shown..];
        let open = hidden.iter().filter(|line| line.done < line.total).count();
        canvas.text(
            x,
            y,
            width,
            safe!("+{} more, {open} of them not done", hidden.len()),
            Tone::Dim,
        );
        y += 1;
    }
    y
}
