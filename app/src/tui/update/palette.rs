//! Which commands does `:` know? One table with their spellings; completion is fuzzy over commands and the names they
//! take. A command does what a key does: those that change the cluster open a wizard.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use super::{act, go, wizard};
use crate::tui::keymap::Action;
use crate::tui::model::Model;
use crate::tui::model::facts::words;
use crate::tui::model::overlay::{Palette, Suggestion};
use crate::tui::model::place::{Kind, Place};
use crate::tui::msg::Effect;

/// Suggestions that are shown.
const SUGGESTIONS_MAX: usize = 8;
/// Above this many secrets a name is completed only after a whole command.
const NAMES_MAX: usize = 2000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// The rest of the line filters the screen's first list.
    Filter,
    Secret,
    Service,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Go(Kind),
    Act(Action),
    /// Opens this wizard for the named object.
    Open(Action),
    Quit,
}

struct Entry {
    /// The first is the one that is suggested.
    spellings: &'static [&'static str],
    takes: Takes,
    does: Does,
    help: &'static str,
}

const fn entry(spellings: &'static [&'static str], takes: Takes, does: Does, help: &'static str) -> Entry {
    Entry {
        spellings,
        takes,
        does,
        help,
    }
}

#[rustfmt::skip]
const COMMANDS: &[Entry] = &[
    entry(&["cluster", "pulse", "status"], Takes::Nothing, Does::Go(Kind::Cluster), "overview and what needs attention"),
    entry(&["raft", "raft status"], Takes::Nothing, Does::Go(Kind::Raft), "who leads, what is replicated"),
    entry(&["keys"], Takes::Nothing, Does::Go(Kind::Keys), "which key protects which, certificates"),
    entry(&["secrets", "sec", "secret ls"], Takes::Filter, Does::Go(Kind::Secrets), "secrets"),
    entry(&["services", "svc", "service ls"], Takes::Filter, Does::Go(Kind::Services), "services"),
    entry(&["grants", "matrix"], Takes::Filter, Does::Go(Kind::Grants), "services against secrets"),
    entry(&["nodes", "node ls"], Takes::Filter, Does::Go(Kind::Nodes), "who holds what in memory"),
    entry(&["audit", "audit ls"], Takes::Filter, Does::Go(Kind::Audit), "who did what"),
    entry(&["tasks", "rotations"], Takes::Nothing, Does::Go(Kind::Tasks), "tasks and rotations"),
    entry(&["secret inspect", "inspect"], Takes::Secret, Does::Go(Kind::Secret), "versions, holders and grants"),
    entry(&["service inspect"], Takes::Service, Does::Go(Kind::Service), "tasks and grants"),
    entry(&["secret create", "create", "new"], Takes::Nothing, Does::Open(Action::New), "create a secret"),
    entry(&["secret rotate", "rotate"], Takes::Secret, Does::Open(Action::Rotate), "a new version under the same target"),
    entry(&["secret revoke", "revoke"], Takes::Secret, Does::Open(Action::Revoke), "cut off everywhere, with proof"),
    entry(&["secret rm", "remove"], Takes::Secret, Does::Open(Action::Remove), "remove a secret that no service uses"),
    entry(&["grant", "access"], Takes::Secret, Does::Open(Action::Access), "grant the secret to a service"),
    entry(&["service create"], Takes::Nothing, Does::Open(Action::New), "create a service"),
    entry(&["service rm"], Takes::Service, Does::Open(Action::Remove), "remove a service and erase its files"),
    entry(&["audit verify", "verify"], Takes::Nothing, Does::Act(Action::VerifyChain), "check the audit chain"),
    entry(&["messages"], Takes::Nothing, Does::Act(Action::Messages), "what the message line said"),
    entry(&["help"], Takes::Nothing, Does::Act(Action::Help), "keys of this screen"),
    entry(&["ro"], Takes::Nothing, Does::Act(Action::ReadOnly), "switch off what changes the cluster"),
    entry(&["rw"], Takes::Nothing, Does::Act(Action::ReadWrite), "switch it on again"),
    entry(&["q", "quit", "exit"], Takes::Nothing, Does::Quit, "quit"),
];

/// Every command with its help, for the help screen.
pub fn help() -> impl Iterator<Item = (String, &'static str)> {
    COMMANDS.iter().map(|entry| {
        let takes = match entry.takes {
            Takes::Nothing => "",
            Takes::Filter => " [filter]",
            Takes::Secret => " NAME",
            Takes::Service => " SERVICE",
        };
        (format!(":{}{takes}", entry.spellings[0]), entry.help)
    })
}

pub fn open(model: &Model) -> Palette {
    let mut palette = Palette::default();
    suggest(model, &mut palette);
    palette
}

