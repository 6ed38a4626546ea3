//! `wardroom swarm unlock`, `unlock-key`, `lock` and `dek`, as they are written. No option takes a key: it comes from a
//! file, a descriptor, standard input, or a prompt that shows nothing.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Asking;

#[derive(Debug, Args)]
pub struct SwarmUnlock {
    /// File that holds the unlock key, or shares of it on lines of their own; - for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with = "key_fd")]
    pub key_file: Option<PathBuf>,
    /// Descriptor that the caller opened, to read it from
    #[arg(long, value_name = "N")]
    pub key_fd: Option<u16>,
    // So that a key in the wrong place is refused in words that do not repeat it.
    #[arg(hide = true)]
    pub misplaced: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct SwarmUnlockKey {
    /// Make a new one; every manager hangs on it from then on
    #[arg(long, conflicts_with = "epoch")]
    pub rotate: bool,
    /// Print the key only, or the shares, one per line
    #[arg(short, long)]
    pub quiet: bool,
    /// Print it in N shares instead of whole
    #[arg(long, value_name = "N", requires = "threshold", value_parser = clap::value_parser!(u32).range(2..=255))]
    pub shares: Option<u32>,
    /// How many of the shares unlock
    #[arg(long, value_name = "K", requires = "shares", value_parser = clap::value_parser!(u32).range(2..=255))]
    pub threshold: Option<u32>,
    /// The one of this epoch; earlier ones are kept while some manager hangs on them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epoch: Option<u32>,
    #[command(flatten)]
    pub asking: Asking,
    /// Do not wait until every manager hangs on a new one
    #[arg(short, long)]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub struct SwarmLock {
    /// Do not ask
    #[arg(short = 'y', long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct SwarmDek {
    /// Let every manager go on under a new one and destroy the one before
    #[arg(long)]
    pub rotate: bool,
    #[command(flatten)]
    pub asking: Asking,
    /// Do not wait until the managers have
    #[arg(short, long, requires = "rotate")]
    pub detach: bool,
}
