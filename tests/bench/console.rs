//! How soon is the console there, how much memory does the whole demo take, and what does it cost when nobody types?

use std::time::{Duration, Instant};

use harness::terminal::Terminal;

use crate::{binary, ms, row};

const RUNS: usize = 5;
/// A cluster that has not changed what is on the screen for so long has settled.
const SETTLED: Duration = Duration::from_secs(8);
const IDLE: Duration = Duration::from_secs(10);
/// What /proc counts in, on every Linux architecture there is.
const USER_HZ: u64 = 100;

pub(crate) fn report() {
    let (mut frames, mut leaders) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (frame, leader) = start();
        frames.push(frame);
        leaders.push(leader);
    }
    frames.sort_unstable();
    leaders.sort_unstable();
    row(
        "first full frame of `wardroom demo`, median of 5",
        &ms(frames[RUNS / 2]),
        "goal 300 ms",
    );
    row(
        "a leader on the screen, median of 5",
        &ms(leaders[RUNS / 2]),
        "goal 1000 ms",
    );
    at_rest();
}

fn start() -> (Duration, Duration) {
    let started = Instant::now();
    let terminal = Terminal::open(&binary(), &["demo"], &[], 40, 120);
    let seen = |screen: &str| screen.contains("1 Cluster").then(|| started.elapsed());
    let frame = spin(|| seen(&terminal.contents()));
    let leader = spin(|| terminal.contents().contains("quorum 3/3").then(|| started.elapsed()));
    quit(terminal);
    (frame, leader)
}

/// Looks without pause: the figure must not contain the observer's naps.
pub(crate) fn spin<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain");
        std::thread::yield_now();
    }
}

fn quit(mut terminal: Terminal) {
    terminal.keys(":q\r");
    terminal.ended();
}

fn at_rest() {
    let terminal = Terminal::open(&binary(), &["demo"], &[], 40, 120);
    terminal.until("the demo has settled", |screen| screen.contains("quorum 3/3"));
    let pid = terminal.pid();
    terminal.is_quiet_for(SETTLED);
    let (mut before, mut paintings) = (cpu(pid), 0);
    // The minute on the clock is painted when it changes; what is idle is not disturbed by more.
    while terminal.writes_within(IDLE) {
        paintings += 1;
        assert!(paintings < 5, "a demo that nobody uses paints again and again");
        before = cpu(pid);
    }
    let used = cpu(pid).saturating_sub(before);
    row(
        "idle CPU of the whole demo, console open",
        &format!("{:.2} %", used.as_secs_f64() / IDLE.as_secs_f64() * 100.0),
        "goal 2 % of a core; Swarm 2.7 %",
    );
    row(
        "RSS of the whole demo, console open",
        &format!("{:.1} MiB", rss_mib(pid)),
        "goal 80 MiB; Swarm 87-94 MB a manager",
    );
    quit(terminal);
}

/// Processor time so far.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 1000 / USER_HZ)
}

pub(crate) fn rss_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
