//! Are the texts Docker's, or ours in the same manner?

use super::*;

#[test]
fn in_use_has_dockers_singular_and_plural() {
    let refusal = |services: &[&str]| Refusal::SecretInUse {
        secret: "db_password".into(),
        services: services.iter().map(ToString::to_string).collect(),
        only_previous: false,
    };
    assert_eq!(
        refusal(&["web"]).to_string(),
        "secret 'db_password' is in use by the following service: web"
    );
    assert_eq!(
        refusal(&["api", "web"]).to_string(),
        "secret 'db_password' is in use by the following services: api, web"
    );
}

#[test]
fn texts_are_dockers() {
    let check = |refusal: Refusal, text: &str, kind: RefusalKind| {
        assert_eq!(refusal.to_string(), text);
        assert_eq!(refusal.kind(), kind);
    };
    check(Refusal::NameMissing, "name must be provided", RefusalKind::Invalid);
    check(
        Refusal::ServiceNameMissing,
        "meta: name must be provided",
        RefusalKind::Invalid,
    );
    check(
        Refusal::NameTaken {
            noun: Noun::Secret,
            name: "Db".into(),
        },
        "secret Db already exists",
        RefusalKind::AlreadyExists,
    );
    check(
        Refusal::Ambiguous {
            noun: Noun::Node,
            reference: "a".into(),
            matches: 3,
        },
        "node a is ambiguous (3 matches found)",
        RefusalKind::Invalid,
    );
    check(
        Refusal::NotFound {
            noun: Noun::Secret,
            reference: "nope".into(),
        },
        "secret nope not found",
        RefusalKind::NotFound,
    );
    check(
        Refusal::SecretsNotFound(vec!["a".into()]),
        "secret not found: a",
        RefusalKind::Invalid,
    );
    check(
        Refusal::SecretsNotFound(vec!["a".into(), "b".into()]),
        "secrets not found: a, b",
        RefusalKind::Invalid,
    );
    check(Refusal::OutOfSequence, "update out of sequence", RefusalKind::Conflict);
}
