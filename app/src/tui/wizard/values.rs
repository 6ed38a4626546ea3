//! What do the fields of a form mean? Texts as lengths, ages, labels, modes, owners, commands; each refusal says what to
//! write instead.

use std::collections::BTreeMap;

use wardroom_api::v1::{self, OnChange, ServiceSpec};

use super::form::{Form, Id, Source};
use super::values_work::{pin, runs, signal, update};
use crate::tui::model::facts::time::parse_span;

/// Longest generated value, in characters: Docker's limit for a value.
pub(super) const LENGTH_MAX: u32 = 511_999;

pub fn value(form: &Form) -> Result<v1::Value, String> {
    match (form.source(), form.value()) {
        (Source::Generate, _) => Ok(v1::Value::generated(length(form)?)),
        (_, Some(secret)) if !secret.is_empty() => Ok(v1::Value::from_bytes(secret.copy(form.strips_newline()))),
        _ => Err("there is no value".into()),
    }
}

pub fn length(form: &Form) -> Result<u32, String> {
    let length = form
        .line(Id::Length)
        .parse()
        .ok()
        .filter(|length| (1..=LENGTH_MAX).contains(length));
    length.ok_or_else(|| format!("the length is a number from 1 to {LENGTH_MAX}"))
}

pub fn max_age(form: &Form) -> Result<u64, String> {
    match form.line(Id::MaxAge) {
        "" => Ok(0),
        text => parse_span(text).ok_or_else(|| "write an age such as 90d or 12h, or leave it empty".into()),
    }
}

/// `k=v` words; a word without `=` is a label with an empty value.
pub fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        if key.is_empty() {
            return Err(format!("label '{word}' has no name: write name=value"));
        }
        if found.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("label '{key}' stands twice"));
        }
    }
    Ok(found)
}

/// Labels to add or change, and names of labels to take away.
pub type LabelChanges = (BTreeMap<String, String>, Vec<String>);

/// What turns the labels before into those that were typed.
pub fn label_changes(before: &BTreeMap<String, String>, text: &str) -> Result<LabelChanges, String> {
    let wanted = labels(text)?;
    let gone = before
        .keys()
        .filter(|key| !wanted.contains_key(*key))
        .cloned()
        .collect();
    let mut add = wanted;
    add.retain(|key, value| before.get(key) != Some(value));
    Ok((add, gone))
}

/// How long a new token lives, milliseconds; 0: for ever.
pub fn ttl(form: &Form) -> Result<u64, String> {
    match form.line(Id::Ttl) {
        "" => Ok(0),
        text => parse_span(text)
            .filter(|length| *length > 0)
            .ok_or_else(|| "write a time such as 1h or 7d, or leave it empty".into()),
    }
}

/// How many joins a new token allows; 0: any number.
pub fn max_uses(form: &Form) -> Result<u32, String> {
    match form.line(Id::MaxUses) {
        "" => Ok(0),
        text => text
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| "write a number of joins, or leave it empty for any number".into()),
    }
}

/// Who may open a backup.
pub fn recipients(form: &Form) -> Result<Vec<String>, String> {
    let words = form
        .line(Id::Recipients)
        .split([' ', ','])
        .filter(|word| !word.is_empty());
    let found: Vec<String> = words.map(str::to_owned).collect();
    match found.iter().find(|word| !word.starts_with("age1")) {
        Some(wrong) => Err(format!("'{wrong}' is no age recipient: those begin with age1")),
        None if found.is_empty() => Err("write at least one recipient, age1..., or choose passphrase".into()),
        None => Ok(found),
    }
}

/// What is asked of the cluster for a backup. The passphrase in it wipes itself.
pub fn backup(form: &Form) -> Result<v1::BackupRequest, String> {
    if form.chosen(Id::SealedBy) == "recipients" {
        return Ok(v1::BackupRequest {
            recipients: recipients(form)?,
            passphrase: None,
        });
    }
    match (form.secret(Id::Passphrase), form.secret(Id::Again)) {
        (Some(first), _) if first.is_empty() => Err("type a passphrase, or choose recipients".into()),
        (Some(first), Some(again)) if !first.same_as(again) => Err("the passphrases differ: type both again".into()),
        (Some(first), _) => Ok(v1::BackupRequest {
            recipients: Vec::new(),
            passphrase: Some(v1::Confidential::new(first.copy(false))),
        }),
        (None, _) => Err("there is no passphrase".into()),
    }
}

