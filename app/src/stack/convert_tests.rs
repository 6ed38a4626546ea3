//! Do names, labels, references and order come out as a stack's?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::stack::{interpolate, merge, read, shape};

fn set(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/home/ada".into()),
        "FROM_CALLER" => Some("yes".into()),
        _ => None,
    }
}

fn converted(text: &str) -> (Stack, Problems) {
    let mut problems = Problems::default();
    let tree = read("c.yml", text.as_bytes(), &mut problems).unwrap();
    let tree = merge(vec![interpolate(tree, &set, &mut problems)], &mut problems).unwrap();
    let compose = shape(&tree, &mut problems);
    let around = Surroundings {
        stack: "shop",
        folder: "/srv/shop",
        lookup: &set,
        file: &|path| match path {
            "a.env" => Ok(b"A=file\nB=file\n".to_vec()),
            other => Err(format!("cannot read {other}: no such file")),
        },
    };
    let stack = convert(&compose, &around, &mut problems);
    (stack, problems)
}

#[track_caller]
fn good(text: &str) -> Stack {
    let (stack, problems) = converted(text);
    assert_eq!(problems.lines(), Vec::<String>::new());
    stack
}

const STACK: &str = "\
services:
  web:
    image: nginx
    env_file: a.env
    environment: {B: own, FROM_CALLER: , NOBODY: }
    networks: [front, host]
    volumes: ['../data:/d', '~/x:/x', 'v:/v', 'w:/w']
    secrets: [{source: key, target: z}, db]
  api: {image: api, secrets: [shared]}
secrets:
  db: {file: db.txt, labels: {team: a}}
  key: {environment: KEY, name: the_key}
  shared: {external: true}
networks: {front: {external: true, name: edge}}
volumes: {v: , w: {external: true}}
";

#[test]
fn names_are_the_stacks_own() {
    let stack = good(STACK);
    let secrets: Vec<&str> = stack.secrets.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(secrets, ["shared", "shop_db", "the_key"]);
    assert_eq!(stack.secrets[1].labels.get(NAMESPACE).map(String::as_str), Some("shop"));
    assert_eq!(stack.secrets[1].labels.get("team").map(String::as_str), Some("a"));
    let services: Vec<&str> = stack
        .services
        .iter()
        .map(|service| service.value.name.as_str())
        .collect();
    assert_eq!(services, ["shop_api", "shop_web"]);
    let web = &stack.services[1].value;
    assert_eq!(web.labels.get(NAMESPACE).map(String::as_str), Some("shop"));
    let grants: Vec<(&str, &str)> = web
        .grants
        .iter()
        .map(|grant| (grant.secret_name.as_str(), grant.target.as_str()))
        .collect();
    assert_eq!(grants, [("shop_db", "db"), ("the_key", "z")]);
    assert_eq!(stack.services[0].value.grants[0].secret_name, "shared");
}

#[test]
fn what_is_outside_of_the_file_is_resolved() {
    let stack = good(STACK);
    let run = stack.services[1].value.run.clone().unwrap();
    assert_eq!(run.env, ["A=file", "B=own", "FROM_CALLER=yes"]);
    assert_eq!(run.networks, ["edge", "host"]);
    let mounts: Vec<(&str, &str)> = run
        .mounts
        .iter()
        .map(|mount| (mount.source.as_str(), mount.target.as_str()))
        .collect();
    assert_eq!(
        mounts,
        [
            ("/srv/data", "/d"),
            ("shop_v", "/v"),
            ("w", "/w"),
            ("/home/ada/x", "/x")
        ]
    );
}

#[test]
fn the_same_file_twice_is_the_same_specs_and_order_does_not_matter() {
    let one = good(
        "services: {a: {image: x, secrets: [p, q], environment: {B: 1, A: 2}}}\nsecrets: {p: {file: p}, q: {file: q}}",
    );
    let two = good(
        "secrets: {q: {file: q}, p: {file: p}}\nservices: {a: {environment: [A=2, B=1], secrets: [q, p], image: x}}",
    );
    assert_eq!(one.services[0].value, two.services[0].value);
    assert!(one.services[0].value.update.is_some() && one.services[0].value.restart.is_some());
}

#[test]
fn what_is_not_declared_is_named() {
    let (_, problems) = converted(
        "services:\n  a:\n    image: x\n    secrets: [db]\n    networks: [nett]\n    volumes: ['u:/u']\n    env_file: b.env\n\
         secrets: {dbx: {file: x}}\nnetworks: {net: {external: true}}\n",
    );
    assert_eq!(
        problems.lines(),
        [
            "c.yml:4:15: service a: undefined secret \"db\"; did you mean dbx?",
            "c.yml:5:16: service a: undefined network \"nett\"; did you mean net?",
            "c.yml:6:15: service a: undefined volume \"u\"; declare it under the top-level `volumes:`",
            "c.yml:7:15: service a: env_file: cannot read b.env: no such file",
        ]
    );
}

#[test]
fn names_that_cannot_be_and_names_that_meet() {
    let (_, problems) = converted(
        "name: other\nservices: {a.b: {image: x}, Web: {image: x}, web: {image: x}}\nsecrets: {a: {file: a, name: 'x y'}, b: {file: \
         b, name: same}, c: {file: c, name: SAME}}\n",
    );
    let lines = problems.lines();
    assert_eq!(
        lines[0],
        "c.yml:1:7: this names the stack other, and the command line shop; use one name"
    );
    assert!(
        lines[1].starts_with("c.yml:2:12: service a.b: shop_a.b cannot be its name"),
        "{lines:?}"
    );
    assert!(
        lines[2].contains("a service shop_web is here for the second time"),
        "{lines:?}"
    );
    assert!(lines[3].contains("secret a: x y cannot be its name"), "{lines:?}");
    assert!(
        lines[4].contains("is here for the second time; the first is at c.yml:3:"),
        "{lines:?}"
    );
}

#[test]
fn services_without_a_network_are_pointed_out() {
    let (_, problems) = converted("services: {a: {image: x}, b: {image: y}}");
    assert!(problems.is_empty());
    assert!(
        problems
            .remarks()
            .any(|remark| remark.contains("no network is made for a stack"))
    );
    let shared = "services: {a: {image: x}, b: {image: y}}\nnetworks: {default: {external: true, name: edge}}";
    let stack = good(shared);
    assert_eq!(stack.services[0].value.run.as_ref().unwrap().networks, ["edge"]);
}
