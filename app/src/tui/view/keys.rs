//! Which key protects which? The unlock key (KEK) over the managers' DEKs, the data keys of the versions, certificates.
//! Names, epochs, ages and check values only: key bytes never reach a client.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use wardroom_api::v1::KeyStatus;

use super::{columns, empty, facts, list_pane, rows, titled};
use crate::tui::model::Model;
use crate::tui::model::facts::managers::managers;
use crate::tui::model::facts::trust::is_expiring;
use crate::tui::model::facts::{members, time, words};
use crate::tui::model::list::ListId;
use crate::tui::theme::Tone;
use crate::tui::widgets::bars::bar;
use crate::tui::widgets::{Canvas, Column, Piece, column, piece, plain, safe};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let found = managers(&model.cluster);
    let top = u16::try_from(found.len())
        .unwrap_or(7)
        .saturating_add(5)
        .clamp(8, area.height / 2);
    let bands = rows(area, &[top, area.height.saturating_sub(top)]);
    let (left, right) = columns(bands[0], area.width / 2);
    hierarchy(canvas, left, model);
    kek(canvas, right, model);
    certificates(canvas, bands[1], model);
}

/// The managers' word about their keys, with their names.
fn statuses(model: &Model) -> Vec<(String, &KeyStatus)> {
    let found = managers(&model.cluster);
    found
        .iter()
        .filter_map(|manager| Some((manager.node.hostname.clone(), manager.status?.keys.as_ref()?)))
        .collect()
}

fn hierarchy(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let inner = canvas.pane(area, &titled("Hierarchy"), false);
    let keys = statuses(model);
    let epoch = keys.iter().map(|(_, keys)| keys.kek_epoch).max().unwrap_or(0);
    let mut lines: Vec<Vec<Piece>> = vec![vec![piece(safe!("KEK #{epoch} (unlock key)  ACTIVE"), Tone::Strong)]];
    let count = keys.len();
    let longest = keys
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(7);
    for (at, (name, keys)) in keys.iter().enumerate() {
        let branch = if at + 1 == count {
            canvas.glyphs.last_branch
        } else {
            canvas.glyphs.branch
        };
        let age = time::age(model.now_ms, keys.dek_created_at_ms);
        let log = if area.width >= 60 {
            format!("log, snapshots, {} records", keys.dek_records)
        } else if longest <= 7 {
            "log,snaps".to_owned()
        } else {
            String::new()
        };
        lines.push(vec![
            plain(branch),
            plain(safe!("DEK {name:<longest$} gen {:<3} {age:>3}  {log}", keys.dek_epoch)),
        ]);
    }
    let sealed: Vec<_> = model
        .cluster
        .secrets
        .values()
        .flat_map(|secret| &secret.versions)
        .filter(|version| !version.key_check.is_empty())
        .collect();
    let sealing = model
        .cluster
        .cluster
        .as_ref()
        .map_or("-", |cluster| cluster.sealing_root_check.as_str());
    lines.push(vec![plain(safe!("sealing root  check {sealing}"))]);
    lines.push(vec![
        plain(canvas.glyphs.last_branch),
        plain(safe!("data keys x{}  seal the versions", sealed.len())),
    ]);
    for (row, line) in (0..inner.height).zip(&lines) {
        canvas.line(inner.x + 1, inner.y + row, inner.width.saturating_sub(1), line);
    }
}

fn kek(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let keys = statuses(model);
    let epoch = keys.iter().map(|(_, keys)| keys.kek_epoch).max().unwrap_or(0);
    let inner = canvas.pane(area, &titled(safe!("KEK #{epoch}")), false);
    let autolock = model.cluster.cluster.as_ref().is_some_and(|cluster| cluster.autolock);
    let checks: BTreeSet<&str> = keys.iter().map(|(_, keys)| keys.kek_check.as_str()).collect();
    let check = match (checks.len(), checks.first()) {
        (0, _) => plain("no manager has said"),
        (1, Some(check)) => plain(safe!("{check} on {}/{}", keys.len(), managers(&model.cluster).len())),
        // Without autolock there is no unlock key that all share: each disk has its own.
        (values, _) if !autolock => plain(words::count(values, "key") + ", each disk its own"),
        (values, _) => piece(safe!("{values} different values !"), Tone::Bad),
    };
    let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    let locked = keys.iter().filter(|(_, keys)| keys.memory_locked).count();
    let lines = [
        (
            "state",
            plain(safe!("active, autolock {}", if autolock { "ON" } else { "off" })),
        ),
        ("wraps", plain(words::count(keys.len(), "DEK"))),
        ("present", plain(names.join(" "))),
        ("check", check),
        ("memory", plain(safe!("key pages locked on {locked}/{}", keys.len()))),
        (
            "stored",
            if autolock {
                plain("never")
            } else {
                piece("on disk, autolock is off", Tone::Dim)
            },
        ),
    ];
    facts(canvas, inner, &lines);
}

