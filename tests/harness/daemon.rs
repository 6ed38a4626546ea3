//! What is one machine of a cluster to a test? A `wardroom daemon` in its own process, on a host of a lab or on
//! loopback, and the commands that are given to it there.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::netns::Host;
use crate::process::Said;
use crate::until::until;

/// A daemon, running or not, and the directory that outlives it.
pub struct Daemon {
    pub name: String,
    /// Everything it writes to disk is below this.
    pub state_dir: PathBuf,
    pub socket: PathBuf,
    /// Where it listens and is reached, `host:port`.
    pub address: String,
    /// Where its next life ends by itself; see `wardroom_keys::failpoint`.
    pub failpoint: Option<&'static str>,
    binary: PathBuf,
    host: Option<Host>,
    child: Option<Child>,
}

impl Daemon {
    /// Starts on a host of a lab; `folder` is the test's.
    pub fn on(binary: &Path, folder: &Path, name: &str, host: &Host) -> Self {
        let address = format!("{}:2377", host.address);
        Self::start_new(binary, folder, name, address, Some(host.clone()))
    }

    /// Starts on loopback, at an address of its own (`127.0.0.1:port`).
    pub fn local(binary: &Path, folder: &Path, name: &str) -> Self {
        Self::start_new(binary, folder, name, free_address(), None)
    }

    fn start_new(binary: &Path, folder: &Path, name: &str, address: String, host: Option<Host>) -> Self {
        let mut daemon = Self {
            name: name.to_owned(),
            state_dir: folder.join(name),
            socket: folder.join(format!("{name}.sock")),
            address,
            failpoint: None,
            binary: binary.to_owned(),
            host,
            child: None,
        };
        daemon.start();
        daemon
    }

    /// Starts it (again) and waits until its socket answers.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let child = self
            .process()
            .envs(self.failpoint.map(|point| ("WARDROOM_FAILPOINT", point)))
            .args(["daemon", "--state-dir"])
            .arg(&self.state_dir)
            .args(["--hostname", &self.name, "--socket"])
            .arg(&self.socket)
            .current_dir(self.state_dir.parent().expect("it is in a test's folder"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let what = format!("the daemon of {} answers", self.name);
        until(&what, || {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                panic!("{} ended with {status}: {}", self.name, self.log());
            }
            (self.run(&["swarm", "info"]).code == 0).then_some(())
        });
    }

    fn log_file(&self) -> PathBuf {
        self.state_dir.with_extension("log")
    }

    /// What it has said so far, all its lives together.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).expect("the daemon runs")
    }

    /// A path as this daemon sees it: on a host of a lab, its mounts are its own. Without a process there is nothing.
    pub fn sees(&self, path: &Path) -> PathBuf {
        let pid = self.child.as_ref().map_or(0, Child::id);
        let below = path.strip_prefix("/").expect("paths of tasks are absolute");
        PathBuf::from(format!("/proc/{pid}/root")).join(below)
    }

    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    fn process(&self) -> Command {
        match &self.host {
            Some(host) => host.command(&self.binary),
            None => Command::new(&self.binary),
        }
    }

    /// A command on this machine, given to this daemon.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.process();
        command
            .args(arguments)
            .env("WARDROOM_HOST", format!("unix://{}", self.socket.display()))
            .env("NO_COLOR", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).stdin(Stdio::null()).output().unwrap().into()
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

    /// What the command says as JSON; `None` when it is refused.
    pub fn ask(&self, arguments: &[&str]) -> Option<Value> {
        let mut all = arguments.to_vec();
        all.extend(["--format", "json"]);
        let said = self.run(&all);
        (said.code == 0).then(|| serde_json::from_str(&said.out).unwrap())
    }

    /// SIGKILL, as a power cut would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the daemon runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits until it has ended by itself, or by what somebody else did.
    pub fn died(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the daemon runs");
        until(&format!("{} ends", self.name), || child.try_wait().unwrap())
    }

    /// SIGTERM, and waits for its end. Returns the exit code.
    pub fn stop(&mut self) -> i32 {
        let mut child = self.child.take().expect("the daemon runs");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        child.wait().unwrap().code().unwrap_or(-1)
    }
}

/// An address that was free a moment ago; a daemon binds it now and after every restart. It lies below the ports that the
/// system gives to outgoing connections, or one of them could take it meanwhile.
fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let port = || {
        let number = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        format!("127.0.0.1:{}", 10_000 + number % 10_000)
    };
    std::iter::repeat_with(port)
        .take(10_000)
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("a port is free")
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.is_some() {
            if std::thread::panicking() {
                let log = self.log();
                let tail = log.lines().rev().take(15).collect::<Vec<_>>();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                #[allow(clippy::print_stderr)] // a failed test shows what its machines said
                {
                    eprintln!("-- {} said last:\n{}", self.name, tail.join("\n"));
                }
            }
            self.stop();
        }
    }
}
