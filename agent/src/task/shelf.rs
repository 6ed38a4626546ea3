//! Which files does one task hold, in which sets, and which of them may go? The task's bookkeeping over `Files`.
//!
//! A set that was replaced stays for a moment, for readers that opened a file of it just before. A target that was taken
//! away leaves every set at once, the visible one too when none can take its place. A file counts as erased only when no
//! set has it any more; then its receipt is due.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;
use tokio::time::Instant;
use wardroom_keys::{SecretBytes, receipt_digest};

use super::{Pace, Shared};
use crate::assignments::{About, Wanted, WantedFile};
use crate::files::{Files, FilesError, NewFile, Reach, SetName, Target};
use crate::ids::TaskId;
use crate::template::{Context, ExpandError};
use crate::values::{Driver, Value};

struct Set {
    name: SetName,
    /// What of it is not erased yet.
    files: Vec<WantedFile>,
    /// `None` while it is the visible one.
    goes_at: Option<Instant>,
}

/// Why a set was not put up.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("a value did not arrive; the manager sends it again with a new session")]
    Missing,
    #[error(transparent)]
    Template(#[from] ExpandError),
    #[error("{}", .0.line())]
    Files(#[from] FilesError),
}

/// The files of one task.
pub(super) struct Shelf {
    task: TaskId,
    files: Arc<dyn Files>,
    pace: Pace,
    sets: Vec<Set>,
    /// What was last read back whole. A visible set that differs is not believed in.
    proven: Vec<WantedFile>,
    /// What templates may say.
    context: Context,
}

impl Shelf {
    pub(super) fn new(task: &Wanted, shared: &Shared) -> Self {
        Self {
            task: task.id.clone(),
            context: Context::of(task, &shared.node),
            files: Arc::clone(&shared.files),
            pace: shared.pace,
            sets: Vec::new(),
            proven: Vec::new(),
        }
    }

    /// Whether exactly `wanted` is visible, and was read back.
    pub(super) fn shows(&self, wanted: &[WantedFile]) -> bool {
        self.proven == wanted && self.visible().is_some_and(|set| set.files == wanted)
    }

    /// The files of `wanted` whose version differs from the one last proven at the same target.
    pub(super) fn changed<'a>(&self, wanted: &'a [WantedFile]) -> Vec<&'a WantedFile> {
        let is_new = |file: &WantedFile| {
            !self
                .proven
                .iter()
                .any(|held| held.target == file.target && held.version_id == file.version_id)
        };
        wanted.iter().filter(|file| is_new(file)).collect()
    }

    /// Puts up the whole of `wanted` in one step and reads it back: the digest of each file, in `wanted`'s order.
    pub(super) fn put_up(
        &mut self,
        reach: Reach,
        wanted: &[WantedFile],
        shared: &Shared,
    ) -> Result<Vec<[u8; 32]>, Refused> {
        let find = |file: &WantedFile| shared.values.find(&file.version_id).ok_or(Refused::Missing);
        let values: Vec<Arc<Value>> = wanted.iter().map(find).collect::<Result<_, _>>()?;
        let parse = |file: &WantedFile| {
            let target = Target::parse(&file.target)?;
            target.check(reach).map(|()| target)
        };
        let parse = |file: &WantedFile| parse(file).map_err(FilesError::from);
        let targets: Vec<Target> = wanted.iter().map(parse).collect::<Result<_, _>>()?;
        let expanded = self.expanded(wanted, &values)?;
        let contents = || {
            expanded
                .iter()
                .zip(&values)
                .map(|(expanded, value)| expanded.as_ref().unwrap_or(&value.bytes))
        };
        let new: Vec<NewFile<'_>> = wanted
            .iter()
            .zip(targets.iter().zip(contents()))
            .map(|(file, (target, value))| NewFile {
                target,
                uid: file.uid,
                gid: file.gid,
                mode: file.mode,
                value,
            })
            .collect();
        let name = self.files.publish(&self.task, reach, &new)?;
        self.replace(name, wanted);
        let digest = |((target, value), content): ((&Target, &Arc<Value>), &SecretBytes)| {
            let read = self.files.read(&self.task, target)?;
            // A version is proven by its own bytes: those of a template stand for what it has become.
            let proof = if read.equals(content.expose()) {
                &value.bytes
            } else {
                &read
            };
            Ok(receipt_digest(value.digest_key.expose(), proof.expose()))
        };
        let digests = targets
            .iter()
            .zip(&values)
            .zip(contents())
            .map(digest)
            .collect::<Result<_, FilesError>>()?;
        self.proven = wanted.to_vec();
        Ok(digests)
    }

    /// What templates among the values have become; `None` for the others, which are files as they are.
    fn expanded(&self, wanted: &[WantedFile], values: &[Arc<Value>]) -> Result<Vec<Option<SecretBytes>>, Refused> {
        let by_target = || {
            let files = wanted.iter().zip(values);
            files
                .map(|(file, value)| (file.target.clone(), Arc::clone(value)))
                .collect()
        };
        let expand = |(file, value): (&WantedFile, &Arc<Value>)| match &value.driver {
            Driver::Plain => Ok(None),
            Driver::Golang => self.context.expand(&file.target, &value.bytes, &by_target()).map(Some),
            Driver::Unknown(name) => Err(ExpandError::Driver(name.clone())),
        };
        let expanded = wanted.iter().zip(values).map(expand);
        Ok(expanded.collect::<Result<_, _>>()?)
    }

    fn replace(&mut self, name: SetName, wanted: &[WantedFile]) {
        let goes_at = Instant::now() + self.pace.swap_grace;
        for set in &mut self.sets {
            set.goes_at.get_or_insert(goes_at);
        }
        self.sets.push(Set {
            name,
            files: wanted.to_vec(),
            goes_at: None,
        });
    }

    /// When the next set is to be erased.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.sets.iter().filter_map(|set| set.goes_at).min()
    }

    /// Erases what no longer may be there: targets that the visible set does not have, and sets whose time has come.
    /// What fails is tried again later. Returns the files that are now in no set.
    pub(super) fn tidy(&mut self) -> (Vec<WantedFile>, Option<FilesError>) {
        let before = self.all();
        let now = Instant::now();
        let kept: Vec<String> = self.visible().map(|set| targets(&set.files)).unwrap_or_default();
        let mut failure = None;
        for set in self.sets.iter_mut().filter(|set| set.goes_at.is_some()) {
            let outcome = if set.goes_at <= Some(now) {
                self.files.erase_set(&self.task, &set.name).map(|()| set.files.clear())
            } else {
                take_away(&*self.files, &self.task, set, |file| kept.contains(&file.target))
            };
            if let Err(error) = outcome {
                set.goes_at = Some(now + self.pace.erase_retry);
                failure = Some(error);
            }
        }
        self.sets.retain(|set| set.goes_at.is_none() || !set.files.is_empty());
        (self.gone_since(before), failure)
    }

    /// Erases from the visible set, which could not be replaced, what `wanted` has no use for. A file whose secret has
    /// another version in `wanted` stays until that one can be put up. Returns the files that are now in no set.
    pub(super) fn shed(&mut self, wanted: &[WantedFile]) -> (Vec<WantedFile>, Option<FilesError>) {
        let before = self.all();
        let visible = self.sets.iter_mut().find(|set| set.goes_at.is_none());
        let shed = visible.map_or(Ok(()), |set| {
            take_away(&*self.files, &self.task, set, |file| is_of_use(file, wanted))
        });
        if shed.is_ok() {
            self.proven.retain(|file| is_of_use(file, wanted));
        }
        (self.gone_since(before), shed.err())
    }

    /// What [`Shelf::shed`] could not erase.
    pub(super) fn useless(&self, wanted: &[WantedFile]) -> Vec<WantedFile> {
        let visible = self.visible().map(|set| set.files.as_slice()).unwrap_or_default();
        visible
            .iter()
            .filter(|file| !is_of_use(file, wanted))
            .cloned()
            .collect()
    }

    /// Erases everything of the task. Returns the files that are now gone.
    pub(super) fn clear(&mut self) -> Result<Vec<WantedFile>, FilesError> {
        self.files.erase_task(&self.task)?;
        let all = self.all();
        self.sets.clear();
        self.proven.clear();
        Ok(all.into_values().collect())
    }

    /// The paths at which a container finds files of the visible set, besides those below its secrets directory.
    pub(super) fn absolute(&self) -> Vec<String> {
        let visible = self.visible().map(|set| set.files.as_slice()).unwrap_or_default();
        let targets = visible.iter().filter_map(|file| Target::parse(&file.target).ok());
        targets
            .filter_map(|target| target.absolute().map(ToOwned::to_owned))
            .collect()
    }

    /// The files that are there, in whatever set.
    pub(super) fn held(&self) -> Vec<WantedFile> {
        self.all().into_values().collect()
    }

    fn all(&self) -> BTreeMap<About, WantedFile> {
        self.sets
            .iter()
            .flat_map(|set| &set.files)
            .map(|file| (file.about(), file.clone()))
            .collect()
    }

    fn gone_since(&self, before: BTreeMap<About, WantedFile>) -> Vec<WantedFile> {
        let left = self.all();
        before
            .into_iter()
            .filter(|(about, _)| !left.contains_key(about))
            .map(|(_, file)| file)
            .collect()
    }

    fn visible(&self) -> Option<&Set> {
        self.sets.iter().find(|set| set.goes_at.is_none())
    }
}

/// Erases those files of a set that are not kept.
fn take_away(
    files: &dyn Files,
    task: &TaskId,
    set: &mut Set,
    is_kept: impl Fn(&WantedFile) -> bool,
) -> Result<(), FilesError> {
    let gone: Vec<Target> = set
        .files
        .iter()
        .filter(|file| !is_kept(file))
        .filter_map(|file| Target::parse(&file.target).ok())
        .collect();
    if !gone.is_empty() {
        files.erase_files(task, &set.name, &gone)?;
        set.files.retain(is_kept);
    }
    Ok(())
}

/// Whether `wanted` has some version of this file's secret at its target.
fn is_of_use(file: &WantedFile, wanted: &[WantedFile]) -> bool {
    wanted
        .iter()
        .any(|other| other.target == file.target && other.secret == file.secret)
}

fn targets(files: &[WantedFile]) -> Vec<String> {
    files.iter().map(|file| file.target.clone()).collect()
}