/// One certificate's line: whose it is, how long it lasts, which root it hangs on.
struct Certificate<'a> {
    name: &'a str,
    kind: &'a str,
    life: (i64, i64),
    fingerprint: &'a str,
    issuer: &'a str,
}

fn certificate<'a>(model: &'a Model, key: &str) -> Option<Certificate<'a>> {
    let view = &model.cluster;
    if key == "root" {
        let cluster = view.cluster.as_ref()?;
        return Some(Certificate {
            name: "root CA",
            kind: "ca",
            life: (cluster.created_at_ms, cluster.root_not_after_ms),
            fingerprint: &cluster.root_fingerprint,
            issuer: "",
        });
    }
    if let Some(operator) = view.operators.get(key) {
        return Some(Certificate {
            name: &operator.name,
            kind: members::operator_role(operator),
            life: (operator.certificate_not_before_ms, operator.certificate_not_after_ms),
            fingerprint: &operator.certificate_fingerprint,
            issuer: &operator.certificate_issuer,
        });
    }
    let node = view.nodes.get(key)?;
    Some(Certificate {
        name: &node.hostname,
        kind: words::role(node.role()),
        life: (node.certificate_not_before_ms, node.certificate_not_after_ms),
        fingerprint: &node.certificate_fingerprint,
        issuer: &node.certificate_issuer,
    })
}

/// How many certificates hang on older roots, for the title.
fn retiring(model: &Model) -> Vec<Piece> {
    let mut title = titled("Certificates, soonest first");
    let remaining = model
        .cluster
        .cluster
        .as_ref()
        .map_or(0, members::remaining_on_older_roots);
    if remaining > 0 {
        title.push(piece(safe!("  {remaining} still on an older root !"), Tone::Warn));
    }
    title
}

pub fn certificates(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    const COLUMNS: [Column; 7] = [
        column("NAME", 9).grow(1),
        column("KIND", 8),
        column("NOT AFTER", 16).drop(1),
        column("LEFT", 9).right(),
        column("LIFE LEFT", 18).drop(2),
        column("ROOT", 7).drop(3),
        column("FINGERPRINT", 12).grow(1).drop(4),
    ];
    let glyphs = canvas.glyphs;
    let title = retiring(model);
    list_pane(canvas, area, model, (ListId::Certificates, &title), &COLUMNS, |key| {
        let shown = certificate(model, key)?;
        let (from, until) = shown.life;
        let expiring = is_expiring(model.now_ms, from, until);
        let left = time::left(model.now_ms, until);
        let whole = u64::try_from(until.saturating_sub(from)).unwrap_or(0);
        let rest = u64::try_from(until.saturating_sub(model.now_ms)).unwrap_or(0);
        Some(vec![
            plain(shown.name),
            plain(shown.kind),
            plain(time::date(until)),
            if expiring {
                piece(safe!("{left} !"), Tone::Warn)
            } else {
                plain(left)
            },
            piece(
                safe!("[{}]", bar(&glyphs, rest, whole, 16)),
                if expiring { Tone::Warn } else { Tone::Dim },
            ),
            match shown.issuer {
                "" => empty(),
                issuer if members::hangs_on_older_root(&model.cluster, issuer) => piece("older !", Tone::Warn),
                _ => piece("current", Tone::Dim),
            },
            piece(shown.fingerprint, Tone::Dim),
        ])
    });
}
