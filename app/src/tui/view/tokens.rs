//! The box of the join tokens: how old, how often used, what a machine has to be told; a token itself only while its
//! seconds run down, drawn byte by byte so that no copy of it stays behind.

use ratatui::layout::Rect;
use wardroom_api::v1::Role;

use super::overlay::boxed;
use crate::tui::model::Model;
use crate::tui::model::facts::{members, time, words};
use crate::tui::model::tokens::{Stage, TokenText, Tokens};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Piece, piece, plain, safe};
use crate::tui::wizard::role_word;

/// Widest useful box: a token and the frame around it.
const WIDTH: u16 = 94;
const HEIGHT: u16 = 13;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, tokens: &Tokens) {
    let inner = boxed(canvas, area, (WIDTH, HEIGHT), "join tokens");
    let (x, width) = (inner.x + 1, inner.width.saturating_sub(2));
    for (y, role) in (inner.y..inner.bottom()).zip([Role::Worker, Role::Manager]) {
        let chosen = role == tokens.role;
        let mark = if chosen { canvas.glyphs.selected } else { ' ' };
        let mut pieces = vec![plain(safe!("{mark} {:<9}", role_word(role)))];
        pieces.extend(facts(model, role));
        canvas.line(x, y, width, &pieces);
        if chosen {
            let row = Rect { y, height: 1, ..inner };
            canvas.restyle(row, Tone::Selected);
            canvas.cursor = Some((inner.x, y));
        }
    }
    let below = Rect {
        x,
        y: inner.y + 3,
        width,
        height: inner.height.saturating_sub(3),
    };
    match &tokens.stage {
        Stage::Shown {
            token,
            address,
            until_ms,
        } => shown(canvas, below, (token, address), until_ms.saturating_sub(model.now_ms)),
        stage => explained(canvas, below, model, (tokens.role, stage)),
    }
}

/// Age, expiry and uses of the token of that role.
fn facts(model: &Model, role: Role) -> Vec<Piece> {
    let Some(facts) = members::join_token(&model.cluster, role) else {
        return vec![piece("the managers do not tell", Tone::Dim)];
    };
    let expiry = match facts.expires_at_ms {
        0 => plain("never expires  "),
        until if until <= model.now_ms => piece("EXPIRED !      ", Tone::Warn),
        until => plain(safe!(
            "{:<15}",
            format!("expires in {}", time::left(model.now_ms, until))
        )),
    };
    let uses = match facts.max_uses {
        0 => plain(safe!("{}", words::count(facts.uses as usize, "join"))),
        most if facts.uses >= most => piece(safe!("{} of {most} joins, USED UP !", facts.uses), Tone::Warn),
        most => plain(safe!("{} of {most} joins", facts.uses)),
    };
    let age = format!("made {} ago", time::age(model.now_ms, facts.created_at_ms));
    vec![plain(safe!("{age:<14} ")), expiry, uses]
}

/// What to do on the new machine, and what the box is doing.
fn explained(canvas: &mut Canvas<'_>, area: Rect, model: &Model, (role, stage): (Role, &Stage)) {
    let word = role_word(role);
    let address = members::join_address(&model.cluster).unwrap_or("HOST:2377");
    let (text, tone) = match stage {
        Stage::Facts(None) if model.read_only() => {
            (safe!("this session is read-only: tokens are not shown"), Tone::Dim)
        }
        Stage::Facts(None) => (
            safe!("enter shows the {word} token for 30 s, r makes a new one"),
            Tone::Plain,
        ),
        Stage::Facts(Some(words)) => (safe!("{words}"), Tone::Warn),
        Stage::Asking => (
            safe!("whoever sees it can join as a {word}: y shows it for 30 s, esc does not"),
            Tone::Strong,
        ),
        Stage::Waiting(_) | Stage::Shown { .. } => (safe!("asking for the {word} token ..."), Tone::Dim),
    };
    let used = canvas.paragraph(
        Rect {
            height: area.height.min(3),
            ..area
        },
        text,
        tone,
    );
    let lines = [
        piece("on the new machine, with the token in FILE:", Tone::Dim),
        plain(safe!("  wardroom swarm join --token-file FILE {address}")),
        piece("to bring it there without a screen:", Tone::Dim),
        plain(safe!("  wardroom swarm join-token -q {word} > FILE")),
    ];
    for (y, line) in (area.y + used + 1..area.bottom()).zip(lines) {
        canvas.line(area.x, y, area.width, &[line]);
    }
}

fn shown(canvas: &mut Canvas<'_>, area: Rect, (token, address): (&TokenText, &str), left_ms: i64) {
    // Seconds that have begun count, so that it never says 0 while it can still be read.
    let seconds = left_ms.saturating_add(999) / 1000;
    canvas.line(
        area.x,
        area.y,
        area.width,
        &[
            piece(safe!("hidden again in {seconds} s"), Tone::Warn),
            piece("  esc hides it now", Tone::Dim),
        ],
    );
    let lines = token.lines(usize::from(area.width));
    let needed = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    if needed > area.height {
        let text = "too small for the token: enlarge, esc";
        canvas.text(area.x, area.y + 1, area.width, text, Tone::Warn);
        return;
    }
    let mut y = area.y + 2;
    for line in &lines {
        canvas.ascii(area.x, y, area.width, line, Tone::Strong);
        y += 1;
    }
    let note = if lines.len() > 1 {
        "one word: the line breaks are not part of it"
    } else {
        ""
    };
    let command = safe!("wardroom swarm join --token-file FILE {address}");
    for (y, line) in (y..area.bottom()).zip([piece(note, Tone::Dim), plain(""), plain(command)]) {
        canvas.line(area.x, y, area.width, &[line]);
    }
}
