//! Which roots is nobody left on? An old root is trusted until the last certificate it issued was renewed, has expired, or
//! is gone with its node.

use wardroom_state::State;
use wardroom_state::command::Command;

use crate::reconcile::decision::Decision;

/// `now_ms` must be what the change itself will be judged by.
pub(crate) fn decide(state: &State, now_ms: i64) -> Decision {
    let mut decision = Decision::default();
    let Some(cluster) = state.cluster() else {
        return decision;
    };
    for root in &cluster.retiring {
        if state.issuers(&root.key_id, now_ms).is_empty() {
            decision.commands.push(Command::RetireRoot {
                fingerprint: root.fingerprint.clone(),
            });
        }
    }
    let retiring = |key_id: &str| cluster.retiring.iter().any(|root| root.key_id == key_id);
    let certificates = state.nodes().values().map(|node| &node.certificate);
    let certificates = certificates.chain(state.operators().values().map(|operator| &operator.certificate));
    let expiries = certificates.filter(|certificate| retiring(&certificate.issuer));
    for expires_ms in expiries.map(|certificate| certificate.not_after_ms) {
        if expires_ms > now_ms {
            decision.again_at(expires_ms);
        }
    }
    decision
}

#[cfg(test)]
pub(super) mod tests {
    use wardroom_state::cluster::JoinToken;
    use wardroom_state::node::Certificate;

    use super::*;
    use crate::reconcile::scene::{Scene, node_id};

    fn certificate(issuer: &str, key: &str) -> Certificate {
        Certificate {
            fingerprint: format!("{issuer}-{key}"),
            key_fingerprint: key.to_owned(),
            issuer: issuer.to_owned(),
            not_before_ms: 0,
            not_after_ms: 50_000,
        }
    }

    fn renew(scene: &mut Scene, node: &str, issuer: &str) {
        scene.apply(Command::SetCertificate {
            node: node_id(node),
            certificate: certificate(issuer, node),
        });
    }

    pub(in crate::reconcile) fn rotated() -> Scene {
        let mut scene = Scene::with_workers_that(1, |node| node.certificate = certificate("k1", node.id.as_str()));
        let token = |byte| JoinToken {
            digest: [byte; 32],
            sealed_secret: vec![byte],
            ..JoinToken::default()
        };
        scene.apply(Command::RotateRoot {
            root_certificate: "second".into(),
            root_fingerprint: "f2".into(),
            root_key_id: "k2".into(),
            root_not_after_ms: i64::MAX,
            sealed_root_key: vec![1],
            cross_signed: "cross".into(),
            worker_token: token(1),
            manager_token: token(2),
            expected: None,
        });
        scene
    }

    #[test]
    fn a_root_retires_when_the_last_node_has_left_it() {
        let mut scene = rotated();
        let root = scene.state.cluster().expect("it was begun").retiring[0]
            .fingerprint
            .clone();
        renew(&mut scene, "m1", "k2");
        let decision = decide(&scene.state, scene.now_ms);
        assert_eq!((decision.commands.len(), decision.again_at_ms), (0, Some(50_000)));
        renew(&mut scene, "w1", "k2");
        let retire = Command::RetireRoot { fingerprint: root };
        let decision = decide(&scene.state, scene.now_ms);
        assert_eq!(scene.carry_out(decision), [retire]);
        assert_eq!(decide(&scene.state, scene.now_ms), Decision::default());
    }

    #[test]
    fn an_expired_certificate_holds_no_root() {
        let mut scene = rotated();
        assert_eq!(decide(&scene.state, 49_999).commands, []);
        scene.now_ms = 50_000;
        let decision = decide(&scene.state, scene.now_ms);
        assert_eq!(scene.carry_out(decision).len(), 1);
    }
}
