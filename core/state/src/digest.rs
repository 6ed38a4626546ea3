//! Do two managers agree? One hash over everything that is replicated; the index is not in it, so an entry that
//! changes nothing leaves it as it was.

use postcard::ser_flavors::Flavor;
use sha2::{Digest, Sha256};

use crate::encoding::STATE_FORMAT;
use crate::state::State;

impl State {
    /// SHA-256 over the canonical encoding, without making it: costs a pass over the state and no memory.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update([STATE_FORMAT]);
        let hasher = postcard::serialize_with_flavor(&self.facts, Hashing(hasher))
            .expect("our types have no unsized sequences and a hasher takes every byte");
        hasher.finalize().into()
    }
}

struct Hashing(Sha256);

impl Flavor for Hashing {
    type Output = Sha256;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.update([byte]);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.update(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Sha256> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn it_is_the_hash_of_the_encoding_without_the_index() {
        let mut state = Script::with_web(&["db"]).state;
        let mut bytes = vec![STATE_FORMAT];
        bytes.extend(postcard::to_allocvec(&state.facts).unwrap());
        assert_eq!(state.digest(), <[u8; 32]>::from(Sha256::digest(&bytes)));
        let before = state.digest();
        state.pass_over(99);
        assert_eq!((state.index(), state.digest()), (99, before));
    }
}
