//! How does a fault strike, and how does it heal? The schedule's words turned into crashes, cuts and delays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::run::{MANAGERS, Run, WORKERS};
use crate::schedule::{Fault, schedule};
use crate::world::Life;

/// Longest latency of a message on a link that is well.
pub(crate) const LATENCY: Duration = Duration::from_millis(6);
/// A manager whose disk failed must have stopped after this.
const STOPS_WITHIN_MS: u64 = 1_000;

/// What is going to happen.
#[derive(Clone, Copy, Debug)]
enum Event {
    Strike(Fault),
    StartManager(usize),
    StartWorker(usize),
    Rejoin(Host, Host),
    Quicken(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Manager(usize),
    Worker(usize),
}

impl Host {
    fn all() -> impl Iterator<Item = Self> {
        (0..MANAGERS).map(Self::Manager).chain((0..WORKERS).map(Self::Worker))
    }

    fn name(self) -> String {
        match self {
            Self::Manager(place) => format!("m{}", place + 1),
            Self::Worker(place) => format!("w{}", place + 1),
        }
    }
}

/// The faults of one run.
pub(crate) struct Faults {
    agenda: BTreeMap<u64, Vec<Event>>,
    /// How often each kind really struck.
    pub(crate) hits: BTreeMap<&'static str, u32>,
    down: BTreeSet<String>,
    /// Managers with a sync that is to fail: failed syncs before, and how long to stay down.
    failing: BTreeMap<usize, Failing>,
}

struct Failing {
    struck_before: u64,
    struck_at_ms: Option<u64>,
    down_ms: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let mut agenda: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
        for (at_ms, fault) in schedule(seed, MANAGERS, WORKERS) {
            agenda.entry(at_ms).or_default().push(Event::Strike(fault));
        }
        Self {
            agenda,
            hits: BTreeMap::new(),
            down: BTreeSet::new(),
            failing: BTreeMap::new(),
        }
    }

    /// What is due now, and what failed disks have brought about.
    pub(crate) fn strike(&mut self, run: &mut Run) {
        self.watch_disks(run);
        while let Some(entry) = self.agenda.first_entry().filter(|entry| *entry.key() <= run.now_ms) {
            for event in entry.remove() {
                self.happen(run, event);
            }
        }
    }

    /// Everything works again: links, machines, disks.
    pub(crate) fn heal(&mut self, run: &mut Run) {
        self.watch_disks(run);
        self.agenda.clear();
        for (one, other) in pairs() {
            run.sim.repair(one.name(), other.name());
        }
        (0..MANAGERS).for_each(|place| quicken(run, place));
        for seat in &run.world.cluster.workers {
            seat.files.fail_publish(0);
            seat.files.fail_erase(0);
        }
        (0..MANAGERS).for_each(|place| self.happen(run, Event::StartManager(place)));
        (0..WORKERS).for_each(|place| self.happen(run, Event::StartWorker(place)));
        run.note("all", "healed");
    }

    pub(crate) fn cut_power(&mut self, run: &mut Run) {
        (0..MANAGERS).for_each(|place| {
            self.kill_manager(run, place);
        });
    }

    fn happen(&mut self, run: &mut Run, event: Event) {
        match event {
            Event::Strike(fault) => {
                run.note("all", &fault.to_string());
                if self.hit(run, fault) {
                    *self.hits.entry(fault.kind()).or_default() += 1;
                }
            }
            Event::StartManager(place) => self.start(run, Host::Manager(place)),
            Event::StartWorker(place) => self.start(run, Host::Worker(place)),
            Event::Rejoin(one, other) => run.sim.repair(one.name(), other.name()),
            Event::Quicken(place) => quicken(run, place),
        }
    }

