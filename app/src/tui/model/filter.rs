//! Which rows are wanted? `db|pay !old tier=1 state=ok`: terms that all hold, alternatives within a term, `!` inverts,
//! `field=value` looks at one field or label. Upper and lower case are the same.

/// The fields of one row that a filter looks at: a field's name and its text.
pub type Fields = Vec<(String, String)>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    field: Option<String>,
    alternatives: Vec<String>,
}

impl Filter {
    pub fn new(text: &str) -> Self {
        let terms = text.split_whitespace().filter_map(Term::new).collect();
        Self {
            text: text.to_owned(),
            terms,
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub fn matches(&self, fields: &Fields) -> bool {
        self.terms.iter().all(|term| term.matches(fields))
    }
}

impl Term {
    /// `None` for a term that asks for nothing yet, such as a lone `!` or `|`.
    fn new(word: &str) -> Option<Self> {
        let (negated, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
        let (field, value) = match word.split_once('=') {
            Some((field, value)) if field.ends_with('!') => {
                let term = Self::new(&format!("{}={value}", field.trim_end_matches('!')))?;
                return Some(Self {
                    negated: !negated,
                    ..term
                });
            }
            Some((field, value)) if !field.is_empty() => (Some(field.to_lowercase()), value),
            _ => (None, word),
        };
        let alternatives: Vec<String> = value
            .split('|')
            .filter(|part| !part.is_empty())
            .map(str::to_lowercase)
            .collect();
        (!alternatives.is_empty()).then_some(Self {
            negated,
            field,
            alternatives,
        })
    }

    fn matches(&self, fields: &Fields) -> bool {
        let wanted = |(name, value): &(String, String)| {
            let right_field = self.field.as_ref().is_none_or(|field| name.eq_ignore_ascii_case(field));
            right_field && {
                let value = value.to_lowercase();
                self.alternatives
                    .iter()
                    .any(|part| value.contains(part.trim_end_matches('*')))
            }
        };
        fields.iter().any(wanted) != self.negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, expected: bool) {
        let fields = [("name", "db_Password"), ("state", "rolling"), ("tier", "1")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(Filter::new(filter).matches(&fields), expected, "{filter}");
    }

    #[test]
    fn terms_alternatives_negation_and_fields() {
        for filter in [
            "",
            "db",
            "DB",
            "pay|db",
            "db roll",
            "!stale",
            "tier=1",
            "state=rolling|ok",
            "state!=ok",
            "name=db_*",
            "!",
            "|",
        ] {
            check(filter, true);
        }
        for filter in [
            "pay",
            "!db",
            "db pay",
            "tier=2",
            "name=rolling",
            "state!=rolling",
            "owner=jo",
        ] {
            check(filter, false);
        }
    }
}
