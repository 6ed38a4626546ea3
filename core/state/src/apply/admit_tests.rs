//! Who gets in, who is the node it was, and who is told what to do instead?

use crate::cluster::JoinToken;
use crate::command::Command;
use crate::ids::NodeId;
use crate::node::{Node, NodeState, Role};
use crate::script::{Script, admit, desire_role, expect, joiner, node_state, remove_node, token};

fn rotate(role: Role, token: JoinToken) -> Command {
    Command::RotateToken { role, token }
}

#[test]
fn the_token_decides_and_counts() {
    let mut script = Script::new();
    expect(
        &script.play(admit(&joiner("n3", "opal", 0), 1)),
        "cluster\nnode n3\nnode.join opal [ok] as a worker, with its token",
    );
    let node = &script.state.nodes()[&NodeId::new("n3")];
    assert_eq!(
        (node.role, node.desired_role, node.raft_id),
        (Role::Worker, Role::Worker, 0)
    );
    assert_eq!((node.state, node.message.as_str()), (NodeState::Unknown, "joined"));
    assert_eq!((node.created_at_ms, node.state_since_ms), (1_002, 1_002));
    assert_eq!(script.state.node_by_key("key-n3"), Some(node));
    expect(
        &script.play(admit(&joiner("m2", "onyx", 7), 2)),
        "cluster\nnode m2\nnode.join onyx [ok] as a manager, with its token",
    );
    let cluster = script.state.cluster().unwrap();
    assert_eq!((cluster.worker_token.uses, cluster.manager_token.uses), (1, 1));
    let managers: Vec<&str> = script.state.managers().map(|node| node.id.as_str()).collect();
    assert_eq!(managers, ["m1", "m2"]);
}

#[test]
fn a_token_that_is_not_ours_says_dockers_words() {
    let mut script = Script::new();
    let opal = joiner("n3", "opal", 0);
    let unknown = "Invalid: A valid join token is necessary to join this cluster";
    expect(&script.play(admit(&opal, 9)), unknown);
    // A token that admits nobody has a digest of zeros.
    script.play(rotate(Role::Worker, token(3)));
    expect(&script.play(admit(&opal, 1)), unknown);
    expect(&script.play(admit(&opal, 0)), unknown);
    let wrong_role = "Invalid: node opal is to be a worker, and this join token is for a manager; use the worker token";
    expect(&script.play(admit(&opal, 2)), wrong_role);
    let onyx = joiner("m2", "onyx", 7);
    let wrong_role =
        "Invalid: node onyx is to be a manager, and this join token is for a worker; use the manager token";
    expect(&script.play(admit(&onyx, 3)), wrong_role);
}

#[test]
fn a_token_ends_with_its_time_or_its_uses() {
    let mut script = Script::new();
    // The proposal after next is at 1,004.
    script.play(rotate(
        Role::Worker,
        JoinToken {
            expires_at_ms: 1_004,
            ..token(3)
        },
    ));
    script.play(admit(&joiner("n3", "opal", 0), 3));
    let expired = "Precondition: this worker join token has expired; ask a manager for a new one with `wardroom swarm join-token --rotate worker`";
    expect(&script.play(admit(&joiner("n4", "jade", 0), 3)), expired);
    // Known or not: who is let in again also needs a token that is good.
    expect(&script.play(admit(&joiner("n3", "opal", 0), 3)), expired);
    script.play(rotate(
        Role::Manager,
        JoinToken {
            max_uses: 1,
            ..token(4)
        },
    ));
    let onyx = joiner("m2", "onyx", 7);
    expect(
        &script.play(admit(&onyx, 4)),
        "cluster\nnode m2\nnode.join onyx [ok] as a manager, with its token (use 1 of 1)",
    );
    expect(
        &script.play(admit(&joiner("m3", "agate", 8), 4)),
        "Precondition: this manager join token was good for 1 join and is used up; ask a manager for a new one with `wardroom swarm join-token --rotate manager`",
    );
    // It has had its use.
    expect(
        &script.play(admit(&onyx, 4)),
        "node m2\nnode.join onyx [ok] again, with the key it had",
    );
}

