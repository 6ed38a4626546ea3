//! How does a test get a cluster as a user has one? A headless demo in its own process, and commands beside it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

use crate::until::until;

/// The binary under test: `WARDROOM_BIN`, or the path Cargo gave the calling test.
pub fn binary(from_cargo: &str) -> PathBuf {
    std::env::var_os("WARDROOM_BIN").map_or_else(|| PathBuf::from(from_cargo), PathBuf::from)
}

/// `wardroom demo --headless --dir D` as a child process, killed with it.
pub struct Demo {
    binary: PathBuf,
    pub dir: PathBuf,
    child: Option<Child>,
    scratch: Option<tempfile::TempDir>,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        self.out
    }

    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Asserts the exit code and that stderr contains every text.
    #[track_caller]
    pub fn refused(self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        for text in texts {
            assert!(self.err.contains(text), "{text:?} is not in: {}", self.err);
        }
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Demo {
    /// An empty cluster in a scratch directory, with a leader.
    pub fn empty(binary: &Path) -> Self {
        let scratch = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
        let mut demo = Self::at(binary, &scratch.path().join("d"), &["--empty"]);
        demo.scratch = Some(scratch);
        demo
    }

    /// A cluster in `dir`, new or reopened, with a leader.
    pub fn at(binary: &Path, dir: &Path, arguments: &[&str]) -> Self {
        let mut demo = Self {
            binary: binary.to_owned(),
            dir: dir.to_owned(),
            child: None,
            scratch: None,
        };
        demo.start(arguments);
        demo
    }

    pub fn start(&mut self, arguments: &[&str]) {
        self.spawn(arguments);
        self.wait_ready();
    }

    /// Starts it again where it comes up locked.
    pub fn start_locked(&mut self) {
        self.spawn(&[]);
        until("the cluster says that it is locked", || {
            self.check_running();
            (self.run(&["node", "ls"]).code == 5).then_some(())
        });
    }

    fn spawn(&mut self, arguments: &[&str]) {
        let log = std::fs::File::create(self.dir.with_extension("output")).unwrap();
        let child = Command::new(&self.binary)
            .args(["demo", "--headless", "--dir"])
            .arg(&self.dir)
            .args(arguments)
            .current_dir(self.dir.parent().expect("it is in a test's folder"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    fn check_running(&mut self) {
        if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
            panic!("the demo ended with {status}: {}", self.output());
        }
    }

    pub fn wait_ready(&mut self) {
        until("the cluster has a leader and its workers are ready", || {
            self.check_running();
            let nodes = self.run(&["node", "ls", "--format", "json"]);
            (nodes.code == 0 && nodes.out.to_lowercase().matches("ready").count() >= 2).then_some(())
        });
    }

    /// What the demo printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.dir.with_extension("output")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).expect("the demo runs")
    }

    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.dir.join("wardroom.sock").display())
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env("WARDROOM_HOST", self.host())
            .env("NO_COLOR", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).stdin(Stdio::null()).output().unwrap().into()
    }

    /// The file of that target in every running task of a service.
    pub fn files(&self, service: &str, target: &str) -> Vec<PathBuf> {
        let tasks = self.run(&["service", "ps", service, "--format", "json"]).json();
        let tasks = tasks.as_array().unwrap().iter();
        tasks
            .filter(|task| task["state"] == "running" && task["desired_state"] == "running")
            .map(|task| Path::new(task["secrets_dir"].as_str().unwrap()).join(target))
            .collect()
    }

    /// With `input` on stdin: the only way a value travels.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses early closes its stdin; that is not this test's failure.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap().into()
    }

    /// SIGKILL, as a power cut would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the demo runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for its end, which somebody else has brought about.
    pub fn died(&mut self) -> ExitStatus {
        self.child.take().expect("the demo runs").wait().unwrap()
    }

    /// SIGTERM, and waits for a clean end.
    pub fn stop(&mut self) -> i32 {
        let mut child = self.child.take().expect("the demo runs");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            let pid = rustix::process::Pid::from_child(child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}
