//! What is written and what is read from it; what contradicts itself is a usage error.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use clap::FromArgMatches;

use super::*;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    let matches = parser().try_get_matches_from(line.split(' '))?;
    Arguments::from_arg_matches(&matches)
}

#[test]
fn the_tree_is_sound() {
    parser().debug_assert();
}

#[test]
fn a_command_after_two_dashes_keeps_its_own_options() {
    let arguments = parse("wardroom service create --name web --replicas 4 -- sleep --format 1000").unwrap();
    let Some(Noun::Service(Service::Create(create))) = arguments.command else {
        panic!("another command")
    };
    assert_eq!(create.command, ["sleep", "--format", "1000"]);
    assert_eq!(create.shape.replicas, Some(4));
    assert_eq!(arguments.format, Format::Table);
}

#[test]
fn format_and_host_stand_anywhere() {
    let arguments = parse("wardroom secret holders db_password --format json --host unix:///x").unwrap();
    assert_eq!(arguments.format, Format::Json);
    assert_eq!(arguments.selection.host.as_deref(), Some("unix:///x"));
}

#[test]
fn what_contradicts_itself_is_a_usage_error() {
    for line in [
        "wardroom secret rotate db file --generate 3",
        "wardroom secret create db --generate 0",
        "wardroom service create --name web --restart-condition always -- x",
        "wardroom service create --name web --update-monitor 5 -- x",
        "wardroom service create --name web --update-max-failure-ratio 2 -- x",
        "wardroom service create --name web --reload-signal HUP -- x",
        "wardroom service update --reload-unit a --reload-cmd b web",
        "wardroom service logs --tail some web",
        "wardroom service scale",
        "wardroom secret rm",
        "wardroom secret crate db",
        "wardroom --host unix:///x --context prod status",
        "wardroom --context prod --bundle b status",
        "wardroom swarm join --token a --token-file b c",
        "wardroom swarm join --token a",
        "wardroom swarm join-token --ttl 1h worker",
        "wardroom swarm join-token --rotate --ttl 0 worker",
        "wardroom swarm init --cert-expiry 1x",
        "wardroom swarm init --autolock --force-new-cluster",
        "wardroom swarm update --autolock true",
        "wardroom swarm update --autolock=1",
        "wardroom swarm unlock --key-file a --key-fd 3",
        "wardroom swarm unlock-key --shares 3",
        "wardroom swarm unlock-key --shares 3 --threshold 1",
        "wardroom swarm unlock-key --rotate --epoch 2",
        "wardroom swarm dek -d",
        "wardroom backup create --recipient age1x --passphrase-file - b",
        "wardroom audit ls --follow --stale",
        "wardroom operator add ada",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn what_changes_the_cluster_is_known_before_it_is_sent() {
    let change = |line: &str| {
        let matches = parser().try_get_matches_from(line.split(' ')).unwrap();
        super::change(&matches).map(Command::path)
    };
    for (line, expected) in [
        ("wardroom", None),
        ("wardroom status", None),
        ("wardroom secret ls", None),
        ("wardroom why web db", None),
        ("wardroom service rollback web --plan", None),
        ("wardroom service update --read-only web", Some("service update")),
        ("wardroom service scale web=3", Some("service scale")),
        ("wardroom service logs -f web", None),
        ("wardroom secret remove db", Some("secret rm")),
        ("wardroom secret rotate db --generate 3", Some("secret rotate")),
        ("wardroom secret rotate db --plan", None),
        ("wardroom node demote w1 --plan", None),
        ("wardroom node promote w1", Some("node promote")),
        ("wardroom swarm join-token worker", None),
        ("wardroom swarm join-token --rotate worker", Some("swarm join-token")),
        ("wardroom swarm ca --rotate --plan", None),
        ("wardroom swarm ca --rotate", Some("swarm ca")),
        ("wardroom swarm unlock", Some("swarm unlock")),
        ("wardroom swarm lock", Some("swarm lock")),
        ("wardroom swarm unlock-key", None),
        ("wardroom swarm unlock-key --rotate", Some("swarm unlock-key")),
        ("wardroom swarm unlock-key --rotate --plan", None),
        ("wardroom swarm dek", None),
        ("wardroom swarm dek --rotate", Some("swarm dek")),
        ("wardroom swarm update --autolock --plan", None),
        ("wardroom secret revoke --shred db", Some("secret revoke")),
        ("wardroom context use default", None),
        ("wardroom backup create -", None),
    ] {
        assert_eq!(change(line).as_deref(), expected, "{line}");
    }
}

#[test]
fn to_only_look_is_said_before_or_after_the_words() {
    let only_looks = |line: &str| {
        let matches = parser().try_get_matches_from(line.split(' ')).unwrap();
        super::only_looks(&matches)
    };
    for line in [
        "wardroom --read-only secret rm db",
        "wardroom secret --read-only rm db",
        "wardroom secret rm db --read-only",
        "wardroom status --read-only",
        "wardroom --read-only service create --read-only redis",
    ] {
        assert!(only_looks(line), "{line}");
    }
    // Docker's option of that name: the container's root file system.
    for line in [
        "wardroom secret rm db",
        "wardroom service create --read-only redis",
        "wardroom service update --read-only web",
    ] {
        assert!(!only_looks(line), "{line}");
    }
}

#[test]
fn autolock_is_turned_as_dockers_flag_is() {
    let autolock = |line: &str| match parse(line).unwrap().command {
        Some(Noun::Swarm(Swarm::Update(update))) => update.autolock,
        _ => panic!("another command"),
    };
    assert_eq!(autolock("wardroom swarm update --autolock=true"), Some(true));
    assert_eq!(autolock("wardroom swarm update --autolock"), Some(true));
    assert_eq!(autolock("wardroom swarm update --autolock=false"), Some(false));
    assert_eq!(autolock("wardroom swarm update --task-history-limit 3"), None);
}

#[test]
fn a_context_may_be_named_after_an_equals_sign_only() {
    let operator = |line: &str| match parse(line).unwrap().command {
        Some(Noun::Operator(Operator::Add(add))) => (add.save_context, add.name),
        _ => panic!("another command"),
    };
    let ada = || "ada".to_owned();
    assert_eq!(operator("wardroom operator add --role viewer ada"), (None, ada()));
    assert_eq!(
        operator("wardroom operator add --role viewer --save-context ada"),
        (Some(String::new()), ada())
    );
    assert_eq!(
        operator("wardroom operator add --role viewer --save-context=prod ada"),
        (Some("prod".into()), ada())
    );
}

#[test]
fn a_typo_brings_a_suggestion() {
    let text = parse("wardroom secret rotat db -").unwrap_err().to_string();
    assert!(text.contains("rotate"), "{text}");
}
