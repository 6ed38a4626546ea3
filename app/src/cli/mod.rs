//! The command line: a file per noun turns arguments into calls and answers into tables or JSON.
//!
//! It speaks the gRPC API only, also to a cluster on this machine; what it prints comes from a replica and carries no
//! value of any secret.

pub mod arguments;
mod audit;
mod backup;
pub mod connect;
mod context;
mod contexts;
mod converge;
pub mod duration;
mod each;
mod failure;
mod filter;
mod following;
pub mod grant;
mod hidden;
mod holders;
mod inspect;
mod inspect_service;
mod lock_state;
pub mod nearest;
mod node;
mod node_change;
mod operator;
pub mod output;
mod placement;
mod plan;
mod private_file;
mod proof;
mod raft;
pub mod ratio;
mod record;
mod remote;
mod restore;
mod rotation;
mod rotation_follow;
mod run;
mod secret;
mod secret_policy;
mod secret_revoke;
mod secret_rotate;
mod service;
mod session;
pub mod since;
mod stack;
mod status;
mod subject;
mod swarm;
mod tasks;
pub mod unlock;
mod value;
mod verify;
mod wait;
mod when;
mod why;
mod words;

use arguments::{Arguments, Audit, Backup, Noun, Raft, Stack};
use connect::Target;
use output::Output;
use session::Session;

use crate::report::{Exit, Report};

/// Runs one command against the cluster that is meant, or against none, and says what to exit with. `demo` and `daemon` are
/// not among them: they make their own.
pub async fn run(command: &Noun, arguments: &Arguments) -> Result<u8, Report> {
    let mut output = Output::standard(arguments.format);
    match command {
        Noun::Context(command) => {
            let ran = context::run(command, &arguments.selection, &mut output);
            output.flush()?;
            return ran.map(|()| Exit::Ok as u8);
        }
        Noun::Backup(Backup::Verify(verify)) => return verify::run(verify, &mut output).map(|()| Exit::Ok as u8),
        Noun::Stack(Stack::Config(config)) => return stack::config(config, &mut output).map(|()| Exit::Ok as u8),
        _ => {}
    }
    let target = target(command, arguments)?;
    let mut session = Session {
        client: target.client()?,
        output,
        target,
        stale: false,
        read_only: arguments.read_only,
    };
    let ran = match command {
        Noun::Run(arguments) => run::run(arguments, &mut session).await,
        command => on_cluster(command, &mut session).await.map(|()| Exit::Ok as u8),
    };
    // What was printed before a failure is printed all the same.
    session.output.flush()?;
    ran
}

/// Who is asked: the daemon of this machine where only it can do it.
fn target(command: &Noun, arguments: &Arguments) -> Result<Target, Report> {
    let (selection, environment) = (&arguments.selection, &connect::environment);
    match command {
        Noun::Swarm(command) if swarm::is_local(command) => Target::daemon(selection, environment),
        Noun::Backup(Backup::Restore(_)) => Target::daemon(selection, environment),
        Noun::Swarm(command) if swarm::is_about_the_lock(command) => Target::here(selection, environment),
        _ => Target::choose(selection, environment),
    }
}

async fn on_cluster(command: &Noun, session: &mut Session) -> Result<(), Report> {
    match command {
        Noun::Demo(_) | Noun::Daemon(_) | Noun::Context(_) | Noun::Run(_) => Ok(()),
        Noun::Status => status::run(session).await,
        Noun::Why(why) => why::run(why, session).await,
        Noun::Swarm(command) => swarm::run(command, session).await,
        Noun::Secret(command) => secret::run(command, session).await,
        Noun::Rotation(command) => rotation::run(command, session).await,
        Noun::Service(command) => service::run(command, session).await,
        Noun::Stack(command) => stack::run(command, session).await,
        Noun::Node(command) => node::run(command, session).await,
        Noun::Operator(command) => operator::run(command, session).await,
        Noun::Backup(command) => backup::run(command, session).await,
        Noun::Raft(Raft::Status) => raft::status(session).await,
        Noun::Audit(Audit::Ls(list)) => audit::list(list, session).await,
        Noun::Audit(Audit::Verify(reading)) => audit::verify(reading.stale, session).await,
    }
}
