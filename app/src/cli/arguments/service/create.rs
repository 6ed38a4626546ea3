//! `wardroom service create`, as it is written.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Waiting;
use super::shape::Shape;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServiceMode {
    /// A number of tasks, spread over the workers
    Replicated,
    /// One task on every worker
    Global,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExecutorChoice {
    /// A container of an image
    Container,
    /// A command on the worker
    Process,
    /// No workload: only the files
    Files,
}

#[derive(Debug, Default, Args)]
pub struct ServiceCreate {
    // A name that begins with a hyphen is the manager's to refuse, in words about names.
    /// Without it, one is made up
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub name: Option<String>,
    #[arg(long, value_enum)]
    pub mode: Option<ServiceMode>,
    /// What runs its tasks; without it a container for an image, a process for a command after two dashes
    #[arg(long, value_enum)]
    pub executor: Option<ExecutorChoice>,
    /// NAME, or source=,target=,uid=,gid=,mode=,on-change=swap|restart|signal:HUP; may be given several times
    #[arg(long = "secret", value_name = "SPEC")]
    pub secrets: Vec<String>,
    /// Label, k=v; may be given several times
    #[arg(short = 'l', long = "label", value_name = "k=v")]
    pub labels: Vec<String>,
    /// Label of the containers, k=v; may be given several times
    #[arg(long = "container-label", value_name = "k=v")]
    pub container_labels: Vec<String>,
    /// Variable, NAME=value, or NAME for the value it has here; may be given several times
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// File of variables, one a line; may be given several times
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Further group of the user, by name or number; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Network of the engine; may be given several times
    #[arg(long = "network", value_name = "NAME")]
    pub networks: Vec<String>,
    /// type=bind|volume|tmpfs,source=,target=,readonly; may be given several times
    #[arg(long = "mount", value_name = "MOUNT")]
    pub mounts: Vec<String>,
    /// Port on the node that runs the container, TARGET or PUBLISHED:TARGET, then /tcp, /udp or /sctp if wanted; may be given several times
    #[arg(short = 'p', long = "publish", value_name = "PORT")]
    pub ports: Vec<String>,
    /// Nodes it may run on, e.g. node.role==worker or node.labels.zone!=eu; may be given several times
    #[arg(long = "constraint", value_name = "KEY==VALUE")]
    pub constraints: Vec<String>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Image and its arguments, as in Docker
    #[arg(value_name = "IMAGE [COMMAND] [ARG...]", allow_hyphen_values = true)]
    pub words: Vec<String>,
    /// Program and arguments of a process, after two dashes
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}
