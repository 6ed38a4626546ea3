//! What does the daemon of this machine do by itself? Found a cluster, join one, leave it, and say what it is in.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use wardroom_api::manager_address;
use wardroom_api::v1::{self, LocalState, Role};

use crate::cli::arguments::{SwarmInit, SwarmJoin};
use crate::cli::session::Session;
use crate::cli::swarm::token;
use crate::cli::{duration, hidden, when, words};
use crate::report::Report;
use crate::text::clean;

/// No token is longer; nothing more is read.
const TOKEN_BYTES_MAX: usize = 1024;

pub async fn init(init: &SwarmInit, session: &mut Session) -> Result<(), Report> {
    let message = v1::InitRequest {
        listen: init.addresses.listen_addr.clone().unwrap_or_default(),
        advertise: init.addresses.advertise_addr.clone().unwrap_or_default(),
        availability: v1::Availability::from(init.availability).into(),
        force_new_cluster: init.force_new_cluster,
        certificate_life_ms: init.cert_expiry.map_or(0, duration::millis),
        heartbeat_ms: init.dispatcher_heartbeat.map_or(0, duration::millis),
        task_history: init.task_history_limit.unwrap_or_default(),
        snapshot_every: init.snapshot_interval.unwrap_or_default(),
        name: init.name.clone().unwrap_or_default(),
        autolock: false,
    };
    let answer = session
        .ask_daemon(message, |mut daemon, request| async move { daemon.init(request).await })
        .await?;
    if session.output.is_json() {
        let token = answer.worker_token.as_ref().map(token::shown).transpose()?;
        let document = json!({ "node_id": answer.node_id, "address": answer.address, "worker_token": token });
        return session.output.json(&document);
    }
    session.output.text(&welcome(&answer)?)
}

/// Docker's words.
fn welcome(answer: &v1::InitResponse) -> Result<String, Report> {
    let mut text = format!(
        "Swarm initialized: current node ({}) is now a manager.\n\n",
        clean(&answer.node_id)
    );
    if let Some(worker_token) = &answer.worker_token {
        text += &token::instruction("worker", token::shown(worker_token)?, &answer.address);
    }
    text += "To add a manager to this swarm, run 'wardroom swarm join-token manager' and follow the instructions.\n";
    Ok(text)
}

pub async fn join(join: &SwarmJoin, session: &mut Session) -> Result<(), Report> {
    let message = v1::JoinRequest {
        remotes: remotes(&join.remotes)?,
        listen: join.addresses.listen_addr.clone().unwrap_or_default(),
        advertise: join.addresses.advertise_addr.clone().unwrap_or_default(),
        availability: v1::Availability::from(join.availability).into(),
        token: Some(join_token(join.token.as_deref(), join.token_file.as_deref())?),
    };
    let answer = session
        .ask_daemon(message, |mut daemon, request| async move { daemon.join(request).await })
        .await?;
    if session.output.is_json() {
        let document = json!({ "node_id": answer.node_id, "role": words::role(answer.role) });
        return session.output.json(&document);
    }
    let role = words::role(answer.role);
    session.output.line(&format!("This node joined a swarm as a {role}."))
}

fn remotes(texts: &[String]) -> Result<Vec<String>, Report> {
    let read = |text: &String| {
        manager_address(text).ok_or_else(|| {
            Report::usage(format!("`{}` is no address of a manager", clean(text)))
                .hint("write HOST:PORT, as `wardroom swarm join-token` shows it")
        })
    };
    texts.iter().map(read).collect()
}

/// From the argument, a file, standard input, or a person.
fn join_token(argument: Option<&str>, file: Option<&Path>) -> Result<v1::Confidential, Report> {
    if let Some(token) = argument {
        return Ok(v1::Confidential::new(token.as_bytes().to_vec()));
    }
    let bytes = match file {
        Some(file) => hidden::from_file(file, TOKEN_BYTES_MAX)?,
        None => hidden::ask(
            "Join token: ",
            "give it with --token-file FILE, or pipe it into --token-file -",
        )?,
    };
    Ok(v1::Confidential::new(bytes.expose().trim_ascii().to_vec()))
}

