//! How does a cluster begin? One pristine manager is told who the first members are, leads them, and proposes the first
//! change. A crash in between leaves nothing that asking again does not finish.

use std::collections::BTreeMap;
use std::time::Duration;

use wardroom_state::command::{Actor, Command};

use crate::context::Context;
use crate::propose::{Committed, ProposeError};
use crate::raft::{Consensus, Peer};
use crate::replica::Replica;

/// How long the first members have to elect a leader.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a cluster could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum InitializeError {
    #[error("this manager already belongs to a cluster; start it without initializing, or give it an empty directory")]
    NotPristine,
    #[error("raft id {0} is not among the first members; list this manager too")]
    NotAMember(u64),
    #[error("no quorum of the first members answered; start the others, then try again")]
    NoQuorum,
    #[error(transparent)]
    Bootstrap(#[from] ProposeError),
    #[error("this manager has stopped ({0}); see its log for the reason")]
    Stopped(String),
}

pub(crate) async fn begin(
    context: &Context,
    consensus: &Consensus,
    members: BTreeMap<u64, Peer>,
    actor: Actor,
    bootstrap: Command,
) -> Result<Committed, InitializeError> {
    let begun = |replica: &Replica| replica.read(|state| state.cluster().is_some());
    if begun(&context.replica) {
        return Err(InitializeError::NotPristine);
    }
    match consensus.initialize(members).await {
        // The members are in the log already, the first change is not: a crash came between them.
        Err(InitializeError::NotPristine) if !begun(&context.replica) => {}
        initialized => initialized?,
    }
    let mut leadership = context.leadership.clone();
    let elected = leadership.wait_for(|leadership| leadership.mine);
    match tokio::time::timeout(PATIENCE, elected).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) => return Err(InitializeError::Stopped("it is shutting down".to_owned())),
        Err(_elapsed) => return Err(InitializeError::NoQuorum),
    }
    Ok(context.proposer.propose(actor, bootstrap).await?)
}
