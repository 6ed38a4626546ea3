//! What does an object look like in full? Docker's field names where Docker has the field, so that scripts carry over.

use serde_json::{Value, json};
use wardroom_api::v1;

use crate::cli::{when, words};

pub fn secret(secret: &v1::Secret) -> Value {
    json!({
        "ID": secret.id,
        "Version": { "Index": secret.version_index },
        "CreatedAt": when::rfc3339(secret.created_at_ms),
        "UpdatedAt": when::rfc3339(secret.updated_at_ms),
        "Spec": { "Name": secret.name, "Labels": secret.labels },
        "Current": secret.current,
        "KeepVersions": secret.keep_versions,
        "MaxAgeMs": secret.max_age_ms,
        "KeepMs": secret.keep_ms,
        "LeaseMs": secret.lease_ms,
        "TemplateDriver": secret.template_driver,
        "Schedule": schedule(secret),
        "Versions": secret.versions.iter().map(version).collect::<Value>(),
    })
}

/// What makes the next value, and why it did not the last time.
fn schedule(secret: &v1::Secret) -> Value {
    let made_by = match secret.schedule.as_ref().and_then(|schedule| schedule.source.as_ref()) {
        None => return Value::Null,
        Some(v1::schedule::Source::Generate(characters)) => json!({ "Generate": characters }),
        Some(v1::schedule::Source::Hook(name)) => json!({ "Hook": name }),
    };
    let mut value = made_by;
    if !secret.schedule_error.is_empty() {
        value["Error"] = json!(secret.schedule_error);
        value["ErrorAt"] = json!(when::rfc3339(secret.schedule_error_at_ms));
    }
    value
}

fn version(version: &v1::Version) -> Value {
    json!({
        "Number": version.number,
        "ID": version.id,
        "Name": version.name,
        "State": words::version_state(version.state),
        "StateSince": when::rfc3339(version.state_since_ms),
        "Size": version.size,
        "CreatedAt": when::rfc3339(version.created_at_ms),
        "CreatedBy": version.created_by,
        "KeyCheck": version.key_check,
    })
}

/// `leader` is the leader's node id, empty when there is none.
pub fn node(node: &v1::Node, leader: &str) -> Value {
    let mut value = json!({
        "ID": node.id,
        "Version": { "Index": node.version_index },
        "CreatedAt": when::rfc3339(node.created_at_ms),
        "Spec": {
            "Labels": node.labels,
            "Role": words::role(if node.desired_role == 0 { node.role } else { node.desired_role }),
            "Availability": words::availability(node.availability).to_lowercase(),
        },
        "Description": { "Hostname": node.hostname, "Engine": { "EngineVersion": node.version } },
        "Role": words::role(node.role),
        "RunsTasks": node.runs_tasks,
        "Status": {
            "State": words::node_state(node.state).to_lowercase(),
            "Message": node.message,
            "Since": when::rfc3339(node.state_since_ms),
        },
        "Certificate": {
            "Fingerprint": node.certificate_fingerprint,
            "Issuer": node.certificate_issuer,
            "NotBefore": when::rfc3339(node.certificate_not_before_ms),
            "NotAfter": when::rfc3339(node.certificate_not_after_ms),
        },
    });
    if node.role == v1::Role::Manager as i32 {
        value["ManagerStatus"] = json!({ "Leader": node.id == leader, "RaftID": node.raft_id, "Addr": node.address });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_dockers_fields_and_never_data() {
        let value = secret(&v1::Secret {
            id: "abc".into(),
            name: "db_password".into(),
            version_index: 11,
            created_at_ms: 1,
            versions: vec![v1::Version {
                number: 1,
                size: 16,
                ..v1::Version::default()
            }],
            ..v1::Secret::default()
        });
        assert_eq!(value["Spec"]["Name"], "db_password");
        assert_eq!(value["Spec"]["Labels"], json!({}));
        assert_eq!(value["Version"]["Index"], 11);
        assert_eq!(value["Versions"][0]["Size"], 16);
        assert!(!value.to_string().contains("\"Data\""));
    }

    #[test]
    fn only_managers_have_a_manager_status() {
        let worker = v1::Node {
            id: "n".into(),
            role: v1::Role::Worker as i32,
            ..v1::Node::default()
        };
        assert_eq!(node(&worker, "n").get("ManagerStatus"), None);
        let manager = v1::Node {
            role: v1::Role::Manager as i32,
            ..worker
        };
        assert_eq!(node(&manager, "n")["ManagerStatus"]["Leader"], true);
    }
}
