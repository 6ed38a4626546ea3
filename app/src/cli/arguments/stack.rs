//! `wardroom stack`, as it is written.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use super::{Reading, TaskListing};

#[derive(Debug, Subcommand)]
pub enum Stack {
    Deploy(StackDeploy),
    Config(StackConfig),
    Ls(Reading),
    Services(StackRead),
    Ps(StackPs),
    Rm(StackRm),
}

/// Which compose files.
#[derive(Debug, Args)]
pub struct Files {
    /// Compose file, - for standard input; each one goes over those before it
    #[arg(short = 'c', long = "compose-file", value_name = "FILE|-", required = true)]
    pub paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct StackDeploy {
    #[command(flatten)]
    pub files: Files,
    /// Also remove what the stack has and the files no longer name: services, and secrets that nothing uses
    #[arg(long)]
    pub prune: bool,
    /// Do not wait until the tasks run; --detach=false waits
    #[arg(short, long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub detach: bool,
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub plan: bool,
    #[arg(value_name = "STACK")]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct StackConfig {
    #[command(flatten)]
    pub files: Files,
    /// Leave variables as they are written
    #[arg(long)]
    pub skip_interpolation: bool,
}

#[derive(Debug, Args)]
pub struct StackRead {
    #[arg(value_name = "STACK")]
    pub name: String,
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct StackPs {
    #[arg(value_name = "STACK")]
    pub name: String,
    #[command(flatten)]
    pub listing: TaskListing,
}

#[derive(Debug, Args)]
pub struct StackRm {
    #[arg(value_name = "STACK", required = true)]
    pub names: Vec<String>,
}
