//! Which nodes may run it? Docker's placement constraints: `node.role==worker`, `node.labels.zone!=eu-*`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::refusal::Refusal;

const LABEL: &str = "node.labels.";
/// Longer ones are a mistake.
const LENGTH_MAX: usize = 256;

/// One condition on a node. `Display` writes what [`Constraint::parse`] reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// `node.id`, `node.hostname`, `node.role` or `node.labels.<key>`.
    pub key: String,
    /// `==`; otherwise `!=`.
    pub equal: bool,
    /// Compared in any case; `*` stands for any text.
    pub value: String,
}

impl Constraint {
    /// Reads `KEY==VALUE` or `KEY!=VALUE`; blanks around either side do not count.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let operators = [("==", true), ("!=", false)];
        let found = operators.map(|(operator, equal)| text.find(operator).map(|at| (at, equal)));
        let Some((at, equal)) = found.into_iter().flatten().min() else {
            return Err(Refusal::ConstraintInvalid {
                text: shown(text),
                problem: "it compares nothing".into(),
            });
        };
        let (key, value) = (text[..at].trim().to_owned(), text[at + 2..].trim().to_owned());
        let constraint = Self { key, equal, value };
        constraint.check().map(|()| constraint)
    }

    /// Whether its key is known and its value says something.
    pub fn check(&self) -> Result<(), Refusal> {
        let invalid = |problem: &str| Refusal::ConstraintInvalid {
            text: shown(&self.to_string()),
            problem: problem.into(),
        };
        let label = self.key.strip_prefix(LABEL);
        if !matches!(self.key.as_str(), "node.id" | "node.hostname" | "node.role") && label.is_none() {
            return Err(invalid("its key is not known"));
        }
        if label == Some("") {
            return Err(invalid("it names no label"));
        }
        if self.value.is_empty() {
            return Err(invalid("it has no value"));
        }
        if self.key.len() + self.value.len() > LENGTH_MAX || self.to_string().contains(char::is_control) {
            return Err(invalid("it is too long, or has a control character"));
        }
        if self.key.contains(char::is_whitespace) || self.key.contains('=') || self.value.starts_with('=') {
            return Err(invalid("its key has a blank, or it has an = too many"));
        }
        Ok(())
    }

    /// Whether the node satisfies it. A label that the node does not have is empty.
    pub fn matches(&self, node: &Node) -> bool {
        let actual = match self.key.as_str() {
            "node.id" => node.id.as_str(),
            "node.hostname" => node.hostname.as_str(),
            "node.role" => node.role.as_str(),
            key => {
                let label = key.strip_prefix(LABEL).and_then(|label| node.labels.get(label));
                label.map_or("", String::as_str)
            }
        };
        glob(&self.value.to_lowercase(), &actual.to_lowercase()) == self.equal
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = if self.equal { "==" } else { "!=" };
        write!(f, "{}{operator}{}", self.key, self.value)
    }
}

/// `*` stands for any text, also none; everything else for itself. Greedy from the left: the first place that fits
/// leaves the most for the rest.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn shown(text: &str) -> String {
    text.escape_default().take(80).collect()
}
