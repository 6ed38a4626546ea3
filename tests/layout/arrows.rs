//! Which crate may know which? Asserted from `cargo metadata`, so that an arrow cannot be crossed unnoticed.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps() // what the members declare is all that is asked, and needs no network
        .exec()
        .expect("cargo metadata reads the workspace")
}

/// Normal dependencies of each member, by name.
fn direct() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let names = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Normal)
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), names)
        })
        .collect()
}

#[test]
fn arrows_run_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("wardroom", &["api", "manager", "agent", "ca", "keys", "log"][..]),
        ("wardroom-agent", &["api", "ca", "keys"][..]),
        ("wardroom-manager", &["api", "state", "keys", "log", "ca"][..]),
        ("wardroom-log", &["keys"][..]),
        ("wardroom-ca", &["keys"][..]),
        ("wardroom-api", &[][..]),
        ("wardroom-state", &[][..]),
        ("wardroom-keys", &[][..]),
    ]);
    for (package, dependencies) in direct() {
        if package == "wardroom-tests" {
            continue;
        }
        let allowed = allowed[package.as_str()];
        for ours in dependencies.iter().filter_map(|name| name.strip_prefix("wardroom-")) {
            assert!(
                allowed.contains(&ours),
                "{package} -> {ours} is not an arrow of the design"
            );
        }
    }
}

#[test]
fn libraries_stay_behind_their_fences() {
    let fences: &[(&str, &[&str])] = &[
        ("ratatui", &["wardroom"]),
        ("crossterm", &["wardroom"]),
        ("clap", &["wardroom"]),
        ("saphyr", &["wardroom"]),
        ("saphyr-parser", &["wardroom"]),
        ("openraft", &["wardroom-manager"]),
        // Tests read a keyring by its specification alone.
        ("chacha20poly1305", &["wardroom-keys", "wardroom-tests"]),
        ("hkdf", &["wardroom-keys", "wardroom-tests"]),
        ("hmac", &["wardroom-keys"]),
        ("vsss-rs", &["wardroom-keys"]),
        ("rcgen", &["wardroom-ca"]),
        ("x509-parser", &["wardroom-ca"]),
        ("rustls", &["wardroom-ca"]),
        ("bollard", &["wardroom-agent"]),
        ("gotmpl", &["wardroom-agent"]),
        ("uzers", &["wardroom-agent", "wardroom"]),
    ];
    let direct = direct();
    for (library, homes) in fences {
        for (package, dependencies) in &direct {
            assert!(
                !dependencies.contains(*library) || homes.contains(&package.as_str()),
                "{library} is fenced to {homes:?}, {package} names it"
            );
        }
    }
}

#[test]
fn the_state_machine_cannot_reach_the_world() {
    let direct = direct();
    for forbidden in ["tokio", "rand", "getrandom", "rustix", "tracing", "tempfile", "tonic"] {
        assert!(
            !direct["wardroom-state"].contains(forbidden),
            "state is pure; it may not link {forbidden}"
        );
    }
}

#[test]
fn dangerous_versions_are_absent() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
    let packages: Vec<(&str, &str)> = lock
        .split("[[package]]")
        .filter_map(|block| {
            let field = |key: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(key)?.trim().strip_prefix("= \"")?.strip_suffix('"'))
            };
            Some((field("name")?, field("version")?))
        })
        .collect();
    let of = |name: &str| {
        packages
            .iter()
            .filter(|(n, _)| *n == name)
            .map(|(_, v)| *v)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("openraft"), ["0.9.25"], "older ones can lose committed data");
    assert_eq!(of("ratatui-core").len(), 1, "two ratatuis do not share types");
    assert_eq!(of("rustls").len(), 1);
    assert!(of("sharks").is_empty(), "RUSTSEC-2024-0398");
    assert!(of("tui-textarea").is_empty(), "the successor is ratatui-textarea");
}
