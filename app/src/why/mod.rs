//! Why can a service read a secret, or why not? The chain from the grant to the bytes as a view of the cluster tells it:
//! grant, version, then for each task its assignment, delivery, file and digest. It ends at the first link that does not
//! hold, with the reason and what to do. Pure: the command line and the console print the same chain.

mod service;
mod task;

use wardroom_api::ClusterView;

/// One step of the chain, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The service's spec names the secret.
    Grant,
    /// There is a version that the grant means.
    Version,
    /// A task of the service has a node, and is to have the file.
    Assignment,
    /// The node has said that it has the version.
    Delivery,
    /// It stands at its place.
    File,
    /// What was read back from the file is what was sealed.
    Digest,
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Version => "version",
            Self::Assignment => "assignment",
            Self::Delivery => "delivery",
            Self::File => "file",
            Self::Digest => "digest",
        }
    }
}

/// Whether a link holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Yes,
    /// Not yet, and by itself it will: somebody is at it.
    NotYet,
    /// It does not, and somebody has to do something.
    No,
}

impl Holds {
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "ok",
            Self::NotYet => "waiting",
            Self::No => "broken",
        }
    }
}

/// One link: what is so, and where it does not hold what to do next (a sentence or a command; empty where it holds).
/// Texts hold names from the cluster and are not made harmless for a terminal yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub step: Step,
    pub holds: Holds,
    pub text: String,
    pub next: String,
    /// Unix milliseconds since when it is so; 0 where nobody says.
    pub since_ms: i64,
}

impl Link {
    fn new(step: Step, holds: Holds, text: impl Into<String>) -> Self {
        Self {
            step,
            holds,
            text: text.into(),
            next: String::new(),
            since_ms: 0,
        }
    }

    fn yes(step: Step, text: impl Into<String>) -> Self {
        Self::new(step, Holds::Yes, text)
    }

    fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    fn since(mut self, since_ms: i64) -> Self {
        self.since_ms = since_ms;
        self
    }
}

/// One target in one task, from its assignment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskChain {
    pub task_id: String,
    /// `web.1`
    pub task: String,
    /// Hostname, or the id of a node that is gone; empty without a node.
    pub node: String,
    pub target: String,
    /// Up to the first that does not hold.
    pub links: Vec<Link>,
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Raft index of the view it is read from.
    pub index: u64,
    pub service: String,
    pub secret: String,
    /// What holds for the service as a whole: grant and version of each grant, and an assignment only where it has no
    /// task that could have it.
    pub links: Vec<Link>,
    /// Each task that should run, with each target; empty when the chain breaks before.
    pub tasks: Vec<TaskChain>,
}

impl Why {
    /// Whether every link of every chain holds: the bytes are where they should be, and proven.
    pub fn is_whole(&self) -> bool {
        self.all().all(|link| link.holds == Holds::Yes)
    }

    /// The link to look at: the first that is broken, or else the first that is waited for, and the task it belongs to.
    pub fn breaks_at(&self) -> Option<(Option<&TaskChain>, &Link)> {
        let first = |holds| self.with_tasks().find(move |(_, link)| link.holds == holds);
        first(Holds::No).or_else(|| first(Holds::NotYet))
    }

    fn all(&self) -> impl Iterator<Item = &Link> {
        self.with_tasks().map(|(_, link)| link)
    }

    fn with_tasks(&self) -> impl Iterator<Item = (Option<&TaskChain>, &Link)> {
        let of_tasks = self
            .tasks
            .iter()
            .flat_map(|chain| chain.links.iter().map(move |link| (Some(chain), link)));
        self.links.iter().map(|link| (None, link)).chain(of_tasks)
    }
}

/// The chain between a service and a secret, both by id; of one task alone when `task_id` is given.
pub fn why(view: &ClusterView, service_id: &str, secret_id: &str, task_id: Option<&str>) -> Why {
    service::chain(view, service_id, secret_id, task_id)
}

#[cfg(test)]
mod tests;
