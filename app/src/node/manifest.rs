//! Which nodes live in this directory? `cluster.json` names them, with no key and no value in it. It is written last
//! when a cluster is founded and replaced whole when it changes, so it is there and complete, or not there.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::beginning::Founding;
use super::durable;
use crate::report::Report;

/// Name of the manifest in a cluster's directory.
pub const MANIFEST: &str = "cluster.json";
/// The format this program writes; it reads no newer one.
const FORMAT: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub cluster_id: String,
    pub name: String,
    pub managers: Vec<ManagerEntry>,
    pub workers: Vec<WorkerEntry>,
    /// What the cluster's first change says; gone once that change is committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founding: Option<Founding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerEntry {
    pub node_id: String,
    /// Also the name of its folder.
    pub hostname: String,
    pub raft_id: u64,
    /// `host:port` on loopback.
    pub address: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerEntry {
    pub node_id: String,
    /// Also the name of its folder.
    pub hostname: String,
}

impl Manifest {
    pub fn new(cluster_id: String, name: String) -> Self {
        Self {
            format: FORMAT,
            cluster_id,
            name,
            managers: Vec::new(),
            workers: Vec::new(),
            founding: None,
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
                    .hint("run this as the user who made the cluster"));
            }
        };
        let damaged = |error: serde_json::Error| {
            Report::failure(format!("{} is damaged: {error}", path.display()))
                .hint("restore it from a backup, or choose another directory with --dir")
        };
        let only: FormatOnly = serde_json::from_slice(&text).map_err(damaged)?;
        if only.format > FORMAT {
            return Err(Report::failure(format!(
                "{} has format {}, which is newer than this wardroom understands ({FORMAT})",
                path.display(),
                only.format
            ))
            .hint("use the wardroom that wrote it or a newer one, or choose another directory with --dir"));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(damaged)?;
        manifest.check(&path)?;
        Ok(Some(manifest))
    }

    /// Folders are made from these names, and Raft ids count managers: neither may surprise.
    fn check(&self, path: &Path) -> Result<(), Report> {
        let managers = self.managers.iter().map(|entry| (&entry.hostname, &entry.node_id));
        let workers = self.workers.iter().map(|entry| (&entry.hostname, &entry.node_id));
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let sound = plain(&self.cluster_id) && managers.chain(workers).all(|(name, id)| plain(name) && plain(id));
        if sound && !self.managers.is_empty() && self.managers.iter().all(|entry| entry.raft_id > 0) {
            return Ok(());
        }
        Err(
            Report::failure(format!("{} does not describe a cluster", path.display()))
                .hint("restore it from a backup, or choose another directory with --dir"),
        )
    }

    /// Replaces the directory's manifest; durable on return.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        durable::replace(&dir.join(MANIFEST), &text)
    }
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
        let mut manifest = Manifest::new("c1".into(), "local".into());
        manifest.managers.push(ManagerEntry {
            node_id: "n1".into(),
            hostname: "manager-1".into(),
            raft_id: 1,
            address: "127.0.0.1:21000".into(),
        });
        manifest
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), None);
        manifest().write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), Some(manifest()));
    }

    #[test]
    fn a_newer_format_is_named() {
        let dir = tempfile::tempdir().unwrap();
        // Fields of a newer format are unknown here; only the number must be understood.
        fs::write(dir.path().join(MANIFEST), r#"{"format": 999, "cells": []}"#).unwrap();
        let message = Manifest::read(dir.path()).unwrap_err().message;
        assert!(message.contains("999") && message.contains("newer"), "{message}");
    }

    #[test]
    fn damage_and_names_that_lead_elsewhere_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", "{\"format\": 1}", "{\"format\": -1}"] {
            fs::write(dir.path().join(MANIFEST), text).unwrap();
            assert!(Manifest::read(dir.path()).is_err(), "{text}");
        }
        let mut wrong = manifest();
        wrong.managers[0].hostname = "../elsewhere".into();
        wrong.write(dir.path()).unwrap();
        assert!(
            Manifest::read(dir.path())
                .unwrap_err()
                .message
                .contains("does not describe a cluster")
        );
    }
}
