//! Who wants to see what tasks write, and who has it? Readers' requests go to the workers that run the tasks, and their
//! lines come back. Nothing of it is kept here, and nothing is logged.
//!
//! ```text
//! reader ─> Reading ─> ask ─> LogRequests stream ─> worker
//! reader <─ bounded channel <─ PublishLogs stream <─┘
//! ```
//!
//! Each request has an id of its own and one answer: a `PublishLogs` stream that begins with that id. A reader that follows
//! a service asks anew for tasks that come, under another id. A worker is asked only for tasks that are on it, and
//! believed only about those.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use wardroom_api::v1;
use wardroom_state::ids::NodeId;

/// Requests that wait for one worker. One that takes none of so many does not listen.
const REQUESTS: usize = 256;
/// Longest line that is passed on; what is more of it is cut off.
const LINE_BYTES: usize = 64 * 1024;
/// Requests that are open at once, over all readers.
const OPEN: usize = 4_096;

/// Lines on their way to one reader. Bounded: a reader that is slow holds up the workers, not this manager's memory.
pub(crate) type Lines = mpsc::Sender<Result<v1::LogLine, Status>>;

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The worker has sent all there is.
    Complete,
    /// It is gone, or its program does not know of logs.
    Cut,
}

/// Why a question was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// The worker does not listen now.
    Away,
    /// It, or this manager, has too many already.
    Busy,
}

/// Cheap to clone; all clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Logs {
    table: Arc<Mutex<Table>>,
    /// Says that some worker has begun to listen.
    listening: Arc<watch::Sender<()>>,
}

#[derive(Default)]
struct Table {
    workers: BTreeMap<NodeId, Worker>,
    requests: BTreeMap<String, Request>,
}

struct Worker {
    session: String,
    requests: mpsc::Sender<v1::LogRequest>,
}

struct Request {
    node: NodeId,
    /// Names of the tasks that the worker is asked for, by id.
    tasks: BTreeMap<String, String>,
    lines: Lines,
    ended: mpsc::UnboundedSender<(String, End)>,
    /// The worker has begun to answer.
    begun: bool,
}

/// What a reader wants of one worker.
pub(crate) struct Question {
    pub(crate) id: String,
    pub(crate) node: NodeId,
    pub(crate) tasks: BTreeMap<String, String>,
    pub(crate) follow: bool,
    pub(crate) tail: Option<u32>,
    pub(crate) since_ms: i64,
}

impl Logs {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests for one worker, as long as its session lasts.
    pub(crate) fn requests(
        &self,
        node: NodeId,
        session: String,
        over: CancellationToken,
    ) -> impl Stream<Item = Result<v1::LogRequest, Status>> + Send + use<> {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let worker = Worker {
            session: session.clone(),
            requests: sender,
        };
        // Whoever had this worker's ear before has it no more.
        let before = self.table().workers.insert(node.clone(), worker);
        if before.is_some() {
            self.cut(&node);
        }
        self.listening.send_replace(());
        let open = Listening {
            logs: self.clone(),
            node,
            session,
        };
        let requests = stream::unfold((requests, open), |(mut requests, open)| async move {
            let request = requests.recv().await?;
            Some((Ok(request), (requests, open)))
        });
        requests.take_until(over.cancelled_owned())
    }

    /// Returns when one of these workers listens.
    pub(crate) async fn any_listens(&self, nodes: &BTreeSet<NodeId>) {
        let mut listening = self.listening.subscribe();
        loop {
            if nodes.iter().any(|node| self.table().workers.contains_key(node)) {
                return;
            }
            // The sender is here, in `self`.
            let _ = listening.changed().await;
        }
    }

    /// Sends a question to its worker.
    pub(crate) fn ask(
        &self,
        question: Question,
        lines: Lines,
        ended: mpsc::UnboundedSender<(String, End)>,
    ) -> Result<(), Unasked> {
        let mut table = self.table();
        let message = v1::LogRequest {
            id: question.id.clone(),
            over: false,
            task_ids: question.tasks.keys().cloned().collect(),
            follow: question.follow,
            tail: question.tail,
            since_ms: question.since_ms,
        };
        let Some(worker) = table.workers.get(&question.node) else {
            return Err(Unasked::Away);
        };
        if table.requests.len() >= OPEN || worker.requests.try_send(message).is_err() {
            return Err(Unasked::Busy);
        }
        let request = Request {
            node: question.node,
            tasks: question.tasks,
            lines,
            ended,
            begun: false,
        };
        table.requests.insert(question.id, request);
        Ok(())
    }

