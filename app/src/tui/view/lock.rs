//! The screen of a manager that waits for its unlock key: who waits for which key, how many shares were given, when the
//! next try is taken, and a field that shows nothing but a length.

use ratatui::layout::Rect;
use wardroom_api::v1::{LockFacts, LockedManager};

use crate::tui::model::facts::{time, words};
use crate::tui::model::lock::Locked;
use crate::tui::model::{Level, Model};
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::{Canvas, Piece, SafeText, piece, plain, safe};

/// Widest useful box.
const WIDTH: u16 = 92;
/// Columns of a label.
const LABEL: usize = 9;
/// From this many rows on there is room for what explains.
const ROOMY: u16 = 14;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, locked: &Locked) {
    let roomy = area.height >= ROOMY;
    let width = area.width.min(WIDTH);
    let waiting = locked.facts.as_ref().map_or(1, |facts| facts.managers.len().max(1));
    let height = u16::try_from(waiting)
        .unwrap_or(u16::MAX)
        .saturating_add(14)
        .min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + area.height.saturating_sub(height) / 3,
        width,
        height: if roomy { height } else { area.height },
    };
    let inner = canvas.pane(place, &[piece("LOCKED !", Tone::Bad)], true);
    let mut page = Page {
        x: inner.x + 1,
        y: inner.y,
        width: inner.width.saturating_sub(2),
        bottom: inner.bottom(),
    };
    // The field and what is said about it come first where nothing else fits.
    let below = if roomy { 9 } else { 3 };
    if roomy {
        let text = "This manager's keys are locked: it serves nothing until it is unlocked.";
        page.paragraph(canvas, text, Tone::Plain);
        page.y += 1;
    }
    let room = page.bottom.saturating_sub(page.y).saturating_sub(below);
    waits(canvas, &mut page, locked, usize::from(room));
    if roomy {
        page.y += 1;
    }
    let before = page.y;
    standing(canvas, &mut page, model, locked);
    if roomy && page.y > before {
        page.y += 1;
    }
    field(canvas, &mut page, locked);
    if roomy {
        page.line(
            canvas,
            &[piece(
                "           the whole key, SWMKEY-1-..., or one share of it, SWMSHARE-1-...",
                Tone::Dim,
            )],
        );
        page.y += 1;
    }
    note(canvas, &mut page, locked);
    if roomy {
        let y = page.bottom.saturating_sub(1);
        if y > page.y {
            let text = "the same on this machine:  wardroom swarm unlock";
            canvas.text(page.x, y, page.width, text, Tone::Dim);
        }
    }
}

/// Lines one below the other, as long as there is room.
struct Page {
    x: u16,
    y: u16,
    width: u16,
    bottom: u16,
}

impl Page {
    fn line(&mut self, canvas: &mut Canvas<'_>, pieces: &[Piece]) {
        if self.y < self.bottom {
            canvas.line(self.x, self.y, self.width, pieces);
            self.y += 1;
        }
    }

    fn paragraph(&mut self, canvas: &mut Canvas<'_>, text: impl Into<SafeText>, tone: Tone) {
        let area = Rect {
            x: self.x,
            y: self.y,
            width: self.width,
            height: self.bottom.saturating_sub(self.y),
        };
        self.y += canvas.paragraph(area, text, tone);
    }
}

