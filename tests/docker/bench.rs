//! What does a container test stand on? A worker's files in memory, the engine of this host, and an image of busybox.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::engine::image_or_skip;
use harness::skip::root_or_skip;
use wardroom_agent::TaskId;
use wardroom_agent::executor::{Containers, Engine, Executor, Exit, Happening, Job, Running};
use wardroom_agent::files::{Files, NewFile, Reach, Target, TmpfsFiles, choose};
use wardroom_agent::run::{Kind, Run};
use wardroom_keys::SecretBytes;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// What [`image_or_skip`] makes.
const IMAGE: &str = "wardroom-test";
pub(crate) const CANARY: &str = "c4n4ry-f1sh-n3t";

/// One worker's files and containers.
pub(crate) struct Bench {
    pub(crate) node: String,
    pub(crate) files: TmpfsFiles,
    pub(crate) containers: Containers,
}

/// `None` where the means are missing, which is said.
pub(crate) fn bench(test: &str) -> Option<Bench> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    if !root_or_skip(test) {
        return None;
    }
    image_or_skip(test)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Some(Bench::of(format!("test{}n{number}", std::process::id())))
}

impl Bench {
    pub(crate) fn of(node: String) -> Self {
        Self {
            files: TmpfsFiles::new(choose(None, &node).unwrap()),
            containers: Containers::on(Engine::from_environment(), "cluster1", &node),
            node,
        }
    }

    /// Puts up one file of task t1 with owner and mode, or several.
    pub(crate) fn publish(&self, files: &[(&str, &str)]) {
        let targets: Vec<Target> = files.iter().map(|(target, _)| Target::parse(target).unwrap()).collect();
        let values: Vec<SecretBytes> = files
            .iter()
            .map(|(_, value)| SecretBytes::new(value.as_bytes().to_vec()))
            .collect();
        let files: Vec<NewFile<'_>> = targets
            .iter()
            .zip(&values)
            .map(|(target, value)| NewFile {
                target,
                uid: 4242,
                gid: 4343,
                mode: 0o440,
                value,
            })
            .collect();
        self.files.publish(&task(), Reach::Container, &files).unwrap();
    }

    pub(crate) fn job(&self, script: &str) -> Job {
        self.job_with(script, |_| {})
    }

    pub(crate) fn job_with(&self, script: &str, change: impl FnOnce(&mut Run)) -> Job {
        let mut run = Run {
            kind: Kind::Container,
            image: IMAGE.to_owned(),
            command: ["sh", "-c", script].map(ToOwned::to_owned).to_vec(),
            ..Run::default()
        };
        change(&mut run);
        Job {
            task: task(),
            name: format!("{}.1", self.node),
            service: Arc::default(),
            run: Arc::new(run),
            secrets_dir: self.files.directory(&task()),
            hidden: self.files.hidden(),
            log: Arc::default(),
        }
    }

    /// The name of the container of this bench's task.
    pub(crate) fn container(&self) -> String {
        format!("wardroom.{}.1.{}", self.node, task())
    }

    pub(crate) async fn start(&self, job: &Job) -> Box<dyn Running> {
        self.start_with(job, &[]).await
    }

    pub(crate) async fn start_with(&self, job: &Job, absolute: &[&str]) -> Box<dyn Running> {
        let absolute: Vec<String> = absolute.iter().map(|&path| path.to_owned()).collect();
        self.containers.prepare(job).await.unwrap();
        self.containers.start(job, &absolute).await.unwrap()
    }

    /// Runs a script to its end; its output and how it ended.
    pub(crate) async fn run(&self, job: &Job) -> (Vec<String>, Exit) {
        let mut running = self.start(job).await;
        let exit = tokio::time::timeout(PATIENCE, running.wait()).await.unwrap();
        (lines(job), exit)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-fv", &self.container()]).output();
        self.files.leave().unwrap();
    }
}

pub(crate) async fn next(running: &mut Box<dyn Running>) -> Happening {
    tokio::time::timeout(PATIENCE, running.next())
        .await
        .expect("something happens")
}

pub(crate) fn task() -> TaskId {
    TaskId::new("t1")
}

pub(crate) fn lines(job: &Job) -> Vec<String> {
    let lines = job.log.lines();
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(line.text.expose()).into_owned())
        .collect()
}

/// Waits until the container has written a line like this.
pub(crate) async fn until_line(job: &Job, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !lines(job).iter().any(|written| written == line) {
        assert!(Instant::now() < deadline, "'{line}' was not written: {:?}", lines(job));
        tokio::task::yield_now().await;
    }
}

pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The containers with this label, whatever they do.
pub(crate) fn containers(label: &str) -> Vec<String> {
    let found = docker(&["ps", "-aq", "--filter", &format!("label={label}")]);
    found.lines().map(ToOwned::to_owned).collect()
}
