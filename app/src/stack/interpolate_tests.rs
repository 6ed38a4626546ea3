//! Are variables replaced as Compose and `docker stack` do it?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::stack::read;

fn set(name: &str) -> Option<String> {
    match name {
        "A" => Some("alpha".to_owned()),
        "EMPTY" => Some(String::new()),
        "_b1" => Some("$A".to_owned()),
        _ => None,
    }
}

fn expand(text: &str) -> (Scalar, Problems) {
    let mut problems = Problems::default();
    let place = Place {
        file: "c.yml".into(),
        line: 3,
        column: 7,
    };
    let node = interpolate(Node::text(place, text), &set, &mut problems);
    match node.value {
        Value::Scalar(scalar) => (scalar, problems),
        _ => panic!("a word stays a word"),
    }
}

#[test]
fn all_forms() {
    for (text, expected) in [
        ("plain", "plain"),
        ("$A/${A}-$A$_b1", "alpha/alpha-alpha$A"),
        ("cost: $$5 $${A}", "cost: $5 ${A}"),
        ("${A:-d}|${EMPTY:-d}|${UNSET:-d}", "alpha|d|d"),
        ("${A-d}|${EMPTY-d}|${UNSET-d}", "alpha||d"),
        ("${A:+x}|${EMPTY:+x}|${UNSET:+x}", "x||"),
        ("${A+x}|${EMPTY+x}|${UNSET+x}", "x|x|"),
        ("${A:?e}|${A?e}|${EMPTY?e}", "alpha|alpha|"),
        ("${UNSET:-${EMPTY:-${A}}}", "alpha"),
        ("${UNSET:-a$$b}", "a$b"),
        ("${UNSET:-}", ""),
        ("{}} ${A}}", "{}} alpha}"),
        ("${A:-${NOT:?required}}", "alpha"),
        ("ä${A}ö", "äalphaö"),
    ] {
        let (scalar, problems) = expand(text);
        assert_eq!(problems.lines(), Vec::<String>::new(), "{text}");
        assert_eq!(problems.remarks().count(), 0, "{text}");
        assert_eq!(scalar.text, expected, "{text}");
    }
}

#[test]
fn what_is_not_set_is_named() {
    let (scalar, problems) = expand("x$UNSET$UNSET");
    assert_eq!(scalar.text, "x");
    assert!(problems.is_empty());
    assert_eq!(
        problems.remarks().collect::<Vec<_>>(),
        ["c.yml:3:7: the variable UNSET is not set and counts as empty; export it, or write ${UNSET:-default}"]
    );
    for (text, expected) in [
        (
            "${UNSET:?give it}",
            "c.yml:3:7: the variable UNSET has to be set: give it",
        ),
        ("${EMPTY:?}", "c.yml:3:7: the variable EMPTY has to be set; export it"),
        (
            "${UNSET?say $A}",
            "c.yml:3:7: the variable UNSET has to be set: say alpha",
        ),
        (
            "$1",
            "c.yml:3:7: a variable is expected after $, as $NAME or ${NAME}; write $$ for a dollar sign",
        ),
        (
            "a$",
            "c.yml:3:7: a variable is expected after $, as $NAME or ${NAME}; write $$ for a dollar sign",
        ),
        (
            "${A:-b",
            "c.yml:3:7: `${` is not closed; write } after the variable, or $$ for a dollar sign",
        ),
    ] {
        assert_eq!(expand(text).1.lines(), [expected], "{text}");
    }
    for text in ["${}", "${A", "${A/x/y}", "${1}", "${A:x}", "${é}"] {
        assert_eq!(expand(text).1.lines().len(), 1, "{text}");
    }
}

#[test]
fn depth_and_length_have_bounds() {
    let deep = format!("{}x{}", "${U:-".repeat(40), "}".repeat(40));
    assert!(expand(&deep).1.lines()[0].contains("nested deeper than 16"));
    let used = format!("{}x{}", "${A:-".repeat(40), "}".repeat(40));
    assert!(expand(&used).1.lines()[0].contains("nested deeper than 16"));
}

#[test]
fn keys_and_foreign_extensions_stay_as_they_are() {
    let mut problems = Problems::default();
    let text = b"$A: ${A}\nx-other: {a: $NOBODY}\nl: [$A, 1]\ns: {x-wardroom: {executor: $A}}\ne: ${EMPTY}\n";
    let tree = read("c.yml", text, &mut problems).unwrap();
    let tree = interpolate(tree, &set, &mut problems);
    assert!(problems.is_empty() && problems.remarks().count() == 0);
    let expected = read(
        "c.yml",
        b"$A: alpha\nx-other: {a: $NOBODY}\nl: [alpha, 1]\ns: {x-wardroom: {executor: alpha}}\ne: ''\n",
        &mut problems,
    );
    assert_eq!(tree, expected.unwrap());
    assert!(!tree.get("e").unwrap().is_null(), "empty text is not the absence of it");
}
