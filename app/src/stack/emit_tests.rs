//! Is what is written read back as what it was?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use proptest::prelude::*;

use super::*;
use crate::stack::tree::{Entry, Place, Scalar as Word};
use crate::stack::{Problems, read};

#[test]
fn keys_in_order_and_quotes_where_they_are_needed() {
    let mut problems = Problems::default();
    let text = b"b: [1, '1', \"a: b\", {z: ~, a: }]\na: 0440\nc: {}\nd: []\ne: 'x # y'\nf: true\ng: 'true'\nh: \"two\\nlines\"\n";
    let tree = read("c.yml", text, &mut problems).unwrap();
    assert_eq!(
        emit(&tree),
        "a: 0440\nb:\n  - 1\n  - \"1\"\n  - \"a: b\"\n  - a: ~\n    z: ~\nc: {}\nd: []\ne: \"x # y\"\nf: true\ng: \"true\"\nh: \"two\\nlines\"\n"
    );
}

fn node(value: Value) -> Node {
    Node::new(Place::start_of(&"x".into()), value)
}

fn any_node() -> impl Strategy<Value = Node> {
    let words = prop_oneof![
        any::<String>(),
        "[a-z0-9:#{}\\[\\],&*!|>'\" \n-]{0,8}",
        "[0-9._-]{1,6}",
        "[~a-z]{0,5}"
    ];
    let leaf = (words, any::<bool>()).prop_map(|(text, plain)| {
        // A plain word is one that could be written without quotes.
        let plain = plain && is_one_word(&text);
        node(Value::Scalar(Word { text, plain }))
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|nodes| node(Value::List(nodes))),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| {
                let entry = |(key, node): (String, Node)| Entry {
                    key,
                    place: node.place.clone(),
                    node,
                };
                node(Value::Map(map.into_iter().map(entry).collect()))
            }),
        ]
    })
}

/// What a tree says, whether its words stand in quotes or not.
fn meaning(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if scalar.is_null() => "null".to_owned(),
        Value::Scalar(scalar) => format!("{:?}", scalar.text),
        Value::List(nodes) => format!("[{}]", nodes.iter().map(meaning).collect::<Vec<_>>().join(",")),
        Value::Map(entries) => {
            let mut all: Vec<String> = entries
                .iter()
                .map(|entry| format!("{:?}:{}", entry.key, meaning(&entry.node)))
                .collect();
            all.sort();
            format!("{{{}}}", all.join(","))
        }
    }
}

proptest! {
    #[test]
    fn a_tree_survives_being_written(tree in any_node()) {
        let text = emit(&tree);
        let mut problems = Problems::default();
        let again = read("x", text.as_bytes(), &mut problems);
        prop_assert!(problems.is_empty(), "{:?}\n{text}", problems.lines());
        prop_assert_eq!(meaning(&again.unwrap()), meaning(&tree), "{}", text);
    }
}
