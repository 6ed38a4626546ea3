//! How does it look as bytes? A format byte, then postcard: compact, canonical, and refused rather than guessed at
//! when it comes from a newer program.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::Proposal;
use crate::state::State;

/// Format of a proposal in the log.
pub const PROPOSAL_FORMAT: u8 = 1;
/// Format of a state in a snapshot.
pub const STATE_FORMAT: u8 = 1;

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
    decode("log entry", PROPOSAL_FORMAT, bytes)
}

impl State {
    /// Canonical: equal states give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(STATE_FORMAT, &(self.index, &self.facts))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (index, facts) = decode("snapshot", STATE_FORMAT, bytes)?;
        Ok(Self::from_facts(index, facts))
    }
}

fn encode(format: u8, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, vec![format]).expect("our types have no unsized sequences and a Vec takes every byte")
}

fn decode<T: DeserializeOwned>(what: &'static str, known: u8, bytes: &[u8]) -> Result<T, DecodeError> {
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
    let (value, rest) = postcard::take_from_bytes(body).map_err(|error| damaged(error.to_string()))?;
    if !rest.is_empty() {
        return Err(damaged(format!("{} bytes too many", rest.len())));
    }
    Ok(value)
}
