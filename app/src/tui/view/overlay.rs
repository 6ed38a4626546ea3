//! What lies over the screen: palette with suggestions, action menu, and pages of text such as help.

use ratatui::layout::Rect;

use crate::tui::model::Model;
use crate::tui::model::overlay::{Ask, Menu, Overlay, Page, Palette};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, line_input, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    match &model.overlay {
        None | Some(Overlay::Filter(..)) => {}
        Some(Overlay::Palette(palette)) => self::palette(canvas, area, palette),
        Some(Overlay::Menu(menu)) => self::menu(canvas, area, menu),
        Some(Overlay::Why(asked)) => super::why::draw(canvas, area, model, asked),
        Some(Overlay::Ask(ask)) => self::ask(canvas, area, ask),
        Some(Overlay::Tokens(tokens)) => super::tokens::draw(canvas, area, model, tokens),
        Some(Overlay::Page(page) | Overlay::Help(page) | Overlay::Messages(page)) => self::page(canvas, area, page),
    }
}

/// A cleared box of that size in the middle of the area.
pub fn boxed(canvas: &mut Canvas<'_>, area: Rect, (width, height): (u16, u16), title: &str) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    canvas.clear(place);
    canvas.pane(place, &[piece(title, Tone::Title)], true)
}

fn palette(canvas: &mut Canvas<'_>, area: Rect, palette: &Palette) {
    let rows = u16::try_from(palette.suggestions.len()).unwrap_or(8);
    let place = Rect {
        height: (rows + 3).min(area.height),
        ..area
    };
    canvas.clear(place);
    let inner = canvas.pane(place, &[piece("command", Tone::Title)], true);
    let x = canvas.text(inner.x + 1, inner.y, 1, ":", Tone::Key);
    let width = inner.width.saturating_sub(3);
    line_input(canvas, (x, inner.y, width), &palette.input, Tone::Plain, true);
    for (row, suggestion) in (1..inner.height).zip(&palette.suggestions) {
        let y = inner.y + row;
        let chosen = usize::from(row) == palette.selected + 1;
        let command = safe!("{:<28} ", suggestion.line);
        canvas.line(
            inner.x + 2,
            y,
            inner.width.saturating_sub(3),
            &[plain(command), piece(&suggestion.help, Tone::Dim)],
        );
        if chosen {
            canvas.restyle(Rect { y, height: 1, ..inner }, Tone::Selected);
        }
    }
}

fn menu(canvas: &mut Canvas<'_>, area: Rect, menu: &Menu) {
    let keys = menu.items.iter().map(|(_, key, _)| key.chars().count()).max();
    let keys = keys.unwrap_or(0).max(8) + 3;
    let widest = menu
        .items
        .iter()
        .map(|(_, _, help)| help.chars().count() + keys + 5)
        .max()
        .unwrap_or(20);
    let height = u16::try_from(menu.items.len()).unwrap_or(20).saturating_add(2);
    let inner = boxed(canvas, area, (u16::try_from(widest).unwrap_or(60), height), &menu.title);
    for (row, (at, (_, key, help))) in (0..inner.height).zip(menu.items.iter().enumerate()) {
        let y = inner.y + row;
        let pieces = [piece(safe!(" {:<keys$}", format!("<{key}>")), Tone::Key), plain(help)];
        canvas.line(inner.x, y, inner.width, &pieces);
        if at == menu.selected {
            canvas.restyle(Rect { y, height: 1, ..inner }, Tone::Selected);
            canvas.cursor = Some((inner.x, y));
        }
    }
}

fn ask(canvas: &mut Canvas<'_>, area: Rect, ask: &Ask) {
    let lines = ask.lines.iter().map(|line| line.chars().count());
    let widest = lines.chain([ask.title.chars().count() + 4]).max().unwrap_or(20) + 4;
    let height = u16::try_from(ask.lines.len()).unwrap_or(8).saturating_add(2);
    let inner = boxed(canvas, area, (u16::try_from(widest).unwrap_or(60), height), &ask.title);
    for (y, line) in (inner.y..inner.bottom()).zip(&ask.lines) {
        canvas.text(inner.x + 1, y, inner.width.saturating_sub(2), line, Tone::Plain);
    }
}

fn page(canvas: &mut Canvas<'_>, area: Rect, page: &Page) {
    let widest = page.lines.iter().map(|line| line.chars().count()).max().unwrap_or(20);
    let width = u16::try_from(widest.max(page.title.chars().count() + 4).saturating_add(4))
        .unwrap_or(u16::MAX)
        .clamp(40, area.width.max(40));
    let height = u16::try_from(page.lines.len().saturating_add(2))
        .unwrap_or(u16::MAX)
        .max(3);
    let inner = boxed(canvas, area, (width, height), &page.title);
    let height = usize::from(inner.height);
    page.seen.window(None, page.lines.len(), height);
    let top = page.top.min(page.lines.len().saturating_sub(height));
    for (row, line) in (0..inner.height).zip(page.lines.iter().skip(top)) {
        let heading = !line.starts_with(' ') && page.title == "help";
        let tone = if heading { Tone::Title } else { Tone::Plain };
        canvas.text(inner.x + 1, inner.y + row, inner.width.saturating_sub(2), line, tone);
    }
    let below = page.lines.len().saturating_sub(top + height);
    if below > 0 {
        let y = inner.bottom();
        canvas.right(
            inner.x,
            y,
            inner.width.saturating_sub(1),
            &[piece(safe!(" {below} more "), Tone::Dim)],
        );
    }
}
