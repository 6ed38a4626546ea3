//! How do messages with plaintext behave in memory? Their Debug names sizes and never bytes, and their bytes are
//! overwritten when they are dropped. Messages that contain them derive Debug and drop through them.
//!
//! Because of the drop, fields cannot be moved out of these messages: take them (`value.source.take()`,
//! `std::mem::take(&mut secret.value)`) and the new owner wipes them. What the transport buffered is out of reach here.

use std::fmt;

use zeroize::Zeroize;

use crate::v1::{Confidential, Generate, SecretAssignment, Value, value::Source};

impl Value {
    /// A value given by its bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self {
            source: Some(Source::Bytes(bytes)),
        }
    }

    /// A value that the leader makes: `length` characters of `[A-Za-z0-9]`.
    pub fn generated(length: u32) -> Self {
        Self {
            source: Some(Source::Generate(Generate { length })),
        }
    }
}

impl Zeroize for Value {
    fn zeroize(&mut self) {
        if let Some(Source::Bytes(bytes)) = &mut self.source {
            bytes.zeroize();
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("source", &self.source).finish()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes, redacted)", bytes.len()),
            Self::Generate(generate) => f.debug_tuple("Generate").field(&generate.length).finish(),
        }
    }
}

impl Confidential {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The bytes, for an owner that wipes them.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

impl Zeroize for Confidential {
    fn zeroize(&mut self) {
        self.bytes.zeroize();
    }
}

impl Drop for Confidential {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confidential({} bytes, redacted)", self.bytes.len())
    }
}

impl Zeroize for SecretAssignment {
    fn zeroize(&mut self) {
        self.value.zeroize();
        self.digest_key.zeroize();
    }
}

impl Drop for SecretAssignment {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl fmt::Debug for SecretAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretAssignment")
            .field("version_id", &self.version_id)
            .field("secret_id", &self.secret_id)
            .field("number", &self.number)
            .field("value", &format_args!("{} bytes, redacted", self.value.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;

    const CANARY: &[u8] = b"c4n4ry-c4n4ry-c4n4ry";

    /// The canary as text, as prost's derive would print it, and as any of its first bytes in a list.
    fn check(message: &dyn fmt::Debug) {
        for text in [format!("{message:?}"), format!("{message:#?}")] {
            assert!(!text.contains("c4n4ry"), "{text}");
            assert!(!text.replace([' ', '\n'], "").contains("99,52,110"), "{text}");
            assert!(text.contains("20 bytes, redacted"), "{text}");
        }
    }

    fn assignment() -> SecretAssignment {
        SecretAssignment {
            version_id: "v".into(),
            secret_id: "s".into(),
            number: 1,
            value: CANARY.to_vec(),
            digest_key: CANARY.to_vec(),
            lease_ms: 0,
        }
    }

    #[test]
    fn debug_never_prints_a_value() {
        check(&Value::from_bytes(CANARY.to_vec()));
        let value = Some(Value::from_bytes(CANARY.to_vec()));
        check(&v1::CreateSecretRequest {
            value: value.clone(),
            ..Default::default()
        });
        check(&v1::RotateSecretRequest {
            value,
            ..Default::default()
        });
        check(&Confidential::new(CANARY.to_vec()));
        check(&v1::JoinTokenResponse {
            token: Some(Confidential::new(CANARY.to_vec())),
            ..Default::default()
        });
        let change = v1::AssignmentChange {
            change: Some(v1::assignment_change::Change::Secret(assignment())),
        };
        check(&assignment());
        check(&change);
        check(&v1::AssignmentsMessage {
            changes: vec![change],
            ..Default::default()
        });
    }

    #[test]
    fn zeroize_empties_what_is_secret() {
        let mut value = Value::from_bytes(CANARY.to_vec());
        value.zeroize();
        assert_eq!(value, Value::from_bytes(Vec::new()));
        let mut secret = assignment();
        secret.zeroize();
        assert!(secret.value.is_empty() && secret.digest_key.is_empty());
        assert_eq!(secret.version_id, "v");
    }

    #[test]
    fn the_length_to_generate_is_no_secret() {
        assert_eq!(
            format!("{:?}", Value::generated(32)),
            "Value { source: Some(Generate(32)) }"
        );
    }
}
