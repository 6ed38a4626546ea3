//! `wardroom backup`, as it is written. Passphrases and identities come from files, from standard input, or from a
//! prompt that shows nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::swarm::Addresses;

#[derive(Debug, Subcommand)]
pub enum Backup {
    Create(BackupCreate),
    Verify(BackupVerify),
    Restore(BackupRestore),
}

#[derive(Debug, Args)]
pub struct BackupCreate {
    /// Who can open it, an age recipient (age1...); may be given several times
    #[arg(
        long = "recipient",
        short = 'r',
        value_name = "RECIPIENT",
        conflicts_with = "passphrase_file"
    )]
    pub recipients: Vec<String>,
    /// File that holds the passphrase, - for standard input; without it and --recipient it is asked for
    #[arg(long, value_name = "FILE|-")]
    pub passphrase_file: Option<PathBuf>,
    /// Where to write it, - for standard output
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
}

/// What opens a backup; without either the passphrase is asked for.
#[derive(Debug, Args)]
pub struct Opening {
    /// File that holds the age identity (AGE-SECRET-KEY-1...)
    #[arg(long, short = 'i', value_name = "FILE", conflicts_with = "passphrase_file")]
    pub identity_file: Option<PathBuf>,
    /// File that holds the passphrase, - for standard input
    #[arg(long, value_name = "FILE|-")]
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct BackupVerify {
    #[command(flatten)]
    pub opening: Opening,
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct BackupRestore {
    #[command(flatten)]
    pub opening: Opening,
    #[command(flatten)]
    pub addresses: Addresses,
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
