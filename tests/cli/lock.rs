//! Does a cluster that locks give nothing away? Locked after a restart, opened by the key or enough of its shares and by
//! nothing else, and the key where it belongs only (I3, I8).

use std::path::Path;

use harness::canary::Canary;
use harness::process::{Demo, Said};
use harness::terminal::Terminal;
use harness::until::until;

use crate::binary;

const LOCKED: &str = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"wardroom swarm \
                      unlock\" to unlock it.";
const WRONG: &str = "swarm could not be unlocked: invalid key provided";

/// A cluster with a secret, and the key that it locks with.
struct Scene {
    demo: Demo,
    key: String,
    /// Every key that ever was, as text and as bytes.
    canaries: Vec<Canary>,
    _scratch: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let scratch = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
        let demo = Demo::at(&binary(), &scratch.path().join("d"), &["--empty"]);
        demo.feed(&["secret", "create", "db", "-"], b"value").ok();
        let said = demo.run(&["swarm", "update", "--autolock=true"]).ok();
        let key = key_in(&said);
        let text = "Swarm updated.\nTo unlock a swarm manager after it restarts, run the `wardroom swarm unlock`\n\
                    command and provide the following key:\n\n    KEY\n\nRemember to store this key in a password \
                    manager, since without it you\nwill not be able to restart the manager.\n";
        assert_eq!(said, text.replace("KEY", &key));
        let mut scene = Self {
            demo,
            key: String::new(),
            canaries: Vec::new(),
            _scratch: scratch,
        };
        scene.take(key);
        scene
    }

    fn take(&mut self, key: String) {
        self.canaries
            .push(Canary::of_base64(key.strip_prefix("SWMKEY-1-").unwrap()));
        self.canaries.push(Canary::new(key.as_bytes()));
        self.key = key;
    }

    /// Down and up again: locked.
    fn restart(&mut self) {
        assert_eq!(self.demo.stop(), 0);
        self.check_clean();
        self.demo.start_locked();
        self.check_clean();
        self.demo
            .run(&["secret", "ls"])
            .refused(5, &[LOCKED, "`wardroom swarm unlock`"]);
    }

    fn unlock(&self, input: &str) -> Said {
        self.demo.feed(&["swarm", "unlock"], input.as_bytes())
    }

    /// Open, with everything that it had.
    fn is_open(&mut self) {
        self.demo.wait_ready();
        let secrets = self.demo.run(&["secret", "ls", "--format", "json"]).json();
        assert_eq!(secrets[0]["name"], "db");
        self.unlock(&self.key).refused(7, &["swarm is not locked"]);
    }

    /// No file, no log, no argument and no variable has a key in it.
    fn check_clean(&self) {
        for canary in &self.canaries {
            assert_eq!(canary.found_below(&self.demo.dir), [""; 0]);
            assert_eq!(canary.found_in(self.demo.output().as_bytes()), None);
            for file in processes(&self.demo) {
                let bytes = std::fs::read(&file).unwrap_or_default();
                assert_eq!(canary.found_in(&bytes), None, "{file}");
            }
        }
    }
}

/// Argv and environment of the demo, while it runs.
fn processes(demo: &Demo) -> Vec<String> {
    if !demo.runs() {
        return Vec::new();
    }
    ["cmdline", "environ"]
        .map(|name| format!("/proc/{}/{name}", demo.pid()))
        .into()
}

fn key_in(text: &str) -> String {
    let line = text.lines().find(|line| line.trim_start().starts_with("SWMKEY-1-"));
    line.unwrap_or_else(|| panic!("no key in: {text}")).trim().to_owned()
}

#[test]
fn a_restart_locks_and_only_the_key_opens() {
    let mut scene = Scene::new();
    assert_eq!(
        scene.demo.run(&["swarm", "unlock-key", "-q"]).ok(),
        format!("{}\n", scene.key)
    );
    scene.unlock(&scene.key).refused(7, &["swarm is not locked"]);
    let status = scene.demo.run(&["status"]).ok();
    assert!(status.contains("Autolock:  on, unlock key epoch 2\n"), "{status}");

    scene.restart();
    scene.unlock("hunter2").refused(2, &["invalid key string"]);
    scene.unlock("").refused(2, &["no unlock key was given"]);
    let other = format!("SWMKEY-1-{}", "A".repeat(43));
    for _ in 0..3 {
        scene.unlock(&other).refused(4, &[WRONG, "of epoch 2"]);
    }
    // Each further one doubles the pause, so that on a busy machine too the next one comes in it.
    until("wrong keys cost time", || {
        let said = scene.unlock(&other);
        (said.code != 4).then(|| said.refused(7, &["too many wrong keys"]))
    });
    // The pause is over by itself.
    until("the right key is looked at", || {
        let said = scene.unlock(&format!(" {}\r\n", scene.key));
        (said.code == 0).then(|| assert_eq!(said.out, ""))
    });
    scene.is_open();
    scene.check_clean();
}

#[test]
fn after_a_rotation_the_old_key_names_the_epoch_that_opens() {
    let mut scene = Scene::new();
    let before = scene.key.clone();
    let said = scene.demo.run(&["swarm", "unlock-key", "--rotate"]);
    for manager in ["manager-1", "manager-2", "manager-3"] {
        let line = format!("{manager}: DEK epoch ");
        assert!(said.err.contains(&line), "{}", said.err);
    }
    assert!(
        said.err.contains("opens with the unlock key of epoch 3"),
        "{}",
        said.err
    );
    let said = said.ok();
    let key = key_in(&said);
    assert!(
        said.starts_with("Successfully rotated manager unlock key.\n\nTo unlock a swarm manager after it restarts"),
        "{said}"
    );
    assert_ne!(key, before);
    scene.take(key);

    scene.restart();
    scene.unlock(&before).refused(4, &[WRONG, "of epoch 3"]);
    let file = scene.demo.dir.with_extension("key");
    std::fs::write(&file, format!("{}\n", scene.key)).unwrap();
    let from_file = ["swarm", "unlock", "--key-file", file.to_str().unwrap()];
    assert_eq!(scene.demo.run(&from_file).ok(), "");
    scene.is_open();
    let audit = scene.demo.run(&["audit", "ls"]).ok();
    assert!(audit.contains("unlock-key.read"), "{audit}");
    for canary in &scene.canaries {
        assert_eq!(canary.found_in(audit.as_bytes()), None);
    }
}

