//! How is a command line read? The clap tree; its help texts and aliases come from [`crate::command`].
//!
//! No option takes a value's bytes: they come from a file or from standard input, never from argv or the environment.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::command::{COMMANDS, NOUNS};
use crate::report::EXIT_CODES;

const EXAMPLES: &str = "\
Examples:
  wardroom                                          open the console
  wardroom demo                                     a cluster to play with, gone afterwards
  printf %s \"$PW\" | wardroom secret create db_password -
  wardroom service create --name web --secret db_password -- sleep 1000
  wardroom secret rotate db_password --generate 32
  wardroom secret holders db_password --format json";

/// Secrets for clusters, with a console. Without a command: the console, on a running cluster or on one of its own.
#[derive(Debug, Parser)]
#[command(name = "wardroom", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// The cluster to talk to
    #[arg(
        long,
        global = true,
        env = "WARDROOM_HOST",
        value_name = "unix://PATH",
        hide_env_values = true
    )]
    pub host: Option<String>,

    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub format: Format,

    /// Draw the console in ASCII only
    #[arg(long)]
    pub ascii: bool,

    /// A console that can look and change nothing
    #[arg(long)]
    pub read_only: bool,

    #[command(subcommand)]
    pub command: Option<Noun>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs: one JSON document
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Noun {
    Demo(Demo),
    Status,
    #[command(subcommand)]
    Secret(Secret),
    #[command(subcommand)]
    Service(Service),
    #[command(subcommand)]
    Node(Node),
    #[command(subcommand)]
    Raft(Raft),
    #[command(subcommand)]
    Audit(Audit),
}

#[derive(Debug, Args)]
pub struct Demo {
    /// No console: print how to connect, run until SIGINT or SIGTERM
    #[arg(long)]
    pub headless: bool,
    /// Keep the cluster in this directory (created if absent) instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Managers to start in a new cluster
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=7))]
    pub managers: u8,
    /// Workers to start in a new cluster
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=32))]
    pub workers: u8,
    /// No sample secrets and services
    #[arg(long)]
    pub empty: bool,
    /// Make ids, names and sample values from this seed (never for real secrets)
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Do not remove the temporary directory afterwards
    #[arg(long)]
    pub keep: bool,
}

#[derive(Debug, Subcommand)]
pub enum Secret {
    Create(SecretCreate),
    Ls(Quiet),
    Inspect(References<SecretWord>),
    Rm(References<SecretWord>),
    Rotate(SecretRotate),
    Revoke(SecretRevoke),
    Versions(OneSecret),
    Holders(OneSecret),
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
    #[command(flatten)]
    pub change: Change,
}

#[derive(Debug, Args)]
pub struct OneSecret {
    /// Id, name or unique id prefix
    #[arg(value_name = "NAME")]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct Quiet {
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
}

/// What a list of references is called on a usage line.
pub trait Word {
    const NAME: &'static str;
}
macro_rules! words {
    ($($word:ident = $name:literal),+) => {$(
        #[derive(Debug)]
        pub struct $word;
        impl Word for $word {
            const NAME: &'static str = $name;
        }
    )+};
}
words!(SecretWord = "SECRET", ServiceWord = "SERVICE", NodeWord = "NODE");

/// One or more ids, names or unique id prefixes.
#[derive(Debug, Args)]
pub struct References<W: Word + Send + Sync + 'static> {
    /// Id, name or unique id prefix
    #[arg(value_name = W::NAME, required = true)]
    pub references: Vec<String>,
    #[arg(skip)]
    word: std::marker::PhantomData<W>,
}

