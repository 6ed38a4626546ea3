//! Which values do a stack's secrets have? Read from the files and variables that the compose file names, before the
//! cluster is asked for anything; they go into the request that carries them, and nowhere else.

use std::path::Path;

use wardroom_api::v1;

use crate::cli::value;
use crate::stack::{Origin, Problems, Wanted};

/// A value for each secret that the stack brings itself, in the order of `wanted`.
pub fn read(wanted: &[Wanted], folder: &Path, problems: &mut Problems) -> Vec<Option<v1::Value>> {
    wanted.iter().map(|secret| one(secret, folder, problems)).collect()
}

fn one(wanted: &Wanted, folder: &Path, problems: &mut Problems) -> Option<v1::Value> {
    let (place, read) = match &wanted.origin {
        Origin::External => return None,
        Origin::File(path) => (&path.place, value::of_file(&folder.join(&path.value))),
        Origin::Environment(name) => (&name.place, value::of_variable(&name.value)),
    };
    match read {
        Ok((value, ends_with_newline)) => {
            if ends_with_newline {
                let text = format!("secret {}: the value ends with a newline, which is kept", wanted.name);
                problems.remark(place, text);
            }
            Some(value)
        }
        Err(report) => {
            problems.refuse(place, format!("secret {}: {}", wanted.name, report.message));
            None
        }
    }
}
