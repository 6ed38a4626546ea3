//! Who did what? A hash chain of records; each names the hash of the one before.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The newest records that stay in the state; older ones leave their hash in the chain.
pub const AUDIT_KEPT: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Raft index.
    pub index: u64,
    pub at_ms: i64,
    pub actor: String,
    /// `local` or an address.
    pub from: String,
    /// `secret.create`, `secret.rotate`, `secret.deliver`, `access.refuse` ...
    pub action: String,
    pub object: String,
    /// `ok`, `denied` or `failed`.
    pub outcome: String,
    pub detail: String,
    pub previous: [u8; 32],
    pub hash: [u8; 32],
}

impl AuditRecord {
    /// What `hash` must be: SHA-256 over the hash before and every field, each text with its length before it.
    pub fn expected_hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"wardroom audit 1");
        hasher.update(self.previous);
        hasher.update(self.sequence.to_be_bytes());
        hasher.update(self.index.to_be_bytes());
        hasher.update(self.at_ms.to_be_bytes());
        for text in [
            &self.actor,
            &self.from,
            &self.action,
            &self.object,
            &self.outcome,
            &self.detail,
        ] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.finalize().into()
    }
}

/// Follows the chain from its oldest record given. The error is the sequence of the first record that does not fit.
/// The oldest record's `previous` is taken on trust unless it is the first ever, which follows zeros.
pub fn verify_chain<'a>(records: impl IntoIterator<Item = &'a AuditRecord>) -> Result<(), u64> {
    let mut before: Option<&AuditRecord> = None;
    for record in records {
        let follows = match before {
            Some(before) => before.sequence.checked_add(1) == Some(record.sequence) && record.previous == before.hash,
            None => record.sequence > 1 || (record.sequence == 1 && record.previous == [0; 32]),
        };
        if !follows || record.hash != record.expected_hash() {
            return Err(record.sequence);
        }
        before = Some(record);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: u64) -> Vec<AuditRecord> {
        let mut records: Vec<AuditRecord> = Vec::new();
        for sequence in 1..=length {
            let mut record = AuditRecord {
                sequence,
                index: sequence * 3,
                at_ms: 1_000,
                actor: "admin:root".into(),
                from: "local".into(),
                action: "secret.create".into(),
                object: format!("s{sequence}"),
                outcome: "ok".into(),
                detail: String::new(),
                previous: records.last().map_or([0; 32], |record| record.hash),
                hash: [0; 32],
            };
            record.hash = record.expected_hash();
            records.push(record);
        }
        records
    }

    #[test]
    fn an_untouched_chain_holds_from_any_start() {
        let records = chain(5);
        assert_eq!(verify_chain(&records), Ok(()));
        assert_eq!(verify_chain(&records[2..]), Ok(()));
    }

    #[test]
    fn every_kind_of_tampering_names_its_record() {
        let tampered = |change: fn(&mut Vec<AuditRecord>)| {
            let mut records = chain(5);
            change(&mut records);
            verify_chain(&records)
        };
        assert_eq!(tampered(|records| records[2].object = "other".into()), Err(3));
        assert_eq!(tampered(|records| records[2].at_ms += 1), Err(3));
        assert_eq!(tampered(|records| drop(records.remove(2))), Err(4));
        assert_eq!(tampered(|records| records.swap(1, 2)), Err(3));
        // Rewriting one record with a fitting hash breaks the link of the next.
        assert_eq!(
            tampered(|records| {
                records[2].outcome = "denied".into();
                records[2].hash = records[2].expected_hash();
            }),
            Err(4)
        );
    }

    #[test]
    fn text_cannot_move_between_fields() {
        let mut record = chain(1).remove(0);
        (record.action, record.object) = ("secret".into(), ".creates1".into());
        assert_eq!(verify_chain([&record]), Err(1));
    }
}
