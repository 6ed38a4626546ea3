//! What does a service look like in full? Docker's field names where Docker has the field, so that scripts carry over;
//! spans are in nanoseconds there.

use serde_json::{Value, json};
use wardroom_api::v1;

use crate::cli::{when, words};

pub fn service(service: &v1::Service) -> Value {
    let mut value = json!({
        "ID": service.id,
        "Version": { "Index": service.version_index },
        "CreatedAt": when::rfc3339(service.created_at_ms),
        "UpdatedAt": when::rfc3339(service.updated_at_ms),
        "Generation": service.generation,
        "Spec": service.spec.as_ref().map(spec),
    });
    if let Some(previous) = &service.previous_spec {
        value["PreviousSpec"] = spec(previous);
    }
    if let Some(status) = &service.update_status {
        value["UpdateStatus"] = json!({
            "State": words::update_state(status.state),
            "StartedAt": when::rfc3339(status.started_at_ms),
            "CompletedAt": when::rfc3339(status.completed_at_ms),
            "Message": status.message,
        });
    }
    value
}

pub fn spec(spec: &v1::ServiceSpec) -> Value {
    let mode = if spec.global {
        json!({ "Global": {} })
    } else {
        json!({ "Replicated": { "Replicas": spec.replicas } })
    };
    let run = spec.run.clone().unwrap_or_default();
    json!({
        "Name": spec.name,
        "Labels": spec.labels,
        "Executor": words::executor(spec.executor().into()),
        "Command": spec.command(),
        "TaskTemplate": task(&run),
        "Mode": mode,
        "Secrets": spec.grants.iter().map(grant).collect::<Value>(),
        "Placement": { "Constraints": spec.constraints, "MaxReplicas": spec.max_per_node },
        "RestartPolicy": spec.restart.as_ref().map(restart),
        "UpdateConfig": spec.update.as_ref().map(roll),
        "RollbackConfig": spec.rollback.as_ref().map(roll),
        "OneOff": spec.one_off,
    })
}

/// What is not there is left out, as Docker does.
fn task(run: &v1::RunSpec) -> Value {
    let mut value = json!({
        "Image": run.image,
        "Entrypoint": run.entrypoint,
        "Env": run.env,
        "User": run.user,
        "Groups": run.groups,
        "Dir": run.dir,
        "Hostname": run.hostname,
        "Init": run.init,
        "ReadOnly": run.read_only,
        "Networks": run.networks,
        "Mounts": run.mounts.iter().map(mount).collect::<Value>(),
        "Ports": run.ports.iter().map(port).collect::<Value>(),
        "Labels": run.container_labels,
        "StopSignal": run.stop_signal,
        "StopGracePeriod": run.stop_grace_ms.map(nanoseconds),
        "Healthcheck": run.health.as_ref().map(health),
        "Reload": run.reload.as_ref().map(reload),
        "ForceUpdate": run.force,
    });
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !is_nothing(value));
    }
    value
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(true) => false,
    }
}

fn mount(mount: &v1::Mount) -> Value {
    json!({
        "Type": words::mount_kind(mount.kind),
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    })
}

fn port(port: &v1::Port) -> Value {
    json!({
        "Protocol": words::protocol(port.protocol),
        "Target": port.target,
        "PublishedPort": port.published,
        "PublishMode": "host",
    })
}

fn health(check: &v1::HealthCheck) -> Value {
    json!({
        "Test": check.test,
        "Interval": nanoseconds(check.interval_ms),
        "Timeout": nanoseconds(check.timeout_ms),
        "StartPeriod": nanoseconds(check.start_period_ms),
        "Retries": check.retries,
    })
}

fn reload(reload: &v1::Reload) -> Value {
    match &reload.how {
        Some(v1::reload::How::Pidfile(pidfile)) => json!({ "Pidfile": pidfile.path, "Signal": pidfile.signal }),
        Some(v1::reload::How::Unit(unit)) => json!({ "Unit": unit }),
        Some(v1::reload::How::Command(command)) => json!({ "Command": command.words }),
        None => Value::Null,
    }
}

fn restart(policy: &v1::RestartPolicy) -> Value {
    json!({
        "Condition": words::restart_condition(policy.condition),
        "Delay": nanoseconds(policy.delay_ms),
        "MaxAttempts": policy.max_attempts,
        "Window": nanoseconds(policy.window_ms),
    })
}

fn roll(settings: &v1::RollSettings) -> Value {
    json!({
        "Parallelism": settings.parallelism,
        "Delay": nanoseconds(settings.delay_ms),
        "FailureAction": words::failure_action(settings.on_failure),
        "Monitor": nanoseconds(settings.monitor_ms),
        "MaxFailureRatio": f64::from(settings.max_failure_ppm) / 1_000_000.0,
        "Order": words::roll_order(settings.order),
    })
}

fn nanoseconds(milliseconds: u64) -> u64 {
    milliseconds.saturating_mul(1_000_000)
}

/// Docker's reference; owners are strings there.
pub fn grant(grant: &v1::Grant) -> Value {
    json!({
        "File": {
            "Name": grant.target,
            "UID": grant.uid.to_string(),
            "GID": grant.gid.to_string(),
            "Mode": grant.mode,
        },
        "SecretID": grant.secret_id,
        "SecretName": grant.secret_name,
        "Pinned": grant.pinned,
        "OnChange": words::on_change(grant),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_dockers_shape() {
        let value = grant(&v1::Grant {
            secret_id: "abc".into(),
            secret_name: "db".into(),
            target: "db".into(),
            mode: 0o444,
            on_change: v1::OnChange::Swap as i32,
            ..v1::Grant::default()
        });
        assert_eq!(
            value["File"],
            json!({"Name": "db", "UID": "0", "GID": "0", "Mode": 292})
        );
    }

    #[test]
    fn settings_are_dockers_and_what_is_not_there_is_left_out() {
        let value = spec(&v1::ServiceSpec {
            update: Some(v1::RollSettings {
                monitor_ms: 5_000,
                max_failure_ppm: 200_000,
                on_failure: v1::FailureAction::Rollback.into(),
                ..v1::RollSettings::default()
            }),
            run: Some(v1::RunSpec {
                image: "redis".into(),
                executor: v1::Executor::Container.into(),
                ..v1::RunSpec::default()
            }),
            ..v1::ServiceSpec::default()
        });
        assert_eq!(value["UpdateConfig"]["Monitor"], 5_000_000_000_u64);
        assert_eq!(value["UpdateConfig"]["MaxFailureRatio"], 0.2);
        assert_eq!(value["UpdateConfig"]["FailureAction"], "rollback");
        assert_eq!(value["TaskTemplate"], json!({ "Image": "redis" }));
        assert_eq!(value["RestartPolicy"], Value::Null);
    }
}
