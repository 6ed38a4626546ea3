//! Whatever ends the console, the terminal is as it was (I12); whatever size it has, nothing breaks.

use harness::process::Demo;
use harness::terminal::Terminal;
use rustix::process::Signal;

use crate::binary;

fn console(demo: &Demo, rows: u16, columns: u16) -> Terminal {
    let terminal = Terminal::open(&binary(), &["--host", &demo.host()], &[], rows, columns);
    terminal.shows("quorum 3/3");
    terminal
}

fn restored(terminal: &Terminal, how: &str) {
    assert!(!terminal.alternate_screen(), "{how} left the alternate screen on");
    assert!(!terminal.cursor_hidden(), "{how} left the cursor hidden");
}

#[test]
fn the_terminal_is_restored_whichever_way_it_ends() {
    let demo = Demo::empty(&binary());
    let mut quit = console(&demo, 24, 80);
    assert!(quit.alternate_screen());
    quit.keys(":q\r");
    assert_eq!(quit.ended(), 0);
    restored(&quit, ":q");
    let mut twice = console(&demo, 24, 80);
    twice.keys("\u{3}\u{3}");
    twice.ended();
    restored(&twice, "ctrl-c twice");
    for (signal, number) in [
        (Signal::TERM, 15),
        (Signal::HUP, 1),
        (Signal::INT, 2),
        (Signal::QUIT, 3),
    ] {
        let mut terminal = console(&demo, 24, 80);
        terminal.signal(signal);
        assert_eq!(terminal.ended(), 128 + number, "{signal:?}");
        restored(&terminal, &format!("{signal:?}"));
    }
}

#[test]
fn every_screen_draws_at_every_size() {
    let demo = Demo::empty(&binary());
    let mut terminal = console(&demo, 24, 80);
    for (rows, columns) in [(40, 120), (60, 200), (5, 10), (1, 1), (12, 50), (24, 80)] {
        terminal.resize(rows, columns);
        terminal.keys("12345678");
    }
    // Tiny terminals take no keys, and the last size is news that may come late: this line stands at full width only.
    terminal.press_until("1", "7 Audit 8 Tasks");
    terminal.keys(":q\r");
    assert_eq!(terminal.ended(), 0);
}
