//! What is left of a node that is gone, and who goes on when a cluster is forced anew?

use crate::command::{Command, TaskChange};
use crate::holding::HoldingState::{self, Present};
use crate::ids::{NodeId, TaskId};
use crate::node::{Node, NodeState, Role};
use crate::script::{
    self, Script, admit, change, desire_role, expect, inventory, joiner, node_state, receipt, receipts, remove_node,
    revoke,
};
use crate::secret::VersionState;

#[test]
fn only_a_worker_that_is_down_goes_without_force() {
    let mut script = Script::new();
    expect(
        &script.play(remove_node("n1", false)),
        "Precondition: node ember is not down and can't be removed",
    );
    expect(
        &script.play(remove_node("m1", true)),
        "Precondition: node harbour is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal",
    );
    script.play(node_state("n1", NodeState::Down));
    expect(
        &script.play(remove_node("n1", false)),
        "-node n1\nnode.rm ember [ok] 0 tasks left, 0 erasure receipts never came",
    );
    expect(&script.play(remove_node("n1", false)), "NotFound: node n1 not found");
    let grave = &script.state.removed()["n1"];
    assert_eq!(
        (grave.name.as_str(), grave.raft_id, grave.removed_at_ms),
        ("ember", 0, 1_005)
    );
    assert!(script.state.subject_removed("n1"));
    expect(
        &script.play(remove_node("n2", true)),
        "-node n2\nnode.rm flint [ok] 0 tasks left, 0 erasure receipts never came, by force",
    );
}

#[test]
fn what_it_held_is_settled_and_not_called_erased() {
    let mut script = Script::with_web(&["db"]);
    script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
    script.play(revoke("db", None));
    assert_eq!(script.version("db", 1), VersionState::Revoked);
    expect(
        &script.play(remove_node("n1", true)),
        "-node n1
         secret s-db
         task t1
         holding s-db v1 t1: Unconfirmed
         secret.erase db v1 -> ember web.1 [failed] target db: node removed before it confirmed
         secret.destroy db v1 [ok] revoked; 1 erasure receipt never came: node removed
         node.rm ember [ok] 1 task left, 1 erasure receipt never came, by force",
    );
    let task = &script.state.tasks()[&TaskId::new("t1")];
    assert_eq!(task.status.message, "node ember was removed");
    let holding = script.state.holdings().values().next().unwrap();
    assert_eq!(holding.message, "node removed before it confirmed");
    assert!(!holding.is_live() && holding.state == HoldingState::Unconfirmed);
    expect(&script.play(inventory("n1", Vec::new())), "NotFound: node n1 not found");
    let reap = TaskChange::Reap {
        task: TaskId::new("t1"),
    };
    expect(&script.play(change(reap)), "-task t1\n-holding s-db v1 t1");
}

#[test]
fn what_it_held_of_a_removed_secret_is_forgotten() {
    let mut script = Script::with_web(&["db"]);
    script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
    script.play(Command::RemoveService {
        id: script::service_id("web"),
    });
    script.play(script::status("n1", "t1", crate::task::TaskState::Shutdown));
    script.play(Command::RemoveSecret {
        secret: script::secret("db"),
    });
    expect(
        &script.play(remove_node("n1", true)),
        "-node n1
         -holding s-db v1 t1
         secret.erase s-db v1 -> ember web.1 [failed] target db: node removed before it confirmed
         node.rm ember [ok] 1 task left, 1 erasure receipt never came, by force",
    );
}

#[test]
fn a_version_waits_only_for_the_nodes_that_are_there() {
    let mut script = Script::with_web(&["db"]);
    script.start("t2", "web", "n2");
    script.play(revoke("db", None));
    script.play(remove_node("n1", true));
    assert_eq!(script.version("db", 1), VersionState::Revoked);
    expect(
        &script.play(receipts("n2", vec![receipt("t2", "db", 1, HoldingState::Erased)])),
        "secret s-db
         holding s-db v1 t2: Erased
         secret.erase db v1 -> flint web.1 [ok] target db
         secret.destroy db v1 [ok] revoked; 1 erasure receipt never came: node removed",
    );
}

#[test]
fn one_manager_goes_on_alone() {
    let mut script = Script::with_web(&["db"]);
    script.play(admit(&joiner("m2", "onyx", 7), 2));
    script.play(desire_role("n1", Role::Manager, 8));
    let survivor = script.state.nodes()[&NodeId::new("m2")].clone();
    expect(
        &script.play(Command::ForceNewCluster { node: survivor.clone() }),
        "-node m1
         -node n1
         task t1
         holding s-db v1 t1: Unconfirmed
         node.rm harbour [ok] 0 tasks left, 0 erasure receipts never came, as a new cluster was forced
         secret.erase db v1 -> ember web.1 [failed] target db: node removed before it confirmed
         node.rm ember [ok] 1 task left, 1 erasure receipt never came, as a new cluster was forced
         cluster.force-new onyx [ok] the only manager; 2 other managers removed",
    );
    assert!(script.state.subject_removed("m1") && script.state.raft_id_used(1) && script.state.raft_id_used(8));
    assert!(script.state.nodes().contains_key(&NodeId::new("n2")));
    // A manager that was being demoted stays one.
    script.play(admit(&joiner("m3", "agate", 9), 2));
    script.play(desire_role("m2", Role::Worker, 0));
    script.play(Command::ForceNewCluster { node: survivor });
    let managers: Vec<&Node> = script.state.managers().collect();
    assert_eq!(managers.len(), 1);
    assert_eq!((managers[0].desired_role, managers[0].raft_id), (Role::Manager, 7));
}

#[test]
fn a_restored_cluster_is_founded_by_a_new_machine() {
    let mut script = Script::new();
    let old = joiner("m1", "harbour", 1);
    let taken = "AlreadyExists: Raft id 1 is or was another manager's; propose again with a new one";
    let fresh = |raft_id| Node {
        raft_id,
        ..joiner("m9", "basalt", 4)
    };
    expect(&script.play(Command::ForceNewCluster { node: fresh(1) }), taken);
    expect(
        &script.play(Command::ForceNewCluster { node: fresh(0) }),
        "Invalid: a manager needs a Raft id; propose again with one",
    );
    expect(
        &script.play(Command::ForceNewCluster { node: fresh(4) }),
        "-node m1
         node m9
         node.rm harbour [ok] 0 tasks left, 0 erasure receipts never came, as a new cluster was forced
         cluster.force-new basalt [ok] the only manager; 1 other manager removed",
    );
    expect(
        &script.play(Command::ForceNewCluster { node: old }),
        "AlreadyExists: node id m1 was removed and never comes back; propose again with a new id",
    );
    // The same machine on new storage: its old log is gone, and so is the Raft id that voted with it.
    script.play(Command::ForceNewCluster { node: fresh(5) });
    assert_eq!(script.state.nodes()[&NodeId::new("m9")].raft_id, 5);
    assert!(script.state.raft_id_used(4));
}
