//! What does a compose file say, word by word? A tree of YAML whose every node knows where it was written.
//!
//! Scalars stay text: what a word means depends on where it stands, and is told by `fields` only.

use std::fmt;
use std::sync::Arc;

/// Where something was written. Lines and columns begin at 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As the command line named it.
    pub file: Arc<str>,
    pub line: usize,
    pub column: usize,
}

impl Place {
    pub fn start_of(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            line: 1,
            column: 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What a file asks the files before it to do with their value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directive {
    #[default]
    Merge,
    /// `!reset`: forget it.
    Reset,
    /// `!override`: take this one whole.
    Override,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
    pub directive: Directive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub text: String,
    /// Written without quotes: `true` and `8080` may mean more than their letters.
    pub plain: bool,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

/// Places are no part of what a tree says.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.directive == other.directive
    }
}
impl Eq for Node {}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.node == other.node
    }
}
impl Eq for Entry {}

impl Scalar {
    /// `~`, `null`, or nothing at all.
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    pub fn new(place: Place, value: Value) -> Self {
        Self {
            place,
            value,
            directive: Directive::default(),
        }
    }

    pub fn text(place: Place, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(place, Value::Scalar(Scalar { text, plain: false }))
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// `text`, `a list`, `a map`, `nothing`: for sentences about what stands there.
    pub fn noun(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing",
            Value::Scalar(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    #[cfg(test)]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
            _ => None,
        }
    }
}
