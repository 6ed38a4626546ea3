//! How is a value kept in the replicated state? Under a data key of its own, wrapped under the cluster's sealing root.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::cipher::{OpenError, bind, derive, mac, open_random, seal_random};
use crate::key::{Key, check_of};
use crate::memory::KeyMemory;
use crate::secret_bytes::SecretBytes;
use crate::unlock_key::UnlockKey;

/// What a sealed value belongs to. It opens under exactly the context it was sealed under.
#[derive(Clone, Copy, Debug)]
pub struct SealContext<'a> {
    pub cluster: &'a str,
    pub secret: &'a str,
    pub version: &'a str,
}

impl SealContext<'_> {
    fn bind(&self, domain: &str) -> Vec<u8> {
        bind(
            domain,
            &[self.cluster.as_bytes(), self.secret.as_bytes(), self.version.as_bytes()],
        )
    }
}

/// A value ready for the replicated state. Holds no plaintext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The data key under the root: 24 + 32 + 16 bytes.
    pub wrapped_key: Vec<u8>,
    /// The value under the data key: 24 + n + 16 bytes.
    pub ciphertext: Vec<u8>,
    /// Names the data key.
    pub key_check: [u8; 4],
    /// What an honest receipt for this value carries.
    pub receipt_digest: [u8; 32],
    /// Equal for equal values of one secret, and for nothing else.
    pub fingerprint: [u8; 32],
}

