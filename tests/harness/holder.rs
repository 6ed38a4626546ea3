//! What proves that a scan can find something? A process of ours that holds it and does nothing to hide it.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::canary::Canary;
use crate::memory::scan;
use crate::until::until;

/// `dd` that waits for more with these bytes in its buffer; killed with the value.
pub struct Holder(Child);

impl Holder {
    pub fn of(bytes: &[u8]) -> Self {
        Self::in_folder(bytes, &std::env::temp_dir())
    }

    /// As [`Self::of`], where its core file goes to `folder`.
    pub fn in_folder(bytes: &[u8], folder: &Path) -> Self {
        let mut child = Command::new("dd")
            .args(["bs=4096", "of=/dev/null", "status=none"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.as_mut().expect("it is piped").write_all(bytes).unwrap();
        let (pid, canary) = (child.id(), Canary::new(bytes));
        until("the holder has read what it is to hold", || {
            let scan = scan(pid, &canary).ok()?;
            (!scan.hits.is_empty()).then_some(())
        });
        Self(child)
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for its end, which somebody else has brought about.
    pub fn ended(&mut self) {
        self.0.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
