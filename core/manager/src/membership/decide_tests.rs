//! Does the membership follow the state, one safe step at a time?

use std::collections::BTreeSet;

use wardroom_state::command::Command;
use wardroom_state::node::{NodeState, Role};

use super::decide::{Change, Outlook, decide};
use crate::Peer;
use crate::reconcile::scene::{Scene, node_id};

fn peer(name: &str) -> Peer {
    Peer {
        address: format!("{name}:1"),
        node_id: name.to_owned(),
    }
}

/// Managers 1 to `voters` vote and answer; `m1` leads.
fn outlook(voters: u64) -> Outlook {
    let voters: Vec<u64> = (1..=voters).collect();
    Outlook {
        me: 1,
        voters: voters.iter().map(|n| (*n, peer(&format!("m{n}")))).collect(),
        reachable: voters.iter().map(|n| format!("m{n}")).collect(),
        ..Outlook::default()
    }
}

fn next(scene: &Scene, outlook: &Outlook) -> Option<Change> {
    decide(&scene.state, outlook, &BTreeSet::new())
}

fn desire(scene: &mut Scene, node: &str, role: Role, raft_id: u64) {
    scene.apply(Command::SetDesiredRole {
        node: node_id(node),
        role,
        raft_id,
    });
}

fn address(scene: &mut Scene, node: &str, address: &str) {
    scene.apply(Command::SetNodeAddress {
        node: node_id(node),
        address: address.into(),
    });
}

#[test]
fn nothing_is_changed_while_all_is_as_it_should_be() {
    assert_eq!(next(&Scene::with_managers(3), &outlook(3)), None);
}

#[test]
fn a_promoted_worker_learns_then_votes_and_then_is_a_manager() {
    let mut scene = Scene::with_managers(3);
    let mut seen = outlook(3);
    desire(&mut scene, "w1", Role::Manager, 9);
    assert_eq!(next(&scene, &seen), None, "it has not said where it is reached");
    address(&mut scene, "w1", "w1:1");
    let learn = Change::AddLearner {
        raft_id: 9,
        peer: peer("w1"),
    };
    assert_eq!(next(&scene, &seen), Some(learn));

    seen.learners.insert(9, peer("w1"));
    seen.reachable.insert("w1".into());
    assert_eq!(next(&scene, &seen), None, "it has not caught up");
    seen.close.insert(9);
    assert_eq!(next(&scene, &seen), Some(Change::Promote { raft_id: 9 }));

    seen.learners.clear();
    seen.voters.insert(9, peer("w1"));
    let role = Change::SetRole {
        node: node_id("w1"),
        role: Role::Manager,
    };
    assert_eq!(next(&scene, &seen), Some(role));
}

#[test]
fn a_promotion_that_is_called_off_ends_when_raft_has_let_go() {
    let mut scene = Scene::with_managers(3);
    desire(&mut scene, "w1", Role::Manager, 9);
    desire(&mut scene, "w1", Role::Worker, 0);
    let mut seen = outlook(3);
    seen.voters.insert(9, peer("w1"));
    assert_eq!(next(&scene, &seen), Some(Change::RemoveVoter { raft_id: 9 }));
    seen.voters.remove(&9);
    seen.learners.insert(9, peer("w1"));
    assert_eq!(next(&scene, &seen), Some(Change::DropLearner { raft_id: 9 }));
    seen.learners.clear();
    let role = Change::SetRole {
        node: node_id("w1"),
        role: Role::Worker,
    };
    assert_eq!(next(&scene, &seen), Some(role));
    scene.apply(Command::SetRole {
        node: node_id("w1"),
        role: Role::Worker,
        certificate: None,
    });
    assert_eq!(next(&scene, &seen), None);
}

#[test]
fn a_learner_that_died_gets_no_vote_and_holds_up_nobody() {
    let mut scene = Scene::with_managers(3);
    desire(&mut scene, "w1", Role::Manager, 9);
    desire(&mut scene, "m3", Role::Worker, 0);
    let mut seen = outlook(3);
    seen.learners.insert(9, peer("w1"));
    seen.close.insert(9);
    assert_eq!(next(&scene, &seen), Some(Change::RemoveVoter { raft_id: 3 }));
    seen.voters.remove(&3);
    let role = Change::SetRole {
        node: node_id("m3"),
        role: Role::Worker,
    };
    assert_eq!(next(&scene, &seen), Some(role));
}

