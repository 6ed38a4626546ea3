//! What does `--secret` ask for? Docker's grammar (one CSV record), and `on-change` besides.
//!
//! A bare word is source and target at once. Keys are case-insensitive; a missing target is the source's name. The
//! server judges names and targets; only what would otherwise be guessed at is refused here.

use wardroom_api::v1;

use crate::cli::{nearest, record};
use crate::report::Report;

const GRAMMAR: &str = "--secret NAME, or --secret source=NAME,target=FILE,uid=0,gid=0,mode=0444,on-change=swap";

/// Reads one `--secret` value into a grant that names its secret by name.
pub fn parse(text: &str) -> Result<v1::Grant, Report> {
    let fields = record::fields(text).map_err(refuse)?;
    let mut grant = v1::Grant {
        mode: 0o444,
        on_change: v1::OnChange::Swap as i32,
        ..v1::Grant::default()
    };
    if let [bare] = fields.as_slice()
        && !bare.contains('=')
    {
        if bare.is_empty() {
            return Err(refuse("source is required"));
        }
        grant.secret_name.clone_from(bare);
        grant.target.clone_from(bare);
        return Ok(grant);
    }
    for field in &fields {
        take(&mut grant, field)?;
    }
    if grant.secret_name.is_empty() {
        return Err(refuse("source is required"));
    }
    if grant.target.is_empty() {
        grant.target.clone_from(&grant.secret_name);
    }
    Ok(grant)
}

/// Reads every value; two grants for one target are refused before anything is sent.
pub fn parse_all(texts: &[String]) -> Result<Vec<v1::Grant>, Report> {
    let mut grants: Vec<v1::Grant> = Vec::with_capacity(texts.len());
    for text in texts {
        let grant = parse(text)?;
        check_target(&grants, &grant)?;
        grants.push(grant);
    }
    Ok(grants)
}

/// Refuses a grant whose file would be where that of another one is.
pub fn check_target(grants: &[v1::Grant], grant: &v1::Grant) -> Result<(), Report> {
    let place = place(&grant.target);
    let Some(other) = grants.iter().find(|other| self::place(&other.target) == place) else {
        return Ok(());
    };
    let (one, two, target) = (&other.secret_name, &grant.secret_name, &grant.target);
    let written = if other.target == *target {
        String::new()
    } else {
        format!(" (also written {})", other.target)
    };
    Err(Report::usage(format!(
        "secret references '{one}' and '{two}' have a conflicting target: '{target}'{written}"
    ))
    .hint("give each grant a target of its own: source=NAME,target=FILE"))
}

/// The one spelling of a target: `x`, `./x` and `/run/secrets/x` are one file.
fn place(target: &str) -> String {
    let rooted = target.starts_with('/');
    let parts: Vec<&str> = target
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    match parts.as_slice() {
        ["run", "secrets", rest @ ..] if rooted => rest.join("/"),
        parts if rooted => format!("/{}", parts.join("/")),
        parts => parts.join("/"),
    }
}

fn refuse(message: impl Into<String>) -> Report {
    Report::usage(message).hint(GRAMMAR)
}

fn take(grant: &mut v1::Grant, field: &str) -> Result<(), Report> {
    let (key, value) = match field.split_once('=') {
        Some((key, value)) if !key.is_empty() => (key.to_lowercase(), value),
        _ => {
            return Err(refuse(format!("invalid field '{field}' must be a key=value pair")));
        }
    };
    match key.as_str() {
        "source" | "src" => (grant.secret_name, grant.pinned) = source(value)?,
        "target" => value.clone_into(&mut grant.target),
        "uid" => grant.uid = owner("uid", value)?,
        "gid" => grant.gid = owner("gid", value)?,
        "mode" => grant.mode = mode(value)?,
        "on-change" => on_change(grant, value)?,
        _ => return Err(unknown(&key)),
    }
    Ok(())
}

const KEYS: [&str; 7] = ["source", "src", "target", "uid", "gid", "mode", "on-change"];

fn unknown(key: &str) -> Report {
    let report = Report::usage(format!("invalid field in secret request: {key}"));
    match nearest::to(key, KEYS.into_iter()) {
        Some(near) => report.hint(format!("did you mean {near}? {GRAMMAR}")),
        None => report.hint(GRAMMAR),
    }
}

/// `NAME`, or `NAME@N` for a fixed version.
fn source(value: &str) -> Result<(String, u32), Report> {
    match value.split_once('@') {
        None => Ok((value.to_owned(), 0)),
        Some((name, number)) => match number.parse() {
            Ok(number) if number > 0 => Ok((name.to_owned(), number)),
            _ => Err(refuse(format!(
                "invalid version in source '{value}': a number from 1 is expected after @"
            ))),
        },
    }
}

/// Docker takes any text here and fails when the task starts; a number is needed, so say it now.
fn owner(key: &str, value: &str) -> Result<u32, Report> {
    value.parse().map_err(|_| {
        refuse(format!(
            "invalid {key} '{value}': a number is expected (names are not resolved)"
        ))
    })
}

