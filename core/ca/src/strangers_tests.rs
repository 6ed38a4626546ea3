//! What becomes of somebody who comes without a certificate, with other TLS, or with none?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::tests::{Accepted, clock, node};
use super::*;

/// What a server answers to these first bytes of a stranger.
async fn answer(hello: &[u8]) -> (Vec<u8>, HandshakeError) {
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    near.write_all(hello).await.unwrap();
    let error = node("c1", "m1", Role::Manager).accept(far).await.err().unwrap();
    let mut told = Vec::new();
    near.read_to_end(&mut told).await.unwrap();
    (told, error)
}

#[tokio::test]
async fn a_tls_12_client_is_refused() {
    // Version 1.2, a random, no session, one ECDHE suite, no compression, Ed25519 as the only extension: what is missing
    // is supported_versions.
    let random = [7; 32];
    let body = [
        &[3, 3],
        &random[..],
        &[0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 8, 0, 13, 0, 4, 0, 2, 8, 7],
    ]
    .concat();
    let length = u8::try_from(body.len()).unwrap();
    let hello = [&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length], &body[..]].concat();
    let (told, error) = answer(&hello).await;
    // A fatal alert, protocol_version.
    assert_eq!(told, [0x15, 3, 3, 0, 2, 2, 70], "{error:?}");
    assert!(matches!(error, HandshakeError::Protocol(_)));
}

#[tokio::test]
async fn what_is_no_tls_is_refused() {
    let (_, error) = answer(b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(matches!(error, HandshakeError::Protocol(_)), "{error:?}");
}

/// Shakes hands with a manager under that client configuration; the client reads once.
async fn meet_as(config: Arc<ClientConfig>, manager: &NodeTls) -> (std::io::Result<u8>, Accepted) {
    let (a, b) = tokio::io::duplex(64 * 1024);
    let dial = async {
        TlsConnector::from(config)
            .connect(manager_name(), a)
            .await?
            .read_u8()
            .await
    };
    let answer = async {
        let (mut stream, peer) = manager.accept(b).await?;
        stream.write_u8(7).await?;
        Ok((stream, peer))
    };
    tokio::join!(dial, answer)
}

fn any_node(of: &NodeTls) -> PeerVerifier {
    PeerVerifier {
        trust: Arc::clone(&of.0.trust),
        refused: RefusedNodes::default(),
        node_id: None,
        role: None,
    }
}

#[tokio::test]
async fn a_client_with_another_key_exchange_is_refused() {
    let manager = node("c1", "m1", Role::Manager);
    let clock: Arc<dyn Clock> = clock(0);
    let classical = CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..provider()
    };
    let config = client_config(
        &Arc::new(classical),
        &clock,
        any_node(&manager),
        Arc::clone(&manager.0.own),
    );
    let (dialled, answered) = meet_as(config, &manager).await;
    assert!(dialled.is_err());
    assert!(
        matches!(answered, Err(HandshakeError::Protocol(_))),
        "{:?}",
        answered.err()
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_comes_in_as_nobody() {
    let manager = node("c1", "m1", Role::Manager);
    let clock: Arc<dyn Clock> = clock(0);
    let verifier = Arc::new(any_node(&manager));
    let nameless = client_config_with(&Arc::new(provider()), &clock, verifier, |builder| {
        builder.with_no_client_auth()
    });
    let (dialled, answered) = meet_as(nameless, &manager).await;
    assert_eq!(dialled.unwrap(), 7);
    assert_eq!(answered.unwrap().1, None);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stays_silent_is_given_up() {
    let (near, far) = tokio::io::duplex(64);
    let manager = node("c1", "m1", Role::Manager);
    assert!(matches!(manager.accept(far).await, Err(HandshakeError::Timeout)));
    drop(near);
    let (near, _far) = tokio::io::duplex(64 * 1024);
    let error = manager.connect(near, ExpectPeer::AnyManager).await.err();
    assert!(matches!(error, Some(HandshakeError::Timeout)));
}
