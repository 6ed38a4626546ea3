//! Who owns what runs on this machine? One task. It does one transition after the other: what an administrator orders,
//! what the managers want, what the clock demands. Every wait for somebody else is a watcher's; here is only what decides
//! and what must not overlap.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wardroom_keys::SecretBytes;
use wardroom_manager::Note;

use super::erase::Erasing;
use super::home::Home;
use super::local::{Local, Standing};
use super::locking::Locked;
use super::manifest::Manifest;
use super::member::Member;
use super::news::{News, Told};
use super::order::{Order, Refusal, Reply};
use super::parts::Ground;
use super::{notify, words};
use crate::node::keys::Keys;
use crate::node::switch::Switch;
use crate::node::unlocking::Shown;
use crate::report::Report;

/// What this machine is.
pub enum Node {
    /// In no cluster.
    None,
    Member(Box<Member>),
    /// A manager that waits for its unlock key.
    Locked(Box<Locked>),
    /// It was a node, or cannot be the one it is: why, and what to do.
    Broken {
        manifest: Manifest,
        why: String,
    },
}

pub struct Supervisor {
    pub ground: Ground,
    pub home: Home,
    pub node: Node,
    pub switch: Switch,
    pub erasing: Erasing,
    /// What systemd gave to unlock with, until it is tried.
    pub credentials: Vec<SecretBytes>,
    /// Who unlocked it, until its manager can say so.
    pub unlocked: Option<Note>,
    local: watch::Sender<Local>,
    lock: watch::Sender<Shown>,
    /// Cancelled when the daemon is to end; no wait inside a transition outlives it.
    pub stop: CancellationToken,
    news: mpsc::UnboundedReceiver<Told>,
    tell: mpsc::UnboundedSender<Told>,
    numbers: u64,
}

impl Supervisor {
    pub fn new(ground: Ground, home: Home, local: watch::Sender<Local>, stop: CancellationToken) -> Self {
        let (tell, news) = mpsc::unbounded_channel();
        Self {
            switch: Switch::new(why_none(local.subscribe())),
            ground,
            home,
            node: Node::None,
            erasing: Erasing::default(),
            credentials: Vec::new(),
            unlocked: None,
            local,
            lock: watch::Sender::new(Shown::default()),
            stop,
            news,
            tell,
            numbers: 0,
        }
    }

    /// What may be told of this machine's lock, whenever it changes.
    pub fn lock_shown(&self) -> watch::Receiver<Shown> {
        self.lock.subscribe()
    }

