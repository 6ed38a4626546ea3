//! Do roles change one step after the other, and does the last manager stay?

use crate::command::Command;
use crate::ids::NodeId;
use crate::node::{Certificate, Role};
use crate::script::{Script, admit, desire_role, expect, joiner, remove_node, set_role};

#[test]
fn a_worker_becomes_a_manager_and_a_worker_again() {
    let mut script = Script::new();
    expect(
        &script.play(desire_role("n1", Role::Manager, 7)),
        "node n1\nnode.promote ember [ok] worker -> manager",
    );
    let ember = NodeId::new("n1");
    let node = &script.state.nodes()[&ember];
    assert_eq!(
        (node.role, node.desired_role, node.raft_id),
        (Role::Worker, Role::Manager, 7)
    );
    expect(&script.play(desire_role("n1", Role::Manager, 8)), "");
    let certificate = Certificate {
        fingerprint: "new".into(),
        key_fingerprint: "key-n1".into(),
        ..Certificate::default()
    };
    let observe = || Command::SetRole {
        node: ember.clone(),
        role: Role::Manager,
        certificate: Some(certificate.clone()),
    };
    expect(
        &script.play(observe()),
        "node n1\nnode.role ember [ok] worker -> manager\nnode.certificate ember [ok] sha256 new",
    );
    expect(&script.play(observe()), "");
    script.play(Command::SetNodeAddress {
        node: ember.clone(),
        address: "ember:2377".into(),
    });
    expect(
        &script.play(desire_role("n1", Role::Worker, 0)),
        "node n1\nnode.demote ember [ok] manager -> worker",
    );
    assert_eq!(script.state.nodes()[&ember].raft_id, 7);
    expect(
        &script.play(desire_role("n1", Role::Manager, 8)),
        "Precondition: node ember is still being demoted; promote it once it is a worker",
    );
    expect(
        &script.play(set_role("n1", Role::Worker)),
        "node n1\nnode.role ember [ok] manager -> worker",
    );
    let node = &script.state.nodes()[&ember];
    assert_eq!((node.raft_id, node.address.as_str()), (0, ""));
    assert!(script.state.raft_id_used(7) && !script.state.subject_removed("n1"));
    expect(
        &script.play(desire_role("n1", Role::Manager, 7)),
        "AlreadyExists: Raft id 7 is or was another manager's; propose again with a new one",
    );
    expect(
        &script.play(desire_role("n1", Role::Manager, 0)),
        "Invalid: a manager needs a Raft id; propose again with one",
    );
}

#[test]
fn the_last_manager_stays() {
    let mut script = Script::new();
    let last = "Precondition: attempting to demote the last manager of the swarm";
    expect(&script.play(desire_role("m1", Role::Worker, 0)), last);
    // One on its way cannot keep the cluster yet.
    script.play(desire_role("n1", Role::Manager, 7));
    expect(&script.play(desire_role("m1", Role::Worker, 0)), last);
    script.play(set_role("n1", Role::Manager));
    script.play(desire_role("m1", Role::Worker, 0));
    // Neither can one on its way back.
    expect(&script.play(desire_role("n1", Role::Worker, 0)), last);
}

#[test]
fn a_promotion_is_called_off() {
    let mut script = Script::new();
    script.play(desire_role("n1", Role::Manager, 7));
    expect(
        &script.play(desire_role("n1", Role::Worker, 0)),
        "node n1\nnode.demote ember [ok] its promotion is called off",
    );
    // Raft may count it as a voter already: until it does not, the node goes on as one.
    let ember = |script: &Script| script.state.nodes()[&NodeId::new("n1")].clone();
    assert_eq!((ember(&script).raft_id, ember(&script).is_in_raft()), (7, true));
    expect(
        &script.play(desire_role("n1", Role::Manager, 8)),
        "Precondition: node ember is still being demoted; promote it once it is a worker",
    );
    expect(
        &script.play(set_role("n1", Role::Manager)),
        "Conflict: node ember is to be a worker; plan again",
    );
    expect(
        &script.play(set_role("n1", Role::Worker)),
        "node n1\nnode.role ember [ok] a worker still; it takes no part in the consensus",
    );
    assert_eq!((ember(&script).raft_id, ember(&script).is_in_raft()), (0, false));
    assert!(script.state.raft_id_used(7));
    expect(&script.play(set_role("n1", Role::Worker)), "");
    script.play(desire_role("n1", Role::Manager, 8));
    expect(
        &script.play(desire_role("n9", Role::Manager, 9)),
        "NotFound: node n9 not found",
    );
}

#[test]
fn a_role_is_observed_with_its_own_key() {
    let mut script = Script::new();
    script.play(admit(&joiner("n3", "opal", 0), 1));
    script.play(desire_role("n1", Role::Manager, 7));
    let stolen = Command::SetRole {
        node: NodeId::new("n1"),
        role: Role::Manager,
        certificate: Some(joiner("n3", "opal", 0).certificate),
    };
    expect(
        &script.play(stolen),
        "AlreadyExists: this key is already that of node opal; propose again under its id, n3",
    );
    expect(
        &script.play(remove_node("n1", true)),
        "Precondition: node ember is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal",
    );
}