/// The command of a line and the rest of it; the longest spelling wins.
fn parse(line: &str) -> Option<(&'static Entry, &str)> {
    let line = line.trim();
    let spelled = COMMANDS
        .iter()
        .flat_map(|entry| entry.spellings.iter().map(move |spelling| (entry, *spelling)));
    let begins = |(_, spelling): &(&Entry, &str)| {
        line.strip_prefix(spelling)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let (entry, spelling) = spelled.filter(begins).max_by_key(|(_, spelling)| spelling.len())?;
    Some((entry, line[spelling.len()..].trim()))
}

/// Finds what the line may become, best first.
pub fn suggest(model: &Model, palette: &mut Palette) {
    let line = palette.input.text();
    let candidates = match parse(line) {
        Some((entry, rest)) if line.ends_with(' ') || !rest.is_empty() => named(model, entry),
        // Several words that are no command yet: `rot pay` means a command and a name.
        _ if line.contains(' ') && model.cluster.secrets.len() <= NAMES_MAX => COMMANDS
            .iter()
            .flat_map(|entry| named(model, entry))
            .chain(commands())
            .collect(),
        _ => commands().collect(),
    };
    let mut matcher = Matcher::new(Config::DEFAULT);
    let wanted = match parse(line) {
        Some((_, rest)) if !rest.is_empty() => rest,
        Some(_) if line.ends_with(' ') => "",
        _ => line,
    };
    let pattern = Pattern::parse(wanted, CaseMatching::Ignore, Normalization::Smart);
    let found = pattern.match_list(candidates.iter().map(|(line, _)| line.as_str()), &mut matcher);
    let help = |line: &str| {
        candidates
            .iter()
            .find(|(candidate, _)| candidate == line)
            .map_or("", |(_, help)| *help)
    };
    palette.suggestions = found
        .into_iter()
        .take(SUGGESTIONS_MAX)
        .map(|(line, _)| Suggestion {
            line: line.to_owned(),
            help: help(line).to_owned(),
        })
        .collect();
    palette.selected = 0;
}

fn commands() -> impl Iterator<Item = (String, &'static str)> {
    COMMANDS.iter().map(|entry| (entry.spellings[0].to_owned(), entry.help))
}

/// The command once with every name that it takes.
fn named(model: &Model, entry: &'static Entry) -> Vec<(String, &'static str)> {
    let names: Vec<&str> = match entry.takes {
        Takes::Secret => model
            .cluster
            .secrets
            .values()
            .map(|secret| secret.name.as_str())
            .collect(),
        Takes::Service => model.cluster.services.values().map(words::service_name).collect(),
        Takes::Nothing | Takes::Filter => Vec::new(),
    };
    names
        .into_iter()
        .map(|name| (format!("{} {name}", entry.spellings[0]), entry.help))
        .collect()
}

/// Runs a complete line; `None` when it is no command, or its name is missing or unknown.
pub fn run(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    let (entry, rest) = parse(line)?;
    let version = || rest.split_once('@').map_or(Some(0), |(_, number)| number.parse().ok());
    let secret = || {
        let name = rest.split_once('@').map_or(rest, |(name, _)| name);
        model.cluster.secret_named(name).map(|secret| secret.id.clone())
    };
    let service = || model.cluster.service_named(rest).map(|service| service.id.clone());
    let id = match entry.takes {
        Takes::Secret => secret()?,
        Takes::Service => service()?,
        Takes::Nothing if !rest.is_empty() => return None,
        Takes::Nothing | Takes::Filter => String::new(),
    };
    let about_service = entry.takes == Takes::Service || entry.spellings[0] == "service create";
    Some(match entry.does {
        Does::Quit => vec![Effect::Quit],
        Does::Act(action) => act::perform(model, action),
        Does::Go(kind) => {
            show(model, kind, id, rest, entry.takes);
            Vec::new()
        }
        Does::Open(_) if model.read_only() => {
            model.say_read_only();
            Vec::new()
        }
        Does::Open(action) => {
            let version = version()?;
            wizard::open_named(model, action, &id, about_service, version)
        }
    })
}

fn show(model: &mut Model, kind: Kind, id: String, rest: &str, takes: Takes) {
    match kind {
        Kind::Secret => go::to(model, Place::Secret(id)),
        Kind::Service => go::to(model, Place::Service(id)),
        _ if takes == Takes::Filter && !rest.is_empty() => go::filtered(model, Place::of(kind), rest),
        _ => go::to(model, Place::of(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_spelling_wins_and_none_stands_twice() {
        assert_eq!(
            parse("secret rotate db").map(|(entry, rest)| (entry.spellings[0], rest)),
            Some(("secret rotate", "db"))
        );
        assert_eq!(
            parse("sec db|pay").map(|(entry, rest)| (entry.spellings[0], rest)),
            Some(("secrets", "db|pay"))
        );
        assert!(parse("secre").is_none() && parse("").is_none());
        let mut all: Vec<&str> = COMMANDS.iter().flat_map(|entry| entry.spellings).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
