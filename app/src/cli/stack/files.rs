//! Where do compose files come from? Files or standard input, and the caller's environment; nothing is written.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::cli::output::Output;
use crate::report::Report;
use crate::stack::{Node, Problems, interpolate, merge, read};

/// One byte more than is ever read as a compose file or an `env_file`.
const TOO_LONG: u64 = 1024 * 1024 + 1;

/// What the files say together.
pub struct Loaded {
    pub tree: Option<Node>,
    /// Of the first file, absolute: what paths in all of them are relative to.
    pub folder: PathBuf,
    pub problems: Problems,
}

/// Reads and merges them. A file that cannot be opened fails at once; what is wrong in them is collected.
pub fn load(paths: &[PathBuf], skip_interpolation: bool) -> Result<Loaded, Report> {
    let mut problems = Problems::default();
    let mut trees = Vec::new();
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(Report::usage("standard input can be read once only").hint("give one -c -, and files beside it"));
    }
    for path in paths {
        let (name, bytes) = bytes(path)?;
        let Some(tree) = read(&name, &bytes, &mut problems) else {
            continue;
        };
        trees.push(if skip_interpolation {
            tree
        } else {
            interpolate(tree, &variable, &mut problems)
        });
    }
    let is_whole = trees.len() == paths.len();
    Ok(Loaded {
        tree: merge(trees, &mut problems).filter(|_| is_whole),
        folder: folder(paths.first())?,
        problems,
    })
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn bytes(path: &Path) -> Result<(String, Vec<u8>), Report> {
    if is_stdin(path) {
        let bytes = limited(io::stdin().lock());
        let bytes = bytes.map_err(|error| Report::failure(format!("cannot read standard input: {error}")))?;
        return Ok(("stdin".to_owned(), bytes));
    }
    let name = path.display().to_string();
    let opened = File::open(path).and_then(limited);
    let bytes = opened.map_err(|error| {
        Report::failure(format!("cannot read the compose file {name}: {error}"))
            .hint("name it with -c, or pipe it in with -c -")
    })?;
    Ok((name, bytes))
}

fn limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(TOO_LONG).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Of the first file; of standard input, where the command runs.
fn folder(first: Option<&PathBuf>) -> Result<PathBuf, Report> {
    let parent = first.filter(|path| !is_stdin(path)).and_then(|path| path.parent());
    let folder = parent.filter(|folder| !folder.as_os_str().is_empty());
    std::path::absolute(folder.unwrap_or(Path::new("."))).map_err(|error| {
        Report::failure(format!("cannot tell the current directory: {error}")).hint("change into one that exists")
    })
}

/// A file that a compose file names, relative to its folder.
pub fn beside(folder: &Path, path: &str) -> Result<Vec<u8>, String> {
    let opened = File::open(folder.join(path)).and_then(limited);
    let bytes = opened.map_err(|error| format!("cannot read {path}: {error}"))?;
    if bytes.len() as u64 >= TOO_LONG {
        return Err(format!("{path} is longer than 1 MiB; name another file"));
    }
    Ok(bytes)
}

/// A variable of the caller; one that is not text is as good as none.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub fn tell_remarks(problems: &Problems, output: &mut Output) {
    for remark in problems.remarks() {
        output.note(&format!("note: {remark}"));
    }
}
