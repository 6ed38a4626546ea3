//! Do files on tmpfs change in one step, stay below their directory, and leave nothing behind?
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use super::super::choose;
use super::*;

const TASK: &str = "task1";

struct Bench {
    files: TmpfsFiles,
    home: TempDir,
}

fn bench() -> Bench {
    let home = tempfile::tempdir_in("/dev/shm").unwrap();
    let files = TmpfsFiles::new(choose(Some(home.path()), "node1").unwrap());
    Bench { files, home }
}

impl Bench {
    fn publish(&self, content: &[(&str, &str)]) -> Result<SetName, FilesError> {
        self.publish_with(content, 0o444)
    }

    fn publish_with(&self, content: &[(&str, &str)], mode: u32) -> Result<SetName, FilesError> {
        let owned: Vec<(Target, SecretBytes)> = content
            .iter()
            .map(|(target, value)| {
                (
                    Target::parse(target).unwrap(),
                    SecretBytes::new(value.as_bytes().to_vec()),
                )
            })
            .collect();
        let new: Vec<NewFile<'_>> = owned
            .iter()
            .map(|(target, value)| NewFile {
                target,
                uid: 0,
                gid: 0,
                mode,
                value,
            })
            .collect();
        self.files.publish(&task(), Reach::Task, &new)
    }

    fn path(&self, target: &str) -> PathBuf {
        self.files.directory(&task()).join(target)
    }

    fn read(&self, target: &str) -> String {
        fs::read_to_string(self.path(target)).unwrap()
    }

    fn listed(&self) -> Vec<String> {
        names(&self.files.directory(&task()))
    }
}

