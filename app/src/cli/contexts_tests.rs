//! Contexts on a disk: what is kept, what is refused, what nobody else may read.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::os::unix::fs::PermissionsExt;

use wardroom_ca::{Clock, IssueRequest, NODE_LIFETIME, Role, Root, SystemClock};
use wardroom_keys::SeededChance;

use super::*;

/// Somebody's identity in a cluster that exists nowhere.
fn bundle() -> Bundle {
    let chance = SeededChance::new(1);
    let root = Root::create("c1", &SystemClock, &chance).unwrap();
    let request = IssueRequest {
        node_id: "ada",
        role: Role::Viewer,
        sans: &[],
        lifetime: NODE_LIFETIME,
        now_ms: SystemClock.now_ms(),
    };
    let issued = root.issue(&request, &chance).unwrap();
    Bundle {
        name: "ada".into(),
        roots_pem: root.certificate_pem().into(),
        certificate_pem: issued.certificate_pem,
        key: issued.key,
        managers: vec!["a:2377".into()],
    }
}

fn managers() -> Host {
    Host::parse("wardroom://a:2377,b:2377").unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_context_is_kept_with_its_bundle_for_its_owner_only() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("config/wardroom");
    change(&folder, |contexts| contexts.add("prod", &managers(), Some(&bundle()))).unwrap();
    change(&folder, |contexts| contexts.select("prod")).unwrap();
    let contexts = Contexts::load(&folder).unwrap();
    assert_eq!(contexts.current(), Some("prod"));
    let context = contexts.get("prod").unwrap();
    assert_eq!(context.host, managers());
    let bundle = context.bundle.unwrap();
    assert_eq!(Bundle::read(&bundle).unwrap().name, "ada");
    assert_eq!(
        (mode(&folder), mode(&folder.join(FILE)), mode(&bundle)),
        (0o700, 0o600, 0o600)
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "nothing is left aside");

    change(&folder, |contexts| contexts.remove("prod")).unwrap();
    let contexts = Contexts::load(&folder).unwrap();
    assert_eq!((contexts.current(), contexts.names().len()), (None, 0));
    assert!(!bundle.exists(), "the certificate goes with its context");
}

#[test]
fn what_is_not_known_stays() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"format":1,"theme":"dark","contexts":{"a":{"host":"unix:///a","colour":"red"}}}"#;
    fs::write(folder.path().join(FILE), text).unwrap();
    set_mode(&folder.path().join(FILE), 0o600);
    change(folder.path(), |contexts| {
        contexts.add("b", &managers(), Some(&bundle()))
    })
    .unwrap();
    let written = fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(written.contains("dark") && written.contains("red"), "{written}");
    assert_eq!(Contexts::load(folder.path()).unwrap().names(), ["a", "b"]);
}

#[test]
fn a_change_that_fails_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    change(folder.path(), |contexts| {
        contexts.add("a", &managers(), Some(&bundle()))
    })
    .unwrap();
    let before = fs::read(folder.path().join(FILE)).unwrap();
    let refused = change(folder.path(), |contexts| {
        contexts.remove("a")?;
        contexts.select("nope")
    });
    assert_eq!(refused.unwrap_err().exit, Exit::NotFound);
    assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), before);
    assert!(Bundle::read(&folder.path().join("a.bundle")).is_ok());
}

#[test]
fn files_that_others_can_write_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("wardroom");
    change(&folder, |contexts| contexts.add("a", &managers(), Some(&bundle()))).unwrap();
    for (path, broken, fixed) in [(folder.join(FILE), 0o620, 0o600), (folder.clone(), 0o702, 0o700)] {
        set_mode(&path, broken);
        let report = Contexts::load(&folder).unwrap_err();
        assert!(
            report.message.contains("can be written by others"),
            "{}",
            report.message
        );
        assert!(report.hint.unwrap().contains("chmod"));
        set_mode(&path, fixed);
        Contexts::load(&folder).unwrap();
    }
}

#[test]
fn damaged_and_newer_files_are_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    for (text, words) in [
        ("", "JSON"),
        ("[]", "JSON"),
        ("{\"format\":2}", "newer"),
        ("{\"format\":\"x\"}", "format"),
        ("{\"contexts\":[]}", "contexts"),
    ] {
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        let report = change(folder.path(), |contexts| contexts.select(DEFAULT)).unwrap_err();
        assert!(report.message.contains(words), "{text}: {}", report.message);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    for entry in [
        "{}",
        r#"{"host":"ftp://x"}"#,
        r#"{"host":"wardroom://a"}"#,
        r#"{"host":"wardroom://a","bundle":"../x"}"#,
        r#"{"host":"wardroom://a","bundle":"/etc/x"}"#,
    ] {
        fs::write(&path, format!("{{\"contexts\":{{\"a\":{entry}}}}}")).unwrap();
        let report = Contexts::load(folder.path()).unwrap().get("a").unwrap_err();
        assert!(report.hint.unwrap().contains("context rm"), "{entry}");
    }
}

#[test]
fn names_are_file_names_too() {
    for fine in ["prod", "a", "eu-1.west_2+x"] {
        check_name(fine).unwrap();
    }
    for wrong in ["", "default", "../x", ".x", "a/b", "-a", "a b", "ü", &"x".repeat(65)] {
        assert_eq!(check_name(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
    }
}

#[test]
fn a_name_that_is_not_there_brings_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    change(folder.path(), |contexts| {
        contexts.add("production", &managers(), Some(&bundle()))
    })
    .unwrap();
    let report = Contexts::load(folder.path()).unwrap().get("producton").unwrap_err();
    assert_eq!(report.exit, Exit::NotFound);
    assert!(report.hint.unwrap().contains("production"));
    let kept = fs::read(folder.path().join("production.bundle")).unwrap();
    let twice = change(folder.path(), |contexts| {
        contexts.add("production", &managers(), Some(&bundle()))
    });
    assert_eq!(twice.unwrap_err().exit, Exit::Conflict);
    let now = fs::read(folder.path().join("production.bundle")).unwrap();
    assert_eq!(now, kept, "and nothing is written over");
}

#[test]
fn the_folder_follows_xdg() {
    let with = |pairs: &'static [(&str, &str)]| {
        folder(&move |name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        })
    };
    assert_eq!(
        with(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")]),
        Some("/c/wardroom".into())
    );
    assert_eq!(
        with(&[("XDG_CONFIG_HOME", "c"), ("HOME", "/h")]),
        Some("/h/.config/wardroom".into())
    );
    assert_eq!(with(&[]), None);
}
