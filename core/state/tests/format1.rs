//! Is what the first wardroom wrote still read? Its log and its snapshot, as it wrote them: `format1/entries.bin` holds
//! proposals, each behind its length (4 bytes, little-endian), and `format1/state.bin` the state that they led to.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use wardroom_state::command::{Actor, Command, Proposal};
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Certificate, Role};
use wardroom_state::{DecodeError, State, decode_proposal};

const ENTRIES: &[u8] = include_bytes!("format1/entries.bin");
const STATE: &[u8] = include_bytes!("format1/state.bin");

fn entries() -> Vec<&'static [u8]> {
    let (mut entries, mut rest) = (Vec::new(), ENTRIES);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (entry, left) = after.split_at(u32::from_le_bytes(*length).try_into().unwrap());
        entries.push(entry);
        rest = left;
    }
    entries
}

fn proposal(command: Command) -> Proposal {
    let actor = Actor {
        name: "admin:root".into(),
        from: "local".into(),
    };
    Proposal {
        at_ms: 2_000,
        actor,
        command,
    }
}

#[test]
fn the_log_leads_to_the_state_of_the_snapshot() {
    let mut replayed = State::default();
    for (index, entry) in (1..).zip(entries()) {
        // One of them was refused then and is refused now.
        let outcome = replayed.apply(index, &decode_proposal(entry).unwrap());
        assert_eq!(outcome.is_err(), index == 14, "{index}: {outcome:?}");
    }
    let read = State::decode(STATE).unwrap();
    assert_eq!(read, replayed);
    assert_eq!(read.check(), Vec::<String>::new());
    assert_eq!(State::decode(&read.encode()).unwrap(), read);
}

#[test]
fn what_was_not_known_then_is_cautious_now() {
    let mut state = State::decode(STATE).unwrap();
    assert_eq!((state.index(), state.audit_length()), (20, 17));
    let cluster = state.cluster().unwrap();
    assert_eq!(
        (cluster.snapshot_every, cluster.certificate_life_ms),
        (10_000, 90 * 86_400_000)
    );
    // Its tokens admit nobody.
    assert_eq!(state.token_by_digest(&[0; 32]), None);
    let (harbour, ember) = (state.find_node("harbour").unwrap(), state.find_node("ember").unwrap());
    assert_eq!((harbour.desired_role, harbour.runs_tasks), (Role::Manager, false));
    assert_eq!((ember.desired_role, ember.runs_tasks), (Role::Worker, true));
    assert_eq!(ember.certificate.fingerprint, "renewed");
    assert_eq!(ember.labels.len(), 1);
    assert_eq!(state.find_service("web").unwrap().spec.constraints, []);
    assert_eq!(state.find_secret("db").unwrap().lease_ms, 0);

    // The first certificate that names the root tells its key id; the others hang on the oldest root.
    let renewed = Certificate {
        fingerprint: "newer".into(),
        key_fingerprint: "key".into(),
        issuer: "k0".into(),
        not_before_ms: 1,
        not_after_ms: 9_000,
    };
    let renew = Command::SetCertificate {
        node: NodeId::new("n2"),
        certificate: renewed,
    };
    state.apply(21, &proposal(renew)).unwrap();
    assert_eq!(state.cluster().unwrap().root_key_id, "k0");
    assert_eq!(state.issuers("k0", 2_000), ["harbour", "ember", "flint"]);
    assert_eq!(state.check(), Vec::<String>::new());
}

/// Every beginning of the bytes, but for the empty one, and the bytes with one too many.
fn torn(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut torn: Vec<Vec<u8>> = (1..bytes.len()).map(|length| bytes[..length].to_vec()).collect();
    torn.push([bytes, &[0]].concat());
    torn
}

#[test]
fn every_cut_and_every_surplus_is_noticed() {
    for bytes in torn(STATE) {
        let read = State::decode(&bytes);
        assert!(
            matches!(read, Err(DecodeError::Damaged { .. })),
            "{} bytes",
            bytes.len()
        );
    }
    for bytes in entries().into_iter().flat_map(torn) {
        let read = decode_proposal(&bytes);
        assert!(matches!(read, Err(DecodeError::Damaged { .. })), "{bytes:?}");
    }
}

#[test]
fn a_command_of_today_is_not_in_a_log_of_then() {
    // Format 1, at 0 ms, by nobody, and the first command it did not know.
    assert!(matches!(
        decode_proposal(&[1, 0, 0, 0, 16, 0, 0]),
        Err(DecodeError::Damaged { .. })
    ));
}
