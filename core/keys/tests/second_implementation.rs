//! Does somebody who has only read `FORMAT.md` read our bytes? A Python program, with its ciphers from `PyPI`, says so.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // a failed unwrap is a failed test; a skip must be seen

use std::io::ErrorKind;
use std::process::Command;

/// What the program exits with when Python's ciphers are not installed.
const NO_CIPHERS: i32 = 77;

#[test]
fn python_agrees_with_every_vector() {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/formats/keys.py");
    let output = match Command::new("python3").arg("-B").arg(program).output() {
        Ok(output) if output.status.code() != Some(NO_CIPHERS) => output,
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
        _ => {
            let required = std::env::var("WARDROOM_TEST_REQUIRE").is_ok_and(|list| list.contains("python"));
            assert!(
                !required,
                "python3 and pycryptodome are missing and WARDROOM_TEST_REQUIRE says they are there"
            );
            eprintln!(
                "\n*** SKIPPED python_agrees_with_every_vector: it needs python3 and `pip install pycryptodome` ***\n"
            );
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains(" passed, 0 failed"), "{said}");
}
