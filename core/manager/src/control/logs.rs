//! What have tasks written? A reader's stream: made by the leader, to which the workers speak, and passed on by the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};
use wardroom_api::channel::{self, CALL_DEADLINE};
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::ids::{NodeId, ServiceId, TaskId};
use wardroom_state::task::{Task, TaskState};

use crate::context::Context;
use crate::control::chance;
use crate::control::error::Failure;
use crate::control::forward::{self, in_the_name_of};
use crate::dispatcher::logs::{End, Lines, Question, Unasked};
use crate::links::Lane;
use crate::replica::Applied;

type Stream = BoxStream<'static, Result<v1::LogLine, Status>>;

/// Lines that wait for a slow reader.
const WAITING: usize = 256;
const REFERENCES: usize = 1_000;
/// How long a worker may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn logs(context: &Context, request: Request<v1::LogsRequest>) -> Result<Stream, Status> {
    let caller = forward::caller(&request);
    let Some(leader) = forward::leader(context, &caller).await? else {
        return read_here(context, request.into_inner()).map_err(Status::from);
    };
    let (line, attempt) = context.links.attempt(&leader, Lane::Bulk);
    let mut leader = channel::control(line);
    // The deadline bounds the opening; in the metadata it would end the stream.
    let request = in_the_name_of(&caller, Request::new(request.into_inner()));
    let opening = tokio::time::timeout(CALL_DEADLINE, leader.logs(request)).await;
    let late = || Failure::Unavailable("the leader did not answer in time; repeat it".into());
    let opened = opening.map_err(|_elapsed| late())?;
    attempt.answered();
    Ok(opened?.into_inner().boxed())
}

fn read_here(context: &Context, request: v1::LogsRequest) -> Result<Stream, Failure> {
    if request.references.is_empty() || request.references.len() > REFERENCES {
        return Err(Failure::invalid(format!(
            "name 1 to {REFERENCES} services or tasks to read the logs of"
        )));
    }
    let busy = || Failure::Unavailable("too many read logs already; repeat it later".into());
    let turn = context
        .offices
        .readers
        .clone()
        .try_acquire_owned()
        .map_err(|_| busy())?;
    // Before the look, so that no task comes in between unseen.
    let applied = context.replica.subscribe();
    let wanted = context.replica.read(|state| Wanted::of(state, &request.references))?;
    let (lines, received) = mpsc::channel(WAITING);
    let (ended, ends) = mpsc::unbounded_channel();
    let reading = Reading {
        context: context.clone(),
        request,
        wanted,
        lines,
        ended,
        ends,
        asked: BTreeSet::new(),
        away: BTreeSet::new(),
        open: BTreeMap::new(),
        _turn: turn,
    };
    tokio::spawn(reading.run(applied));
    let stop = context.stop.clone().cancelled_owned();
    Ok(ReceiverStream::new(received).take_until(stop).boxed())
}

/// Whose lines are wanted.
struct Wanted {
    services: BTreeSet<ServiceId>,
    tasks: BTreeSet<TaskId>,
}

impl Wanted {
    /// A service by its name or id, else a task by its own.
    fn of(state: &State, references: &[String]) -> Result<Self, Failure> {
        let (mut services, mut tasks) = (BTreeSet::new(), BTreeSet::new());
        for reference in references {
            if let Ok(service) = state.find_service(reference) {
                services.insert(service.id.clone());
            } else if let Ok(task) = state.find_task(reference) {
                tasks.insert(task.id.clone());
            } else {
                return Err(Failure::not_found(format!(
                    "no such task or service: {}",
                    reference.escape_default().take(80).collect::<String>()
                )));
            }
        }
        Ok(Self { services, tasks })
    }

    /// Those of them that have begun on a node and were not asked for yet. Before that a worker knows nothing of them.
    fn new_tasks<'a>(&'a self, state: &'a State, asked: &'a BTreeSet<TaskId>) -> impl Iterator<Item = &'a Task> {
        let of_services = self.services.iter().flat_map(|service| state.tasks_of(service));
        let named = self.tasks.iter().filter_map(|task| state.tasks().get(task));
        let all = of_services.chain(named);
        all.filter(|task| task.node.is_some() && has_begun(task) && !asked.contains(&task.id))
    }

    /// Whether any of it can still come.
    fn is_there(&self, state: &State) -> bool {
        let services = self
            .services
            .iter()
            .any(|service| state.services().contains_key(service));
        services || self.tasks.iter().any(|task| state.tasks().contains_key(task))
    }
}

/// With a health check a task is still starting while its program runs.
fn has_begun(task: &Task) -> bool {
    task.status.state >= TaskState::Running || !task.status.health.is_empty()
}

/// One reader, and the questions that are open for it.
struct Reading {
    context: Context,
    request: v1::LogsRequest,
    wanted: Wanted,
    lines: Lines,
    ended: mpsc::UnboundedSender<(String, End)>,
    ends: mpsc::UnboundedReceiver<(String, End)>,
    asked: BTreeSet<TaskId>,
    /// Workers whose lines are missing until they are back.
    away: BTreeSet<NodeId>,
    open: BTreeMap<String, Open>,
    /// Of those that may read at once.
    _turn: OwnedSemaphorePermit,
}