    /// Until `stop`, or until something fails that only a new start can mend. What runs is ended either way.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>, ready: impl FnOnce() + Send) -> Result<(), Report> {
        self.begin().await?;
        ready();
        let outcome = self.serve(&mut orders).await;
        notify::stopping();
        self.end().await;
        outcome
    }

    async fn serve(&mut self, orders: &mut mpsc::Receiver<Order>) -> Result<(), Report> {
        let stop = self.stop.clone();
        loop {
            let patience = self.patience();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = self.erasing.due() => self.erase_removed(),
                () = patience => self.forget_shares(),
                Some((number, news)) = self.news.recv() => self.hear(number, news).await?,
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return Ok(()),
                },
            }
            self.publish();
        }
    }

    pub fn member(&mut self, manifest: Manifest, tls: wardroom_ca::NodeTls, keys: Option<Keys>) -> Member {
        self.numbers += 1;
        let mut member = Member::new(manifest, tls, self.numbers, self.tell.clone());
        member.watch_certificate(&self.ground);
        if let Some(keys) = keys {
            member.take_keys(keys);
        }
        member
    }

    /// What this node has become is known before the answer is: who asked may look at once.
    async fn obey(&mut self, order: Order) {
        match order {
            Order::Init(request, actor, reply) => {
                let outcome = self.init(request, &actor).await;
                self.answer(reply, outcome);
            }
            Order::Join(request, reply) => self.join(request, reply).await,
            Order::Leave(request, actor, reply) => {
                tracing::info!(by = actor.name, force = request.force, "this node is to leave");
                let outcome = self.leave(request.force).await;
                self.answer(reply, outcome);
            }
            Order::Restore(restore, actor, reply) => {
                let outcome = self.restore(restore, &actor).await;
                self.answer(reply, outcome);
            }
            Order::Lock(order) => self.obey_lock(order).await,
        }
    }

    fn answer<T>(&mut self, reply: Reply<T>, outcome: Result<T, Refusal>) {
        self.publish();
        // Nobody waiting for it any more is no failure.
        let _ = reply.send(outcome);
    }

    /// Fails when only a new start can help.
    async fn hear(&mut self, number: u64, news: News) -> Result<(), Report> {
        let Node::Member(member) = &mut self.node else {
            return Ok(());
        };
        if member.number() != number {
            return Ok(());
        }
        match news {
            News::Told => self.listen(),
            News::Served => member.is_served = true,
            News::Votes => {
                member.votes = true;
                if let Some(manager) = &member.manager {
                    self.switch.lead_to(Some(manager.local_routes()));
                }
            }
            News::Failed(reason) => {
                return Err(
                    Report::failure(format!("the manager has stopped: {reason}")).hint(format!(
                        "make room in {} or repair its disk, then start the daemon again",
                        self.home.dir().display()
                    )),
                );
            }
            News::Due => member.renewal.is_due = true,
            News::Retry => {}
            News::Patience => {
                if let Some((_, reply)) = member.waiting.take() {
                    let _ = reply.send(Err(Refusal::late(words::JOIN_TIMED_OUT)));
                }
            }
            News::Renewed(asked, answer) => self.renewed(asked, answer).await,
            News::Keys(answer) => self.keys_came(answer),
            News::Promoted(files, answer) => self.promoted(&files, answer),
        }
        self.reconsider().await;
        Ok(())
    }

    /// Says what this node is now, to whoever asks or waits.
    pub fn publish(&mut self) {
        let now_ms = self.ground.clock.now_ms();
        let machine = self.local.borrow().clone();
        let local = match &self.node {
            Node::None => Local::inactive(&machine.hostname, machine.state_dir),
            Node::Member(member) => {
                let ends = member.tls.facts().not_after_ms;
                machine.of(&member.manifest, member.standing(now_ms), ends)
            }
            Node::Locked(locked) => machine.of(&locked.manifest, Standing::Locked, locked.certificate_ends_ms),
            Node::Broken { manifest, why } => machine.of(manifest, Standing::Error(why.clone()), 0),
        };
        let shown = self.shown_lock();
        self.lock.send_if_modified(|known| {
            let is_news = *known != shown;
            *known = shown;
            is_news
        });
        let standing = local.standing.clone();
        let is_news = self.local.send_if_modified(|known| {
            let is_news = *known != local;
            *known = local;
            is_news
        });
        if is_news {
            notify::status(&self.local.borrow().line());
        }
        if let Node::Member(member) = &mut self.node {
            answer_waiting(member, &standing);
        }
    }

    /// The agent first: its last receipts go through the manager.
    async fn end(&mut self) {
        self.switch.lead_to(None);
        if let Node::Member(member) = &mut self.node {
            stop_agent(member).await;
            if let Some(manager) = member.manager.take() {
                manager.shutdown().await;
            }
        }
        tracing::info!("the daemon has stopped");
    }

    pub fn cannot_use(&self, error: &std::io::Error) -> Report {
        super::home::cannot_use(self.home.dir(), error)
    }

    /// Waits for `work`, but not beyond the end of the daemon.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Refusal::stopping()),
            done = work => Ok(done),
        }
    }
}

/// Docker's words about a machine without a manager that answers.
fn why_none(local: watch::Receiver<Local>) -> impl Fn() -> Refusal {
    move || Refusal::state(words::no_manager(&local.borrow()))
}

/// Ends its tasks and erases their files.
pub async fn stop_agent(member: &mut Member) {
    if let Some(agent) = member.agent.take()
        && let Err(error) = agent.shutdown().await
    {
        let error = crate::node::cluster::chain(&error);
        tracing::error!(error, "the agent could not erase all its files; its next start does");
    }
}

/// Whoever waits for the node to be counted in hears that it is, or why it cannot be.
fn answer_waiting(member: &mut Member, standing: &Standing) {
    let answer = match standing {
        Standing::Active => Ok(()),
        Standing::Error(why) => Err(Refusal::state(why.clone())),
        _ => return,
    };
    if let Some((response, reply)) = member.waiting.take() {
        let _ = reply.send(answer.map(|()| response));
    }
}
