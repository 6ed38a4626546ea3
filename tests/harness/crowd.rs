//! How does a test get a thousand workers on one machine? A crowd: a process with many agents in it, each with a key, a
//! certificate and a session of its own over real TLS. Only files and workloads are simulated.
//!
//! ```text
//! test                 crowd
//!   ── the token ────> each agent joins
//!   <───── "joined" ──
//!   ── "open" ───────> each agent opens its session
//!   <─────── "open" ──
//!   ── end of file ──> ends
//! ```

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use wardroom_agent::files::MemoryFiles;
use wardroom_agent::{Agent, AgentConfig, AgentSeams, Pace};
use wardroom_api::channel::{self, CALL_DEADLINE, request};
use wardroom_api::{Net, TcpNet, v1};
use wardroom_ca::{JoinTls, JoinToken, KeyRequest, NodeTls, SystemClock};
use wardroom_keys::OsChance;

/// The first argument of a process that is a crowd.
pub const COMMAND: &str = "--agents";
/// Agents of one crowd that are at it at the same time. A manager has room for 64 strangers, and machines start one by
/// one where they do not share two cores.
const AT_ONCE: usize = 8;
/// Far beyond what a crowd needs; one that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(120);

const JOINED: &str = "joined";
const OPEN: &str = "open";

/// A crowd in a process of its own, which ends with it.
pub struct Crowd {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Crowd {
    /// Starts `program`, which has to call [`run`], for the agents `w<first>` to `w<first + agents - 1>`.
    pub fn start(program: &Path, first: usize, agents: usize, manager: &str) -> Self {
        let mut child = Command::new(program)
            .args([COMMAND, &first.to_string(), &agents.to_string(), manager])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its agents begin to join.
    pub fn join(&mut self, token: &str) {
        self.say(token.trim());
    }

    pub fn wait_joined(&mut self) {
        self.hear(JOINED);
    }

    /// Its agents begin to open their sessions.
    pub fn open(&mut self) {
        self.say(OPEN);
    }

    pub fn wait_open(&mut self) {
        self.hear(OPEN);
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is open until the crowd is dropped");
        writeln!(input, "{line}").unwrap();
    }

    fn hear(&mut self, expected: &str) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected, "the crowd failed; it said why above");
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Lets no limit below the host's own keep a crowd, or a daemon that is started from here, from its sockets.
pub fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// The life of a crowd: the arguments are what [`Crowd::start`] passes after [`COMMAND`].
pub fn run(mut arguments: impl Iterator<Item = String>) {
    let mut number = || arguments.next().and_then(|text| text.parse::<usize>().ok()).unwrap();
    let (first, agents) = (number(), number());
    let manager = arguments.next().unwrap();
    let mut commands = std::io::stdin().lines().map(Result::unwrap);
    let runtime = Runtime::new().unwrap();

    let Some(token) = commands.next() else { return };
    let token = Arc::new(JoinToken::parse(token.as_bytes()).unwrap());
    let names = (first..first + agents).map(|number| format!("w{number}"));
    let joining = stream::iter(names.map(|name| join(name, &manager, &token))).buffer_unordered(AT_ONCE);
    let joined: Vec<(AgentConfig, NodeTls)> = runtime.block_on(joining.collect());
    answer(JOINED);

    let Some(_open) = commands.next() else { return };
    let opening = stream::iter(joined.into_iter().map(open)).buffer_unordered(AT_ONCE);
    let _agents: Vec<Agent> = runtime.block_on(opening.collect());
    answer(OPEN);
    // Until the end of file.
    commands.for_each(drop);
}

fn answer(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// As `wardroom swarm join` does it: nothing is said before the manager has proved the token's root.
async fn join(hostname: String, manager: &str, token: &JoinToken) -> (AgentConfig, NodeTls) {
    let own = KeyRequest::generate(&OsChance);
    let clock = Arc::new(SystemClock);
    let stream = TcpNet.connect(manager).await.unwrap();
    let (stream, _root) = JoinTls::new(token.pin(), clock.clone()).connect(stream).await.unwrap();
    let stream = Mutex::new(Some(stream));
    let connector = move || {
        let stream = stream.lock().unwrap().take();
        async move { stream.ok_or_else(|| std::io::Error::other("one connection only")) }
    };
    let channel = channel::connected(connector).await.unwrap();
    let asked = v1::AdmitRequest {
        token: Some(v1::Confidential::new(token.text().expose().to_vec())),
        csr_pem: own.csr_pem,
        hostname: hostname.clone(),
        address: String::new(),
        availability: v1::Availability::Active.into(),
        runs_tasks: true,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let admitted = channel::join(channel)
        .admit(request(asked, CALL_DEADLINE))
        .await
        .unwrap();
    let admitted = admitted.into_inner();
    let tls = NodeTls::new(&admitted.roots_pem, &admitted.certificate_pem, &own.key, clock).unwrap();
    let config = AgentConfig {
        cluster_id: admitted.cluster_id,
        node_id: admitted.node_id,
        hostname,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        managers: admitted.managers,
        secrets_root: None,
        shim: "/nowhere".into(),
        pace: Pace::default(),
    };
    (config, tls)
}

/// Returns when a manager serves the agent.
async fn open((config, tls): (AgentConfig, NodeTls)) -> Agent {
    let seams = AgentSeams::simulated(Arc::new(OsChance), Arc::new(TcpNet), Arc::new(MemoryFiles::new()));
    let agent = Agent::start(config, tls, seams).unwrap();
    let mut served_by = agent.served_by();
    let served = timeout(DEADLINE, served_by.wait_for(Option::is_some)).await;
    served.expect("every agent has a session in time").unwrap();
    agent
}
