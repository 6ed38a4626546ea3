//! Does a compose file become services and secrets, and a changed file the next version of them? The real binary against
//! a real cluster: deployed, changed, deployed again, pruned, removed; nothing is left, and no value is ever printed.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use harness::process::{Demo, Said};
use harness::until::until;
use serde_json::Value;

use crate::binary;

const FIRST: &str = "first-canary-2c1f6b70aa";
const SECOND: &str = "second-canary-91d0e35ccb";
const SESSION: &str = "session-canary-77aa01fe42";

/// A cluster, and a folder with the sample file and the file that it names.
struct Shop {
    demo: Demo,
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shop = Self {
            demo: Demo::empty(&binary()),
            folder,
        };
        shop.write("compose.yml", &sample());
        shop.write("db_password.txt", FIRST);
        shop
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// In the folder of the files. What it says holds no value, whatever happens.
    fn run(&self, arguments: &[&str]) -> Said {
        let output = self
            .demo
            .command(arguments)
            .current_dir(self.folder.path())
            .env("SESSION_KEY", SESSION)
            .env_remove("GREETING")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = Said::from(output);
        for value in [FIRST, SECOND, SESSION] {
            assert!(
                !said.out.contains(value) && !said.err.contains(value),
                "{}{}",
                said.out,
                said.err
            );
        }
        said
    }

    fn deploy(&self, more: &[&str]) -> Said {
        let arguments: Vec<&str> = ["stack", "deploy", "-c", "compose.yml"]
            .iter()
            .chain(more)
            .chain(&["shop"])
            .copied()
            .collect();
        self.run(&arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().chain(&["--format", "json"]).copied().collect();
        self.run(&all).json()
    }

    /// Running tasks of a service: file of that target, and process id.
    fn tasks(&self, service: &str, target: &str) -> Vec<(PathBuf, u64)> {
        let tasks = self.json(&["service", "ps", service]);
        tasks
            .as_array()
            .unwrap()
            .iter()
            .filter(|task| task["state"].as_str().unwrap().eq_ignore_ascii_case("running"))
            .map(|task| {
                let folder = Path::new(task["secrets_dir"].as_str().unwrap());
                (folder.join(target), task["pid"].as_u64().unwrap())
            })
            .collect()
    }

    fn shows(&self, service: &str, count: usize, target: &str, value: &str) {
        until("every task shows the value", || {
            let tasks = self.tasks(service, target);
            let shown = tasks
                .iter()
                .filter(|(file, _)| std::fs::read_to_string(file).is_ok_and(|text| text == value));
            (tasks.len() == count && shown.count() == count).then_some(())
        });
    }

    fn versions(&self, secret: &str) -> usize {
        self.json(&["secret", "versions", secret]).as_array().unwrap().len()
    }
}

fn sample() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/compose/processes.yml")).unwrap()
}

#[test]
fn a_stack_lives_and_changes_and_goes() {
    let shop = Shop::new();
    let plan = shop.deploy(&["--plan"]).ok();
    for row in ["create   secret shop_db_password", "create   service shop_web"] {
        assert!(plan.contains(row), "{plan}");
    }
    assert_eq!(
        shop.json(&["secret", "ls"]),
        serde_json::json!([]),
        "a plan changes nothing"
    );

    let said = shop.deploy(&["--detach=false"]).ok();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "Creating secret shop_db_password",
            "Creating secret shop_session_key",
            "Creating service shop_db",
            "Creating service shop_web",
        ]
    );
    shop.shows("shop_db", 1, "db_password", FIRST);
    shop.shows("shop_web", 2, "db_password", FIRST);
    shop.shows("shop_web", 2, "keys/session", SESSION);
    let before = shop.tasks("shop_web", "db_password");

    // The same again does nothing at all.
    let said = shop.deploy(&[]).ok();
    assert_eq!(said, "Service shop_db is up to date\nService shop_web is up to date\n");
    assert_eq!(shop.versions("shop_db_password"), 1);

    // Another value is another version at the same path, and restarts nobody.
    shop.write("db_password.txt", SECOND);
    let said = shop.deploy(&["--detach=false"]).ok();
    assert!(
        said.starts_with("Updating secret shop_db_password (version 2)\n"),
        "{said}"
    );
    shop.shows("shop_web", 2, "db_password", SECOND);
    shop.shows("shop_db", 1, "db_password", SECOND);
    assert_eq!(
        shop.tasks("shop_web", "db_password"),
        before,
        "the same files of the same processes"
    );
    assert_eq!(shop.versions("shop_session_key"), 1);

    // Another number of tasks is an update of that service only.
    shop.write("compose.yml", &sample().replace("replicas: 2", "replicas: 3"));
    let said = shop.deploy(&["--detach=false"]).ok();
    assert!(
        said.contains("Service shop_db is up to date\nUpdating service shop_web (id: "),
        "{said}"
    );
    shop.shows("shop_web", 3, "db_password", SECOND);

    let stacks = shop.run(&["stack", "ls"]).ok();
    assert_eq!(stacks, "NAME   SERVICES\nshop   2\n");
    let services = shop.json(&["stack", "services", "shop"]);
    assert_eq!(services[1]["name"], "shop_web");
    assert_eq!(services[1]["replicas"], 3);
    assert_eq!(shop.json(&["stack", "ps", "shop"]).as_array().unwrap().len(), 4);

    // Pruned is what the file names no more.
    let sample = sample();
    let without_web = format!(
        "{}\nsecrets:\n  db_password: {{file: db_password.txt}}\n",
        &sample[..sample.find("\n  web:").unwrap()]
    );
    shop.write("compose.yml", &without_web);
    shop.deploy(&[]).ok();
    assert_eq!(
        shop.json(&["stack", "services", "shop"]).as_array().unwrap().len(),
        2,
        "nothing goes unasked"
    );
    let said = shop.deploy(&["--prune"]).ok();
    assert!(
        said.ends_with("Removing service shop_web\nRemoving secret shop_session_key\n"),
        "{said}"
    );

    let said = shop.run(&["stack", "rm", "shop"]).ok();
    assert_eq!(said, "Removing service shop_db\nRemoving secret shop_db_password\n");
    assert_eq!(shop.json(&["secret", "ls"]), serde_json::json!([]));
    assert_eq!(shop.json(&["service", "ls"]), serde_json::json!([]));
    assert_eq!(shop.json(&["stack", "ls"]), serde_json::json!([]));
    until("no file of a task is left", || {
        before.iter().all(|(file, _)| !file.exists()).then_some(())
    });
    let said = shop.run(&["stack", "rm", "shop"]);
    assert_eq!((said.code, said.err.trim()), (0, "Nothing found in stack: shop"));
}

