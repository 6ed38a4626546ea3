//! A cluster for the screens: three managers, two workers, six secrets, four services, a rotation that runs and one
//! that is done, receipts, and a chain of audit records.

use wardroom_api::ClusterView;
use wardroom_api::v1::{
    Cluster, ClusterKeys, DekOrder, DekOrderDone, DekReason, DekUse, Election, Follower, JoinTokenFacts, KeyStatus,
    LogStatus, ManagerKeys, ManagerStatus, Node, NodeState, Operator, OperatorRole, Role, Secret, Version,
    VersionState,
};

use super::fixture_work::{audit, rotations, services};

/// 2026-11-22 12:04:11 UTC.
pub const NOW: i64 = 1_795_349_051_000;
pub const MINUTE: i64 = 60_000;
pub const DAY: i64 = 24 * 60 * MINUTE;

pub fn cluster() -> ClusterView {
    let mut view = ClusterView {
        index: 18842,
        ..ClusterView::default()
    };
    view.cluster = Some(Cluster {
        id: "c0".into(),
        name: "prod-eu".into(),
        created_at_ms: NOW - 200 * DAY,
        root_fingerprint: "9b1c5d".into(),
        root_not_after_ms: NOW + 7283 * DAY,
        heartbeat_ms: 5000,
        sealing_root_check: "77ab01cd".into(),
        autolock: true,
        keys: Some(keys()),
        join_tokens: vec![token(Role::Worker, 12, 3, 0), token(Role::Manager, 30, 2, 5)],
        ..Cluster::default()
    });
    for number in 1..=3 {
        manager(&mut view, number);
    }
    for name in ["jo", "kim"] {
        let role = if name == "jo" {
            OperatorRole::Admin
        } else {
            OperatorRole::Viewer
        };
        let known = operator(name, role, 50 * DAY);
        view.operators.insert(known.id.clone(), known);
    }
    for number in 1..=2 {
        node(&mut view, &format!("wrk-{number}"), Role::Worker, 61 * DAY);
    }
    secrets(&mut view);
    services(&mut view);
    rotations(&mut view);
    audit(&mut view);
    view
}

/// What the managers keep their keys by: unlock key 7, and a shred that is through.
fn keys() -> ClusterKeys {
    let manager = |number: u32| ManagerKeys {
        node_id: format!("id-mgr-{number}"),
        unlock_key_epoch: 7,
        locks: true,
        dek_epoch: 12,
        dek_check: format!("0{number}d1e2f3"),
        dek_created_at_ms: NOW - 3 * DAY,
        order: 4,
        at_ms: NOW - 3 * DAY,
    };
    let done = |number: i64| DekOrderDone {
        node_id: format!("id-mgr-{number}"),
        at_ms: NOW - 3 * DAY + number * 400,
    };
    ClusterKeys {
        unlock_key_epoch: 7,
        unlock_key_check: "9f2c11aa".into(),
        unlock_key_since_ms: NOW - 21 * DAY,
        unlock_key_by: "admin:jo".into(),
        unlock_key_kept_at_ms: NOW - 21 * DAY,
        managers: (1..=3).map(manager).collect(),
        orders: vec![DekOrder {
            number: 4,
            reason: DekReason::Shred.into(),
            secret_id: "s-db_password".into(),
            secret_name: "db_password".into(),
            versions: vec![1],
            at_ms: NOW - 3 * DAY,
            index: 18_500,
            by: "admin:jo".into(),
            done: (1..=3).map(done).collect(),
            ..DekOrder::default()
        }],
        ..ClusterKeys::default()
    }
}

fn token(role: Role, days: i64, uses: u32, max_uses: u32) -> JoinTokenFacts {
    JoinTokenFacts {
        role: role.into(),
        created_at_ms: NOW - days * DAY,
        expires_at_ms: 0,
        max_uses,
        uses,
    }
}

/// An operator who joined 40 days ago, with so much of the certificate left.
pub fn operator(name: &str, role: OperatorRole, left: i64) -> Operator {
    Operator {
        id: format!("o-{name}"),
        name: name.into(),
        role: role.into(),
        certificate_fingerprint: "7710aa".into(),
        certificate_issuer: "9b1c5d".into(),
        certificate_not_before_ms: NOW - 40 * DAY,
        certificate_not_after_ms: NOW + left,
        created_at_ms: NOW - 40 * DAY,
        created_by: "local:root".into(),
        version_index: 18_000,
    }
}

fn node(view: &mut ClusterView, name: &str, role: Role, left: i64) {
    let node = Node {
        id: format!("id-{name}"),
        hostname: name.into(),
        role: role.into(),
        availability: 1,
        state: NodeState::Ready.into(),
        state_since_ms: NOW - 3 * DAY,
        address: if role == Role::Manager {
            "10.0.0.1:2377".into()
        } else {
            String::new()
        },
        certificate_fingerprint: "3f09ab".into(),
        certificate_not_before_ms: NOW - 29 * DAY,
        certificate_not_after_ms: NOW + left,
        certificate_issuer: "9b1c5d".into(),
        desired_role: role.into(),
        runs_tasks: role == Role::Worker,
        version: "0.3.0".into(),
        ..Node::default()
    };
    view.nodes.insert(node.id.clone(), node);
}

