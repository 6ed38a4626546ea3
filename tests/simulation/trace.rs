//! Is a run the same run? A hash over everything that happened, in order; and, if asked for, the lines themselves.

use std::fs::File;
use std::io::{BufWriter, Write};

use sha2::{Digest, Sha256};

/// Names a file that gets every line, to find where two runs of one seed part.
const FILE: &str = "WARDROOM_SIM_TRACE";

pub(crate) struct Trace {
    hasher: Sha256,
    file: Option<BufWriter<File>>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        let file = std::env::var_os(FILE).map(|path| File::create(path).expect("the trace's file can be made"));
        Self {
            hasher: Sha256::new(),
            file: file.map(BufWriter::new),
        }
    }

    /// Notes what happened on a host at a simulated millisecond.
    pub(crate) fn note(&mut self, at_ms: u64, host: &str, what: &str) {
        let line = format!("{at_ms} {host} {what}\n");
        self.hasher.update(line.as_bytes());
        if let Some(file) = &mut self.file {
            file.write_all(line.as_bytes())
                .expect("the trace's file can be written");
        }
    }

    /// The first 64 bits of the hash, hex.
    pub(crate) fn hash(&mut self) -> String {
        if let Some(file) = &mut self.file {
            file.flush().expect("the trace's file can be written");
        }
        let digest = self.hasher.clone().finalize();
        let first = digest[..8].try_into().expect("a digest has 32 bytes");
        format!("{:016x}", u64::from_be_bytes(first))
    }
}
