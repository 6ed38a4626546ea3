//! `wardroom secret`, as it is written.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Asking, Inspect, List, Reading, References, SecretWord};
use crate::cli::duration;

#[derive(Debug, Subcommand)]
pub enum Secret {
    Create(SecretCreate),
    Ls(List),
    Inspect(Inspect<SecretWord>),
    Update(SecretUpdate),
    Rm(References<SecretWord>),
    Rotate(SecretRotate),
    Revoke(SecretRevoke),
    Versions(OneSecret),
    Holders(OneSecret),
    Prune(SecretPrune),
}

/// Where a value comes from.
#[derive(Debug, Args)]
pub struct Source {
    /// File that holds the value, - for standard input
    #[arg(value_name = "FILE|-", conflicts_with = "generate")]
    pub file: Option<PathBuf>,
    /// Let the leader make N characters of [A-Za-z0-9] that nobody sees
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=511_999))]
    pub generate: Option<u32>,
    /// Strip one newline from the end of the value
    #[arg(long, conflicts_with = "generate")]
    pub trim: bool,
}

#[derive(Debug, Args)]
pub struct SecretCreate {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub source: Source,
    /// Label, k=v; may be given several times
    #[arg(short = 'l', long = "label", value_name = "k=v")]
    pub labels: Vec<String>,
    /// The value is a template that the worker expands for each task: golang
    #[arg(long, value_name = "DRIVER")]
    pub template_driver: Option<String>,
    /// Age from which on its current version is pointed out, or rotated, e.g. 90d
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub max_age: Option<Duration>,
    #[command(flatten)]
    pub next: MakesNext,
}

/// What makes the next value once the current one has reached its maximum age.
#[derive(Debug, Default, Args)]
pub struct MakesNext {
    /// At its maximum age the leader makes a new value of N characters
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=511_999))]
    pub rotate_generate: Option<u32>,
    /// At its maximum age this program of the managers' hooks folder makes a new value
    #[arg(long, value_name = "NAME", conflicts_with = "rotate_generate")]
    pub rotate_hook: Option<String>,
}

/// How a change is confirmed and awaited.
#[derive(Debug, Args)]
pub struct Change {
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub plan: bool,
    /// Do not ask
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Do not wait for the receipts
    #[arg(short = 'd', long)]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub struct SecretRotate {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub change: Change,
}

#[derive(Debug, Args)]
pub struct SecretRevoke {
    /// The secret, or one version of it as NAME@N
    #[arg(value_name = "NAME[@N]")]
    pub name: String,
    /// Also make what the managers' disks hold of it from before unreadable
    #[arg(long)]
    pub shred: bool,
    #[command(flatten)]
    pub change: Change,
}

/// Labels and policy; what is not given stays as it is.
#[derive(Debug, Args)]
pub struct SecretUpdate {
    /// Add or change a label; may be given several times
    #[arg(long, value_name = "k=v")]
    pub label_add: Vec<String>,
    /// Take a label away; may be given several times
    #[arg(long, value_name = "k")]
    pub label_rm: Vec<String>,
    /// Age from which on its current version is pointed out, e.g. 90d; 0 for no limit
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub max_age: Option<Duration>,
    /// Versions to keep for a rollback
    #[arg(long, value_name = "N")]
    pub keep: Option<u32>,
    /// Time after which a version that was replaced is destroyed, e.g. 30d; 0 for no limit
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub keep_for: Option<Duration>,
    #[command(flatten)]
    pub next: MakesNext,
    /// Nothing makes the next value any more
    #[arg(long, conflicts_with_all = ["rotate_generate", "rotate_hook"])]
    pub rotate_off: bool,
    /// A worker that is cut off erases it after this time, e.g. 1h; 0 for never
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub lease: Option<Duration>,
    #[arg(value_name = "NAME")]
    pub reference: String,
}

#[derive(Debug, Args)]
pub struct SecretPrune {
    /// Keep the N newest of the versions that were replaced
    #[arg(long, value_name = "N")]
    pub keep: Option<u32>,
    /// Only versions that were replaced longer ago, e.g. 30d
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub older_than: Option<Duration>,
    #[command(flatten)]
    pub asking: Asking,
    /// Secrets; without one, all of them
    #[arg(value_name = "SECRET")]
    pub references: Vec<String>,
}

#[derive(Debug, Args)]
pub struct OneSecret {
    /// Id, name or unique id prefix
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub reading: Reading,
}
