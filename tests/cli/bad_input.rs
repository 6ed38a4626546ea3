//! What does bad input get? A clear error, what to do next, a non-zero exit, and a cluster that did not move.

use std::process::{Command, Stdio};

use harness::process::{Demo, Said};

use crate::binary;

/// A digest of everything a user can list.
fn everything(demo: &Demo) -> String {
    ["secret", "service"]
        .map(|noun| demo.run(&[noun, "ls", "--format", "json"]).ok())
        .concat()
}

#[test]
fn refusals_say_why_and_change_nothing() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "known", "-"], b"value").ok();
    let before = everything(&demo);
    let name_rule =
        "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]";
    for name in ["-x", "a b", "ünïcode", "a/b", "x\n", &"x".repeat(65)] {
        demo.feed(&["secret", "create", "--", name, "-"], b"v")
            .refused(2, &[name_rule]);
    }
    demo.feed(&["secret", "create", "empty", "-"], b"")
        .refused(2, &["data is empty"]);
    demo.feed(&["secret", "create", "big", "-"], &vec![b'x'; 512_000])
        .refused(2, &["secret data must be larger than 0 and less than 512000 bytes"]);
    demo.feed(&["secret", "create", "KNOWN", "-"], b"v")
        .refused(7, &["already exists"]);
    demo.run(&["secret", "create", "x", "/nonexistent/file"])
        .refused(1, &["/nonexistent/file"]);
    demo.run(&["secret", "inspect", "nope"])
        .refused(3, &["secret nope not found"]);
    demo.run(&["secret", "rm", "nope"])
        .refused(3, &["secret nope not found"]);
    demo.run(&["service", "inspect", "nope"])
        .refused(3, &["service nope not found"]);
    demo.run(&["service", "create", "--name", "w", "--secret", "nope", "--", "true"])
        .refused(2, &["secret not found: nope"]);
    for target in ["../escape", "/etc/passwd", "a/../../b", "..data"] {
        let grant = format!("source=known,target={target}");
        demo.run(&["service", "create", "--name", "w", "--secret", &grant, "--", "true"])
            .refused(2, &[target]);
    }
    demo.run(&[
        "service",
        "create",
        "--name",
        "w",
        "--secret",
        "source=known,target=t",
        "--secret",
        "source=known,target=t",
        "--",
        "true",
    ])
    .refused(2, &["conflicting target: 't'"]);
    demo.run(&[
        "service", "create", "--name", "-bad-", "--secret", "known", "--", "true",
    ])
    .refused(2, &["name must be valid as a DNS name component"]);
    demo.run(&[
        "service",
        "create",
        "--name",
        "w",
        "--secret",
        "source=known,colour=red",
        "--",
        "true",
    ])
    .refused(2, &["invalid field in secret request: colour"]);
    assert_eq!(everything(&demo), before, "nothing changed");
}

#[test]
fn the_largest_value_and_any_bytes_are_taken() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "largest", "-"], &vec![b'x'; 511_999])
        .ok();
    demo.feed(&["secret", "create", "bytes", "-"], &[0xff, 0xfe, 0, 0x80])
        .ok();
    let said = demo.feed(&["secret", "create", "newline", "-"], b"password\n");
    assert_eq!(said.code, 0);
    assert!(said.err.contains("newline"), "pointed out: {}", said.err);
    let inspected = demo.run(&["secret", "inspect", "newline"]).ok();
    assert!(inspected.contains('9'), "kept, not cut: {inspected}");
}

#[test]
fn an_id_prefix_finds_and_an_ambiguous_one_is_refused() {
    let demo = Demo::empty(&binary());
    let ids: Vec<String> = (0..40)
        .map(|n| {
            demo.feed(&["secret", "create", &format!("s{n}"), "-"], b"v")
                .ok()
                .trim()
                .to_owned()
        })
        .collect();
    demo.run(&["secret", "inspect", &ids[0][..12]]).ok();
    let shared = ('0'..='9')
        .chain('a'..='z')
        .find(|&c| ids.iter().filter(|id| id.starts_with(c)).count() > 1)
        .expect("40 ids share a first digit");
    demo.run(&["secret", "inspect", &shared.to_string()])
        .refused(2, &["is ambiguous"]);
}

