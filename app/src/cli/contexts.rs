//! Where does a person keep which clusters there are? In `contexts.json` below the configuration folder, 0600 in a
//! folder of 0700, with the bundles beside it. The file is replaced as a whole, and what this program does not know in
//! it stays. A file that others could have written is refused: it says whom to trust.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Map, Value, json};
use wardroom_api::Host;
use wardroom_ca::Bundle;

use crate::cli::nearest;
use crate::cli::private_file::{self, Unreadable, cannot_write};
use crate::report::{Exit, Report};
use crate::text::clean;

/// The context that is none: the cluster of this machine.
pub const DEFAULT: &str = "default";
const FILE: &str = "contexts.json";
/// A file of a newer format is left alone.
const FORMAT: u64 = 1;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    pub name: String,
    pub host: Host,
    /// Absolute; only for managers elsewhere.
    pub bundle: Option<PathBuf>,
}

/// The file as it was read.
#[derive(Debug)]
pub struct Contexts {
    folder: PathBuf,
    document: Map<String, Value>,
    /// Bundles of contexts that were removed: deleted once the file is written.
    orphans: Vec<PathBuf>,
}

/// `$XDG_CONFIG_HOME/wardroom`, or `~/.config/wardroom`; `None` where neither is known.
pub fn folder(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|config| config.join("wardroom"))
}

/// Letters, digits and `._+-`, beginning with a letter or digit: it becomes a file name too.
pub fn check_name(name: &str) -> Result<(), Report> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if name == DEFAULT {
        return Err(
            Report::usage("\"default\" is reserved: it stands for the cluster of this machine")
                .hint("choose another name"),
        );
    }
    if begins && name.len() <= 64 && name.bytes().all(inner) {
        return Ok(());
    }
    Err(Report::usage(format!("context name {:?} is invalid", clean(name)))
        .hint("use up to 64 letters, digits and . _ + -, and begin with a letter or digit"))
}

impl Contexts {
    /// What is there; no file means no contexts.
    pub fn load(folder: &Path) -> Result<Self, Report> {
        let path = folder.join(FILE);
        let document = match private_file::read(&path) {
            Ok(bytes) => {
                private_file::check_folder(folder)?;
                parse(&path, &bytes)?
            }
            Err(Unreadable::Missing) => Map::new(),
            Err(Unreadable::Refused(report)) => return Err(report),
        };
        Ok(Self {
            folder: folder.to_owned(),
            document,
            orphans: Vec::new(),
        })
    }

    /// The one in use, unless it is the cluster of this machine.
    pub fn current(&self) -> Option<&str> {
        let name = self.document.get("current")?.as_str()?;
        (name != DEFAULT && !name.is_empty()).then_some(name)
    }