struct Open {
    node: NodeId,
    tasks: BTreeMap<String, String>,
    /// By then its worker has begun to answer.
    until: Instant,
}

impl Drop for Reading {
    fn drop(&mut self) {
        for id in self.open.keys() {
            self.context.offices.logs.forget(id);
        }
    }
}

impl Reading {
    /// Until all is told, the reader goes, or this manager leads no more. A reader whose worker was away and is back is sent
    /// to ask again: it knows which lines it has.
    async fn run(mut self, mut applied: broadcast::Receiver<std::sync::Arc<Applied>>) {
        let mut leadership = self.context.leadership.clone();
        let stop = self.context.stop.clone();
        let logs = self.context.offices.logs.clone();
        self.ask_for_new().await;
        while self.request.follow || !self.open.is_empty() {
            let late = self.open.values().map(|open| open.until).min();
            tokio::select! {
                biased;
                () = self.lines.closed() => return,
                () = stop.cancelled() => return,
                () = leadership.wait_for(|known| !known.mine).map(drop) => {
                    return self.again("another manager leads now; read the logs again").await;
                }
                () = logs.any_listens(&self.away), if self.request.follow && !self.away.is_empty() => {
                    return self.again("a worker is back; read the logs again").await;
                }
                Some((id, end)) = self.ends.recv() => self.close(&id, end).await,
                () = tokio::time::sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => self.give_up().await,
                there = tasks_moved(&mut applied), if self.request.follow => {
                    let lasts = self.context.replica.read(|state| self.wanted.is_there(state));
                    if !there || !lasts && self.open.is_empty() {
                        return;
                    }
                    self.ask_for_new().await;
                }
            }
        }
    }

    async fn again(&self, why: &str) {
        // A reader that is gone does not ask.
        let _ = self.lines.send(Err(Status::unavailable(why))).await;
    }

    async fn ask_for_new(&mut self) {
        let mut by_node: BTreeMap<NodeId, BTreeMap<String, String>> = BTreeMap::new();
        self.context.replica.read(|state| {
            for task in self.wanted.new_tasks(state, &self.asked) {
                if let Some(node) = &task.node {
                    let tasks = by_node.entry(node.clone()).or_default();
                    tasks.insert(task.id.to_string(), task.name.clone());
                }
            }
        });
        for (node, tasks) in by_node {
            self.asked.extend(tasks.keys().map(|id| TaskId::new(id.as_str())));
            let id = chance::id(&*self.context.chance);
            let question = Question {
                id: id.clone(),
                node: node.clone(),
                tasks: tasks.clone(),
                follow: self.request.follow,
                tail: self.request.tail,
                since_ms: self.request.since_ms,
            };
            let open = Open {
                node,
                tasks,
                until: Instant::now() + PATIENCE,
            };
            let logs = &self.context.offices.logs;
            match logs.ask(question, self.lines.clone(), self.ended.clone()) {
                Ok(()) => {
                    self.open.insert(id, open);
                }
                Err(Unasked::Away) => self.miss(open, "its node is not connected").await,
                Err(Unasked::Busy) => self.tell(&open, "its node does not take more questions now").await,
            }
        }
    }

    async fn close(&mut self, id: &str, end: End) {
        if let Some(open) = self.open.remove(id)
            && end == End::Cut
        {
            self.miss(open, "its node was cut off").await;
        }
    }

    async fn miss(&mut self, open: Open, why: &str) {
        self.tell(&open, why).await;
        self.away.insert(open.node);
    }

    /// Workers that have not begun by now do not know of logs, or hang. The others have all the time they want.
    async fn give_up(&mut self) {
        let now = Instant::now();
        let late: Vec<String> = {
            let late = self.open.iter().filter(|(_, open)| open.until <= now);
            late.map(|(id, _)| id.clone()).collect()
        };
        for id in late {
            if self.context.offices.logs.has_begun(&id) {
                if let Some(open) = self.open.get_mut(&id) {
                    open.until = now + Duration::from_secs(365 * 86_400);
                }
                continue;
            }
            self.context.offices.logs.forget(&id);
            if let Some(open) = self.open.remove(&id) {
                self.tell(&open, "its node does not answer").await;
            }
        }
    }

    /// A word for each task whose lines are not to be had.
    async fn tell(&self, open: &Open, why: &str) {
        for (id, name) in &open.tasks {
            let line = v1::LogLine {
                task_id: id.clone(),
                at_ms: self.context.clock.now_ms(),
                error: true,
                text: format!("wardroom: no logs of {name} now: {why}").into_bytes(),
                lost: false,
                task_name: name.clone(),
                node_id: open.node.to_string(),
                number: 0,
            };
            // A reader that is gone is noticed by whoever waits for it.
            let _ = self.lines.send(Ok(line)).await;
        }
    }
}

/// Waits until tasks or services have changed. `false` when the replica is gone.
async fn tasks_moved(applied: &mut broadcast::Receiver<std::sync::Arc<Applied>>) -> bool {
    let concerns = |event: &Event| {
        let (Event::Put(key) | Event::Removed(key)) = event;
        matches!(key, ObjectKey::Task(_) | ObjectKey::Service(_))
    };
    loop {
        match applied.recv().await {
            Ok(applied) if applied.replaced || applied.events.iter().any(concerns) => return true,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}
