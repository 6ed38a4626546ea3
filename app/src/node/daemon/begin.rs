//! What does the daemon take up when it starts? What its directory says it was, or was about to become.

use super::manifest::{Manifest, NodeRole, Phase};
use super::member::Member;
use super::order::Refusal;
use super::parts::Ground;
use super::step::{self, Start};
use super::supervisor::{Node, Supervisor};
use crate::node::keyring::{self, Found};
use crate::node::keys::Keys;
use crate::report::Report;

impl Supervisor {
    /// What the directory says is taken up, finished or undone.
    pub async fn begin(&mut self) -> Result<(), Report> {
        let manifest = Manifest::read(self.home.dir())?;
        let is_saved = manifest.as_ref().is_some_and(|manifest| self.is_saved(manifest));
        match (step::at_start(manifest.as_ref(), is_saved), manifest) {
            (Start::Wipe, Some(manifest)) => {
                tracing::warn!("what was begun here before the last end is undone");
                self.wipe(&manifest.node_id)?;
            }
            (Start::AskAgain, _) => {
                tracing::warn!("this machine was about to join; ask it again, it is the same node");
                Manifest::remove(self.home.dir()).map_err(|error| self.cannot_use(&error))?;
            }
            (Start::Run | Start::Refound, Some(manifest)) => self.enter(manifest).await,
            (Start::Tell, Some(manifest)) => {
                let why = manifest.reason.clone();
                self.node = Node::Broken { manifest, why };
                // The last end may have come before all of it was gone.
                self.erase_removed();
            }
            (_, _) => {}
        }
        self.publish();
        Ok(())
    }

    /// Whether the certificate of the manifest's node is on disk.
    pub fn is_saved(&self, manifest: &Manifest) -> bool {
        let certificate = self.home.certificate();
        certificate.is_ok_and(|(identity, _)| identity.node_id == manifest.node_id)
    }

    /// Takes up the node of a manifest: at once, or once its manager's keys are unlocked.
    pub async fn enter(&mut self, mut manifest: Manifest) {
        let (role, ends_ms) = match self.home.certificate() {
            // The certificate has the last word; the manifest may be a step ahead of it or behind.
            Ok((identity, facts)) => (
                NodeRole::of(identity.role).unwrap_or(NodeRole::Worker),
                facts.not_after_ms,
            ),
            Err(report) => return self.break_down(manifest, report),
        };
        manifest.role = role;
        if role == NodeRole::Worker {
            manifest.raft_id = 0;
            return self.take_up(manifest, None).await;
        }
        match self.find_keys(&manifest) {
            Ok(None) => self.take_up(manifest, None).await,
            Ok(Some(Found::Locked(file))) => self.wait_for_key(manifest, ends_ms, file).await,
            Ok(Some(Found::Open(keyring))) => match self.ground.open_keys(&self.home, keyring) {
                Ok(keys) => self.take_up(manifest, Some(keys)).await,
                Err(report) => self.break_down(manifest, report),
            },
            Err(report) => self.break_down(manifest, report),
        }
    }

    /// The keyring on this disk; `None` where one is still to come.
    pub fn find_keys(&self, manifest: &Manifest) -> Result<Option<Found>, Report> {
        let path = self.home.keyring();
        if keyring::is_to_come(&path).map_err(|error| self.cannot_use(&error))? {
            return Ok(None);
        }
        keyring::look(&path, &manifest.cluster_id, &manifest.node_id).map(Some)
    }

    /// Runs the node of a manifest on its keys. What of it does not start is told and tried again; what cannot be is told.
    pub async fn take_up(&mut self, mut manifest: Manifest, keys: Option<Keys>) {
        let tls = match self.ground.identity(&self.home, keys.as_ref()) {
            Ok(tls) => tls,
            Err(report) => return self.break_down(manifest, report),
        };
        if manifest.phase == Phase::Refounding {
            return self.finish_refounding(manifest, tls, keys).await;
        }
        manifest.phase = Phase::Member;
        if let Err(error) = self.settle(&manifest) {
            let report = self.cannot_use(&error);
            return self.break_down(manifest, report);
        }
        let mut member = self.member(manifest, tls, keys);
        start_agent(&self.ground, &mut member);
        self.node = Node::Member(Box::new(member));
        self.reconsider().await;
    }

    /// The directory is as the manifest says: a worker keeps nothing of a manager.
    fn settle(&self, manifest: &Manifest) -> std::io::Result<()> {
        if manifest.role == NodeRole::Worker && self.home.has_store()? {
            self.home.wipe_store()?;
        }
        manifest.write(self.home.dir())
    }

    fn break_down(&mut self, manifest: Manifest, report: Report) {
        let why = Refusal::from(report).text;
        self.node = Node::Broken { manifest, why };
    }
}

/// A node whose agent does not start is no use as a worker, and is told so; a manager goes on without. It is tried again.
pub fn start_agent(ground: &Ground, member: &mut Member) {
    match ground.start_agent(&member.manifest, &member.tls) {
        Ok(agent) => {
            member.agent_trouble = None;
            member.agent_starting.succeeded();
            member.watch_agent(agent);
        }
        Err(report) => {
            tracing::error!(%report, "this node runs no tasks yet");
            member.agent_trouble = Some(Refusal::from(report).text);
            member.agent_failed();
        }
    }
}
