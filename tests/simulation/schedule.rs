//! Which faults, when? A list made from the seed before the run, so that it can be printed and read.

use std::fmt;

use crate::dice::Dice;

/// Before this the cluster is founded and left in peace.
const FAULTS_FROM_MS: u64 = 1_500;
/// Simulated milliseconds of faults; afterwards everything heals and must converge.
pub(crate) const FAULTS_UNTIL_MS: u64 = 8_000;

/// Furthest jump of a clock: far beyond every wait of the leader, which must be no longer for it.
const JUMP_MS: u64 = 60_000;

/// What strikes. Managers and workers by their place, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The manager's machine dies and what it had not synced is lost or torn; it starts again later.
    Crash { manager: usize, down_ms: u64 },
    /// All managers at once: a power cut.
    PowerCut { down_ms: u64 },
    /// One manager can talk to nobody.
    Isolate { manager: usize, for_ms: u64 },
    /// One manager's messages to another are lost, not the other way.
    OneWay { from: usize, to: usize, for_ms: u64 },
    /// A worker can talk to nobody.
    CutWorker { worker: usize, for_ms: u64 },
    /// A worker's process dies. Its files stay, as they do on a tmpfs, until it starts again.
    CrashWorker { worker: usize, down_ms: u64 },
    /// The manager's next fsync fails: it must stop, and is started again.
    FailedSync { manager: usize, down_ms: u64 },
    /// Everything to and from the manager takes up to this long.
    Slow {
        manager: usize,
        latency_ms: u64,
        for_ms: u64,
    },
    /// The worker's tmpfs is full: so many writes fail.
    FullWorker { worker: usize, times: u32 },
    /// So many erasures fail on the worker.
    StuckWorker { worker: usize, times: u32 },
    /// The manager's wall clock jumps.
    ClockJump { manager: usize, by_ms: i64 },
}

impl Fault {
    /// The name under which hits are counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::PowerCut { .. } => "power-cut",
            Self::Isolate { .. } => "isolate",
            Self::OneWay { .. } => "one-way",
            Self::CutWorker { .. } => "cut-worker",
            Self::CrashWorker { .. } => "crash-worker",
            Self::FailedSync { .. } => "failed-sync",
            Self::Slow { .. } => "slow",
            Self::FullWorker { .. } => "full-worker",
            Self::StuckWorker { .. } => "stuck-worker",
            Self::ClockJump { .. } => "clock-jump",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Faults by the time they strike, in order. They may overlap; no disk is ever lost for good.
pub(crate) fn schedule(seed: u64, managers: usize, workers: usize) -> Vec<(u64, Fault)> {
    let dice = Dice::new(seed, "schedule");
    let mut faults = Vec::new();
    let mut at = FAULTS_FROM_MS + dice.below(500);
    while at < FAULTS_UNTIL_MS {
        faults.push((at, fault(&dice, managers, workers)));
        at += dice.between(200, 1_100);
    }
    faults
}

fn fault(dice: &Dice, managers: usize, workers: usize) -> Fault {
    let (manager, worker) = (dice.index(managers), dice.index(workers));
    let other = (manager + 1 + dice.index(managers - 1)) % managers;
    let for_ms = dice.between(150, 1_800);
    match dice.below(23) {
        0..=4 => Fault::Crash {
            manager,
            down_ms: for_ms,
        },
        5..=6 => Fault::PowerCut {
            down_ms: dice.between(50, 600),
        },
        7..=9 => Fault::Isolate { manager, for_ms },
        10..=11 => Fault::OneWay {
            from: manager,
            to: other,
            for_ms,
        },
        12 => Fault::CutWorker { worker, for_ms },
        13..=14 => Fault::CrashWorker {
            worker,
            down_ms: for_ms,
        },
        15..=16 => Fault::FailedSync {
            manager,
            down_ms: dice.between(50, 800),
        },
        17..=18 => Fault::Slow {
            manager,
            latency_ms: dice.between(20, 200),
            for_ms,
        },
        19 => Fault::FullWorker {
            worker,
            times: few(dice),
        },
        20 => Fault::StuckWorker {
            worker,
            times: few(dice),
        },
        _ => {
            let by_ms = i64::try_from(dice.below(2 * JUMP_MS)).expect("seconds fit");
            let back = i64::try_from(JUMP_MS).expect("seconds fit");
            Fault::ClockJump {
                manager,
                by_ms: by_ms - back,
            }
        }
    }
}

fn few(dice: &Dice) -> u32 {
    u32::try_from(dice.between(1, 4)).expect("three at most")
}