#[test]
fn a_closed_socket_says_how_to_start() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("none.sock");
    let output = Command::new(binary())
        .args(["secret", "ls"])
        .env("WARDROOM_HOST", format!("unix://{}", socket.display()))
        .output()
        .unwrap();
    Said::from(output).refused(1, &["none.sock", "wardroom"]);
    let output = Command::new(binary())
        .args(["secret", "ls", "--host", "ftp://x"])
        .output()
        .unwrap();
    Said::from(output).refused(2, &["ftp://x", "unix://"]);
}

#[test]
fn an_unlock_key_in_the_wrong_place_is_refused_and_not_repeated() {
    let demo = Demo::empty(&binary());
    let key = "SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let said = demo.run(&["swarm", "unlock", key]);
    assert!(!said.err.contains("AAAA") && said.out.is_empty(), "{}", said.err);
    said.refused(2, &["an unlock key is never taken from the command line", "--key-file"]);
    demo.run(&["swarm", "unlock", "--key-file", "a", "--key-fd", "3"])
        .refused(2, &["--key-fd"]);
    demo.run(&["swarm", "unlock", "--key-file", "/nonexistent/file"])
        .refused(1, &["/nonexistent/file"]);
    for line in [
        &["--shares", "3"][..],
        &["--threshold", "3"],
        &["--shares", "1", "--threshold", "1"],
        &["--shares", "256", "--threshold", "2"],
        &["--epoch", "0"],
        &["--rotate", "--epoch", "2"],
        &["--plan"],
    ] {
        demo.run(&[&["swarm", "unlock-key"], line].concat()).refused(2, &["--"]);
    }
    demo.run(&["swarm", "unlock-key", "--shares", "2", "--threshold", "3"])
        .refused(2, &["3 of 2 shares cannot be what unlocks"]);
    demo.run(&["swarm", "update", "--autolock=maybe"])
        .refused(2, &["--autolock"]);
    // A key does not travel: not even a connection is made.
    for verb in ["unlock", "lock"] {
        demo.run(&[
            "swarm",
            verb,
            "--host",
            "wardroom://192.0.2.1:2377",
            "--bundle",
            "ada.pem",
        ])
        .refused(2, &["over the socket of its own machine", "on that machine"]);
    }
}

fn demo_refused(dir: &std::path::Path, code: i32, texts: &[&str]) {
    let output = Command::new(binary())
        .args(["demo", "--headless", "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said::from(output).refused(code, texts);
}

#[test]
fn a_directory_that_is_not_ours_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("letter.txt"), "dear").unwrap();
    demo_refused(scratch.path(), 1, &[scratch.path().to_str().unwrap()]);
    assert_eq!(
        std::fs::read_dir(scratch.path()).unwrap().count(),
        1,
        "nothing was added"
    );
}

#[test]
fn a_directory_of_another_cluster_or_a_newer_format_is_refused() {
    let scratch = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let (ours, theirs) = (scratch.path().join("ours"), scratch.path().join("theirs"));
    for dir in [&ours, &theirs] {
        assert_eq!(
            Demo::at(&binary(), dir, &["--empty", "--managers", "1", "--workers", "2"]).stop(),
            0
        );
    }
    // A manager's log from elsewhere: refused, named, and not touched.
    let manager = std::fs::read_dir(&ours)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.starts_with("manager"))
        .unwrap();
    std::fs::remove_dir_all(ours.join(&manager).join("log")).unwrap();
    copy(&theirs.join(&manager).join("log"), &ours.join(&manager).join("log"));
    demo_refused(&ours, 1, &["cluster"]);

    let manifest = std::fs::read_dir(&theirs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "json"))
        .unwrap();
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"format\": ", "\"format\": 999", 1)).unwrap();
    demo_refused(&theirs, 1, &["999", "newer"]);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}
