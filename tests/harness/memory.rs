//! Where in the memory of a process does a planted value stand? Looks at every page that is there, of all its threads, and
//! tells mapping, offset and what is around; also whether the kernel could have swapped it out. Needs root.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::canary::Canary;

const PAGE: u64 = 4096;
/// Read at a time.
const STRIDE: usize = 1 << 20;
/// Shown on either side of a hit.
const AROUND: usize = 24;
/// Bits of an entry of `/proc/PID/pagemap`: in memory, or in swap.
const IN_MEMORY: u64 = 1 << 63;
const IN_SWAP: u64 = 1 << 62;

/// One piece of the value.
pub struct Hit {
    pub form: &'static str,
    /// As `/proc/PID/maps` calls it; empty for anonymous memory.
    pub mapping: String,
    pub offset: u64,
    /// The page is not locked: the kernel may write it to a disk.
    pub can_be_swapped: bool,
    around: String,
}

impl fmt::Debug for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let swap = if self.can_be_swapped { ", can be swapped" } else { "" };
        let mapping = if self.mapping.is_empty() {
            "anonymous"
        } else {
            &self.mapping
        };
        write!(
            f,
            "{} in {mapping} + {:#x}{swap}: {}",
            self.form, self.offset, self.around
        )
    }
}

/// What was looked at and what was found.
#[derive(Default)]
pub struct Scan {
    pub hits: Vec<Hit>,
    pub bytes: u64,
    /// Pages that even root cannot read, such as those of `memfd_secret`.
    pub hidden: u64,
}

impl Scan {
    pub fn can_be_swapped(&self) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(|hit| hit.can_be_swapped)
    }
}

/// Searches all memory of a process. It runs on meanwhile: what moves may be missed or seen twice.
pub fn scan(pid: u32, canary: &Canary) -> io::Result<Scan> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let pages = File::open(format!("/proc/{pid}/pagemap"))?;
    let mappings = mappings(&std::fs::read_to_string(format!("/proc/{pid}/smaps"))?);
    let mut scan = Scan::default();
    for mapping in &mappings {
        for run in present(&pages, &mapping.range)? {
            search(&memory, mapping, run, canary, &mut scan);
        }
    }
    Ok(scan)
}

struct Mapping {
    range: Range<u64>,
    name: String,
    locked: bool,
}

/// `/proc/PID/smaps`: a line as in `maps` for each mapping, then what the kernel counts of it, its flags last.
fn mappings(smaps: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "VmFlags:" {
            let mapping = mappings.last_mut().expect("flags follow their mapping");
            mapping.locked = words.any(|flag| flag == "lo");
        } else if let Some((from, to)) = first.split_once('-') {
            let number = |hex: &str| u64::from_str_radix(hex, 16).unwrap();
            mappings.push(Mapping {
                range: number(from)..number(to),
                name: words.skip(4).collect::<Vec<_>>().join(" "),
                locked: false,
            });
        }
    }
    // [vdso], [vvar], [vsyscall]: the kernel's own, the same for everybody, and in part kept from everybody.
    mappings.retain(|mapping| !mapping.name.starts_with("[v"));
    mappings
}

/// The parts of a mapping that are in memory or in swap; the rest was never touched and holds nothing.
fn present(pages: &File, range: &Range<u64>) -> io::Result<Vec<Range<u64>>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    let mut entries = vec![0; STRIDE];
    let mut page = range.start / PAGE;
    while page < range.end / PAGE {
        let wanted = usize::try_from((range.end / PAGE - page) * 8).unwrap_or(usize::MAX);
        let got = pages.read_at(&mut entries[..wanted.min(STRIDE)], page * 8)?;
        if got < 8 {
            break;
        }
        for entry in entries[..got].chunks_exact(8) {
            let flags = u64::from_le_bytes(entry.try_into().expect("eight bytes"));
            if flags & (IN_MEMORY | IN_SWAP) != 0 {
                match runs.last_mut().filter(|run| run.end == page * PAGE) {
                    Some(run) => run.end += PAGE,
                    None => runs.push(page * PAGE..(page + 1) * PAGE),
                }
            }
            page += 1;
        }
    }
    Ok(runs)
}

fn search(memory: &File, mapping: &Mapping, run: Range<u64>, canary: &Canary, scan: &mut Scan) {
    let overlap = canary.piece_len() as u64 - 1;
    let mut bytes = vec![0; STRIDE];
    let mut at = run.start;
    while at < run.end {
        let wanted = usize::try_from(run.end - at).unwrap_or(STRIDE).min(STRIDE);
        let Ok(got @ 1..) = memory.read_at(&mut bytes[..wanted], at) else {
            // It is gone by now, or the kernel keeps it from everybody.
            scan.hidden += PAGE;
            at += PAGE;
            continue;
        };
        let seen = &bytes[..got];
        for (form, found) in canary.traces_in(seen) {
            scan.hits.push(Hit {
                form,
                mapping: mapping.name.clone(),
                offset: at + found as u64 - mapping.range.start,
                can_be_swapped: !mapping.locked,
                around: around(seen, found),
            });
        }
        scan.bytes += got as u64;
        let next = at + got as u64;
        at = if next < run.end {
            next - overlap.min(got as u64 / 2)
        } else {
            next
        };
    }
}

fn around(bytes: &[u8], at: usize) -> String {
    let part = &bytes[at.saturating_sub(AROUND)..bytes.len().min(at + 2 * AROUND)];
    part.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::Holder;
    use crate::skip::root_or_skip;

    const VALUE: &[u8] = b"memory-canary-3f8Qv2Lw9sTz7YbXc1Rn5Kd0";

    #[test]
    fn every_form_is_found_in_a_process_that_holds_it() {
        if !root_or_skip("every_form_is_found_in_a_process_that_holds_it") {
            return;
        }
        let canary = Canary::new(VALUE);
        for (form, bytes) in canary.forms() {
            let holder = Holder::of(bytes);
            let scan = scan(holder.pid(), &canary).unwrap();
            assert!(scan.hits.iter().any(|hit| hit.form == form), "{form}: {:?}", scan.hits);
            assert!(scan.can_be_swapped().count() > 0, "nothing locks the holder's memory");
        }
    }

    #[test]
    fn a_process_that_does_not_hold_it_is_clean() {
        if !root_or_skip("a_process_that_does_not_hold_it_is_clean") {
            return;
        }
        let scan = scan(Holder::of(b"something else").pid(), &Canary::new(VALUE)).unwrap();
        assert!(scan.bytes > 0 && scan.hits.is_empty(), "{:?}", scan.hits);
    }

    #[test]
    fn flags_tell_what_is_locked() {
        let smaps = "\
5555-6666 rw-p 00001000 00:00 0                  [heap]
Size:                  4 kB
VmFlags: rd wr mr mw me lo ac sd
7777-8888 r--p 00000000 08:01 123                /usr/lib/a file.so (deleted)
VmFlags: rd mr mw me sd
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
VmFlags: ex
";
        let found: Vec<_> = mappings(smaps).into_iter().map(|m| (m.name, m.locked)).collect();
        assert_eq!(
            found,
            [
                ("[heap]".to_owned(), true),
                ("/usr/lib/a file.so (deleted)".to_owned(), false)
            ]
        );
    }
}
