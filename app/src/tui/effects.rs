//! How do effects happen? Calls and files each in a task of their own, with a deadline; the answer comes back as a
//! message, so that the screen never waits.

mod backup;
mod logs;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use wardroom_api::channel::{CALL_DEADLINE, request, within};
use wardroom_api::v1::{CloseRequest, GetLockRequest, LogsRequest, StatusRequest};
use wardroom_api::{CallError, Client};

use super::msg::{Answer, Call, Msg, Pasted, Ticket};

/// One byte more than a value may have: enough to see that a file is too long.
const FILE_MAX: usize = 512_000;
const FILE_DEADLINE: Duration = Duration::from_secs(5);

/// Starts effects and sends what comes of them.
pub struct Runner {
    client: Client,
    out: mpsc::Sender<Msg>,
    reconnect: Arc<Notify>,
    /// What reads logs: ended when somebody looks elsewhere, and with it the stream.
    logs: Option<AbortHandle>,
}

impl Runner {
    pub fn new(client: Client, out: mpsc::Sender<Msg>) -> Self {
        Self {
            client,
            out,
            reconnect: Arc::default(),
            logs: None,
        }
    }

    /// What the feed listens to.
    pub fn hurry(&self) -> Arc<Notify> {
        self.reconnect.clone()
    }

    pub fn reconnect(&self) {
        self.reconnect.notify_one();
    }

    pub fn call(&self, ticket: Ticket, call: Call) {
        let (client, out) = (self.client.clone(), self.out.clone());
        tokio::spawn(async move {
            let answer = ask(&client, &out, ticket, call).await;
            // Nobody is left to tell when the console has closed.
            let _ = out.send(Msg::Answered(ticket, answer)).await;
        });
    }

    pub fn read_logs(&mut self, ticket: Ticket, request: LogsRequest) {
        self.stop_logs();
        let (client, out) = (self.client.clone(), self.out.clone());
        let reading = tokio::spawn(async move {
            let ended = logs::read(&client, &out, ticket, request).await;
            let _ = out.send(Msg::LogsEnded(ticket, ended)).await;
        });
        self.logs = Some(reading.abort_handle());
    }

    /// Dropping the stream ends it on the other side as well.
    pub fn stop_logs(&mut self) {
        if let Some(reading) = self.logs.take() {
            reading.abort();
        }
    }

    pub fn read_file(&self, ticket: Ticket, path: String) {
        let out = self.out.clone();
        tokio::spawn(async move {
            let read = tokio::time::timeout(FILE_DEADLINE, read(&path)).await;
            let read = read.unwrap_or_else(|_elapsed| Err(format!("{path} could not be read in time")));
            let _ = out.send(Msg::FileRead(ticket, read)).await;
        });
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop_logs();
    }
}

async fn ask(client: &Client, out: &mpsc::Sender<Msg>, ticket: Ticket, call: Call) -> Result<Answer, CallError> {
    let once = is_confidential(&call).then(|| client.once());
    let client = once.as_ref().unwrap_or(client);
    let mut control = client.control();
    let mut lock = client.lock();
    macro_rules! answer {
        (lock $method:ident, $message:expr) => {
            within(CALL_DEADLINE, lock.$method(request($message, CALL_DEADLINE)))
                .await
                .map(Answer::Lock)
        };
        ($method:ident, $message:expr, $wrap:expr) => {
            within(CALL_DEADLINE, control.$method(request($message, CALL_DEADLINE)))
                .await
                .map($wrap)
        };
    }
    match call {
        Call::Status => answer!(status, StatusRequest {}, |status| Answer::Status(Box::new(status))),
        Call::CreateSecret(message) => answer!(create_secret, message, Answer::SecretCreated),
        Call::RotateSecret(message) => answer!(rotate_secret, message, Answer::SecretRotated),
        Call::RevokeSecret(message) => answer!(revoke_secret, message, Answer::SecretRevoked),
        Call::RemoveSecret(message) => answer!(remove_secret, message, Answer::SecretRemoved),
        Call::CreateService(message) => answer!(create_service, message, Answer::ServiceCreated),
        Call::UpdateService(message) => answer!(update_service, message, Answer::ServiceUpdated),
        Call::RemoveService(message) => answer!(remove_service, message, Answer::ServiceRemoved),
        Call::RollbackService(message) => answer!(rollback_service, message, Answer::ServiceRolledBack),
        Call::UpdateGrants(message) => answer!(update_grants, message, Answer::GrantsUpdated),
        Call::SteerRotation(message) => answer!(steer_rotation, message, Answer::RotationSteered),
        Call::PruneVersions(message) => answer!(prune_versions, message, Answer::VersionsPruned),
        Call::UpdateNode(message) => answer!(update_node, message, Answer::NodeUpdated),
        Call::RemoveNode(message) => answer!(remove_node, message, Answer::NodeRemoved),
        Call::StepDown(message) => answer!(step_down, message, Answer::SteppedDown),
        Call::RotateRoot(message) => answer!(rotate_root, message, Answer::RootRotated),
        Call::GetJoinToken(message) => answer!(get_join_token, message, Answer::JoinToken),
        Call::RotateJoinToken(message) => answer!(rotate_join_token, message, Answer::JoinToken),
        Call::RemoveOperator(message) => answer!(remove_operator, message, Answer::OperatorRemoved),
        Call::UpdateCluster(message) => answer!(update_cluster, message, Answer::ClusterUpdated),
        Call::RotateUnlockKey(message) => answer!(rotate_unlock_key, message, Answer::UnlockKeyRotated),
        Call::RotateDek(message) => answer!(rotate_dek, message, Answer::DekRotated),
        Call::GetLock => answer!(lock get_lock, GetLockRequest {}),
        Call::Unlock(message) => answer!(lock unlock, message),
        Call::CloseLock => answer!(lock close, CloseRequest {}),
        Call::Backup(order) => backup::run(client, out, ticket, order).await.map(Answer::BackedUp),
    }
}

/// A value, passphrase or token passes through it. The console's own connection stays open for hours, and with it the
/// buffers of both ends; such a call gets one that ends with it.
fn is_confidential(call: &Call) -> bool {
    matches!(
        call,
        Call::CreateSecret(_)
            | Call::RotateSecret(_)
            | Call::Backup(_)
            | Call::GetJoinToken(_)
            | Call::RotateJoinToken(_)
    )
}

/// The bytes of a regular file; a device or a pipe would never end.
async fn read(path: &str) -> Result<Pasted, String> {
    let failed =
        |error: std::io::Error| format!("cannot read {path}: {error}; check the path, it is read on this machine");
    let about = tokio::fs::metadata(path).await.map_err(failed)?;
    if !about.is_file() {
        return Err(format!("{path} is not a regular file; name a file"));
    }
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    // The capacity is there from the start: growing would leave copies of the value behind.
    let mut bytes = Vec::with_capacity(FILE_MAX + 1);
    let limit = u64::try_from(FILE_MAX).unwrap_or(u64::MAX);
    let result = file.take(limit).read_to_end(&mut bytes).await;
    let bytes = Pasted::new(bytes);
    result.map(|_length| bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    #[tokio::test]
    async fn files_are_read_whole_or_refused_with_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("value");
        std::fs::write(&path, b"\xff\x00bytes\n").unwrap();
        let read_back = read(path.to_str().unwrap()).await.unwrap().take();
        assert_eq!(read_back, b"\xff\x00bytes\n");
        assert!(read("/nowhere/value").await.unwrap_err().contains("check the path"));
        assert!(
            read(folder.path().to_str().unwrap())
                .await
                .unwrap_err()
                .contains("not a regular file")
        );
    }
}
