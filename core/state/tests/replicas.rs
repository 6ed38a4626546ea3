//! Do two replicas always agree? Random commands on two states, one of which goes through snapshots; and rubbish in
//! place of a snapshot or a log entry.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod ops;

use std::collections::BTreeSet;

use ops::{Op, actor, bootstrap, op};
use proptest::prelude::*;
use wardroom_state::command::{Command, Proposal};
use wardroom_state::{STATE_FORMAT, State, decode_proposal, encode_proposal};

/// A failing case prints its ops; a seed is kept nowhere, the shrunk ops belong into a script beside the code.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What was there once and is not there now never comes back: Raft ids, and the ids of nodes and operators.
#[derive(Default)]
struct Gone {
    raft_ids: BTreeSet<u64>,
    subjects: BTreeSet<String>,
    now: (BTreeSet<u64>, BTreeSet<String>),
}

impl Gone {
    fn check(&mut self, state: &State) -> Result<(), TestCaseError> {
        let raft_ids = state.nodes().values().map(|node| node.raft_id).filter(|id| *id != 0);
        let subjects = state.nodes().keys().map(ToString::to_string);
        let subjects = subjects.chain(state.operators().keys().map(ToString::to_string));
        let now: (BTreeSet<u64>, BTreeSet<String>) = (raft_ids.collect(), subjects.collect());
        self.raft_ids.extend(self.now.0.difference(&now.0));
        self.subjects.extend(self.now.1.difference(&now.1).cloned());
        prop_assert!(self.raft_ids.is_disjoint(&now.0), "a Raft id came back: {:?}", now.0);
        prop_assert!(self.subjects.is_disjoint(&now.1), "a subject came back: {:?}", now.1);
        prop_assert!(self.raft_ids.iter().all(|id| state.raft_id_used(*id)));
        prop_assert!(self.subjects.iter().all(|id| state.subject_removed(id)));
        self.now = now;
        Ok(())
    }
}

fn play(ops: &[(Op, bool)]) -> Result<State, TestCaseError> {
    let (mut one, mut other) = (State::default(), State::default());
    let begin = Proposal {
        at_ms: 1_000,
        actor: actor(),
        command: bootstrap(),
    };
    for state in [&mut one, &mut other] {
        state.apply(1, &begin).unwrap();
    }
    let mut gone = Gone::default();
    for (place, (op, snapshot)) in ops.iter().enumerate() {
        let index = u64::try_from(place).unwrap() + 2;
        let command = op.command(&one, index);
        let idempotent = matches!(command, Command::Report { .. });
        let proposal = Proposal {
            at_ms: op.at_ms(index),
            actor: actor(),
            command,
        };
        let proposal = decode_proposal(&encode_proposal(&proposal)).unwrap();
        let before = one.digest();
        let outcome = one.apply(index, &proposal);
        prop_assert_eq!(&outcome, &other.apply(index, &proposal));
        prop_assert_eq!(one.check(), Vec::<String>::new(), "after {:?}", proposal.command);
        prop_assert_eq!(one.digest(), other.digest());
        gone.check(&one)?;
        let refused = outcome.is_err();
        match outcome {
            Err(_) => prop_assert_eq!(one.digest(), before, "a refusal changes nothing"),
            Ok(events) => prop_assert_eq!(events.is_empty(), one.digest() == before),
        }
        if idempotent {
            // A refused report (an unknown node) is refused again.
            prop_assert!(one.apply(index, &proposal).is_ok_and(|events| events.is_empty()) || refused);
            prop_assert_eq!(one.digest(), other.digest());
        }
        if *snapshot {
            other = State::decode(&other.encode()).unwrap();
            prop_assert_eq!(&one, &other);
        }
    }
    Ok(one)
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn replicas_agree_through_snapshots(ops in prop::collection::vec((op(), prop::bool::weighted(0.1)), 1..100)) {
        play(&ops)?;
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_proposal(&bytes);
        let _ = State::decode(&bytes);
        for format in 1..=STATE_FORMAT {
            let known: Vec<u8> = std::iter::once(format).chain(bytes.iter().copied()).collect();
            let _ = decode_proposal(&known);
            let _ = State::decode(&known);
        }
    }

    /// Damage that still decodes may break any invariant; everything that reads or changes the state must survive it.
    #[test]
    fn a_damaged_snapshot_never_panics(
        ops in prop::collection::vec((op(), Just(false)), 20..40),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        more in prop::collection::vec(op(), 1..20),
    ) {
        let mut bytes = play(&ops)?.encode();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(mut state) = State::decode(&bytes) {
            let _ = (state.check(), state.digest());
            for (place, op) in more.iter().enumerate() {
                let index = 1_000 + u64::try_from(place).unwrap();
                let command = op.command(&state, index);
                let _ = state.apply(index, &Proposal { at_ms: 1, actor: actor(), command });
            }
        }
    }
}

/// The generator is worth something only if it reaches the interesting states.
#[test]
fn the_generator_reaches_what_matters() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut seen = BTreeSet::new();
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec((op(), Just(false)), 120);
    for _ in 0..60 {
        let ops = strategy.new_tree(&mut runner).unwrap().current();
        let state = play(&ops).unwrap();
        seen.extend(
            state
                .audit()
                .map(|record| format!("{} {}", record.action, record.outcome)),
        );
    }
    for wanted in [
        "secret.rotate ok",
        "secret.revoke ok",
        "secret.destroy ok",
        "secret.remove ok",
        "secret.deliver ok",
        "secret.deliver failed",
        "secret.erase ok",
        "rotation.done ok",
        "rotation.rollback failed",
        "rotation.rollback ok",
        "service.update ok",
        "service.update.done ok",
        "service.update.pause failed",
        "service.rollback ok",
        "service.rollback failed",
        "service.rollback.done ok",
        "service.rollback.pause failed",
        "service.remove ok",
        "node.join ok",
        "node.promote ok",
        "node.demote ok",
        "node.role ok",
        "node.address ok",
        "node.labels ok",
        "node.certificate ok",
        "node.rm ok",
        "secret.erase failed",
        "cluster.force-new ok",
        "cluster.update ok",
        "token.rotate ok",
        "root.rotate ok",
        "root.retire ok",
        "operator.add ok",
        "operator.rm ok",
        "secret.update ok",
        "secret.shred ok",
        "cluster.autolock ok",
        "unlock-key.rotate ok",
        "unlock-key.keep ok",
        "dek.rotate ok",
        "dek.done ok",
        "join-token.read ok",
    ] {
        assert!(seen.contains(wanted), "{wanted} never happened, only {seen:?}");
    }
}
