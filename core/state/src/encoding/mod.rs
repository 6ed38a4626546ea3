//! How does it look as bytes? A format byte, then postcard: compact, canonical, and refused rather than guessed at
//! when it comes from a newer program. What an older one wrote is read.

mod earlier;
mod v1;
mod v2;

use serde::Serialize;

use crate::command::{Command, Proposal};
use crate::state::State;

/// Format of a proposal in the log.
pub const PROPOSAL_FORMAT: u8 = 3;
/// Format of a state in a snapshot.
pub const STATE_FORMAT: u8 = 3;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the {what} is empty; it was cut off before its first byte")]
    Empty { what: &'static str },
    #[error("the {what} has format {found} and this program knows formats up to {known}; start a newer wardroom")]
    Newer { what: &'static str, found: u8, known: u8 },
    #[error("the {what} is damaged: {detail}; restore it from another manager")]
    Damaged { what: &'static str, detail: String },
}

pub fn encode_proposal(proposal: &Proposal) -> Vec<u8> {
    encode(PROPOSAL_FORMAT, proposal)
}

pub fn decode_proposal(bytes: &[u8]) -> Result<Proposal, DecodeError> {
    decode("log entry", PROPOSAL_FORMAT, bytes, |format, body| match format {
        v1::FORMAT => v1::proposal(body).map(as_then),
        v2::FORMAT => v2::proposal(body).map(as_then),
        _ => postcard::take_from_bytes(body),
    })
}

/// What means more today still means what it meant then: a log leads to the state that snapshots of it have.
fn as_then((mut proposal, rest): (Proposal, &[u8])) -> (Proposal, &[u8]) {
    let command = &mut proposal.command;
    if matches!(command, Command::UpdateService { .. } | Command::Report { .. }) {
        let nothing = Command::OrderDek;
        *command = Command::Earlier(Box::new(std::mem::replace(command, nothing)));
    }
    (proposal, rest)
}

impl State {
    /// Canonical: equal states give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(STATE_FORMAT, &(self.index, &self.facts))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (index, facts) = decode("snapshot", STATE_FORMAT, bytes, |format, body| match format {
            v1::FORMAT => v1::state(body),
            v2::FORMAT => v2::state(body),
            _ => postcard::take_from_bytes(body),
        })?;
        Ok(Self::from_facts(index, facts))
    }
}

fn encode(format: u8, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, vec![format]).expect("our types have no unsized sequences and a Vec takes every byte")
}

/// `read` is given a format that is known, and returns what it left over.
fn decode<'a, T>(
    what: &'static str,
    known: u8,
    bytes: &'a [u8],
    read: impl FnOnce(u8, &'a [u8]) -> postcard::Result<(T, &'a [u8])>,
) -> Result<T, DecodeError> {
    let damaged = |detail: String| DecodeError::Damaged { what, detail };
    let (&format, body) = bytes.split_first().ok_or(DecodeError::Empty { what })?;
    if format > known {
        return Err(DecodeError::Newer {
            what,
            found: format,
            known,
        });
    }
    if format == 0 {
        return Err(damaged("format 0 does not exist".into()));
    }
    let (value, rest) = read(format, body).map_err(|error| damaged(error.to_string()))?;
    if !rest.is_empty() {
        return Err(damaged(format!("{} bytes too many", rest.len())));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Actor, Command};
    use crate::script::Script;

    #[test]
    fn a_newer_format_is_named_not_guessed_at() {
        let newer = DecodeError::Newer {
            what: "snapshot",
            found: STATE_FORMAT + 1,
            known: STATE_FORMAT,
        };
        assert_eq!(State::decode(&[STATE_FORMAT + 1, 0, 0]), Err(newer));
        assert_eq!(State::decode(&[]), Err(DecodeError::Empty { what: "snapshot" }));
        assert!(matches!(decode_proposal(&[0, 1]), Err(DecodeError::Damaged { .. })));
    }

    #[test]
    fn every_cut_and_every_surplus_is_noticed() {
        let bytes = Script::with_web(&["db"]).state.encode();
        for length in 0..bytes.len() {
            assert!(State::decode(&bytes[..length]).is_err(), "cut at {length}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(State::decode(&longer), Err(DecodeError::Damaged { .. })));
    }

    /// The log of yesterday must read today: these bytes never change.
    #[test]
    fn the_log_format_is_frozen() {
        let actor = Actor {
            name: "admin:root".into(),
            from: "local".into(),
        };
        let command = Command::NoteRefusal {
            method: "m".into(),
            reason: "r".into(),
        };
        let proposal = Proposal {
            at_ms: 1,
            actor,
            command,
        };
        let mut frozen = vec![3, 2, 10];
        frozen.extend(b"admin:root\x05local\x0f\x01m\x01r");
        assert_eq!(encode_proposal(&proposal), frozen);
        for format in 1..=PROPOSAL_FORMAT {
            frozen[0] = format;
            assert_eq!(decode_proposal(&frozen).as_ref(), Ok(&proposal));
        }
    }
}
