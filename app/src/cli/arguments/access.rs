//! `wardroom operator` and `wardroom context`, as they are written: who may come from elsewhere, and where to.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use wardroom_api::v1;

use super::{List, OperatorWord, References};
use crate::cli::duration;

#[derive(Debug, Subcommand)]
pub enum Operator {
    Add(OperatorAdd),
    Ls(List),
    Rm(OperatorRm),
}

#[derive(Debug, Args)]
pub struct OperatorRm {
    #[command(flatten)]
    pub of: References<OperatorWord>,
    /// Do not ask
    #[arg(short = 'y', long)]
    pub yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OperatorRoleChoice {
    /// May look
    Viewer,
    /// May also change secrets and services
    Operator,
    /// May do everything
    Admin,
}

impl From<OperatorRoleChoice> for v1::OperatorRole {
    fn from(choice: OperatorRoleChoice) -> Self {
        match choice {
            OperatorRoleChoice::Viewer => Self::Viewer,
            OperatorRoleChoice::Operator => Self::Operator,
            OperatorRoleChoice::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, Args)]
pub struct OperatorAdd {
    /// What the operator is called, also in the audit records
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What the operator may do
    #[arg(long, value_enum)]
    pub role: OperatorRoleChoice,
    /// Where to write key and certificate; without it NAME.bundle in this directory
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How long the certificate is valid; without it as long as those of nodes
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub expiry: Option<Duration>,
    /// Also make a context of it on this machine, named as the operator unless NAME is given
    // Empty: named as the operator.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub save_context: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Context {
    Create(ContextCreate),
    Use(ContextUse),
    Ls(ContextLs),
    Rm(ContextRm),
}

/// Where it leads stands in the options that every command has: `--host` and `--bundle`.
#[derive(Debug, Args)]
pub struct ContextCreate {
    /// What the cluster is called on this machine
    #[arg(value_name = "NAME")]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct ContextUse {
    /// A context, or default for the cluster of this machine
    #[arg(value_name = "NAME|default")]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct ContextLs {
    /// Print names only
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct ContextRm {
    /// Also the context in use
    #[arg(short, long)]
    pub force: bool,
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
}