pub async fn leave(force: bool, session: &mut Session) -> Result<(), Report> {
    session
        .ask_daemon(v1::LeaveRequest { force }, |mut daemon, request| async move {
            daemon.leave(request).await
        })
        .await?;
    if session.output.is_json() {
        return session.output.json(&json!({ "left": true }));
    }
    session.output.line("Node left the swarm.")
}

pub async fn info(session: &mut Session) -> Result<(), Report> {
    let info = session
        .ask_daemon(v1::InfoRequest {}, |mut daemon, request| async move {
            daemon.info(request).await
        })
        .await?;
    if session.output.is_json() {
        return session.output.json(&info_json(&info));
    }
    let page = info_page(&info, when::now_ms());
    session.output.text(&page)
}

/// Docker's names, as `docker info` has them below `Swarm`.
fn info_json(info: &v1::InfoResponse) -> Value {
    let control = info.state() == LocalState::Active && info.role() == Role::Manager;
    json!({
        "LocalNodeState": words::local_state(info.state),
        "Error": info.error,
        "NodeID": info.node_id,
        "NodeAddr": info.address,
        "ControlAvailable": control,
        "RemoteManagers": info.managers.iter().map(|address| json!({ "Addr": address })).collect::<Value>(),
        "Cluster": { "ID": info.cluster_id },
        "Hostname": info.hostname,
        "Role": if info.role() == Role::Unspecified { "" } else { words::role(info.role) },
        "ListenAddr": info.listen,
        "CertificateNotAfter": when::rfc3339(info.certificate_not_after_ms),
        "Version": info.version,
        "StateDir": info.state_dir,
        "Pid": info.pid,
    })
}

fn info_page(info: &v1::InfoResponse, now_ms: i64) -> String {
    let role = if info.role() == Role::Unspecified {
        ""
    } else {
        words::role(info.role)
    };
    let lines = [
        ("Swarm", words::local_state(info.state)),
        ("Error", info.error.as_str()),
        ("Hostname", &info.hostname),
        ("Node ID", &info.node_id),
        ("Role", role),
        ("Cluster ID", &info.cluster_id),
        ("Address", &info.address),
        ("Listens at", &info.listen),
        ("Managers", &info.managers.join(", ")),
        ("Certificate", &when::validity(info.certificate_not_after_ms, now_ms)),
        ("Version", &info.version),
        ("State in", &info.state_dir),
        ("Process", &info.pid.to_string()),
    ];
    let mut page = String::new();
    for (label, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{:<13}{}", format!("{label}:"), clean(text));
    }
    page
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::report::Exit;

    #[test]
    fn a_new_cluster_is_welcomed_in_dockers_words() {
        let answer = v1::InitResponse {
            node_id: "n8kdc5qz2w0x4v6b7m1l3j9fp".into(),
            worker_token: Some(v1::Confidential::new(b"SWMTKN-1-a-b".to_vec())),
            address: "10.0.0.1:2377".into(),
            unlock_key: None,
        };
        assert_eq!(
            welcome(&answer).unwrap(),
            "Swarm initialized: current node (n8kdc5qz2w0x4v6b7m1l3j9fp) is now a manager.\n\
             \n\
             To add a worker to this swarm, run the following command:\n\
             \n    wardroom swarm join --token SWMTKN-1-a-b 10.0.0.1:2377\n\
             \n\
             To add a manager to this swarm, run 'wardroom swarm join-token manager' and follow the instructions.\n"
        );
    }

    #[test]
    fn remotes_have_a_port_or_get_one() {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(remotes(&texts(&["10.0.0.1", "b:1"])).unwrap(), ["10.0.0.1:2377", "b:1"]);
        assert_eq!(remotes(&texts(&["a b"])).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_machine_in_no_cluster_says_little() {
        let info = v1::InfoResponse {
            state: LocalState::Inactive.into(),
            hostname: "m1".into(),
            version: "0.1.0".into(),
            pid: 7,
            ..v1::InfoResponse::default()
        };
        assert_eq!(
            info_page(&info, 0),
            "Swarm:       inactive\nHostname:    m1\nVersion:     0.1.0\nProcess:     7\n"
        );
        assert_eq!(info_json(&info)["LocalNodeState"], "inactive");
        assert_eq!(info_json(&info)["ControlAvailable"], false);
    }
}
