//! What does a node do about what it was told? After every word, answer and alarm the node is looked at as a whole: what
//! it shows, what runs, what is wanted of it. Nothing is remembered that could be looked up, so a crash loses nothing.

use wardroom_ca::{KeyRequest, NodeFiles, Role};
use wardroom_manager::{FetchError, Manager, fetch_keys};

use super::begin::start_agent;
use super::call;
use super::manifest::{NodeRole, Phase};
use super::member::{Member, votes};
use super::news::News;
use super::order::Refusal;
use super::parts::Ground;
use super::step::{self, Shown, Wish, to_ask};
use super::supervisor::{Node, Supervisor, stop_agent};
use crate::node::keyring::Found;
use crate::node::keys::Keys;
use crate::node::{explain, issuer::Issuer};
use crate::report::Report;

impl Supervisor {
    /// Takes in what the managers say: the roots to trust, and where they are. Durable before it is used.
    pub fn listen(&mut self) {
        let Node::Member(member) = &mut self.node else { return };
        let told = member.told();
        if !told.managers.is_empty() && told.managers != member.manifest.managers {
            member.manifest.managers.clone_from(&told.managers);
            if let Err(error) = member.manifest.write(self.home.dir()) {
                tracing::warn!(%error, "the managers' addresses are not saved; those before are tried at the next start");
            }
        }
        if !told.roots_pem.is_empty() && told.roots_pem != member.roots_pem {
            let trusted = trust(member, &self.home.identity(), told.roots_pem);
            if let Err(report) = trusted {
                tracing::error!(%report, "the cluster's roots could not be taken over; those before are trusted on");
            }
        }
    }

    /// Does what is to be done next, or asks for it; comes back with the answer.
    pub async fn reconsider(&mut self) {
        let Node::Member(member) = &self.node else { return };
        let wish = step::wish(shown(member), &member.told());
        match &wish {
            Wish::Gone(words) => return self.gone(words).await,
            Wish::Doubt => return self.doubt().await,
            Wish::Nothing | Wish::Renew => {}
        }
        if wants_manager(member) {
            self.start_manager().await;
        }
        let Node::Member(member) = &mut self.node else { return };
        if member.agent.is_none() && member.agent_starting.may() {
            start_agent(&self.ground, member);
        }
        if wish == Wish::Renew && !member.is_asking && member.renewal.trial.may() {
            ask_for_certificate(member, &self.ground);
        }
    }

    /// Starts the manager on its keyring, or asks for the keys that one is made from.
    async fn start_manager(&mut self) {
        let Node::Member(member) = &mut self.node else { return };
        if !member.starting.may() || member.is_asking {
            return;
        }
        let Some(keys) = member.keys.clone() else {
            return self.come_by_keys();
        };
        let started = self
            .ground
            .start_manager(&self.home, &member.manifest, &keys, &member.tls)
            .await;
        match started {
            Ok(manager) => {
                member.starting.succeeded();
                member.manager_trouble = None;
                member.watch_manager(manager);
                self.note_unlock();
                self.issue_for_itself();
            }
            Err(report) => did_not_start(member, report),
        }
    }

    /// A manager without keys asks for them, unless it has saved them in an earlier try.
    fn come_by_keys(&mut self) {
        let Node::Member(member) = &self.node else { return };
        let found = self.find_keys(&member.manifest);
        let opened = match found {
            Ok(None) => None,
            Ok(Some(Found::Open(keyring))) => Some(self.ground.open_keys(&self.home, keyring)),
            Ok(Some(Found::Locked(_))) => Some(Err(Report::failure(
                "the keyring of this manager is locked: start the daemon again, and unlock it",
            ))),
            Err(report) => Some(Err(report)),
        };
        let Node::Member(member) = &mut self.node else { return };
        match opened {
            None => ask_for_keys(member, &self.ground, self.ground.seams(&self.home)),
            Some(Ok(keys)) => self.begin_with(keys),
            Some(Err(report)) => did_not_start(member, report),
        }
    }

    /// The node's own key comes to rest as the keys say, and the manager starts with the next look.
    fn begin_with(&mut self, keys: Keys) {
        let Node::Member(member) = &mut self.node else { return };
        let loaded = keys.load_node();
        member.take_keys(keys);
        match loaded {
            Ok(_) => member.retry(),
            Err(error) => did_not_start(member, explain(&error)),
        }
    }

    /// A manager whose certificate has expired cannot ask anybody; but it holds the root's key, and issues its own.
    pub fn issue_for_itself(&mut self) {
        let Node::Member(member) = &mut self.node else { return };
        let Some(manager) = &member.manager else { return };
        let now_ms = self.ground.clock.now_ms();
        if member.tls.facts().not_after_ms > now_ms {
            return;
        }
        let Some(cluster) = manager.replica().read(|state| state.cluster().cloned()) else {
            return;
        };
        let issued = Issuer::open(manager, &cluster)
            .map_err(|error| explain(&error))
            .and_then(|issuer| {
                let id = &member.manifest.node_id;
                let issued = issuer.issue(id, member.role(), &[], now_ms, &*self.ground.chance);
                issued.map_err(|error| explain(&error))
            });
        let shown = issued.and_then(|files| show(member, &self.home.identity(), &files, NodeRole::Manager));
        match shown {
            Ok(()) => {
                tracing::warn!("the certificate of this manager had expired; it has issued its own");
                // The cluster has yet to hear of it.
                member.watch_certificate(&self.ground);
                member.renewal.is_due = true;
            }
            Err(report) => tracing::error!(%report, "the expired certificate of this manager could not be replaced"),
        }
    }

