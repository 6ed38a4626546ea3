//! What does the daemon of this machine do by itself? Found a cluster, join one, and leave it.

use std::path::Path;

use serde_json::json;
use wardroom_api::manager_address;
use wardroom_api::v1;

use crate::cli::arguments::{SwarmInit, SwarmJoin};
use crate::cli::session::Session;
use crate::cli::swarm::{keeping, key_text, token, unlock_key};
use crate::cli::{duration, hidden, lock_state, words};
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
        autolock: init.autolock,
    };
    let answer = session
        .ask_daemon(message, |mut daemon, request| async move { daemon.init(request).await })
        .await?;
    if session.output.is_json() {
        let token = answer.worker_token.as_ref().map(token::shown).transpose()?;
        let document = json!({ "node_id": answer.node_id, "address": answer.address, "worker_token": token });
        if init.autolock {
            session.output.note(unlock_key::SHOWN_BY);
        }
        return session.output.json(&document);
    }
    session.output.text(&welcome(&answer)?)?;
    if init.autolock {
        session.output.text("\n")?;
        show_unlock_key(answer.unlock_key.as_ref(), session).await?;
    }
    Ok(())
}

/// The cluster's first unlock key; it is in force once it is printed.
async fn show_unlock_key(key: Option<&v1::Confidential>, session: &mut Session) -> Result<(), Report> {
    let Some(key) = key_text::text_of(key)? else {
        return unlock_key::show_new(session).await.map(drop);
    };
    let printed = session.output.text(&key_text::unlock_text(key));
    printed.map_err(keeping::unseen)?;
    if let Some(epoch) = lock_state::unseen_key(&session.cluster().await?) {
        keeping::keep(epoch, session).await?;
    }
    Ok(())
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
}
