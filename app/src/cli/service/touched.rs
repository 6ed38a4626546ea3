//! Which parts of a spec does a change touch? Two changes that were made at the same time can both be had when they touch
//! different parts; whoever came second then makes theirs again on what the first one left.

use std::collections::BTreeSet;

use serde_json::Value;
use wardroom_api::v1;

use crate::cli::inspect_service;

/// The parts in which two specs differ, e.g. `Labels.team` or `Env A`.
pub fn between(one: &v1::ServiceSpec, other: &v1::ServiceSpec) -> BTreeSet<String> {
    let (one, other) = (parts(one), parts(other));
    one.symmetric_difference(&other).map(|(part, _)| part.clone()).collect()
}

/// Every leaf of the spec: where it stands and what it is.
fn parts(spec: &v1::ServiceSpec) -> BTreeSet<(String, String)> {
    let mut parts = BTreeSet::new();
    collect(&inspect_service::spec(spec), String::new(), &mut parts);
    parts
}

fn collect(value: &Value, path: String, parts: &mut BTreeSet<(String, String)>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(value, below(key), parts)),
        // Words have an order of their own: one of them is no part by itself.
        Value::Array(_) if path.ends_with("Command") || path.ends_with("Test") => {
            parts.insert((path, value.to_string()));
        }
        Value::Array(elements) => {
            for element in elements {
                parts.insert((format!("{path} {}", name(element)), element.to_string()));
            }
        }
        leaf => {
            parts.insert((path, leaf.to_string()));
        }
    }
}

/// What an element of a list is known by: a target, or a variable's name, or itself.
fn name(element: &Value) -> String {
    let target = element.get("Target").or_else(|| element.pointer("/File/Name"));
    match (target, element.as_str()) {
        (Some(Value::String(target)), _) => target.clone(),
        (Some(target), _) => target.to_string(),
        (None, Some(word)) => match word.split_once('=') {
            Some((name, value)) if !value.starts_with('=') && !name.ends_with('!') => name.to_owned(),
            _ => word.to_owned(),
        },
        (None, None) => element.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(change: impl FnOnce(&mut v1::ServiceSpec, &mut v1::RunSpec)) -> v1::ServiceSpec {
        let mut spec = v1::ServiceSpec {
            name: "web".into(),
            replicas: 2,
            constraints: vec!["node.role==worker".into()],
            ..v1::ServiceSpec::default()
        };
        let mut run = v1::RunSpec {
            command: vec!["sleep".into(), "1".into()],
            env: vec!["A=1".into(), "B=1".into()],
            ..v1::RunSpec::default()
        };
        change(&mut spec, &mut run);
        spec.run = Some(run);
        spec
    }

    fn touched(change: impl FnOnce(&mut v1::ServiceSpec, &mut v1::RunSpec)) -> Vec<String> {
        between(&spec(|_, _| {}), &spec(change)).into_iter().collect()
    }

    #[test]
    fn parts_are_small_and_named() {
        assert_eq!(touched(|_, _| {}), Vec::<String>::new());
        assert_eq!(touched(|spec, _| spec.replicas = 3), ["Mode.Replicated.Replicas"]);
        assert_eq!(touched(|_, run| run.env[0] = "A=2".into()), ["TaskTemplate.Env A"]);
        assert_eq!(touched(|_, run| run.env.push("C=1".into())), ["TaskTemplate.Env C"]);
        assert_eq!(touched(|_, run| run.command[1] = "2".into()), ["Command"]);
        assert_eq!(
            touched(|spec, _| spec.constraints.push("node.id!=x".into())),
            ["Placement.Constraints node.id!=x"]
        );
        let grant = v1::Grant {
            secret_name: "db".into(),
            target: "pw".into(),
            ..v1::Grant::default()
        };
        assert_eq!(touched(|spec, _| spec.grants.push(grant)), ["Secrets pw"]);
    }

    #[test]
    fn changes_of_different_parts_do_not_meet() {
        let base = spec(|_, _| {});
        let scaled = between(&base, &spec(|spec, _| spec.replicas = 5));
        let variable = between(&base, &spec(|_, run| run.env[1] = "B=2".into()));
        let same = between(&base, &spec(|_, run| run.env[1] = "B=3".into()));
        assert!(scaled.is_disjoint(&variable));
        assert!(!variable.is_disjoint(&same));
    }
}
