//! May this test skip? Loudly, and not where CI says that the means are there.
#![allow(clippy::print_stderr)] // loudly means here

/// True when running as root; otherwise says so on stderr, or fails when `WARDROOM_TEST_REQUIRE` asks for root.
pub fn root_or_skip(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let required = std::env::var("WARDROOM_TEST_REQUIRE").is_ok_and(|list| list.contains("root"));
    assert!(
        !required,
        "{test} needs root and WARDROOM_TEST_REQUIRE says it is there"
    );
    eprintln!("\n*** SKIPPED {test}: it needs root ***\n");
    false
}
