//! How does what happened at this manager's lock get into the audit chain? Only the leader writes there, and who was
//! unlocked a moment ago seldom leads: it tells the leader, until the record is made.

use std::time::Duration;

use tokio::time::timeout;
use tonic::Status;
use wardroom_api::{channel, v1};
use wardroom_state::command::{Actor, Command};

use crate::context::Context;
use crate::control::error::Failure;
use crate::links::Lane;
use crate::raft::Peer;

/// How long the leader has to answer.
const ASKING: Duration = Duration::from_secs(5);
/// Pause before it is told again.
const PAUSE: Duration = Duration::from_secs(5);
/// What managers may have recorded of one another.
const ACTIONS: [&str; 2] = [Note::UNLOCKED, Note::LOCKED];

/// Something that was done at a manager's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub actor: Actor,
    /// [`Note::UNLOCKED`] or [`Note::LOCKED`].
    pub action: &'static str,
    /// Whose lock.
    pub object: String,
    pub detail: String,
}

impl Note {
    pub const UNLOCKED: &'static str = "swarm.unlock";
    pub const LOCKED: &'static str = "swarm.lock";
}

/// Returns when the chain has it. A leader that was asked and did not confirm may have recorded it all the same: twice is
/// better than not at all.
pub(crate) async fn write(context: &Context, note: &Note) {
    let mut leadership = context.leadership.clone();
    loop {
        let known = leadership.borrow_and_update().clone();
        let other = known.leader.filter(|leader| leader.node_id != context.config.node_id);
        let written = match other {
            _ if known.mine => record(context, note.clone().into()).await.map(|_| ()),
            Some(leader) => tell(context, &leader, note).await,
            None => {
                // Nobody could do anything before somebody leads.
                if leadership.changed().await.is_err() {
                    return;
                }
                continue;
            }
        };
        match written {
            Ok(()) => return,
            Err(status) => {
                tracing::debug!(
                    action = note.action,
                    reason = status.message(),
                    "not in the audit chain yet"
                );
            }
        }
        let _ = timeout(PAUSE, leadership.changed()).await;
    }
}

async fn tell(context: &Context, leader: &Peer, note: &Note) -> Result<(), Status> {
    let (line, attempt) = context.links.attempt(leader, Lane::Urgent);
    let request = channel::request(v1::NoteRequest::from(note.clone()), ASKING);
    let answer = timeout(ASKING, channel::peer(line).note(request)).await;
    let answer = answer.map_err(|_elapsed| Status::unavailable("the leader did not answer"))?;
    attempt.answered();
    answer.map(|_| ())
}

/// On the leader: what this manager, or another one, has to say.
pub(crate) async fn record(context: &Context, note: v1::NoteRequest) -> Result<v1::NoteResponse, Status> {
    if !ACTIONS.contains(&note.action.as_str()) {
        return Err(Failure::invalid("a manager notes what happens at its lock, and nothing else").into());
    }
    let actor = Actor {
        name: note.actor,
        from: note.from,
    };
    let command = Command::NoteAccess {
        action: note.action,
        object: note.object,
        detail: note.detail,
    };
    let noted = context.proposer.propose(actor, command).await;
    let index = noted.map_err(Failure::from)?.index;
    Ok(v1::NoteResponse { index })
}

impl From<Note> for v1::NoteRequest {
    fn from(note: Note) -> Self {
        Self {
            actor: note.actor.name,
            from: note.actor.from,
            action: note.action.to_owned(),
            object: note.object,
            detail: note.detail,
        }
    }
}
