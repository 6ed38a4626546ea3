//! What can be filled in? One field: a line, a choice, or bytes that must not be seen.

use crate::tui::model::line_input::LineInput;
use crate::tui::secret_input::SecretInput;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    Name,
    Source,
    Value,
    Path,
    Length,
    Newline,
    Labels,
    MaxAge,
    Service,
    Secret,
    Target,
    Mode,
    OnChange,
    /// What is sent on change.
    Signal,
    /// The version that a grant stays with.
    Pin,
    Owner,
    /// What runs the tasks: `process`, `files` or `container`.
    Runs,
    Image,
    Command,
    Replicas,
    /// How an update replaces tasks.
    Order,
    Parallelism,
    Delay,
    OnFailure,
    Template,
    /// What makes the next value.
    Next,
    NextLength,
    Hook,
    Availability,
    NodeLabels,
    Force,
    To,
    /// Superseded versions that stay.
    Keep,
    OlderThan,
    Ttl,
    MaxUses,
    /// Where a backup goes.
    File,
    /// By what a backup is sealed: `recipients` or `passphrase`.
    SealedBy,
    Recipients,
    Passphrase,
    Again,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Generate,
    Type,
    Paste,
    File,
}

pub const SOURCES: [&str; 4] = ["generate", "type", "paste", "file"];

#[derive(Debug)]
pub enum Input {
    Line(LineInput),
    /// What is sent, and what is shown.
    Choice {
        options: Vec<(String, String)>,
        chosen: usize,
    },
    Secret(SecretInput),
}

#[derive(Debug)]
pub struct Field {
    pub id: Id,
    pub label: &'static str,
    pub hint: &'static str,
    pub input: Input,
}

pub fn line(id: Id, label: &'static str, text: &str, hint: &'static str) -> Field {
    Field {
        id,
        label,
        hint,
        input: Input::Line(LineInput::with(text)),
    }
}

pub fn choice(id: Id, label: &'static str, options: Vec<(String, String)>, hint: &'static str) -> Field {
    Field {
        id,
        label,
        hint,
        input: Input::Choice { options, chosen: 0 },
    }
}

pub fn words(id: Id, label: &'static str, options: &[&str], hint: &'static str) -> Field {
    let options = options
        .iter()
        .map(|word| ((*word).to_owned(), (*word).to_owned()))
        .collect();
    choice(id, label, options, hint)
}

pub fn secret(id: Id, label: &'static str, hint: &'static str) -> Field {
    Field {
        id,
        label,
        hint,
        input: Input::Secret(SecretInput::default()),
    }
}

impl Field {
    /// Chooses the next or the previous option.
    pub fn turn(&mut self, by: isize) -> bool {
        let Input::Choice { options, chosen } = &mut self.input else {
            return false;
        };
        let count = isize::try_from(options.len()).unwrap_or(isize::MAX);
        if count == 0 {
            return true;
        }
        let next = (isize::try_from(*chosen).unwrap_or(0) + by).rem_euclid(count);
        *chosen = usize::try_from(next).unwrap_or(0);
        true
    }
}
