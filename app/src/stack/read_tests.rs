//! Is a file read as it is written, and what is wrong with it named by its place? Bytes that would grow without bounds are
//! refused.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::stack::tree::{Scalar, Value};

fn tree(text: &str) -> Node {
    let mut problems = Problems::default();
    let tree = read("c.yml", text.as_bytes(), &mut problems);
    assert_eq!(problems.lines(), Vec::<String>::new());
    tree.unwrap()
}

#[track_caller]
fn refused(bytes: &[u8], expected: &[&str]) -> Option<Node> {
    let mut problems = Problems::default();
    let tree = read("c.yml", bytes, &mut problems);
    assert_eq!(problems.lines(), expected);
    tree
}

fn scalar(node: &Node) -> &Scalar {
    match &node.value {
        Value::Scalar(scalar) => scalar,
        _ => panic!("{node:?} is no word"),
    }
}

#[test]
fn every_node_knows_its_place() {
    let root = tree("services:\n  web:\n    ports: [\"80:80\", 81]\n    mode: 0440 # a remark\n    none: ~\n");
    let web = root.get("services").and_then(|node| node.get("web")).unwrap();
    let ports = web.get("ports").unwrap();
    assert_eq!(ports.place.to_string(), "c.yml:3:12");
    let Value::List(ports) = &ports.value else { panic!() };
    assert_eq!(ports[1].place.to_string(), "c.yml:3:22");
    assert!(!scalar(&ports[0]).plain && scalar(&ports[1]).plain);
    assert_eq!(scalar(web.get("mode").unwrap()).text, "0440");
    assert!(web.get("none").unwrap().is_null());
    let Value::Map(entries) = &web.value else { panic!() };
    assert_eq!(entries[1].place.to_string(), "c.yml:4:5");
}

#[test]
fn a_mark_at_the_beginning_and_quoted_words() {
    let root = tree("\u{feff}a: \"null\"\nb: !!str 12\nc: ''\nd: |\n  two\n  lines\n");
    assert!(!root.get("a").unwrap().is_null() && !root.get("c").unwrap().is_null());
    assert!(!scalar(root.get("b").unwrap()).plain);
    assert_eq!(scalar(root.get("d").unwrap()).text, "two\nlines\n");
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let root =
        tree("x-a: &a {one: 1, two: 2}\nx-b: &b {two: b, three: 3}\nuse:\n  <<: [*a, *b]\n  one: own\nlist: [*a]\n");
    let used = root.get("use").unwrap();
    let word = |key: &str| scalar(used.get(key).unwrap()).text.as_str();
    assert_eq!((word("one"), word("two"), word("three")), ("own", "2", "3"));
    assert_eq!(used.get("two").unwrap().place.to_string(), "c.yml:1:23");
}

#[test]
fn duplicates_are_named_with_both_places_and_reading_goes_on() {
    let left = refused(
        b"a:\n  x: 1\n  x: 2\nb: 1\nb: 2\n",
        &[
            "c.yml:3:3: `x` stands here for the second time; the first is at c.yml:2:3",
            "c.yml:5:1: `b` stands here for the second time; the first is at c.yml:4:1",
        ],
    );
    assert_eq!(scalar(left.unwrap().get("b").unwrap()).text, "1");
}

#[test]
fn what_is_no_compose_file_says_why() {
    refused(
        b"",
        &["c.yml:1:1: the file is empty; a compose file has at least `services:`"],
    );
    refused(
        b"# only a remark\n",
        &["c.yml:1:1: the file is empty; a compose file has at least `services:`"],
    );
    refused(
        b"a: 1\n---\nb: 2\n",
        &["c.yml:2:1: a second document begins here; give each one a file and a -c of its own"],
    );
    refused(
        b"ab: \xc3\xa4\n  \xff",
        &["c.yml:2:3: this is not UTF-8 text; save the file as UTF-8"],
    );
    refused(
        b"{a: [b]}: c\n",
        &["c.yml:1:1: a key has to be one word; this is a list or a map"],
    );
    refused(
        b"a: !go x\n",
        &["c.yml:1:4: this tag means nothing here; only !reset and !override do"],
    );
    refused(b"<<: 5\na: 1\n", &["c.yml:1:5: `<<` takes maps, and this is text"]);
}

#[test]
fn a_tab_is_called_a_tab() {
    let mut problems = Problems::default();
    assert!(read("c.yml", b"services:\n\tweb: 1\n", &mut problems).is_none());
    let [line] = problems.lines().try_into().unwrap();
    assert!(line.starts_with("c.yml:2:"), "{line}");
    assert!(
        line.ends_with("a tab stands in the indentation; YAML takes spaces only"),
        "{line}"
    );
    let mut problems = Problems::default();
    assert!(read("c.yml", b"a: \"open\nb: 1\n", &mut problems).is_none());
    assert!(
        problems.lines()[0].contains("this is not YAML: "),
        "{:?}",
        problems.lines()
    );
}

#[test]
fn aliases_cannot_make_a_file_endless() {
    let level = |level: usize| match level {
        0 => "a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned(),
        level => format!(
            "a{level}: &a{level} [{}]",
            vec![format!("*a{}", level - 1); 10].join(", ")
        ),
    };
    let bomb = (0..20).map(level).collect::<Vec<_>>().join("\n");
    let mut problems = Problems::default();
    assert!(read("c.yml", bomb.as_bytes(), &mut problems).is_none());
    assert!(
        problems.lines()[0].contains("grows beyond 100000 values"),
        "{:?}",
        problems.lines()
    );

    let link = |level: usize| match level {
        0 => "a0: &a0 {}".to_owned(),
        level => format!("a{level}: &a{level} {{x: *a{}}}", level - 1),
    };
    let chain = (0..200).map(link).collect::<Vec<_>>().join("\n");
    let mut problems = Problems::default();
    assert!(read("c.yml", chain.as_bytes(), &mut problems).is_none());
    assert!(problems.lines()[0].contains("nested deeper"), "{:?}", problems.lines());

    refused(
        b"a: &a [*a]\n",
        &["c.yml:1:8: this alias stands inside of what it names; write the value out"],
    );
    for open in ["[", "{a: ", "- "] {
        let deep = open.repeat(5_000);
        let mut problems = Problems::default();
        assert!(read("c.yml", deep.as_bytes(), &mut problems).is_none());
        assert_eq!(problems.lines().len(), 1);
    }
    let long = vec![b'#'; MOST_BYTES + 1];
    refused(
        &long,
        &["c.yml:1:1: the file is longer than 1 MiB, which no compose file is; name another one"],
    );
}

#[test]
fn an_alias_without_an_anchor_is_refused_by_the_parser() {
    let mut problems = Problems::default();
    assert!(read("c.yml", b"a: *nobody\n", &mut problems).is_none());
    assert!(problems.lines()[0].starts_with("c.yml:1:4: "), "{:?}", problems.lines());
}