#[test]
fn a_known_key_is_the_node_it_was() {
    let mut script = Script::new();
    let opal = joiner("n3", "opal", 0);
    script.play(admit(&opal, 1));
    script.play(Command::SetLabels {
        node: opal.id.clone(),
        labels: [("zone".to_owned(), "eu".to_owned())].into(),
    });
    script.play(node_state("n3", NodeState::Down));
    let mut again = opal.clone();
    again.hostname = "opal-2".into();
    again.certificate.fingerprint = "cert-new".into();
    expect(
        &script.play(admit(&again, 1)),
        "node n3\nnode.join opal-2 [ok] again, with the key it had",
    );
    let node = &script.state.nodes()[&opal.id];
    assert_eq!(
        (node.labels.len(), node.certificate.fingerprint.as_str()),
        (1, "cert-new")
    );
    assert_eq!(
        (node.state, script.state.cluster().unwrap().worker_token.uses),
        (NodeState::Down, 1)
    );
    // Its role does not change by the way.
    expect(
        &script.play(admit(
            &Node {
                role: Role::Manager,
                raft_id: 9,
                ..again.clone()
            },
            2,
        )),
        "Invalid: node opal-2 is to be a worker, and this join token is for a manager; use the worker token",
    );
    let twin = Node {
        id: NodeId::new("n4"),
        ..opal
    };
    expect(
        &script.play(admit(&twin, 1)),
        "AlreadyExists: this key is already that of node opal-2; propose again under its id, n3",
    );
    // A manager keeps the Raft id it has, whatever the proposal brings.
    let onyx = joiner("m2", "onyx", 7);
    script.play(admit(&onyx, 2));
    script.play(admit(&Node { raft_id: 8, ..onyx }, 2));
    assert_eq!(script.state.nodes()[&NodeId::new("m2")].raft_id, 7);
}

#[test]
fn ids_are_new() {
    let mut script = Script::new();
    let onyx = |raft_id| joiner("m2", "onyx", raft_id);
    let taken = "AlreadyExists: Raft id 1 is or was another manager's; propose again with a new one";
    expect(&script.play(admit(&onyx(1), 2)), taken);
    let missing = Node {
        role: Role::Manager,
        ..onyx(0)
    };
    expect(
        &script.play(admit(&missing, 2)),
        "Invalid: a manager needs a Raft id; propose again with one",
    );
    let surplus = Node {
        role: Role::Worker,
        ..onyx(5)
    };
    expect(
        &script.play(admit(&surplus, 1)),
        "Invalid: a node cannot join: a worker has no Raft id",
    );
    expect(
        &script.play(admit(&joiner("n1", "opal", 0), 1)),
        "AlreadyExists: node id n1 already exists; propose again with a new id",
    );
    script.play(remove_node("n1", true));
    expect(
        &script.play(admit(&joiner("n1", "opal", 0), 1)),
        "AlreadyExists: node id n1 was removed and never comes back; propose again with a new id",
    );
    // A Raft id is gone with the promotion that brought it.
    script.play(desire_role("n2", Role::Manager, 6));
    script.play(desire_role("n2", Role::Worker, 0));
    expect(
        &script.play(admit(&onyx(6), 2)),
        "AlreadyExists: Raft id 6 is or was another manager's; propose again with a new one",
    );
}

#[test]
fn what_it_says_of_itself_is_checked() {
    let mut script = Script::new();
    let hostname = "Invalid: a node cannot join: its hostname must have 1 to 255 characters, without blanks and control characters";
    for name in ["", "a b", "a\u{1b}[2J", &"x".repeat(256)] {
        expect(&script.play(admit(&joiner("n3", name, 0), 1)), hostname);
    }
    let lost = Node {
        address: "onyx".into(),
        ..joiner("m2", "onyx", 7)
    };
    expect(
        &script.play(admit(&lost, 2)),
        "Invalid: 'onyx' is not an address at which a node can be reached; give host:port, like 10.0.0.5:2377",
    );
}
