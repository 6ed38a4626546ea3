//! Which key protects which, and what is being renewed? The tree of keys with the facts about its selected line,
//! certificates by their end, and the changes that every member makes for itself. Names, epochs, ages and check values
//! only: key bytes never reach a client.

use ratatui::layout::Rect;

use super::{WIDE, WIDEST, certificates, columns, key_facts, key_tree, moves, rows};
use crate::tui::model::Model;
use crate::tui::model::list::ListId;
use crate::tui::widgets::Canvas;

/// Rows around the tree's lines: its frame and its headings.
const TREE_FRAME: usize = 3;
/// Rows that the panes below keep at least.
const BELOW: u16 = 7;
/// Rows of facts that are worth their room where there is some.
const FACTS: usize = 14;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let wide = area.width >= WIDE;
    let lines = model.list(ListId::Keys).map_or(0, |list| list.keys.len()) + TREE_FRAME;
    let wanted = if wide { lines.max(FACTS) } else { lines };
    let most = area.height.saturating_sub(BELOW).max(area.height / 2);
    let top = u16::try_from(wanted).unwrap_or(most).min(most);
    let bands = rows(area, &[top, area.height.saturating_sub(top)]);
    // The facts need whole sentences; the tree has short words and gets what is left.
    let (left, right) = columns(bands[0], if wide { area.width * 2 / 3 } else { area.width * 11 / 20 });
    key_tree::list(canvas, left, model);
    key_facts::draw(canvas, right, model);
    if area.width >= WIDEST {
        let (left, rest) = columns(bands[1], area.width * 2 / 5);
        let (middle, right) = columns(rest, rest.width * 3 / 5);
        certificates::list(canvas, left, model);
        moves::list(canvas, middle, model);
        key_facts::latest(canvas, right, model);
    } else if wide {
        let (left, right) = columns(bands[1], area.width / 2);
        certificates::list(canvas, left, model);
        moves::list(canvas, right, model);
    } else if shows_moves(model) {
        moves::list(canvas, bands[1], model);
    } else {
        certificates::list(canvas, bands[1], model);
    }
}

/// Where only one of the two fits: the one that has the keys, otherwise what is under way.
fn shows_moves(model: &Model) -> bool {
    match model.focused() {
        ListId::Moves => true,
        ListId::Certificates => false,
        _ => moves::any_under_way(model),
    }
}
