//! What runs of an embedded cluster? Its managers, and its workers once more than half of the managers run; they end in the
//! other order.

use std::sync::Arc;

use futures_util::future::join_all;
use wardroom_manager::Manager;

use super::{Owner, Running, Settled};
use crate::node::badge::Badge;
use crate::node::cluster::{failed, served, stop_workers};
use crate::node::establish::establish;
use crate::node::founding::cannot_write;
use crate::node::manifest::ManagerEntry;
use crate::node::nodes::{self, Ground};
use crate::node::renewal::Renewal;
use crate::report::Report;

impl Owner {
    /// Starts the managers that are open and do not run.
    pub(super) async fn start(&mut self) -> Result<(), Report> {
        let (open, running) = (&self.parts.open, &self.parts.running);
        let is_to_start = |entry: &&ManagerEntry| {
            open.iter().any(|badge| badge.node_id == entry.node_id)
                && !running.iter().any(|running| running.node_id == entry.node_id)
        };
        let managers = self.house.manifest.managers.iter();
        let entries: Vec<ManagerEntry> = managers.filter(is_to_start).cloned().collect();
        if entries.is_empty() {
            return Ok(());
        }
        let started = nodes::start_managers(&self.ground(), &entries).await?;
        for (entry, manager) in entries.into_iter().zip(started) {
            let (node_id, failure) = (entry.node_id.clone(), manager.failure());
            self.parts
                .failures
                .push(Box::pin(async move { (node_id, failed(failure).await) }));
            self.parts.running.push(Running {
                node_id: entry.node_id,
                manager,
            });
        }
        if let Some(first) = self.parts.running.first() {
            self.parts.unlocked.drain(..).for_each(|note| first.manager.note(note));
        }
        self.lead();
        self.front.open_door();
        // Whoever renews is to know the new ones.
        if let Some(settled) = &mut self.parts.settled {
            settled.renewing.abort();
            let renewal = self.renewal();
            if let Some(settled) = &mut self.parts.settled {
                settled.renewing = tokio::spawn(renewal.run());
            }
        }
        Ok(())
    }

    /// The first manager that runs answers: one and the same as long as it is well, so that whoever writes also reads what
    /// was written.
    fn lead(&self) {
        self.front
            .lead_to(self.parts.running.first().map(|running| &running.manager));
    }

    /// Once more than half of the managers run: the cluster is founded or led, and its workers start. They come last:
    /// whatever fails before them leaves no file to erase.
    pub(super) async fn settle(&mut self) -> Result<(), Report> {
        let managers = self.managers();
        if self.parts.settled.is_some() || managers.len() * 2 <= self.house.manifest.managers.len() {
            return Ok(());
        }
        let renewal = self.renewal();
        let manifest = &self.house.manifest;
        let founding = manifest.founding.as_ref();
        let founding = founding.map(|founding| founding.cluster(&manifest.cluster_id, &manifest.name));
        renewal.at_start(founding.as_ref())?;
        let badges = self.badges();
        establish(&mut self.house, &managers, &badges).await?;
        self.open_socket()?;
        let workers = nodes::start_workers(&self.ground()).await?;
        join_all(workers.iter().map(served)).await;
        self.parts.settled = Some(Settled {
            workers,
            renewing: tokio::spawn(renewal.run()),
        });
        Ok(())
    }

    pub(super) fn open_socket(&mut self) -> Result<(), Report> {
        let opened = self.front.open_socket(&self.house.socket());
        opened.map_err(|error| cannot_write(&self.house.dir, &error))
    }

    pub(super) fn managers(&self) -> Vec<Manager> {
        self.parts
            .running
            .iter()
            .map(|running| running.manager.clone())
            .collect()
    }

    fn ground(&self) -> Ground {
        Ground {
            manifest: self.house.manifest.clone(),
            badges: self.badges(),
            clock: Arc::clone(&self.clock),
            seed: self.seed,
        }
    }

    fn renewal(&self) -> Renewal {
        Renewal {
            managers: self.managers(),
            badges: self.badges(),
            clock: Arc::clone(&self.clock),
            chance: self.ground().chance("renewal"),
        }
    }

    /// Of every node that is open, managers first.
    fn badges(&self) -> Vec<Badge> {
        self.parts.open.iter().chain(&self.parts.workers).cloned().collect()
    }

    /// A manager that fails is stopped, and the next one answers.
    pub(super) async fn has_failed(&mut self, node_id: &str, reason: Option<String>) -> Result<(), Report> {
        let (Some(reason), Some(place)) = (
            reason,
            self.parts.running.iter().position(|running| running.node_id == node_id),
        ) else {
            return Ok(()); // it was told to stop
        };
        tracing::error!(%reason, "a manager has stopped");
        let gone = self.parts.running.remove(place);
        self.lead();
        gone.manager.shutdown().await;
        self.parts.failed += 1;
        if self.parts.failed * 2 <= self.house.manifest.managers.len() {
            return Ok(());
        }
        Err(
            Report::failure(format!("too many managers have stopped: {reason}")).hint(format!(
                "make room in {} or repair its disk, then start wardroom again",
                self.house.dir.display()
            )),
        )
    }

    /// Ends tasks and erases their files first, then stops the managers and lets go of their keys.
    pub(super) async fn end(&mut self) {
        self.front.lead_to(None);
        let parts = std::mem::take(&mut self.parts);
        if let Some(settled) = parts.settled {
            settled.renewing.abort();
            stop_workers(settled.workers).await;
        }
        join_all(parts.running.iter().map(|running| running.manager.shutdown())).await;
    }
}
