//! Labels, references to versions, and the list of secrets.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;

#[test]
fn labels_are_pairs() {
    let parsed = parse_labels(&["a=1".into(), "b".into(), "c=x=y".into()]).unwrap();
    assert_eq!(
        parsed.into_iter().collect::<Vec<_>>(),
        [
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), String::new()),
            ("c".to_owned(), "x=y".to_owned()),
        ]
    );
    assert!(parse_labels(&["=1".into()]).is_err());
}

#[test]
fn a_versions_name_does_not_stand_for_all_of_them() {
    let version = |number, name: &str| v1::Version {
        number,
        name: name.into(),
        ..v1::Version::default()
    };
    let secret = v1::Secret {
        id: "n8kdc5".into(),
        name: "db".into(),
        versions: vec![version(1, "db"), version(2, "db_v2")],
        ..v1::Secret::default()
    };
    for fine in ["db", "DB", "n8kdc5", "n8k"] {
        assert!(check_whole(fine, &secret).is_ok(), "{fine}");
    }
    assert!(
        check_whole("db_v2", &secret)
            .unwrap_err()
            .hint
            .unwrap()
            .contains("db@2")
    );
}

#[test]
fn a_list_shows_the_current_version_and_its_state() {
    let secret = v1::Secret {
        id: "n8kdc5qz2w0x4v6b7m1l3j9fp".into(),
        name: "db_password".into(),
        current: 2,
        versions: vec![
            v1::Version {
                number: 1,
                state: v1::VersionState::Superseded as i32,
                ..v1::Version::default()
            },
            v1::Version {
                number: 2,
                state: v1::VersionState::Current as i32,
                ..v1::Version::default()
            },
        ],
        created_at_ms: 1_000,
        updated_at_ms: 301_000,
        max_age_ms: 90 * 86_400_000,
        template_driver: "golang".into(),
        ..v1::Secret::default()
    };
    assert_eq!(
        list_table(std::slice::from_ref(&secret), 361_000).render(),
        "ID                          NAME          VERSION   STATE     DRIVER   CREATED         UPDATED              ROTATES\n\
         n8kdc5qz2w0x4v6b7m1l3j9fp   db_password   v2        current   golang   6 minutes ago   About a minute ago   90d, by hand\n"
    );
    assert_eq!(list_json(&secret)["version"], 2);
}

#[test]
fn without_a_current_version_the_newest_speaks() {
    let version = v1::Version {
        number: 1,
        state: v1::VersionState::Revoked as i32,
        ..v1::Version::default()
    };
    let secret = v1::Secret {
        versions: vec![version],
        ..v1::Secret::default()
    };
    assert_eq!(state(&secret), "revoked");
    assert!(list_table(&[secret], 0).render().contains('-'));
}
