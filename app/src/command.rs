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
    pub changes: Changes,
}

/// Whether a command changes the cluster; with `--plan` none does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    Never,
    Always,
    /// Only with this option.
    With(&'static str),
}

impl Command {
    /// `secret create`, or `status`.
    pub fn path(&self) -> String {
        format!("{} {}", self.noun, self.verb).trim().to_owned()
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = alias;
        self
    }

    const fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    const fn changing(mut self) -> Self {
        self.changes = Changes::Always;
        self
    }

    const fn changing_with(mut self, option: &'static str) -> Self {
        self.changes = Changes::With(option);
        self
    }
}

/// A noun and what it is about.
pub const NOUNS: &[(&str, &str)] = &[
    (
        "swarm",
        "The cluster as a whole: found it, join it, leave it, its lock, its tokens and its root",
    ),
    ("secret", "Named secrets: create, rotate, revoke, and who holds them"),
    ("rotation", "New versions on their way to the tasks that read them"),
    ("service", "What runs, and which secrets it may read"),
    ("stack", "Compose files: services and their secrets, as one"),
    ("node", "The machines of the cluster"),
    (
        "operator",
        "People and programs that may use the cluster from elsewhere",
    ),
    ("context", "Which cluster this command line speaks to"),
    ("backup", "The whole cluster in one encrypted file"),
    ("raft", "Consensus: who leads and what is replicated"),
    ("audit", "Who did what, in a chain that shows tampering"),
];

const fn command(noun: &'static str, verb: &'static str, arguments: &'static str, help: &'static str) -> Command {
    Command {
        noun,
        verb,
        alias: "",
        arguments,
        help,
        key: "",
        changes: Changes::Never,
    }
}

