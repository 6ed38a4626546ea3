//! What do several files say together? Each one goes over those before it, by Compose's rules: maps are merged, lists
//! grow, and some keys have a rule of their own. `!reset` forgets, `!override` replaces.

use super::problem::Problems;
use super::tree::{Directive, Entry, Node, Scalar, Value};

/// How two values of one key become one.
#[derive(Clone, Copy)]
enum Rule {
    /// Maps entry by entry, lists one after the other, words by the later one.
    Usual,
    /// The later one counts whole.
    Replace,
    /// `KEY=value` lines or a map: merged by key.
    Pairs,
    /// Names, or a map by name.
    Names,
    /// One word or a list.
    Words,
    /// A list whose elements are told apart by what this names.
    Unique(fn(&Node) -> Option<String>),
}

/// One tree of all files; `None` without any.
pub fn merge(files: Vec<Node>, problems: &mut Problems) -> Option<Node> {
    let mut files = files.into_iter();
    let mut merged = files.next()?;
    for file in files {
        merged = combine(merged, file, &[], problems);
    }
    Some(settle(merged))
}

fn rule(path: &[&str]) -> Rule {
    match path {
        ["services", _, key] => match *key {
            "command" | "entrypoint" => Rule::Replace,
            "environment" | "labels" => Rule::Pairs,
            "networks" => Rule::Names,
            "env_file" => Rule::Words,
            "ports" => Rule::Unique(port_key),
            "volumes" => Rule::Unique(mount_key),
            "secrets" | "configs" => Rule::Unique(file_key),
            _ => Rule::Usual,
        },
        ["services", _, "healthcheck", "test"] | ["services", _, "x-wardroom", "reload"] => Rule::Replace,
        ["services", _, "deploy", "labels"] | ["secrets" | "volumes" | "networks", _, "labels"] => Rule::Pairs,
        _ => Rule::Usual,
    }
}

fn combine(base: Node, over: Node, path: &[&str], problems: &mut Problems) -> Node {
    if over.directive != Directive::Merge {
        return over;
    }
    let (base, over) = match rule(path) {
        Rule::Replace => return if over.is_null() { base } else { over },
        Rule::Pairs => (pairs(base), pairs(over)),
        Rule::Names => (names(base), names(over)),
        Rule::Words => (words(base), words(over)),
        Rule::Unique(_) | Rule::Usual => (base, over),
    };
    let place = over.place.clone();
    let value = match (base.value, over.value) {
        // A variable without a value takes the caller's; anything else without one says nothing.
        (base_value, Value::Scalar(scalar))
            if scalar.is_null() && !matches!(path, ["services", _, "environment", _]) =>
        {
            return Node {
                value: base_value,
                ..base
            };
        }
        (Value::Map(base), Value::Map(over)) => Value::Map(entries(base, over, path, problems)),
        (Value::List(base), Value::List(over)) => Value::List(elements(base, over, rule(path), path, problems)),
        (Value::Scalar(_), value @ Value::Scalar(_)) => value,
        (Value::Scalar(scalar), value) if scalar.is_null() => value,
        (base_value, value) => {
            let (before, now) = (
                Node::new(base.place.clone(), base_value),
                Node::new(place.clone(), value),
            );
            let text = format!(
                "this is {}, and at {} it is {}; write both the same way, or put !override before this one",
                now.noun(),
                before.place,
                before.noun()
            );
            problems.refuse(&place, text);
            now.value
        }
    };
    Node {
        place,
        value,
        directive: base.directive,
    }
}

fn entries(mut base: Vec<Entry>, over: Vec<Entry>, path: &[&str], problems: &mut Problems) -> Vec<Entry> {
    let mut index: std::collections::BTreeMap<String, usize> = base
        .iter()
        .enumerate()
        .map(|(at, entry)| (entry.key.clone(), at))
        .collect();
    for entry in over {
        match index.get(&entry.key) {
            None => {
                index.insert(entry.key.clone(), base.len());
                base.push(entry);
            }
            Some(&at) => {
                let below: Vec<&str> = path.iter().copied().chain([entry.key.as_str()]).collect();
                let before = std::mem::replace(&mut base[at].node, Node::text(entry.place.clone(), ""));
                base[at].node = combine(before, entry.node, &below, problems);
                base[at].place = entry.place;
            }
        }
    }
    base
}

