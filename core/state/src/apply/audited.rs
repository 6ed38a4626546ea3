//! What goes into the audit chain, and in which words?

use super::step::Step;
use crate::audit::{AUDIT_KEPT, AuditRecord};
use crate::event::ObjectKey;
use crate::holding::HoldingKey;
use crate::ids::{NodeId, SecretId};

/// How a deed ended.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Ok,
    Denied,
    Failed,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

impl Step<'_> {
    pub(super) fn audit(&mut self, action: &str, object: impl Into<String>, detail: impl Into<String>) {
        self.audit_outcome(action, object, Outcome::Ok, detail);
    }

    pub(super) fn audit_outcome(
        &mut self,
        action: &str,
        object: impl Into<String>,
        outcome: Outcome,
        detail: impl Into<String>,
    ) {
        let facts = &mut self.state.facts;
        let mut record = AuditRecord {
            sequence: facts.audit_length.saturating_add(1),
            index: self.index,
            at_ms: self.now_ms,
            actor: self.actor.name.clone(),
            from: self.actor.from.clone(),
            action: action.to_owned(),
            object: object.into(),
            outcome: outcome.as_str().to_owned(),
            detail: detail.into(),
            previous: facts.audit_head,
            hash: [0; 32],
        };
        record.hash = record.expected_hash();
        facts.audit_head = record.hash;
        facts.audit_length = record.sequence;
        let sequence = record.sequence;
        facts.audit.push_back(record);
        // The chain stays verifiable: the oldest record kept still names the hash of the one dropped.
        while facts.audit.len() > AUDIT_KEPT {
            facts.audit.pop_front();
        }
        self.put(ObjectKey::Audit(sequence));
    }

    /// `db_password`, or the id of a secret that is gone.
    pub(super) fn secret_name(&self, id: &SecretId) -> String {
        self.state
            .secrets()
            .get(id)
            .map_or_else(|| id.to_string(), |secret| secret.name.clone())
    }

    pub(super) fn hostname(&self, id: &NodeId) -> String {
        self.state
            .nodes()
            .get(id)
            .map(|node| &node.hostname)
            .or_else(|| self.state.removed().get(id.as_str()).map(|tombstone| &tombstone.name))
            .map_or_else(|| id.to_string(), String::clone)
    }

    /// `db_password v2 -> ember web.1`.
    pub(super) fn delivery(&self, key: &HoldingKey) -> String {
        let task = self
            .state
            .tasks()
            .get(&key.task)
            .map_or(key.task.as_str(), |task| task.name.as_str());
        let (secret, host) = (self.secret_name(&key.secret), self.hostname(&key.node));
        format!("{secret} v{} -> {host} {task}", key.version)
    }
}

pub(super) fn note_refusal(step: &mut Step<'_>, method: &str, reason: &str) {
    step.audit_outcome(
        "access.refuse",
        shorten(method, 200),
        Outcome::Denied,
        shorten(reason, 500),
    );
}

/// A read that changes nothing and that somebody may ask about.
pub(super) fn note_access(step: &mut Step<'_>, action: &str, object: &str, detail: &str) {
    step.audit(&shorten(action, 64), shorten(object, 200), shorten(detail, 500));
}

/// Text from outside at a bounded length, so that nobody can fill the state with it.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// In the largest unit that says it exactly: `90d`, `1h`, `10s`, `1500ms`.
pub(super) fn duration(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let exact = units.iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
    exact.map_or_else(|| format!("{ms}ms"), |(unit, name)| format!("{}{name}", ms / unit))
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::shorten;
    use crate::audit::{AUDIT_KEPT, verify_chain};
    use crate::command::{Actor, Command, Proposal};
    use crate::script::{Script, expect};

    fn refused(method: &str) -> Command {
        Command::NoteRefusal {
            method: method.into(),
            reason: "not an operator".into(),
        }
    }

    #[test]
    fn a_refused_access_is_recorded_as_denied() {
        expect(
            &Script::new().play(refused("CreateSecret")),
            "access.refuse CreateSecret [denied] not an operator",
        );
    }

    #[test]
    fn a_read_is_recorded_at_a_bounded_length() {
        let read = |detail: &str| Command::NoteAccess {
            action: "join-token.read".into(),
            object: "worker".into(),
            detail: detail.into(),
        };
        let mut script = Script::new();
        expect(&script.play(read("")), "join-token.read worker [ok] ");
        script.play(read(&"x".repeat(900)));
        let record = script.state.audit().next_back().unwrap();
        assert_eq!(record.detail.chars().count(), 500);
    }

    #[test]
    fn the_chain_is_capped_and_still_verifiable() {
        let mut state = Script::new().state;
        let actor = Actor {
            name: "admin:root".into(),
            from: "local".into(),
        };
        let proposal = Proposal {
            at_ms: 5,
            actor,
            command: refused("List"),
        };
        for index in 2..u64::try_from(AUDIT_KEPT).unwrap() + 10 {
            state.apply(index, &proposal).unwrap();
        }
        assert_eq!(state.audit().len(), AUDIT_KEPT);
        assert_eq!(state.audit_length(), 10_009);
        assert_eq!(state.audit().next().unwrap().sequence, 10);
        assert_eq!(state.audit_record(10).unwrap().sequence, 10);
        assert_eq!(state.audit_record(9), None);
        assert_eq!(verify_chain(state.audit()), Ok(()));
        // Times never go back: the cluster's first entries were later than these.
        assert!(state.audit().all(|record| record.at_ms == 1_001));
        assert_eq!(state.check(), Vec::<String>::new());
    }

    #[test]
    fn shorten_counts_characters_and_marks_the_cut() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("äöüß", 3), "äö…");
    }
}
