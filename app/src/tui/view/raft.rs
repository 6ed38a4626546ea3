//! Consensus made visible: members, how far each log reaches, terms and elections, the last entries by kind.

use ratatui::layout::Rect;

use super::{columns, empty, list_pane, rows, state_piece, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::managers::{LAG_NOTED, Manager, elections, managers};
use crate::tui::model::facts::{time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let count = u16::try_from(managers(&model.cluster).len()).unwrap_or(7).clamp(1, 7);
    let rest = area.height.saturating_sub(count * 2 + 5);
    let known = u16::try_from(elections(&model.cluster).len()).unwrap_or(u16::MAX);
    let terms_height = known.saturating_add(2).clamp(3, (rest / 2).clamp(3, 10));
    let bands = rows(
        area,
        &[count + 3, count + 2, terms_height, rest.saturating_sub(terms_height)],
    );
    members(canvas, bands[0], model);
    log_bars(canvas, bands[1], model);
    if area.width >= super::WIDE {
        let (left, right) = columns(
            Rect {
                height: bands[2].height + bands[3].height,
                ..bands[2]
            },
            area.width / 2,
        );
        let parts = rows(left, &[count + 3, left.height]);
        stores(canvas, parts[0], model);
        terms(canvas, parts[1], model);
        entries(canvas, right, model);
    } else {
        terms(canvas, bands[2], model);
        entries(canvas, bands[3], model);
    }
}

pub fn members(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 10] = [
        column("NODE", 9).grow(1),
        column("ROLE", 9),
        column("REACH", 7).drop(1),
        column("TERM", 4).right(),
        column("VOTED", 9).drop(2),
        column("FIRST..LAST", 12),
        column("COMMIT", 6).right(),
        column("APPLIED", 7).right(),
        column("MATCH", 7).right().drop(3),
        column("LAG", 5).right(),
    ];
    let view = &model.cluster;
    let found = managers(view);
    list_pane(
        canvas,
        area,
        model,
        (ListId::Managers, &titled("Members")),
        &COLUMNS,
        |key| {
            let manager = found.iter().find(|manager| manager.node.id == key)?;
            let lag = if manager.lag >= LAG_NOTED {
                safe!("{}!", manager.lag)
            } else {
                safe!("{}", manager.lag)
            };
            let Some(status) = manager.status else {
                return Some(vec![
                    plain(&manager.node.hostname),
                    empty(),
                    state_piece(manager.reach()),
                ]);
            };
            Some(vec![
                plain(&manager.node.hostname),
                if manager.leads() {
                    piece("LEADER", Tone::Accent)
                } else {
                    plain(&status.role)
                },
                state_piece(manager.reach()),
                plain(safe!("{}", status.term)),
                plain(if status.voted_for.is_empty() {
                    "-"
                } else {
                    view.hostname(&status.voted_for)
                }),
                plain(safe!("{}..{}", status.first_index, status.last_index)),
                plain(safe!("{}", status.committed)),
                plain(safe!("{}", status.applied)),
                manager.matched.map_or_else(empty, |matched| plain(safe!("{matched}"))),
                piece(
                    lag,
                    if manager.lag >= LAG_NOTED {
                        Tone::Warn
                    } else {
                        Tone::Plain
                    },
                ),
            ])
        },
    );
}

/// One bar per manager: what is in its log of all that the leader has, from the oldest entry anybody keeps.
fn log_bars(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let found = managers(&model.cluster);
    let committed = model.cluster.leader().map_or(0, |leader| leader.committed);
    let inner = canvas.pane(
        area,
        &titled(safe!("Log, index {} (commit {committed})", canvas.glyphs.arrow)),
        false,
    );
    let statuses = || found.iter().filter_map(|manager| manager.status);
    let first = statuses().map(|status| status.first_index).min().unwrap_or(0);
    let last = statuses().map(|status| status.last_index).max().unwrap_or(0);
    for (row, manager) in (0..inner.height).zip(&found) {
        let y = inner.y + row;
        let Some(status) = manager.status else {
            canvas.text(
                inner.x + 1,
                y,
                inner.width,
                safe!("{:<8} unknown", manager.node.hostname),
                Tone::Dim,
            );
            continue;
        };
        let has = manager.matched.unwrap_or(status.last_index);
        let start = safe!("{:<8} snap {:<7} ", manager.node.hostname, status.snapshot_index);
        let end = if manager.lag > 0 {
            safe!(" -{}", manager.lag)
        } else {
            safe!(" {has} of {last}")
        };
        let width = usize::from(inner.width).saturating_sub(start.width() + 20);
        let whole = last.saturating_sub(first).saturating_add(1);
        let filled = bar(
            &canvas.glyphs,
            has.saturating_add(1).saturating_sub(first),
            whole,
            width,
        );
        let tone = if manager.leads() { Tone::Accent } else { Tone::Plain };
        canvas.line(
            inner.x + 1,
            y,
            inner.width.saturating_sub(1),
            &[plain(start), piece(filled, tone), plain(end)],
        );
    }
}

