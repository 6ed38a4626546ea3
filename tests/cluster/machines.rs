//! What does a test of the cluster start from? Hosts in a lab, with daemons that have joined one another.

use std::path::{Path, PathBuf};

use harness::daemon::Daemon;
use harness::netns::Lab;
use harness::until::until;
use serde_json::Value;

use crate::binary;

/// Machines of one cluster, in the order in which they came. Dropped in the order of the fields: processes first.
pub(crate) struct Machines {
    pub(crate) all: Vec<Daemon>,
    pub(crate) lab: Lab,
    pub(crate) folder: tempfile::TempDir,
}

impl Machines {
    /// Hosts with daemons, none of which is in a cluster. `names` are their hostnames.
    pub(crate) fn alone(names: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
        let lab = Lab::new(names.len());
        let start = |(number, name): (usize, &&str)| Daemon::on(&binary(), folder.path(), name, lab.host(number));
        let all = names.iter().enumerate().map(start).collect();
        Self { all, lab, folder }
    }

    /// A cluster: those whose names begin with `m` as managers, the others as workers. All are ready.
    pub(crate) fn cluster(names: &[&str]) -> Self {
        let machines = Self::alone(names);
        machines.init(0);
        for number in 1..names.len() {
            machines.join(number);
        }
        machines
    }

    pub(crate) fn init(&self, number: usize) {
        let daemon = &self.all[number];
        let said = daemon.run(&["swarm", "init", "--advertise-addr", &daemon.address]).ok();
        assert!(said.contains("Swarm initialized: current node ("), "{said}");
    }

    /// Joins the first machine's cluster in the role its name asks for, and waits until it is counted in.
    pub(crate) fn join(&self, number: usize) {
        let daemon = &self.all[number];
        let role = if daemon.name.starts_with('m') {
            "manager"
        } else {
            "worker"
        };
        let said = self.try_join(number, &self.token(role)).ok();
        assert_eq!(said, format!("This node joined a swarm as a {role}.\n"));
        self.wait_node(&daemon.name, |node| node["status"] == "ready");
        if role == "manager" {
            self.wait_node(&daemon.name, |node| node["manager_status"] == "reachable");
        }
    }

    pub(crate) fn try_join(&self, number: usize, token: &str) -> harness::process::Said {
        let daemon = &self.all[number];
        let to = &self.all[0].address;
        let arguments = [
            "swarm",
            "join",
            "--token-file",
            "-",
            "--advertise-addr",
            &daemon.address,
            to,
        ];
        daemon.feed(&arguments, token.as_bytes())
    }

    pub(crate) fn token(&self, role: &str) -> String {
        self.manager()
            .run(&["swarm", "join-token", "-q", role])
            .ok()
            .trim()
            .to_owned()
    }

    pub(crate) fn named(&self, name: &str) -> &Daemon {
        let found = self.all.iter().find(|daemon| daemon.name == name);
        found.unwrap_or_else(|| panic!("there is no machine {name}"))
    }

    pub(crate) fn named_mut(&mut self, name: &str) -> &mut Daemon {
        let found = self.all.iter_mut().find(|daemon| daemon.name == name);
        found.unwrap_or_else(|| panic!("there is no machine {name}"))
    }

    pub(crate) fn number(&self, name: &str) -> usize {
        self.all.iter().position(|daemon| daemon.name == name).unwrap()
    }

    /// A running manager that answers.
    pub(crate) fn manager(&self) -> &Daemon {
        until("a manager answers", || {
            let mut managers = self
                .all
                .iter()
                .filter(|daemon| daemon.name.starts_with('m') && daemon.runs());
            managers.find(|daemon| daemon.ask(&["node", "ls"]).is_some())
        })
    }

    /// Who leads now, as a running manager says.
    pub(crate) fn leader(&self) -> String {
        until("somebody leads", || {
            let nodes = self.manager().ask(&["node", "ls"])?;
            let leader = nodes
                .as_array()?
                .iter()
                .find(|node| node["manager_status"] == "leader")?;
            Some(leader["hostname"].as_str()?.to_owned())
        })
    }

    /// The node's row of `node ls`, once it is as wanted.
    pub(crate) fn wait_node(&self, hostname: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(&format!("{hostname} is as wanted"), || {
            self.node(hostname).filter(|node| wanted(node))
        })
    }

    /// The node's row of `node ls`; `None` when there is no such node, or no manager says so.
    pub(crate) fn node(&self, hostname: &str) -> Option<Value> {
        let nodes = self.manager().ask(&["node", "ls"])?;
        let found = nodes.as_array()?.iter().find(|node| node["hostname"] == hostname);
        found.cloned()
    }

    /// A service of `sleep`s that hold `secret`.
    pub(crate) fn serve(&self, service: &str, secret: &str, replicas: usize, more: &[&str]) {
        let grant = format!("source={secret},target={secret}");
        let replicas = replicas.to_string();
        let mut arguments = vec![
            "service",
            "create",
            "--name",
            service,
            "--replicas",
            &replicas,
            "--secret",
            &grant,
        ];
        arguments.extend(more);
        arguments.extend(["--", "sleep", "1000"]);
        self.manager().run(&arguments).ok();
    }

    /// Running tasks of a service: host name of the node, process id and the file of that target.
    pub(crate) fn running(&self, service: &str) -> Vec<Value> {
        let tasks = self.manager().ask(&["service", "ps", service]).unwrap_or_default();
        let running = |task: &&Value| {
            task["state"]
                .as_str()
                .is_some_and(|state| state.eq_ignore_ascii_case("running"))
        };
        tasks
            .as_array()
            .map(|tasks| tasks.iter().filter(running).cloned().collect())
            .unwrap_or_default()
    }

    /// Where the file of a task can be looked at, through its daemon.
    pub(crate) fn file(&self, task: &Value, target: &str) -> Option<PathBuf> {
        let dir = task["secrets_dir"].as_str().filter(|dir| !dir.is_empty())?;
        Some(self.named(task["node"].as_str()?).sees(&Path::new(dir).join(target)))
    }

    /// Waits until so many tasks run and each holds these bytes. Returns the tasks.
    pub(crate) fn wait_files(&self, service: &str, target: &str, count: usize, bytes: &[u8]) -> Vec<Value> {
        until(&format!("{count} tasks of {service} hold their file"), || {
            let tasks = self.running(service);
            let holds = |task: &Value| {
                self.file(task, target)
                    .is_some_and(|path| std::fs::read(path).is_ok_and(|held| held == bytes))
            };
            (tasks.len() == count && tasks.iter().all(holds)).then_some(tasks)
        })
    }
}
