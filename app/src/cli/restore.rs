//! `wardroom backup restore`: gives the file to the daemon of this machine, which founds the cluster in it anew.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use wardroom_api::channel::within;
use wardroom_api::v1;

use crate::cli::arguments::BackupRestore;
use crate::cli::session::Session;
use crate::cli::unlock::{self, Unlock};
use crate::cli::words;
use crate::report::Report;
use crate::text::clean;

/// Everything is unsealed, sealed anew and written before the daemon answers.
const DEADLINE: Duration = Duration::from_secs(600);
/// Bytes of the file in one message.
const PIECE: usize = 256 * 1024;
/// Pieces that wait for the daemon.
const QUEUE: usize = 4;

pub async fn run(restore: &BackupRestore, session: &mut Session) -> Result<(), Report> {
    let unlock = unlock::read(&restore.opening, &restore.file)?;
    let confidential = |secret: &wardroom_keys::SecretBytes| Some(v1::Confidential::new(secret.expose().to_vec()));
    let (passphrase, identity) = match &unlock {
        Unlock::Passphrase(passphrase) => (confidential(passphrase), None),
        Unlock::Identity(identity) => (None, confidential(identity)),
    };
    let head = v1::RestoreHead {
        passphrase,
        identity,
        listen: restore.addresses.listen_addr.clone().unwrap_or_default(),
        advertise: restore.addresses.advertise_addr.clone().unwrap_or_default(),
    };
    let (sender, pieces) = mpsc::channel(QUEUE);
    let reading = tokio::task::spawn_blocking({
        let path = restore.file.clone();
        move || send(&path, head, &sender)
    });
    let mut daemon = session.client.daemon();
    let answer = within(DEADLINE, daemon.restore(Request::new(ReceiverStream::new(pieces)))).await;
    // What could not be read is the reason for whatever the daemon says about the rest.
    if let Ok(Err(error)) = reading.await {
        return Err(Report::failure(format!(
            "cannot read {}: {error}",
            clean(&restore.file.display().to_string())
        ))
        .hint("check the file, then try again: nothing was restored"));
    }
    let answer = answer.map_err(|error| session.no_daemon(error))?;
    tell(&answer, session)
}

/// Sends the file in pieces, after the head. Ends early when nobody takes them any more: then the daemon has answered.
fn send(path: &PathBuf, head: v1::RestoreHead, sender: &mpsc::Sender<v1::RestoreRequest>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut head = Some(head);
    loop {
        let mut data = Vec::with_capacity(PIECE);
        let read = file.by_ref().take(PIECE as u64).read_to_end(&mut data)?;
        if read == 0 && head.is_none() {
            return Ok(());
        }
        let piece = v1::RestoreRequest {
            head: head.take(),
            data,
        };
        if sender.blocking_send(piece).is_err() {
            return Ok(());
        }
    }
}

fn tell(answer: &v1::RestoreResponse, session: &mut Session) -> Result<(), Report> {
    if session.output.is_json() {
        return session.output.json(&json!({
            "node_id": answer.node_id,
            "address": answer.address,
            "secrets": answer.secrets,
            "index": answer.index,
        }));
    }
    let secrets = usize::try_from(answer.secrets).unwrap_or(usize::MAX);
    session.output.text(&format!(
        "Swarm restored: current node ({}) is now its only manager, with {} as of index {}.\n\n\
         To add other nodes to this swarm, run 'wardroom swarm join-token worker' or 'wardroom swarm join-token manager' \
         and follow the instructions.\n",
        clean(&answer.node_id),
        words::count(secrets, "secret"),
        answer.index
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn the_head_comes_once_and_the_file_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.age");
        for length in [0, 1, PIECE, 2 * PIECE + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            std::fs::write(&path, &bytes).unwrap();
            let (sender, mut pieces) = mpsc::channel(8);
            send(&path, v1::RestoreHead::default(), &sender).unwrap();
            drop(sender);
            let mut sent = Vec::new();
            let mut heads = 0;
            while let Ok(piece) = pieces.try_recv() {
                heads += usize::from(piece.head.is_some());
                assert!(piece.head.is_some() || !sent.is_empty(), "the head is first");
                sent.extend(piece.data);
            }
            assert_eq!((heads, sent == bytes), (1, true), "{length}");
        }
        assert!(
            send(
                &folder.path().join("none"),
                v1::RestoreHead::default(),
                &mpsc::channel(1).0
            )
            .is_err()
        );
    }
}
