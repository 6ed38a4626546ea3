//! Is a worker believed what it may say, and nothing else?

use crate::command::{Command, Receipt, TaskChange};
use crate::holding::HoldingState::{Erased, Failed, Pending, Present};
use crate::ids::TaskId;
use crate::script::{Script, change, expect, inventory, receipt, receipts, rotate, status};
use crate::task::TaskState::{self, Complete, Orphaned, Rejected, Running, Shutdown, Starting};

#[test]
fn a_receipt_counts_once() {
    let mut script = Script::with_web(&["db"]);
    let present = || receipts("n1", vec![receipt("t1", "db", 1, Present)]);
    expect(
        &script.play(present()),
        "holding s-db v1 t1: Present, proven\nsecret.deliver db v1 -> ember web.1 [ok] target db, proven",
    );
    expect(&script.play(present()), "");
    expect(&script.play(receipts("n1", vec![receipt("t1", "db", 1, Pending)])), "");
}

#[test]
fn wrong_bytes_prove_nothing() {
    let mut script = Script::with_web(&["db"]);
    let wrong = |digest| {
        receipts(
            "n1",
            vec![Receipt {
                digest,
                ..receipt("t1", "db", 1, Present)
            }],
        )
    };
    let failed = "holding s-db v1 t1: Failed
        secret.deliver db v1 -> ember web.1 [failed] target db: the bytes read back are not this version's";
    expect(&script.play(wrong(Some([9; 32]))), failed);
    expect(&script.play(wrong(None)), "");
}

#[test]
fn a_worker_speaks_for_itself_only() {
    let mut script = Script::with_web(&["db"]);
    expect(&script.play(receipts("n2", vec![receipt("t1", "db", 1, Present)])), "");
    expect(&script.play(status("n2", "t1", Running)), "");
    expect(&script.play(status("n1", "t1", Orphaned)), "");
    expect(
        &script.play(receipts("n1", vec![receipt("t1", "other", 1, Present)])),
        "",
    );
    expect(&script.play(receipts("n9", Vec::new())), "NotFound: node n9 not found");
    expect(&script.play(inventory("n2", Vec::new())), "");
}

#[test]
fn states_only_move_forward() {
    let mut script = Script::with_web(&["db"]);
    expect(&script.play(status("n1", "t1", Running)), "task t1");
    expect(&script.play(status("n1", "t1", Running)), "");
    expect(&script.play(status("n1", "t1", Starting)), "");
    script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
    expect(
        &script.play(status("n1", "t1", Complete)),
        "task t1\nholding s-db v1 t1: Present, proven, owed",
    );
    expect(&script.play(status("n1", "t1", Running)), "");
}

#[test]
fn what_never_arrived_is_not_owed_for_ever() {
    let mut script = Script::with_web(&["db"]);
    script.play(rotate("db", 2));
    expect(
        &script.refresh("t1"),
        "task t1\nholding s-db v1 t1: Pending, owed\nholding s-db v2 t1: Pending",
    );
    expect(
        &script.play(receipts("n1", vec![receipt("t1", "db", 2, Present)])),
        "holding s-db v1 t1: Erased
         holding s-db v2 t1: Present, proven
         secret.deliver db v2 -> ember web.1 [ok] target db, proven
         secret.erase db v1 -> ember web.1 [ok] target db, replaced before it arrived",
    );
    let mut script = Script::with_web(&["db"]);
    expect(
        &script.play(status("n1", "t1", Complete)),
        "task t1
         holding s-db v1 t1: Erased
         secret.erase db v1 -> ember web.1 [ok] the task ended without it",
    );
}

/// One report: how the task ended, and what could not be written or erased.
fn ends(state: TaskState, inventory: bool) -> Command {
    let Command::Report { node, tasks, .. } = status("n1", "t1", state) else {
        unreachable!("a status is a report")
    };
    let receipts = vec![Receipt {
        message: "busy".into(),
        ..receipt("t1", "db", 1, Failed)
    }];
    Command::Report {
        node,
        tasks,
        receipts,
        inventory,
    }
}