fn task() -> TaskId {
    TaskId::new(TASK)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_set_is_seen_at_its_targets_nested_ones_too() {
    let bench = bench();
    let set = bench
        .publish(&[("db_password", "one"), ("tls/pay.pem", "two")])
        .unwrap();
    assert_eq!(bench.read("db_password"), "one");
    assert_eq!(bench.read("tls/pay.pem"), "two");
    assert_eq!(bench.listed(), ["..data", set.0.as_str(), "db_password", "tls"]);
    assert_eq!(fs::read_link(bench.path("tls")).unwrap(), Path::new("..data/tls"));
    let read = bench
        .files
        .read(&task(), &Target::parse("tls/pay.pem").unwrap())
        .unwrap();
    assert!(read.equals(b"two"));
}

#[test]
fn modes_hold_and_dangerous_bits_do_not() {
    let bench = bench();
    bench.publish_with(&[("a", "x")], 0o7440).unwrap();
    let file = fs::metadata(bench.path("a")).unwrap();
    assert_eq!(file.mode() & 0o7777, 0o440);
    let secrets = fs::metadata(bench.files.directory(&task())).unwrap();
    assert_eq!(secrets.mode() & 0o7777, 0o755);
    assert_eq!(
        fs::metadata(bench.files.directory(&task()).parent().unwrap())
            .unwrap()
            .mode()
            & 0o7777,
        0o700
    );
}

#[test]
fn owners_are_honoured_for_root_only() {
    let bench = bench();
    let target = Target::parse("a").unwrap();
    let value = SecretBytes::new(b"x".to_vec());
    let file = NewFile {
        target: &target,
        uid: 1234,
        gid: 4321,
        mode: 0o400,
        value: &value,
    };
    bench.files.publish(&task(), Reach::Task, &[file]).unwrap();
    let seen = fs::metadata(bench.path("a")).unwrap();
    if geteuid().is_root() {
        assert_eq!((seen.uid(), seen.gid()), (1234, 4321));
        let nobody = NewFile { uid: u32::MAX, ..file };
        assert!(
            bench.files.publish(&task(), Reach::Task, &[nobody]).is_err(),
            "the id that means `leave it` is nobody's"
        );
    } else {
        assert_eq!(seen.uid(), geteuid().as_raw());
    }
}

#[test]
fn a_swap_moves_every_target_and_drops_names_that_left() {
    let bench = bench();
    let first = bench.publish(&[("a", "a1"), ("b", "b1"), ("tls/c", "c1")]).unwrap();
    let second = bench.publish(&[("a", "a2"), ("d", "d2")]).unwrap();
    assert_eq!((bench.read("a"), bench.read("d")), ("a2".into(), "d2".into()));
    assert_eq!(
        bench.listed(),
        ["..data", first.0.as_str(), second.0.as_str(), "a", "d"]
    );
    bench.files.erase_set(&task(), &first).unwrap();
    assert_eq!(bench.listed(), ["..data", second.0.as_str(), "a", "d"]);
    assert_eq!(bench.read("a"), "a2");
}

#[test]
fn i7_a_reader_never_sees_a_mix() {
    let bench = bench();
    bench.publish(&[("left", "0"), ("right", "0")]).unwrap();
    let stop = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut generations = std::collections::BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                // A careful reader holds the set it began with, as one who opens `..data` once does.
                let set = fs::canonicalize(bench.path("..data")).unwrap();
                let both = (
                    fs::read_to_string(set.join("left")),
                    fs::read_to_string(set.join("right")),
                );
                let (Ok(left), Ok(right)) = both else { continue };
                assert_eq!(left, right, "two files of one set are of one generation");
                // And one who opens by name finds a whole value, never an absent or half one.
                assert!(
                    bench.read("left").parse::<u32>().is_ok(),
                    "a target is always there and whole"
                );
                generations.insert(left);
            }
            generations.len()
        });
        // Sets are erased well after readers that saw them have read; two later is long enough here to see real swaps.
        let mut sets = std::collections::VecDeque::new();
        for generation in 1..=400_u32 {
            let text = generation.to_string();
            sets.push_back(bench.publish(&[("left", &text), ("right", &text)]).unwrap());
            if generation % 50 == 0 {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(seen > 0, "the reader read");
    assert_eq!(bench.read("right"), "400");
}

#[test]
fn i6_an_open_handle_reads_nothing_after_the_erasure() {
    let bench = bench();
    let value = "c4n4ry".repeat(10_000);
    let set = bench.publish(&[("a", &value), ("tls/b", &value)]).unwrap();
    let mut before = fs::File::open(bench.path("a")).unwrap();
    let mut nested = fs::File::open(bench.path("tls/b")).unwrap();
    bench
        .files
        .erase_files(&task(), &set, &[Target::parse("a").unwrap()])
        .unwrap();
    let rest = |file: &mut fs::File| {
        let mut rest = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut rest).unwrap();
        rest
    };
    assert!(rest(&mut before).iter().all(|&byte| byte == 0), "zeros or nothing");
    assert_eq!(before.metadata().unwrap().nlink(), 0);
    assert_eq!(rest(&mut nested).len(), value.len(), "the other file is not touched");
    bench.files.erase_task(&task()).unwrap();
    assert!(rest(&mut nested).iter().all(|&byte| byte == 0));
    assert!(!bench.files.directory(&task()).exists());
    bench.files.erase_task(&task()).unwrap();
}

#[test]
fn a_file_taken_from_the_visible_set_takes_its_name_along() {
    let bench = bench();
    let content = [("a", "a1"), ("tls/b", "b1"), ("tls/c", "c1")];
    let set = bench.publish(&content).unwrap();
    let erase = |target: &str| {
        bench
            .files
            .erase_files(&task(), &set, &[Target::parse(target).unwrap()])
            .unwrap();
    };
    erase("a");
    erase("tls/b");
    assert_eq!(bench.listed(), ["..data", set.0.as_str(), "tls"]);
    assert_eq!(
        (bench.read("tls/c"), bench.path("tls/b").exists()),
        ("c1".into(), false)
    );
    erase("tls/c");
    assert_eq!(
        bench.listed(),
        ["..data", set.0.as_str()],
        "an empty directory tells a name too"
    );
    bench.publish(&content).unwrap();
    assert_eq!(bench.read("tls/b"), "b1", "and it may come back");
}

