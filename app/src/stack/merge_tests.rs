//! Do several files become one as Compose's specification says?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::stack::{emit, read};

fn merged(files: &[&str]) -> (String, Vec<String>) {
    let mut problems = Problems::default();
    let trees: Vec<Node> = files
        .iter()
        .enumerate()
        .map(|(number, text)| read(&format!("{}.yml", number + 1), text.as_bytes(), &mut problems).unwrap())
        .collect();
    let tree = merge(trees, &mut problems).unwrap();
    (emit(&tree), problems.lines())
}

#[track_caller]
fn becomes(files: &[&str], expected: &str) {
    let (text, problems) = merged(files);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(text, merged(&[expected]).0);
}

fn service(body: &str) -> String {
    format!("services:\n  web: {body}\n")
}

#[track_caller]
fn web(base: &str, over: &str, expected: &str) {
    becomes(&[&service(base), &service(over)], &service(expected));
}

#[test]
fn maps_are_merged_and_words_replaced() {
    becomes(
        &[
            "services: {a: {image: x, user: u}}",
            "services: {a: {image: y}, b: {image: z}}",
        ],
        "services: {a: {image: y, user: u}, b: {image: z}}",
    );
    web(
        "{deploy: {replicas: 2, mode: replicated}}",
        "{deploy: {replicas: 3}}",
        "{deploy: {replicas: 3, mode: replicated}}",
    );
    web("{image: x}", "", "{image: x}");
}

#[test]
fn commands_and_tests_are_replaced() {
    web("{command: [a, b]}", "{command: [c]}", "{command: [c]}");
    web("{entrypoint: a b}", "{entrypoint: [c]}", "{entrypoint: [c]}");
    web(
        "{healthcheck: {test: [CMD, a], retries: 2}}",
        "{healthcheck: {test: b}}",
        "{healthcheck: {test: b, retries: 2}}",
    );
}

#[test]
fn environment_is_merged_in_either_form() {
    web(
        "{environment: {A: 1, B: 2}}",
        "{environment: [B=3, C]}",
        "{environment: {A: 1, B: '3', C: }}",
    );
    web(
        "{environment: [A=1, B=2]}",
        "{environment: {A: }}",
        "{environment: {A: , B: '2'}}",
    );
    web("{labels: [a=1]}", "{labels: {a: 2}}", "{labels: {a: 2}}");
}

#[test]
fn lists_grow_without_repeating() {
    web("{group_add: [a, b]}", "{group_add: [b, c]}", "{group_add: [a, b, c]}");
    web("{env_file: a.env}", "{env_file: [b.env]}", "{env_file: [a.env, b.env]}");
    web(
        "{networks: [a]}",
        "{networks: {b: {aliases: [x]}}}",
        "{networks: {a: , b: {aliases: [x]}}}",
    );
    web(
        "{deploy: {placement: {constraints: [node.role==worker]}}}",
        "{deploy: {placement: {constraints: [node.id!=x]}}}",
        "{deploy: {placement: {constraints: [node.role==worker, node.id!=x]}}}",
    );
}

#[test]
fn what_is_unique_is_replaced_by_its_key() {
    web(
        "{volumes: ['foo:/work']}",
        "{volumes: ['bar:/work/:ro', 'x:/y']}",
        "{volumes: ['bar:/work/:ro', 'x:/y']}",
    );
    web(
        "{ports: ['80:80', '81:81']}",
        "{ports: ['80:80/tcp', '80:80/udp']}",
        "{ports: ['80:80/tcp', '81:81', '80:80/udp']}",
    );
    web(
        "{ports: ['8080:80']}",
        "{ports: [{target: 80, published: 8080, mode: host}]}",
        "{ports: [{target: 80, published: 8080, mode: host}]}",
    );
    web(
        "{secrets: [a, b]}",
        "{secrets: [{source: a, mode: 0400}]}",
        "{secrets: [{source: a, mode: 0400}, b]}",
    );
    web(
        "{secrets: [{source: a, target: t, uid: '1'}]}",
        "{secrets: [{source: b, target: /run/secrets/t}]}",
        "{secrets: [{source: b, target: /run/secrets/t, uid: '1'}]}",
    );
}

#[test]
fn reset_forgets_and_override_replaces() {
    web("{image: x, ports: ['80:80']}", "{ports: !reset []}", "{image: x}");
    web(
        "{environment: {A: 1, B: 2}}",
        "{environment: {A: !reset null}}",
        "{environment: {B: 2}}",
    );
    web(
        "{ports: ['80:80']}",
        "{ports: !override ['81:81']}",
        "{ports: ['81:81']}",
    );
    becomes(
        &["services: {a: {image: !reset x, user: u}}"],
        "services: {a: {user: u}}",
    );
    let three = [
        "services: {a: {user: u}}",
        "services: {a: !override {image: x}}",
        "services: {a: {dir: /}}",
    ];
    becomes(&three, "services: {a: {image: x, dir: /}}");
}

#[test]
fn two_kinds_of_one_key_are_refused_with_both_places() {
    let (_, problems) = merged(&["services: {a: {deploy: {replicas: 1}}}", "services: {a: {deploy: [x]}}"]);
    assert_eq!(
        problems,
        [
            "2.yml:1:24: this is a list, and at 1.yml:1:24 it is a map; write both the same way, or put !override before \
             this one"
        ]
    );
}
