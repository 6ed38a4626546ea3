//! Who may call what? Every method that the protos have, called as every kind of caller there is.

use std::collections::BTreeMap;

use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::ServiceExt;
use wardroom_api::{METHODS, v1};
use wardroom_ca::Role;

use crate::callers::{expired, for_any_number, foreign, nobody, operator, token, with};
use crate::fleet::{Fleet, in_time, until};

/// `+` goes through to the service, `-` is refused in words, `x` gets no connection.
///
/// The columns: no certificate, worker, manager, viewer, operator, admin, the local socket, a removed node, a removed
/// admin, an expired certificate, a certificate of a foreign CA.
const EXPECTED: &str = "
    none worker manager viewer operator admin local gone-node gone-admin expired foreign
    -    +      +       -      -        -     -     -         -          x       x        Ca/Depart
    -    +      +       -      -        -     -     -         -          x       x        Ca/Renew
    -    -      -       -      -        +     +     -         -          x       x        Control/AddOperator
    -    -      -       -      -        +     +     -         -          x       x        Control/Backup
    -    -      -       -      +        +     +     -         -          x       x        Control/CreateSecret
    -    -      -       -      +        +     +     -         -          x       x        Control/CreateService
    -    -      -       -      -        +     +     -         -          x       x        Control/GetJoinToken
    -    -      -       -      -        +     +     -         -          x       x        Control/GetUnlockKey
    -    -      -       -      -        +     +     -         -          x       x        Control/KeepUnlockKey
    -    -      -       +      +        +     +     -         -          x       x        Control/List
    -    -      -       -      +        +     +     -         -          x       x        Control/Logs
    -    -      -       -      +        +     +     -         -          x       x        Control/PruneVersions
    -    -      -       -      -        +     +     -         -          x       x        Control/RemoveNode
    -    -      -       -      -        +     +     -         -          x       x        Control/RemoveOperator
    -    -      -       -      +        +     +     -         -          x       x        Control/RemoveSecret
    -    -      -       -      +        +     +     -         -          x       x        Control/RemoveService
    -    -      -       -      +        +     +     -         -          x       x        Control/RevokeSecret
    -    -      -       -      +        +     +     -         -          x       x        Control/RollbackService
    -    -      -       -      -        +     +     -         -          x       x        Control/RotateDek
    -    -      -       -      -        +     +     -         -          x       x        Control/RotateJoinToken
    -    -      -       -      -        +     +     -         -          x       x        Control/RotateRoot
    -    -      -       -      +        +     +     -         -          x       x        Control/RotateSecret
    -    -      -       -      -        +     +     -         -          x       x        Control/RotateUnlockKey
    -    -      -       +      +        +     +     -         -          x       x        Control/Status
    -    -      -       -      +        +     +     -         -          x       x        Control/SteerRotation
    -    -      -       -      -        +     +     -         -          x       x        Control/StepDown
    -    -      -       -      -        +     +     -         -          x       x        Control/UpdateCluster
    -    -      -       -      +        +     +     -         -          x       x        Control/UpdateGrants
    -    -      -       -      -        +     +     -         -          x       x        Control/UpdateNode
    -    -      -       -      +        +     +     -         -          x       x        Control/UpdateSecret
    -    -      -       -      +        +     +     -         -          x       x        Control/UpdateService
    -    -      -       +      +        +     +     -         -          x       x        Control/Watch
    -    -      -       -      -        -     +     -         -          x       x        Daemon/Info
    -    -      -       -      -        -     +     -         -          x       x        Daemon/Init
    -    -      -       -      -        -     +     -         -          x       x        Daemon/Join
    -    -      -       -      -        -     +     -         -          x       x        Daemon/Leave
    -    -      -       -      -        -     +     -         -          x       x        Daemon/Restore
    -    +      +       -      -        -     -     -         -          x       x        Dispatcher/Assignments
    -    +      +       -      -        -     -     -         -          x       x        Dispatcher/Heartbeat
    -    +      +       -      -        -     -     -         -          x       x        Dispatcher/LogRequests
    -    +      +       -      -        -     -     -         -          x       x        Dispatcher/PublishLogs
    -    +      +       -      -        -     -     -         -          x       x        Dispatcher/Report
    -    +      +       -      -        -     -     -         -          x       x        Dispatcher/Session
    +    +      +       -      -        -     -     -         -          x       x        Join/Admit
    -    -      -       -      -        -     +     -         -          x       x        Lock/Close
    -    -      -       -      -        -     +     -         -          x       x        Lock/GetLock
    -    -      -       -      -        -     +     -         -          x       x        Lock/Unlock
    -    -      +       -      -        -     -     -         -          x       x        Peer/Elect
    -    -      +       -      -        -     -     -         -          x       x        Peer/Follow
    -    -      +       -      -        -     -     -         -          x       x        Peer/Keys
    -    -      +       -      -        -     -     -         -          x       x        Peer/Note
    -    -      +       -      -        -     -     -         -          x       x        Raft/Append
    -    -      +       -      -        -     -     -         -          x       x        Raft/InstallSnapshot
    -    -      +       -      -        -     -     -         -          x       x        Raft/Vote
";