#[test]
fn enough_shares_open_one_after_another() {
    let mut scene = Scene::new();
    let said = scene
        .demo
        .run(&["swarm", "unlock-key", "-q", "--shares", "5", "--threshold", "3"])
        .ok();
    let shares: Vec<&str> = said.lines().collect();
    assert_eq!(shares.len(), 5);
    assert!(shares.iter().all(|share| share.starts_with("SWMSHARE-1-")));
    scene
        .canaries
        .extend(shares.iter().map(|share| Canary::new(share.as_bytes())));

    scene.restart();
    scene
        .unlock(shares[4])
        .refused(5, &["share 1 of 3 accepted", "1 of 3 shares were accepted"]);
    scene.unlock(shares[4]).refused(5, &["that share was given before"]);
    scene.unlock(&shares[1][..40]).refused(2, &["share"]);
    scene.unlock(shares[1]).refused(5, &["share 2 of 3 accepted"]);
    assert_eq!(scene.unlock(shares[2]).ok(), "");
    scene.is_open();

    // Several lines are several shares.
    scene.restart();
    assert_eq!(scene.unlock(&[shares[0], "", shares[3], shares[1]].join("\n")).ok(), "");
    scene.is_open();
    scene.check_clean();
}

#[test]
fn a_person_is_asked_and_nothing_is_shown() {
    let mut scene = Scene::new();
    let said = scene
        .demo
        .run(&["swarm", "unlock-key", "-q", "--shares", "2", "--threshold", "2"])
        .ok();
    let shares: Vec<&str> = said.lines().collect();
    scene.restart();
    let host = scene.demo.host();
    let ask = || {
        let environment = [("WARDROOM_HOST", host.as_str())];
        Terminal::open(&binary(), &["swarm", "unlock"], &environment, 24, 100)
    };
    let mut terminal = ask();
    terminal.shows("the unlock key of epoch 2");
    terminal.shows("Enter unlock key: ");
    terminal.keys(&format!("{}\r", shares[0]));
    terminal.shows("share 1 of 2 accepted; Enter unlock key or share: ");
    // Who has to look for the next share goes on later.
    terminal.keys("\u{4}");
    assert_eq!(terminal.ended(), 5);

    let mut terminal = ask();
    terminal.shows("share 1 of 2 accepted; Enter unlock key or share: ");
    terminal.keys("SWMSHARE-1-typo\r");
    terminal.until("it asks again", |screen| {
        screen.matches("share 1 of 2 accepted; Enter").count() == 2
    });
    terminal.keys(&format!("{}\r", shares[1]));
    assert_eq!(terminal.ended(), 0);
    let bytes = terminal.bytes();
    for share in shares {
        assert_eq!(Canary::new(share.as_bytes()).found_in(&bytes), None);
    }
    scene.is_open();
}

#[test]
fn whoever_leaves_locks() {
    let mut scene = Scene::new();
    let said = scene.demo.run(&["swarm", "lock"]).ok();
    assert!(
        said.starts_with("Swarm locked.\n")
            && said.contains("manager-1, manager-2, manager-3 wait for the unlock key of epoch 2"),
        "{said}"
    );
    scene.demo.run(&["status"]).refused(5, &[LOCKED]);
    assert_eq!(scene.unlock(&scene.key).ok(), "");
    scene.is_open();
}

#[test]
fn without_autolock_nothing_locks_any_more() {
    let mut scene = Scene::new();
    let said = scene.demo.run(&["swarm", "update", "--autolock=false"]);
    assert!(
        said.err.contains("manager-1: DEK epoch 2, opens without a key"),
        "{}",
        said.err
    );
    assert_eq!(said.ok(), "Swarm updated.\n");
    scene
        .demo
        .run(&["swarm", "unlock-key"])
        .refused(7, &["no unlock key is set"]);
    scene
        .demo
        .run(&["swarm", "unlock-key", "--rotate"])
        .refused(7, &["cannot rotate because autolock is not turned on"]);
    scene.demo.run(&["swarm", "lock"]).refused(7, &["autolock is off"]);
    assert_eq!(scene.demo.stop(), 0);
    scene.demo.start(&[]);
    scene.is_open();
}

/// The scan finds what it looks for.
#[test]
fn a_key_in_a_file_would_be_found() {
    let folder = tempfile::tempdir().unwrap();
    let base64 = format!("{}Bwc", "BwcH".repeat(10));
    let key = format!("SWMKEY-1-{base64}");
    std::fs::write(folder.path().join("keyring"), format!("unlock_key={key}\n")).unwrap();
    std::fs::write(folder.path().join("core"), [&[0; 9][..], &[7; 32], &[0; 9]].concat()).unwrap();
    let found = |canary: &Canary, path: &Path| canary.found_below(path).len();
    assert_eq!(
        found(&Canary::of_base64(&base64), folder.path()),
        2,
        "raw, and base64 in text"
    );
    assert_eq!(found(&Canary::new(key.as_bytes()), folder.path()), 1);
}
