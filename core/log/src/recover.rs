//! What does a manager know after a crash? The valid prefix of its log; a torn last batch is cut, other damage refused.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use wardroom_keys::{Chance, SharedKeyring};

use crate::Identity;
use crate::disk::{Disk, DiskFile, read_exact_at};
use crate::error::RecoverError;
use crate::frame::{self, Link};
use crate::log::{Kept, Log, LogOptions};
use crate::marks::Marks;
use crate::prepare::{Prepared, overwrite_with_zeros, prepare, remove_if_there};
use crate::record::{Decoded, Purged, Record};
use crate::room::begin;
use crate::segment::{DIR, HEADER_LEN, Header, Segment, fits, is_zero, number_of, path_of};
use crate::tail::{Expected, Tail, judge};
use crate::view::{Place, View};

/// Far above any segment that wardroom makes; a larger file is not read into memory.
const SEGMENT_BYTES_MAX: u64 = 256 << 20;

/// A new manager should be up in milliseconds: its first segment is small, the next ones are made ahead of time.
const FIRST_SEGMENT_BYTES: u64 = 1 << 20;

/// What the log held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// There was no log; one was begun.
    pub fresh: bool,
    pub vote: Option<Vec<u8>>,
    pub committed: Option<Vec<u8>>,
    pub purged: Option<Purged>,
    /// First and last index of the live entries.
    pub entries: Option<(u64, u64)>,
    pub records: u64,
    /// A batch that was never acknowledged and is gone now.
    pub cut: Option<Cut>,
}

/// Where an unfinished batch was overwritten with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub segment: u64,
    pub offset: u64,
    pub bytes: u64,
}

/// A segment as it was found.
struct Found {
    number: u64,
    file: Arc<dyn DiskFile>,
    bytes: Vec<u8>,
}

impl Found {
    fn header(&self) -> Option<&[u8; HEADER_LEN]> {
        self.bytes.first_chunk()
    }

    fn damaged(&self, offset: usize, why: &'static str) -> RecoverError {
        RecoverError::Damaged {
            segment: self.number,
            offset: offset as u64,
            why,
        }
    }
}

fn io_error(doing: &'static str) -> impl Fn(io::Error) -> RecoverError {
    move |source| RecoverError::Io { doing, source }
}

pub(crate) fn open(
    disk: Arc<dyn Disk>,
    identity: Identity,
    keyring: Arc<SharedKeyring>,
    chance: Arc<dyn Chance>,
    options: LogOptions,
) -> Result<(Log, Recovered), RecoverError> {
    if !fits(&identity) {
        return Err(RecoverError::BadIdentity);
    }
    disk.create_dir(DIR).map_err(io_error("opening"))?;
    let names = disk.list(DIR).map_err(io_error("listing"))?;
    let mut log = Log {
        disk,
        identity,
        keyring,
        chance,
        options,
        view: Arc::new(View::new(options.cache_bytes)),
        kept: VecDeque::new(),
        position: 0,
        link: Link { seq: 0, chain: [0; 32] },
        marks: Marks::default(),
        next: None,
        patience: 0,
        measure: false,
        poisoned: None,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    if let Some(gap) = numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        return Err(RecoverError::Missing { segment: gap[0] + 1 });
    }
    let recovered = Recovery {
        log: &mut log,
        recovered: Recovered::default(),
    }
    .run(&numbers)?;
    Ok((log, recovered))
}

struct Recovery<'a> {
    log: &'a mut Log,
    recovered: Recovered,
}

