//! Do the lines of tasks reach who reads them, through a follower, and only from the workers that have them?

use futures_util::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use wardroom_api::v1::dispatcher_client::DispatcherClient;
use wardroom_api::{channel, v1};
use wardroom_state::ids::NodeId;

use crate::agent::line;
use crate::fleet::{Fleet, in_time, until};

/// A worker that has a session and hears requests.
struct Worker {
    client: DispatcherClient<Channel>,
    session_id: String,
    session: Streaming<v1::SessionMessage>,
}

impl Worker {
    async fn start(fleet: &Fleet, node: &str) -> Self {
        let address = &fleet.addresses()[fleet.leader()];
        let mut client = channel::dispatcher(line(address, &fleet.worker_tls(node)));
        let hello = v1::SessionRequest {
            hostname: format!("host-{node}"),
            ..Default::default()
        };
        let mut session = client.session(hello).await.unwrap().into_inner();
        let session_id = session.message().await.unwrap().unwrap().session_id;
        Self {
            client,
            session_id,
            session,
        }
    }

    /// All its tasks, once there are so many of them in all.
    async fn runs(&mut self, fleet: &Fleet, node: &str, count: usize) {
        placed(fleet, count).await;
        let mine = fleet.managers[fleet.leader()].replica().read(|state| {
            let tasks = state.tasks_on(&NodeId::new(node));
            tasks.map(|task| task.id.to_string()).collect::<Vec<_>>()
        });
        let tasks = mine.into_iter().map(|task_id| v1::TaskReport {
            task_id,
            state: v1::TaskState::Running.into(),
            ..Default::default()
        });
        let report = v1::ReportRequest {
            session_id: self.session_id.clone(),
            tasks: tasks.collect(),
            ..Default::default()
        };
        self.client.report(report).await.unwrap();
    }

    async fn requests(&mut self) -> Streaming<v1::LogRequest> {
        let request = v1::LogRequestsRequest {
            session_id: self.session_id.clone(),
        };
        self.client.log_requests(request).await.unwrap().into_inner()
    }

    async fn publish(&mut self, request_id: &str, lines: Vec<v1::LogLine>) -> Result<(), tonic::Status> {
        let batch = v1::LogBatch {
            session_id: self.session_id.clone(),
            request_id: request_id.into(),
            lines,
        };
        let batches = futures_util::stream::iter([batch]);
        self.client.publish_logs(batches).await.map(|_| ())
    }
}

fn said(task: &str, text: &str) -> v1::LogLine {
    v1::LogLine {
        task_id: task.into(),
        text: text.into(),
        task_name: "not the worker's to say".into(),
        ..Default::default()
    }
}

async fn serve(fleet: &Fleet, replicas: u32) {
    let spec = v1::ServiceSpec {
        name: "web".into(),
        replicas,
        run: Some(v1::RunSpec {
            command: vec!["serve".into()],
            ..Default::default()
        }),
        ..Default::default()
    };
    let request = v1::CreateServiceRequest {
        spec: Some(spec),
        exposes_env: false,
    };
    fleet.control(fleet.leader()).create_service(request).await.unwrap();
}

/// Worker `w1`, which runs the only task there is and hears questions about it.
async fn worker_with_one_task(fleet: &Fleet) -> (Worker, Streaming<v1::LogRequest>) {
    let mut worker = Worker::start(fleet, "w1").await;
    serve(fleet, 1).await;
    worker.runs(fleet, "w1", 1).await;
    let requests = worker.requests().await;
    (worker, requests)
}

async fn placed(fleet: &Fleet, count: usize) {
    for manager in &fleet.managers {
        until(manager, "the tasks have nodes", |state| {
            state.tasks().values().filter(|task| task.node.is_some()).count() == count
        })
        .await;
    }
}

fn read(follow: bool) -> v1::LogsRequest {
    v1::LogsRequest {
        references: vec!["web".into()],
        follow,
        tail: Some(10),
        since_ms: 0,
    }
}