/// Where a backup goes.
pub fn backup_path(form: &Form) -> Result<String, String> {
    match form.line(Id::File) {
        "" => Err("type the path of the file to write".into()),
        text if text.starts_with('~') => Err("write the path in full: ~ means nothing here".into()),
        text => Ok(text.to_owned()),
    }
}

pub fn mode(form: &Form) -> Result<u32, String> {
    let mode = u32::from_str_radix(form.line(Id::Mode), 8)
        .ok()
        .filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "the mode is octal permission bits, such as 0440".into())
}

pub fn owner(form: &Form) -> Result<(u32, u32), String> {
    let owner = form
        .line(Id::Owner)
        .split_once(':')
        .and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    owner.ok_or_else(|| "write two numbers, uid:gid, such as 0:0".into())
}

/// `(global, replicas)`.
pub fn replicas(form: &Form) -> Result<(bool, u32), String> {
    match form.line(Id::Replicas) {
        "global" => Ok((true, 0)),
        text => text
            .parse()
            .map(|replicas| (false, replicas))
            .map_err(|_not_a_number| "write a number of replicas, or global".into()),
    }
}

pub fn grant(form: &Form) -> Result<v1::Grant, String> {
    let name = form.chosen_label(Id::Secret).to_owned();
    let target = Some(form.line(Id::Target))
        .filter(|target| !target.is_empty())
        .unwrap_or(&name)
        .to_owned();
    let (uid, gid) = owner(form)?;
    let (on_change, signal) = match form.chosen(Id::OnChange) {
        "restart" => (OnChange::Restart, ""),
        "signal" => (OnChange::Signal, signal(form)?),
        _ => (OnChange::Swap, ""),
    };
    Ok(v1::Grant {
        secret_id: form.chosen(Id::Secret).to_owned(),
        secret_name: name,
        target,
        uid,
        gid,
        mode: mode(form)?,
        on_change: on_change.into(),
        signal: signal.to_owned(),
        pinned: pin(form)?,
    })
}

pub fn spec(form: &Form) -> Result<ServiceSpec, String> {
    let (global, replicas) = replicas(form)?;
    let (executor, image, command) = runs(form)?;
    let grants = if form.chosen(Id::Secret).is_empty() {
        Vec::new()
    } else {
        vec![grant(form)?]
    };
    Ok(ServiceSpec {
        name: form.line(Id::Name).to_owned(),
        run: Some(v1::RunSpec {
            executor: executor.into(),
            image,
            command,
            ..v1::RunSpec::default()
        }),
        global,
        replicas,
        grants,
        update: update(form)?,
        ..ServiceSpec::default()
    })
}

/// Words as a shell splits them: spaces separate, single and double quotes keep together.
pub(super) fn split_command(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            None if matches!(character, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            Some(_) | None => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("the command has a quote that does not end".into());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        assert_eq!(
            split_command("sh -c 'cat \"$F\"; sleep 9'  x").as_deref(),
            Ok(["sh", "-c", "cat \"$F\"; sleep 9", "x"].map(String::from).as_slice())
        );
        assert_eq!(split_command("  ").as_deref(), Ok([].as_slice()));
        assert_eq!(split_command("''").as_deref(), Ok([String::new()].as_slice()));
        assert!(split_command("echo 'x").is_err());
    }

    #[test]
    fn labels_change_by_what_differs() {
        let before = labels("zone=eu disk=ssd old=1").unwrap_or_default();
        let (add, gone) = label_changes(&before, "zone=us disk=ssd new").unwrap_or_default();
        assert_eq!(add, labels("zone=us new").unwrap_or_default());
        assert_eq!(gone, ["old"]);
        assert_eq!(
            label_changes(&before, "zone=eu disk=ssd old=1"),
            Ok(LabelChanges::default())
        );
        assert!(label_changes(&before, "=x").is_err());
    }

    #[test]
    fn labels_are_words() {
        assert_eq!(labels("tier=1 pci").map(|labels| labels.len()), Ok(2));
        assert!(labels("=x").is_err() && labels("a=1 a=2").is_err());
    }
}