#[test]
fn a_file_that_could_not_be_erased_is_still_there() {
    for inventory in [false, true] {
        let mut script = Script::with_web(&["db"]);
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
        expect(
            &script.play(ends(Shutdown, inventory)),
            "task t1
             holding s-db v1 t1: Failed, owed
             secret.deliver db v1 -> ember web.1 [failed] target db: busy",
        );
        expect(&script.play(ends(Shutdown, inventory)), "");
    }
}

#[test]
fn a_file_that_never_came_is_not_owed_when_its_task_ends() {
    for state in [Rejected, Shutdown] {
        let mut script = Script::with_web(&["db"]);
        let played = script.play(ends(state, false));
        assert!(played.contains("holding s-db v1 t1: Erased"), "{played}");
    }
}

#[test]
fn an_inventory_is_everything_the_worker_has() {
    let mut script = Script::with_web(&["api", "db"]);
    expect(&script.play(inventory("n1", Vec::new())), "");
    script.play(receipts(
        "n1",
        vec![receipt("t1", "api", 1, Present), receipt("t1", "db", 1, Present)],
    ));
    expect(
        &script.play(inventory("n1", vec![receipt("t1", "api", 1, Present)])),
        "holding s-db v1 t1: Pending
         secret.erase db v1 -> ember web.1 [ok] target db, not in the worker's inventory",
    );
    script.play(change(TaskChange::Files {
        task: TaskId::new("t1"),
        files: Vec::new(),
    }));
    expect(
        &script.play(inventory("n1", Vec::new())),
        "holding s-api v1 t1: Erased
         holding s-db v1 t1: Erased
         secret.erase api v1 -> ember web.1 [ok] target api, not in the worker's inventory
         secret.erase db v1 -> ember web.1 [ok] target db, not in the worker's inventory",
    );
    expect(&script.play(receipts("n1", vec![receipt("t1", "db", 1, Erased)])), "");
    let failed = vec![Receipt {
        message: "busy".into(),
        ..receipt("t1", "db", 1, Failed)
    }];
    expect(
        &script.play(receipts("n1", failed)),
        "holding s-db v1 t1: Failed, owed\nsecret.deliver db v1 -> ember web.1 [failed] target db: busy",
    );
}

#[test]
fn what_a_lease_took_is_expected_again() {
    let mut script = Script::with_web(&["db"]);
    let present = || receipts("n1", vec![receipt("t1", "db", 1, Present)]);
    script.play(status("n1", "t1", Running));
    script.play(present());
    let lapsed = Receipt {
        message: "lease ran out".into(),
        ..receipt("t1", "db", 1, Erased)
    };
    expect(
        &script.play(receipts("n1", vec![lapsed.clone()])),
        "holding s-db v1 t1: Pending
         secret.erase db v1 -> ember web.1 [ok] target db: lease ran out",
    );
    expect(&script.play(receipts("n1", vec![lapsed])), "");
    expect(&script.play(inventory("n1", Vec::new())), "");
    expect(
        &script.play(present()),
        "holding s-db v1 t1: Present, proven\nsecret.deliver db v1 -> ember web.1 [ok] target db, proven",
    );
}

#[test]
fn what_a_lease_took_is_waited_for_by_whoever_revokes_it() {
    let mut script = Script::with_web(&["db"]);
    script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
    script.play(receipts("n1", vec![receipt("t1", "db", 1, Erased)]));
    // It is on its way to the worker again as it is revoked.
    script.play(change(TaskChange::Files {
        task: TaskId::new("t1"),
        files: Vec::new(),
    }));
    expect(
        &script.play(receipts("n1", vec![receipt("t1", "db", 1, Erased)])),
        "holding s-db v1 t1: Erased\nsecret.erase db v1 -> ember web.1 [ok] target db",
    );
}