/// A value as the dispatcher needs it for one delivery.
pub struct Opened {
    pub value: SecretBytes,
    /// The worker proves what it holds with [`receipt_digest`] under this key.
    pub digest_key: SecretBytes,
}

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnsealError {
    #[error(
        "the version's data key does not open under this cluster's sealing root; \
         the manager's keyring and its state do not belong together"
    )]
    DataKey(#[source] OpenError),
    #[error("the sealed value does not open under its data key; the state is damaged, rotate the secret")]
    Value(#[source] OpenError),
    #[error("the root CA key does not open under this cluster's sealing root")]
    RootKey(#[source] OpenError),
    #[error(
        "the secret of the join token does not open under this cluster's sealing root; \
         make a new one with `wardroom swarm join-token --rotate`"
    )]
    JoinSecret(#[source] OpenError),
    #[error(
        "the unlock key in the state does not open under this cluster's sealing root; \
         make a new one with `wardroom swarm unlock-key --rotate`"
    )]
    UnlockKey(#[source] OpenError),
    #[error("what another manager says in confidence does not open under this cluster's sealing root")]
    Forwarded(#[source] OpenError),
}

/// The key above all data keys of a cluster, the same on every manager.
pub struct SealingRoot(Key);

impl SealingRoot {
    pub fn generate(chance: &dyn Chance) -> Self {
        Self(Key::generate(chance))
    }

    /// The root of another manager of this cluster, received over mutual TLS.
    pub fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        bytes.expose().try_into().ok().map(|key| Self(Key::copy_from(key)))
    }

    /// The root for a new manager of this cluster. Goes over mutual TLS to a manager's certificate and nowhere else.
    pub fn danger_expose(&self) -> SecretBytes {
        SecretBytes::new(self.0.bytes().to_vec())
    }

    /// Names the root without telling anything about it.
    pub fn check(&self) -> [u8; 4] {
        self.0.check()
    }

    /// Seals `value` under a fresh data key.
    pub fn seal(&self, chance: &dyn Chance, context: &SealContext<'_>, value: &SecretBytes) -> Sealed {
        let mut data_key = Zeroizing::new([0; 32]);
        chance.fill(data_key.as_mut());
        let digest_key = digest_key(&data_key, context);
        Sealed {
            wrapped_key: seal_random(
                &self.wrap_key(context.cluster),
                chance,
                &context.bind("wardroom/data-key/v1"),
                data_key.as_ref(),
            ),
            ciphertext: seal_random(
                &value_key(&data_key, context),
                chance,
                &context.bind("wardroom/value/v1"),
                value.expose(),
            ),
            key_check: check_of(&data_key),
            receipt_digest: receipt_digest(digest_key.expose(), value.expose()),
            fingerprint: self.fingerprint(context.cluster, context.secret, value),
        }
    }

    /// The value and its receipt key, for the moment of one delivery.
    pub fn open(
        &self,
        context: &SealContext<'_>,
        wrapped_key: &[u8],
        ciphertext: &[u8],
    ) -> Result<Opened, UnsealError> {
        let aad = context.bind("wardroom/data-key/v1");
        let unwrapped = open_random(&self.wrap_key(context.cluster), &aad, wrapped_key);
        let unwrapped = Zeroizing::new(unwrapped.map_err(UnsealError::DataKey)?);
        let data_key: &[u8; 32] = unwrapped
            .as_slice()
            .try_into()
            .map_err(|_| UnsealError::DataKey(OpenError))?;
        let value = open_random(
            &value_key(data_key, context),
            &context.bind("wardroom/value/v1"),
            ciphertext,
        );
        Ok(Opened {
            value: SecretBytes::new(value.map_err(UnsealError::Value)?),
            digest_key: digest_key(data_key, context),
        })
    }

    /// Tells "the same value as before?" within one secret of one cluster, and nothing else.
    pub fn fingerprint(&self, cluster: &str, secret: &str, value: &SecretBytes) -> [u8; 32] {
        let parts: [&[u8]; 2] = [cluster.as_bytes(), secret.as_bytes()];
        let key = subkey(self.0.bytes(), &bind("wardroom/fingerprint/v1", &parts));
        mac(key.as_ref(), &[value.expose()])
    }

    /// Seals what one manager tells another in confidence: no buffer of the connection between them sees it in clear.
    pub fn seal_forwarded(&self, chance: &dyn Chance, cluster: &str, plain: &SecretBytes) -> Vec<u8> {
        let aad = bind("wardroom/forwarded/v1", &[cluster.as_bytes()]);
        seal_random(&self.wrap_key(cluster), chance, &aad, plain.expose())
    }

    pub fn open_forwarded(&self, cluster: &str, sealed: &[u8]) -> Result<SecretBytes, UnsealError> {
        let aad = bind("wardroom/forwarded/v1", &[cluster.as_bytes()]);
        open_random(&self.wrap_key(cluster), &aad, sealed)
            .map(SecretBytes::new)
            .map_err(UnsealError::Forwarded)
    }

    /// Seals the private key of the cluster's certificate root for the replicated state.
    pub fn seal_root_key(&self, chance: &dyn Chance, cluster: &str, key: &SecretBytes) -> Vec<u8> {
        let aad = bind("wardroom/root-ca-key/v1", &[cluster.as_bytes()]);
        seal_random(&self.wrap_key(cluster), chance, &aad, key.expose())
    }

    pub fn open_root_key(&self, cluster: &str, sealed: &[u8]) -> Result<SecretBytes, UnsealError> {
        let aad = bind("wardroom/root-ca-key/v1", &[cluster.as_bytes()]);
        open_random(&self.wrap_key(cluster), &aad, sealed)
            .map(SecretBytes::new)
            .map_err(UnsealError::RootKey)
    }

    /// Seals the secret part of a join token for the replicated state. It opens for the same cluster and role only.
    pub fn seal_join_secret(&self, chance: &dyn Chance, cluster: &str, role: &str, secret: &SecretBytes) -> Vec<u8> {
        let aad = join_secret_aad(cluster, role);
        seal_random(&self.wrap_key(cluster), chance, &aad, secret.expose())
    }

    pub fn open_join_secret(&self, cluster: &str, role: &str, sealed: &[u8]) -> Result<SecretBytes, UnsealError> {
        open_random(&self.wrap_key(cluster), &join_secret_aad(cluster, role), sealed)
            .map(SecretBytes::new)
            .map_err(UnsealError::JoinSecret)
    }

    /// Seals the cluster's unlock key of one epoch for the replicated state, so that every unlocked manager can wrap its
    /// keyring under it. It opens for the same cluster and epoch only.
    pub fn seal_unlock_key(&self, chance: &dyn Chance, cluster: &str, epoch: u32, key: &UnlockKey) -> Vec<u8> {
        let aad = unlock_key_aad(cluster, epoch);
        seal_random(&self.wrap_key(cluster), chance, &aad, key.bytes())
    }

    pub fn open_unlock_key(&self, cluster: &str, epoch: u32, sealed: &[u8]) -> Result<UnlockKey, UnsealError> {
        let opened = open_random(&self.wrap_key(cluster), &unlock_key_aad(cluster, epoch), sealed);
        let opened = Zeroizing::new(opened.map_err(UnsealError::UnlockKey)?);
        let key = opened.as_slice().try_into();
        key.map(UnlockKey::copy_from)
            .map_err(|_| UnsealError::UnlockKey(OpenError))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    pub(crate) fn memory(&self) -> KeyMemory {
        self.0.memory()
    }

    pub(crate) fn from_key(key: Key) -> Self {
        Self(key)
    }

    fn wrap_key(&self, cluster: &str) -> Zeroizing<[u8; 32]> {
        subkey(self.0.bytes(), &bind("wardroom/sealing-wrap/v1", &[cluster.as_bytes()]))
    }
}

fn join_secret_aad(cluster: &str, role: &str) -> Vec<u8> {
    bind("wardroom/join-secret/v1", &[cluster.as_bytes(), role.as_bytes()])
}

fn unlock_key_aad(cluster: &str, epoch: u32) -> Vec<u8> {
    bind("wardroom/unlock-key/v1", &[cluster.as_bytes(), &epoch.to_le_bytes()])
}

fn subkey(key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    derive(key, b"", info, &mut out);
    out
}

fn value_key(data_key: &[u8; 32], context: &SealContext<'_>) -> Zeroizing<[u8; 32]> {
    subkey(data_key, &context.bind("wardroom/value-key/v1"))
}

fn digest_key(data_key: &[u8; 32], context: &SealContext<'_>) -> SecretBytes {
    SecretBytes::new(subkey(data_key, &context.bind("wardroom/receipt-key/v1")).to_vec())
}

/// What a worker sends to prove that its file holds exactly `bytes`: HMAC-SHA256 under the version's receipt key.
pub fn receipt_digest(digest_key: &[u8], bytes: &[u8]) -> [u8; 32] {
    mac(digest_key, &[b"wardroom/receipt/v1", bytes])
}

#[cfg(test)]
#[path = "sealing_tests.rs"]
mod tests;
