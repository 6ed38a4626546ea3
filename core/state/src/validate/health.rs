//! Does a health check say how a task is tested? Docker's forms of a test, and bounds that its engine takes.

use super::invalid;
use super::pace::{PERIOD_LIMIT, fits};
use crate::refusal::Refusal;
use crate::service::{Executor, HealthCheck};

const RETRIES_MAX: u32 = 1_000_000;

pub(super) fn check(health: &HealthCheck, executor: Executor) -> Result<(), Refusal> {
    let invalid = |problem: &str| Err(invalid("health check", problem));
    let words: Vec<&str> = health.test.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] if executor == Executor::Container => {}
        [] => return invalid("a process has no image to take its test from; give one, like CMD-SHELL and a line"),
        ["NONE"] | ["CMD", _, ..] | ["CMD-SHELL", _] => {}
        ["NONE", ..] => return invalid("NONE stands alone"),
        ["CMD"] => return invalid("CMD is followed by a program and its arguments"),
        ["CMD-SHELL", ..] => return invalid("CMD-SHELL is followed by one line for the shell"),
        _ => return invalid("its test begins with CMD, CMD-SHELL or NONE"),
    }
    if words.iter().any(|word| word.contains('\0')) || words.get(1).is_some_and(|word| word.is_empty()) {
        return invalid("the words of its test are not empty and have no NUL byte");
    }
    let periods = [health.interval_ms, health.timeout_ms, health.start_period_ms];
    if !periods.into_iter().all(fits) {
        return invalid(&format!("its times are {PERIOD_LIMIT}"));
    }
    if health.retries > RETRIES_MAX {
        return invalid(&format!("it has at most {RETRIES_MAX} retries"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(test: &[&str], executor: Executor) -> Result<(), String> {
        let health = HealthCheck {
            test: test.iter().map(ToString::to_string).collect(),
            interval_ms: 1,
            timeout_ms: 0,
            start_period_ms: 0,
            retries: 3,
        };
        check(&health, executor).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn tests_have_dockers_forms() {
        for test in [
            &["NONE"][..],
            &["CMD", "true"],
            &["CMD", "a", "b"],
            &["CMD-SHELL", "a || b"],
        ] {
            assert_eq!(outcome(test, Executor::Process), Ok(()));
        }
        assert_eq!(outcome(&[], Executor::Container), Ok(()), "the image's own");
        for test in [
            &[][..],
            &["NONE", "x"],
            &["CMD"],
            &["CMD", ""],
            &["CMD", "a\0"],
            &["CMD-SHELL"],
            &["CMD-SHELL", "a", "b"],
            &["true"],
        ] {
            let text = outcome(test, Executor::Process).unwrap_err();
            assert!(text.starts_with("invalid health check: "), "{text}");
        }
    }

    #[test]
    fn times_end_somewhere() {
        let health = |interval_ms, retries| HealthCheck {
            test: vec!["NONE".into()],
            interval_ms,
            timeout_ms: 0,
            start_period_ms: 0,
            retries,
        };
        assert_eq!(check(&health(365 * 86_400_000, 1_000_000), Executor::Process), Ok(()));
        assert!(check(&health(365 * 86_400_000 + 1, 0), Executor::Process).is_err());
        assert!(check(&health(0, 1_000_001), Executor::Process).is_err());
    }
}