#[derive(Debug, Subcommand)]
pub enum Service {
    Create(ServiceCreate),
    Ls(Quiet),
    Ps(ServicePs),
    Inspect(References<ServiceWord>),
    Update(ServiceUpdate),
    Rm(References<ServiceWord>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServiceMode {
    /// A number of tasks, spread over the workers
    Replicated,
    /// One task on every worker
    Global,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExecutorChoice {
    /// A command on the worker
    Process,
    /// No workload: only the files
    Files,
}

#[derive(Debug, Args)]
pub struct ServiceCreate {
    // A name that begins with a hyphen is the manager's to refuse, in words about names.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub name: String,
    /// Tasks to run
    #[arg(long, value_name = "R", conflicts_with = "mode")]
    pub replicas: Option<u32>,
    #[arg(long, value_enum)]
    pub mode: Option<ServiceMode>,
    #[arg(long, value_enum)]
    pub executor: Option<ExecutorChoice>,
    /// NAME, or source=,target=,uid=,gid=,mode=,on-change=swap|restart|signal:HUP; may be given several times
    #[arg(long = "secret", value_name = "SPEC")]
    pub secrets: Vec<String>,
    /// Label, k=v; may be given several times
    #[arg(short = 'l', long = "label", value_name = "k=v")]
    pub labels: Vec<String>,
    /// Tasks that a restarting update replaces at once, 0 for all
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub update_parallelism: u32,
    /// Do not wait until the tasks run
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// Program and arguments
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ServicePs {
    /// Id, name or unique id prefix
    #[arg(value_name = "SERVICE", required = true)]
    pub references: Vec<String>,
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct ServiceUpdate {
    /// Grant a secret, as with `service create --secret`; may be given several times
    #[arg(long, value_name = "SPEC")]
    pub secret_add: Vec<String>,
    /// Take a secret away; may be given several times
    #[arg(long, value_name = "NAME")]
    pub secret_rm: Vec<String>,
    /// Tasks to run
    #[arg(long, value_name = "R")]
    pub replicas: Option<u32>,
    /// Do not wait until the tasks run
    #[arg(short = 'd', long)]
    pub detach: bool,
    #[arg(value_name = "SERVICE")]
    pub reference: String,
}

#[derive(Debug, Subcommand)]
pub enum Node {
    Ls(Quiet),
    Inspect(References<NodeWord>),
}

#[derive(Debug, Subcommand)]
pub enum Raft {
    Status,
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    Ls(AuditLs),
    Verify,
}

#[derive(Debug, Args)]
pub struct AuditLs {
    /// Go on with new records as they come (with --format json: one object per line)
    #[arg(short, long)]
    pub follow: bool,
}

/// The parser, with the table's help texts and aliases.
pub fn parser() -> clap::Command {
    let mut parser = Arguments::command().after_help(format!("{EXAMPLES}\n\n{EXIT_CODES}"));
    for (noun, about) in NOUNS {
        parser = parser.mut_subcommand(noun, |node| node.about(*about).disable_help_subcommand(true));
    }
    for command in COMMANDS {
        let describe = |node: clap::Command| {
            let node = node.about(command.help);
            let node = match command.key {
                "" => node,
                key => node.after_help(format!("In the console: {key}")),
            };
            if command.alias.is_empty() {
                node
            } else {
                node.visible_alias(command.alias)
            }
        };
        parser = if command.noun.is_empty() {
            parser.mut_subcommand(command.verb, describe)
        } else {
            parser.mut_subcommand(command.noun, |noun| noun.mut_subcommand(command.verb, describe))
        };
    }
    parser
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use clap::FromArgMatches;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        let matches = parser().try_get_matches_from(line.split(' '))?;
        Arguments::from_arg_matches(&matches)
    }

    #[test]
    fn the_tree_is_sound() {
        parser().debug_assert();
    }

    #[test]
    fn a_command_after_two_dashes_keeps_its_own_options() {
        let arguments = parse("wardroom service create --name web --replicas 4 -- sleep --format 1000").unwrap();
        let Some(Noun::Service(Service::Create(create))) = arguments.command else {
            panic!("another command")
        };
        assert_eq!(create.command, ["sleep", "--format", "1000"]);
        assert_eq!(create.replicas, Some(4));
        assert_eq!(arguments.format, Format::Table);
    }

    #[test]
    fn format_and_host_stand_anywhere() {
        let arguments = parse("wardroom secret holders db_password --format json --host unix:///x").unwrap();
        assert_eq!(arguments.format, Format::Json);
        assert_eq!(arguments.host.as_deref(), Some("unix:///x"));
    }

    #[test]
    fn what_contradicts_itself_is_a_usage_error() {
        for line in [
            "wardroom secret rotate db file --generate 3",
            "wardroom secret create db --generate 0",
            "wardroom service create --name web --replicas 2 --mode global -- x",
            "wardroom secret rm",
            "wardroom secret crate db",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn a_typo_brings_a_suggestion() {
        let text = parse("wardroom secret rotat db -").unwrap_err().to_string();
        assert!(text.contains("rotate"), "{text}");
    }
}
