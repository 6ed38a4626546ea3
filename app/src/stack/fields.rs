//! What does a node mean where it stands? Words as text, numbers, switches and spans; maps key by key, so that none is
//! passed over: what nobody takes is refused by name.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::Problems;
use super::tree::{Entry, Node, Place, Scalar, Value};
use crate::cli::{duration, nearest};

/// Our own keys. Every other one that begins with `x-` is somebody else's.
pub const EXTENSIONS: &[&str] = &["x-wardroom", "x-on-change"];

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    pub place: Place,
    pub value: T,
}

/// A map that is taken apart. What is left at the end is not supported.
pub struct Fields<'a> {
    /// `service web`, for sentences.
    pub what: String,
    entries: &'a [Entry],
    asked: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    /// Of a map; nothing at all is an empty one.
    pub fn of(node: &'a Node, what: impl Into<String>, problems: &mut Problems) -> Self {
        let what = what.into();
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            _ if node.is_null() => &[],
            _ => {
                problems.refuse(
                    &node.place,
                    format!("{what} has to be a map, and this is {}", node.noun()),
                );
                &[]
            }
        };
        Self {
            what,
            entries,
            asked: BTreeSet::new(),
        }
    }

    /// The value of a key; one without a value is as good as none.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    pub fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.asked.insert(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Refuses what was not taken: keys that Compose knows with what to do instead, others with the one that was
    /// probably meant.
    pub fn refuse_rest(self, known: &[(&str, &str)], problems: &mut Problems) {
        for entry in self.entries {
            let key = entry.key.as_str();
            let foreign = key.starts_with("x-") && !EXTENSIONS.contains(&key);
            if foreign || self.asked.contains(key) {
                continue;
            }
            let what = &self.what;
            let text = match known.iter().find(|(name, _)| *name == key) {
                Some((_, advice)) => format!("{what}: `{key}` is not supported; {advice}"),
                None => match nearest::to(key, self.asked.iter().copied()) {
                    Some(near) => format!("{what}: `{key}` is not a key; did you mean {near}?"),
                    None => format!("{what}: `{key}` is not a key that wardroom knows; remove it"),
                },
            };
            problems.refuse(&entry.place, text);
        }
    }
}

fn expected(node: &Node, what: &str, wanted: &str, problems: &mut Problems) {
    problems.refuse(
        &node.place,
        format!("{what} has to be {wanted}, and this is {}", node.noun()),
    );
}

fn scalar<'a>(node: &'a Node, what: &str, wanted: &str, problems: &mut Problems) -> Option<&'a Scalar> {
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => Some(scalar),
        _ => {
            expected(node, what, wanted, problems);
            None
        }
    }
}

pub fn text(node: &Node, what: &str, problems: &mut Problems) -> Option<String> {
    let scalar = scalar(node, what, "text", problems)?;
    if scalar.text.contains('\0') {
        problems.refuse(&node.place, format!("{what} holds a NUL character; take it out"));
        return None;
    }
    Some(scalar.text.clone())
}

pub fn at(node: &Node, what: &str, problems: &mut Problems) -> Option<At<String>> {
    Some(At {
        place: node.place.clone(),
        value: text(node, what, problems)?,
    })
}

pub fn number<T: std::str::FromStr>(node: &Node, what: &str, problems: &mut Problems) -> Option<T> {
    let scalar = scalar(node, what, "a whole number", problems)?;
    let digits = Some(scalar.text.as_str()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let parsed = digits.and_then(|digits| digits.parse().ok());
    if parsed.is_none() {
        problems.refuse(
            &node.place,
            format!("{what} has to be a whole number that is not too large"),
        );
    }
    parsed
}

pub fn switch(node: &Node, what: &str, problems: &mut Problems) -> Option<bool> {
    let scalar = scalar(node, what, "true or false", problems)?;
    match scalar.text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => {
            problems.refuse(&node.place, format!("{what} has to be true or false"));
            None
        }
    }
}

