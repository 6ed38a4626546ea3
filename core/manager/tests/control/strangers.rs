//! How much harm do callers without a certificate do? They are slowed down and counted, and nodes do not notice.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tonic::Code;
use wardroom_api::net::{Net, TcpNet};
use wardroom_api::{channel, v1};
use wardroom_ca::{JoinTls, JoinToken, KeyRequest, SystemClock};
use wardroom_keys::OsChance;

use crate::agent::line;
use crate::callers::{nobody, token};
use crate::fleet::{Fleet, in_time};
use crate::join::{ask, request, worker};

/// Wrong tokens cost the machine that sends them a moment, and good ones pass by them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_wrong_tokens_is_slowed_down() {
    let fleet = Fleet::start(0).await;
    let (pin, text) = token(&fleet, worker()).await;
    let wrong = JoinToken::create(fleet.root.certificate_der(), &OsChance).text();
    let client = channel::join(nobody(&fleet, fleet.leader(), &pin));
    let key = KeyRequest::generate(&OsChance);
    let flood = (0..40).map(|_| {
        let (mut client, request) = (client.clone(), request(wrong.expose(), &key));
        async move { client.admit(request).await.unwrap_err().code() }
    });
    let codes = in_time("the flood", futures_util::future::join_all(flood)).await;
    let judged = codes.iter().filter(|code| **code == Code::InvalidArgument).count();
    let put_off = codes.iter().filter(|code| **code == Code::Unavailable).count();
    assert_eq!(judged + put_off, 40, "{codes:?}");
    assert!(put_off >= 20, "most of them were not even looked at: {judged} were");
    let admitted = ask(&fleet, &pin, request(&text, &key)).await.unwrap();
    assert!(!admitted.node_id.is_empty(), "the moment is over for this machine too");
    fleet.stop().await;
}

/// Callers without a certificate hold every place there is for them, and others send what is no TLS or nothing at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_crowd_nobody_out() {
    let fleet = Fleet::start(1).await;
    let place = fleet.leader();
    let (pin, text) = token(&fleet, worker()).await;
    let address = &fleet.addresses()[place];
    let mut silent = Vec::new();
    for bytes in [
        &b""[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        &[0xff; 300],
    ] {
        let mut stream = TcpNet.connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        silent.push(stream);
    }
    let tls = JoinTls::new(pin.pin(), Arc::new(SystemClock));
    let mut strangers = Vec::new();
    for _ in 0..64 {
        let stream = TcpNet.connect(address).await.unwrap();
        strangers.push(in_time("a stranger comes in", tls.connect(stream)).await.unwrap());
    }
    let key = KeyRequest::generate(&OsChance);
    let mut client = channel::join(nobody(&fleet, place, &pin));
    // The oldest of those that took all places makes room.
    in_time("a newcomer comes in", client.admit(request(&text, &key)))
        .await
        .unwrap();
    let mut node = channel::dispatcher(line(address, &fleet.worker_tls("w1")));
    in_time("a node's session", node.session(v1::SessionRequest::default()))
        .await
        .unwrap();
    drop(strangers);
    fleet.stop().await;
}