#[test]
fn a_refused_file_changes_nothing_and_all_of_it_is_told() {
    let shop = Shop::new();
    let bad = sample()
        .replace(
            "    secrets:\n      - db_password\n\n",
            "    privileged: true\n    secrets:\n      - db_pasword\n\n",
        )
        .replace("mode: 0400", "mode: 400");
    shop.write("compose.yml", &bad);
    shop.deploy(&[]).refused(
        2,
        &[
            "the compose file cannot be deployed, for 3 reasons:",
            "compose.yml:18:5: service db: `privileged` is not supported; ",
            "compose.yml:20:9: service db: undefined secret \"db_pasword\"; did you mean db_password?",
            "compose.yml:30:15: service web: secret: mode: 400 is read as a decimal number; write 0400",
        ],
    );
    std::fs::remove_file(shop.folder.path().join("db_password.txt")).unwrap();
    shop.write("compose.yml", &sample());
    shop.deploy(&[])
        .refused(2, &["compose.yml:42:11: secret shop_db_password: open "]);
    assert_eq!(shop.json(&["secret", "ls"]), serde_json::json!([]));

    let keys: Vec<String> = (0..1000).map(|number| format!("    nonsense{number}: 1")).collect();
    let bad = format!("services:\n  web:\n    image: x\n{}\n", keys.join("\n"));
    shop.write("compose.yml", &bad);
    let said = shop.deploy(&[]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("\nand 980 more\n"), "{}", said.err);
    assert_eq!(said.err.lines().count(), 23, "{}", said.err);
}

/// What is there already and belongs to somebody else is neither taken over nor rotated.
#[test]
fn a_stack_that_stops_in_the_middle_says_where() {
    let shop = Shop::new();
    shop.demo
        .feed(&["secret", "create", "shop_db_password", "-"], b"not the stack's")
        .ok();
    shop.deploy(&[]).refused(
        2,
        &["secret shop_db_password is there and not of this stack; write `external: true` to use it"],
    );
    assert_eq!(shop.versions("shop_db_password"), 1);
    shop.run(&["secret", "rm", "shop_db_password"]).ok();

    // The cluster has a limit that the file does not know.
    shop.write("compose.yml", &sample().replace("replicas: 2", "replicas: 2000"));
    let said = shop.deploy(&[]);
    assert_eq!(said.code, 2, "{}", said.err);
    for text in [
        "failed to create service shop_web: ",
        "done: secret created shop_db_password, secret created shop_session_key, service created shop_db\n",
        "not done: create service shop_web\n",
        "deploy again: what is done is not done twice",
    ] {
        assert!(said.err.contains(text), "{text:?} is not in: {}", said.err);
    }
    shop.write("compose.yml", &sample());
    let said = shop.deploy(&[]).ok();
    assert_eq!(said, "Service shop_db is up to date\nCreating service shop_web\n");
    shop.shows("shop_web", 2, "db_password", FIRST);
}

#[test]
fn config_shows_what_several_files_say_together() {
    let shop = Shop::new();
    shop.write(
        "more.yml",
        "services:\n  web:\n    environment: [GREETING=servus]\n    secrets: !override [db_password]\n    deploy: {replicas: 5}\n",
    );
    let said = shop
        .run(&["stack", "config", "-c", "compose.yml", "-c", "more.yml"])
        .ok();
    for line in [
        "      GREETING: servus",
        "      replicas: 5",
        "    environment: SESSION_KEY",
        "    file: db_password.txt",
    ] {
        assert!(said.lines().any(|shown| shown == line), "{line:?} is not in:\n{said}");
    }
    assert!(said.contains("      - db_password\n    x-wardroom:"), "{said}");
    shop.write("again.yml", &said);
    assert_eq!(
        shop.run(&["stack", "config", "-c", "again.yml"]).ok(),
        said,
        "it reads what it writes"
    );
    let raw = shop
        .run(&["stack", "config", "--skip-interpolation", "-c", "compose.yml"])
        .ok();
    assert!(raw.contains("${GREETING:-hello}"), "{raw}");
    let said = shop.run(&["stack", "config", "-c", "nothing.yml"]);
    said.refused(
        1,
        &["cannot read the compose file nothing.yml: No such file or directory"],
    );
}