#[test]
fn a_demoted_manager_is_removed_unless_the_rest_could_not_decide() {
    let mut scene = Scene::with_managers(3);
    desire(&mut scene, "m2", Role::Worker, 0);
    let mut seen = outlook(3);
    assert_eq!(next(&scene, &seen), Some(Change::RemoveVoter { raft_id: 2 }));
    seen.reachable.remove("m3");
    assert_eq!(next(&scene, &seen), None, "m1 alone is no quorum of two");
    seen.reachable.insert("m3".into());
    seen.reachable.remove("m2");
    assert_eq!(
        next(&scene, &seen),
        Some(Change::RemoveVoter { raft_id: 2 }),
        "the lost one may go"
    );
}

#[test]
fn a_voter_that_no_node_stands_for_is_removed() {
    let scene = Scene::with_managers(3);
    let mut seen = outlook(3);
    seen.voters.insert(77, peer("gone"));
    assert_eq!(next(&scene, &seen), Some(Change::RemoveVoter { raft_id: 77 }));
    let mut seen = outlook(3);
    seen.learners.insert(77, peer("gone"));
    assert_eq!(next(&scene, &seen), Some(Change::DropLearner { raft_id: 77 }));
}

#[test]
fn a_newcomer_that_would_cost_the_quorum_waits() {
    let mut scene = Scene::with_managers(2);
    desire(&mut scene, "w1", Role::Manager, 9);
    address(&mut scene, "w1", "w1:1");
    let mut seen = outlook(2);
    seen.learners.insert(9, peer("w1"));
    seen.close.insert(9);
    seen.reachable = ["m1".to_owned(), "w1".to_owned()].into();
    assert_eq!(
        next(&scene, &seen),
        Some(Change::Promote { raft_id: 9 }),
        "two of three answer"
    );
    seen.reachable.remove("w1");
    assert_eq!(next(&scene, &seen), None);
}

#[test]
fn a_leader_that_is_to_go_hands_over_first() {
    let mut scene = Scene::with_managers(3);
    desire(&mut scene, "m1", Role::Worker, 0);
    let mut seen = outlook(3);
    assert_eq!(next(&scene, &seen), Some(Change::HandOver));
    seen.reachable = ["m1".to_owned()].into();
    assert_eq!(next(&scene, &seen), None, "nobody could take over");
    // The next leader removes it.
    let seen = Outlook { me: 2, ..outlook(3) };
    assert_eq!(next(&scene, &seen), Some(Change::RemoveVoter { raft_id: 1 }));
}

#[test]
fn a_manager_that_moved_is_found_at_its_new_address() {
    let mut scene = Scene::with_managers(3);
    address(&mut scene, "m2", "elsewhere:7");
    let moved = Peer {
        address: "elsewhere:7".into(),
        node_id: "m2".into(),
    };
    let change = Change::Readdress {
        raft_id: 2,
        peer: moved,
    };
    assert_eq!(next(&scene, &outlook(3)), Some(change));
}

#[test]
fn what_somebody_began_is_finished_before_anything_else() {
    let mut scene = Scene::with_managers(3);
    desire(&mut scene, "m2", Role::Worker, 0);
    let seen = Outlook {
        joint: true,
        ..outlook(3)
    };
    assert_eq!(next(&scene, &seen), Some(Change::Settle));
    let waiting = [Change::Settle.subject()].into();
    assert_eq!(decide(&scene.state, &seen, &waiting), None);
}

#[test]
fn what_failed_a_moment_ago_is_passed_over() {
    let mut scene = Scene::with_managers(4);
    desire(&mut scene, "m2", Role::Worker, 0);
    desire(&mut scene, "m3", Role::Worker, 0);
    let waiting = ["2".to_owned()].into();
    let change = decide(&scene.state, &outlook(4), &waiting);
    assert_eq!(change, Some(Change::RemoveVoter { raft_id: 3 }));
}

#[test]
fn a_manager_without_an_agent_is_ready_when_it_votes() {
    let mut scene = Scene::with_managers(2);
    scene.node_state("m2", NodeState::Unknown);
    let welcome = Change::Welcome { node: node_id("m2") };
    assert_eq!(next(&scene, &outlook(2)), Some(welcome));
    scene.node_state("w1", NodeState::Unknown);
    scene.node_state("m2", NodeState::Ready);
    assert_eq!(next(&scene, &outlook(2)), None, "a worker says so itself");
}

#[test]
fn a_leader_that_the_state_does_not_know_changes_nothing() {
    let scene = Scene::with_managers(3);
    let mut seen = outlook(1);
    seen.me = 50;
    seen.voters = [(50, peer("restored"))].into();
    assert_eq!(next(&scene, &seen), None);
}
