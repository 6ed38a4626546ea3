//! Three managers: one in the middle of a rotation, one that is done, one that is down.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;

fn used(epoch: u32, segments: u32, snapshots: u32) -> v1::DekUse {
    v1::DekUse {
        epoch,
        segments,
        log_bytes: u64::from(segments) * 1024,
        records: u64::from(segments) * 7,
        snapshots,
        snapshot_bytes: u64::from(snapshots) * 512,
    }
}

fn status() -> v1::StatusResponse {
    let done = v1::KeyStatus {
        kek_epoch: 2,
        autolock: true,
        dek_epoch: 4,
        dek_check: "0a0b0c0d".into(),
        dek_created_at_ms: 1_000,
        dek_records: 12,
        dek_order: 3,
        uses: vec![used(4, 1, 1)],
        ..v1::KeyStatus::default()
    };
    let rotating = v1::KeyStatus {
        autolock: false,
        dek_epoch: 3,
        dek_order: 2,
        pending_dek_epoch: 4,
        step: "snapshot".into(),
        uses: vec![used(2, 1, 0), used(3, 2, 1)],
        ..done.clone()
    };
    let manager = |id: &str, keys| v1::ManagerStatus {
        node_id: id.into(),
        keys: Some(keys),
        ..v1::ManagerStatus::default()
    };
    v1::StatusResponse {
        managers: vec![manager("m1", done), manager("m2", rotating)],
        lost: vec![v1::ManagerLost {
            node_id: "m3".into(),
            reason: "connection refused".into(),
        }],
        ..v1::StatusResponse::default()
    }
}

fn cluster() -> v1::Cluster {
    let known = |id: &str, epoch| v1::ManagerKeys {
        node_id: id.into(),
        unlock_key_epoch: epoch,
        locks: true,
        dek_epoch: 3,
        dek_check: "01020304".into(),
        dek_created_at_ms: 1_000,
        order: 2,
        at_ms: 2_000,
    };
    let mut order = v1::DekOrder {
        number: 3,
        secret_name: "db".into(),
        versions: vec![1],
        done: vec![v1::DekOrderDone {
            node_id: "m1".into(),
            at_ms: 5_000,
        }],
        owing: vec!["m2".into(), "m3".into()],
        ..v1::DekOrder::default()
    };
    order.set_reason(v1::DekReason::Shred);
    v1::Cluster {
        autolock: true,
        keys: Some(v1::ClusterKeys {
            unlock_key_epoch: 2,
            managers: vec![known("m1", 2), known("m3", 1)],
            orders: vec![order],
            ..v1::ClusterKeys::default()
        }),
        ..v1::Cluster::default()
    }
}

fn nodes() -> Vec<v1::Node> {
    let node = |id: &str, role: Role| v1::Node {
        id: id.into(),
        hostname: format!("host-{id}"),
        role: role.into(),
        ..v1::Node::default()
    };
    vec![
        node("m3", Role::Manager),
        node("w1", Role::Worker),
        node("m1", Role::Manager),
        node("m2", Role::Manager),
    ]
}

#[test]
fn every_key_that_something_lies_under_has_its_line() {
    let (status, cluster, nodes) = (status(), cluster(), nodes());
    let deks = Deks {
        status: &status,
        cluster: &cluster,
        nodes: &nodes,
    };
    assert_eq!(
        deks.table(181_000).render(),
        "MANAGER   DEK   CHECK      AGE         RECORDS   LOG                 SNAPSHOTS   ORDER    UNLOCK KEY      STATE\n\
         host-m1   4     0a0b0c0d   3 minutes   12        1 segment, 1 KiB    1, 512 B    3        epoch 2         ok\n\
         host-m2   3     0a0b0c0d   3 minutes   12        2 segments, 2 KiB   1, 512 B    2 of 3   in clear        rotates: snapshot\n\
         \u{20}         4                            0         0 segments, 0 B     -                                    comes\n\
         \u{20}         2                            7         1 segment, 1 KiB    -                                    goes\n\
         host-m3   3     01020304   3 minutes                                             2 of 3   epoch 1 (old)   does not answer: connection refused\n"
    );
    assert_eq!(
        deks.owed(),
        ["DEK order 3 (db v1 shredded) is still owed by host-m2, host-m3"]
    );
}

#[test]
fn a_program_gets_the_same_and_no_key() {
    let (status, cluster, nodes) = (status(), cluster(), nodes());
    let document = Deks {
        status: &status,
        cluster: &cluster,
        nodes: &nodes,
    }
    .json();
    assert_eq!(document["managers"][1]["uses"][1]["log_bytes"], 2048);
    assert_eq!(
        (&document["managers"][0]["owes"], &document["managers"][1]["owes"]),
        (&json!([]), &json!([3]))
    );
    assert_eq!(document["managers"][2]["as_of"], "1970-01-01T00:00:02.000Z");
    assert_eq!(document["orders"][0]["owing"], json!(["host-m2", "host-m3"]));
    assert_eq!(document["orders"][0]["done"][0]["hostname"], "host-m1");
    assert_eq!(document["unlock_key"]["epoch"], 2);
}

#[test]
fn a_cluster_without_orders_owes_nothing() {
    let (status, nodes) = (v1::StatusResponse::default(), nodes());
    let cluster = v1::Cluster::default();
    let deks = Deks {
        status: &status,
        cluster: &cluster,
        nodes: &nodes,
    };
    assert_eq!((deks.order(0), deks.order(2)), ("-".to_owned(), "2".to_owned()));
    assert!(deks.owed().is_empty());
    assert!(deks.table(0).render().contains("host-m1"));
}
