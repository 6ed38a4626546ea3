//! What can an operator do? Every command as one table. The command line takes its help texts and aliases from it, the
//! console its palette and its help screen; a test holds the table equal to the parser.

/// One command: a noun and a verb, as Docker has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Empty for the commands that stand alone (`demo`, `status`).
    pub noun: &'static str,
    pub verb: &'static str,
    /// The other spelling, empty when there is none.
    pub alias: &'static str,
    /// Arguments in short, as a usage line shows them.
    pub arguments: &'static str,
    /// One sentence, without a full stop.
    pub help: &'static str,
    /// Key or keys that lead there in the console, empty when only the command line has it.
    pub key: &'static str,
}

/// A noun and what it is about.
pub const NOUNS: &[(&str, &str)] = &[
    ("secret", "Named secrets: create, rotate, revoke, and who holds them"),
    ("service", "What runs, and which secrets it may read"),
    ("node", "The machines of the cluster"),
    ("raft", "Consensus: who leads and what is replicated"),
    ("audit", "Who did what, in a chain that shows tampering"),
];

const fn command(
    path: (&'static str, &'static str),
    alias: &'static str,
    arguments: &'static str,
    help: &'static str,
    key: &'static str,
) -> Command {
    Command {
        noun: path.0,
        verb: path.1,
        alias,
        arguments,
        help,
        key,
    }
}

/// Every command, in the order in which help shows them.
pub const COMMANDS: &[Command] = &[
    command(
        ("", "demo"),
        "",
        "[--headless] [--dir D] [--managers N] [--workers N] [--empty] [--seed S] [--keep]",
        "Start a cluster with sample secrets and services, gone afterwards",
        "",
    ),
    command(
        ("", "status"),
        "",
        "",
        "Show the cluster: leader, managers, workers, what needs attention",
        "1",
    ),
    command(
        ("secret", "create"),
        "",
        "NAME FILE|- [-l k=v] [--generate N] [--trim]",
        "Create a secret from a file or standard input",
        "4 n",
    ),
    command(("secret", "ls"), "list", "[-q]", "List secrets", "4"),
    command(
        ("secret", "inspect"),
        "",
        "SECRET...",
        "Show secrets in full, never their values",
        "4 enter",
    ),
    command(
        ("secret", "rm"),
        "remove",
        "SECRET...",
        "Remove secrets that no service uses",
        "4 D",
    ),
    command(
        ("secret", "rotate"),
        "",
        "NAME FILE|-|--generate N [--plan] [--yes] [--detach]",
        "Give a secret a new version under the same name and target",
        "4 r",
    ),
    command(
        ("secret", "revoke"),
        "",
        "NAME[@N] [--plan] [--yes] [--detach]",
        "Cut a secret off everywhere now, and collect proof of erasure",
        "4 ctrl-d",
    ),
    command(
        ("secret", "versions"),
        "",
        "NAME",
        "List the versions of a secret",
        "4 enter",
    ),
    command(
        ("secret", "holders"),
        "",
        "NAME",
        "List who holds a secret in memory, with receipts",
        "4 enter",
    ),
    command(
        ("service", "create"),
        "",
        "--name N [--replicas R|--mode global] [--secret SPEC] -- CMD...",
        "Create a service and grant it secrets",
        "5 n",
    ),
    command(("service", "ls"), "list", "[-q]", "List services", "5"),
    command(("service", "ps"), "", "SERVICE...", "List the tasks of services", "8"),
    command(
        ("service", "inspect"),
        "",
        "SERVICE...",
        "Show services in full",
        "5 enter",
    ),
    command(
        ("service", "update"),
        "",
        "[--secret-add SPEC] [--secret-rm NAME] [--replicas R] SERVICE",
        "Change the secrets or the size of a service",
        "5 a",
    ),
    command(
        ("service", "rm"),
        "remove",
        "SERVICE...",
        "Remove services; their files are erased",
        "5 D",
    ),
    command(("node", "ls"), "list", "[-q]", "List nodes", "6"),
    command(("node", "inspect"), "", "NODE...", "Show nodes in full", "6 enter"),
    command(("raft", "status"), "", "", "Show every manager's place in the log", "2"),
    command(
        ("audit", "ls"),
        "list",
        "[--follow]",
        "List audit records and check their chain",
        "7",
    ),
    command(
        ("audit", "verify"),
        "",
        "",
        "Check the audit chain and say where it ends",
        "7 v",
    ),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::arguments;

    /// `secret create`, or `status`.
    fn path(command: &Command) -> String {
        format!("{} {}", command.noun, command.verb).trim().to_owned()
    }

    /// The leaves of the parser, as paths.
    fn parsed_paths() -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for noun in arguments::parser()
            .get_subcommands()
            .filter(|noun| noun.get_name() != "help")
        {
            let verbs = noun.get_subcommands().filter(|verb| verb.get_name() != "help");
            let leaves: Vec<String> = verbs
                .map(|verb| format!("{} {}", noun.get_name(), verb.get_name()))
                .collect();
            if leaves.is_empty() {
                paths.insert(noun.get_name().to_owned());
            }
            paths.extend(leaves);
        }
        paths
    }

    #[test]
    fn the_table_is_the_parser() {
        let table: BTreeSet<String> = COMMANDS.iter().map(path).collect();
        assert_eq!(table.len(), COMMANDS.len(), "a path stands twice in the table");
        assert_eq!(table, parsed_paths());
    }

    #[test]
    fn every_long_option_of_the_summary_is_parsed_and_the_other_way_round() {
        let parser = arguments::parser();
        for command in COMMANDS {
            let mut node = &parser;
            for word in path(command).split(' ') {
                node = node.find_subcommand(word).unwrap();
            }
            let parsed: BTreeSet<String> = node
                .get_arguments()
                .filter(|argument| !argument.is_global_set() && !argument.is_hide_set())
                .filter_map(|argument| argument.get_long().map(str::to_owned))
                .filter(|long| long != "help" && long != "version")
                .collect();
            for word in command
                .arguments
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            {
                if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
                    assert!(parsed.contains(long), "{}: --{long} is not parsed", path(command));
                }
            }
        }
    }

    #[test]
    fn help_texts_and_aliases_come_from_the_table() {
        let parser = arguments::parser();
        for command in COMMANDS.iter().filter(|command| !command.noun.is_empty()) {
            let verb = parser
                .find_subcommand(command.noun)
                .unwrap()
                .find_subcommand(command.verb)
                .unwrap();
            assert_eq!(verb.get_about().unwrap().to_string(), command.help);
            let aliases: Vec<&str> = verb.get_visible_aliases().collect();
            assert_eq!(aliases.first().copied().unwrap_or(""), command.alias);
        }
    }
}
