//! How does one run go? Faults strike, then everything heals and must come to rest, then all power is cut and what the
//! disks hold is compared; at every step the checks look on.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use turmoil::{Builder, Sim};
use wardroom_manager::Applied;

use crate::checks::{Checks, Findings, on_disk, unsettled};
use crate::dice::Dice;
use crate::faults::Faults;
use crate::founding::found;
use crate::hosts;
use crate::plant::Plant;
use crate::schedule::FAULTS_UNTIL_MS;
use crate::spare;
use crate::trace::Trace;
use crate::world::World;

/// Managers from the beginning.
const FOUNDERS: usize = 3;
/// Nodes that become managers and workers again during a run.
const SPARES: usize = 1;
pub(crate) const MANAGERS: usize = FOUNDERS + SPARES;
pub(crate) const WORKERS: usize = 2;
/// Clients go on for this long after the last fault.
const WORK_ON_MS: u64 = 700;
/// Within this time everything must be at rest again: the longest wait is a worker's back-off of 8 s behind a call that
/// is given up after 10 s.
const REST_WITHIN_MS: u64 = 25_000;
/// Rest is believed when it lasts.
const REST_FOR_MS: u64 = 300;
/// Between two looks at everything.
const LOOK_EVERY_MS: u64 = 100;
/// Between two turns of a client, on average.
const TURN_MS: u64 = 90;

/// What came out.
pub(crate) struct Report {
    pub(crate) trace: String,
    pub(crate) hits: BTreeMap<&'static str, u32>,
    /// Confirmed, refused, unknown.
    pub(crate) calls: (usize, usize, usize),
    /// Changes of the membership that were confirmed, by kind.
    pub(crate) moves: BTreeMap<&'static str, u32>,
    pub(crate) simulated_ms: u64,
    /// Raft index at the end.
    pub(crate) index: u64,
    pub(crate) findings: Findings,
}

/// One run in progress.
pub(crate) struct Run {
    pub(crate) sim: Sim<'static>,
    pub(crate) world: Rc<World>,
    pub(crate) dice: Dice,
    pub(crate) now_ms: u64,
    trace: Trace,
    checks: Checks,
    findings: Findings,
}

/// Runs `seed` to its end, or to the first broken invariant.
pub(crate) fn run(seed: u64, plant: Plant) -> Report {
    let mut run = Run::new(seed, plant);
    let mut faults = Faults::new(seed);
    if run.strike_and_heal(&mut faults).is_some() {
        run.cut_power_and_compare(&mut faults);
    }
    run.report(faults)
}

impl Run {
    fn new(seed: u64, plant: Plant) -> Self {
        let world = Rc::new(World::new(seed, found(seed, FOUNDERS, SPARES, WORKERS, plant)));
        let mut sim = Builder::new()
            .rng_seed(seed)
            .simulation_duration(Duration::from_secs(600))
            .tick_duration(Duration::from_millis(1))
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(crate::faults::LATENCY)
            .tcp_capacity(65_536)
            .build();
        for (place, seat) in world.cluster.managers.iter().enumerate() {
            let world = Rc::clone(&world);
            if place < FOUNDERS {
                sim.host(seat.name.as_str(), move || hosts::manager(place, Rc::clone(&world)));
            } else {
                sim.host(seat.name.as_str(), move || spare::run(place, Rc::clone(&world)));
            }
        }
        for (place, seat) in world.cluster.workers.iter().enumerate() {
            let world = Rc::clone(&world);
            sim.host(seat.name.as_str(), move || hosts::worker(place, Rc::clone(&world)));
        }
        Self {
            sim,
            world,
            dice: Dice::new(seed, "run"),
            now_ms: 0,
            trace: Trace::new(),
            checks: Checks::default(),
            findings: Findings::new(),
        }
    }

    /// Safety under faults, then liveness without. `None` when something was found.
    fn strike_and_heal(&mut self, faults: &mut Faults) -> Option<()> {
        while self.now_ms < FAULTS_UNTIL_MS {
            faults.strike(self);
            self.step()?;
        }
        faults.heal(self);
        self.world.work_until_ms.set(self.now_ms + WORK_ON_MS);
        while self.now_ms < self.world.work_until_ms.get() {
            faults.strike(self);
            self.step()?;
        }
        self.rest(faults)
    }