fn text(line: &v1::LogLine) -> String {
    String::from_utf8_lossy(&line.text).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_reach_their_reader_through_a_follower() {
    let fleet = Fleet::start(2).await;
    let mut one = Worker::start(&fleet, "w1").await;
    let mut other = Worker::start(&fleet, "w2").await;
    serve(&fleet, 2).await;
    one.runs(&fleet, "w1", 2).await;
    other.runs(&fleet, "w2", 2).await;
    let mut requests = one.requests().await;
    // The other one's program is too old to be asked.
    let mut control = fleet.control(fleet.follower());
    let mut lines = control.logs(read(false)).await.unwrap().into_inner();
    let asked = in_time("the question", requests.message()).await.unwrap().unwrap();
    assert_eq!((asked.task_ids.len(), asked.tail, asked.follow), (1, Some(10), false));
    let task = &asked.task_ids[0];

    // Nobody answers for it, and it does not speak of others.
    let strange = other.publish(&asked.id, vec![said(task, "forged")]).await.unwrap_err();
    assert_eq!(strange.code(), Code::NotFound);
    let said = vec![said(task, "first"), said("other-task", "forged"), said(task, "second")];
    one.publish(&asked.id, said).await.unwrap();
    let mut got = Vec::new();
    while let Some(line) = in_time("a line", lines.next()).await {
        got.push(line.unwrap());
    }
    let of_one: Vec<_> = got.iter().filter(|line| line.node_id == "w1").collect();
    assert_eq!(
        of_one.iter().map(|line| text(line)).collect::<Vec<_>>(),
        ["first", "second"]
    );
    assert!(
        of_one
            .iter()
            .all(|line| line.task_name.starts_with("web.") && line.task_id == *task)
    );
    let of_other: Vec<_> = got.iter().filter(|line| line.node_id == "w2").collect();
    assert!(of_other.len() == 1 && of_other[0].error, "{of_other:?}");
    assert!(text(of_other[0]).contains("no logs of web."), "{of_other:?}");
    drop(other.session);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_follows_gets_new_tasks_and_its_end_is_told() {
    let fleet = Fleet::start(1).await;
    let (mut worker, mut requests) = worker_with_one_task(&fleet).await;
    let mut control = fleet.control(fleet.follower());
    let mut lines = control.logs(read(true)).await.unwrap().into_inner();
    let first = in_time("the question", requests.message()).await.unwrap().unwrap();
    assert!(first.follow);
    let (answer, batches) = tokio::sync::mpsc::channel(1);
    let batch = |lines| v1::LogBatch {
        session_id: worker.session_id.clone(),
        request_id: first.id.clone(),
        lines,
    };
    answer.send(batch(vec![said(&first.task_ids[0], "one")])).await.unwrap();
    let mut client = worker.client.clone();
    let publishing = tokio::spawn(async move { client.publish_logs(ReceiverStream::new(batches)).await });
    assert_eq!(text(&in_time("a line", lines.next()).await.unwrap().unwrap()), "one");

    let more = v1::UpdateServiceRequest {
        reference: "web".into(),
        replicas: Some(2),
        ..Default::default()
    };
    control.update_service(more).await.unwrap();
    worker.runs(&fleet, "w1", 2).await;
    let second = in_time("another question", requests.message()).await.unwrap().unwrap();
    assert_ne!((&second.id, &second.task_ids), (&first.id, &first.task_ids));

    drop(lines);
    let mut over = Vec::new();
    while over.len() < 2 {
        let told = in_time("both are over", requests.message()).await.unwrap().unwrap();
        assert!(told.over);
        over.push(told.id);
    }
    over.sort();
    let mut asked = vec![first.id.clone(), second.id];
    asked.sort();
    assert_eq!(over, asked);
    in_time("the answer ends", publishing).await.unwrap().unwrap();
    drop(worker.session);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_follows_asks_again_when_its_worker_is_back() {
    let fleet = Fleet::start(1).await;
    let (mut worker, mut requests) = worker_with_one_task(&fleet).await;
    let mut control = fleet.control(fleet.follower());
    let mut lines = control.logs(read(true)).await.unwrap().into_inner();
    let first = in_time("the question", requests.message()).await.unwrap().unwrap();
    drop(requests);
    let word = in_time("a word about it", lines.next()).await.unwrap().unwrap();
    assert!(text(&word).contains("no logs of web.1 now"), "{word:?}");
    assert_eq!(word.number, 0, "no line of the task");

    let mut requests = worker.requests().await;
    let back = in_time("the end", lines.next()).await.unwrap().unwrap_err();
    assert_eq!(back.code(), Code::Unavailable);
    let again = control.logs(read(true)).await.unwrap().into_inner();
    let second = in_time("the question again", requests.message())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(second.task_ids, first.task_ids);
    drop((again, worker.session));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_refused() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let missing = control.logs(read(false)).await.unwrap_err();
    assert_eq!(
        (missing.code(), missing.message()),
        (Code::NotFound, "no such task or service: web")
    );
    let nothing = v1::LogsRequest::default();
    assert_eq!(control.logs(nothing).await.unwrap_err().code(), Code::InvalidArgument);
    fleet.stop().await;
}
