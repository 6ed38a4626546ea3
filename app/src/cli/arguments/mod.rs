//! How is a command line read? The clap tree, a file per noun; its help texts and aliases come from [`crate::command`].
//!
//! No option takes a value's bytes: they come from a file or from standard input, never from argv or the environment.
//! The one exception is Docker's `swarm join --token`, beside which stands `--token-file`.

mod access;
mod backup;
mod lock;
mod node;
mod rotation;
mod run;
mod secret;
mod service;
mod stack;
mod swarm;

use std::path::PathBuf;

#[cfg(test)]
pub use access::OperatorRoleChoice;
pub use access::{Context, Operator, OperatorAdd};
pub use backup::{Backup, BackupCreate, BackupRestore, BackupVerify, Opening};
use clap::{ArgMatches, Args, CommandFactory, Parser, Subcommand, ValueEnum};
pub use lock::{SwarmDek, SwarmLock, SwarmUnlock, SwarmUnlockKey};
pub use node::{Asking, AvailabilityChoice, Node, NodeChange, NodeInspect, NodePs, NodeRm, NodeUpdate, RoleChoice};
pub use rotation::{Rotation, RotationCancel, RotationLs};
pub use run::Run;
pub use secret::{
    Change, MakesNext, Secret, SecretCreate, SecretPrune, SecretRevoke, SecretRotate, SecretUpdate, Source,
};
pub use service::{
    ExecutorChoice, FailureChoice, Health, OrderChoice, ReloadHook, Restart, RestartChoice, Roll, RollbackRoll,
    Running, Service, ServiceCreate, ServiceInspect, ServiceLogs, ServiceLs, ServiceMode, ServicePs, ServiceRollback,
    ServiceScale, ServiceUpdate, Shape, SpecChanges, TaskListing, Waiting,
};
pub use stack::{Stack, StackConfig, StackDeploy};
pub use swarm::{Swarm, SwarmCa, SwarmInit, SwarmJoin, SwarmJoinToken, SwarmUpdate};

use crate::command::{COMMANDS, Changes, Command, NOUNS};
use crate::report::EXIT_CODES;

const EXAMPLES: &str = "\
Examples:
  wardroom                                          open the console
  wardroom demo                                     a cluster to play with, gone afterwards
  wardroom swarm init                               found a cluster, with the daemon of this machine
  wardroom operator add ada --role viewer           let ada look at the cluster from her machine
  printf %s \"$PW\" | wardroom secret create db_password -
  wardroom service create --name web --secret db_password -- sleep 1000
  wardroom service create --name web --secret db_password redis:7
  wardroom run --secret db_password -- psql
  wardroom secret rotate db_password --generate 32
  wardroom secret holders db_password --format json";

const HOST_HELP: &str = "The cluster to talk to: unix://PATH, or wardroom://HOST:PORT[,HOST:PORT...] with --bundle";

const WHICH_CLUSTER: &str = "\
Which cluster: the first that there is of --host, --context, WARDROOM_HOST (with WARDROOM_BUNDLE), WARDROOM_CONTEXT, \
the context in use, the daemon of this machine, and the cluster of this user";

/// Stands below a command's own options.
const EVERYWHERE: &str = "Options of every command";

/// Secrets for clusters, with a console. Without a command: the console, on a running cluster or on one of its own.
#[derive(Debug, Parser)]
#[command(name = "wardroom", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(flatten)]
    pub selection: Selection,

    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value = "table", help_heading = EVERYWHERE)]
    pub format: Format,

    /// Look and change nothing: the console cannot, and commands that would are refused
    #[arg(long, help_heading = EVERYWHERE)]
    pub read_only: bool,

    /// Draw the console in ASCII only
    #[arg(long)]
    pub ascii: bool,

    #[command(subcommand)]
    pub command: Option<Noun>,
}

/// What the command line says about which cluster is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    #[arg(
        long,
        global = true,
        value_name = "HOST",
        conflicts_with = "context",
        help = HOST_HELP,
        help_heading = EVERYWHERE
    )]
    pub host: Option<String>,

    /// The cluster to talk to, by the name of its context
    #[arg(long, global = true, value_name = "NAME", help_heading = EVERYWHERE)]
    pub context: Option<String>,

    /// Who to be towards --host: the file that `wardroom operator add` wrote
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "context", help_heading = EVERYWHERE)]
    pub bundle: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs: one JSON document
    Json,
    /// For programs: one JSON object per line
    Jsonl,
}