/// Milliseconds.
pub fn span(node: &Node, what: &str, problems: &mut Problems) -> Option<u64> {
    let scalar = scalar(node, what, "a span of time like 1m30s", problems)?;
    match duration::parse(&scalar.text) {
        Ok(span) => Some(duration::millis(span)),
        Err(error) => {
            problems.refuse(&node.place, format!("{what}: {error}"));
            None
        }
    }
}

/// One of a few words.
pub fn choice<T: Copy>(node: &Node, what: &str, choices: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let wanted = names.join(" or ");
    let scalar = scalar(node, what, &wanted, problems)?;
    let found = choices.iter().find(|(name, _)| *name == scalar.text);
    if found.is_none() {
        problems.refuse(&node.place, format!("{what} has to be {wanted}"));
    }
    found.map(|(_, value)| *value)
}

/// The elements of a list.
pub fn list<'a>(node: &'a Node, what: &str, problems: &mut Problems) -> &'a [Node] {
    match &node.value {
        Value::List(nodes) => nodes,
        _ if node.is_null() => &[],
        _ => {
            expected(node, what, "a list", problems);
            &[]
        }
    }
}

/// A list of words, each with its place.
pub fn texts(node: &Node, what: &str, problems: &mut Problems) -> Vec<At<String>> {
    let nodes = list(node, what, problems);
    nodes.iter().filter_map(|node| at(node, what, problems)).collect()
}

/// One word, or a list of them.
pub fn text_or_texts(node: &Node, what: &str, problems: &mut Problems) -> Vec<At<String>> {
    match &node.value {
        Value::Scalar(_) => at(node, what, problems).into_iter().collect(),
        _ => texts(node, what, problems),
    }
}

/// A command: a list of words, or a line as a shell takes it apart.
pub fn command(node: &Node, what: &str, problems: &mut Problems) -> Vec<String> {
    let Value::Scalar(_) = &node.value else {
        return texts(node, what, problems).into_iter().map(|word| word.value).collect();
    };
    let Some(line) = text(node, what, problems) else {
        return Vec::new();
    };
    shlex::split(&line).unwrap_or_else(|| {
        problems.refuse(
            &node.place,
            format!("{what}: a quote is not closed; close it, or write a list of words"),
        );
        Vec::new()
    })
}

/// `KEY: value` or `- KEY=value`. A key without a value has none.
pub fn pairs(node: &Node, what: &str, problems: &mut Problems) -> BTreeMap<String, At<Option<String>>> {
    let mut pairs = BTreeMap::new();
    let mut put = |key: String, place: &Place, value: Option<String>, problems: &mut Problems| {
        if key.trim().is_empty() || key.contains(['\0', '=']) {
            problems.refuse(
                place,
                format!("{what}: a name without = is expected, as NAME: value or - NAME=value"),
            );
        } else {
            let place = place.clone();
            pairs.insert(key, At { place, value });
        }
    };
    match &node.value {
        Value::List(nodes) => {
            for node in nodes {
                let Some(line) = text(node, what, problems) else {
                    continue;
                };
                match line.split_once('=') {
                    Some((key, value)) => put(key.to_owned(), &node.place, Some(value.to_owned()), problems),
                    None => put(line, &node.place, None, problems),
                }
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                if entry.node.is_null() {
                    put(entry.key.clone(), &entry.place, None, problems);
                } else if let Some(value) = text(&entry.node, what, problems) {
                    put(entry.key.clone(), &entry.place, Some(value), problems);
                }
            }
        }
        Value::Scalar(_) if node.is_null() => {}
        Value::Scalar(_) => expected(node, what, "a map or a list of KEY=value", problems),
    }
    pairs
}

/// Labels: a key without a value has the empty one.
pub fn labels(node: Option<&Node>, what: &str, problems: &mut Problems) -> BTreeMap<String, String> {
    let Some(node) = node else {
        return BTreeMap::new();
    };
    let pairs = pairs(node, what, problems);
    pairs
        .into_iter()
        .map(|(key, at)| (key, at.value.unwrap_or_default()))
        .collect()
}
