//! What is a machine of its own, on one machine? A network namespace with an address on a bridge. Cables can be pulled
//! and single paths cut, each without a word to either end. Needs root and iproute2; gone with the value.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Hosts on one bridge, which stands in a namespace of its own: nothing is added to the machine's own network.
pub struct Lab {
    hub: String,
    hosts: Vec<Host>,
}

/// One namespace, its cable, and its address.
#[derive(Clone, Debug)]
pub struct Host {
    /// Name of the namespace.
    pub namespace: String,
    /// IPv4 without a prefix length.
    pub address: String,
    cable: String,
    hub: String,
}

/// Labs of one process must not meet.
static LABS: AtomicU32 = AtomicU32::new(0);

impl Lab {
    pub fn new(hosts: usize) -> Self {
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let name = format!("wr{}-{number}", std::process::id());
        let hub = format!("{name}-hub");
        ip(&["netns", "add", &hub]);
        // From here on dropping it cleans up.
        let mut lab = Self { hub, hosts: Vec::new() };
        lab.in_hub(&["link", "add", "hub", "type", "bridge", "forward_delay", "0"]);
        lab.in_hub(&["link", "set", "hub", "up"]);
        for number in 1..=hosts {
            lab.add(&name, number);
        }
        lab
    }

    pub fn host(&self, number: usize) -> &Host {
        &self.hosts[number]
    }

    fn add(&mut self, name: &str, number: usize) {
        let host = Host {
            namespace: format!("{name}-{number}"),
            address: format!("10.77.0.{number}"),
            cable: format!("cable{number}"),
            hub: self.hub.clone(),
        };
        ip(&["netns", "add", &host.namespace]);
        self.hosts.push(host.clone());
        self.in_hub(&[
            "link",
            "add",
            &host.cable,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            &host.namespace,
        ]);
        self.in_hub(&["link", "set", &host.cable, "master", "hub", "up"]);
        host.ip(&["link", "set", "lo", "up"]);
        host.ip(&["address", "add", &format!("{}/24", host.address), "dev", "eth0"]);
        host.ip(&["link", "set", "eth0", "up"]);
    }

    fn in_hub(&self, arguments: &[&str]) {
        let mut all = vec!["-n", self.hub.as_str()];
        all.extend(arguments);
        ip(&all);
    }

    /// Cuts the paths between two groups; both ends just wait for packets that never come.
    pub fn part(&self, some: &[usize], others: &[usize]) {
        self.paths(some, others, "add");
    }

    /// Undoes [`Self::part`].
    pub fn heal(&self, some: &[usize], others: &[usize]) {
        self.paths(some, others, "del");
    }

    fn paths(&self, some: &[usize], others: &[usize], verb: &str) {
        let pairs = some.iter().flat_map(|a| others.iter().map(move |b| (*a, *b)));
        for (a, b) in pairs.flat_map(|(a, b)| [(a, b), (b, a)]) {
            let target = format!("{}/32", self.hosts[b].address);
            self.hosts[a].ip(&["route", verb, "blackhole", &target]);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let names = self.hosts.iter().map(|host| host.namespace.as_str());
        for name in names.chain([self.hub.as_str()]) {
            let _ = Command::new("ip")
                .args(["netns", "del", name])
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Host {
    /// A program that runs on this host and nowhere else. Its process is the program itself.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Pulls the cable out: nothing goes in or out, and nobody is told.
    pub fn unplug(&self) {
        ip(&["-n", &self.hub, "link", "set", &self.cable, "nomaster"]);
    }

    pub fn plug_in(&self) {
        ip(&["-n", &self.hub, "link", "set", &self.cable, "master", "hub"]);
    }

    fn ip(&self, arguments: &[&str]) {
        let mut all = vec!["-n", self.namespace.as_str()];
        all.extend(arguments);
        ip(&all);
    }
}

#[track_caller]
fn ip(arguments: &[&str]) {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .expect("iproute2 is installed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {error}", arguments.join(" "));
}
