//! Do two managers agree? One hash over everything that is replicated; the index is not in it, so an entry that
//! changes nothing leaves it as it was.

use postcard::ser_flavors::Flavor;
use sha2::{Digest, Sha256};

use crate::encoding::STATE_FORMAT;
use crate::state::State;

impl State {
    /// SHA-256 over the canonical encoding, without making it: costs a pass over the state and little memory.
    pub fn digest(&self) -> [u8; 32] {
        let mut hashing = Hashing {
            hasher: Sha256::new(),
            buffer: Vec::with_capacity(BUFFER),
        };
        hashing.buffer.push(STATE_FORMAT);
        postcard::serialize_with_flavor(&self.facts, hashing)
            .expect("our types have no unsized sequences and a hasher takes every byte")
    }
}

/// Most pieces are a few bytes; the hash likes long ones.
const BUFFER: usize = 8 * 1024;

struct Hashing {
    hasher: Sha256,
    buffer: Vec<u8>,
}

impl Hashing {
    fn flush(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }
}

impl Flavor for Hashing {
    type Output = [u8; 32];

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush();
        }
        if bytes.len() > BUFFER {
            self.hasher.update(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finalize(mut self) -> postcard::Result<[u8; 32]> {
        self.flush();
        Ok(self.hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn it_is_the_hash_of_the_encoding_without_the_index() {
        let mut state = Script::with_web(&["db"]).state;
        // One piece longer than the buffer.
        state.facts.audit[0].detail = "x".repeat(2 * BUFFER + 1);
        let mut bytes = vec![STATE_FORMAT];
        bytes.extend(postcard::to_allocvec(&state.facts).unwrap());
        assert_eq!(state.digest(), <[u8; 32]>::from(Sha256::digest(&bytes)));
        let before = state.digest();
        state.pass_over(99);
        assert_eq!((state.index(), state.digest()), (99, before));
    }
}