impl Recovery<'_> {
    fn run(mut self, numbers: &[u64]) -> Result<Recovered, RecoverError> {
        let mut torn = None;
        for (position, number) in numbers.iter().enumerate() {
            let found = self.read(*number)?;
            let is_last = position + 1 == numbers.len();
            if is_last && found.header().is_none_or(|header| is_zero(header)) {
                self.adopt(&found)?;
                break;
            }
            torn = self.replay(&found, position == 0, torn)?.map(|end| (found, end));
        }
        if self.log.kept.is_empty() {
            self.begin_first(numbers.first().copied())?;
        } else {
            self.check_oldest()?;
            self.cut(torn)?;
        }
        Ok(self.finish())
    }

    fn read(&self, number: u64) -> Result<Found, RecoverError> {
        let file = self.log.disk.open(&path_of(number)).map_err(io_error("opening"))?;
        let size = file.size().map_err(io_error("reading"))?;
        if size > SEGMENT_BYTES_MAX {
            return Err(RecoverError::Damaged {
                segment: number,
                offset: 0,
                why: "its size is impossible",
            });
        }
        let mut bytes = vec![0; usize::try_from(size).expect("checked against the limit")];
        read_exact_at(&*file, 0, &mut bytes).map_err(io_error("reading"))?;
        Ok(Found { number, file, bytes })
    }

    /// A last file without a header was made ahead of time; a header is durable before any record, so it is all zero.
    fn adopt(&mut self, found: &Found) -> Result<(), RecoverError> {
        if !is_zero(&found.bytes) {
            return Err(found.damaged(0, "its header is gone"));
        }
        if found.bytes.len() as u64 == self.log.options.segment_bytes && !self.log.kept.is_empty() {
            let file = Arc::clone(&found.file);
            self.log.next = Some(Prepared {
                number: found.number,
                size: found.bytes.len() as u64,
                file,
            });
        } else {
            // Half made, or of another size than asked for now: made again when it is needed.
            remove_if_there(&*self.log.disk, &path_of(found.number)).map_err(io_error("tidying"))?;
        }
        Ok(())
    }

    /// Reads a segment's records into the log. Returns where the nonzero bytes end if its tail is torn.
    fn replay(
        &mut self,
        found: &Found,
        is_first: bool,
        torn_before: Option<(Found, usize)>,
    ) -> Result<Option<usize>, RecoverError> {
        if let Some((before, _)) = torn_before {
            // The next segment was begun after every batch of this one was on the disk: nothing in it can be torn.
            return Err(before.damaged(self.position(), "records are missing before the next segment"));
        }
        let segment = self.begin(found, is_first)?;
        let mut at = HEADER_LEN;
        self.log.kept.push_back(Kept {
            segment: Arc::clone(&segment),
            max_index: None,
            records: 0,
        });
        let why = loop {
            let rest = &found.bytes[at..];
            match frame::open(rest, &segment, &self.log.link) {
                Ok(framed) => {
                    let place = Place {
                        segment: segment.number,
                        offset: at as u64,
                        len: framed.len,
                        before: self.log.link,
                    };
                    let decoded = Record::decode(framed.kind, &framed.plain)
                        .ok_or_else(|| found.damaged(at, "the record is of no known kind"))?;
                    self.note(&decoded, place);
                    self.log.link = framed.link;
                    at += framed.len;
                }
                Err(why) => break why,
            }
        };
        self.log.position = at as u64;
        self.log
            .view
            .lock()
            .segments
            .insert(segment.number, Arc::clone(&segment));
        let expected = Expected {
            epoch: segment.epoch,
            seq: self.log.link.seq + 1,
        };
        let is_whole = |end| frame::is_whole(&found.bytes[at..end], &segment, &self.log.link);
        let tail = judge(&found.bytes, at, &expected, is_whole);
        match tail {
            Tail::Clean => Ok(None),
            Tail::Torn { end } => Ok(Some(end)),
            Tail::Damaged => Err(found.damaged(at, why)),
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.log.position).unwrap_or_default()
    }

    /// Checks a header and takes up its chain.
    fn begin(&mut self, found: &Found, is_first: bool) -> Result<Arc<Segment>, RecoverError> {
        let log = &mut *self.log;
        let bytes = found.header().ok_or_else(|| found.damaged(0, "its header is gone"))?;
        let header = Header::decode(bytes, found.number, &log.identity)?;
        let size = found.bytes.len() as u64;
        let dek = log.keyring.dek_of(header.epoch).ok_or(RecoverError::KeyGone {
            segment: found.number,
            epoch: header.epoch,
        })?;
        let segment = Segment::begin(&log.identity, &dek, &header, Arc::clone(&found.file), size);
        let chain = Header::is_authentic(bytes, &segment.cipher)
            .ok_or_else(|| found.damaged(0, "its header does not authenticate"))?;
        if let Some(made) = header.size.filter(|made| *made != size) {
            // It was whole on the disk before its header was, so no power cut did this.
            return Err(RecoverError::Damaged {
                segment: found.number,
                offset: made.min(size),
                why: "the file is not as long as it was made",
            });
        }
        if is_first {
            log.link.seq = header.first_seq.saturating_sub(1);
        } else if header.chain_before != log.link.chain || header.first_seq != log.link.seq + 1 {
            return Err(RecoverError::Damaged {
                segment: found.number - 1,
                offset: log.position,
                why: "records are missing before the next segment",
            });
        }
        log.link.chain = chain;
        Ok(Arc::new(segment))
    }

    fn note(&mut self, decoded: &Decoded, place: Place) {
        self.recovered.records += 1;
        if let Some(current) = self.log.kept.back_mut() {
            current.records += 1;
        }
        self.log.marks.keep(decoded.keep_from.unwrap_or_default());
        let Some(record) = &decoded.record else { return };
        self.log.marks.note(record);
        self.log.note_kept(record);
        let mut content = self.log.view.lock();
        let ticket = content.stage(record);
        if let Record::Entry { index, .. } = record {
            content.settle(*index, ticket, place);
            content.evict();
        }
    }

    /// The oldest segment may be gone only if a purge said so.
    fn check_oldest(&self) -> Result<(), RecoverError> {
        let needed = self.log.marks.keep_from.max(1);
        match self.log.kept.front() {
            Some(oldest) if oldest.segment.number <= needed => Ok(()),
            _ => Err(RecoverError::Missing { segment: needed }),
        }
    }

    fn cut(&mut self, torn: Option<(Found, usize)>) -> Result<(), RecoverError> {
        let Some((found, end)) = torn else { return Ok(()) };
        let offset = self.log.position;
        overwrite_with_zeros(&*found.file, offset, end as u64).map_err(io_error("repairing"))?;
        found.file.sync().map_err(io_error("repairing"))?;
        self.recovered.cut = Some(Cut {
            segment: found.number,
            offset,
            bytes: end as u64 - offset,
        });
        Ok(())
    }

    /// No segment has a header: the directory is new, or the very first start was cut off.
    fn begin_first(&mut self, found: Option<u64>) -> Result<(), RecoverError> {
        if let Some(number) = found.filter(|number| *number != 1) {
            return Err(RecoverError::Missing { segment: number - 1 });
        }
        let size = self.log.options.segment_bytes.min(FIRST_SEGMENT_BYTES);
        let made = prepare(&*self.log.disk, 1, size);
        let first = made
            .and_then(|prepared| begin(self.log, prepared))
            .map_err(io_error("beginning"))?;
        self.log.kept.push_back(first);
        self.recovered.fresh = true;
        Ok(())
    }

    fn finish(mut self) -> Recovered {
        self.log.count_segments();
        let reader = self.log.reader();
        self.recovered.vote = reader.vote();
        self.recovered.committed = reader.committed();
        self.recovered.purged = reader.purged();
        self.recovered.entries = reader.bounds();
        self.recovered
    }
}
