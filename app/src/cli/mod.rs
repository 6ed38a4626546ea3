//! The command line: a file per noun turns arguments into calls and answers into tables or JSON.
//!
//! It speaks the gRPC API only, also to a cluster on this machine; what it prints comes from a replica and carries no
//! value of any secret.

pub mod arguments;
mod audit;
pub mod connect;
mod converge;
mod grant;
mod holders;
mod inspect;
mod nearest;
mod node;
pub mod output;
mod plan;
mod proof;
mod raft;
mod secret;
mod secret_change;
mod service;
mod session;
mod status;
mod value;
mod wait;
mod when;
mod words;

use arguments::{Audit, Format, Noun, Raft};
use output::Output;
use session::Session;

use crate::report::Report;

/// Runs one command against the cluster that is meant. `demo` is not among them: it makes its own.
pub async fn run(command: &Noun, host: Option<&str>, format: Format) -> Result<(), Report> {
    let mut session = Session {
        client: connect::client(host)?,
        output: Output::standard(format),
    };
    let ran = match command {
        Noun::Demo(_) => Ok(()),
        Noun::Status => status::run(&mut session).await,
        Noun::Secret(command) => secret::run(command, &mut session).await,
        Noun::Service(command) => service::run(command, &mut session).await,
        Noun::Node(command) => node::run(command, &mut session).await,
        Noun::Raft(Raft::Status) => raft::status(&mut session).await,
        Noun::Audit(Audit::Ls(list)) => audit::list(list, &mut session).await,
        Noun::Audit(Audit::Verify) => audit::verify(&mut session).await,
    };
    // What was printed before a failure is printed all the same.
    session.output.flush()?;
    ran
}
