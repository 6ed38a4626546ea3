//! Who may come from elsewhere? Operators with certificates of their own, over TLS to the managers' addresses, found
//! through contexts; and nobody else.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::process::{Demo, Said};
use harness::until::until;

use crate::binary;

/// A person's configuration, on a machine without a daemon.
struct Person {
    config: tempfile::TempDir,
}

impl Person {
    fn new() -> Self {
        Self {
            config: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env_remove("WARDROOM_HOST")
            .env_remove("WARDROOM_CONTEXT")
            .env_remove("WARDROOM_BUNDLE")
            .env("XDG_CONFIG_HOME", self.config.path())
            .env("XDG_STATE_HOME", self.config.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    fn folder(&self) -> PathBuf {
        self.config.path().join("wardroom")
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// `wardroom://` with the addresses of the demo's managers.
fn managers(demo: &Demo) -> String {
    let nodes = demo.run(&["node", "ls", "--format", "json"]).json();
    let addresses: Vec<&str> = nodes
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["role"] == "manager")
        .map(|node| node["address"].as_str().unwrap())
        .collect();
    format!("wardroom://{}", addresses.join(","))
}

fn add(demo: &Demo, folder: &Path, name: &str, role: &str) -> String {
    let out = folder.join(format!("{name}.bundle"));
    let out = out.to_str().unwrap().to_owned();
    demo.run(&["operator", "add", name, "--role", role, "--out", &out]).ok();
    out
}

#[test]
fn operators_come_in_by_certificate_with_the_role_they_have() {
    let demo = Demo::empty(&binary());
    let folder = tempfile::tempdir().unwrap();
    let vera = add(&demo, folder.path(), "vera", "viewer");
    assert_eq!(mode(Path::new(&vera)), 0o600);
    demo.run(&["operator", "add", "vera", "--role", "admin", "--out", &vera])
        .refused(7, &["exists already", "--out"]);
    let other = folder.path().join("other");
    demo.run(&[
        "operator",
        "add",
        "VERA",
        "--role",
        "admin",
        "--out",
        other.to_str().unwrap(),
    ])
    .refused(7, &["already exists"]);
    assert!(!other.exists(), "a refusal leaves no file");

    let person = Person::new();
    person.run(&["context", "create", "look", "--bundle", &vera]).ok();
    person.run(&["context", "use", "look"]).ok();
    let status = person.run(&["status", "--format", "json"]).json();
    assert!(status["host"].as_str().unwrap().starts_with("wardroom://127.0.0.1:"));
    assert!(person.run(&["status"]).ok().contains("(context look)"));
    person
        .run(&["secret", "rm", "nothing"])
        .refused(3, &["secret nothing not found"]);
    person
        .run(&["secret", "create", "x", &vera])
        .refused(4, &["Permission denied", "vera"]);
    person
        .run(&["swarm", "join-token", "worker"])
        .refused(4, &["Permission denied"]);
    person
        .run(&["backup", "create", "-"])
        .refused(2, &["nobody can be asked"]);
    person
        .run(&["swarm", "leave", "--force"])
        .refused(2, &["only the daemon of a machine", "wardroom://"]);

    // An administrator, by host and bundle.
    let ada = add(&demo, folder.path(), "ada", "admin");
    let host = managers(&demo);
    let by_ada = |arguments: &[&str]| person.run(&[arguments, &["--host", &host, "--bundle", &ada]].concat());
    by_ada(&["secret", "create", "made_by_ada", &vera]).ok();
    let versions = demo.run(&["secret", "versions", "made_by_ada"]).ok();
    assert!(versions.contains("ada"), "{versions}");

    by_ada(&["operator", "rm", "vera"]).ok();
    person
        .run(&["secret", "ls"])
        .refused(4, &["Permission denied", "vera", "removed"]);
    let audit = demo.run(&["audit", "ls", "--format", "json"]).json().to_string();
    for word in ["operator.add", "operator.rm", "access.refuse", "denied"] {
        assert!(audit.contains(word), "{word} is not on record");
    }
}

#[test]
fn a_connection_needs_a_bundle_and_the_right_cluster() {
    let (ours, theirs) = (Demo::empty(&binary()), Demo::empty(&binary()));
    let folder = tempfile::tempdir().unwrap();
    let person = Person::new();
    let vera = add(&ours, folder.path(), "vera", "viewer");
    let (host, elsewhere) = (managers(&ours), managers(&theirs));
    let ask = |host: &str, bundle: &str| person.run(&["secret", "ls", "--host", host, "--bundle", bundle]);
    ask(&host, &vera).ok();
    person
        .run(&["secret", "ls", "--host", &host])
        .refused(2, &["without a certificate", "--bundle"]);
    // The other cluster's managers prove themselves to their own people only.
    ask(&elsewhere, &vera).refused(1, &["in the middle", "do not go on"]);
    let one_of_ours = format!("wardroom://127.0.0.1:9,{}", host.strip_prefix("wardroom://").unwrap());
    ask(&one_of_ours, &vera).ok();

    std::fs::set_permissions(&vera, std::fs::Permissions::from_mode(0o644)).unwrap();
    ask(&host, &vera).refused(1, &["others can read", "chmod 600"]);
    let rubbish = folder.path().join("rubbish");
    std::fs::write(&rubbish, "rubbish").unwrap();
    std::fs::set_permissions(&rubbish, std::fs::Permissions::from_mode(0o600)).unwrap();
    ask(&host, rubbish.to_str().unwrap()).refused(1, &["not an operator's bundle"]);
    ask(&host, "/nonexistent/bundle").refused(1, &["/nonexistent/bundle"]);
}

#[test]
fn a_console_attaches_through_a_context() {
    let demo = Demo::empty(&binary());
    let folder = tempfile::tempdir().unwrap();
    let person = Person::new();
    let vera = add(&demo, folder.path(), "vera", "viewer");
    person.run(&["context", "create", "far-away", "--bundle", &vera]).ok();
    let config = person.config.path().to_str().unwrap();
    let environment = [
        ("XDG_CONFIG_HOME", config),
        ("XDG_STATE_HOME", config),
        ("WARDROOM_HOST", ""),
    ];
    let mut console = harness::terminal::Terminal::open(&binary(), &["--context", "far-away"], &environment, 30, 100);
    console.shows("quorum 3/3");
    console.keys(":q\r");
    assert_eq!(console.ended(), 0);
}

#[test]
fn contexts_are_made_used_and_forgotten() {
    let person = Person::new();
    let made = person.run(&["context", "create", "lab", "--host", "unix:///nonexistent/w.sock"]);
    assert_eq!((made.out.as_str(), made.code), ("lab\n", 0), "{}", made.err);
    assert!(made.err.contains("Successfully created context \"lab\""));
    assert_eq!(
        (mode(&person.folder()), mode(&person.folder().join("contexts.json"))),
        (0o700, 0o600)
    );
    person
        .run(&["context", "create", "lab", "--host", "unix:///x"])
        .refused(7, &["already exists"]);
    person.run(&["context", "create", "bare"]).refused(2, &["--host"]);
    person
        .run(&["context", "create", "far", "--host", "wardroom://a"])
        .refused(2, &["--bundle"]);
    person
        .run(&["context", "use", "labb"])
        .refused(3, &["does not exist", "lab"]);
    person.run(&["context", "use", "lab"]).ok();
    assert_eq!(person.run(&["context", "ls", "-q"]).ok(), "default\nlab\n");
    assert!(person.run(&["context", "ls"]).ok().contains("lab *"));
    person
        .run(&["secret", "ls"])
        .refused(1, &["unix:///nonexistent/w.sock"]);
    let overridden = person
        .command(&["context", "use", "lab"])
        .env("WARDROOM_HOST", "unix:///y")
        .output()
        .unwrap();
    assert!(
        Said::from(overridden)
            .err
            .contains("WARDROOM_HOST environment variable overrides")
    );

    person
        .run(&["context", "rm", "lab", "nope"])
        .refused(1, &["is in use", "does not exist"]);
    person.run(&["context", "rm", "-f", "lab"]).ok();
    assert_eq!(person.run(&["context", "ls", "-q"]).ok(), "default\n");
    person
        .run(&["--context", "lab", "secret", "ls"])
        .refused(3, &["context \"lab\" does not exist"]);

    // What others could have written is not believed.
    person.run(&["context", "create", "lab", "--host", "unix:///x"]).ok();
    let file = person.folder().join("contexts.json");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    person
        .run(&["secret", "ls"])
        .refused(1, &["written by others", "chmod"]);
    until("the file is ours again", || {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).ok()
    });
    assert!(person.run(&["context", "ls", "-q"]).ok().contains("lab"));
}
