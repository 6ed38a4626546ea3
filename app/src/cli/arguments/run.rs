//! `wardroom run`, as it is written.

use clap::Args;

#[derive(Debug, Default, Args)]
pub struct Run {
    /// NAME, or source=,target=,uid=,gid=,mode=; may be given several times
    #[arg(long = "secret", value_name = "SPEC")]
    pub secrets: Vec<String>,
    /// Put a secret into a variable too, VAR=NAME: weaker than a file; may be given several times
    #[arg(long = "env", value_name = "VAR=NAME")]
    pub env: Vec<String>,
    /// User and group to run as, and to whom the files belong: user, user:group, by name or number
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Working directory
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Run a container of this image in place of a command
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// What the command is given, or the container
    #[arg(value_name = "CMD [ARG...]", allow_hyphen_values = true)]
    pub words: Vec<String>,
    /// Program and arguments
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}
