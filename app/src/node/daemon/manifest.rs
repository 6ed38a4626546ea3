//! Whose node is this, and what is it in the middle of? `node.json` says so, with no key in it. It is replaced whole
//! before and after every step that must not be left half done, so that the next start finishes the step or undoes it.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wardroom_ca::Role;

use crate::node::durable;
use crate::report::Report;

/// Name of the manifest in the daemon's directory.
pub const MANIFEST: &str = "node.json";
/// The format this program writes; it reads no newer one.
const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub phase: Phase,
    pub cluster_id: String,
    pub node_id: String,
    /// Of its certificate, which has the last word.
    pub role: NodeRole,
    /// 0 for a worker.
    pub raft_id: u64,
    /// `ip:port` that a manager binds.
    pub listen: String,
    /// `ip:port` at which a manager is reached.
    pub advertise: String,
    /// `host:port` of the managers, as they were last told.
    pub managers: Vec<String>,
    #[serde(default)]
    pub pace: Pace,
    /// Why the node is no longer part of its cluster, with [`Phase::Removed`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What a node is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// A cluster is being made or restored here, and nobody was told that it is: undone by the next start.
    Founding,
    /// The cluster has admitted the node, and its certificate may not be saved: finished if it is, else undone.
    Joining,
    /// Nothing is half done.
    Member,
    /// This manager is becoming the only one of its cluster: finished by the next start.
    Refounding,
    /// It leaves: finished by the next start.
    Leaving,
    /// The cluster has removed it. Its keys are gone; what is left is the reason.
    Removed,
}

/// Raft's clockwork, by what the managers have between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// One data centre.
    #[default]
    Fast,
    /// Slow disks or distant machines.
    Calm,
}

/// A node's role, as the manifest writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeRole {
    Manager,
    Worker,
}

impl NodeRole {
    /// `None` of an operator's role, which is no node's.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::Manager => Some(Self::Manager),
            Role::Worker => Some(Self::Worker),
            Role::Viewer | Role::Operator | Role::Admin => None,
        }
    }
}

impl Manifest {
    /// A node at the beginning of `phase`, with everything else to be filled in.
    pub fn new(phase: Phase, cluster_id: String, node_id: String, role: NodeRole) -> Self {
        Self {
            format: FORMAT,
            phase,
            cluster_id,
            node_id,
            role,
            raft_id: 0,
            listen: String::new(),
            advertise: String::new(),
            managers: Vec::new(),
            pace: Pace::default(),
            reason: String::new(),
        }
    }

    /// The directory's manifest; `None` when there is none.
    pub fn read(dir: &Path) -> Result<Option<Self>, Report> {
        let path = dir.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Report::failure(format!("cannot read {}: {error}", path.display()))
                    .hint("run the daemon as the user who owns its state directory"));
            }
        };
        let damaged = |error: serde_json::Error| damaged(&path, &error.to_string());
        let only: FormatOnly = serde_json::from_slice(&text).map_err(damaged)?;
        if only.format > FORMAT {
            return Err(Report::failure(format!(
                "{} has format {}, which is newer than this wardroom understands ({FORMAT})",
                path.display(),
                only.format
            ))
            .hint("start the wardroom that wrote it, or a newer one"));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(damaged)?;
        manifest.check().map_err(|what| self::damaged(&path, what))?;
        Ok(Some(manifest))
    }

    /// Replaces the directory's manifest; durable on return.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        durable::replace(&dir.join(MANIFEST), &text)
    }

    /// There is no node here any more; durable on return.
    pub fn remove(dir: &Path) -> io::Result<()> {
        durable::forget(&dir.join(MANIFEST))
    }

    fn check(&self) -> Result<(), &'static str> {
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !plain(&self.cluster_id) || !plain(&self.node_id) {
            return Err("it does not name a node");
        }
        if self.role == NodeRole::Manager && self.raft_id == 0 {
            return Err("a manager without a Raft id");
        }
        Ok(())
    }
}

fn damaged(path: &Path, what: &str) -> Report {
    Report::failure(format!("{} is damaged: {what}", path.display()))
        .hint("restore it from a backup of the directory; or move the directory away, start the daemon, and join again")
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            raft_id: 7,
            managers: vec!["192.0.2.1:2377".into()],
            ..Manifest::new(Phase::Member, "c1".into(), "n1".into(), NodeRole::Manager)
        }
    }

    #[test]
    fn what_is_written_is_read_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), None);
        manifest().write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), Some(manifest()));
        Manifest::remove(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_newer_format_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MANIFEST), r#"{"format": 999, "phase": "dreaming"}"#).unwrap();
        let message = Manifest::read(dir.path()).unwrap_err().message;
        assert!(message.contains("999") && message.contains("newer"), "{message}");
    }

    #[test]
    fn damage_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", "{\"format\": 1}", "{\"format\": -1}"] {
            fs::write(dir.path().join(MANIFEST), text).unwrap();
            assert!(Manifest::read(dir.path()).unwrap_err().hint.is_some(), "{text}");
        }
        let nameless = Manifest {
            node_id: "../x".into(),
            ..manifest()
        };
        let without_raft = Manifest {
            raft_id: 0,
            ..manifest()
        };
        for wrong in [nameless, without_raft] {
            wrong.write(dir.path()).unwrap();
            assert!(Manifest::read(dir.path()).is_err());
        }
    }
}
