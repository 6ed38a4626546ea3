//! May this test skip? Loudly, and not where CI says that the means are there.
#![allow(clippy::print_stderr)] // loudly means here

use std::process::{Command, Stdio};

/// True when running as root; otherwise says so on stderr, or fails when `WARDROOM_TEST_REQUIRE` asks for root.
pub fn root_or_skip(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    skipped(test, "root", "root");
    false
}

/// True when the python3 of `PATH` has what `tests/formats/requirements.txt` names (`.ci/run` puts such a one first);
/// otherwise says so on stderr, or fails when `WARDROOM_TEST_REQUIRE` asks for python.
pub fn python_or_skip(test: &str) -> bool {
    let imports = Command::new("python3")
        .args(["-c", "from Crypto.Cipher import ChaCha20_Poly1305"])
        .stderr(Stdio::null())
        .status();
    if imports.is_ok_and(|status| status.success()) {
        return true;
    }
    skipped(test, "python", "python3 with pycryptodome");
    false
}

pub(crate) fn skipped(test: &str, name: &str, means: &str) {
    let required = std::env::var("WARDROOM_TEST_REQUIRE").is_ok_and(|list| list.split(',').any(|asked| asked == name));
    assert!(
        !required,
        "{test} needs {means} and WARDROOM_TEST_REQUIRE says it is there"
    );
    eprintln!("\n*** SKIPPED {test}: it needs {means} ***\n");
}
