//! `wardroom service`, as it is written: Docker's lines, and a command after two dashes for a process.

mod changes;
mod create;
mod shape;

use clap::{Args, Subcommand};

pub use self::changes::{ServiceUpdate, SpecChanges};
pub use self::create::{ExecutorChoice, ServiceCreate, ServiceMode};
pub use self::shape::{
    FailureChoice, Health, OrderChoice, ReloadHook, Restart, RestartChoice, Roll, RollbackRoll, Running, Shape,
};
use super::{Reading, References, ServiceWord};
use crate::cli::since;

#[derive(Debug, Subcommand)]
pub enum Service {
    Create(Box<ServiceCreate>),
    Ls(ServiceLs),
    Ps(ServicePs),
    Inspect(ServiceInspect),
    Update(Box<ServiceUpdate>),
    Rollback(ServiceRollback),
    Scale(ServiceScale),
    Logs(ServiceLogs),
    Rm(References<ServiceWord>),
}

#[derive(Debug, Args)]
pub struct ServiceLs {
    /// Only those with id=, name=, label= or mode=; may be given several times
    #[arg(short, long = "filter", value_name = "K=V")]
    pub filters: Vec<String>,
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct ServicePs {
    /// Id, name or unique id prefix
    #[arg(value_name = "SERVICE", required = true)]
    pub references: Vec<String>,
    #[command(flatten)]
    pub listing: TaskListing,
}

/// How tasks are listed.
#[derive(Debug, Default, Args)]
pub struct TaskListing {
    /// Only those with id=, name=, node= or desired-state=; may be given several times
    #[arg(short, long = "filter", value_name = "K=V")]
    pub filters: Vec<String>,
    /// Whole ids, errors and commands
    #[arg(long)]
    pub no_trunc: bool,
    /// Ids in place of hostnames
    #[arg(long)]
    pub no_resolve: bool,
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct ServiceInspect {
    /// For people, as Docker lays it out
    #[arg(long)]
    pub pretty: bool,
    #[command(flatten)]
    pub of: References<ServiceWord>,
    #[command(flatten)]
    pub reading: Reading,
}

/// Whether the end of a change is waited for.
#[derive(Clone, Debug, Default, Args)]
pub struct Waiting {
    /// Do not wait until the tasks run
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// Wait, and say nothing on the way
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct ServiceRollback {
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub plan: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    #[arg(value_name = "SERVICE")]
    pub reference: String,
}

#[derive(Debug, Args)]
pub struct ServiceScale {
    /// Do not wait until the tasks run
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// How many tasks each is to have
    #[arg(value_name = "SERVICE=REPLICAS", required = true)]
    pub sizes: Vec<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ServiceLogs {
    /// Go on with new lines as they come
    #[arg(short, long)]
    pub follow: bool,
    /// The last lines of each task only
    #[arg(short = 'n', long, value_name = "N", default_value = "all", value_parser = since::tail)]
    pub tail: since::Tail,
    /// Since a time (2026-01-02T03:04:05Z) or for a span (42m)
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// When each line was written
    #[arg(short, long)]
    pub timestamps: bool,
    /// Names of tasks without their ids
    #[arg(long)]
    pub no_task_ids: bool,
    /// Ids in place of names
    #[arg(long)]
    pub no_resolve: bool,
    /// Whole ids
    #[arg(long)]
    pub no_trunc: bool,
    /// The lines as they were written, and nothing else
    #[arg(long)]
    pub raw: bool,
    /// Also the node's and the task's ids
    #[arg(long)]
    pub details: bool,
    /// A service or one of its tasks
    #[arg(value_name = "SERVICE|TASK")]
    pub reference: String,
}
