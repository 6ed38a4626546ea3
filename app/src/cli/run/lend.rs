//! How does a machine hold secrets for a program that is no task? As a service of one task that runs nothing: its worker
//! holds the files, and gives them up when the service goes, or when this process does without a word.

use std::collections::BTreeSet;
use std::time::Duration;

use wardroom_api::v1::{self, Executor, HoldingState, Kind, RestartCondition, TaskState};
use wardroom_api::{CallKind, ClusterView};

use super::place::Node;
use crate::cli::service::name;
use crate::cli::session::Session;
use crate::cli::wait::{self, Seen};
use crate::report::{Exit, Report};

const WATCHED: &[Kind] = &[Kind::Service, Kind::Task, Kind::Holding, Kind::Node];
/// How the worker knows whose secrets they are: it ends the task when this process is gone.
pub const RUN_PID: &str = "WARDROOM_RUN_PID";
/// What services of runs are called, with random letters behind.
const PREFIX: &str = "run-";
/// How long nothing may be heard while the files are erased.
const ERASED_WITHIN: Duration = Duration::from_secs(10);

/// The service that holds `grants` on that node for this process.
pub fn spec(program: &str, grants: Vec<v1::Grant>, node: Node) -> Result<v1::ServiceSpec, Report> {
    let program = program.rsplit('/').next().unwrap_or_default();
    Ok(v1::ServiceSpec {
        name: format!("{PREFIX}{}", letters()?),
        labels: [("wardroom.run".to_owned(), program.to_owned())].into(),
        run: Some(v1::RunSpec {
            executor: Executor::Files.into(),
            env: vec![format!("{RUN_PID}={}", this_process()?)],
            ..v1::RunSpec::default()
        }),
        replicas: 1,
        grants,
        constraints: match node {
            Node::Any => Vec::new(),
            Node::This(id) => vec![format!("node.id=={id}")],
        },
        restart: Some(v1::RestartPolicy {
            condition: RestartCondition::None.into(),
            ..v1::RestartPolicy::default()
        }),
        one_off: true,
        ..v1::ServiceSpec::default()
    })
}

fn letters() -> Result<String, Report> {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0u8; 10];
    name::random(&mut bytes)?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(DIGITS[usize::from(byte & 31)]))
        .collect())
}

/// `1234:5678`: the number, and when it started, in the kernel's ticks: a number alone is given out again.
pub fn this_process() -> Result<String, Report> {
    let unreadable =
        |why: String| Report::failure(format!("cannot read /proc/self/stat: {why}")).hint("is /proc mounted?");
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(|error| unreadable(error.to_string()))?;
    let since = start_time(&stat).ok_or_else(|| unreadable("it is not as expected".to_owned()))?;
    Ok(format!("{}:{since}", std::process::id()))
}

/// The 22nd field. The second is a name in brackets that may hold spaces and brackets itself.
pub fn start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The service while it is there.
pub struct Lent {
    service_id: String,
    name: String,
    index: u64,
    /// Every task that was seen: what they held is asked about when the service is gone.
    tasks: BTreeSet<String>,
}

/// Makes the service; from then on it has to be given back.
pub async fn lend(spec: v1::ServiceSpec, exposes_env: bool, session: &Session) -> Result<Lent, Report> {
    let name = spec.name.clone();
    let message = v1::CreateServiceRequest {
        spec: Some(spec),
        exposes_env,
    };
    let made = session
        .call(message, |mut control, request| async move {
            control.create_service(request).await
        })
        .await?;
    Ok(Lent {
        service_id: made.id,
        name,
        index: made.index,
        tasks: BTreeSet::new(),
    })
}

