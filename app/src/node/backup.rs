//! What is in a backup? Opened and checked by the manager's own code in this process, for a look: nothing of it is kept.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use wardroom_manager::backup::{self, Key};

use crate::cli::unlock::Unlock;
use crate::report::Report;
use crate::text::clean;

/// No state is larger; nothing more is read into memory.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What a backup holds, in numbers.
pub struct Facts {
    pub cluster_id: String,
    pub cluster_name: String,
    /// Raft index of the state.
    pub index: u64,
    pub created_at_ms: i64,
    pub secrets: usize,
    pub services: usize,
    pub nodes: usize,
    pub operators: usize,
    pub audit_records: u64,
}

/// Opens the backup and checks all of it. Takes about a second with a passphrase.
pub fn look(path: &Path, unlock: Unlock) -> Result<Facts, Report> {
    let shown = path.display().to_string();
    let file = read(path).map_err(|error| {
        Report::failure(format!("cannot read {}: {error}", clean(&shown))).hint("check the path and its permissions")
    })?;
    let key = match unlock {
        Unlock::Passphrase(passphrase) => Key::Passphrase(passphrase),
        Unlock::Identity(identity) => Key::Identity(identity),
    };
    let opened = backup::open(&file, &key).map_err(|error| Report::failure(format!("{}: {error}", clean(&shown))))?;
    let state = &opened.state;
    Ok(Facts {
        cluster_id: opened.cluster_id.clone(),
        cluster_name: state.cluster().map_or_else(String::new, |cluster| cluster.name.clone()),
        index: opened.index,
        created_at_ms: opened.created_at_ms,
        secrets: state.secrets().len(),
        services: state.services().len(),
        nodes: state.nodes().len(),
        operators: state.operators().len(),
        audit_records: state.audit_length(),
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
