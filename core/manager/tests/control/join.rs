//! Does a machine come in by a good token, as who it is, and by no other?

use std::sync::Arc;

use tonic::{Code, Status};
use wardroom_api::net::{Net, TcpNet};
use wardroom_api::{channel, v1};
use wardroom_ca::{ExpectPeer, JoinToken, KeyRequest, NodeTls, Role, Root, SystemClock};
use wardroom_keys::{OsChance, SecretBytes};
use wardroom_state::node::Role as NodeRole;

use crate::callers::{for_any_number, nobody, token};
use crate::fleet::{Fleet, in_time, until};

pub(crate) fn request(token: &[u8], key: &KeyRequest) -> v1::AdmitRequest {
    v1::AdmitRequest {
        token: Some(v1::Confidential::new(token.to_vec())),
        csr_pem: key.csr_pem.clone(),
        hostname: "newcomer".into(),
        address: ":4789".into(),
        runs_tasks: true,
        version: "0.3.0".into(),
        ..Default::default()
    }
}

/// Asks a follower to be let in, over the connection that `pin`'s root has proved.
pub(crate) async fn ask(
    fleet: &Fleet,
    pin: &JoinToken,
    request: v1::AdmitRequest,
) -> Result<v1::AdmitResponse, Status> {
    let mut client = channel::join(nobody(fleet, fleet.follower(), pin));
    in_time("an answer", client.admit(request))
        .await
        .map(tonic::Response::into_inner)
}

pub(crate) fn worker() -> v1::RotateJoinTokenRequest {
    for_any_number(v1::Role::Worker)
}

