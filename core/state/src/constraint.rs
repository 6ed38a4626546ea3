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
        let role = self.value.to_lowercase();
        if self.key == "node.role" && !role.contains('*') && !matches!(role.as_str(), "manager" | "worker") {
            return Err(invalid("a role is manager or worker"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::node;

    #[test]
    fn it_reads_what_docker_writes() {
        for (text, normal) in [
            ("node.role==worker", "node.role==worker"),
            (" node.hostname != ember ", "node.hostname!=ember"),
            ("node.labels.zone==eu-*", "node.labels.zone==eu-*"),
            ("node.labels.a.b==c d", "node.labels.a.b==c d"),
            ("node.id==x!=y", "node.id==x!=y"),
        ] {
            let constraint = Constraint::parse(text).unwrap();
            assert_eq!(constraint.to_string(), normal);
            assert_eq!(Constraint::parse(normal), Ok(constraint));
        }
    }

    #[test]
    fn it_says_what_is_wrong() {
        let check = |text: &str, problem: &str| {
            let refusal = Constraint::parse(text).unwrap_err().to_string();
            let rest = refusal.strip_prefix("invalid placement constraint '").unwrap();
            let help = "; write KEY==VALUE or KEY!=VALUE with node.id, node.hostname, node.role or node.labels.NAME";
            assert!(rest.ends_with(&format!("': {problem}{help}")), "{text}: {refusal}");
        };
        check("node.role", "it compares nothing");
        check("node.role=worker", "it compares nothing");
        check("", "it compares nothing");
        check("engine.labels.a==b", "its key is not known");
        check("==worker", "its key is not known");
        check("node.labels.==b", "it names no label");
        check("node.role== ", "it has no value");
        check("node.role===worker", "its key has a blank, or it has an = too many");
        check("node.labels.a!==b", "its key has a blank, or it has an = too many");
        check("node.labels.a b==c", "its key has a blank, or it has an = too many");
        check("node.role==\u{1b}[2J", "it is too long, or has a control character");
        check(
            &format!("node.role=={}", "x".repeat(300)),
            "it is too long, or has a control character",
        );
        check("node.role==boss", "a role is manager or worker");
    }

    #[test]
    fn a_node_fits_in_any_case_and_by_globs() {
        let mut ember = node("n1", "Ember-2", 0);
        ember.labels.insert("zone".into(), "EU-west-1".into());
        let fits = |text: &str| Constraint::parse(text).unwrap().matches(&ember);
        for text in [
            "node.id==N1",
            "node.hostname==ember-2",
            "node.hostname==*-2",
            "node.hostname==e*r*2",
            "node.role==WORKER",
            "node.role!=manager",
            "node.labels.zone==eu-*",
            "node.labels.zone==*",
            "node.labels.zone!=us-*",
            "node.labels.disk!=ssd",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in [
            "node.id==n",
            "node.hostname==ember*3",
            "node.hostname==ember-2*2",
            "node.role==manager",
            "node.labels.Zone==eu-*",
            "node.labels.disk==ssd",
            "node.labels.zone!=EU*",
        ] {
            assert!(!fits(text), "{text}");
        }
    }
}
