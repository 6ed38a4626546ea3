//! `wardroom swarm info`: what is this machine in its cluster, and does it lock?

use std::fmt::Write as _;

use serde_json::{Value, json};
use wardroom_api::v1::{self, LocalState, Role};

use crate::cli::session::Session;
use crate::cli::swarm::unlock;
use crate::cli::{lock_state, when, words};
use crate::report::Report;
use crate::text::clean;

/// What is known about the lock, besides what the machine says of itself.
enum Lock {
    Unknown,
    /// It is locked.
    Waits(v1::LockFacts),
    /// It is open.
    Open(Box<v1::Cluster>),
}

pub async fn run(session: &mut Session) -> Result<(), Report> {
    let info = session
        .ask_daemon(v1::InfoRequest {}, |mut daemon, request| async move {
            daemon.info(request).await
        })
        .await?;
    let lock = lock(&info, session).await;
    if session.output.is_json() {
        return session.output.json(&document(&info, &lock));
    }
    let page = page(&info, &lock, when::now_ms());
    session.output.text(&page)
}

/// What cannot be learnt fails nothing: the machine has said the most of it.
async fn lock(info: &v1::InfoResponse, session: &mut Session) -> Lock {
    session.stale = true;
    let known = match (info.state(), info.role()) {
        (LocalState::Locked, _) => unlock::facts(session).await.map(Lock::Waits),
        (LocalState::Active, Role::Manager) => session.cluster().await.map(|cluster| Lock::Open(Box::new(cluster))),
        _ => Ok(Lock::Unknown),
    };
    known.unwrap_or(Lock::Unknown)
}

/// Docker's names, as `docker info` has them below `Swarm`.
fn document(info: &v1::InfoResponse, lock: &Lock) -> Value {
    let control = info.state() == LocalState::Active && info.role() == Role::Manager;
    let mut document = json!({
        "LocalNodeState": words::local_state(info.state),
        "Error": info.error,
        "NodeID": info.node_id,
        "NodeAddr": info.address,
        "ControlAvailable": control,
        "RemoteManagers": info.managers.iter().map(|address| json!({ "Addr": address })).collect::<Value>(),
        "Cluster": { "ID": info.cluster_id },
        "Hostname": info.hostname,
        "Role": if info.role() == Role::Unspecified { "" } else { words::role(info.role) },
        "ListenAddr": info.listen,
        "CertificateNotAfter": when::rfc3339(info.certificate_not_after_ms),
        "Version": info.version,
        "StateDir": info.state_dir,
        "Pid": info.pid,
    });
    match lock {
        Lock::Unknown => {}
        Lock::Waits(facts) => document["Lock"] = unlock::facts_json(facts),
        Lock::Open(cluster) => {
            document["Cluster"]["Spec"] = json!({ "EncryptionConfig": { "AutoLockManagers": cluster.autolock } });
        }
    }
    document
}

fn page(info: &v1::InfoResponse, lock: &Lock, now_ms: i64) -> String {
    let role = if info.role() == Role::Unspecified {
        ""
    } else {
        words::role(info.role)
    };
    let (waits, autolock) = match lock {
        Lock::Unknown => (String::new(), String::new()),
        Lock::Waits(facts) => (unlock::waits(facts), "on".to_owned()),
        Lock::Open(cluster) => (String::new(), lock_state::autolock(cluster)),
    };
    let lines = [
        ("Swarm", words::local_state(info.state)),
        ("Error", info.error.as_str()),
        ("Lock", &waits),
        ("Autolock", &autolock),
        ("Hostname", &info.hostname),
        ("Node ID", &info.node_id),
        ("Role", role),
        ("Cluster ID", &info.cluster_id),
        ("Address", &info.address),
        ("Listens at", &info.listen),
        ("Managers", &info.managers.join(", ")),
        ("Certificate", &when::validity(info.certificate_not_after_ms, now_ms)),
        ("Version", &info.version),
        ("State in", &info.state_dir),
        ("Process", &info.pid.to_string()),
    ];
    let mut page = String::new();
    for (label, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{:<13}{}", format!("{label}:"), clean(text));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_in_no_cluster_says_little() {
        let info = v1::InfoResponse {
            state: LocalState::Inactive.into(),
            hostname: "m1".into(),
            version: "0.1.0".into(),
            pid: 7,
            ..v1::InfoResponse::default()
        };
        assert_eq!(
            page(&info, &Lock::Unknown, 0),
            "Swarm:       inactive\nHostname:    m1\nVersion:     0.1.0\nProcess:     7\n"
        );
        assert_eq!(document(&info, &Lock::Unknown)["LocalNodeState"], "inactive");
        assert_eq!(document(&info, &Lock::Unknown)["ControlAvailable"], false);
    }

    #[test]
    fn a_locked_manager_says_what_it_waits_for() {
        let info = v1::InfoResponse {
            state: LocalState::Locked.into(),
            role: Role::Manager.into(),
            ..v1::InfoResponse::default()
        };
        let waits = Lock::Waits(v1::LockFacts {
            locked: true,
            managers: vec![v1::LockedManager {
                hostname: "m1".into(),
                unlock_key_epoch: 2,
                ..v1::LockedManager::default()
            }],
            ..v1::LockFacts::default()
        });
        assert_eq!(
            page(&info, &waits, 0),
            "Swarm:       locked\nLock:        m1 waits for the unlock key of epoch 2\nAutolock:    on\n\
             Role:        manager\nProcess:     0\n"
        );
        assert_eq!(document(&info, &waits)["Lock"]["managers"][0]["unlock_key_epoch"], 2);
        assert_eq!(document(&info, &waits)["ControlAvailable"], false);
    }

    #[test]
    fn an_open_manager_says_whether_it_will_lock() {
        let info = v1::InfoResponse {
            state: LocalState::Active.into(),
            role: Role::Manager.into(),
            ..v1::InfoResponse::default()
        };
        let open = |autolock| {
            Lock::Open(Box::new(v1::Cluster {
                autolock,
                keys: Some(v1::ClusterKeys {
                    unlock_key_epoch: 3,
                    ..v1::ClusterKeys::default()
                }),
                ..v1::Cluster::default()
            }))
        };
        assert!(page(&info, &open(true), 0).contains("Autolock:    on, unlock key epoch 3\n"));
        assert!(page(&info, &open(false), 0).contains("Autolock:    off\n"));
        let spec = &document(&info, &open(true))["Cluster"]["Spec"];
        assert_eq!(spec["EncryptionConfig"]["AutoLockManagers"], true);
    }
}
