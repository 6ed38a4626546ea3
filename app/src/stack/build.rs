//! How does a stream of YAML events become a tree? Open lists and maps on a stack of its own, so that no file can exhaust
//! the program's; anchors, aliases and `<<` are resolved, and duplicate keys refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, ScalarStyle, Span, Tag};

use super::problem::Problems;
use super::tree::{Directive, Entry, Node, Place, Scalar, Value};

/// With everything that aliases stand for. A file of a hundred lines can ask for billions.
const MOST_NODES: usize = 100_000;
const DEEPEST: usize = 64;
const TOO_DEEP: &str = "this is nested deeper than any compose file needs; write it flatter";

/// A list or a map that has begun and not ended.
struct Frame {
    place: Place,
    anchor: usize,
    directive: Directive,
    /// Nodes of the whole tree before it.
    before: usize,
    /// Levels below it.
    depth: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// Where each key stands.
        keys: BTreeMap<String, Place>,
        /// What `<<` names, in order.
        merged: Vec<Node>,
        key: Option<Key>,
    },
}

struct Key {
    text: String,
    place: Place,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Entry,
    /// `<<`
    Merge,
    /// It was refused; its value is read and dropped.
    Refused,
}

/// How much a node is, with all below it.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    levels: usize,
}

pub struct Builder<'a> {
    file: Arc<str>,
    problems: &'a mut Problems,
    open: Vec<Frame>,
    /// Finished nodes by anchor.
    anchors: BTreeMap<usize, (Node, Size)>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'a> Builder<'a> {
    pub fn new(file: &Arc<str>, problems: &'a mut Problems) -> Self {
        Self {
            file: Arc::clone(file),
            problems,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
        }
    }

    /// `None` when it makes no sense to read on.
    pub fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let place = place(&self.file, &span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Some(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents == 1 {
                    return Some(());
                }
                self.stop(
                    &place,
                    "a second document begins here; give each one a file and a -c of its own",
                )
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (directive, as_text) = self.tag(tag.as_deref(), &place);
                let plain = style == ScalarStyle::Plain && !as_text;
                let scalar = Scalar {
                    text: text.into_owned(),
                    plain,
                };
                let node = Node {
                    directive,
                    ..Node::new(place, Value::Scalar(scalar))
                };
                self.put(node, anchor, Size { nodes: 1, levels: 1 })
            }
            Event::SequenceStart(anchor, tag) => self.begin(place, anchor, tag.as_deref(), Kind::List(Vec::new())),
            Event::MappingStart(anchor, tag) => {
                let kind = Kind::Map {
                    entries: Vec::new(),
                    keys: BTreeMap::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.begin(place, anchor, tag.as_deref(), kind)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return self.stop(&place, "this alias stands inside of what it names; write the value out");
                };
                self.put(node, 0, size)
            }
        }
    }

    fn stop<T>(&mut self, place: &Place, text: &str) -> Option<T> {
        self.problems.refuse(place, text);
        None
    }

    /// What a tag asks for, and whether it makes text of a number.
    fn tag(&mut self, tag: Option<&Tag>, place: &Place) -> (Directive, bool) {
        let Some(tag) = tag else {
            return (Directive::Merge, false);
        };
        match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("!", "reset") => (Directive::Reset, false),
            ("!", "override") => (Directive::Override, false),
            ("tag:yaml.org,2002:", suffix) => (Directive::Merge, suffix == "str"),
            ("" | "!", "" | "!") => (Directive::Merge, true),
            _ => {
                self.problems
                    .refuse(place, "this tag means nothing here; only !reset and !override do");
                (Directive::Merge, false)
            }
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, tag: Option<&Tag>, kind: Kind) -> Option<()> {
        if self.open.len() >= DEEPEST {
            return self.stop(&place, TOO_DEEP);
        }
        let (directive, _) = self.tag(tag, &place);
        self.open.push(Frame {
            place,
            anchor,
            directive,
            before: self.nodes,
            depth: 0,
            kind,
        });
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        let frame = self.open.pop()?;
        let value = match frame.kind {
            Kind::List(nodes) => Value::List(nodes),
            Kind::Map { entries, merged, .. } => Value::Map(self.with_merged(entries, merged)),
        };
        let node = Node {
            place: frame.place,
            value,
            directive: frame.directive,
        };
        // Its parts are counted already, but an alias of it costs them all.
        let size = Size {
            nodes: self.nodes - frame.before + 1,
            levels: frame.depth + 1,
        };
        self.nodes = frame.before;
        self.put(node, frame.anchor, size)
    }

    /// A finished node goes where it belongs.
    fn put(&mut self, node: Node, anchor: usize, size: Size) -> Option<()> {
        self.nodes += size.nodes;
        if self.open.len() + size.levels > DEEPEST {
            return self.stop(&node.place, TOO_DEEP);
        }
        if self.nodes > MOST_NODES {
            return self.stop(
                &node.place,
                "the file grows beyond 100000 values here; write less by aliases",
            );
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return Some(());
        };
        frame.depth = frame.depth.max(size.levels);
        match &mut frame.kind {
            Kind::List(nodes) => nodes.push(node),
            Kind::Map {
                keys, key: key @ None, ..
            } => *key = Some(self::key(node, keys, self.problems)),
            Kind::Map {
                entries, merged, key, ..
            } => match key.take() {
                Some(Key {
                    text,
                    place,
                    role: Role::Entry,
                }) => entries.push(Entry { key: text, place, node }),
                Some(Key { role: Role::Merge, .. }) => merged.push(node),
                _ => {}
            },
        }
        Some(())
    }

    /// What the map says itself goes before what it takes from elsewhere.
    fn with_merged(&mut self, mut entries: Vec<Entry>, merged: Vec<Node>) -> Vec<Entry> {
        let sources = merged.into_iter().flat_map(|node| match node.value {
            Value::List(nodes) => nodes,
            _ => vec![node],
        });
        let mut own: std::collections::BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        for source in sources {
            let Value::Map(taken) = source.value else {
                let text = format!("`<<` takes maps, and this is {}", source.noun());
                self.problems.refuse(&source.place, text);
                continue;
            };
            entries.extend(taken.into_iter().filter(|entry| own.insert(entry.key.clone())));
        }
        entries
    }

    pub fn finish(self) -> Option<Node> {
        if self.root.is_none() {
            let start = Place::start_of(&self.file);
            self.problems
                .refuse(&start, "the file is empty; a compose file has at least `services:`");
        }
        self.root
    }
}

/// What stands before a colon.
fn key(node: Node, keys: &mut BTreeMap<String, Place>, problems: &mut Problems) -> Key {
    let place = node.place;
    let Value::Scalar(scalar) = node.value else {
        problems.refuse(&place, "a key has to be one word; this is a list or a map");
        return Key {
            text: String::new(),
            place,
            role: Role::Refused,
        };
    };
    let role = if scalar.plain && scalar.text == "<<" {
        Role::Merge
    } else if let Some(first) = keys.get(&scalar.text) {
        let text = format!(
            "`{}` stands here for the second time; the first is at {first}",
            scalar.text
        );
        problems.refuse(&place, text);
        Role::Refused
    } else {
        keys.insert(scalar.text.clone(), place.clone());
        Role::Entry
    };
    Key {
        text: scalar.text,
        place,
        role,
    }
}

pub fn place(file: &Arc<str>, marker: &Marker) -> Place {
    Place {
        file: Arc::clone(file),
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}
