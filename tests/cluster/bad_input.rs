//! What happens to those who have no business here? Tokens of every wrong kind, strangers in the middle, garbage, slow
//! and half-open connections: refused in words, and the cluster does not move.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use harness::skip::root_or_skip;
use harness::until::until;

use crate::machines::Machines;

fn index(machines: &Machines) -> u64 {
    let status = machines.manager().ask(&["status"]).unwrap();
    status["index"].as_u64().unwrap_or_else(|| panic!("{status}"))
}

#[test]
fn wrong_tokens_are_refused_in_words() {
    if !root_or_skip("wrong_tokens_are_refused_in_words") {
        return;
    }
    let machines = Machines::alone(&["m1", "other", "w1"]);
    machines.init(0);
    machines.init(1);
    let good = machines.token("worker");
    let joins = |token: &str| machines.try_join(2, token);
    let invalid: &[&str] = &["invalid join token"];
    for token in [
        "",
        "rubbish",
        "SWMTKN-1-",
        &good[..good.len() - 3],
        &good.replace("SWMTKN-1", "SWMTKN-9"),
    ] {
        joins(token).refused(2, invalid);
    }
    let foreign = machines.all[1].run(&["swarm", "join-token", "-q", "worker"]).ok();
    let refused = joins(foreign.trim());
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains("another cluster") || refused.err.contains("root"),
        "{}",
        refused.err
    );

    // The secret half is wrong, the root is right.
    let (root, secret) = good.rsplit_once('-').unwrap();
    let wrong: String = secret.chars().map(|c| if c == '0' { '1' } else { '0' }).collect();
    let refused = joins(&format!("{root}-{wrong}"));
    assert_ne!(refused.code, 0);
    assert!(
        refused
            .err
            .contains("A valid join token is necessary to join this cluster"),
        "{}",
        refused.err
    );

    machines.all[0]
        .run(&["swarm", "join-token", "--rotate", "-q", "worker"])
        .ok();
    let refused = joins(&good);
    assert!(
        refused.err.contains("A valid join token is necessary"),
        "rotated: {}",
        refused.err
    );

    let once = machines.all[0]
        .run(&["swarm", "join-token", "--rotate", "-q", "--max-uses", "1", "worker"])
        .ok();
    joins(once.trim()).ok();
    machines.all[2].run(&["swarm", "leave"]).ok();
    let refused = joins(once.trim());
    assert!(
        refused.err.contains("used up") || refused.err.contains("used"),
        "{}",
        refused.err
    );

    let short = machines.all[0]
        .run(&["swarm", "join-token", "--rotate", "-q", "--ttl", "1s", "worker"])
        .ok();
    let facts = || machines.all[0].ask(&["swarm", "join-token", "worker"]);
    until("the token has expired", || {
        let refused = joins(short.trim());
        assert!(facts().is_some());
        if refused.code == 0 {
            machines.all[2].run(&["swarm", "leave"]).ok();
            return None;
        }
        refused.err.contains("expired").then_some(())
    });
    let audit = machines.all[0].ask(&["audit", "ls"]).unwrap().to_string();
    assert!(
        audit.contains("node.join") && audit.contains("denied"),
        "joins and refusals are on record"
    );
}

#[test]
fn strangers_on_the_port_change_nothing() {
    if !root_or_skip("strangers_on_the_port_change_nothing") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "w1"]);
    machines.manager().feed(&["secret", "create", "before", "-"], b"x").ok();
    let before = index(&machines);
    let mut held = Vec::new();
    for number in 0..40 {
        // From a host that is in no cluster at all: a netcat of our own, in the stranger's namespace.
        let mut child = machines
            .lab
            .host(machines.number("w1"))
            .command("bash")
            .args([
                "-c",
                "exec 3<>/dev/tcp/10.77.0.1/2377; head -c \"$1\" /dev/urandom >&3; read -t 20 -u 3 -n 1",
            ])
            .args(["stranger", if number % 2 == 0 { "0" } else { "4096" }])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert!(child.try_wait().unwrap().is_none() || number % 2 == 1);
        held.push(child);
    }
    // While they hold their connections, work goes on.
    machines
        .manager()
        .feed(&["secret", "create", "meanwhile", "-"], b"y")
        .ok();
    for child in &mut held {
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(index(&machines) > before);
    let refused = machines.named("w1").run(&["swarm", "info"]).ok();
    assert!(refused.contains("active") || refused.contains("Active"), "{refused}");
}

#[test]
fn rubbish_on_the_socket_is_survived() {
    if !root_or_skip("rubbish_on_the_socket_is_survived") {
        return;
    }
    let machines = Machines::cluster(&["m1"]);
    for rubbish in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &[0xff; 9000]] {
        let mut stream = std::os::unix::net::UnixStream::connect(&machines.all[0].socket).unwrap();
        let _ = stream.write_all(rubbish);
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let _ = stream.read(&mut [0; 64]);
    }
    assert!(machines.all[0].ask(&["node", "ls"]).is_some());
}

#[test]
fn somebody_in_the_middle_is_noticed_before_the_token_is_sent() {
    if !root_or_skip("somebody_in_the_middle_is_noticed_before_the_token_is_sent") {
        return;
    }
    // The man in the middle has a cluster of his own and answers in the other's place.
    let machines = Machines::alone(&["m1", "mallory", "w1"]);
    machines.init(0);
    machines.init(1);
    let token = machines.token("worker");
    let to = machines.all[1].address.clone();
    let arguments = [
        "swarm",
        "join",
        "--token-file",
        "-",
        "--advertise-addr",
        &machines.all[2].address,
        &to,
    ];
    let refused = machines.all[2].feed(&arguments, token.as_bytes());
    assert_ne!(refused.code, 0, "{}", refused.out);
    assert!(!refused.err.contains(token.trim()), "a token is never repeated");
    let heard = machines.all[1].log();
    assert!(
        !heard.contains(token.rsplit_once('-').unwrap().1),
        "the secret half never arrived"
    );
    let audit = machines.all[1].ask(&["audit", "ls"]).unwrap().to_string();
    assert!(
        !audit.contains("Join/Admit"),
        "nobody asked: the connection ended in the handshake"
    );
}

#[test]
fn the_port_is_not_open_to_plain_text() {
    if !root_or_skip("the_port_is_not_open_to_plain_text") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let daemon = harness::daemon::Daemon::local(&crate::binary(), folder.path(), "m1");
    let address = &daemon.address;
    daemon
        .run(&["swarm", "init", "--advertise-addr", address, "--listen-addr", address])
        .ok();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() < 64, "at most a TLS alert: {answer:?}");
}