fn elements(mut base: Vec<Node>, over: Vec<Node>, rule: Rule, path: &[&str], problems: &mut Problems) -> Vec<Node> {
    for node in over {
        let same = match rule {
            Rule::Unique(key) => {
                key(&node).and_then(|wanted| base.iter().position(|other| key(other).as_ref() == Some(&wanted)))
            }
            _ => base.iter().position(|other| *other == node),
        };
        let Some(at) = same else {
            base.push(node);
            continue;
        };
        let is_long = matches!((&base[at].value, &node.value), (Value::Map(_), Value::Map(_)));
        if is_long && matches!(rule, Rule::Unique(_)) {
            let below: Vec<&str> = path.iter().copied().chain(["*"]).collect();
            let before = std::mem::replace(&mut base[at], Node::text(node.place.clone(), ""));
            base[at] = combine(before, node, &below, problems);
        } else {
            base[at] = node;
        }
    }
    base
}

/// Without what is to be forgotten, and without directives.
fn settle(node: Node) -> Node {
    let value = match node.value {
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .filter(|entry| entry.node.directive != Directive::Reset)
                .map(|entry| Entry {
                    node: settle(entry.node),
                    ..entry
                })
                .collect(),
        ),
        Value::List(nodes) => Value::List(
            nodes
                .into_iter()
                .filter(|node| node.directive != Directive::Reset)
                .map(settle)
                .collect(),
        ),
        scalar @ Value::Scalar(_) => scalar,
    };
    Node::new(node.place, value)
}

/// `- KEY=value` as `KEY: value`; `- KEY` has no value.
fn pairs(node: Node) -> Node {
    by_name(node, |text| match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    })
}

/// `- name` as `name:`.
fn names(node: Node) -> Node {
    by_name(node, |text| (text.to_owned(), None))
}

/// A list of words as a map; anything else stays as it is, and is judged later.
fn by_name(node: Node, split: impl Fn(&str) -> (String, Option<String>)) -> Node {
    let Value::List(nodes) = &node.value else {
        return node;
    };
    let mut entries: Vec<Entry> = Vec::new();
    for element in nodes {
        let Value::Scalar(scalar) = &element.value else {
            return node;
        };
        let (key, value) = split(&scalar.text);
        let plain = value.is_none();
        let scalar = Scalar {
            text: value.unwrap_or_default(),
            plain,
        };
        let entry = Entry {
            key,
            place: element.place.clone(),
            node: Node {
                directive: element.directive,
                ..Node::new(element.place.clone(), Value::Scalar(scalar))
            },
        };
        // The last one counts, as in a list.
        entries.retain(|other| other.key != entry.key);
        entries.push(entry);
    }
    Node {
        value: Value::Map(entries),
        ..node
    }
}

fn words(node: Node) -> Node {
    if !matches!(node.value, Value::Scalar(_)) || node.is_null() {
        return node;
    }
    let place = node.place.clone();
    Node::new(place, Value::List(vec![node]))
}

fn field<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    entries
        .iter()
        .find(|entry| entry.key == key)
        .and_then(|entry| match &entry.node.value {
            Value::Scalar(scalar) if !scalar.is_null() => Some(scalar.text.as_str()),
            _ => None,
        })
}

/// What names a port: everything but how it is written.
fn port_key(node: &Node) -> Option<String> {
    if let Value::Scalar(scalar) = &node.value {
        let (ports, protocol) = scalar.text.rsplit_once('/').unwrap_or((&scalar.text, "tcp"));
        let (published, target) = ports.rsplit_once(':').unwrap_or(("", ports));
        let (ip, published) = published.rsplit_once(':').unwrap_or(("", published));
        return Some(format!("{ip}|{published}|{target}|{protocol}"));
    }
    let or = |key, other| field(node, key).unwrap_or(other);
    let (ip, published) = (or("host_ip", ""), or("published", ""));
    Some(format!(
        "{ip}|{published}|{}|{}",
        field(node, "target")?,
        or("protocol", "tcp")
    ))
}

/// Where it is mounted.
fn mount_key(node: &Node) -> Option<String> {
    let target = match &node.value {
        Value::Scalar(scalar) => {
            let mut parts = scalar.text.split(':');
            let first = parts.next()?;
            parts.next().unwrap_or(first)
        }
        _ => field(node, "target")?,
    };
    Some(target.trim_end_matches('/').to_owned())
}

/// Where the file is seen.
fn file_key(node: &Node) -> Option<String> {
    let target = match &node.value {
        Value::Scalar(scalar) => scalar.text.as_str(),
        _ => field(node, "target").or(field(node, "source"))?,
    };
    Some(target.strip_prefix("/run/secrets/").unwrap_or(target).to_owned())
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
