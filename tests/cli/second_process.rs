//! What if a cluster already runs here? The second process attaches or says so; it never fails on the first one's lock.

use harness::process::{Demo, Said};
use harness::terminal::Terminal;

use crate::binary;

#[test]
fn a_second_console_attaches_to_the_first_ones_socket() {
    let home = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let home_text = home.path().to_str().unwrap();
    let environment = [
        ("XDG_STATE_HOME", home_text),
        ("HOME", home_text),
        ("XDG_RUNTIME_DIR", ""),
    ];
    let first = Terminal::open(&binary(), &[], &environment, 24, 80);
    first.shows("quorum 3/3");
    let mut second = Terminal::open(&binary(), &[], &environment, 24, 80);
    second.shows("quorum 3/3");
    second.keys(":q\r");
    assert_eq!(second.ended(), 0);
    first.shows("quorum 3/3");
}

#[test]
fn a_directory_in_use_is_named_with_the_way_to_reach_it() {
    let demo = Demo::empty(&binary());
    let output = std::process::Command::new(binary())
        .args(["demo", "--headless", "--dir"])
        .arg(&demo.dir)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    Said::from(output).refused(7, &["wardroom.sock"]);
}
