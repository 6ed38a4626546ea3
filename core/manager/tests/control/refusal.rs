//! Is what must not pass refused, in words, and noted?

use tonic::Code;
use wardroom_api::{channel, v1};
use wardroom_manager::NO_LEADER;
use wardroom_state::audit::AuditRecord;

use crate::agent::line;
use crate::fleet::{Fleet, in_time, until};

fn is_refusal_of(record: &AuditRecord, actor: &str, method: &str) -> bool {
    record.action == "access.refuse" && record.actor == actor && record.object == method && record.outcome == "denied"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_calls_control_is_refused_and_noted_whoever_it_asks() {
    let fleet = Fleet::start(2).await;
    for (place, node) in [(fleet.leader(), "w1"), (fleet.follower(), "w2")] {
        let mut control = channel::control(line(&fleet.addresses()[place], &fleet.worker_tls(node)));
        for _ in 0..20 {
            let request = v1::ListRequest {
                kind: v1::Kind::Secret.into(),
                ..Default::default()
            };
            let refused = control.list(request).await.unwrap_err();
            assert_eq!(refused.code(), Code::PermissionDenied);
            assert!(refused.message().contains(node), "{}", refused.message());
        }
        let actor = format!("worker:{node}");
        until(&fleet.managers[place], "the refusal is in the chain", |state| {
            state
                .audit()
                .any(|record| is_refusal_of(record, &actor, "Control/List"))
        })
        .await;
    }
    let notes = fleet.managers[0]
        .replica()
        .read(|state| state.audit().filter(|record| record.action == "access.refuse").count());
    assert!(
        notes <= 4,
        "repetitions are coalesced, not written forty times: {notes}"
    );
    fleet.stop().await;
}

/// How many refusals a record stands for, by its own words.
fn counted(record: &AuditRecord) -> u32 {
    let words = record
        .detail
        .rsplit_once(" (")
        .and_then(|(_, end)| end.strip_suffix(" times)"));
    words.map_or(1, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_s_refusals_are_all_counted() {
    let fleet = Fleet::start(1).await;
    let place = fleet.follower();
    let mut control = channel::control(line(&fleet.addresses()[place], &fleet.worker_tls("w1")));
    for _ in 0..20 {
        control.list(v1::ListRequest::default()).await.unwrap_err();
    }
    until(&fleet.managers[place], "twenty refusals are in the chain", |state| {
        let records = state
            .audit()
            .filter(|record| is_refusal_of(record, "worker:w1", "Control/List"));
        records.map(counted).sum::<u32>() == 20
    })
    .await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_a_quorum_serves_no_workers() {
    let fleet = Fleet::start(1).await;
    let leader = fleet.leader();
    let mut client = channel::dispatcher(line(&fleet.addresses()[leader], &fleet.worker_tls("w1")));
    let mut session = client
        .session(v1::SessionRequest::default())
        .await
        .unwrap()
        .into_inner();
    session.message().await.unwrap().unwrap();
    for place in (0..3).filter(|place| *place != leader) {
        fleet.managers[place].shutdown().await;
    }
    let refused = client.session(v1::SessionRequest::default()).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::FailedPrecondition, "not the leader")
    );
    let end = in_time("the end of the session", session.message()).await;
    assert!(!matches!(end, Ok(Some(_))), "the worker is to look for another leader");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_may_not_speak_as_somebody_else() {
    let fleet = Fleet::start(1).await;
    let channel = line(&fleet.addresses()[fleet.leader()], &fleet.worker_tls("w1"));
    let mut request = tonic::Request::new(v1::RemoveSecretRequest { reference: "x".into() });
    request
        .metadata_mut()
        .insert("wardroom-actor", "admin:root".parse().unwrap());
    let refused = channel::control(channel.clone())
        .remove_secret(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let stranger = line(&fleet.addresses()[fleet.leader()], &fleet.worker_tls("w9"));
    let refused = channel::dispatcher(stranger)
        .session(v1::SessionRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("worker:w9 is not a node of this cluster"),
        "{}",
        refused.message()
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_sends_workers_to_the_leader() {
    let fleet = Fleet::start(1).await;
    let follower = line(&fleet.addresses()[fleet.follower()], &fleet.worker_tls("w1"));
    let refused = channel::dispatcher(follower)
        .session(v1::SessionRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::FailedPrecondition, "not the leader")
    );
    let named = refused.metadata().get("wardroom-leader").unwrap().to_str().unwrap();
    assert_eq!(named, fleet.addresses()[fleet.leader()]);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_are_limited() {
    let fleet = Fleet::start(1).await;
    let leader = line(&fleet.addresses()[fleet.leader()], &fleet.worker_tls("w1"));
    let mut client = channel::dispatcher(leader);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(client.session(v1::SessionRequest::default()).await.unwrap());
    }
    let refused = client.session(v1::SessionRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(refused.message(), "node w1 exceeded rate limit count of registrations");
    let stale = v1::AssignmentsRequest {
        session_id: "made-up".into(),
        transit_key: vec![9; 32],
    };
    assert_eq!(
        client.assignments(stale).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_docker_s_words_say_so() {
    let fleet = Fleet::start(0).await;
    let follower = fleet.follower();
    let others: Vec<usize> = (0..3).filter(|place| *place != follower).collect();
    for place in others {
        fleet.managers[place].shutdown().await;
    }
    let mut control = fleet.control(follower);
    let value = Some(v1::Value::from_bytes(b"value".to_vec()));
    let request = v1::CreateSecretRequest {
        name: "late".into(),
        value,
        ..Default::default()
    };
    let refused = control.create_secret(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().starts_with(NO_LEADER), "{}", refused.message());
    let request = v1::ListRequest {
        kind: v1::Kind::Node.into(),
        ..Default::default()
    };
    let asked = std::time::Instant::now();
    let refused = control.list(request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().starts_with(NO_LEADER), "{}", refused.message());
    assert!(asked.elapsed() < std::time::Duration::from_secs(2), "a read fails fast");
    // What is known can still be read by who asks for just that.
    let request = v1::ListRequest { stale: true, ..request };
    assert_eq!(control.list(request).await.unwrap().into_inner().objects.len(), 3);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_in_words_and_changes_nothing() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let create = |name: &str, bytes: usize| v1::CreateSecretRequest {
        name: name.into(),
        value: Some(v1::Value::from_bytes(vec![b'x'; bytes])),
        ..Default::default()
    };
    for (request, words) in [
        (create("", 1), "name must be provided"),
        (create("-x", 1), "invalid name, only 64"),
        (
            create("x", 0),
            "secret data must be larger than 0 and less than 512000 bytes",
        ),
        (
            create("x", 512_000),
            "secret data must be larger than 0 and less than 512000 bytes",
        ),
        (
            v1::CreateSecretRequest {
                name: "x".into(),
                ..Default::default()
            },
            "a value is needed",
        ),
    ] {
        let refused = control.create_secret(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(words), "{}", refused.message());
    }
    control.create_secret(create("Taken", 1)).await.unwrap();
    let refused = control.create_secret(create("taken", 1)).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::AlreadyExists, "secret taken already exists")
    );
    let missing = control
        .remove_secret(v1::RemoveSecretRequest {
            reference: "nope".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(
        (missing.code(), missing.message()),
        (Code::NotFound, "secret nope not found")
    );
    let grants = |target: &str| {
        vec![v1::Grant {
            secret_name: "taken".into(),
            target: target.into(),
            ..Default::default()
        }]
    };
    for target in ["../x", "/etc/x", "/run/secrets", "a/../../b"] {
        let spec = v1::ServiceSpec {
            name: "web".into(),
            run: Some(v1::RunSpec {
                command: vec!["true".into()],
                ..Default::default()
            }),
            grants: grants(target),
            ..Default::default()
        };
        let refused = control
            .create_service(v1::CreateServiceRequest {
                exposes_env: false,
                spec: Some(spec),
            })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{target}");
    }
    let secrets = fleet.managers[0]
        .replica()
        .read(|state| (state.secrets().len(), state.services().len()));
    assert_eq!(secrets, (1, 0));
    fleet.stop().await;
}