#[test]
fn a_second_name_for_a_file_does_not_save_its_bytes() {
    let bench = bench();
    let set = bench.publish(&[("a", "c4n4ry")]).unwrap();
    let kept = bench.home.path().join("kept");
    fs::hard_link(bench.files.directory(&task()).join(&set.0).join("a"), &kept).unwrap();
    bench.files.erase_set(&task(), &set).unwrap();
    assert_eq!(fs::read(&kept).unwrap(), b"");
}

#[test]
fn what_cannot_be_written_leaves_the_set_before() {
    let bench = bench();
    let first = bench.publish(&[("a", "a1")]).unwrap();
    // A directory in the way of the visible name: the set cannot be published whole.
    fs::create_dir(bench.path("..data_tmp")).unwrap();
    assert!(bench.publish(&[("a", "a2"), ("new", "n2")]).is_err());
    assert_eq!(bench.read("a"), "a1");
    assert_eq!(
        bench.listed(),
        ["..data", "..data_tmp", first.0.as_str(), "a"],
        "nothing of the refused set is left"
    );
}

#[test]
fn conflicting_targets_are_refused_before_anything_is_written() {
    let bench = bench();
    assert!(matches!(
        bench.publish(&[("tls", "x"), ("tls/a", "y")]),
        Err(FilesError::Target(_))
    ));
    assert!(!bench.files.directory(&task()).exists());
}

#[test]
fn a_task_id_is_one_name() {
    let bench = bench();
    for id in ["", "..", "../x", "a/b", "a b", &"x".repeat(65)] {
        let outcome = bench.files.publish(&TaskId::new(id), Reach::Task, &[]);
        assert!(matches!(outcome, Err(FilesError::TaskName(_))), "{id:?}");
    }
}

#[test]
fn links_that_somebody_planted_are_not_followed() {
    let bench = bench();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "keep me").unwrap();
    let root = bench.files.root().path().to_owned();
    symlink(outside.path(), root.join(TASK)).unwrap();
    assert!(
        bench.publish(&[("a", "x")]).is_err(),
        "a task's directory that is a link is refused"
    );
    // Wiping removes the link and leaves what it points to.
    bench.files.wipe().unwrap();
    assert_eq!(names(&root), Vec::<String>::new());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "keep me");
    // Inside a task's directory too.
    bench.publish(&[("a", "x")]).unwrap();
    symlink(&victim, bench.path("planted")).unwrap();
    assert!(
        bench.files.read(&task(), &Target::parse("planted").unwrap()).is_err(),
        "a link out of the directory"
    );
    bench.files.erase_task(&task()).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "keep me");
}

#[test]
fn a_new_life_wipes_what_the_old_one_left() {
    let bench = bench();
    bench
        .publish_with(&[("a", "c4n4ry"), ("tls/b", "c4n4ry")], 0o400)
        .unwrap();
    let mut before = fs::File::open(bench.path("a")).unwrap();
    let root = bench.files.root().path().to_owned();
    let Bench { files, home } = bench;
    drop(files);
    let again = TmpfsFiles::new(choose(Some(home.path()), "node1").unwrap());
    again.wipe().unwrap();
    assert_eq!(names(&root), Vec::<String>::new());
    let mut rest = String::new();
    before.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    again.leave().unwrap();
    assert!(!root.exists());
}

#[test]
fn a_file_nobody_may_read_is_erased_all_the_same() {
    let bench = bench();
    let set = bench.publish_with(&[("a", "c4n4ry")], 0).unwrap();
    bench.files.erase_set(&task(), &set).unwrap();
    assert!(!bench.files.directory(&task()).join(&set.0).exists());
}
