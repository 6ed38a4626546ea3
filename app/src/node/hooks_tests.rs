//! Does a real program make a value, and is every program that could be somebody else's refused?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        Self(dir)
    }

    /// With the script as its hook `make`.
    fn with(script: &str) -> Self {
        let folder = Self::new();
        folder.put("make", script, 0o700);
        folder
    }

    fn put(&self, name: &str, script: &str, mode: u32) {
        let path = self.0.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn hooks(&self) -> FolderHooks {
        FolderHooks::new(self.0.path().to_owned())
    }

    async fn run(&self, hook: &str) -> Result<String, String> {
        let made = self.hooks().run(hook, "db").await;
        made.map(|value| String::from_utf8_lossy(value.expose()).into_owned())
            .map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn the_value_is_what_it_writes_to_descriptor_3() {
    let folder =
        Folder::with("echo not-this; echo nor-this >&2; printf 'c4n4ry %s' \"$WARDROOM_SECRET\" >&$WARDROOM_VALUE_FD");
    assert_eq!(folder.run("make").await.as_deref(), Ok("c4n4ry db"));
    let bytes = Folder::with("printf 'a\\000b\\n' >&3");
    assert_eq!(bytes.run("make").await.as_deref(), Ok("a\0b\n"), "byte for byte");
}

#[tokio::test]
async fn it_knows_nothing_but_its_secret() {
    let folder = Folder::with("env | sed 's/=.*//' | sort | tr '\\n' ' ' >&3; pwd >&3");
    let seen = folder.run("make").await.unwrap();
    let ours = ["PATH", "PWD", "WARDROOM_SECRET", "WARDROOM_VALUE_FD"];
    // The shell of the script adds names of its own.
    let shell = ["_", "OLDPWD", "SHLVL", "/"];
    let strange = seen
        .split_whitespace()
        .find(|name| !ours.contains(name) && !shell.contains(name));
    assert_eq!(strange, None, "{seen}");
    assert!(
        seen.contains("WARDROOM_SECRET") && seen.trim_end().ends_with('/'),
        "{seen}"
    );
}

#[tokio::test]
async fn a_failure_is_told_without_what_was_written() {
    for (script, words) in [
        ("echo c4n4ry >&3; exit 3", "it ended with exit status: 3"),
        ("echo c4n4ry", "it wrote nothing to file descriptor 3"),
        ("head -c 600000 /dev/zero >&3", "it wrote more than the 511999 bytes"),
    ] {
        let text = Folder::with(script).run("make").await.unwrap_err();
        assert!(text.contains(words) && !text.contains("c4n4ry"), "{text}");
    }
}

#[tokio::test]
async fn one_that_hangs_is_ended_with_all_it_started() {
    let folder = Folder::with("echo $$ > \"$(dirname \"$0\")/pid\"; sleep 600 & wait");
    let hooks = FolderHooks {
        patience: Duration::from_secs(1),
        ..folder.hooks()
    };
    let text = hooks.run("make", "db").await.map(|_| ()).unwrap_err().to_string();
    assert_eq!(text, "it was not done after 1 seconds, and was ended");
    let pid = fs::read_to_string(folder.0.path().join("pid")).unwrap();
    let group = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    // The kernel needs a moment to take them away.
    tokio::time::timeout(Duration::from_secs(30), async {
        while rustix::process::test_kill_process_group(group).is_ok() && !all_dead(group) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

/// Nothing of the group runs: what is left waits for its parent to be told.
fn all_dead(group: Pid) -> bool {
    let group = group.as_raw_nonzero().get().to_string();
    let stats = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    !stats.any(|stat| {
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        matches!(fields.as_slice(), [now, _, of, ..] if *of == group && *now != "Z")
    })
}

#[tokio::test]
async fn only_a_file_that_nobody_else_can_change_is_run() {
    let folder = Folder::with("printf x >&3");
    folder.put("loose", "printf x >&3", 0o722);
    folder.put("still", "printf x >&3", 0o600);
    symlink("make", folder.0.path().join("link")).unwrap();
    fs::create_dir(folder.0.path().join("dir")).unwrap();
    for (hook, words) in [
        ("loose", "can be written by others; run `chmod go-w"),
        ("still", "it ended with exit status: 126"),
        ("link", "is no regular file"),
        ("dir", "is no regular file"),
        ("nope", "cannot be used on this manager"),
        ("../make", "its name is no name of a file"),
        ("..", "its name is no name of a file"),
        ("", "its name is no name of a file"),
    ] {
        let text = folder.run(hook).await.unwrap_err();
        assert!(text.contains(words), "{hook}: {text}");
    }
    fs::set_permissions(folder.0.path(), Permissions::from_mode(0o777)).unwrap();
    assert!(
        folder
            .run("make")
            .await
            .unwrap_err()
            .contains("can be written by others")
    );
}
