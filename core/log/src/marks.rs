//! What must every segment repeat at its head? The marks that would be lost when older segments are removed.

use crate::record::{Purged, Record};

/// What must outlive the segments it was first written to: the durable values, repeated at the head of each segment.
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) vote: Option<Vec<u8>>,
    pub(crate) committed: Option<Vec<u8>>,
    pub(crate) purged: Option<Purged>,
    /// Oldest segment that is still needed.
    pub(crate) keep_from: u64,
}

impl Marks {
    pub(crate) fn note(&mut self, record: &Record) {
        match record {
            Record::Vote(vote) => self.vote = Some(vote.clone()),
            Record::Committed(committed) => self.committed = Some(committed.clone()),
            Record::PurgeUpTo(purged) => {
                if self.purged.as_ref().is_none_or(|before| before.index <= purged.index) {
                    self.purged = Some(purged.clone());
                }
            }
            Record::Entry { .. } | Record::TruncateFrom(_) => {}
        }
    }

    pub(crate) fn keep(&mut self, from: u64) {
        self.keep_from = self.keep_from.max(from);
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let vote = self.vote.clone().map(Record::Vote);
        let purged = self.purged.clone().map(Record::PurgeUpTo);
        let committed = self.committed.clone().map(Record::Committed);
        vote.into_iter().chain(purged).chain(committed).collect()
    }
}