#[derive(Debug, Subcommand)]
pub enum Noun {
    Demo(Demo),
    Daemon(Daemon),
    Status,
    Why(Why),
    Run(Run),
    #[command(subcommand)]
    Swarm(Swarm),
    #[command(subcommand)]
    Secret(Secret),
    #[command(subcommand)]
    Rotation(Rotation),
    #[command(subcommand)]
    Service(Service),
    #[command(subcommand)]
    Stack(Stack),
    #[command(subcommand)]
    Node(Node),
    #[command(subcommand)]
    Operator(Operator),
    #[command(subcommand)]
    Context(Context),
    #[command(subcommand)]
    Backup(Backup),
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

#[derive(Debug, Args)]
pub struct Daemon {
    /// Where this machine's part of the cluster is kept
    #[arg(long, value_name = "DIR", default_value = "/var/lib/wardroom")]
    pub state_dir: PathBuf,
    /// Where commands of this machine reach the daemon
    #[arg(long, value_name = "PATH", default_value = crate::cli::connect::DAEMON_SOCKET)]
    pub socket: PathBuf,
    /// Users of this group may use the socket too
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// What the node is called; without it the name of this machine
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// Programs that make the next values of secrets; without it `hooks` in the state directory
    #[arg(long, value_name = "DIR")]
    pub hooks_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Why {
    /// The service or task that should have it
    #[arg(value_name = "SERVICE|TASK")]
    pub of: String,
    /// Id, name or unique id prefix
    #[arg(value_name = "SECRET")]
    pub secret: String,
}

/// What a list is asked for.
#[derive(Debug, Args)]
pub struct List {
    /// Print ids only
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub reading: Reading,
}

/// How fresh an answer has to be.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Reading {
    /// Also without a leader: what the manager that answers has, however old
    #[arg(long)]
    pub stale: bool,
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
words!(
    SecretWord = "SECRET",
    ServiceWord = "SERVICE",
    OperatorWord = "OPERATOR",
    RotationWord = "SECRET|ID"
);

/// One or more ids, names or unique id prefixes.
#[derive(Debug, Args)]
pub struct References<W: Word + Send + Sync + 'static> {
    /// Id, name or unique id prefix
    #[arg(value_name = W::NAME, required = true)]
    pub references: Vec<String>,
    #[arg(skip)]
    word: std::marker::PhantomData<W>,
}

/// Objects to be shown in full.
#[derive(Debug, Args)]
pub struct Inspect<W: Word + Send + Sync + 'static> {
    #[command(flatten)]
    pub of: References<W>,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Subcommand)]
pub enum Raft {
    Status,
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    Ls(AuditLs),
    Verify(Reading),
}

#[derive(Debug, Args)]
pub struct AuditLs {
    /// Go on with new records as they come (with --format json: one object per line)
    #[arg(short, long, conflicts_with = "stale")]
    pub follow: bool,
    #[command(flatten)]
    pub reading: Reading,
}

/// `--read-only` after a noun or a verb. It is not handed down as the other options of every command are, because Docker's
/// option of that name means a container's root file system.
fn looks_only() -> clap::Arg {
    clap::Arg::new(LOOKS_ONLY)
        .long("read-only")
        .action(clap::ArgAction::SetTrue)
        .help("Look and change nothing")
        .help_heading(EVERYWHERE)
}

const LOOKS_ONLY: &str = "read_only";

/// Whether the line says, before or after its words, that nothing is to be changed.
pub fn only_looks(matches: &ArgMatches) -> bool {
    let here = matches!(matches.try_get_one::<bool>(LOOKS_ONLY), Ok(Some(true)));
    here || matches.subcommand().is_some_and(|(_, below)| only_looks(below))
}

/// The long options of a command, by its words.
pub fn options(path: &[&str]) -> Vec<String> {
    let parser = parser();
    let found = path.iter().try_fold(&parser, |node, word| node.find_subcommand(word));
    let options = found.into_iter().flat_map(clap::Command::get_arguments);
    options
        .filter_map(|option| option.get_long().map(str::to_owned))
        .collect()
}

/// The parser, with the table's help texts and aliases.
pub fn parser() -> clap::Command {
    let mut parser = Arguments::command().after_help(format!("{EXAMPLES}\n\n{WHICH_CLUSTER}\n\n{EXIT_CODES}"));
    for (noun, about) in NOUNS {
        parser = parser.mut_subcommand(noun, |node| {
            node.about(*about).disable_help_subcommand(true).arg(looks_only())
        });
    }
    for command in COMMANDS {
        let describe = |node: clap::Command| {
            let node = node.about(command.help);
            let means_another = node
                .get_arguments()
                .any(|option| option.get_long() == Some("read-only"));
            let node = if means_another { node } else { node.arg(looks_only()) };
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

/// The command of a parsed line that would change the cluster, as the table has it.
pub fn change(matches: &ArgMatches) -> Option<&'static Command> {
    let (first, below) = matches.subcommand()?;
    let (noun, verb, options) = match below.subcommand() {
        Some((verb, options)) => (first, verb, options),
        None => ("", first, below),
    };
    let command = COMMANDS
        .iter()
        .find(|command| command.noun == noun && command.verb == verb)?;
    let is_set = |option: &str| matches!(options.try_get_one::<bool>(option), Ok(Some(true)));
    let changes = match command.changes {
        Changes::Never => false,
        Changes::Always => !is_set("plan"),
        Changes::With(option) => is_set(option) && !is_set("plan"),
    };
    changes.then_some(command)
}

#[cfg(test)]
mod tests;
