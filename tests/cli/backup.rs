//! Does a backup come out, hold what it should, and nothing in clear? Taken from a running cluster and opened here.

use harness::canary::Canary;
use harness::process::Demo;
use harness::terminal::Terminal;

use crate::binary;

const VALUE: &[u8] = b"canary-of-backups-4d1f";
const PASSPHRASE: &[u8] = b"correct horse battery staple\n";
/// A key pair of the age project's own tests.
const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

#[test]
fn a_backup_is_whole_encrypted_and_never_written_over() {
    let demo = Demo::empty(&binary());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    demo.feed(&["secret", "create", "db", "-"], VALUE).ok();
    let file = path("b.age");
    let create = ["backup", "create", "--passphrase-file", "-", &file];
    let said = demo.feed(&create, PASSPHRASE).ok();
    assert!(said.contains("b.age: backup as of index"), "{said}");
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    assert_eq!(Canary::new(VALUE).found_in(&bytes), None);
    demo.feed(&create, PASSPHRASE).refused(7, &["exists already"]);
    assert_eq!(std::fs::read(&file).unwrap(), bytes);

    let verify =
        |file: &str, passphrase: &[u8]| demo.feed(&["backup", "verify", "--passphrase-file", "-", file], passphrase);
    let said = verify(&file, PASSPHRASE).ok();
    assert!(said.contains("1 secret, 0 services, 5 nodes"), "{said}");
    verify(&file, b"another horse battery\n").refused(1, &["b.age"]);
    let mut damaged = bytes.clone();
    let last = damaged.len() - 20;
    damaged[last] ^= 1;
    std::fs::write(path("damaged.age"), damaged).unwrap();
    verify(&path("damaged.age"), PASSPHRASE).refused(1, &["damaged"]);
    std::fs::write(path("cut.age"), &bytes[..bytes.len() / 2]).unwrap();
    verify(&path("cut.age"), PASSPHRASE).refused(1, &["damaged or cut off"]);
    std::fs::write(path("letter.txt"), "dear").unwrap();
    verify(&path("letter.txt"), PASSPHRASE).refused(1, &["no backup"]);

    let short = path("short.age");
    demo.feed(&["backup", "create", "--passphrase-file", "-", &short], b"short\n")
        .refused(2, &["at least 12 characters"]);
    demo.feed(&["backup", "create", "--passphrase-file", "-", &short], b"\n")
        .refused(2, &["empty"]);
    demo.run(&["backup", "create", &short]).refused(2, &["--recipient"]);
    demo.run(&["backup", "create", "--recipient", "age1rubbish", &short])
        .refused(2, &["no age recipient"]);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().starts_with("short")),
        "{left:?}"
    );
}

#[test]
fn a_backup_for_a_recipient_opens_with_its_identity_only() {
    let demo = Demo::empty(&binary());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    demo.feed(&["secret", "create", "db", "-"], VALUE).ok();
    let (file, identity) = (path("b.age"), path("key.txt"));
    demo.run(&["backup", "create", "--recipient", RECIPIENT, &file]).ok();
    std::fs::write(
        &identity,
        format!("# created: some day\n# public key: {RECIPIENT}\n{IDENTITY}\n"),
    )
    .unwrap();
    let facts = demo
        .run(&[
            "backup",
            "verify",
            "--identity-file",
            &identity,
            &file,
            "--format",
            "json",
        ])
        .json();
    assert_eq!((&facts["secrets"], &facts["nodes"]), (&1.into(), &5.into()));
    demo.run(&["backup", "verify", &file]).refused(2, &["--identity-file"]);
    demo.feed(&["backup", "verify", "--passphrase-file", "-", &file], PASSPHRASE)
        .refused(2, &["--identity-file"]);
    std::fs::write(&identity, "rubbish\n").unwrap();
    demo.run(&["backup", "verify", "--identity-file", &identity, &file])
        .refused(1, &["no age identity"]);
}

#[test]
fn a_passphrase_is_typed_twice_and_never_seen() {
    let demo = Demo::empty(&binary());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.age").to_str().unwrap().to_owned();
    let host = demo.host();
    let open = || {
        Terminal::open(
            &binary(),
            &["backup", "create", &file],
            &[("WARDROOM_HOST", &host)],
            24,
            100,
        )
    };
    let secret = "a long passphrase";

    let mut terminal = open();
    terminal.shows("Passphrase for the backup:");
    terminal.keys(&format!("{secret}\r"));
    terminal.shows("Once more:");
    terminal.keys("another one altogether\r");
    // What was said last is read off the screen before its end is asked for: the terminal lags behind the program.
    terminal.shows("differs");
    assert_eq!(terminal.ended(), 2);

    let mut terminal = open();
    terminal.shows("Passphrase for the backup:");
    terminal.keys("half\u{3}");
    terminal.shows("cancelled");
    assert_eq!(terminal.ended(), 1);

    let mut terminal = open();
    terminal.shows("Passphrase for the backup:");
    terminal.keys(&format!("{secret}\r"));
    terminal.shows("Once more:");
    terminal.keys(&format!("{secret}\r"));
    assert_eq!(terminal.ended(), 0, "{}", terminal.contents());
    let seen = terminal.bytes();
    assert!(
        !String::from_utf8_lossy(&seen).contains("passphrase\r"),
        "nothing is echoed"
    );
    assert_eq!(Canary::new(secret.as_bytes()).found_in(&seen), None);
    demo.feed(
        &["backup", "verify", "--passphrase-file", "-", &file],
        secret.as_bytes(),
    )
    .ok();
}

#[test]
fn taking_a_manager_away_is_asked_about_on_a_terminal() {
    let demo = Demo::empty(&binary());
    let host = demo.host();
    let managers = || demo.run(&["node", "ls"]).ok().matches("Reachable").count();
    let before = managers();
    let arguments = ["node", "demote", "manager-3"];
    let mut terminal = Terminal::open(&binary(), &arguments, &[("WARDROOM_HOST", &host)], 30, 120);
    let page = terminal.shows("Type manager-3 to demote it:");
    assert!(
        page.contains("Cluster: unix://") && page.contains("tolerates 0 lost"),
        "{page}"
    );
    terminal.keys("manager-2\r");
    assert_eq!(terminal.ended(), 1);
    assert!(terminal.contents().contains("cancelled, nothing was changed"));
    assert_eq!(managers(), before);
}
