//! The whole life of a secret in the console, by keys alone, at 80x24: create, grant, see it arrive, rotate, revoke.

use harness::canary::Canary;
use harness::process::Demo;
use harness::terminal::Terminal;
use harness::until::until;

use crate::binary;

const TYPED: &str = "typed-canary-93b1f7c2";
const ENTER: &str = "\r";

/// From the wizard's first field to its plan, then the name in full, then to the end.
fn run(terminal: &mut Terminal, name: &str) {
    terminal.press_until(ENTER, "to run:");
    terminal.keys(name);
    terminal.shows(&format!("[{name}]"));
    terminal.press_until(ENTER, " run]");
    // A rotation is watched for a while; a key would leave it.
    terminal.shows("DONE");
}

#[test]
fn by_keys_alone() {
    let demo = Demo::empty(&binary());
    let mut terminal = Terminal::open(&binary(), &["--host", &demo.host()], &[], 24, 80);
    terminal.shows("quorum 3/3");

    // Create, with a typed value.
    terminal.keys("4");
    terminal.shows("secrets(0)");
    terminal.keys("n");
    terminal.shows("new secret");
    terminal.keys("pin\t");
    terminal.press_until("\u{1b}[C", "(x) type");
    terminal.keys("\t");
    terminal.keys(TYPED);
    terminal.shows(&format!("{} bytes, hidden", TYPED.len()));
    run(&mut terminal, "pin");
    terminal.press_until(ENTER, "secrets > pin");

    // Grant it to a new service and see it arrive in memory.
    terminal.keys("5");
    terminal.shows("services(0)");
    terminal.keys("n");
    terminal.shows("new service");
    terminal.keys("shop\t\tsleep 1000\t\u{7f}4");
    terminal.press_until(ENTER, "[3 secret]");
    terminal.press_until("\u{1b}[C", "(x) pin");
    run(&mut terminal, "shop");
    terminal.shows("4 of 4 proved");
    let paths = until("four tasks run", || {
        Some(demo.files("shop", "pin")).filter(|files| files.len() == 4)
    });
    for path in &paths {
        assert_eq!(std::fs::read(path).unwrap(), TYPED.as_bytes());
    }

    // Rotate: generated, planned, proved; the path stays.
    terminal.press_until(ENTER, "services > shop");
    terminal.keys("4");
    terminal.shows("secrets(1)");
    terminal.keys("r");
    terminal.shows("rotate");
    run(&mut terminal, "pin");
    terminal.press_until(ENTER, "HOLD =");
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(bytes.len(), 32, "32 generated characters at the same path");
        assert_ne!(bytes, TYPED.as_bytes());
    }

    // Revoke: planned, proved, gone.
    terminal.keys("4");
    terminal.shows("secrets(1)");
    terminal.keys("\u{4}");
    terminal.shows("revoke");
    run(&mut terminal, "pin");
    for path in &paths {
        assert!(!path.exists(), "{} is gone", path.display());
    }
    terminal.press_until(ENTER, "HOLD =");
    terminal.keys("7");
    terminal.shows("secret.erase");
    terminal.keys(":q\r");
    assert_eq!(terminal.ended(), 0);

    // What was typed never came back to the screen, and the terminal is as it was (I3, I12).
    assert_eq!(Canary::new(TYPED.as_bytes()).found_in(&terminal.bytes()), None);
    assert!(!terminal.alternate_screen());
}