fn identity_of(admitted: &v1::AdmitResponse, key: &KeyRequest) -> NodeTls {
    let clock = Arc::new(SystemClock);
    NodeTls::new(&admitted.roots_pem, &admitted.certificate_pem, &key.key, clock).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_and_a_manager_come_in_by_their_tokens() {
    let fleet = Fleet::start(0).await;
    for (role, state_role, certified) in [
        (v1::Role::Worker, NodeRole::Worker, Role::Worker),
        (v1::Role::Manager, NodeRole::Manager, Role::Manager),
    ] {
        let (pin, text) = token(&fleet, for_any_number(role)).await;
        let key = KeyRequest::generate(&OsChance);
        let admitted = ask(&fleet, &pin, request(&text, &key)).await.unwrap();
        let tls = identity_of(&admitted, &key);
        assert_eq!(
            (tls.identity().node_id, tls.identity().role),
            (admitted.node_id.clone(), certified)
        );
        assert_eq!(admitted.role(), role);
        assert_eq!(admitted.raft_id == 0, role == v1::Role::Worker);
        assert_eq!(
            admitted.address, "127.0.0.1:4789",
            "an empty host is where the call came from"
        );
        assert_eq!(admitted.managers.len(), 3);
        assert_eq!(
            admitted.managers[0],
            fleet.addresses()[fleet.leader()],
            "the leader comes first"
        );
        let node = fleet.managers[fleet.follower()]
            .replica()
            .read(|state| state.find_node(&admitted.node_id).unwrap().clone());
        assert_eq!((node.role, node.desired_role), (state_role, state_role));
        assert_eq!(
            (node.hostname.as_str(), node.version.as_str(), node.runs_tasks),
            ("newcomer", "0.3.0", true)
        );
        assert_eq!(node.raft_id, admitted.raft_id);
        assert_eq!(node.certificate.key_fingerprint, key.key_fingerprint);
        assert_eq!(node.certificate.fingerprint, tls.facts().fingerprint);
    }
    let joins = fleet.managers[fleet.follower()].replica().read(|state| {
        let joins = state.audit().filter(|record| record.action == "node.join");
        joins.map(|record| record.actor.clone()).collect::<Vec<_>>()
    });
    assert_eq!(joins, ["nobody", "nobody"], "every join is in the chain");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_with_its_key_is_the_node_it_was() {
    let fleet = Fleet::start(0).await;
    let (pin, text) = token(
        &fleet,
        v1::RotateJoinTokenRequest {
            max_uses: 1,
            ..worker()
        },
    )
    .await;
    let key = KeyRequest::generate(&OsChance);
    let first = ask(&fleet, &pin, request(&text, &key)).await.unwrap();
    let mut control = fleet.control(fleet.leader());
    let label = v1::UpdateNodeRequest {
        reference: first.node_id.clone(),
        label_add: [("zone".to_owned(), "eu".to_owned())].into(),
        ..Default::default()
    };
    control.update_node(label).await.unwrap();
    let again = KeyRequest::with_key(SecretBytes::new(key.key.expose().to_vec())).unwrap();
    let mut back = request(&text, &again);
    back.hostname = "renamed".into();
    back.address = "10.0.0.7:2377".into();
    let second = ask(&fleet, &pin, back).await.unwrap();
    assert_eq!(second.node_id, first.node_id);
    assert_ne!(second.certificate_pem, first.certificate_pem);
    assert_eq!(second.address, "10.0.0.7:2377");
    let (node, uses) = fleet.managers[fleet.leader()].replica().read(|state| {
        let node = state.find_node(&first.node_id).unwrap().clone();
        (node, state.cluster().unwrap().worker_token.uses)
    });
    assert_eq!(
        (node.hostname.as_str(), node.labels.len()),
        ("renamed", 1),
        "what was said of it stays"
    );
    assert_eq!(uses, 1, "nothing is used up twice");
    // A key of its own is another node, and the token is used up.
    let other = ask(&fleet, &pin, request(&text, &KeyRequest::generate(&OsChance)))
        .await
        .unwrap_err();
    assert_eq!(other.code(), Code::FailedPrecondition);
    assert!(other.message().contains("is used up"), "{}", other.message());

    // Removed, the same key is nobody's: it comes in as a new node, if at all.
    let remove = v1::RemoveNodeRequest {
        reference: first.node_id.clone(),
        force: true,
        ..Default::default()
    };
    control.remove_node(remove).await.unwrap();
    let (pin, text) = token(&fleet, worker()).await;
    let third = ask(&fleet, &pin, request(&text, &again)).await.unwrap();
    assert_ne!(third.node_id, first.node_id);
    fleet.stop().await;
}

/// Every wrong token, with the words for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_refused_in_words_and_noted() {
    let fleet = Fleet::start(0).await;
    let nodes = |fleet: &Fleet| {
        fleet.managers[fleet.leader()]
            .replica()
            .read(|state| state.nodes().len())
    };
    let refused = async |pin: &JoinToken, text: &[u8]| {
        let key = KeyRequest::generate(&OsChance);
        let status = ask(&fleet, pin, request(text, &key)).await.unwrap_err();
        (status.code(), status.message().to_owned())
    };
    let unknown = "A valid join token is necessary to join this cluster";

    let (old, old_text) = token(&fleet, worker()).await;
    let (pin, text) = token(&fleet, v1::RotateJoinTokenRequest { ttl_ms: 1, ..worker() }).await;
    assert_eq!(
        refused(&pin, &old_text).await,
        (Code::InvalidArgument, unknown.into()),
        "rotated"
    );
    let (code, words) = refused(&pin, &text).await;
    assert_eq!(code, Code::FailedPrecondition);
    assert!(
        words.starts_with("this worker join token has expired; ask a manager"),
        "{words}"
    );

    let other = Root::create("othercluster", &SystemClock, &OsChance).unwrap();
    let others = JoinToken::create(other.certificate_der(), &OsChance).text();
    assert_eq!(
        refused(&old, others.expose()).await,
        (Code::InvalidArgument, unknown.into())
    );
    // Whoever knows the secret, but another root, was shown a token of somebody else's making.
    let moved = JoinToken::from_parts(
        other.certificate_der(),
        SecretBytes::new(pin.secret().expose().to_vec()),
    );
    let moved = moved.unwrap().text();
    assert_eq!(
        refused(&pin, moved.expose()).await,
        (Code::InvalidArgument, unknown.into())
    );

    for malformed in [
        &b""[..],
        b"SWMTKN-1-",
        &text[..text.len() - 1],
        b"\xff\xfe",
        &[b'x'; 5_000],
    ] {
        let (code, words) = refused(&pin, malformed).await;
        assert_eq!(code, Code::InvalidArgument);
        assert!(words.starts_with("invalid join token"), "{words}");
    }
    assert_eq!(nodes(&fleet), 3, "nobody came in");
    until(&fleet.managers[0], "the attempts are in the chain", |state| {
        state
            .audit()
            .any(|record| record.action == "access.refuse" && record.actor == "nobody" && record.object == "Join/Admit")
    })
    .await;
    let told = fleet.managers[0].replica().read(|state| {
        let told: Vec<String> = state.audit().map(|record| format!("{record:?}")).collect();
        told.join("\n")
    });
    let secret = String::from_utf8_lossy(&text[text.len() - 25..]).into_owned();
    assert!(!told.contains(&secret), "no token is in the chain");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_role_s_token_does_not_change_who_a_node_is() {
    let fleet = Fleet::start(0).await;
    let (pin, text) = token(&fleet, worker()).await;
    let key = KeyRequest::generate(&OsChance);
    ask(&fleet, &pin, request(&text, &key)).await.unwrap();
    let (pin, text) = token(&fleet, for_any_number(v1::Role::Manager)).await;
    let refused = ask(&fleet, &pin, request(&text, &key)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused
            .message()
            .contains("is to be a worker, and this join token is for a manager"),
        "{}",
        refused.message()
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newcomer_says_of_itself_is_checked() {
    let fleet = Fleet::start(0).await;
    let (pin, text) = token(&fleet, worker()).await;
    let key = KeyRequest::generate(&OsChance);
    let bad = |change: &dyn Fn(&mut v1::AdmitRequest)| {
        let mut bad = request(&text, &key);
        change(&mut bad);
        bad
    };
    for bad in [
        bad(&|request| request.hostname = "x".repeat(64)),
        bad(&|request| request.hostname = "\u{1b}[2J".into()),
        bad(&|request| request.version = "a b".into()),
        bad(&|request| request.address = "nowhere".into()),
        bad(&|request| request.availability = 99),
        bad(&|request| request.csr_pem = "no request".into()),
        bad(&|request| request.csr_pem = "x".repeat(100_000)),
    ] {
        let refused = ask(&fleet, &pin, bad).await.unwrap_err();
        assert!(
            matches!(refused.code(), Code::InvalidArgument | Code::OutOfRange),
            "{refused:?}"
        );
    }
    assert_eq!(
        fleet.managers[fleet.leader()]
            .replica()
            .read(|state| state.nodes().len()),
        3
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_sends_nothing_to_another_cluster() {
    let (fleet, other) = (Fleet::start(0).await, Fleet::start(0).await);
    let (pin, text) = token(&fleet, worker()).await;
    let key = KeyRequest::generate(&OsChance);
    let mut client = channel::join(nobody(&other, 0, &pin));
    let refused = client.admit(request(&text, &key)).await.unwrap_err();
    assert!(
        std::error::Error::source(&refused).is_some(),
        "there was no connection: {refused:?}"
    );
    // And the node that it would have become cannot be told from a stranger there.
    let admitted = ask(&fleet, &pin, request(&text, &key)).await.unwrap();
    let stream = TcpNet.connect(&other.addresses()[0]).await.unwrap();
    let met = identity_of(&admitted, &key)
        .connect(stream, ExpectPeer::AnyManager)
        .await;
    assert!(met.is_err());
    fleet.stop().await;
    other.stop().await;
}
