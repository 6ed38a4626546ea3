//! Who is talked to, and who is not: real handshakes with managers of this cluster, of another one, and with nobody.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wardroom_ca::{Clock, IssueRequest, ManualClock, NODE_LIFETIME, Role, Root};
use wardroom_keys::SeededChance;

use super::*;

struct Cluster(Root);

impl Cluster {
    fn new(seed: u64) -> Self {
        Self(Root::create("c1", &SystemClock, &SeededChance::new(seed)).unwrap())
    }

    /// The TLS of somebody whose certificate was made so long ago.
    fn tls(&self, id: &str, role: Role, age: Duration) -> NodeTls {
        self.tls_by(id, role, age, Arc::new(SystemClock))
    }

    /// The same, of somebody whose clock differs.
    fn tls_by(&self, id: &str, role: Role, age: Duration, clock: Arc<dyn Clock>) -> NodeTls {
        let request = IssueRequest {
            node_id: id,
            role,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: SystemClock.now_ms() - i64::try_from(age.as_millis()).unwrap(),
        };
        let issued = self.0.issue(&request, &SeededChance::new(7)).unwrap();
        let roots = self.0.certificate_pem();
        NodeTls::new(roots, &issued.certificate_pem, &issued.key, clock).unwrap()
    }

    fn operator(&self) -> NodeTls {
        self.tls("ada", Role::Viewer, Duration::ZERO)
    }
}

/// Serves one connection after the other; each is greeted once it is accepted.
async fn serve(tls: NodeTls) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok((mut stream, _)) = tls.accept(stream).await {
                let _ = stream.write_all(b"hello").await;
                let _ = stream.flush().await;
                std::mem::forget(stream); // open until the test ends
            }
        }
    });
    address
}

async fn refused_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn why(tls: &NodeTls, managers: &[String]) -> ConnectFailure {
    let failures = first(tls, managers).await.err().expect("nobody is to answer");
    explain("wardroom://x", tls, &failures)
}

#[tokio::test]
async fn the_first_manager_that_answers_is_taken() {
    let cluster = Cluster::new(1);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let managers = [
        refused_port().await,
        silent.local_addr().unwrap().to_string(),
        serve(cluster.tls("m1", Role::Manager, Duration::ZERO)).await,
    ];
    let stream = first(&cluster.operator(), &managers).await.ok().unwrap();
    assert_eq!(stream.buffer(), b"hello");
}

#[tokio::test]
async fn another_cluster_is_not_talked_to() {
    let other = serve(Cluster::new(2).tls("m1", Role::Manager, Duration::ZERO)).await;
    let failure = why(&Cluster::new(1).operator(), &[other, refused_port().await]).await;
    assert!(failure.cause.contains("in the middle"), "{failure:?}");
    assert!(
        failure.cause.contains("nobody listens there"),
        "each is named: {failure:?}"
    );
    assert!(failure.hint.contains("do not go on"), "the gravest counts: {failure:?}");
}

#[tokio::test]
async fn a_worker_is_no_manager() {
    let cluster = Cluster::new(1);
    let worker = serve(cluster.tls("w1", Role::Worker, Duration::ZERO)).await;
    let failure = why(&cluster.operator(), &[worker]).await;
    assert!(failure.cause.contains("connect to a manager"), "{failure:?}");
}

#[tokio::test]
async fn what_a_manager_says_against_this_certificate_is_heard() {
    let cluster = Cluster::new(1);
    let later = SystemClock.now_ms() + i64::try_from(NODE_LIFETIME.as_millis()).unwrap();
    let manager = cluster.tls_by(
        "m1",
        Role::Manager,
        Duration::ZERO,
        Arc::new(ManualClock::new(later + 1000)),
    );
    let failure = why(&cluster.operator(), &[serve(manager).await]).await;
    assert!(
        failure.cause.contains("says that your certificate has expired"),
        "{failure:?}"
    );
    assert!(failure.hint.contains("clock"), "{failure:?}");
}

#[test]
fn one_who_is_not_accepted_is_told_so() {
    let text = cause(&HandshakeError::ToldRefused, 0);
    assert!(text.starts_with(NOT_ACCEPTED) && text.contains("removed"), "{text}");
}

#[tokio::test]
async fn expired_certificates_are_told_apart() {
    let cluster = Cluster::new(1);
    let long_ago = NODE_LIFETIME + Duration::from_secs(60);
    let expired = cluster.tls("ada", Role::Viewer, long_ago);
    let manager = serve(cluster.tls("m1", Role::Manager, Duration::ZERO)).await;
    let failure = why(&expired, &[manager, refused_port().await]).await;
    assert!(
        failure.cause.starts_with("your certificate expired at 2"),
        "{failure:?}"
    );

    let manager = serve(cluster.tls("m1", Role::Manager, long_ago)).await;
    let failure = why(&cluster.operator(), &[manager]).await;
    assert!(
        failure.cause.contains("expired") && failure.hint.contains("clock"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn what_is_no_manager_at_all_is_said() {
    let failure = why(&Cluster::new(1).operator(), &[refused_port().await]).await;
    assert_eq!(
        failure.to_string(),
        "cannot connect to wardroom://x: nobody listens there"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let failure = why(&Cluster::new(1).operator(), &[address]).await;
    assert!(failure.hint.contains("TLS port"), "{failure:?}");
}
