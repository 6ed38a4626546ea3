//! I1: is every acknowledged write still there? What was confirmed must be in every manager's state, and what was
//! refused must have left nothing. A call of unknown outcome may be there or not; it excuses what it could have caused.

use wardroom_state::State;
use wardroom_state::ids::{SecretId, ServiceId};
use wardroom_state::secret::{Secret, VersionState};

use super::Findings;
use super::values::open;
use crate::history::{Answer, Ask, Call, History, Outcome};
use crate::world::World;

pub(crate) fn check(who: &str, history: &History, state: &State, world: &World) -> Findings {
    let case = Case { history, state, world };
    let lost = history.calls.iter().filter_map(|call| {
        let lost = match &call.outcome {
            Outcome::Ok(answer) => case.confirmed(call, answer),
            Outcome::Refused(_) => case.refused(call),
            Outcome::Unknown(_) => None,
        };
        lost.map(|why| format!("I1 {who} at {}: {why}; {call}", state.index()))
    });
    lost.collect()
}

struct Case<'a> {
    history: &'a History,
    state: &'a State,
    world: &'a World,
}

impl Case<'_> {
    fn confirmed(&self, call: &Call, answer: &Answer) -> Option<String> {
        if answer.index > self.state.index() {
            return Some(format!("index {} was acknowledged and is not reached", answer.index));
        }
        match &call.ask {
            Ask::CreateSecret { value, .. } | Ask::RotateSecret { value, .. } => self.version(answer, value),
            Ask::RevokeSecret { secret } => self.revoked(answer, secret),
            Ask::RemoveSecret { .. } => self
                .secret(&answer.id)
                .map(|_| "the secret was removed and is there again".to_owned()),
            Ask::CreateService { .. } => {
                let gone = !self.state.services().contains_key(&ServiceId::new(&answer.id));
                let excused = self.history.asked_to_remove_service(&answer.id);
                (gone && !excused).then(|| "the service is lost".to_owned())
            }
            Ask::RemoveService { service } => {
                let there = self.state.services().contains_key(&ServiceId::new(service));
                there.then(|| "the service was removed and is there again".to_owned())
            }
        }
    }

    fn secret(&self, id: &str) -> Option<&Secret> {
        self.state.secrets().get(&SecretId::new(id))
    }

    /// The version exists, and its value is the one given, unless somebody asked for its end.
    fn version(&self, answer: &Answer, value: &str) -> Option<String> {
        let Some(secret) = self.secret(&answer.id) else {
            let excused = self.history.asked_to_remove_secret(&answer.id);
            return (!excused).then(|| "the secret is lost".to_owned());
        };
        let Some(version) = secret.versions.get(&answer.version) else {
            return Some(format!("version {} is lost", answer.version));
        };
        if version.sealed.is_none() {
            let newest = secret.versions.keys().next_back().copied().unwrap_or(0);
            let old = version.state == VersionState::Destroyed && newest > answer.version + secret.keep_versions;
            let excused = old || self.history.asked_to_revoke(&answer.id);
            return (!excused).then(|| format!("the value of version {} is gone", answer.version));
        }
        let same = open(self.world, secret, version).is_some_and(|opened| opened == value.as_bytes());
        (!same).then(|| format!("version {} has another value", answer.version))
    }

    /// Every version known to be made before the revoke is cut off for ever.
    fn revoked(&self, revoke: &Answer, id: &str) -> Option<String> {
        let secret = self.secret(id)?;
        let made_before = self
            .history
            .calls
            .iter()
            .filter_map(|call| match (&call.ask, call.answer()) {
                (Ask::CreateSecret { .. } | Ask::RotateSecret { .. }, Some(answer)) => Some(answer),
                _ => None,
            });
        let mut made_before = made_before.filter(|made| made.id == id && made.index < revoke.index);
        let alive = made_before.find(|made| {
            secret.versions.get(&made.version).is_none_or(|version| {
                !matches!(version.state, VersionState::Revoked | VersionState::Destroyed) || version.sealed.is_some()
            })
        });
        alive.map(|made| format!("version {} was revoked and is not any more", made.version))
    }

    /// A refusal changes nothing: nothing bears the name that only this call gave.
    fn refused(&self, call: &Call) -> Option<String> {
        let there = match &call.ask {
            Ask::CreateSecret { name, .. } => self.state.secrets().values().any(|secret| secret.name == *name),
            Ask::CreateService { name, .. } => self.state.services().values().any(|service| service.spec.name == *name),
            Ask::RotateSecret { secret, value } => self.secret(secret).is_some_and(|secret| {
                let mut versions = secret.versions.values();
                versions.any(|version| open(self.world, secret, version).as_deref() == Some(value.as_bytes()))
            }),
            _ => false,
        };
        there.then(|| "it was refused and done all the same".to_owned())
    }
}

/// Confirmed writes have the order in which they happened: what was answered before another was asked has a lower index.
pub(crate) fn order(history: &History) -> Findings {
    let mut findings = Findings::new();
    for later in &history.calls {
        let Some(later_answer) = later.answer() else { continue };
        for earlier in &history.calls {
            let Some(earlier_answer) = earlier.answer() else {
                continue;
            };
            let before = earlier.answered_ms.is_some_and(|answered| answered < later.asked_ms);
            if before && earlier_answer.index >= later_answer.index {
                findings.push(format!("I1 order: {earlier} came before {later}"));
            }
        }
    }
    findings
}
