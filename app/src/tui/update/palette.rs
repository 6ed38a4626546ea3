//! What does `:` do with a line? Completion is fuzzy over commands and the names they take. A command does what a key
//! does: those that change the cluster open a wizard, and in a read-only session they are not there.

mod table;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use super::wizard::About;
use super::{act, go, grants, why, wizard};
use crate::tui::model::Model;
use crate::tui::model::facts::words;
use crate::tui::model::overlay::{Asked, Palette, Suggestion};
use crate::tui::model::place::{Kind, Place};
use crate::tui::msg::Effect;
use table::{COMMANDS, Does, Entry, Takes};

/// Suggestions that are shown.
const SUGGESTIONS_MAX: usize = 8;
/// Above this many secrets a name is completed only after a whole command.
const NAMES_MAX: usize = 2000;

/// The commands that a session may give.
fn allowed(read_only: bool) -> impl Iterator<Item = &'static Entry> + Clone {
    COMMANDS.iter().filter(move |entry| !(read_only && entry.writes()))
}

/// Every command with the keys that do the same and its help, for the help screen.
pub fn help(read_only: bool) -> impl Iterator<Item = (String, &'static str, &'static str)> {
    allowed(read_only).map(|entry| {
        let takes = match entry.takes {
            Takes::Nothing => "",
            Takes::Filter => " [filter]",
            Takes::Secret => " NAME",
            Takes::Service => " SERVICE",
            Takes::Node => " NODE",
            Takes::Operator => " OPERATOR",
            Takes::Pair => " SERVICE SECRET",
        };
        let key = entry
            .commands()
            .find_map(|command| Some(command.key).filter(|key| !key.is_empty()));
        (
            format!(":{}{takes}", entry.spellings[0]),
            key.unwrap_or_default(),
            entry.help,
        )
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
        Some((entry, _)) if model.read_only() && entry.writes() => Vec::new(),
        Some((entry, rest)) if line.ends_with(' ') || !rest.is_empty() => named(model, entry),
        // Several words that are no command yet: `rot pay` means a command and a name.
        _ if line.contains(' ') && model.cluster.secrets.len() <= NAMES_MAX => allowed(model.read_only())
            .flat_map(|entry| named(model, entry))
            .chain(commands(model))
            .collect(),
        _ => commands(model).collect(),
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

fn commands(model: &Model) -> impl Iterator<Item = (String, &'static str)> {
    allowed(model.read_only()).map(|entry| (entry.spellings[0].to_owned(), entry.help))
}

/// The command once with every name that it takes.
fn named(model: &Model, entry: &'static Entry) -> Vec<(String, &'static str)> {
    if entry.takes == Takes::Pair {
        return pairs(model, entry);
    }
    let names: Vec<&str> = match entry.takes {
        Takes::Secret => model
            .cluster
            .secrets
            .values()
            .map(|secret| secret.name.as_str())
            .collect(),
        Takes::Service => model.cluster.services.values().map(words::service_name).collect(),
        Takes::Node => model
            .cluster
            .nodes
            .values()
            .map(|node| node.hostname.as_str())
            .collect(),
        Takes::Operator => model.cluster.operators.values().map(|it| it.name.as_str()).collect(),
        Takes::Nothing | Takes::Filter | Takes::Pair => Vec::new(),
    };
    names
        .into_iter()
        .map(|name| (format!("{} {name}", entry.spellings[0]), entry.help))
        .collect()
}

/// The command once with every grant: other pairs can be typed.
fn pairs(model: &Model, entry: &'static Entry) -> Vec<(String, &'static str)> {
    let services = model.cluster.services.values();
    let granted = services.flat_map(|service| {
        let grants = service.spec.iter().flat_map(|spec| &spec.grants);
        grants.map(move |grant| (words::service_name(service), grant.secret_name.as_str()))
    });
    granted
        .take(NAMES_MAX)
        .map(|(service, secret)| (format!("{} {service} {secret}", entry.spellings[0]), entry.help))
        .collect()
}

/// The service and the secret of those names, by id.
fn pair(model: &Model, rest: &str) -> Option<(String, String)> {
    let (service, secret) = rest.split_once(' ')?;
    let service = model.cluster.service_named(service)?;
    let secret = model.cluster.secret_named(secret.trim())?;
    Some((service.id.clone(), secret.id.clone()))
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
    if entry.takes == Takes::Pair {
        let (service, secret) = pair(model, rest)?;
        why::of_pair(model, service, secret);
        return Some(Vec::new());
    }
    let (id, about) = match entry.takes {
        Takes::Secret => (secret()?, About::Secret),
        Takes::Service => (service()?, About::Service),
        Takes::Node => (node_named(model, rest)?, About::Node),
        Takes::Operator => (operator_named(model, rest)?, About::Operator),
        Takes::Nothing if !rest.is_empty() => return None,
        Takes::Nothing | Takes::Filter | Takes::Pair => (String::new(), entry.about()),
    };
    Some(match entry.does {
        Does::Quit if grants::ask(model, Asked::Quit) => Vec::new(),
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
            wizard::open_named(model, action, about, &id, version)
        }
    })
}

/// The id of the node with that hostname or id.
fn node_named(model: &Model, name: &str) -> Option<String> {
    let nodes = &model.cluster.nodes;
    let named = nodes
        .values()
        .find(|node| node.hostname == name)
        .map(|node| node.id.clone());
    named.or_else(|| nodes.contains_key(name).then(|| name.to_owned()))
}

fn operator_named(model: &Model, name: &str) -> Option<String> {
    let found = model.cluster.operators.values().find(|operator| operator.name == name);
    found.map(|operator| operator.id.clone())
}

fn show(model: &mut Model, kind: Kind, id: String, rest: &str, takes: Takes) {
    match kind {
        Kind::Secret => go::to(model, Place::Secret(id)),
        Kind::Service => go::to(model, Place::Service(id)),
        Kind::Spec => go::to(model, Place::Spec(id)),
        Kind::Rotation => act::progress(model, &id),
        Kind::Logs => {
            let logs = Place::Logs {
                service: id,
                task: None,
            };
            go::to(model, logs);
        }
        Kind::Node => go::to(model, Place::Node(id)),
        _ if takes == Takes::Filter && !rest.is_empty() => go::filtered(model, Place::of(kind), rest),
        _ => go::to(model, Place::of(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Changes;

    /// What only the command line does: it is about the machine that it runs on, or has no form yet.
    const COMMAND_LINE_ONLY: [&str; 11] = [
        "run",
        "swarm init",
        "swarm join",
        "swarm leave",
        "swarm unlock",
        "secret update",
        "service update",
        "stack deploy",
        "stack rm",
        "operator add",
        "backup restore",
    ];

    #[test]
    fn it_spells_commands_as_the_command_line_does() {
        let nouns = crate::command::NOUNS;
        for spelling in COMMANDS.iter().flat_map(|entry| entry.spellings) {
            let noun = spelling.split_once(' ').map_or("", |(noun, _)| noun);
            if nouns.iter().any(|(known, _)| *known == noun) {
                let found = crate::command::COMMANDS
                    .iter()
                    .any(|command| command.path() == *spelling);
                assert!(found, "`{spelling}` is no command");
            }
        }
    }

    #[test]
    fn what_changes_the_cluster_there_opens_a_plan_here() {
        for command in crate::command::COMMANDS {
            let path = command.path();
            let entry = COMMANDS.iter().find(|entry| entry.spellings.contains(&path.as_str()));
            if command.changes == Changes::Always {
                let known = entry.is_some_and(Entry::writes) || COMMAND_LINE_ONLY.contains(&path.as_str());
                assert!(
                    known,
                    "`{path}` is neither in the palette nor for the command line alone"
                );
            }
            assert!(
                entry.is_none() || !COMMAND_LINE_ONLY.contains(&path.as_str()),
                "`{path}` is in the palette by now"
            );
        }
    }

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
