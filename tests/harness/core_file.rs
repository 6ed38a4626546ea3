//! Does a process leave a core file behind when it dies? Lifts its limit from outside, has it abort, and looks where the
//! kernel would have put it. Needs root.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

/// Where the kernel writes core files, as the whole machine has it.
const PATTERN: &str = "/proc/sys/kernel/core_pattern";

/// The kernel writes core files to the working directory of the process that died. Restored with the value, if it had to
/// be arranged.
pub struct CoreFiles {
    before: Option<String>,
}

impl CoreFiles {
    /// `None`, and a word about it on stderr, where core files go elsewhere and this may not be changed.
    pub fn to_working_directory(test: &str) -> Option<Self> {
        let pattern = std::fs::read_to_string(PATTERN).unwrap();
        if is_relative(&pattern) {
            return Some(Self { before: None });
        }
        if let Err(error) = std::fs::write(PATTERN, "core") {
            #[allow(clippy::print_stderr)] // loudly
            {
                eprintln!("\n*** SKIPPED {test}: core files go to {pattern:?} here, and: {error} ***\n");
            }
            return None;
        }
        Some(Self { before: Some(pattern) })
    }
}

impl Drop for CoreFiles {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = std::fs::write(PATTERN, before);
        }
    }
}

/// Neither a program that is given them nor a folder of the whole machine.
fn is_relative(pattern: &str) -> bool {
    !pattern.trim().is_empty() && !pattern.starts_with(['|', '/', '@'])
}

/// Lets the process write core files of any size, whatever it has decided for itself, and sends it SIGABRT. Returns
/// whether the first could be done: who is not allowed to lift a limit can only show that the limit holds.
pub fn abort_with_core(pid: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let any = Rlimit {
        current: None,
        maximum: None,
    };
    let lifted = prlimit(Some(pid), Resource::Core, any);
    assert!(matches!(lifted, Ok(_) | Err(Errno::PERM)), "{lifted:?}");
    kill_process(pid, Signal::ABORT).unwrap();
    lifted.is_ok()
}

/// The core files in a folder, whatever name the kernel gave them.
pub fn found_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_core = |path: &PathBuf| {
        let mut magic = [0; 18];
        let read = File::open(path).and_then(|file| file.read_at(&mut magic, 0));
        // ELF, of the type "core".
        read.is_ok_and(|length| length == magic.len()) && magic.starts_with(b"\x7fELF") && magic[16] == 4
    };
    entries.filter(|path| path.is_file() && is_core(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_leave_the_working_directory_are_told() {
        for (pattern, relative) in [
            ("core\n", true),
            ("core.%p\n", true),
            ("|/usr/lib/systemd/systemd-coredump %P\n", false),
            ("/var/crash/core\n", false),
            ("@linuxafsk.socket\n", false),
            ("\n", false),
        ] {
            assert_eq!(is_relative(pattern), relative, "{pattern}");
        }
    }
}
