//! `wardroom service update`, as it is written: what is given changes, everything else stays.

use clap::Args;

use super::Waiting;
use super::shape::Shape;

#[derive(Debug, Default, Args)]
pub struct ServiceUpdate {
    #[command(flatten)]
    pub changes: SpecChanges,
    /// Replace the tasks although nothing has changed
    #[arg(long)]
    pub force: bool,
    /// Go back to the spec before
    #[arg(long)]
    pub rollback: bool,
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub plan: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    #[arg(value_name = "SERVICE")]
    pub reference: String,
}

/// Lists are changed by what comes and what goes; what goes is looked for first.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub struct SpecChanges {
    /// Grant a secret, as with `service create --secret`; may be given several times
    #[arg(long, value_name = "SPEC")]
    pub secret_add: Vec<String>,
    /// Take a secret away, by name or id; may be given several times
    #[arg(long, value_name = "SECRET")]
    pub secret_rm: Vec<String>,
    /// Add or change a label, k=v; may be given several times
    #[arg(long, value_name = "k=v")]
    pub label_add: Vec<String>,
    /// Take a label away; may be given several times
    #[arg(long, value_name = "k")]
    pub label_rm: Vec<String>,
    /// Add or change a label of the containers, k=v; may be given several times
    #[arg(long, value_name = "k=v")]
    pub container_label_add: Vec<String>,
    /// Take a label of the containers away; may be given several times
    #[arg(long, value_name = "k")]
    pub container_label_rm: Vec<String>,
    /// Add or change a variable, NAME=value; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub env_add: Vec<String>,
    /// Take a variable away; may be given several times
    #[arg(long, value_name = "NAME")]
    pub env_rm: Vec<String>,
    /// Add a group; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub group_add: Vec<String>,
    /// Take a group away; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub group_rm: Vec<String>,
    /// Add a network; may be given several times
    #[arg(long, value_name = "NAME")]
    pub network_add: Vec<String>,
    /// Take a network away; may be given several times
    #[arg(long, value_name = "NAME")]
    pub network_rm: Vec<String>,
    /// Add or change a mount, as with --mount of `service create`; may be given several times
    #[arg(long, value_name = "MOUNT")]
    pub mount_add: Vec<String>,
    /// Take a mount away, by its target; may be given several times
    #[arg(long, value_name = "TARGET")]
    pub mount_rm: Vec<String>,
    /// Add or change a port, as with --publish of `service create`; may be given several times
    #[arg(long, value_name = "PORT")]
    pub publish_add: Vec<String>,
    /// Take a port away, by its target port; may be given several times
    #[arg(long, value_name = "TARGET")]
    pub publish_rm: Vec<String>,
    /// Add a constraint; may be given several times
    #[arg(long, value_name = "KEY==VALUE")]
    pub constraint_add: Vec<String>,
    /// Take a constraint away; may be given several times
    #[arg(long, value_name = "KEY==VALUE")]
    pub constraint_rm: Vec<String>,
    /// Program and arguments of a process, arguments of a container, as one text
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub args: Option<String>,
    #[command(flatten)]
    pub shape: Shape,
}