/// What becomes of a call without a message: no service does anything with it.
async fn knock(channel: &Channel, path: &str) -> (char, String) {
    let request = http::Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .body(tonic::body::Body::empty())
        .unwrap();
    match in_time(path, channel.clone().oneshot(request)).await {
        Err(error) => ('x', error.to_string()),
        Ok(response) => match Status::from_header_map(response.headers()) {
            Some(status) if status.code() == Code::PermissionDenied => ('-', status.message().to_owned()),
            answered => ('+', format!("{answered:?}")),
        },
    }
}

/// A channel for every column, to one manager.
async fn callers(fleet: &Fleet, place: usize) -> Vec<(&'static str, Channel)> {
    let (worker_token, _) = token(fleet, for_any_number(v1::Role::Worker)).await;
    let name = |role: &str| format!("{role}-{place}");
    let viewer = operator(fleet, &name("viewer"), v1::OperatorRole::Viewer).await;
    let changer = operator(fleet, &name("operator"), v1::OperatorRole::Operator).await;
    let admin = operator(fleet, &name("admin"), v1::OperatorRole::Admin).await;
    let gone = operator(fleet, &name("gone"), v1::OperatorRole::Admin).await;
    let mut control = fleet.control(place);
    let remove = v1::RemoveOperatorRequest {
        reference: gone.id.clone(),
    };
    control.remove_operator(remove).await.unwrap();
    let gone_node = format!("w{}", place + 2);
    let remove = v1::RemoveNodeRequest {
        reference: gone_node.clone(),
        force: true,
        ..Default::default()
    };
    control.remove_node(remove).await.unwrap();
    let gone_tls = fleet.worker_tls(&gone_node);
    until(&fleet.managers[place], "both are gone", |state| {
        state.subject_removed(&gone_node) && state.subject_removed(&gone.id)
    })
    .await;
    vec![
        ("none", nobody(fleet, place, &worker_token)),
        ("worker", with(fleet, place, &fleet.worker_tls("w1"))),
        ("manager", with(fleet, place, &fleet.tls("m2", Role::Manager))),
        ("viewer", with(fleet, place, &viewer.tls)),
        ("operator", with(fleet, place, &changer.tls)),
        ("admin", with(fleet, place, &admin.tls)),
        ("local", fleet.local(place)),
        ("gone-node", with(fleet, place, &gone_tls)),
        ("gone-admin", with(fleet, place, &gone.tls)),
        ("expired", with(fleet, place, &expired(fleet, "w1"))),
        ("foreign", with(fleet, place, &foreign(fleet, "m2"))),
    ]
}

/// Method to the cells of its row.
fn expected(columns: &[(&str, Channel)]) -> BTreeMap<String, Vec<char>> {
    let mut lines = EXPECTED.lines().filter(|line| !line.trim().is_empty());
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    assert_eq!(head, names, "the table's columns are the callers");
    lines
        .map(|line| {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            let method = words.pop().unwrap();
            let cells: Vec<char> = words.iter().map(|word| word.chars().next().unwrap()).collect();
            assert_eq!(cells.len(), columns.len(), "{method} has a cell for every caller");
            (format!("/wardroom.v1.{method}"), cells)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_is_open_to_whom_the_table_says_and_to_nobody_else() {
    let fleet = Fleet::start(4).await;
    for place in [fleet.leader(), fleet.follower()] {
        let columns = callers(&fleet, place).await;
        let expected = expected(&columns);
        let methods: Vec<&str> = expected.keys().map(String::as_str).collect();
        assert_eq!(
            methods, METHODS,
            "the table has every method of the protos, and no other"
        );
        let mut wrong = Vec::new();
        for (method, cells) in &expected {
            for ((name, channel), cell) in columns.iter().zip(cells) {
                let (found, why) = knock(channel, method).await;
                if found != *cell {
                    wrong.push(format!("{method} as {name}: {found} and not {cell}: {why}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_is_told_why_and_noted() {
    let fleet = Fleet::start(4).await;
    let place = fleet.follower();
    let columns: BTreeMap<&str, Channel> = callers(&fleet, place).await.into_iter().collect();
    let words = async |name: &str, method: &str| knock(&columns[name], &format!("/wardroom.v1.{method}")).await.1;
    let gone_node = format!("w{}", place + 2);
    assert_eq!(
        words("gone-node", "Dispatcher/Session").await,
        format!("Permission denied: node {gone_node} was removed from swarm")
    );
    assert_eq!(
        words("gone-admin", "Control/List").await,
        format!("Permission denied: operator gone-{place} was removed")
    );
    let viewer = words("viewer", "Control/CreateSecret").await;
    assert!(
        viewer.starts_with(&format!(
            "Permission denied: viewer viewer-{place} may not call Control/CreateSecret; "
        )),
        "{viewer}"
    );
    assert!(
        words("none", "Control/List")
            .await
            .contains("a caller without a certificate")
    );
    for (actor, method) in [
        (format!("worker:{gone_node}"), "Dispatcher/Session"),
        (format!("remote-admin:gone-{place}"), "Control/List"),
        (format!("viewer:viewer-{place}"), "Control/CreateSecret"),
        ("nobody".to_owned(), "Control/List"),
    ] {
        until(&fleet.managers[place], "the refusal is in the chain", |state| {
            state
                .audit()
                .any(|record| record.action == "access.refuse" && record.actor == actor && record.object == method)
        })
        .await;
    }
    fleet.stop().await;
}