impl Lent {
    /// Waits until the worker holds every file and has proved it.
    pub async fn proven(&mut self, session: &Session) -> Result<v1::Task, Report> {
        let (service_id, tasks) = (&self.service_id, &mut self.tasks);
        let mut look = |view: &ClusterView| {
            tasks.extend(view.tasks_of_service(service_id).map(|task| task.id.clone()));
            look(view, service_id)
        };
        let ended = wait::while_moving(&session.client, WATCHED, self.index, &mut look, |_| {}).await;
        match ended {
            Ok(task) => task.map_err(|why| {
                Report::failure(format!("the secrets could not be had: {why}"))
                    .hint("see `wardroom node ls`; a worker has to run on this machine")
            }),
            Err(view) => {
                let word = match look(&view) {
                    Seen::Moving { word, .. } => word,
                    Seen::Over(_) => "it came too late".to_owned(),
                };
                Err(
                    Report::new(Exit::Timeout, format!("the secrets are not there in time: {word}"))
                        .hint("is the worker of this machine ready and active? see `wardroom node ls`"),
                )
            }
        }
    }

    /// Removes the service and waits, but not for ever, until its worker has proved that the files are gone. The program
    /// has ended: what fails here is told, and does not change what it ended with.
    pub async fn give_back(self, session: &mut Session) {
        let message = v1::RemoveServiceRequest {
            reference: self.service_id.clone(),
        };
        let removed = session
            .call(message, |mut control, request| async move {
                control.remove_service(request).await
            })
            .await;
        let index = match removed {
            Ok(answer) => answer.index,
            // Its task has ended, or somebody was quicker.
            Err(error) if error.kind() == CallKind::NotFound => self.index,
            Err(error) => {
                session.output.note(&format!(
                    "note: the secrets are still lent: {error}; the worker gives them up by itself, or remove service {}",
                    self.name
                ));
                return;
            }
        };
        let erased = |view: &ClusterView| match left(view, &self.tasks) {
            0 => Seen::Over(()),
            left => Seen::Moving {
                word: format!("{left} files are not erased yet"),
                patience: ERASED_WITHIN,
            },
        };
        let waited = wait::while_moving(&session.client, WATCHED, index, erased, |_| {}).await;
        if waited.is_err() {
            session
                .output
                .note("note: no proof yet that the files are erased; `wardroom secret holders` shows who owes it");
        }
    }
}

/// The task with its files proven, or why there will be none.
fn look(view: &ClusterView, service_id: &str) -> Seen<Result<v1::Task, String>> {
    if !view.services.contains_key(service_id) {
        return Seen::Over(Err("the service was removed meanwhile".to_owned()));
    }
    let moving = |word: String| Seen::Moving {
        word,
        patience: wait::DEADLINE,
    };
    let Some(task) = view.tasks_of_service(service_id).next() else {
        return moving("it has no task yet".to_owned());
    };
    if let Some(failed) = view
        .holdings_of_task(&task.id)
        .find(|holding| holding.state() == HoldingState::Failed)
    {
        return Seen::Over(Err(format!("{}: {}", failed.secret_name, failed.message)));
    }
    match task.state() {
        TaskState::Running if proven(view, task) => Seen::Over(Ok(task.clone())),
        state if state > TaskState::Running => Seen::Over(Err(said(task))),
        _ if task.node_id.is_empty() => moving(format!("no node takes it{}", also(&said(task)))),
        _ => moving(format!("{} makes the files", view.hostname(&task.node_id))),
    }
}

fn said(task: &v1::Task) -> String {
    if task.error.is_empty() {
        task.message.clone()
    } else {
        task.error.clone()
    }
}

fn also(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}

/// Each file is there, by the worker's receipt, and the worker has said where.
fn proven(view: &ClusterView, task: &v1::Task) -> bool {
    let has = |file: &v1::SecretFile| {
        view.holdings_of_task(&task.id).any(|holding| {
            holding.secret_id == file.secret_id
                && holding.version == file.version
                && holding.target == file.target
                && holding.state() == HoldingState::Present
                && holding.proven
        })
    };
    !task.secrets_dir.is_empty() && task.files.iter().all(has)
}

/// Files of these tasks of which nobody has proved that they are gone.
fn left(view: &ClusterView, tasks: &BTreeSet<String>) -> usize {
    view.holdings
        .values()
        .filter(|holding| tasks.contains(&holding.task_id))
        .filter(|holding| holding.owed || holding.state() == HoldingState::Present)
        .count()
}