    /// Everything off at once, the disks read as they are, everything on again.
    fn cut_power_and_compare(&mut self, faults: &mut Faults) -> Option<()> {
        faults.cut_power(self);
        let findings = on_disk(&self.world);
        self.found(findings)?;
        faults.heal(self);
        self.rest(faults)
    }

    fn rest(&mut self, faults: &mut Faults) -> Option<()> {
        let until = self.now_ms + REST_WITHIN_MS;
        let (mut since, mut told) = (None, None);
        loop {
            faults.strike(self);
            self.step()?;
            let restless = unsettled(&self.world);
            if restless != told {
                self.note("all", restless.as_deref().unwrap_or("at rest"));
                told.clone_from(&restless);
            }
            match (&restless, since) {
                (None, Some(since)) if self.now_ms - since >= REST_FOR_MS => break,
                (None, _) => since = since.or(Some(self.now_ms)),
                (Some(_), _) => since = None,
            }
            if self.now_ms > until {
                let why = restless.unwrap_or_default();
                return self.found(vec![format!("C no rest within {REST_WITHIN_MS} ms: {why}")]);
            }
        }
        let findings = self.checks.at_rest(&self.world);
        self.found(findings)
    }

    /// One simulated millisecond, and what the checks say to it.
    fn step(&mut self) -> Option<()> {
        self.give_turns();
        if let Err(error) = self.sim.step() {
            return self.found(vec![format!("N a host ended: {error}")]);
        }
        self.now_ms += 1;
        let mut findings: Findings = self.world.complaints.borrow_mut().drain(..).collect();
        for place in self.world.left.borrow_mut().drain(..) {
            self.checks.died(place, &self.world);
        }
        for place in 0..MANAGERS {
            findings.extend(self.observe(place));
            findings.extend(self.checks.status(place, &self.world));
        }
        if self.now_ms.is_multiple_of(LOOK_EVERY_MS) {
            findings.extend(self.checks.look(&self.world));
        }
        self.found(findings)
    }

    /// The founders' clients ask one after the other, each as often as the dice have it.
    fn give_turns(&self) {
        for place in 0..FOUNDERS {
            if self.dice.below(TURN_MS) == 0 {
                self.world.give_turn(place);
            }
        }
    }

    /// Takes in what a manager has applied since the last look.
    pub(crate) fn observe(&mut self, place: usize) -> Findings {
        let world = Rc::clone(&self.world);
        let mut lives = world.lives.borrow_mut();
        let Some(life) = lives.get_mut(&place) else {
            return Findings::new();
        };
        let who = &world.cluster.managers[place].name;
        let mut applied: Vec<Arc<Applied>> = Vec::new();
        loop {
            use tokio::sync::broadcast::error::TryRecvError;
            match life.applied.try_recv() {
                Ok(entry) => applied.push(entry),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if applied.is_empty() {
            return Findings::new();
        }
        for entry in &applied {
            self.trace
                .note(self.now_ms, who, &format!("{} {:?}", entry.index, entry.events));
        }
        life.manager
            .replica()
            .read(|state| self.checks.applied(who, &applied, state, &world))
    }

    /// A manager's process ends here and now.
    pub(crate) fn forget(&mut self, place: usize) {
        let findings = self.observe(place);
        self.findings.extend(findings);
        self.world.ends(place);
        self.checks.died(place, &self.world);
    }

    pub(crate) fn note(&mut self, host: &str, what: &str) {
        self.trace.note(self.now_ms, host, what);
    }

    /// `None` ends the run.
    fn found(&mut self, findings: Findings) -> Option<()> {
        self.findings.extend(findings);
        self.findings.is_empty().then_some(())
    }

    pub(crate) fn complain(&mut self, finding: String) {
        self.findings.push(finding);
    }

    fn report(mut self, faults: Faults) -> Report {
        let lives = self.world.lives.borrow();
        let index = lives
            .values()
            .map(|life| life.manager.replica().index())
            .max()
            .unwrap_or(0);
        drop(lives);
        // Before the runtimes go: no manager may outlive the host it ran on.
        self.world.all_end();
        let calls = self.world.history.borrow().counts();
        Report {
            trace: self.trace.hash(),
            hits: faults.hits,
            calls,
            moves: self.world.moves.borrow().clone(),
            simulated_ms: self.now_ms,
            index,
            findings: self.findings,
        }
    }
}