/// Newest term on top, with how long it lasted and how long nobody led before it.
fn terms(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let inner = canvas.pane(area, &titled("Terms"), false);
    let view = &model.cluster;
    let elections = elections(view);
    if elections.is_empty() {
        canvas.text(inner.x + 1, inner.y, inner.width, "no election known", Tone::Dim);
    }
    let ends = elections
        .iter()
        .skip(1)
        .map(|election| election.at_ms)
        .chain([model.now_ms]);
    let lasted: Vec<i64> = elections
        .iter()
        .zip(ends)
        .map(|(election, end)| end.saturating_sub(election.at_ms).max(0))
        .collect();
    let longest = lasted.iter().copied().max().unwrap_or(0);
    let width = usize::from(inner.width).saturating_sub(52).clamp(8, 40);
    for (row, (at, election)) in (0..inner.height).zip(elections.iter().enumerate().rev()) {
        let now = at + 1 == elections.len();
        let share = |length: i64| u64::try_from(length).unwrap_or(0);
        let line = bar(&canvas.glyphs, share(lasted[at]).max(1), share(longest).max(1), width);
        let gap = if election.gap_ms == 0 {
            String::new()
        } else {
            format!("  {} without a leader", time::precise(election.gap_ms))
        };
        let pieces = [
            piece(
                safe!("t{:<4} {:<8} ", election.term, view.hostname(&election.leader)),
                if now { Tone::Accent } else { Tone::Plain },
            ),
            piece(line, Tone::Dim),
            plain(safe!(
                " {:>4}{}",
                time::span(lasted[at]),
                if now { " now" } else { "    " }
            )),
            piece(gap, Tone::Dim),
        ];
        canvas.line(inner.x + 1, inner.y + row, inner.width.saturating_sub(1), &pieces);
    }
}

/// The encrypted store of each manager.
fn stores(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 6] = [
        column("STORE", 8).grow(1),
        column("SEGMENTS", 8).right(),
        column("SIZE", 7).right(),
        column("FSYNC50", 8).right(),
        column("FSYNC99", 8).right(),
        column("DIGEST", 8),
    ];
    let micros = |micros: u64| {
        if micros < 1000 {
            safe!("{micros}us")
        } else {
            safe!("{}ms", micros / 1000)
        }
    };
    let row = |manager: &Manager<'_>| {
        let log = manager.status.and_then(|status| status.log.as_ref());
        let cell = |text: Option<crate::tui::widgets::SafeText>| text.map_or_else(empty, plain);
        vec![
            plain(&manager.node.hostname),
            cell(log.map(|log| safe!("{}", log.segments))),
            cell(log.map(|log| words::size(log.bytes).into())),
            cell(log.map(|log| micros(log.fsync_p50_us))),
            cell(log.map(|log| micros(log.fsync_p99_us))),
            cell(
                manager
                    .status
                    .map(|status| &status.digest)
                    .filter(|digest| !digest.is_empty())
                    .map(Into::into),
            ),
        ]
    };
    let inner = canvas.pane(area, &titled("Stores (encrypted at rest)"), false);
    fixed_table(canvas, inner, &COLUMNS, &managers(&model.cluster), row);
}

pub fn entries(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 5] = [
        column("INDEX", 7).right(),
        column("TIME", 11),
        column("ACTION", 16),
        column("OBJECT", 14).grow(1),
        column("ACTOR", 12).grow(1).drop(1),
    ];
    let title = titled("Last entries (kind only, never bytes of a value)");
    list_pane(canvas, area, model, (ListId::Entries, &title), &COLUMNS, |key| {
        let record = model.cluster.audit.get(&key.parse().ok()?)?;
        Some(vec![
            plain(safe!("{}", record.index)),
            piece(time::moment(model.now_ms, record.at_ms), Tone::Dim),
            plain(&record.action),
            plain(words::with_hostnames(&model.cluster, &record.object)),
            plain(words::with_hostnames(&model.cluster, &record.actor)),
        ])
    });
}
