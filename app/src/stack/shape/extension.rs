//! What runs a service that is no container? `x-wardroom:` names the executor, and how programs of the host learn that
//! their files have changed.

use wardroom_api::v1::{self, Executor, reload};

use crate::stack::fields::{At, Fields, choice, command, text};
use crate::stack::problem::Problems;
use crate::stack::tree::Node;

/// The map under `x-wardroom:` of a service.
#[derive(Clone, Debug, Default)]
pub struct Extension {
    pub executor: Option<At<Executor>>,
    pub reload: Option<At<v1::Reload>>,
}

pub fn read(node: &Node, service: &str, problems: &mut Problems) -> Extension {
    let what = format!("service {service}: x-wardroom");
    let executors = &[
        ("container", Executor::Container),
        ("process", Executor::Process),
        ("files", Executor::Files),
    ];
    let mut fields = Fields::of(node, what.clone(), problems);
    let executor = fields.take("executor").and_then(|node| {
        let value = choice(node, &format!("{what}.executor"), executors, problems)?;
        let place = node.place.clone();
        Some(At { place, value })
    });
    let reload = fields.take("reload").and_then(|node| {
        let value = how(node, &format!("{what}.reload"), problems)?;
        let place = node.place.clone();
        Some(At { place, value })
    });
    fields.refuse_rest(&[], problems);
    if let Some(reload) = reload
        .as_ref()
        .filter(|_| executor.as_ref().map(|at| at.value) != Some(Executor::Files))
    {
        let text = format!("{what}: reload is for `executor: files`; programs that wardroom starts take x-on-change");
        problems.refuse(&reload.place, text);
    }
    Extension { executor, reload }
}

/// One of `pidfile` (with `signal`), `unit` and `command`.
fn how(node: &Node, what: &str, problems: &mut Problems) -> Option<v1::Reload> {
    let mut fields = Fields::of(node, what, problems);
    let pidfile = fields
        .take("pidfile")
        .and_then(|node| text(node, &format!("{what}.pidfile"), problems));
    let signal_node = fields.take("signal");
    let signal = signal_node.and_then(|node| text(node, &format!("{what}.signal"), problems));
    let unit = fields
        .take("unit")
        .and_then(|node| text(node, &format!("{what}.unit"), problems));
    let words = fields
        .take("command")
        .map(|node| command(node, &format!("{what}.command"), problems));
    fields.refuse_rest(&[], problems);
    if let Some(node) = signal_node.filter(|_| pidfile.is_none()) {
        problems.refuse(&node.place, format!("{what}: signal belongs to pidfile; leave it out"));
    }
    let mut ways: Vec<reload::How> = Vec::new();
    ways.extend(pidfile.map(|path| {
        let signal = signal_name(signal.as_deref().unwrap_or("HUP"));
        reload::How::Pidfile(v1::PidfileSignal { path, signal })
    }));
    ways.extend(unit.map(reload::How::Unit));
    ways.extend(
        words
            .filter(|words| !words.is_empty())
            .map(|words| reload::How::Command(v1::ReloadCommand { words })),
    );
    if ways.len() != 1 {
        problems.refuse(
            &node.place,
            format!("{what}: one of pidfile, unit and command is needed, and only one"),
        );
        return None;
    }
    Some(v1::Reload { how: ways.pop() })
}

/// `SIGHUP` for `hup`.
pub fn signal_name(text: &str) -> String {
    let name = text.to_ascii_uppercase();
    if name.starts_with("SIG") {
        name
    } else {
        format!("SIG{name}")
    }
}