/// Who waits, each for the key of its own epoch.
fn waits(canvas: &mut Canvas<'_>, page: &mut Page, locked: &Locked, room: usize) {
    let Some(facts) = &locked.facts else {
        page.line(canvas, &[piece("asking what it waits for ...", Tone::Dim)]);
        return;
    };
    let epoch = |manager: &LockedManager| manager.unlock_key_epoch;
    let first = facts.managers.first().map_or(0, epoch);
    if facts.managers.len() > room && facts.managers.iter().all(|it| epoch(it) == first) {
        let who = words::count(facts.managers.len(), "manager");
        let pieces = [
            piece(safe!("{who} "), Tone::Strong),
            plain(safe!("wait for unlock key {first}")),
        ];
        page.line(canvas, &pieces);
        return;
    }
    let shown = if facts.managers.len() > room {
        room.saturating_sub(1)
    } else {
        facts.managers.len()
    };
    for manager in &facts.managers[..shown] {
        let name = if manager.hostname.is_empty() {
            &manager.node_id
        } else {
            &manager.hostname
        };
        let check = if manager.unlock_key_check.is_empty() {
            String::new()
        } else {
            format!("  check {}", manager.unlock_key_check)
        };
        let pieces = [
            piece(safe!("{name} "), Tone::Strong),
            plain(safe!("waits for unlock key {}", manager.unlock_key_epoch)),
            piece(check, Tone::Dim),
        ];
        page.line(canvas, &pieces);
    }
    if shown < facts.managers.len() {
        page.line(
            canvas,
            &[piece(safe!("+{} more wait", facts.managers.len() - shown), Tone::Dim)],
        );
    }
}

/// Shares given, wrong keys, and when the next try is taken.
fn standing(canvas: &mut Canvas<'_>, page: &mut Page, model: &Model, locked: &Locked) {
    if let Some((have, need)) = locked.shares() {
        let width = if page.width < 60 { 5 } else { 12 };
        let words = if have < need && page.width >= 60 {
            safe!("  {have} of {need} shares, {} to go", need - have)
        } else {
            safe!("  {have} of {need} shares")
        };
        let pieces = [
            piece(safe!("{:<LABEL$}  ", "shares"), Tone::Dim),
            piece(bar(&canvas.glyphs, have.into(), need.into(), width), Tone::Accent),
            plain(words),
        ];
        page.line(canvas, &pieces);
    }
    let wrong = locked.facts.as_ref().map_or(0, |facts: &LockFacts| facts.wrong);
    let wait_ms = locked.until_ms.saturating_sub(model.now_ms);
    // Where lines are few, shares say more than tries that cost nothing now.
    let crowded = page.bottom.saturating_sub(page.y) < 3;
    if wait_ms <= 0 && (wrong == 0 || crowded) {
        return;
    }
    let mut words = format!("{} so far", words::count(wrong as usize, "wrong key"));
    if wait_ms > 0 {
        // Seconds that have begun count. The time itself stays true however long nothing is drawn.
        let length = time::counted(wait_ms.saturating_add(999));
        words = format!(
            "{words}; the next at {} ({length})",
            time::clock(locked.until_ms.saturating_add(999))
        );
    }
    page.line(
        canvas,
        &[
            piece(safe!("{:<LABEL$}  ", "tries"), Tone::Dim),
            piece(words, Tone::Warn),
        ],
    );
}

fn field(canvas: &mut Canvas<'_>, page: &mut Page, locked: &Locked) {
    if page.y >= page.bottom {
        return;
    }
    let shown = match (locked.is_sending(), locked.opened) {
        (true, _) => "(sent, waiting for the answer)".to_owned(),
        (_, true) => "(opened)".to_owned(),
        _ if locked.input.is_empty() => "(empty)".to_owned(),
        _ => locked.input.shown(),
    };
    let pieces = [
        piece(safe!("{} {:<LABEL$}", canvas.glyphs.selected, "key"), Tone::Strong),
        piece("[", Tone::Dim),
        plain(shown),
    ];
    let end = canvas.line(page.x, page.y, page.width.saturating_sub(1), &pieces);
    canvas.text(end, page.y, 1, "]", Tone::Dim);
    canvas.cursor = Some((end, page.y));
    page.y += 1;
}

fn note(canvas: &mut Canvas<'_>, page: &mut Page, locked: &Locked) {
    let Some((level, text)) = &locked.note else { return };
    let (mark, tone) = match level {
        Level::Bad => ("ERROR: ", Tone::Bad),
        Level::Warn => ("! ", Tone::Warn),
        Level::Good => ("ok: ", Tone::Accent),
        Level::Info => ("", Tone::Plain),
    };
    page.paragraph(canvas, safe!("{mark}{text}"), tone);
}