/// As Go's `ParseUint(value, 0, 32)`: `0400`, `0o400`, `0x100` and `256` are the same mode.
pub fn mode(value: &str) -> Result<u32, Report> {
    let lower = value.to_ascii_lowercase();
    let (digits, radix) = if let Some(rest) = lower.strip_prefix("0x") {
        (rest, 16)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (rest, 8)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (rest, 2)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    // from_str_radix would take a sign.
    let parsed = if digits.starts_with(['+', '-']) {
        None
    } else {
        u32::from_str_radix(digits, radix).ok()
    };
    let Some(mode) = parsed else {
        return Err(refuse(format!(
            "invalid mode specified: strconv.ParseUint: parsing \"{value}\": invalid syntax"
        )));
    };
    if mode > 0o777 {
        return Err(refuse(format!(
            "invalid mode specified: {value} has more than permission bits (at most 0777)"
        )));
    }
    Ok(mode)
}

/// `swap`, `restart` or `signal:NAME`.
pub fn on_change(grant: &mut v1::Grant, value: &str) -> Result<(), Report> {
    let (word, signal) = value.split_once(':').unwrap_or((value, ""));
    let choice = match (word, signal) {
        ("swap", "") => v1::OnChange::Swap,
        ("restart", "") => v1::OnChange::Restart,
        ("signal", _) => v1::OnChange::Signal,
        _ => {
            return Err(refuse(format!(
                "invalid on-change '{value}': swap, restart or signal:NAME is expected"
            )));
        }
    };
    grant.on_change = choice as i32;
    if choice == v1::OnChange::Signal {
        let name = if signal.is_empty() {
            "HUP".to_owned()
        } else {
            signal.to_ascii_uppercase()
        };
        grant.signal = if name.starts_with("SIG") {
            name
        } else {
            format!("SIG{name}")
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn grant(source: &str, target: &str) -> v1::Grant {
        v1::Grant {
            secret_name: source.into(),
            target: target.into(),
            mode: 0o444,
            on_change: v1::OnChange::Swap as i32,
            ..v1::Grant::default()
        }
    }

    #[test]
    fn a_bare_word_is_source_and_target() {
        assert_eq!(parse("foo").unwrap(), grant("foo", "foo"));
    }

    #[test]
    fn all_keys_in_any_case() {
        let parsed = parse("SRC=db,Target=pw,uid=10,gid=20,mode=0400,on-change=signal:usr1").unwrap();
        let expected = v1::Grant {
            uid: 10,
            gid: 20,
            mode: 0o400,
            on_change: v1::OnChange::Signal as i32,
            signal: "SIGUSR1".into(),
            ..grant("db", "pw")
        };
        assert_eq!(parsed, expected);
        assert_eq!(parse("source=db@3").unwrap().pinned, 3);
        assert_eq!(parse("source=db").unwrap().target, "db");
    }

    #[test]
    fn modes_as_go_reads_them() {
        for text in ["0400", "0o400", "256", "0x100", "0b100000000"] {
            assert_eq!(mode(text).unwrap(), 0o400, "{text}");
        }
        assert_eq!(mode("0").unwrap(), 0);
        for text in ["", "rw", "+1", "0o", "4294967296", "01000"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dockers_words() {
        for (text, message) in [
            ("source=a,b", "invalid field 'b' must be a key=value pair"),
            ("source=a,=b", "invalid field '=b' must be a key=value pair"),
            (
                "source=a,mode=x",
                "invalid mode specified: strconv.ParseUint: parsing \"x\": invalid syntax",
            ),
            ("source=a,Color=red", "invalid field in secret request: color"),
            ("target=a", "source is required"),
            ("", "source is required"),
        ] {
            let report = parse(text).unwrap_err();
            assert_eq!(report.message, message);
            assert_eq!(report.exit, crate::report::Exit::Usage);
        }
        assert!(
            parse("source=a,uid=postgres")
                .unwrap_err()
                .message
                .starts_with("invalid uid 'postgres'")
        );
    }

    #[test]
    fn fields_may_be_quoted() {
        assert_eq!(parse("source=a,\"target=x,\"\"y\"\"\"").unwrap(), grant("a", "x,\"y\""));
        assert!(
            parse("source=a,\"target=x")
                .unwrap_err()
                .message
                .contains("quoted-field")
        );
        assert!(parse("source=a,tar\"get=x").unwrap_err().message.contains("bare \""));
    }

    #[test]
    fn one_target_once() {
        let report = parse_all(&["a".into(), "source=b,target=a".into()]).unwrap_err();
        assert_eq!(
            report.message,
            "secret references 'a' and 'b' have a conflicting target: 'a'"
        );
        for same in ["./a", "/run/secrets/a", "/run//secrets/./a"] {
            let report = parse_all(&["a".into(), format!("source=b,target={same}")]).unwrap_err();
            assert!(report.message.contains("conflicting target"), "{same}");
        }
        for other in ["/a", "run/secrets/a", "a.b", "/etc/a"] {
            assert!(
                parse_all(&["a".into(), format!("source=b,target={other}")]).is_ok(),
                "{other}"
            );
        }
    }

    #[test]
    fn a_key_that_was_mistyped_comes_with_the_right_one() {
        let report = parse("source=a,traget=b").unwrap_err();
        assert_eq!(report.message, "invalid field in secret request: traget");
        assert!(report.hint.unwrap().starts_with("did you mean target?"));
    }
}