fn manager(view: &mut ClusterView, number: u64) {
    let name = format!("mgr-{number}");
    node(view, &name, Role::Manager, if number == 3 { 2 * DAY } else { 61 * DAY });
    if let Some(node) = view.nodes.get_mut(&format!("id-{name}")) {
        node.raft_id = number;
        node.address = format!("10.0.0.{number}:2377");
    }
    let leads = number == 2;
    let last = if number == 3 { 18628 } else { 18842 };
    let follower = |raft_id: u64, matched| Follower {
        raft_id,
        node_id: format!("id-mgr-{raft_id}"),
        matched,
    };
    let election = |term, leader: &str, ago, gap_ms| Election {
        term,
        leader: leader.into(),
        at_ms: NOW - ago,
        gap_ms,
    };
    let status = ManagerStatus {
        node_id: format!("id-{name}"),
        hostname: name,
        raft_id: number,
        role: if leads { "leader".into() } else { "follower".into() },
        term: 41,
        voted_for: if number == 3 { String::new() } else { "id-mgr-2".into() },
        leader: "id-mgr-2".into(),
        first_index: 8101,
        last_index: last,
        committed: last,
        applied: last,
        snapshot_index: 8100,
        followers: if leads {
            vec![follower(1, 18842), follower(3, 18628)]
        } else {
            Vec::new()
        },
        elections: vec![
            election(39, "id-mgr-1", 2 * DAY, 0),
            election(40, "id-mgr-1", 191 * MINUTE, 2100),
            election(41, "id-mgr-2", 6 * MINUTE, 1200),
        ],
        digest: "5be191f05be191f0".into(),
        log: Some(LogStatus {
            segments: 2,
            bytes: 1_234_567,
            fsync_p50_us: 85,
            fsync_p99_us: 1900,
            ..LogStatus::default()
        }),
        keys: Some(KeyStatus {
            kek_epoch: 7,
            autolock: true,
            kek_check: "9f2c11aa".into(),
            dek_epoch: 12,
            dek_check: format!("0{number}d1e2f3"),
            dek_order: 4,
            dek_due_ms: NOW + 87 * DAY,
            memory: "secret".into(),
            sealing_root_check: "77ab01cd".into(),
            uses: vec![DekUse {
                epoch: 12,
                segments: 2,
                log_bytes: 1_234_567,
                records: 10_741,
                snapshots: 1,
                snapshot_bytes: 456_000,
            }],
            dek_created_at_ms: NOW - 3 * DAY,
            dek_records: 10_741,
            memory_locked: true,
            ..KeyStatus::default()
        }),
        at_ms: NOW,
        ..ManagerStatus::default()
    };
    view.managers.insert(status.node_id.clone(), status);
}

fn version(name: &str, number: u32, state: VersionState, days: i64, ended: i64) -> Version {
    Version {
        id: format!("{name}-v{number}"),
        number,
        name: if number == 1 {
            name.into()
        } else {
            format!("{name}_v{number}")
        },
        size: 32,
        state: state.into(),
        created_at_ms: NOW - days * DAY,
        created_by: "admin:jo".into(),
        state_since_ms: NOW - ended * DAY,
        key_check: if state == VersionState::Destroyed {
            String::new()
        } else {
            "aa01".into()
        },
    }
}

fn secret(view: &mut ClusterView, name: &str, policy_days: u64, versions: Vec<Version>) {
    let current = versions
        .iter()
        .find(|version| version.state() == VersionState::Current)
        .map_or(0, |version| version.number);
    let secret = Secret {
        id: format!("s-{name}"),
        name: name.into(),
        labels: [("tier".to_owned(), "1".to_owned())].into(),
        current,
        created_at_ms: versions[0].created_at_ms,
        updated_at_ms: NOW - DAY,
        versions,
        max_age_ms: policy_days * 86_400_000,
        keep_versions: 5,
        version_index: 18_800,
        ..Secret::default()
    };
    view.secrets.insert(secret.id.clone(), secret);
}

fn secrets(view: &mut ClusterView) {
    use VersionState::{Current, Destroyed, Superseded};
    let database = vec![
        version("db_password", 1, Destroyed, 190, 130),
        version("db_password", 2, Superseded, 130, 40),
        version("db_password", 3, Superseded, 40, 0),
        version("db_password", 4, Current, 0, 0),
    ];
    secret(view, "db_password", 90, database);
    secret(
        view,
        "pay_webhook_sig",
        90,
        vec![version("pay_webhook_sig", 1, Current, 97, 97)],
    );
    secret(
        view,
        "pay_tls_cert",
        0,
        vec![version("pay_tls_cert", 1, Current, 81, 81)],
    );
    secret(
        view,
        "pay_tls_key",
        0,
        vec![
            version("pay_tls_key", 1, Superseded, 81, 5),
            version("pay_tls_key", 2, Current, 5, 5),
        ],
    );
    secret(view, "smtp_key", 0, vec![version("smtp_key", 1, Current, 120, 120)]);
    secret(
        view,
        "session_seed",
        0,
        vec![version("session_seed", 1, Current, 14, 14)],
    );
}