    /// In the order in which they were made.
    pub fn names(&self) -> Vec<&str> {
        let all = self.document.get("contexts").and_then(Value::as_object);
        all.map(|all| all.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    pub fn get(&self, name: &str) -> Result<Context, Report> {
        let entry = self.document.get("contexts").and_then(|all| all.get(name));
        let Some(entry) = entry else {
            return Err(self.missing(name));
        };
        let damaged = |what: &str| {
            Report::failure(format!(
                "context {}: {what} in {}",
                clean(name),
                self.folder.join(FILE).display()
            ))
            .hint(format!(
                "make it anew: `wardroom context rm --force {}`, then `wardroom context create`",
                clean(name)
            ))
        };
        let text = entry
            .get("host")
            .and_then(Value::as_str)
            .ok_or_else(|| damaged("no host"))?;
        let host = Host::parse(text).map_err(|error| damaged(&error.to_string()))?;
        let bundle = match entry.get("bundle").and_then(Value::as_str) {
            // Only a file beside this one: what the file says must not lead elsewhere.
            Some(file) if file.contains('/') || file.starts_with('.') => {
                return Err(damaged("a bundle in another folder"));
            }
            Some(file) => Some(self.folder.join(file)),
            None if matches!(host, Host::Managers(_)) => return Err(damaged("no bundle")),
            None => None,
        };
        Ok(Context {
            name: name.to_owned(),
            host,
            bundle,
        })
    }

    fn missing(&self, name: &str) -> Report {
        let report = Report::new(Exit::NotFound, format!("context \"{}\" does not exist", clean(name)));
        match nearest::to(name, self.names().into_iter()) {
            Some(near) => report.hint(format!("did you mean {near}? `wardroom context ls` lists them")),
            None => report.hint("`wardroom context ls` lists them, `wardroom context create` makes one"),
        }
    }

    /// Adds a context; a bundle is copied to it, readable by its owner only.
    pub fn add(&mut self, name: &str, host: &Host, bundle: Option<&Bundle>) -> Result<(), Report> {
        check_name(name)?;
        if self.names().contains(&name) {
            return Err(
                Report::new(Exit::Conflict, format!("context \"{name}\" already exists")).hint(format!(
                    "choose another name, or remove it first with `wardroom context rm {name}`"
                )),
            );
        }
        let mut entry = json!({ "host": host.to_string() });
        if let Some(bundle) = bundle {
            let file = bundle_name(name);
            let kept = bundle.write(&self.folder.join(&file), true);
            kept.map_err(|error| Report::failure(error.to_string()).hint("check the folder, then try again"))?;
            entry["bundle"] = file.into();
        }
        self.document.insert("format".to_owned(), FORMAT.into());
        let all = self.document.entry("contexts").or_insert_with(|| json!({}));
        // `parse` has made sure that it is an object.
        if let Some(all) = all.as_object_mut() {
            all.insert(name.to_owned(), entry);
        }
        Ok(())
    }

    pub fn select(&mut self, name: &str) -> Result<(), Report> {
        if name == DEFAULT {
            self.document.remove("current");
        } else {
            self.get(name)?;
            self.document.insert("current".to_owned(), name.into());
        }
        Ok(())
    }

    /// Forgets a context; its bundle is deleted with it.
    pub fn remove(&mut self, name: &str) -> Result<(), Report> {
        let all = self.document.get_mut("contexts").and_then(Value::as_object_mut);
        let Some(_entry) = all.and_then(|all| all.shift_remove(name)) else {
            return Err(self.missing(name));
        };
        if self.current() == Some(name) {
            self.document.remove("current");
        }
        self.orphans.push(self.folder.join(bundle_name(name)));
        Ok(())
    }
}

/// Reads the contexts, changes them and writes them, while no other program does. Nothing is written when `change`
/// fails.
pub fn change<T>(folder: &Path, change: impl FnOnce(&mut Contexts) -> Result<T, Report>) -> Result<T, Report> {
    let create = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    create.map_err(|error| cannot_write(folder, &error))?;
    private_file::check_folder(folder)?;
    let lock = File::open(folder).map_err(|error| cannot_write(folder, &error))?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| cannot_write(folder, &error.into()))?;
    let mut contexts = Contexts::load(folder)?;
    let result = change(&mut contexts)?;
    let mut text = serde_json::to_vec_pretty(&contexts.document)
        .map_err(|error| Report::failure(format!("cannot encode the contexts: {error}")))?;
    text.push(b'\n');
    private_file::replace(&folder.join(FILE), &text)?;
    for bundle in contexts.orphans {
        match fs::remove_file(&bundle) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot_write(&bundle, &error)),
            _ => {}
        }
    }
    Ok(result)
}

fn bundle_name(context: &str) -> String {
    format!("{context}.bundle")
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>, Report> {
    let damaged = |what: String| {
        Report::failure(format!("{} cannot be used: {what}", path.display()))
            .hint("correct it, or move it away and make the contexts anew")
    };
    let document: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| damaged(format!("it is not the JSON that is expected: {error}")))?;
    match document.get("format").map(Value::as_u64) {
        None | Some(Some(FORMAT)) => {}
        Some(Some(newer)) if newer > FORMAT => {
            return Err(damaged(format!(
                "its format is {newer}, newer than this wardroom's {FORMAT}"
            )));
        }
        Some(_) => return Err(damaged("its format is no number that is known".to_owned())),
    }
    if document.get("contexts").is_some_and(|all| !all.is_object()) {
        return Err(damaged("`contexts` is not an object".to_owned()));
    }
    Ok(document)
}

#[cfg(test)]
#[path = "contexts_tests.rs"]
mod tests;
