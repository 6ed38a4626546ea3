//! How does a machine go? A manager is told what that costs the others before it does. Then its tasks end, its secrets
//! are erased, the managers hear of it if one is there, and nothing of the node stays on disk.

use std::time::Duration;

use wardroom_api::v1;
use wardroom_manager::{Manager, Word};

use super::call;
use super::manifest::{NodeRole, Phase};
use super::member::Member;
use super::order::Refusal;
use super::reconsider::addresses;
use super::supervisor::{Node, Supervisor, stop_agent};
use super::words::{self, Managers};

/// How long the managers may take to hear of it: a node leaves a cluster that is gone, too.
const FAREWELL: Duration = Duration::from_secs(5);

impl Supervisor {
    pub async fn leave(&mut self, force: bool) -> Result<v1::LeaveResponse, Refusal> {
        let mut manifest = match &self.node {
            Node::None => return Err(Refusal::state(words::NOT_PART)),
            Node::Broken { manifest, .. } => manifest.clone(),
            Node::Locked(_) if !force => return Err(Refusal::state(words::LOCKED_LEAVE)),
            Node::Locked(locked) => locked.manifest.clone(),
            Node::Member(member) => {
                check(member, force)?;
                member.manifest.clone()
            }
        };
        manifest.phase = Phase::Leaving;
        if let Node::Member(_) | Node::Locked(_) = &self.node {
            // From here on the next start finishes it.
            let written = manifest.write(self.home.dir());
            written.map_err(|error| self.cannot_use(&error))?;
        }
        self.say_goodbye().await;
        if let Err(report) = self.wipe(&manifest.node_id) {
            let refusal = Refusal::from(report);
            let why = format!("{}. Then run `wardroom swarm leave` again", refusal.text);
            self.node = Node::Broken { manifest, why };
            return Err(refusal);
        }
        self.node = Node::None;
        self.erasing.succeeded();
        tracing::info!("this node has left its cluster");
        Ok(v1::LeaveResponse {})
    }

    /// The agent's last receipts come before the managers write the node off.
    async fn say_goodbye(&mut self) {
        let Node::Member(mut member) = std::mem::replace(&mut self.node, Node::None) else {
            return;
        };
        self.switch.lead_to(None);
        stop_agent(&mut member).await;
        let last_managers = addresses(&member);
        let farewell = call::depart(&self.ground, &member.tls, &last_managers);
        if !is_alone(&member) {
            match tokio::time::timeout(FAREWELL, farewell).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => tracing::warn!(%failure, "the managers could not be told that this node leaves"),
                Err(_elapsed) => tracing::warn!("no manager answered in time that this node leaves"),
            }
        }
        if let Some(manager) = member.manager.take() {
            manager.shutdown().await;
        }
    }
}

/// Docker's refusals.
fn check(member: &Member, force: bool) -> Result<(), Refusal> {
    if force || member.manifest.role == NodeRole::Worker {
        return Ok(());
    }
    let counted = member.manager.as_ref().filter(|_| member.votes).map(count);
    Err(Refusal::state(words::manager_leaves(counted)))
}

fn is_alone(member: &Member) -> bool {
    let counted = member.manager.as_ref().map(count);
    counted.is_some_and(|managers| managers.reachable + managers.unreachable <= 1)
}

/// The managers as this one sees them, itself included.
fn count(manager: &Manager) -> Managers {
    let table = manager.managers().subscribe();
    let (mut reachable, mut unreachable) = (0, 0);
    for (_, word) in table.borrow().since(0) {
        match word {
            Word::Status(_) => reachable += 1,
            Word::Lost(_) => unreachable += 1,
        }
    }
    Managers { reachable, unreachable }
}
