//! `wardroom rotation`, as it is written.

use clap::{Args, Subcommand};

use super::{Inspect, Reading, RotationWord};

#[derive(Debug, Subcommand)]
pub enum Rotation {
    Ls(RotationLs),
    Inspect(Inspect<RotationWord>),
    Pause(RotationSteer),
    Resume(RotationSteer),
    Cancel(RotationCancel),
}

#[derive(Debug, Args)]
pub struct RotationLs {
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
    /// Only those that are under way
    #[arg(short, long)]
    pub running: bool,
    #[command(flatten)]
    pub reading: Reading,
    /// Of this secret only
    #[arg(value_name = "SECRET")]
    pub secret: Option<String>,
}

#[derive(Debug, Args)]
pub struct RotationSteer {
    /// The secret, or the rotation's id
    #[arg(value_name = "SECRET|ID", required = true)]
    pub references: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RotationCancel {
    /// Do not wait until everything is back at the version before
    #[arg(short, long)]
    pub detach: bool,
    /// The secret, or the rotation's id
    #[arg(value_name = "SECRET|ID")]
    pub reference: String,
}
