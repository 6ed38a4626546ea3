//! What does a process test stand on? A secrets root in memory with one task in it, and a place for what scripts write.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use wardroom_agent::TaskId;
use wardroom_agent::executor::{Executor, Exit, Job, Processes, Running};
use wardroom_agent::files::{Files, NewFile, Reach, Target, TmpfsFiles, choose};
use wardroom_agent::run::Run;
use wardroom_keys::SecretBytes;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A secrets root with one task in it, a place for what processes write, and the executor.
pub(crate) struct Bench {
    pub(crate) home: TempDir,
    pub(crate) out: TempDir,
    pub(crate) files: TmpfsFiles,
    pub(crate) processes: Processes,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir_in("/dev/shm").unwrap();
        let files = TmpfsFiles::new(choose(Some(home.path()), "node1").unwrap());
        let bench = Self {
            home,
            out: tempfile::tempdir().unwrap(),
            files,
            processes: processes(),
        };
        bench.publish("one");
        bench
    }

    pub(crate) fn publish(&self, value: &str) {
        let target = Target::parse("tls/db_password").unwrap();
        let value = SecretBytes::new(value.as_bytes().to_vec());
        let file = NewFile {
            target: &target,
            uid: 0,
            gid: 0,
            mode: 0o444,
            value: &value,
        };
        self.files.publish(&task(), Reach::Task, &[file]).unwrap();
    }

    pub(crate) fn job(&self, script: &str) -> Job {
        let script = script.replace("OUT", self.out.path().to_str().unwrap());
        self.job_of(&["sh", "-c", &script])
    }

    pub(crate) fn job_of(&self, command: &[&str]) -> Job {
        Job {
            task: task(),
            name: "web.1".into(),
            service: Arc::default(),
            run: Arc::new(Run {
                command: command.iter().map(|&word| word.to_owned()).collect(),
                ..Run::default()
            }),
            secrets_dir: self.files.directory(&task()),
            hidden: self.files.hidden(),
            log: Arc::default(),
        }
    }

    /// The job of a script, changed.
    pub(crate) fn job_with(&self, script: &str, change: impl FnOnce(&mut Run)) -> Job {
        let mut job = self.job(script);
        change(Arc::make_mut(&mut job.run));
        job
    }

    /// Runs a job to its end.
    pub(crate) fn run_job(&self, runtime: &Runtime, job: &Job) -> Exit {
        let mut running = runtime.block_on(self.processes.start(job, &[])).unwrap();
        runtime
            .block_on(async { tokio::time::timeout(PATIENCE, running.wait()).await })
            .unwrap()
    }

    /// Why a job cannot be prepared.
    pub(crate) fn refusal(&self, runtime: &Runtime, change: impl FnOnce(&mut Run)) -> String {
        let job = self.job_with("true", change);
        runtime.block_on(self.processes.prepare(&job)).unwrap_err().to_string()
    }

    pub(crate) fn start(&self, runtime: &Runtime, script: &str) -> Box<dyn Running> {
        runtime.block_on(self.processes.start(&self.job(script), &[])).unwrap()
    }

    pub(crate) fn run(&self, runtime: &Runtime, script: &str) -> Exit {
        let mut running = self.start(runtime, script);
        runtime
            .block_on(async { tokio::time::timeout(PATIENCE, running.wait()).await })
            .unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    pub(crate) fn written(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A pipe that a script and this test wait for each other at.
    pub(crate) fn meeting(&self, name: &str) {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            self.path(name),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o666),
            0,
        )
        .unwrap();
    }
}

pub(crate) fn processes() -> Processes {
    Processes::new(std::env::current_exe().unwrap())
}

pub(crate) fn task() -> TaskId {
    TaskId::new("task1")
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn root_or_skip(test: &str) -> bool {
    let required = std::env::var("WARDROOM_TEST_REQUIRE").is_ok_and(|required| required.contains("root"));
    assert!(is_root() || !required, "{test} needs root");
    if !is_root() {
        println!("SKIPPED {test}: it needs root");
    }
    is_root()
}

/// Whether the process is gone, or only waits for somebody to take note.
pub(crate) fn is_gone(pid: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(_) => true,
        Ok(stat) => stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])),
    }
}

pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
}
