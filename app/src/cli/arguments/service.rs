//! `wardroom service`, as it is written.

use clap::{Args, Subcommand, ValueEnum};

use super::{Inspect, List, Reading, References, ServiceWord};

#[derive(Debug, Subcommand)]
pub enum Service {
    Create(ServiceCreate),
    Ls(List),
    Ps(ServicePs),
    Inspect(Inspect<ServiceWord>),
    Update(ServiceUpdate),
    Rm(References<ServiceWord>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServiceMode {
    /// A number of tasks, spread over the workers
    Replicated,
    /// One task on every worker
    Global,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExecutorChoice {
    /// A command on the worker
    Process,
    /// No workload: only the files
    Files,
}

#[derive(Debug, Args)]
pub struct ServiceCreate {
    // A name that begins with a hyphen is the manager's to refuse, in words about names.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub name: String,
    /// Tasks to run
    #[arg(long, value_name = "R", conflicts_with = "mode")]
    pub replicas: Option<u32>,
    #[arg(long, value_enum)]
    pub mode: Option<ServiceMode>,
    #[arg(long, value_enum)]
    pub executor: Option<ExecutorChoice>,
    /// NAME, or source=,target=,uid=,gid=,mode=,on-change=swap|restart|signal:HUP; may be given several times
    #[arg(long = "secret", value_name = "SPEC")]
    pub secrets: Vec<String>,
    /// Label, k=v; may be given several times
    #[arg(short = 'l', long = "label", value_name = "k=v")]
    pub labels: Vec<String>,
    /// Nodes it may run on, e.g. node.role==worker or node.labels.zone!=eu; may be given several times
    #[arg(long = "constraint", value_name = "KEY==VALUE")]
    pub constraints: Vec<String>,
    /// Tasks that a restarting update replaces at once, 0 for all
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub update_parallelism: u32,
    /// Do not wait until the tasks run
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// Program and arguments
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ServicePs {
    /// Id, name or unique id prefix
    #[arg(value_name = "SERVICE", required = true)]
    pub references: Vec<String>,
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct ServiceUpdate {
    /// Grant a secret, as with `service create --secret`; may be given several times
    #[arg(long, value_name = "SPEC")]
    pub secret_add: Vec<String>,
    /// Take a secret away; may be given several times
    #[arg(long, value_name = "NAME")]
    pub secret_rm: Vec<String>,
    /// Tasks to run
    #[arg(long, value_name = "R")]
    pub replicas: Option<u32>,
    /// Do not wait until the tasks run
    #[arg(short = 'd', long)]
    pub detach: bool,
    #[arg(value_name = "SERVICE")]
    pub reference: String,
}
