//! The second half of the hand-made cluster: services with their tasks and receipts, rotations, audit records.

use wardroom_api::ClusterView;
use wardroom_api::v1::{
    AuditRecord, Executor, Grant, Holding, HoldingState, OnChange, Rotation, RotationPhase, RotationProgress, RunSpec,
    SecretFile, Service, ServiceSpec, Task, TaskState,
};

use super::fixture::{DAY, MINUTE, NOW};

fn grant(secret: &str, mode: u32, on_change: OnChange) -> Grant {
    Grant {
        secret_id: format!("s-{secret}"),
        secret_name: secret.into(),
        target: secret.into(),
        mode,
        on_change: on_change.into(),
        ..Grant::default()
    }
}

fn service(view: &mut ClusterView, name: &str, replicas: u32, grants: &[Grant]) {
    let spec = ServiceSpec {
        name: name.into(),
        run: Some(RunSpec {
            executor: Executor::Process.into(),
            command: vec!["serve".into(), format!("--{name}")],
            ..RunSpec::default()
        }),
        replicas,
        grants: grants.to_vec(),
        ..ServiceSpec::default()
    };
    let id = format!("v-{name}");
    for slot in 1..=replicas {
        task(view, name, slot, grants);
    }
    let service = Service {
        id: id.clone(),
        spec: Some(spec),
        created_at_ms: NOW - 9 * DAY,
        updated_at_ms: NOW - DAY,
        ..Service::default()
    };
    view.services.insert(id, service);
}

pub fn services(view: &mut ClusterView) {
    service(
        view,
        "api",
        3,
        &[
            grant("db_password", 0o400, OnChange::Swap),
            grant("session_seed", 0o400, OnChange::Swap),
        ],
    );
    service(view, "batch", 1, &[grant("db_password", 0o440, OnChange::Restart)]);
    let edge = ["pay_tls_cert", "pay_tls_key", "pay_webhook_sig"].map(|name| grant(name, 0o444, OnChange::Signal));
    service(view, "edge", 2, &edge);
    service(view, "worker", 1, &[grant("pay_webhook_sig", 0o400, OnChange::Swap)]);
}

/// Every task proves its files; `batch.1` is still on its way to version 4 of the password.
fn task(view: &mut ClusterView, service: &str, slot: u32, grants: &[Grant]) {
    let name = format!("{service}.{slot}");
    let node_id = format!("id-wrk-{}", 1 + slot % 2);
    let mut files = Vec::new();
    for grant in grants {
        let version = view.secrets[&grant.secret_id].current;
        files.push(SecretFile {
            secret_id: grant.secret_id.clone(),
            secret_name: grant.secret_name.clone(),
            version,
            target: grant.target.clone(),
            mode: grant.mode,
            ..SecretFile::default()
        });
        let late = service == "batch";
        let holding = Holding {
            node_id: node_id.clone(),
            task_id: format!("t-{name}"),
            secret_id: grant.secret_id.clone(),
            secret_name: grant.secret_name.clone(),
            version: if late { 3 } else { version },
            target: grant.target.clone(),
            state: HoldingState::Present.into(),
            since_ms: NOW
                - if grant.secret_name == "db_password" && !late {
                    6000
                } else {
                    14 * DAY
                },
            proven: true,
            task_name: name.clone(),
            ..Holding::default()
        };
        view.holdings.insert(holding.id(), holding);
    }
    let task = Task {
        id: format!("t-{name}"),
        service_id: format!("v-{service}"),
        name,
        slot,
        node_id,
        desired: TaskState::Running.into(),
        state: TaskState::Running.into(),
        message: "started".into(),
        pid: 4200 + slot,
        files,
        created_at_ms: NOW - 9 * DAY,
        state_since_ms: NOW - 9 * DAY,
        ..Task::default()
    };
    view.tasks.insert(task.id.clone(), task);
}

pub fn rotations(view: &mut ClusterView) {
    let progress = |service: &str, tasks, proven| RotationProgress {
        service_id: format!("v-{service}"),
        service_name: service.into(),
        tasks,
        proven,
        settled: proven,
    };
    let rotation = Rotation {
        id: "r-1".into(),
        secret_id: "s-db_password".into(),
        secret_name: "db_password".into(),
        from: 3,
        to: 4,
        phase: RotationPhase::Rolling.into(),
        services: vec![progress("api", 3, 3), progress("batch", 1, 0)],
        actor: "admin:jo".into(),
        started_at_ms: NOW - 6000,
        ..Rotation::default()
    };
    let done = Rotation {
        id: "r-0".into(),
        secret_id: "s-pay_tls_key".into(),
        secret_name: "pay_tls_key".into(),
        from: 1,
        to: 2,
        phase: RotationPhase::Done.into(),
        services: vec![progress("edge", 2, 2)],
        started_at_ms: NOW - 5 * DAY,
        finished_at_ms: NOW - 5 * DAY + 9000,
        ..rotation.clone()
    };
    for rotation in [rotation, done] {
        view.rotations.insert(rotation.id.clone(), rotation);
    }
}

pub fn audit(view: &mut ClusterView) {
    let records = [
        ("admin:jo", "local", "secret.create", "pay_webhook_sig", "ok", 97 * DAY),
        (
            "unknown",
            "10.0.7.33",
            "access.refuse",
            "ListSecrets",
            "denied",
            2 * MINUTE,
        ),
        ("admin:jo", "local", "service.update", "api", "ok", MINUTE),
        ("admin:jo", "local", "secret.rotate", "db_password", "ok", 6000),
        (
            "worker:wrk-1",
            "10.0.0.7",
            "secret.deliver",
            "db_password v4",
            "ok",
            4000,
        ),
    ];
    for (at, (actor, from, action, object, outcome, ago)) in (0_u64..).zip(records) {
        let record = AuditRecord {
            sequence: 90_408 + at,
            index: 18_838 + at,
            at_ms: NOW - ago,
            actor: actor.into(),
            from: from.into(),
            action: action.into(),
            object: object.into(),
            outcome: outcome.into(),
            detail: "by grant".into(),
            previous: format!("{:016x}", 0xabc0 + at),
            hash: format!("{:016x}", 0xabc1 + at),
        };
        view.audit.insert(record.sequence, record);
    }
}
