//! How is the merged tree written? As YAML with its keys in order, so that two runs can be compared.

use std::borrow::Cow;

use saphyr::{Mapping, Scalar, ScalarStyle, Yaml, YamlEmitter};

use super::tree::{Node, Value};

pub fn emit(node: &Node) -> String {
    let mut text = String::new();
    let written = YamlEmitter::new(&mut text).dump(&yaml(node));
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
    let document = text.strip_prefix("---\n").unwrap_or(&text);
    format!("{document}\n")
}

fn yaml(node: &Node) -> Yaml<'_> {
    match &node.value {
        Value::List(nodes) => Yaml::Sequence(nodes.iter().map(yaml).collect()),
        Value::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            let pairs = sorted.into_iter().map(|entry| (text(&entry.key), yaml(&entry.node)));
            Yaml::Mapping(pairs.collect::<Mapping<'_>>())
        }
        Value::Scalar(scalar) if scalar.is_null() => Yaml::Value(Scalar::Null),
        Value::Scalar(scalar) if scalar.plain && is_one_word(&scalar.text) => {
            Yaml::Representation(Cow::Borrowed(&scalar.text), ScalarStyle::Plain, None)
        }
        Value::Scalar(scalar) => text(&scalar.text),
    }
}

/// In quotes where it needs them.
fn text(text: &str) -> Yaml<'_> {
    Yaml::Value(Scalar::String(Cow::Borrowed(text)))
}

/// `8080`, `true`, `0440`: what has no quotes keeps what it means.
fn is_one_word(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_part)
}

#[cfg(test)]
#[path = "emit_tests.rs"]
mod tests;