    /// Nobody reads the answer any more.
    pub(crate) fn forget(&self, id: &str) {
        let mut table = self.table();
        let Some(request) = table.requests.remove(id) else {
            return;
        };
        if let Some(worker) = table.workers.get(&request.node) {
            let over = v1::LogRequest {
                id: id.to_owned(),
                over: true,
                ..Default::default()
            };
            // A worker that does not take it learns it from the end of its answer.
            let _ = worker.requests.try_send(over);
        }
    }

    /// Whether the worker has said anything to that question yet.
    pub(crate) fn has_begun(&self, id: &str) -> bool {
        self.table().requests.get(id).is_some_and(|request| request.begun)
    }

    /// A worker's answer, until it ends, its reader is gone, or its session is over.
    pub(crate) async fn publish(
        &self,
        node: &NodeId,
        first: v1::LogBatch,
        mut batches: Streaming<v1::LogBatch>,
        over: CancellationToken,
    ) -> Result<(), Status> {
        let id = first.request_id.clone();
        let Some((tasks, lines)) = self.begin(node, &id) else {
            return Err(Status::not_found("nobody reads these lines any more"));
        };
        let passed = tokio::select! {
            biased;
            () = over.cancelled() => Ok(End::Cut),
            () = lines.closed() => {
                self.forget(&id);
                return Ok(());
            }
            passed = pass_on(&tasks, node, first, &mut batches, &lines) => passed.map(|()| End::Complete),
        };
        self.end(&id, *passed.as_ref().unwrap_or(&End::Cut));
        passed.map(drop)
    }

    /// The tasks it may speak of and where the lines go; `None` when it was not asked, or has answered already.
    fn begin(&self, node: &NodeId, id: &str) -> Option<(BTreeMap<String, String>, Lines)> {
        let mut table = self.table();
        let request = table.requests.get_mut(id)?;
        if request.node != *node || std::mem::replace(&mut request.begun, true) {
            return None;
        }
        Some((request.tasks.clone(), request.lines.clone()))
    }

    fn end(&self, id: &str, end: End) {
        if let Some(request) = self.table().requests.remove(id) {
            // The reader may be gone.
            let _ = request.ended.send((id.to_owned(), end));
        }
    }

    /// Every open question to a worker ends here.
    fn cut(&self, node: &NodeId) {
        let open: Vec<String> = {
            let table = self.table();
            let of_node = table.requests.iter().filter(|(_, request)| request.node == *node);
            of_node.map(|(id, _)| id.clone()).collect()
        };
        for id in open {
            self.end(&id, End::Cut);
        }
    }
}

/// A worker hears requests; dropped, it hears none any more.
struct Listening {
    logs: Logs,
    node: NodeId,
    session: String,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let is_mine = {
            let mut table = self.logs.table();
            let worker = table.workers.get(&self.node);
            let is_mine = worker.is_some_and(|worker| worker.session == self.session);
            if is_mine {
                table.workers.remove(&self.node);
            }
            is_mine
        };
        if is_mine {
            self.logs.cut(&self.node);
        }
    }
}

/// Until there are no more. A reader that is gone is noticed by whoever waits for that.
async fn pass_on(
    tasks: &BTreeMap<String, String>,
    node: &NodeId,
    first: v1::LogBatch,
    batches: &mut Streaming<v1::LogBatch>,
    lines: &Lines,
) -> Result<(), Status> {
    let mut next = Some(first);
    while let Some(batch) = next {
        for line in batch.lines.into_iter().filter_map(|line| told(tasks, node, line)) {
            if lines.send(Ok(line)).await.is_err() {
                return Ok(());
            }
        }
        next = batches.message().await?;
    }
    Ok(())
}