    /// Whether it struck: a host that is down cannot crash.
    fn hit(&mut self, run: &mut Run, fault: Fault) -> bool {
        match fault {
            Fault::Crash { manager, down_ms } => {
                self.later(run, down_ms, Event::StartManager(manager));
                self.kill_manager(run, manager)
            }
            Fault::PowerCut { down_ms } => {
                (0..MANAGERS).for_each(|place| self.later(run, down_ms, Event::StartManager(place)));
                self.cut_power(run);
                true
            }
            Fault::Isolate { manager, for_ms } => self.isolate(run, Host::Manager(manager), for_ms),
            Fault::CutWorker { worker, for_ms } => self.isolate(run, Host::Worker(worker), for_ms),
            Fault::OneWay { from, to, for_ms } => {
                let (from, to) = (Host::Manager(from), Host::Manager(to));
                run.sim.partition_oneway(from.name(), to.name());
                self.later(run, for_ms, Event::Rejoin(from, to));
                true
            }
            Fault::CrashWorker { worker, down_ms } => {
                self.later(run, down_ms, Event::StartWorker(worker));
                let name = Host::Worker(worker).name();
                self.down.insert(name.clone()) && {
                    run.sim.crash(name);
                    true
                }
            }
            Fault::FailedSync { manager, down_ms } => {
                self.fail_sync(run, manager, down_ms);
                false // counted when a sync really fails
            }
            Fault::Slow {
                manager,
                latency_ms,
                for_ms,
            } => {
                for (one, other) in pairs_of(Host::Manager(manager)) {
                    let latency = Duration::from_millis(latency_ms);
                    run.sim.set_link_max_message_latency(one.name(), other.name(), latency);
                }
                self.later(run, for_ms, Event::Quicken(manager));
                true
            }
            Fault::FullWorker { worker, times } => {
                run.world.cluster.workers[worker].files.fail_publish(times);
                true
            }
            Fault::StuckWorker { worker, times } => {
                run.world.cluster.workers[worker].files.fail_erase(times);
                true
            }
            Fault::ClockJump { manager, by_ms } => {
                run.world.cluster.managers[manager].clock.jump(by_ms);
                true
            }
        }
    }

    fn later(&mut self, run: &Run, after_ms: u64, event: Event) {
        self.agenda.entry(run.now_ms + after_ms).or_default().push(event);
    }

    fn isolate(&mut self, run: &mut Run, host: Host, for_ms: u64) -> bool {
        for (one, other) in pairs_of(host) {
            run.sim.partition(one.name(), other.name());
            self.later(run, for_ms, Event::Rejoin(one, other));
        }
        true
    }

    /// The machine loses power. `false` when it was off already.
    fn kill_manager(&mut self, run: &mut Run, place: usize) -> bool {
        let name = Host::Manager(place).name();
        if !self.down.insert(name.clone()) {
            return false;
        }
        self.failing.remove(&place);
        run.forget(place);
        run.sim.crash(name.as_str());
        let seed = run.dice.seed();
        run.world.cluster.managers[place].disk.crash(seed);
        run.note(&name, "down");
        true
    }

    fn start(&mut self, run: &mut Run, host: Host) {
        if self.down.remove(&host.name()) {
            run.note(&host.name(), "up");
            run.sim.bounce(host.name());
        }
    }

    fn fail_sync(&mut self, run: &mut Run, place: usize, down_ms: u64) {
        // One that is down, or is no manager now, syncs nothing.
        if !run.world.lives.borrow().contains_key(&place) {
            return;
        }
        let disk = &run.world.cluster.managers[place].disk;
        disk.fail_next_sync();
        self.failing.insert(
            place,
            Failing {
                struck_before: disk.struck(),
                struck_at_ms: None,
                down_ms,
            },
        );
    }

    /// A manager whose sync failed must stop by itself, and no other may.
    fn watch_disks(&mut self, run: &mut Run) {
        for place in 0..MANAGERS {
            let name = Host::Manager(place).name();
            let stopped = run.world.lives.borrow().get(&place).and_then(Life::failure);
            let struck = run.world.cluster.managers[place].disk.struck();
            let failing = self
                .failing
                .get_mut(&place)
                .filter(|failing| struck > failing.struck_before);
            match (stopped, failing) {
                (Some(_), Some(failing)) => {
                    let down_ms = failing.down_ms;
                    *self.hits.entry("failed-sync").or_default() += 1;
                    run.note(&name, "stopped after a failed sync");
                    self.kill_manager(run, place);
                    self.later(run, down_ms, Event::StartManager(place));
                }
                (Some(reason), None) => run.complain(format!("N {name} stopped by itself: {reason}")),
                (None, Some(failing)) => {
                    let since = *failing.struck_at_ms.get_or_insert(run.now_ms);
                    if run.now_ms - since > STOPS_WITHIN_MS {
                        run.complain(format!("I1 {name} goes on after a failed sync"));
                    }
                }
                (None, None) => {}
            }
        }
    }
}

fn quicken(run: &mut Run, place: usize) {
    for (one, other) in pairs_of(Host::Manager(place)) {
        run.sim.set_link_max_message_latency(one.name(), other.name(), LATENCY);
    }
}

fn pairs_of(host: Host) -> impl Iterator<Item = (Host, Host)> {
    Host::all()
        .filter(move |other| *other != host)
        .map(move |other| (host, other))
}

fn pairs() -> impl Iterator<Item = (Host, Host)> {
    let before = |one: Host, other: Host| one.name() < other.name();
    Host::all().flat_map(move |one| {
        Host::all()
            .filter(move |other| before(one, *other))
            .map(move |other| (one, other))
    })
}
