//! What is each object called? Newtypes for the 25-character base36 ids, so that no two kinds can be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Length of every id: `[0-9a-z]{25}`, Docker's shape, about 129 bits.
pub const ID_LENGTH: usize = 25;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is; ids are made by the proposer from its own randomness.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

id! {
    /// A cluster.
    ClusterId,
    /// A node; also the common name of its certificate.
    NodeId,
    /// A secret, whatever its versions.
    SecretId,
    /// One immutable version of a secret.
    VersionId,
    /// A service.
    ServiceId,
    /// A task.
    TaskId,
    /// A rotation.
    RotationId,
    /// An operator; also the common name of its certificate.
    OperatorId,
}

/// Prints 17 random bytes in Docker's id shape: base36, high bit set, first digit dropped.
pub fn id_from_entropy(mut entropy: [u8; 17]) -> String {
    entropy[0] |= 0x80;
    let mut digits = Vec::with_capacity(27);
    let mut number = entropy.to_vec();
    while number.iter().any(|&byte| byte != 0) {
        let mut remainder = 0u32;
        for byte in &mut number {
            let value = remainder << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 36).expect("remainder < 36 keeps the quotient in a byte");
            remainder = value % 36;
        }
        digits.push(char::from_digit(remainder, 36).expect("a digit below 36"));
    }
    digits.iter().rev().skip(1).take(ID_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_dockers_shape_whatever_the_entropy() {
        for entropy in [[0u8; 17], [0xff; 17], [7; 17]] {
            let id = id_from_entropy(entropy);
            assert_eq!(id.len(), ID_LENGTH, "{id}");
            assert!(
                id.bytes()
                    .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()),
                "{id}"
            );
        }
        assert_ne!(id_from_entropy([1; 17]), id_from_entropy([2; 17]));
    }
}
