//! Do the files keep the habits of the house? Openings, sizes, unsafe code, and words that must not come back.

use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Every tracked kind of source below the visible folders, generated code left out.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for top in ["app", "core", "agent", "tests"] {
        walk(&Path::new(ROOT).join(top), &mut found);
    }
    assert!(found.len() > 20, "the walk finds the tree");
    found
}

fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path
                .file_name()
                .is_none_or(|name| name != "generated" && name != "target")
            {
                walk(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

#[test]
fn every_file_opens_with_its_question() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} does not open with //!", path.display());
    }
}

#[test]
fn no_file_becomes_the_room_for_everything() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= 500,
            "{} has {lines} lines: split it by the question each half answers",
            path.display()
        );
    }
}

#[test]
fn unsafe_code_has_few_and_named_homes() {
    let homes = ["agent/src/executor/shim.rs", "core/keys/src/page.rs"];
    for (path, text) in sources() {
        let home = homes.iter().any(|home| path.ends_with(home));
        let opens = text.contains(concat!("allow(uns", "afe_code)"));
        assert!(
            !opens || home,
            "{} allows unsafe code outside {homes:?}",
            path.display()
        );
    }
}

#[test]
fn openraft_is_named_in_one_folder_only() {
    for (path, text) in sources() {
        let outside =
            !path.to_string_lossy().contains("core/manager/src/raft") && !path.to_string_lossy().contains("/tests/");
        let names = text
            .lines()
            .any(|line| !line.trim_start().starts_with("//") && line.contains("openraft::"));
        assert!(
            !(outside && names),
            "{} names openraft; raft/ is the one place that may",
            path.display()
        );
    }
}

#[test]
fn the_engine_is_named_in_one_folder_only() {
    for (path, text) in sources() {
        let path = path.to_string_lossy();
        let inside = path.contains("agent/src/executor") || path.contains("agent/src/oneoff");
        assert!(
            inside || !text.contains(concat!("boll", "ard::")),
            "{path} names the engine's client; executors are the one place that may"
        );
    }
}

#[test]
fn yaml_is_read_in_one_folder_only() {
    for (path, text) in sources() {
        let outside = !path.to_string_lossy().contains("app/src/stack/");
        let names = text
            .lines()
            .any(|line| !line.trim_start().starts_with("//") && line.contains(concat!("sap", "hyr")));
        let fence = path.ends_with("tests/layout/arrows.rs");
        assert!(
            !(outside && names) || fence,
            "{} reads YAML; app/src/stack/ does",
            path.display()
        );
    }
}

#[test]
fn compose_files_are_read_without_the_world() {
    for (path, text) in sources() {
        if path.to_string_lossy().contains("app/src/stack/") {
            for word in ["tokio::", "std::fs", "std::env", "SystemTime::now", "Instant::now"] {
                assert!(!text.contains(word), "{} is pure but says {word}", path.display());
            }
        }
    }
}

#[test]
fn consoles_core_is_pure() {
    for (path, text) in sources() {
        let text_path = path.to_string_lossy();
        if ["/tui/model", "/tui/update", "/tui/view"]
            .iter()
            .any(|part| text_path.contains(part))
        {
            for word in ["tokio::", "std::fs", "SystemTime::now", "Instant::now", "std::env"] {
                assert!(!text.contains(word), "{text_path} is pure but says {word}");
            }
        }
    }
}

#[test]
fn a_clone_stands_alone() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml", ".ci/run"] {
        let text =
            std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            !text.contains(concat!("../sha", "red")),
            "{name} points outside the repository"
        );
    }
    for (path, text) in sources() {
        assert!(
            !text.contains(concat!("work/sha", "red")),
            "{} points outside the repository",
            path.display()
        );
    }
}

#[test]
fn words_without_meaning_stay_out() {
    for (path, _) in sources() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !["utils", "util", "common", "helpers", "helper", "misc", "types2"].contains(&name.as_str()),
            "{}",
            path.display()
        );
    }
}