/// Every command, in the order in which help shows them: noun, verb, arguments; help; what else there is to say.
#[rustfmt::skip] // a table reads by its rows
pub const COMMANDS: &[Command] = &[
    command("", "demo", "[--headless] [--dir D] [--managers N] [--workers N] [--empty] [--seed S] [--keep]",
        "Start a cluster with sample secrets and services, gone afterwards"),
    command("", "daemon", "[--state-dir D] [--socket S] [--group G] [--hostname N] [--hooks-dir D]",
        "Run the manager or worker of this machine, until it is told to stop"),
    command("", "status", "",
        "Show the cluster: leader, managers, workers, what needs attention").key("1"),
    command("", "why", "SERVICE|TASK SECRET",
        "Show the chain from a grant to the bytes of a secret, and where it breaks").key("5 enter w"),

    command("", "run", "--secret SPEC [--env VAR=NAME] [-u USER] [-w DIR] -- CMD... | --image IMAGE [ARG...]",
        "Run a program or a container that has secrets for as long as it runs").changing(),

    command("swarm", "init", "[--advertise-addr A] [--listen-addr L] [--autolock] [--force-new-cluster] ...",
        "Found a cluster with this machine as its first manager").changing(),
    command("swarm", "join", "[--token-file F|-] [--advertise-addr A] [--listen-addr L] HOST:PORT...",
        "Let this machine join a cluster, as its token says").changing(),
    command("swarm", "join-token", "[--rotate [--ttl D] [--max-uses N]] [-q] worker|manager",
        "Show the token by which machines join, or make a new one").key("6 t").changing_with("rotate"),
    command("swarm", "leave", "[-f]",
        "Let this machine leave its cluster; its state and its secrets are wiped").changing(),
    command("swarm", "update", "[--autolock=true|false] [--cert-expiry D] [--refuse-env=true|false] [--plan] ...",
        "Change the settings of the cluster").key("3 a").changing(),
    command("swarm", "unlock", "[--key-file F|-|--key-fd N]",
        "Open the managers that wait for their unlock key on this machine").changing(),
    command("swarm", "unlock-key", "[--rotate [--plan] [--yes] [-d]] [-q] [--shares N --threshold K] [--epoch N]",
        "Show the key that managers need after a restart, or make a new one").key("3 r").changing_with("rotate"),
    command("swarm", "lock", "[--yes]",
        "Let the managers on this machine forget their keys until they are unlocked").key("3 L").changing(),
    command("swarm", "dek", "[--rotate [--plan] [--yes] [-d]]",
        "Show under which keys the managers write, or let all go on under new ones").key("3 j r").changing_with("rotate"),
    command("swarm", "ca", "[--rotate [--cert-expiry D] [--plan] [--yes] [-d] [-q]]",
        "Show the root certificate, or replace it while everything runs").key("3 R").changing_with("rotate"),
    command("swarm", "step-down", "[NODE]",
        "Let the leader hand over to another manager").key("2 s").changing(),
    command("swarm", "info", "",
        "Show what this machine is in its cluster"),

    command("secret", "create", "NAME FILE|- [-l k=v] [--generate N] [--trim] [--max-age D [--rotate-generate N|--rotate-hook H]] ...",
        "Create a secret from a file or standard input").key("4 n").changing(),
    command("secret", "ls", "[-q] [--stale]",
        "List secrets").alias("list").key("4"),
    command("secret", "inspect", "SECRET...",
        "Show secrets in full, never their values").key("4 enter"),
    command("secret", "update", "[--label-add k=v] [--label-rm k] [--max-age D] [--keep N] [--keep-for D] [--lease D] ... NAME",
        "Change the labels and the policy of a secret, never its value").changing(),
    command("secret", "rm", "SECRET...",
        "Remove secrets that no service uses").alias("remove").key("4 D").changing(),
    command("secret", "rotate", "NAME FILE|-|--generate N [--plan] [--yes] [--detach]",
        "Give a secret a new version under the same name and target").key("4 r").changing(),
    command("secret", "revoke", "NAME[@N] [--shred] [--plan] [--yes] [--detach]",
        "Cut a secret off everywhere now, and collect proof of erasure").key("4 ctrl-d").changing(),
    command("secret", "versions", "NAME",
        "List the versions of a secret").key("4 enter"),
    command("secret", "holders", "NAME",
        "List who holds a secret in memory, with receipts").key("4 enter"),
    command("secret", "prune", "[--keep N] [--older-than D] [--plan] [--yes] [SECRET...]",
        "Destroy old versions that nobody needs").key("4 P").changing(),

    command("rotation", "ls", "[-q] [--running] [--stale] [SECRET]",
        "List rotations and how far they are").key("8 R").alias("list"),
    command("rotation", "inspect", "SECRET|ID...",
        "Show rotations in full").key("8 enter"),
    command("rotation", "pause", "SECRET|ID...",
        "Hold rotations: nothing more is moved until they are resumed").key("8 p").changing(),
    command("rotation", "resume", "SECRET|ID...",
        "Let rotations go on").key("8 p").changing(),
    command("rotation", "cancel", "[-d] SECRET|ID",
        "Call a rotation off: everything returns to the version before").key("8 ctrl-d").changing(),

    command("service", "create", "[--name N] [--secret SPEC] [--replicas R|--mode global] ... IMAGE [ARG...] | -- CMD...",
        "Create a service and grant it secrets").key("5 n").changing(),
    command("service", "ls", "[-f K=V] [-q] [--stale]",
        "List services").alias("list").key("5"),
    command("service", "ps", "[-f K=V] [--no-trunc] [-q] SERVICE...",
        "List the tasks of services").key("8"),
    command("service", "inspect", "[--pretty] SERVICE...",
        "Show services in full").key("5 enter"),
    command("service", "update", "[--secret-add SPEC] [--secret-rm NAME] [--env-add K=V] [--image I] [--force] [--plan] ... SERVICE",
        "Change what a service runs, its secrets, its size or how it is rolled").key("5 a").changing(),
    command("service", "rollback", "[--plan] [-d] SERVICE",
        "Bring back the spec that a service had before").key("5 enter b").changing(),
    command("service", "scale", "SERVICE=REPLICAS... [-d]",
        "Change how many tasks services have").key("5 s").changing(),
    command("service", "logs", "[-f] [--tail N] [--since T] [-t] SERVICE|TASK",
        "Show what the tasks of a service have written").key("5 L"),
    command("service", "rm", "SERVICE...",
        "Remove services; their files are erased").alias("remove").key("5 D").changing(),

    command("stack", "deploy", "-c FILE|-... [--prune] [--detach=false] [--plan] STACK",
        "Create or update a stack, as compose files describe it").alias("up").changing(),
    command("stack", "config", "-c FILE|-... [--skip-interpolation]",
        "Print compose files as they are merged, without any value of a secret"),
    command("stack", "ls", "[--stale]",
        "List stacks").alias("list"),
    command("stack", "services", "[-q] [--stale] STACK",
        "List the services of a stack"),
    command("stack", "ps", "[-q] [--stale] STACK",
        "List the tasks of a stack"),
    command("stack", "rm", "STACK...",
        "Remove stacks: their services, then their secrets").alias("remove").changing(),

    command("node", "ls", "[-q] [--stale]",
        "List nodes").alias("list").key("6"),
    command("node", "inspect", "self|NODE... [--pretty]",
        "Show nodes in full").key("6 enter"),
    command("node", "ps", "[NODE...]",
        "List the tasks of nodes, of the one that answers without a name").key("8"),
    command("node", "update", "[--availability A] [--label-add k=v] [--label-rm k] [--role R] [--plan] NODE",
        "Change the availability, the labels or the role of a node").key("6 a").changing(),
    command("node", "promote", "NODE... [--plan]",
        "Make managers of workers").key("6 p").changing(),
    command("node", "demote", "NODE... [--plan] [--yes]",
        "Make workers of managers").key("6 d").changing(),
    command("node", "rm", "[-f] NODE... [--plan] [--yes]",
        "Remove nodes that are down; they cannot come back without joining").alias("remove").key("6 D").changing(),

    command("operator", "add", "NAME --role viewer|operator|admin [--out FILE] [--expiry D]",
        "Make a certificate for a person or a program").changing(),
    command("operator", "ls", "[-q] [--stale]",
        "List operators and their certificates").alias("list").key("3 o"),
    command("operator", "rm", "OPERATOR... [--yes]",
        "Remove operators; their certificates are refused at once").alias("remove").key("3 o D").changing(),

    command("context", "create", "NAME --bundle FILE [--host wardroom://HOST:PORT]",
        "Give a cluster a name on this machine"),
    command("context", "use", "NAME|default",
        "Speak to that cluster from now on"),
    command("context", "ls", "[-q]",
        "List the clusters that have a name here").alias("list"),
    command("context", "rm", "[-f] NAME...",
        "Forget clusters, and delete the certificates for them").alias("remove"),

    command("backup", "create", "[--recipient R|--passphrase-file F|-] FILE|-",
        "Save the whole cluster in one encrypted file, while it runs").key("1 b"),
    command("backup", "verify", "[--identity-file F|--passphrase-file F|-] FILE",
        "Open a backup on this machine and say what is in it"),
    command("backup", "restore", "[--identity-file F|--passphrase-file F|-] [--advertise-addr A] FILE",
        "Found the cluster of a backup anew on this machine").changing(),

    command("raft", "status", "",
        "Show every manager's place in the log").key("2"),

    command("audit", "ls", "[--follow] [--stale]",
        "List audit records and check their chain").alias("list").key("7"),
    command("audit", "verify", "",
        "Check the audit chain and say where it ends").key("7 v"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::arguments;

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
        let table: BTreeSet<String> = COMMANDS.iter().map(Command::path).collect();
        assert_eq!(table.len(), COMMANDS.len(), "a path stands twice in the table");
        assert_eq!(table, parsed_paths());
    }

    #[test]
    fn every_long_option_of_the_summary_is_parsed() {
        let parser = arguments::parser();
        let global: Vec<&str> = parser.get_arguments().filter_map(clap::Arg::get_long).collect();
        for command in COMMANDS {
            let mut node = &parser;
            for word in command.path().split(' ') {
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
                    let known = parsed.contains(long) || global.contains(&long);
                    assert!(known, "{}: --{long} is not parsed", command.path());
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
