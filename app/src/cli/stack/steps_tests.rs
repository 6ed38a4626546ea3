//! Is only done what is missing, and nothing that belongs to somebody else?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::stack::{Surroundings, convert, read, shape};

fn stack(text: &str) -> Stack {
    let mut problems = Problems::default();
    let tree = read("c.yml", text.as_bytes(), &mut problems).unwrap();
    let compose = shape(&tree, &mut problems);
    let around = Surroundings {
        stack: "shop",
        folder: "/",
        lookup: &|_| None,
        file: &|_| Ok(Vec::new()),
    };
    let stack = convert(&compose, &around, &mut problems);
    assert_eq!(problems.lines(), Vec::<String>::new());
    stack
}

const TEXT: &str =
    "services: {web: {image: x, secrets: [db, out]}}\nsecrets: {db: {file: db}, out: {external: true}}\n";

/// What the cluster shows after that was deployed.
fn deployed(stack: &Stack) -> (Vec<v1::Service>, Vec<v1::Secret>) {
    let services = stack.services.iter().map(|spec| {
        let mut spec = spec.value.clone();
        for grant in &mut spec.grants {
            grant.secret_id = "id".into();
        }
        if let Some(run) = &mut spec.run {
            run.force = 3;
        }
        v1::Service {
            id: "s1".into(),
            spec: Some(spec),
            version_index: 40,
            ..v1::Service::default()
        }
    });
    let secrets = stack.secrets.iter().map(|secret| {
        let external = secret.origin == Origin::External;
        v1::Secret {
            name: secret.name.clone(),
            labels: if external {
                BTreeMap::new()
            } else {
                secret.labels.clone()
            },
            ..v1::Secret::default()
        }
    });
    (services.collect(), secrets.collect())
}

fn to_do(text: &str, services: &[v1::Service], secrets: &[v1::Secret], prune: bool) -> (Vec<Step>, Vec<String>) {
    let mut problems = Problems::default();
    let present = Present { services, secrets };
    let steps = steps(&mut stack(text), "shop", &present, prune, &mut problems);
    (steps, problems.lines())
}

#[test]
fn the_first_time_all_is_created() {
    let out = v1::Secret {
        name: "out".into(),
        ..v1::Secret::default()
    };
    let (steps, problems) = to_do(TEXT, &[], &[out], false);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(steps, [Step::CreateSecret(1), Step::CreateService(0)]);
    let (_, problems) = to_do(TEXT, &[], &[], false);
    assert_eq!(
        problems,
        ["c.yml:2:27: secret not found: out; it is external, so create it before the stack"]
    );
}

#[test]
fn the_second_time_nothing_restarts() {
    let (services, secrets) = deployed(&stack(TEXT));
    let (steps, problems) = to_do(TEXT, &services, &secrets, true);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(steps, [Step::CompareSecret(1), Step::KeepService(0)]);
}

#[test]
fn what_has_changed_is_updated_from_what_was_seen() {
    let (services, secrets) = deployed(&stack(TEXT));
    let changed = TEXT
        .replace("image: x", "image: y")
        .replace("file: db", "file: db, labels: {a: b}");
    let (steps, _) = to_do(&changed, &services, &secrets, false);
    let label = LabelChange {
        add: BTreeMap::from([("a".into(), "b".into())]),
        remove: Vec::new(),
    };
    let update = Step::UpdateService {
        index: 0,
        id: "s1".into(),
        expected: 40,
        before: None,
    };
    assert_eq!(steps, [Step::CompareSecret(1), Step::LabelSecret(1, label), update]);
}

#[test]
fn what_belongs_to_others_is_left_alone() {
    let (mut services, mut secrets) = deployed(&stack(TEXT));
    services[0].spec.as_mut().unwrap().labels.clear();
    secrets[1].labels.clear();
    let (steps, problems) = to_do(TEXT, &services, &secrets, true);
    assert_eq!(steps, []);
    assert_eq!(problems.len(), 2);
    assert!(
        problems[0].contains("service shop_web is there and not of this stack"),
        "{problems:?}"
    );
    assert!(
        problems[1].contains("secret shop_db is there and not of this stack"),
        "{problems:?}"
    );
}

#[test]
fn pruning_takes_what_is_named_no_more_and_read_by_nobody() {
    let old = "services: {web: {image: x, secrets: [db, kept]}, old: {image: x, secrets: [gone]}}\nsecrets: {db: {file: db}, kept: \
               {file: k}, gone: {file: g}}\n";
    let (mut services, secrets) = deployed(&stack(old));
    services.push(v1::Service {
        id: "s9".into(),
        spec: Some(v1::ServiceSpec {
            name: "elsewhere".into(),
            grants: vec![v1::Grant {
                secret_name: "shop_kept".into(),
                ..v1::Grant::default()
            }],
            ..v1::ServiceSpec::default()
        }),
        ..v1::Service::default()
    });
    let new = "services: {web: {image: x, secrets: [db]}}\nsecrets: {db: {file: db}}\n";
    let (steps, problems) = to_do(new, &services, &secrets, true);
    assert_eq!(problems, Vec::<String>::new());
    let removals: Vec<&Step> = steps
        .iter()
        .filter(|step| matches!(step, Step::RemoveService(_) | Step::RemoveSecret(_)))
        .collect();
    assert_eq!(
        removals,
        [
            &Step::RemoveService("shop_old".into()),
            &Step::RemoveSecret("shop_gone".into())
        ]
    );
    let (steps, _) = to_do(new, &services, &secrets, false);
    assert!(
        !steps
            .iter()
            .any(|step| matches!(step, Step::RemoveService(_) | Step::RemoveSecret(_)))
    );
}
