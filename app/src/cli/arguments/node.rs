//! `wardroom node`, as it is written.

use clap::{Args, Subcommand, ValueEnum};
use wardroom_api::v1;

use super::service::TaskListing;
use super::{List, Reading};

#[derive(Debug, Subcommand)]
pub enum Node {
    Ls(List),
    Inspect(NodeInspect),
    Ps(NodePs),
    Update(NodeUpdate),
    Promote(NodeChange),
    Demote(NodeChange),
    Rm(NodeRm),
}

#[derive(Debug, Args)]
pub struct NodeInspect {
    /// Id, hostname or unique id prefix; self for the one that answers
    #[arg(value_name = "self|NODE", required = true)]
    pub references: Vec<String>,
    /// Print it for people, not as JSON
    #[arg(long)]
    pub pretty: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct NodePs {
    /// Id, hostname or unique id prefix; without one the node that answers
    #[arg(value_name = "NODE")]
    pub references: Vec<String>,
    #[command(flatten)]
    pub listing: TaskListing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AvailabilityChoice {
    /// It takes tasks
    Active,
    /// It keeps its tasks and takes no new ones
    Pause,
    /// Its tasks move to other nodes
    Drain,
}

impl From<AvailabilityChoice> for v1::Availability {
    fn from(choice: AvailabilityChoice) -> Self {
        match choice {
            AvailabilityChoice::Active => Self::Active,
            AvailabilityChoice::Pause => Self::Pause,
            AvailabilityChoice::Drain => Self::Drain,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleChoice {
    Worker,
    Manager,
}

#[derive(Debug, Args)]
pub struct NodeUpdate {
    #[arg(long, value_enum)]
    pub availability: Option<AvailabilityChoice>,
    /// Add or change a label; may be given several times
    #[arg(long, value_name = "k=v")]
    pub label_add: Vec<String>,
    /// Take a label away; may be given several times
    #[arg(long, value_name = "k")]
    pub label_rm: Vec<String>,
    #[arg(long, value_enum)]
    pub role: Option<RoleChoice>,
    #[command(flatten)]
    pub asking: Asking,
    #[arg(value_name = "NODE")]
    pub reference: String,
}

/// How a change that is answered at once is confirmed.
#[derive(Clone, Copy, Debug, Args)]
pub struct Asking {
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub plan: bool,
    /// Do not ask
    #[arg(short = 'y', long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct NodeChange {
    /// Id, hostname or unique id prefix
    #[arg(value_name = "NODE", required = true)]
    pub references: Vec<String>,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(Debug, Args)]
pub struct NodeRm {
    /// Also when it is not down
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub change: NodeChange,
}
