//! May this test skip? Loudly, and not where CI says that the means are there.
#![allow(clippy::print_stderr)] // loudly means here

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// True when running as root; otherwise says so on stderr, or fails when `WARDROOM_TEST_REQUIRE` asks for root.
pub fn root_or_skip(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    skipped(test, "root", "root");
    false
}

/// A python3 that has what `tests/formats/requirements.txt` names: the one that `.ci/run` made below the target directory,
/// or the system's. Otherwise says so on stderr, or fails when `WARDROOM_TEST_REQUIRE` asks for python.
pub fn python_or_skip(test: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok().and_then(|test| {
        let target = test
            .ancestors()
            .find(|folder| folder.join("python/bin/python3").exists());
        target.map(|target| target.join("python/bin/python3"))
    });
    let candidates = own.into_iter().chain([PathBuf::from("python3")]);
    let found = candidates.into_iter().find(|python| has_ciphers(python));
    if found.is_none() {
        skipped(test, "python", "python3 with pycryptodome");
    }
    found
}

fn has_ciphers(python: &Path) -> bool {
    let imports = Command::new(python)
        .args(["-c", "from Crypto.Cipher import ChaCha20_Poly1305"])
        .stderr(Stdio::null())
        .status();
    imports.is_ok_and(|status| status.success())
}

pub(crate) fn skipped(test: &str, name: &str, means: &str) {
    let required = std::env::var("WARDROOM_TEST_REQUIRE").is_ok_and(|list| list.split(',').any(|asked| asked == name));
    assert!(
        !required,
        "{test} needs {means} and WARDROOM_TEST_REQUIRE says it is there"
    );
    eprintln!("\n*** SKIPPED {test}: it needs {means} ***\n");
}
