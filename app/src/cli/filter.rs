//! Which rows of a list are meant? `-f key=value`, as Docker takes them: several values of one key are alternatives.

use std::collections::BTreeMap;

use crate::cli::nearest;
use crate::report::Report;

#[derive(Debug, Default)]
pub struct Filters(Vec<(String, String)>);

impl Filters {
    /// Only these keys are understood.
    pub fn parse(texts: &[String], keys: &[&'static str]) -> Result<Self, Report> {
        let filter = |text: &String| {
            let wrong = |message: String| {
                Report::usage(message).hint(format!("write -f KEY=VALUE with one of: {}", keys.join(", ")))
            };
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| wrong(format!("invalid filter '{text}': a value is expected after =")))?;
            let key = key.trim().to_lowercase();
            if keys.contains(&key.as_str()) {
                return Ok((key, value.trim().to_owned()));
            }
            let report = wrong(format!("invalid filter '{key}'"));
            Err(match nearest::to(&key, keys.iter().copied()) {
                Some(near) => report.hint(format!("did you mean {near}?")),
                None => report,
            })
        };
        texts.iter().map(filter).collect::<Result<_, _>>().map(Self)
    }

    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let of_key = self.0.iter().filter(move |(known, _)| known == key);
        of_key.map(|(_, value)| value.as_str())
    }

    /// Whether the row has one of the values that are asked for; where none is, any row will do.
    pub fn any(&self, key: &str, has: impl Fn(&str) -> bool) -> bool {
        let mut values = self.values(key).peekable();
        values.peek().is_none() || values.any(has)
    }

    /// Whether the row has all labels that are asked for, as `k` or `k=v`.
    pub fn labels(&self, key: &str, labels: &BTreeMap<String, String>) -> bool {
        self.values(key).all(|wanted| match wanted.split_once('=') {
            Some((name, value)) if !value.is_empty() => labels.get(name).is_some_and(|found| found == value),
            Some((name, _)) => labels.contains_key(name),
            None => labels.contains_key(wanted),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn values_of_one_key_are_alternatives_and_labels_are_not() {
        let texts = ["name=web", "name=db", "label=a", "label=b=2"].map(str::to_owned);
        let filters = Filters::parse(&texts, &["name", "label", "id"]).unwrap();
        assert!(filters.any("name", |value| value == "db"));
        assert!(!filters.any("name", |value| value == "x"));
        assert!(filters.any("id", |_| false), "nothing was asked about ids");
        let labels = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        assert!(filters.labels("label", &labels(&[("a", "1"), ("b", "2")])));
        assert!(!filters.labels("label", &labels(&[("a", "1"), ("b", "3")])));
        assert!(!filters.labels("label", &labels(&[("b", "2")])));
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused() {
        let report = Filters::parse(&["nmae=x".to_owned()], &["name", "id"]).unwrap_err();
        assert_eq!(report.message, "invalid filter 'nmae'");
        assert_eq!(report.hint.as_deref(), Some("did you mean name?"));
        assert!(Filters::parse(&["name".to_owned()], &["name"]).is_err());
    }
}
