//! How do messages with plaintext behave in memory? Their Debug names sizes and never bytes, and their bytes are
//! overwritten when they are dropped. Messages that contain them derive Debug and drop through them.
//!
//! Because of the drop, fields cannot be moved out of these messages: take them (`value.source.take()`,
//! `token.take()`) and the new owner wipes them. What the transport buffered is out of reach here.

use std::fmt;

use zeroize::Zeroize;

use crate::v1::{Confidential, Generate, Value, value::Source};

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
    }

    #[test]
    fn zeroize_empties_what_is_secret() {
        let mut value = Value::from_bytes(CANARY.to_vec());
        value.zeroize();
        assert_eq!(value, Value::from_bytes(Vec::new()));
        let mut token = Confidential::new(CANARY.to_vec());
        token.zeroize();
        assert_eq!(token, Confidential::default());
    }

    #[test]
    fn the_length_to_generate_is_no_secret() {
        assert_eq!(
            format!("{:?}", Value::generated(32)),
            "Value { source: Some(Generate(32)) }"
        );
    }
}