/// A line as its reader gets it. A worker speaks of the tasks that it was asked for, and of no others.
fn told(tasks: &BTreeMap<String, String>, node: &NodeId, mut line: v1::LogLine) -> Option<v1::LogLine> {
    line.task_name = tasks.get(&line.task_id)?.clone();
    line.node_id = node.to_string();
    line.text.truncate(LINE_BYTES);
    Some(line)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use futures_util::FutureExt;

    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name)
    }

    fn question(id: &str) -> Question {
        Question {
            id: id.into(),
            node: node("w1"),
            tasks: [("t1".to_owned(), "web.1".to_owned())].into(),
            follow: false,
            tail: Some(5),
            since_ms: 0,
        }
    }

    #[tokio::test]
    async fn a_worker_is_asked_and_told_when_nobody_reads() {
        let logs = Logs::default();
        let (lines, _reader) = mpsc::channel(4);
        let (ended, mut ends) = mpsc::unbounded_channel();
        let unasked = logs.ask(question("a"), lines.clone(), ended.clone());
        assert_eq!(unasked, Err(Unasked::Away), "nobody listens");
        let away = [node("w1")].into();
        let mut back = Box::pin(logs.any_listens(&away));
        assert!(back.as_mut().now_or_never().is_none());
        let over = CancellationToken::new();
        let mut requests = Box::pin(logs.requests(node("w1"), "s1".into(), over.clone()));
        assert!(back.now_or_never().is_some(), "it is heard of");
        logs.ask(question("b"), lines.clone(), ended.clone()).unwrap();
        let asked = requests.next().await.unwrap().unwrap();
        assert_eq!(
            (asked.id.as_str(), asked.task_ids.as_slice()),
            ("b", &["t1".to_owned()][..])
        );
        logs.forget("b");
        let told = requests.next().await.unwrap().unwrap();
        assert!(told.over && told.id == "b");
        // With its session, its open questions end.
        logs.ask(question("c"), lines, ended).unwrap();
        requests.next().await.unwrap().unwrap();
        over.cancel();
        assert!(requests.next().await.is_none());
        drop(requests);
        assert_eq!(ends.recv().await.unwrap(), ("c".to_owned(), End::Cut));
        assert!(logs.table().requests.is_empty() && logs.table().workers.is_empty());
    }

    #[tokio::test]
    async fn a_new_session_takes_over_and_the_old_one_takes_nothing_with_it() {
        let logs = Logs::default();
        let old = logs.requests(node("w1"), "s1".into(), CancellationToken::new());
        let mut new = Box::pin(logs.requests(node("w1"), "s2".into(), CancellationToken::new()));
        drop(old);
        let (lines, _reader) = mpsc::channel(4);
        let (ended, _ends) = mpsc::unbounded_channel();
        logs.ask(question("a"), lines, ended).unwrap();
        assert!(new.next().now_or_never().is_some());
    }

    #[test]
    fn a_worker_speaks_of_its_own_tasks_only() {
        let logs = Logs::default();
        let _listening = logs.requests(node("w1"), "s1".into(), CancellationToken::new());
        let (lines, _reader) = mpsc::channel(4);
        let (ended, _ends) = mpsc::unbounded_channel();
        logs.ask(question("a"), lines, ended).unwrap();
        assert!(logs.begin(&node("w2"), "a").is_none(), "another worker was asked");
        assert!(logs.begin(&node("w1"), "b").is_none(), "nobody asked that");
        let (tasks, _) = logs.begin(&node("w1"), "a").unwrap();
        assert!(logs.begin(&node("w1"), "a").is_none(), "one answer each");
        let line = |task: &str| v1::LogLine {
            task_id: task.into(),
            task_name: "root".into(),
            node_id: "m1".into(),
            text: vec![b'x'; 100_000],
            ..Default::default()
        };
        assert_eq!(told(&tasks, &node("w1"), line("t2")), None);
        let told = told(&tasks, &node("w1"), line("t1")).unwrap();
        assert_eq!((told.task_name.as_str(), told.node_id.as_str()), ("web.1", "w1"));
        assert_eq!(told.text.len(), LINE_BYTES);
    }
}
