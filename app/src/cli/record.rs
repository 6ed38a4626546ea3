//! What are the fields of `source=a,target=b`? Options with several parts are one CSV record, as in Docker.

/// The fields of one record, with Go's quoting rules: a field may be quoted, `""` is a quote inside quotes.
pub fn fields(text: &str) -> Result<Vec<String>, String> {
    let broken = |column: usize, what: &str| format!("parse error on line 1, column {column}: {what}");
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let column = text.len() - rest.len() + 1;
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let unclosed = || broken(text.len() + 1, "extraneous or missing \" in quoted-field");
            quoted_field(quoted).ok_or_else(unclosed)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            if let Some(quote) = rest[..end].find('"') {
                return Err(broken(column + quote, "bare \" in non-quoted-field"));
            }
            (rest[..end].to_owned(), &rest[end..])
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => {
                return Err(broken(
                    text.len() - after.len() + 1,
                    "extraneous or missing \" in quoted-field",
                ));
            }
        }
    }
}

/// The field up to its closing quote, and what follows it.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let quote = rest.find('"')?;
        field.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Some((field, rest)),
        }
    }
}

/// `key=value` with the key in lower case; a field alone has an empty value.
pub fn pair(field: &str) -> (String, &str) {
    let (key, value) = field.split_once('=').unwrap_or((field, ""));
    (key.trim().to_lowercase(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_as_go_splits_it() {
        let owned = |texts: &[&str]| Ok(texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        assert_eq!(fields("a=1,b"), owned(&["a=1", "b"]));
        assert_eq!(fields("\"a,1\",\"say \"\"x\"\"\""), owned(&["a,1", "say \"x\""]));
        assert!(fields("a\"b").is_err_and(|text| text.contains("column 2")));
        assert_eq!(pair("RO"), ("ro".to_owned(), ""));
    }
}
