//! What must hold, always and in the end? One file per invariant of ARCHITECTURE.md; here is when each of them looks.

mod committed;
mod i1_acknowledged;
mod i1_durable;
mod i2_agreement;
mod i3_plaintext;
mod i4_assigned;
mod i5_holdings;
mod i6_erased;
mod i9_audit;
mod leaders;
mod settled;
mod stale_refusal;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use wardroom_manager::Applied;
use wardroom_state::State;

use crate::roller;
use crate::world::World;
use values::Values;

pub(crate) use settled::unsettled;

/// Broken invariants, each beginning with its number.
pub(crate) type Findings = Vec<String>;

/// What the checks remember of a run.
#[derive(Default)]
pub(crate) struct Checks {
    agreement: i2_agreement::Agreement,
    leaders: leaders::Leaders,
    committed: committed::Committed,
    assigned: i4_assigned::Assigned,
    values: Values,
    /// Index at which a manager's state was last looked at, by place.
    looked_at: BTreeMap<usize, u64>,
}

impl Checks {
    /// After each step: what a manager applied in it.
    pub(crate) fn applied(&mut self, who: &str, applied: &[Arc<Applied>], state: &State, world: &World) -> Findings {
        self.values.learn(applied, state, world);
        self.assigned.learn(applied, state);
        self.agreement.observe(who, applied, state)
    }

    /// After each step: what a manager says of itself.
    pub(crate) fn status(&mut self, place: usize, world: &World) -> Findings {
        let lives = world.lives.borrow();
        let Some(life) = lives.get(&place) else {
            return Vec::new();
        };
        let who = &world.cluster.managers[place].name;
        let mut findings = self.leaders.observe(who, &life.leadership(), &life.status(), world);
        findings.extend(self.committed.observe(who, &life.status()));
        findings
    }

    /// A manager's process is gone: its next one may begin further back.
    pub(crate) fn died(&mut self, place: usize, world: &World) {
        let who = &world.cluster.managers[place].name;
        self.committed.forget(who);
        self.leaders.forget(who);
        self.looked_at.remove(&place);
    }

    /// Now and then: what costs a pass over the state or over the workers' memory.
    pub(crate) fn look(&mut self, world: &World) -> Findings {
        let mut findings = Findings::new();
        let lives = world.lives.borrow();
        for (place, life) in lives.iter() {
            let who = &world.cluster.managers[*place].name;
            life.manager.replica().read(|state| {
                if self.looked_at.insert(*place, state.index()) != Some(state.index()) {
                    findings.extend(state.check().into_iter().map(|broken| format!("I2 {who}: {broken}")));
                }
            });
        }
        let held = self.values.held(world);
        findings.extend(self.assigned.check(&held));
        let newest = lives.values().max_by_key(|life| life.manager.replica().index());
        if let Some(life) = newest {
            findings.extend(life.manager.replica().read(|state| i6_erased::check(state, &held)));
        }
        findings
    }

    /// When everything has healed and come to rest.
    pub(crate) fn at_rest(&mut self, world: &World) -> Findings {
        let mut findings = self.look(world);
        let history = world.history.borrow();
        for (place, life) in world.lives.borrow().iter() {
            let who = &world.cluster.managers[*place].name;
            life.manager.replica().read(|state| {
                findings.extend(i1_acknowledged::check(who, &history, state, world));
                findings.extend(i5_holdings::check(who, state, world));
                findings.extend(i9_audit::check(who, &history, state));
                findings.extend(roller::check(who, state));
            });
        }
        findings.extend(i1_acknowledged::order(&history));
        findings.extend(stale_refusal::check(&history));
        findings
    }
}

/// On the disks alone, after the last power cut.
pub(crate) fn on_disk(world: &World) -> Findings {
    let mut findings = i3_plaintext::check(world);
    findings.extend(i1_durable::check(world));
    findings
}
