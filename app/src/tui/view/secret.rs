//! One secret: its versions on a line of time, who has which in memory now, and who may.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::layout::Rect;
use wardroom_api::v1::{Holding, Secret, Version, VersionState};

use super::{WIDE, columns, list_pane, rows, services, state_piece, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::{secrets, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::{Glyphs, Tone};
use crate::tui::widgets::bars::span;
use crate::tui::widgets::table::fixed_table;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, id: &str) {
    let Some(secret) = model.cluster.secrets.get(id) else {
        canvas.text(
            area.x + 2,
            area.y + 1,
            area.width - 2,
            "this secret is gone; esc goes back",
            Tone::Dim,
        );
        return;
    };
    let grants = secrets::grants(&model.cluster, id).count();
    let height = |count: usize, most: u16| u16::try_from(count).unwrap_or(most).clamp(1, most) + 3;
    let versions_height = height(secret.versions.len(), (area.height / 6).max(3));
    if area.width >= WIDE {
        let head_height = 3 + u16::from(policy_line(model, secret).is_some());
        let bands = rows(area, &[head_height, area.height - head_height]);
        head(canvas, bands[0], model, secret);
        let (left, right) = columns(bands[1], area.width / 2);
        let parts = rows(left, &[left.height / 2, left.height - left.height / 2]);
        versions(canvas, parts[0], model);
        services::grant_list(canvas, parts[1], model, ListId::SecretGrants);
        holders(canvas, right, model);
        return;
    }
    // Who holds it is what the screen is for: the other panes leave it the room.
    let grants_height = height(grants, 2);
    let policy = policy_line(model, secret);
    let top = 1 + u16::from(policy.is_some());
    let holders_height = area.height.saturating_sub(top + versions_height + grants_height);
    let bands = rows(area, &[top, versions_height, holders_height, grants_height]);
    let target = piece(
        safe!("{} {}  ", canvas.glyphs.arrow, secrets::target(&model.cluster, secret)),
        Tone::Title,
    );
    let line: Vec<Piece> = std::iter::once(target).chain(facts_line(model, secret)).collect();
    canvas.line(area.x + 1, area.y, area.width - 1, &line);
    if let Some(policy) = policy {
        canvas.line(area.x + 1, area.y + 1, area.width - 1, &policy);
    }
    versions(canvas, bands[1], model);
    holders(canvas, bands[2], model);
    services::grant_list(canvas, bands[3], model, ListId::SecretGrants);
}

fn head(canvas: &mut Canvas<'_>, area: Rect, model: &Model, secret: &Secret) {
    let view = &model.cluster;
    let title = safe!(
        "{} {} {}",
        secret.name,
        canvas.glyphs.arrow,
        secrets::target(view, secret)
    );
    let inner = canvas.pane(area, &titled(title), false);
    canvas.line(
        inner.x + 1,
        inner.y,
        inner.width.saturating_sub(1),
        &facts_line(model, secret),
    );
    if let Some(policy) = policy_line(model, secret) {
        canvas.line(inner.x + 1, inner.y + 1, inner.width.saturating_sub(1), &policy);
    }
}

/// Template, what is kept, and who makes the next value when; `None` where nothing of it is set.
fn policy_line(model: &Model, secret: &Secret) -> Option<Vec<Piece>> {
    let mut parts = Vec::new();
    if !secret.template_driver.is_empty() {
        parts.push(format!("template {}", secret.template_driver));
    }
    if secret.keep_ms > 0 {
        let span = time::span(i64::try_from(secret.keep_ms).unwrap_or(i64::MAX));
        parts.push(format!("keeps {} versions for {span}", secret.keep_versions));
    }
    parts.extend(secrets::next_value(secret, model.now_ms));
    // What went wrong stands where it is seen on a narrow screen, too.
    let mut pieces = Vec::new();
    if !secret.schedule_error.is_empty() {
        let ago = time::age(model.now_ms, secret.schedule_error_at_ms);
        pieces.push(piece(
            safe!("FAILED {ago} ago: {} !  ", secret.schedule_error),
            Tone::Warn,
        ));
    }
    if !parts.is_empty() {
        pieces.push(plain(parts.join("  ")));
    }
    (!pieces.is_empty()).then_some(pieces)
}

fn facts_line(model: &Model, secret: &Secret) -> Vec<Piece> {
    let state = secrets::state(&model.cluster, secret, model.now_ms);
    let policy = if secret.max_age_ms == 0 {
        "no policy".to_owned()
    } else {
        format!(
            "policy {}",
            time::span(i64::try_from(secret.max_age_ms).unwrap_or(i64::MAX))
        )
    };
    let current = secret.current_version().map_or_else(
        || safe!("no current version"),
        |version| {
            let key = if version.key_check.is_empty() {
                "-"
            } else {
                &version.key_check
            };
            safe!(
                "current v{}  {} B  {policy}  by {}  data key {key}",
                version.number,
                version.size,
                version.created_by
            )
        },
    );
    vec![state_piece(state.word()), plain("  "), plain(current)]
}

/// Where a version's line ends: when it stopped being current.
fn ended(version: &Version) -> Option<i64> {
    (version.state() != VersionState::Current).then_some(version.state_since_ms)
}

fn version_row(glyphs: &Glyphs, model: &Model, secret: &Secret, version: &Version, width: usize) -> Vec<Piece> {
    let current = version.state() == VersionState::Current;
    let owed = secrets::owed(&model.cluster, &secret.id, Some(version.number)).count();
    let line = span(
        glyphs,
        (secret.created_at_ms, model.now_ms),
        version.created_at_ms,
        ended(version),
        width,
    );
    let note = if owed > 0 {
        piece(safe!("{} owed !", words::count(owed, "receipt")), Tone::Warn)
    } else {
        match version.state() {
            VersionState::Current => plain(safe!(
                "{}, {}",
                time::age(model.now_ms, version.created_at_ms),
                version.created_by
            )),
            state => piece(
                safe!("{} {}", words::version_state(state), time::day(version.state_since_ms)),
                Tone::Dim,
            ),
        }
    };
    let tone = if current { Tone::Accent } else { Tone::Plain };
    vec![
        piece(safe!("v{}", version.number), tone),
        piece(words::version_state(version.state()), tone),
        piece(line, if current { Tone::Accent } else { Tone::Dim }),
        plain(words::size(version.size.into())),
        note,
    ]
}

pub fn versions(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(secret) = subject(model) else { return };
    let note = 22.min(area.width / 4).max(14);
    let width = area.width.saturating_sub(2 + 2 + 4 + 10 + 5 + note + 5);
    let shown = [
        column("VER", 4),
        column("STATE", 10),
        column("LIFE", width),
        column("SIZE", 5).right(),
        column("NOTE", note),
    ];
    let title = [
        piece("Versions ", Tone::Title),
        piece(
            safe!(
                "{} {} {}",
                time::day(secret.created_at_ms),
                canvas.glyphs.arrow,
                time::day(model.now_ms)
            ),
            Tone::Dim,
        ),
    ];
    let glyphs = canvas.glyphs;
    list_pane(canvas, area, model, (ListId::Versions, &title), &shown, |key| {
        let number: u32 = key.parse().ok()?;
        let version = secret.versions.iter().find(|version| version.number == number)?;
        Some(version_row(&glyphs, model, secret, version, usize::from(width)))
    });
}

/// The secret that the place is about.
fn subject(model: &Model) -> Option<&Secret> {
    match model.place() {
        crate::tui::model::place::Place::Secret(id) => model.cluster.secrets.get(id),
        _ => None,
    }
}

/// `v3 1 node  v4 2 nodes`: versions in memory and on how many nodes.
fn held_words(model: &Model, secret_id: &str) -> String {
    let mut held: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for holding in model
        .cluster
        .holdings_of_secret(secret_id)
        .filter(|holding| secrets::is_in_memory(holding))
    {
        held.entry(holding.version).or_default().insert(&holding.node_id);
    }
    let words: Vec<String> = held
        .iter()
        .map(|(version, nodes)| format!("v{version} {}", words::count(nodes.len(), "node")))
        .collect();
    if words.is_empty() {
        "nobody".to_owned()
    } else {
        words.join("  ")
    }
}

const HOLDERS: [Column; 7] = [
    column("NODE", 9).grow(1),
    column("VER", 4),
    column("STATE", 12),
    column("TASK", 10).grow(1),
    column("TARGET", 10).grow(1).drop(2),
    column("SINCE", 11),
    column("PROOF", 6),
];

fn holder_row(model: &Model, holding: &Holding) -> Vec<Piece> {
    let view = &model.cluster;
    let down = view
        .nodes
        .get(&holding.node_id)
        .is_some_and(|node| words::node_state(node) == "DOWN !");
    let state = words::holding_state(holding.state(), holding.owed);
    let proof = match (holding.proven, down) {
        (_, true) => piece("DOWN !", Tone::Warn),
        (true, false) => piece("proved", Tone::Accent),
        (false, false) => piece("-", Tone::Dim),
    };
    vec![
        plain(view.hostname(&holding.node_id)),
        plain(safe!("v{}", holding.version)),
        piece(
            state,
            if state == "erased" {
                Tone::Dim
            } else {
                super::state_tone(state)
            },
        ),
        plain(words::with_hostnames(view, &holding.task_name)),
        piece(&holding.target, Tone::Dim),
        plain(time::moment(model.now_ms, holding.since_ms)),
        proof,
    ]
}

pub fn holders(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(secret) = subject(model) else { return };
    let title = [
        piece("In memory right now: ", Tone::Title),
        plain(held_words(model, &secret.id)),
    ];
    list_pane(canvas, area, model, (ListId::Holders, &title), &HOLDERS, |key| {
        Some(holder_row(model, model.cluster.holdings.get(key)?))
    });
}

/// What stands beside the list on wide terminals.
pub fn summary(canvas: &mut Canvas<'_>, area: Rect, model: &Model, secret: &Secret) {
    let count = u16::try_from(secret.versions.len()).unwrap_or(6).clamp(1, 6);
    let top = 3 + u16::from(policy_line(model, secret).is_some());
    let bands = rows(area, &[top, count + 3, area.height.saturating_sub(count + 3 + top)]);
    head(canvas, bands[0], model, secret);
    let inner = canvas.pane(bands[1], &titled("Versions"), false);
    let width = inner.width.saturating_sub(4 + 10 + 5 + 20 + 5);
    let shown = [
        column("VER", 4),
        column("STATE", 10),
        column("LIFE", width),
        column("SIZE", 5).right(),
        column("NOTE", 20),
    ];
    let newest: Vec<&Version> = secret.versions.iter().rev().take(usize::from(count)).collect();
    let glyphs = canvas.glyphs;
    fixed_table(canvas, inner, &shown, &newest, |version| {
        version_row(&glyphs, model, secret, version, usize::from(width))
    });
    let title = [
        piece("In memory right now: ", Tone::Title),
        plain(held_words(model, &secret.id)),
    ];
    let inner = canvas.pane(bands[2], &title, false);
    let mut holdings: Vec<&Holding> = model.cluster.holdings_of_secret(&secret.id).collect();
    holdings.sort_by_key(|holding| {
        (
            !secrets::is_in_memory(holding),
            std::cmp::Reverse(holding.version),
            &holding.task_name,
        )
    });
    fixed_table(canvas, inner, &HOLDERS, &holdings, |holding| holder_row(model, holding));
}
