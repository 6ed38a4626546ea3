//! What do `$VAR` and `${VAR...}` stand for? Only the caller's environment is asked, as `docker stack` does: no `.env`
//! file. Keys, and what begins with `x-`, stay as they are written.

use super::fields::EXTENSIONS;
use super::problem::Problems;
use super::tree::{Node, Place, Scalar, Value};

/// What a variable is set to.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A default inside of a default inside of a default...
const DEEPEST: usize = 16;
/// The longest text that values of variables may make of one word.
const LONGEST: usize = 256 * 1024;

/// The tree with every variable replaced by its value.
pub fn interpolate(node: Node, lookup: Lookup<'_>, problems: &mut Problems) -> Node {
    words(node, &mut |scalar, place| scalar_value(scalar, place, lookup, problems))
}

/// The tree as it has to be written to be read as what it is: with `$$` for a dollar sign.
pub fn escape(node: Node) -> Node {
    words(node, &mut |scalar, _| Scalar {
        text: scalar.text.replace('$', "$$"),
        ..scalar
    })
}

/// Every word in which variables count.
fn words(node: Node, change: &mut dyn FnMut(Scalar, &Place) -> Scalar) -> Node {
    let Node {
        place,
        value,
        directive,
    } = node;
    let value = match value {
        Value::Scalar(scalar) => Value::Scalar(change(scalar, &place)),
        Value::List(nodes) => Value::List(nodes.into_iter().map(|node| words(node, change)).collect()),
        Value::Map(mut entries) => {
            for entry in &mut entries {
                if !entry.key.starts_with("x-") || EXTENSIONS.contains(&entry.key.as_str()) {
                    let empty = Node::text(entry.place.clone(), "");
                    entry.node = words(std::mem::replace(&mut entry.node, empty), change);
                }
            }
            Value::Map(entries)
        }
    };
    Node {
        place,
        value,
        directive,
    }
}

fn scalar_value(scalar: Scalar, place: &Place, lookup: Lookup<'_>, problems: &mut Problems) -> Scalar {
    if !scalar.text.contains('$') {
        return scalar;
    }
    let mut reader = Reader {
        rest: &scalar.text,
        place,
        lookup,
        problems,
    };
    let text = match reader.words(0, false) {
        Ok(text) if text.len() > LONGEST => {
            problems.refuse(
                place,
                "with its variables this is longer than 256 KiB; name a file instead",
            );
            String::new()
        }
        Ok(text) => text,
        Err(Wrong(message)) => {
            problems.refuse(place, message);
            String::new()
        }
    };
    // `${X}` of an empty X is empty text, and not the absence of it.
    let plain = scalar.plain
        && !Scalar {
            text: text.clone(),
            plain: true,
        }
        .is_null();
    Scalar { text, plain }
}

/// Why a text cannot be expanded.
struct Wrong(String);

struct Reader<'t, 'p> {
    rest: &'t str,
    place: &'p Place,
    lookup: Lookup<'p>,
    problems: &'p mut Problems,
}

impl<'t> Reader<'t, '_> {
    /// Text up to the end, or up to the brace that closes a default.
    fn words(&mut self, depth: usize, braced: bool) -> Result<String, Wrong> {
        let mut text = String::new();
        loop {
            let end = self.rest.find(['$', '}']).unwrap_or(self.rest.len());
            text.push_str(&self.rest[..end]);
            self.rest = &self.rest[end..];
            if let Some(rest) = self.rest.strip_prefix('}') {
                if braced {
                    return Ok(text);
                }
                text.push('}');
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix('$') {
                self.rest = rest;
                text.push_str(&self.dollar(depth)?);
            } else if braced {
                return Err(Wrong(
                    "`${` is not closed; write } after the variable, or $$ for a dollar sign".into(),
                ));
            } else {
                return Ok(text);
            }
        }
    }

    /// What follows a dollar sign.
    fn dollar(&mut self, depth: usize) -> Result<String, Wrong> {
        if let Some(rest) = self.rest.strip_prefix('$') {
            self.rest = rest;
            return Ok("$".into());
        }
        if let Some(rest) = self.rest.strip_prefix('{') {
            self.rest = rest;
            return self.braced(depth);
        }
        match self.name() {
            Some(name) => Ok(self.plain(name)),
            None => Err(Wrong(
                "a variable is expected after $, as $NAME or ${NAME}; write $$ for a dollar sign".into(),
            )),
        }
    }

    /// `NAME}` or `NAME:-word}`.
    fn braced(&mut self, depth: usize) -> Result<String, Wrong> {
        const EXPECTED: &str =
            "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+other}, and $$ for a dollar sign";
        let name = self.name();
        let name = name.ok_or_else(|| Wrong(format!("no name follows `${{`; {EXPECTED}")))?;
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            return Ok(self.plain(name));
        }
        let empty_is_unset = self.rest.starts_with(':');
        let rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let operator = rest.chars().next().filter(|c| "-?+".contains(*c));
        let operator = operator.ok_or_else(|| Wrong(format!("`${{{name}` does not end; {EXPECTED}")))?;
        self.rest = &rest[1..];
        if depth >= DEEPEST {
            return Err(Wrong(
                "variables are nested deeper than 16; name the inner ones first".into(),
            ));
        }
        let value = (self.lookup)(name).filter(|value| !(empty_is_unset && value.is_empty()));
        let is_used = match operator {
            '+' => value.is_some(),
            _ => value.is_none(),
        };
        let word = self.word(depth + 1, is_used)?;
        match (operator, value) {
            ('-', None) | ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, Some(value)) => Ok(value),
            (_, None) if word.is_empty() => Err(Wrong(format!("the variable {name} has to be set; export it"))),
            (_, None) => Err(Wrong(format!("the variable {name} has to be set: {word}"))),
        }
    }

    /// The word after an operator. One that is not used is read, and neither warned of nor required.
    fn word(&mut self, depth: usize, is_used: bool) -> Result<String, Wrong> {
        let word = if is_used {
            self.words(depth, true)?
        } else {
            let mut unheard = Problems::default();
            let mut reader = Reader {
                rest: self.rest,
                place: self.place,
                lookup: &|_| Some("x".to_owned()),
                problems: &mut unheard,
            };
            reader.words(depth, true)?;
            self.rest = reader.rest;
            String::new()
        };
        self.rest = self.rest.strip_prefix('}').unwrap_or(self.rest);
        Ok(word)
    }

    fn name(&mut self) -> Option<&'t str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    /// Without a default: what is not set is empty, and worth a word.
    fn plain(&mut self, name: &str) -> String {
        (self.lookup)(name).unwrap_or_else(|| {
            let text =
                format!("the variable {name} is not set and counts as empty; export it, or write ${{{name}:-default}}");
            self.problems.remark(self.place, text);
            String::new()
        })
    }
}

#[cfg(test)]
#[path = "interpolate_tests.rs"]
mod tests;
