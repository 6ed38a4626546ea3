//! What moved on this machine, and whose word is it? Everything that a watcher of a node tells carries the node's number,
//! so that the words of one that is gone are not taken for another's.

use tokio::sync::mpsc;
use wardroom_api::v1;
use wardroom_ca::{KeyRequest, NodeFiles};
use wardroom_keys::Keyring;
use wardroom_manager::FetchError;

use super::call::CallFailure;

/// What moved.
pub enum News {
    /// The managers have new words for this node.
    Told,
    /// A manager serves its agent.
    Served,
    /// Its manager votes.
    Votes,
    /// Its manager has failed, for this reason.
    Failed(String),
    /// The time to renew its certificate has come.
    Due,
    /// What failed may be tried again.
    Retry,
    /// Who waits for the node to be counted in has waited long enough.
    Patience,
    /// An answer to a request for a certificate with this key.
    Renewed(KeyRequest, Result<v1::RenewResponse, CallFailure>),
    /// An answer to a manager's request for keys.
    Keys(Result<Keyring, FetchError>),
    /// An answer to such a request from a worker that has a manager's certificate already, with its new files.
    Promoted(Box<NodeFiles>, Result<Keyring, FetchError>),
}

/// The number of a node, and what it tells.
pub type Told = (u64, News);

/// Tells the supervisor in the name of one node.
pub struct Teller {
    pub number: u64,
    pub news: mpsc::UnboundedSender<Told>,
}

impl Teller {
    pub fn tell(&self, news: News) {
        // A supervisor that has ended needs no news.
        let _ = self.news.send((self.number, news));
    }
}
