//! What is wrong with the files? Everything, collected, sorted by its place and told at once; a message never repeats
//! what may be a value.

use std::collections::BTreeSet;

use super::tree::Place;
use crate::report::{Exit, Report};
use crate::text::clean;

/// More than these are only counted.
const SHOWN: usize = 20;

/// What is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub place: Place,
    pub text: String,
}

/// What a pass over the files has found.
#[derive(Debug, Default)]
pub struct Problems {
    // What stands behind an anchor is read wherever it is used, and is wrong once.
    refusals: BTreeSet<Problem>,
    remarks: BTreeSet<Problem>,
}

impl Problems {
    /// Nothing is deployed with this.
    pub fn refuse(&mut self, place: &Place, text: impl Into<String>) {
        self.refusals.insert(Problem {
            place: place.clone(),
            text: text.into(),
        });
    }

    /// Worth saying, and no reason to stop.
    pub fn remark(&mut self, place: &Place, text: impl Into<String>) {
        self.remarks.insert(Problem {
            place: place.clone(),
            text: text.into(),
        });
    }

    pub fn is_empty(&self) -> bool {
        self.refusals.is_empty()
    }

    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.remarks.iter().map(line)
    }

    /// All of it as one refusal, if there is any.
    pub fn check(&self) -> Result<(), Report> {
        if self.is_empty() {
            return Ok(());
        }
        let mut lines: Vec<String> = self.refusals.iter().take(SHOWN).map(line).collect();
        if let Some(more) = self.refusals.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            lines.push(format!("and {more} more"));
        }
        let head = match self.refusals.len() {
            1 => "the compose file cannot be deployed".to_owned(),
            count => format!("the compose file cannot be deployed, for {count} reasons"),
        };
        Err(Report::new(Exit::Usage, format!("{head}:\n{}", lines.join("\n")))
            .hint("nothing was changed; correct the lines above, then run it again"))
    }

    #[cfg(test)]
    pub fn lines(&self) -> Vec<String> {
        self.refusals.iter().map(line).collect()
    }
}

fn line(problem: &Problem) -> String {
    clean(&format!("{}: {}", problem.place, problem.text)).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn place(line: usize, column: usize) -> Place {
        Place {
            file: "compose.yml".into(),
            line,
            column,
        }
    }

    #[test]
    fn all_are_told_in_order_and_once() {
        let mut problems = Problems::default();
        assert!(problems.check().is_ok());
        problems.refuse(&place(10, 1), "b");
        problems.refuse(&place(9, 3), "a\u{1b}");
        problems.refuse(&place(10, 1), "b");
        problems.remark(&place(1, 1), "only a remark");
        let report = problems.check().unwrap_err();
        assert_eq!(report.exit, Exit::Usage);
        assert_eq!(
            report.message,
            "the compose file cannot be deployed, for 2 reasons:\ncompose.yml:9:3: a\u{fffd}\ncompose.yml:10:1: b"
        );
        assert_eq!(
            problems.remarks().collect::<Vec<_>>(),
            ["compose.yml:1:1: only a remark"]
        );
    }

    #[test]
    fn a_thousand_are_twenty_and_a_number() {
        let mut problems = Problems::default();
        for line in 1..=1000 {
            problems.refuse(&place(line, 1), "no");
        }
        let message = problems.check().unwrap_err().message;
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines.len(), 22);
        assert_eq!(lines[1], "compose.yml:1:1: no");
        assert_eq!(lines[20], "compose.yml:20:1: no");
        assert_eq!(lines[21], "and 980 more");
    }
}
