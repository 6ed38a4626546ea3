//! How are long byte strings encoded? In one piece: the same bytes as element by element, without a call for each.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a byte string")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }

    deserializer.deserialize_byte_buf(Bytes)
}

#[cfg(test)]
mod tests {
    use crate::secret::SealedValue;

    #[test]
    fn it_reads_and_writes_what_the_plain_encoding_does() {
        let value = SealedValue {
            wrapped_key: vec![1, 2],
            ciphertext: vec![3; 200],
            key_check: [4; 4],
        };
        let plain = postcard::to_allocvec(&(&value.wrapped_key, &value.ciphertext, value.key_check)).unwrap();
        assert_eq!(postcard::to_allocvec(&value).unwrap(), plain);
        assert_eq!(postcard::from_bytes::<SealedValue>(&plain).unwrap(), value);
    }
}
