//! Which node is this machine? The one whose worker can lend files to a program here.

use wardroom_api::v1::{self, LocalState};
use wardroom_api::{Client, UNKNOWN_CALL};

use crate::cli::connect::{DAEMON_SOCKET, Place};
use crate::cli::session::Session;
use crate::report::Report;

/// Where the files have to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Every worker of the cluster is in one program on this machine.
    Any,
    This(String),
}

/// The cluster may be reached from elsewhere too; the worker is then asked through the daemon of this machine.
pub async fn node(session: &mut Session) -> Result<Node, Report> {
    if let Place::Managers { .. } = session.target.place {
        let elsewhere = std::mem::replace(&mut session.client, Client::unix(DAEMON_SOCKET));
        let asked = ask(session).await;
        session.client = elsewhere;
        return asked;
    }
    ask(session).await
}

async fn ask(session: &Session) -> Result<Node, Report> {
    let info = session
        .ask_daemon(v1::InfoRequest {}, |mut daemon, request| async move {
            daemon.info(request).await
        })
        .await;
    match info {
        Ok(info) => of_daemon(&info),
        // Only an embedded cluster has a socket without a daemon behind it.
        Err(_) if is_embedded(session).await => Ok(Node::Any),
        Err(report) => Err(report
            .hint("secrets are lent by the worker of this machine: start `wardroom daemon` here, and let it join")),
    }
}

async fn is_embedded(session: &Session) -> bool {
    let deadline = wardroom_api::channel::CALL_DEADLINE;
    let mut daemon = session.client.daemon();
    let asked = daemon.info(wardroom_api::channel::request(v1::InfoRequest {}, deadline));
    match wardroom_api::channel::within(deadline, asked).await {
        Ok(_) => false,
        Err(error) => error.to_string().starts_with(UNKNOWN_CALL),
    }
}

fn of_daemon(info: &v1::InfoResponse) -> Result<Node, Report> {
    match info.state() {
        LocalState::Active if !info.node_id.is_empty() => Ok(Node::This(info.node_id.clone())),
        state => Err(Report::failure(format!(
            "this machine is no active node of a cluster ({})",
            crate::cli::words::local_state(state.into())
        ))
        .hint("secrets are lent by the worker of this machine: see `wardroom swarm info`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_active_node_lends() {
        let info = |state: LocalState, node_id: &str| v1::InfoResponse {
            state: state.into(),
            node_id: node_id.into(),
            ..v1::InfoResponse::default()
        };
        assert!(matches!(of_daemon(&info(LocalState::Active, "n")), Ok(Node::This(id)) if id == "n"));
        for state in [LocalState::Locked, LocalState::Inactive, LocalState::Pending] {
            assert!(of_daemon(&info(state, "n")).is_err(), "{state:?}");
        }
    }
}
