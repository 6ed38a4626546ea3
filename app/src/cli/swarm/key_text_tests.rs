//! A key in Docker's words, and shares that are told apart.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::cli::swarm::key_fixture::{KEY, in_shares, options, shared, whole};

#[test]
fn the_key_is_shown_in_dockers_words() {
    let answer = whole();
    let shown = Shown::of(&answer, &options()).unwrap();
    let page = "To unlock a swarm manager after it restarts, run the `wardroom swarm unlock`\n\
                command and provide the following key:\n\
                \n    SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\
                \n\
                Remember to store this key in a password manager, since without it you\n\
                will not be able to restart the manager.\n";
    assert_eq!(*shown.page(), page);
    assert_eq!(
        *shown.rotated(),
        format!("Successfully rotated manager unlock key.\n\n{page}")
    );
    assert_eq!(*shown.bare(), format!("{KEY}\n"));
}

#[test]
fn an_earlier_key_says_for_whom_it_is() {
    let arguments = SwarmUnlockKey {
        epoch: Some(2),
        ..options()
    };
    let answer = whole();
    let page = Shown::of(&answer, &arguments).unwrap().page();
    assert!(
        page.starts_with(
            "To unlock a swarm manager that hangs on the unlock key of epoch 2, run the `wardroom swarm unlock`\n"
        ),
        "{}",
        *page
    );
}

#[test]
fn shares_have_numbers_unless_a_program_reads_them() {
    let answer = in_shares();
    let shown = Shown::of(&answer, &shared()).unwrap();
    assert_eq!(*shown.bare(), "SWMSHARE-1-a\nSWMSHARE-1-b\n");
    assert_eq!(
        *shown.page(),
        "To unlock a swarm manager after it restarts, any 2 of 2 people run the `wardroom swarm unlock`\n\
         command, one after another, and provide their share:\n\
         \n    1  SWMSHARE-1-a\n    2  SWMSHARE-1-b\n\
         \nThe shares of another call do not go together with these.\n"
    );
    assert!(shown.page().capacity() <= shown.bytes_max(), "it did not move");
}

#[test]
fn without_autolock_there_is_none() {
    let nothing = v1::GetUnlockKeyResponse::default();
    let report = Shown::of(&nothing, &options()).err().unwrap();
    assert_eq!(
        (report.message.as_str(), report.exit),
        ("no unlock key is set", Exit::Conflict)
    );
}
