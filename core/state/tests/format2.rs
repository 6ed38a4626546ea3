//! Is what wardroom wrote before managers locked still read? Its log and its snapshot, as it wrote them, in the shape of
//! `format1/`: proposals behind their lengths, and the state that they led to.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use wardroom_state::command::{Actor, Command, NewUnlockKey, Proposal};
use wardroom_state::ids::NodeId;
use wardroom_state::keys::{FIRST_UNLOCK_KEY, KeyFacts};
use wardroom_state::{DecodeError, State, decode_proposal, encode_proposal};

const ENTRIES: &[u8] = include_bytes!("format2/entries.bin");
const STATE: &[u8] = include_bytes!("format2/state.bin");

fn entries() -> Vec<&'static [u8]> {
    let (mut entries, mut rest) = (Vec::new(), ENTRIES);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (entry, left) = after.split_at(u32::from_le_bytes(*length).try_into().unwrap());
        entries.push(entry);
        rest = left;
    }
    entries
}

#[test]
fn the_log_leads_to_the_state_of_the_snapshot() {
    let mut replayed = State::default();
    for (index, entry) in (1..).zip(entries()) {
        let proposal = decode_proposal(entry).unwrap();
        assert_eq!(
            decode_proposal(&encode_proposal(&proposal)).unwrap(),
            proposal,
            "{index}"
        );
        // One of them was refused then and is refused now.
        let outcome = replayed.apply(index, &proposal);
        assert_eq!(outcome.is_err(), index == 37, "{index}: {outcome:?}");
    }
    let read = State::decode(STATE).unwrap();
    assert_eq!(read, replayed);
    assert_eq!(read.check(), Vec::<String>::new());
    assert_eq!(State::decode(&read.encode()).unwrap(), read);
}

#[test]
fn nobody_had_locked_anything() {
    let mut state = State::decode(STATE).unwrap();
    assert_eq!((state.index(), state.audit_length()), (43, 43));
    assert_eq!(state.keys(), &KeyFacts::default());
    assert_eq!(state.keys().unlock_epoch(), FIRST_UNLOCK_KEY);
    assert!(!state.cluster().unwrap().autolock && state.on_earlier_unlock_key().is_empty());

    let lock = Command::SetLock {
        autolock: true,
        unlock_key: Some(NewUnlockKey {
            epoch: 2,
            check: [1; 4],
            sealed: vec![1; 40].into(),
        }),
        expected: state.cluster().map(|cluster| cluster.version_index),
    };
    let actor = Actor {
        name: "admin:root".into(),
        from: "local".into(),
    };
    let proposal = Proposal {
        at_ms: 2_000,
        actor,
        command: lock,
    };
    state.apply(44, &proposal).unwrap();
    let keep = Proposal {
        command: Command::KeepUnlockKey { epoch: 2 },
        ..proposal
    };
    state.apply(45, &keep).unwrap();
    assert_eq!(state.owing(1), [NodeId::new("m1")]);
    assert_eq!(state.check(), Vec::<String>::new());
}

#[test]
fn every_cut_and_every_surplus_is_noticed() {
    let longer = [STATE, &[0]].concat();
    let torn = (1..STATE.len()).map(|length| &STATE[..length]).chain([&longer[..]]);
    for bytes in torn {
        let read = State::decode(bytes);
        assert!(
            matches!(read, Err(DecodeError::Damaged { .. })),
            "{} bytes",
            bytes.len()
        );
    }
}

#[test]
fn every_cut_and_every_surplus_of_an_entry_is_noticed() {
    for entry in entries() {
        let longer = [entry, &[0]].concat();
        let torn = (1..entry.len()).map(|length| &entry[..length]).chain([&longer[..]]);
        for bytes in torn {
            let read = decode_proposal(bytes);
            assert!(matches!(read, Err(DecodeError::Damaged { .. })), "{bytes:?}");
        }
    }
}

#[test]
fn a_command_of_today_is_not_in_a_log_of_then() {
    // Format 2, at 0 ms, by nobody, and the first command it did not know: the roll-back of a service.
    let mut bytes = vec![2, 0, 0, 0, 37, 1, b's', 0];
    assert!(matches!(decode_proposal(&bytes), Err(DecodeError::Damaged { .. })));
    bytes[0] = 3;
    assert!(matches!(
        decode_proposal(&bytes).unwrap().command,
        Command::RollbackService { .. }
    ));
}
