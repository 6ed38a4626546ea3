//! Do nodes and operators come, change and go as they are told to, and is who is gone cut off?

use std::time::{Duration, Instant};

use tonic::Code;
use wardroom_api::{channel, v1};
use wardroom_ca::Role;
use wardroom_state::node::{Availability, Role as NodeRole};

use crate::agent::line;
use crate::callers::{operator, with};
use crate::fleet::{Fleet, in_time, until};

/// What the issue promises for a removed node's streams.
const CUT_WITHIN: Duration = Duration::from_secs(1);

fn node(reference: &str) -> v1::UpdateNodeRequest {
    v1::UpdateNodeRequest {
        reference: reference.into(),
        ..Default::default()
    }
}

fn remove(reference: &str, force: bool) -> v1::RemoveNodeRequest {
    v1::RemoveNodeRequest {
        reference: reference.into(),
        force,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_node_is_cut_off_within_a_second_and_told_why() {
    let fleet = Fleet::start(1).await;
    let leader = fleet.leader();
    let channel = line(&fleet.addresses()[leader], &fleet.worker_tls("w1"));
    let mut client = channel::dispatcher(channel);
    let mut session = client
        .session(v1::SessionRequest::default())
        .await
        .unwrap()
        .into_inner();
    session.message().await.unwrap().unwrap();

    let mut control = fleet.control(leader);
    let up = control.remove_node(remove("host-w1", false)).await.unwrap_err();
    assert_eq!(
        (up.code(), up.message()),
        (
            Code::FailedPrecondition,
            "node host-w1 is not down and can't be removed"
        )
    );
    control.remove_node(remove("host-w1", true)).await.unwrap();
    let removed = Instant::now();
    in_time("the end of the session", async {
        while let Ok(Some(_)) = session.message().await {}
    })
    .await;
    assert!(removed.elapsed() < CUT_WITHIN, "cut after {:?}", removed.elapsed());
    // Also a connection that nobody ends is gone by then: the next call needs a new one, which is told why.
    tokio::time::sleep(CUT_WITHIN.saturating_sub(removed.elapsed())).await;
    for place in [leader, fleet.follower()] {
        until(&fleet.managers[place], "the removal", |state| {
            state.subject_removed("w1")
        })
        .await;
        let mut anew = channel::dispatcher(line(&fleet.addresses()[place], &fleet.worker_tls("w1")));
        let refused = anew.session(v1::SessionRequest::default()).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (
                Code::PermissionDenied,
                "Permission denied: node w1 was removed from swarm"
            )
        );
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_comes_watches_and_is_cut_off() {
    let fleet = Fleet::start(0).await;
    let place = fleet.follower();
    let ada = operator(&fleet, "ada", v1::OperatorRole::Operator).await;
    let mut control = channel::control(with(&fleet, place, &ada.tls));
    let create = v1::CreateSecretRequest {
        name: "db".into(),
        value: Some(v1::Value::from_bytes(b"value".to_vec())),
        ..Default::default()
    };
    control.create_secret(create).await.unwrap();
    let created_by = fleet.managers[place]
        .replica()
        .read(|state| state.find_secret("db").unwrap().versions[&1].created_by.clone());
    assert_eq!(created_by, "operator:ada", "the leader knows who asked the follower");
    let listed = v1::ListRequest {
        kind: v1::Kind::Operator.into(),
        references: vec!["ADA".into()],
        ..Default::default()
    };
    let listed = control.list(listed).await.unwrap().into_inner().objects;
    let Some(v1::object::Kind::Operator(listed)) = &listed[0].kind else {
        panic!("an operator was asked for")
    };
    assert_eq!(
        (listed.id.as_str(), listed.role()),
        (ada.id.as_str(), v1::OperatorRole::Operator)
    );
    assert_eq!(listed.certificate_issuer, fleet.root.fingerprint());

    let taken = v1::AddOperatorRequest {
        name: "Ada".into(),
        role: v1::OperatorRole::Viewer.into(),
        ..Default::default()
    };
    let taken = fleet.control(place).add_operator(taken).await.unwrap_err();
    assert_eq!(
        (taken.code(), taken.message()),
        (Code::AlreadyExists, "operator Ada already exists")
    );

    let mut watch = control.watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    let remove = v1::RemoveOperatorRequest {
        reference: "ada".into(),
    };
    fleet.control(place).remove_operator(remove).await.unwrap();
    let removed = Instant::now();
    in_time("the end of the watch", async {
        while let Ok(Some(_)) = watch.message().await {}
    })
    .await;
    assert!(removed.elapsed() < CUT_WITHIN, "cut after {:?}", removed.elapsed());
    let mut anew = channel::control(with(&fleet, place, &ada.tls));
    let refused = anew.status(v1::StatusRequest {}).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::PermissionDenied, "Permission denied: operator ada was removed")
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_changed_by_a_plan_that_was_confirmed() {
    let fleet = Fleet::start(2).await;
    let mut control = fleet.control(fleet.follower());
    let drain = v1::UpdateNodeRequest {
        availability: v1::Availability::Drain.into(),
        label_add: [("zone".to_owned(), "eu".to_owned())].into(),
        ..node("host-w1")
    };
    let plan_only = v1::UpdateNodeRequest {
        plan_only: true,
        ..drain.clone()
    };
    let planned = control.update_node(plan_only).await.unwrap().into_inner();
    let basis = planned.plan.unwrap().basis;
    control
        .update_node(v1::UpdateNodeRequest {
            label_add: [("rack".to_owned(), "7".to_owned())].into(),
            ..node("host-w1")
        })
        .await
        .unwrap();
    let confirmed = v1::UpdateNodeRequest {
        plan_basis: basis,
        ..drain.clone()
    };
    let moved_on = control.update_node(confirmed).await.unwrap_err();
    assert_eq!(
        moved_on.code(),
        Code::Aborted,
        "the node is another one than was planned for"
    );
    let changed = control.update_node(drain).await.unwrap().into_inner();
    assert_eq!((changed.id.as_str(), changed.hostname.as_str()), ("w1", "host-w1"));
    let found = fleet.managers[fleet.follower()].replica().read(|state| {
        let node = state.find_node("w1").unwrap();
        (node.availability, node.labels.len())
    });
    assert_eq!(found, (Availability::Drain, 2));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_wished_for_and_refused_in_docker_s_words() {
    let fleet = Fleet::start(1).await;
    let mut control = fleet.control(fleet.follower());
    let to = |reference: &str, role: v1::Role| v1::UpdateNodeRequest {
        role: role.into(),
        ..node(reference)
    };
    let unreachable = control.update_node(to("w1", v1::Role::Manager)).await.unwrap_err();
    assert_eq!(unreachable.code(), Code::FailedPrecondition);
    assert!(unreachable.message().contains("has not said where it can be reached"));
    let manager = control.remove_node(remove("m1", true)).await.unwrap_err();
    assert_eq!(
        manager.message(),
        "node host-m1 is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"
    );
    // With one manager silent, the loss of another would be the loss of the quorum.
    let silent = fleet.follower();
    let (others, leader) = (3 - silent - fleet.leader(), fleet.leader());
    let mut control = fleet.control(leader);
    fleet.managers[silent].shutdown().await;
    let name = format!("host-m{}", silent + 1);
    in_time("the silence is noticed", async {
        let mut words = fleet.managers[leader].managers().subscribe();
        let silent_id = format!("m{}", silent + 1);
        let is_lost = |table: &wardroom_manager::Table| {
            let word = table.words.get(&silent_id);
            matches!(word, Some((_, wardroom_manager::Word::Lost(_))))
        };
        words.wait_for(is_lost).await.unwrap();
    })
    .await;
    let risky = control
        .update_node(to(&format!("m{}", others + 1), v1::Role::Worker))
        .await
        .unwrap_err();
    assert_eq!(
        (risky.code(), risky.message()),
        (
            Code::FailedPrecondition,
            "can't remove member from the raft: this would result in a loss of quorum"
        )
    );
    let lost = control
        .update_node(to(&name, v1::Role::Worker))
        .await
        .unwrap()
        .into_inner();
    let plan = lost.plan.unwrap();
    assert!(
        plan.checks
            .iter()
            .any(|check| check.text == "3 managers -> 2: tolerates 0 lost")
    );
    let desired = fleet.managers[leader]
        .replica()
        .read(|state| state.find_node(&name).unwrap().desired_role);
    assert_eq!(desired, NodeRole::Worker);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_manager_s_certificate_is_a_worker_s() {
    let fleet = Fleet::start(0).await;
    let (leader, follower) = (fleet.leader(), fleet.follower());
    let id = format!("m{}", follower + 1);
    let tls = fleet.tls(&id, Role::Manager);
    let mut feed = channel::peer(with(&fleet, leader, &tls))
        .follow(v1::FollowRequest {})
        .await
        .unwrap()
        .into_inner();
    feed.message().await.unwrap().unwrap();
    let demote = v1::UpdateNodeRequest {
        role: v1::Role::Worker.into(),
        ..node(&id)
    };
    fleet.control(leader).update_node(demote).await.unwrap();
    until(&fleet.managers[leader], "it is a worker", |state| {
        state.find_node(&id).unwrap().role == NodeRole::Worker
    })
    .await;
    in_time("the end of the feed", async {
        while let Ok(Some(_)) = feed.message().await {}
    })
    .await;
    let mut anew = channel::peer(with(&fleet, leader, &tls));
    let refused = anew.follow(v1::FollowRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(
        refused
            .message()
            .contains(&format!("worker {id} may not call Peer/Follow")),
        "{}",
        refused.message()
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_steps_down_when_it_is_asked_through_a_follower() {
    let fleet = Fleet::start(0).await;
    let (leader, follower) = (fleet.leader(), fleet.follower());
    let to = format!("host-m{}", follower + 1);
    let mut control = fleet.control(follower);
    let stepped = control
        .step_down(v1::StepDownRequest { to })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(stepped.leader, format!("m{}", follower + 1));
    let nobody = control
        .step_down(v1::StepDownRequest { to: "host-w9".into() })
        .await
        .unwrap_err();
    assert_eq!(
        (nobody.code(), nobody.message()),
        (Code::NotFound, "node host-w9 not found")
    );
    let mut leadership = fleet.managers[leader].leadership();
    in_time("the old leader follows", leadership.wait_for(|known| !known.mine))
        .await
        .unwrap();
    fleet.stop().await;
}