    /// The cluster has handed out its keys, or has not.
    pub fn keys_came(&mut self, answer: Result<wardroom_keys::Keyring, FetchError>) {
        let Node::Member(member) = &mut self.node else { return };
        member.is_asking = false;
        let made = answer
            .map_err(|error| explain(&error))
            .and_then(|keyring| self.ground.create_keys(&self.home, keyring));
        match made {
            Ok(keys) => self.begin_with(keys),
            Err(report) => did_not_start(member, report),
        }
    }

    /// The agent has taken a foreign manager's word and ended everything; it begins anew at its own cluster.
    async fn doubt(&mut self) {
        tracing::error!(
            "a manager says that this node was removed, but its own cluster goes on with it: a cluster was split off with \
             --force-new-cluster while this one was alive. Remove that manager's address, or let this node leave"
        );
        let Node::Member(member) = &mut self.node else { return };
        stop_agent(member).await;
        start_agent(&self.ground, member);
    }

    /// The cluster has removed this node: what could prove it to anybody goes at once, and the reason stays.
    pub async fn gone(&mut self, words: &str) {
        let Node::Member(mut member) = std::mem::replace(&mut self.node, Node::None) else {
            return;
        };
        let why = format!("{words}. Run `wardroom swarm leave` here, then `wardroom swarm join` with a token.");
        tracing::error!(why, "this node is no longer of its cluster");
        let mut manifest = member.manifest.clone();
        manifest.phase = Phase::Removed;
        manifest.reason.clone_from(&why);
        if let Err(error) = manifest.write(self.home.dir()) {
            tracing::error!(%error, "the removal could not be noted; the next start hears of it again");
        }
        self.switch.lead_to(None);
        stop_agent(&mut member).await;
        if let Some(manager) = member.manager.take() {
            manager.shutdown().await;
        }
        self.node = Node::Broken { manifest, why };
        self.erase_removed();
    }
}

/// It is to have a manager, has none, and nothing else is under way that brings one.
fn wants_manager(member: &Member) -> bool {
    let is_manager = member.role() == Role::Manager && member.manifest.raft_id != 0;
    is_manager && member.manifest.phase == Phase::Member && member.manager.is_none()
}

fn shown(member: &Member) -> Shown {
    Shown {
        role: member.role(),
        is_of_newest_root: member.tls.facts().issuer == member.tls.root_key_id(),
        is_due: member.renewal.is_due,
        is_led: member.manager.as_ref().is_some_and(is_led),
    }
}

fn is_led(manager: &Manager) -> bool {
    votes(&manager.status().borrow()) && manager.leadership().borrow().leader.is_some()
}

fn trust(member: &mut Member, identity: &std::path::Path, roots_pem: String) -> Result<(), Report> {
    // What is not this cluster's must not get onto the disk.
    member.tls.trust(&roots_pem).map_err(|error| explain(&error))?;
    NodeFiles::save_roots(identity, &roots_pem).map_err(|error| explain(&error))?;
    member.roots_pem = roots_pem;
    Ok(())
}

/// Saves new files of this node, then shows them; connections go on as they are.
pub fn show(member: &mut Member, identity: &std::path::Path, files: &NodeFiles, role: NodeRole) -> Result<(), Report> {
    member.save(identity, files, role).map_err(|error| explain(&error))?;
    member.tls.trust(&files.root_pem).map_err(|error| explain(&error))?;
    let reloaded = member.tls.reload(&files.certificate_pem, &files.key);
    reloaded.map_err(|error| explain(&error))?;
    member.roots_pem.clone_from(&files.root_pem);
    Ok(())
}

fn did_not_start(member: &mut Member, report: Report) {
    tracing::error!(%report, "this node has no manager yet; it is tried again");
    member.manager_trouble = Some(Refusal::from(report).text);
    member.start_failed();
}

/// With a new key each time.
fn ask_for_certificate(member: &mut Member, ground: &Ground) {
    let asked = KeyRequest::generate(&*ground.chance);
    let message = wardroom_api::v1::RenewRequest {
        csr_pem: asked.csr_pem.clone(),
        // A cluster forgets a worker's address, and wants it when the worker is to be a manager again.
        address: member.manifest.advertise.clone(),
    };
    let (ground, tls) = (ground.clone(), member.tls.clone());
    let addresses = addresses(member);
    member.ask(async move {
        let answer = call::renew(&ground, &tls, &addresses, &message).await;
        News::Renewed(asked, answer)
    });
}

fn ask_for_keys(member: &mut Member, ground: &Ground, seams: Result<wardroom_manager::Seams, Report>) {
    let seams = match seams {
        Ok(seams) => seams,
        Err(report) => return did_not_start(member, report),
    };
    tracing::info!(
        node = member.manifest.node_id,
        on = ground.hostname,
        "asking for the cluster's keys"
    );
    let (tls, manifest) = (member.tls.clone(), member.manifest.clone());
    let addresses = addresses(member);
    member.ask(async move {
        let answer = fetch_keys(&seams, &tls, &manifest.cluster_id, &manifest.node_id, &addresses).await;
        News::Keys(answer)
    });
}

/// Where managers are asked. Another one first: this node's own may be the one that does not run.
pub fn addresses(member: &Member) -> Vec<String> {
    let own = &member.manifest.advertise;
    let mut addresses = to_ask(&member.told().managers, &member.manifest.managers);
    addresses.retain(|address| address != own);
    if member.manager.is_some() {
        addresses.push(own.clone());
    }
    addresses
}
