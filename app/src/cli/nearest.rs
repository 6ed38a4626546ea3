//! Which name was probably meant? The nearest one by edit distance, if it is near enough to be a slip.

/// The nearest name, when no more than a third of the letters differ.
pub fn to<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let most = (wanted.chars().count() / 3).max(1);
    names
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= most || (wanted.len() >= 3 && name.to_lowercase().starts_with(&wanted)))
        .min()
        .map(|(_, name)| name)
}

/// Letters to insert, remove, replace, or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (row, letter) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, &other) in b.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other);
            let mut best = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if column > 0 && last == Some(other) && b[column - 1] == letter {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        last = Some(letter);
        before = std::mem::replace(&mut above, current);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["db_password", "api_key", "tls_key"];
        assert_eq!(to("db_pasword", names.into_iter()), Some("db_password"));
        assert_eq!(to("DB_PASSWORD", names.into_iter()), Some("db_password"));
        assert_eq!(to("db_pass", names.into_iter()), Some("db_password"));
        assert_eq!(to("pai_key", names.into_iter()), Some("api_key"));
        assert_eq!(to("nope", names.into_iter()), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "acb"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
