//! What stands on the first line? Which cluster this is and by whom it answers, who one is to it, who leads, and how
//! fresh all of it is.

use crate::tui::model::facts::managers::Quorum;
use crate::tui::model::facts::{rotations, time};
use crate::tui::model::{Link, Model};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Piece, piece, plain, safe};

/// A part of the line, and when it may go: the highest goes first, 0 stays.
type Part = (Piece, u8);

pub fn draw(canvas: &mut Canvas<'_>, model: &Model) {
    let area = canvas.area();
    let freshness = freshness(model);
    let right: usize = freshness.iter().map(|piece| piece.text.width()).sum();
    let right = u16::try_from(right).unwrap_or(u16::MAX).min(area.width);
    // The words come closer together where room is short.
    let gap = if area.width < super::WIDE { " " } else { "  " };
    // One column stays free between the two halves.
    let room = (area.width - right).saturating_sub(1);
    let pieces = fit(parts(model, gap), usize::from(room));
    canvas.line(area.x, area.y, room, &pieces);
    canvas.right(area.x, area.y, area.width, &freshness);
}

/// What fits: the program's own name is the first to go, then who answers, who one is, who led before.
fn fit(mut parts: Vec<Part>, room: usize) -> Vec<Piece> {
    let needed = |parts: &[Part]| parts.iter().map(|(piece, _)| piece.text.width()).sum::<usize>();
    for level in (1..=4).rev() {
        if needed(&parts) <= room {
            break;
        }
        parts.retain(|(_, goes)| *goes != level);
    }
    parts.into_iter().map(|(piece, _)| piece).collect()
}

fn parts(model: &Model, gap: &str) -> Vec<Part> {
    let view = &model.cluster;
    let mut parts = vec![(piece(" wardroom", Tone::Title), 4)];
    if let Some(cluster) = &view.cluster {
        parts.push((piece(safe!(" {}", cluster.name), Tone::Strong), 0));
    }
    session(model, &mut parts);
    if !model.staged.is_empty() {
        let words = safe!("{gap}{} staged", model.staged.len());
        parts.push((piece(words, Tone::Warn), 0));
    }
    if view.cluster.is_none() {
        return parts;
    }
    let quorum = Quorum::of(view);
    let holds = quorum.holds();
    let mark = if holds { "" } else { " !" };
    let tone = if holds { Tone::Plain } else { Tone::Bad };
    let words = safe!("{gap}quorum {}/{}{mark}", quorum.answering, quorum.members);
    parts.push((piece(words, tone), 0));
    leader(model, gap, &mut parts);
    let (running, paused) = rotations::under_way(view);
    if paused > 0 {
        parts.push((piece(safe!("{gap}{paused} paused !"), Tone::Warn), 1));
    } else if running > 0 {
        parts.push((piece(safe!("{gap}{running} rotating"), Tone::Accent), 2));
    }
    if let Some(attached) = &model.attached {
        parts.push((piece(safe!("{gap}via {}", view.hostname(attached)), Tone::Dim), 3));
    }
    parts
}

/// `[RW admin:ada]`: what this session may do, and as whom.
fn session(model: &Model, parts: &mut Vec<Part>) {
    let (mode, tone) = if model.read_only() {
        ("READ-ONLY", Tone::Strong)
    } else {
        ("RW", Tone::Plain)
    };
    parts.push((piece(safe!(" [{mode}"), tone), 0));
    if let Some(identity) = model.identity() {
        parts.push((piece(safe!(" {identity}"), tone), 2));
    }
    parts.push((piece("]", tone), 0));
}

/// Who leads; while nobody does, who did.
fn leader(model: &Model, gap: &str, parts: &mut Vec<Part>) {
    let view = &model.cluster;
    if let Some(leader) = view.leader() {
        let words = safe!("{gap}leader {} t{}", view.hostname(&leader.node_id), leader.term);
        parts.push((plain(words), 0));
        return;
    }
    parts.push((piece(safe!("{gap}no leader !"), Tone::Bad), 0));
    if let Some(last) = &model.leadership.last {
        parts.push((piece(safe!(" (was {})", view.hostname(&last.node_id)), Tone::Dim), 1));
    }
}

fn freshness(model: &Model) -> Vec<Piece> {
    let index = model.cluster.index;
    match &model.link {
        _ if model.lock.is_some() => vec![piece("LOCKED ! ", Tone::Bad)],
        Link::Connecting(_) => vec![piece("connecting ... ", Tone::Warn)],
        Link::Live if model.leadership.gone_since_ms.is_some() => {
            vec![piece(
                safe!("as of #{index} {} ", time::minute(model.now_ms)),
                Tone::Warn,
            )]
        }
        Link::Live => {
            vec![
                piece(safe!("#{index} {} ", time::minute(model.now_ms)), Tone::Dim),
                piece("live", Tone::Accent),
            ]
        }
        Link::Stale { since_ms, .. } => {
            vec![
                piece(safe!("#{index} "), Tone::Dim),
                piece(safe!("STALE since {} ", time::clock(*since_ms)), Tone::Bad),
            ]
        }
    }
}
