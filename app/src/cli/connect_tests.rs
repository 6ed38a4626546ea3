//! Which cluster is meant: the nearest word wins, and what cannot be meant is refused.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::report::Exit;

fn choose(selection: &Selection, pairs: &[(&str, &str)]) -> Result<Target, Report> {
    Target::choose(selection, &|name| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

fn host(text: &str) -> Selection {
    Selection {
        host: Some(text.to_owned()),
        ..Selection::default()
    }
}

#[test]
fn the_state_directory_follows_xdg() {
    let with = |pairs: &'static [(&str, &str)]| {
        home(&move |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    };
    assert_eq!(
        with(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]).unwrap(),
        Path::new("/s/wardroom")
    );
    assert_eq!(
        with(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]).unwrap(),
        Path::new("/h/.local/state/wardroom")
    );
    assert!(with(&[]).is_err());
}

#[test]
fn a_wrong_host_is_a_usage_error_with_what_to_write() {
    let report = choose(&host("/run/wardroom.sock"), &[]).unwrap_err();
    assert_eq!(report.exit, Exit::Usage);
    assert!(report.message.contains("unix:///run/wardroom.sock"));
}

#[test]
fn the_nearest_word_wins() {
    let config = tempfile::tempdir().unwrap();
    let text = config.path().to_str().unwrap();
    let folder = config.path().join("wardroom");
    contexts::change(&folder, |contexts| {
        for name in ["flag", "variable", "current"] {
            contexts.add(name, &Host::parse(&format!("unix:///{name}")).unwrap(), None)?;
        }
        contexts.select("current")
    })
    .unwrap();
    let all = [
        ("WARDROOM_HOST", "unix:///host"),
        ("WARDROOM_CONTEXT", "variable"),
        ("XDG_CONFIG_HOME", text),
    ];
    let by_context = Selection {
        context: Some("flag".into()),
        ..Selection::default()
    };
    let shown = |selection: &Selection, pairs: &[(&str, &str)]| choose(selection, pairs).unwrap().to_string();
    assert_eq!(shown(&host("unix:///option"), &all), "unix:///option");
    assert_eq!(shown(&by_context, &all), "unix:///flag (context flag)");
    let none = Selection::default();
    assert_eq!(shown(&none, &all), "unix:///host");
    assert_eq!(shown(&none, &all[1..]), "unix:///variable (context variable)");
    assert_eq!(shown(&none, &all[2..]), "unix:///current (context current)");
    let empty = [
        ("WARDROOM_HOST", ""),
        ("WARDROOM_CONTEXT", ""),
        ("XDG_CONFIG_HOME", text),
    ];
    assert_eq!(shown(&none, &empty), "unix:///current (context current)");
    let local = Selection {
        context: Some("default".into()),
        ..Selection::default()
    };
    let home = [("XDG_CONFIG_HOME", text), ("XDG_STATE_HOME", "/s")];
    assert_eq!(choose(&local, &home).unwrap().context, None);
}

#[test]
fn managers_elsewhere_need_somebody_to_be() {
    let report = choose(&host("wardroom://a"), &[]).unwrap_err();
    assert_eq!(report.exit, Exit::Usage);
    assert!(report.hint.unwrap().contains("--bundle"));
    let target = choose(&host("wardroom://a"), &[("WARDROOM_BUNDLE", "/b")]).unwrap();
    let expected = Place::Managers {
        addresses: vec!["a:2377".into()],
        bundle: "/b".into(),
    };
    assert_eq!(target.place, expected);
    let alone = Selection {
        bundle: Some("/b".into()),
        ..Selection::default()
    };
    assert_eq!(choose(&alone, &[]).unwrap_err().exit, Exit::Usage);
}

#[test]
fn what_a_daemon_does_is_not_asked_of_a_cluster_elsewhere() {
    let variable = |_: &str| None;
    assert_eq!(
        Target::daemon(&Selection::default(), &variable).unwrap().place,
        Place::Socket(DAEMON_SOCKET.into())
    );
    let elsewhere = Selection {
        bundle: Some("/b".into()),
        ..host("wardroom://a")
    };
    let report = Target::daemon(&elsewhere, &variable).unwrap_err();
    assert!(report.message.contains("wardroom://a:2377"), "{}", report.message);
}
