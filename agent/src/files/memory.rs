//! What stands in for tmpfs in a simulation? The same sets in a map: no file system is touched, and faults can be asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use rustix::io::Errno;
use wardroom_keys::SecretBytes;

use super::{Files, FilesError, NewFile, Reach, SetName, Target, check_set};
use crate::ids::TaskId;

type Set = BTreeMap<Target, SecretBytes>;

#[derive(Default)]
struct Kept {
    sets: BTreeMap<(TaskId, SetName), Set>,
    current: BTreeMap<TaskId, SetName>,
    sequence: u64,
    refuse_publish: u32,
    refuse_erase: u32,
    refuse_read: u32,
}

/// Sets of files in a map. Clones nothing, prints nothing.
#[derive(Default)]
pub struct MemoryFiles(Mutex<Kept>);

impl MemoryFiles {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next `times` calls that write fail as on a full file system.
    pub fn fail_publish(&self, times: u32) {
        self.kept().refuse_publish = times;
    }

    /// The next `times` calls that erase fail.
    pub fn fail_erase(&self, times: u32) {
        self.kept().refuse_erase = times;
    }

    /// The next `times` files cannot be read back.
    pub fn fail_read(&self, times: u32) {
        self.kept().refuse_read = times;
    }

    /// Whether `bytes` occur anywhere: in a visible set, or in an old one that is not yet erased.
    pub fn contains(&self, bytes: &[u8]) -> bool {
        let kept = self.kept();
        kept.sets
            .values()
            .flat_map(BTreeMap::values)
            .any(|value| value.expose().windows(bytes.len()).any(|at| at == bytes))
    }

    /// The visible targets of a task.
    pub fn targets(&self, task: &TaskId) -> Vec<String> {
        let kept = self.kept();
        let current = kept
            .current
            .get(task)
            .and_then(|set| kept.sets.get(&(task.clone(), set.clone())));
        current
            .map(|set| set.keys().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().expect("no code panics while it holds this lock")
    }

    fn erase(&self, erase: impl FnOnce(&mut Kept)) -> Result<(), FilesError> {
        let mut kept = self.kept();
        if kept.refuse_erase > 0 {
            kept.refuse_erase -= 1;
            return Err(FilesError::io("erase")(Errno::IO));
        }
        erase(&mut kept);
        Ok(())
    }
}

impl Files for MemoryFiles {
    fn directory(&self, task: &TaskId) -> PathBuf {
        PathBuf::from(format!("/memory/{task}/secrets"))
    }

    fn hidden(&self) -> Option<PathBuf> {
        None
    }

    fn publish(&self, task: &TaskId, _reach: Reach, files: &[NewFile<'_>]) -> Result<SetName, FilesError> {
        check_set(files.iter().map(|file| file.target))?;
        let mut kept = self.kept();
        if kept.refuse_publish > 0 {
            kept.refuse_publish -= 1;
            return Err(FilesError::Full);
        }
        kept.sequence += 1;
        let name = SetName(format!("..set-{}", kept.sequence));
        let set = files
            .iter()
            .map(|file| (file.target.clone(), SecretBytes::new(file.value.expose().to_vec())))
            .collect();
        kept.sets.insert((task.clone(), name.clone()), set);
        kept.current.insert(task.clone(), name.clone());
        Ok(name)
    }

    fn read(&self, task: &TaskId, target: &Target) -> Result<SecretBytes, FilesError> {
        let mut kept = self.kept();
        if kept.refuse_read > 0 {
            kept.refuse_read -= 1;
            return Err(FilesError::io(format!("read back {target} of task {task}"))(Errno::IO));
        }
        let set = kept
            .current
            .get(task)
            .and_then(|set| kept.sets.get(&(task.clone(), set.clone())));
        let value = set.and_then(|set| set.get(target));
        value
            .map(|value| SecretBytes::new(value.expose().to_vec()))
            .ok_or_else(|| FilesError::io(format!("read back {target} of task {task}"))(Errno::NOENT))
    }

    fn erase_files(&self, task: &TaskId, set: &SetName, targets: &[Target]) -> Result<(), FilesError> {
        self.erase(|kept| {
            if let Some(set) = kept.sets.get_mut(&(task.clone(), set.clone())) {
                set.retain(|target, _| !targets.contains(target));
            }
        })
    }

    fn erase_set(&self, task: &TaskId, set: &SetName) -> Result<(), FilesError> {
        self.erase(|kept| {
            kept.sets.remove(&(task.clone(), set.clone()));
        })
    }

    fn erase_task(&self, task: &TaskId) -> Result<(), FilesError> {
        self.erase(|kept| {
            kept.sets.retain(|(owner, _), _| owner != task);
            kept.current.remove(task);
        })
    }

    fn leave(&self) -> Result<(), FilesError> {
        self.wipe()
    }

    fn wipe(&self) -> Result<(), FilesError> {
        self.erase(|kept| {
            kept.sets.clear();
            kept.current.clear();
        })
    }
}
