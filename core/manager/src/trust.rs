//! Whom does this manager believe? Its TLS follows the state: the cluster's roots, and the nodes and operators that were
//! removed. Who loses its standing is told so, and then its connections are cut.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use wardroom_ca::NodeTls;
use wardroom_state::State;
use wardroom_state::cluster::Cluster;
use wardroom_state::event::{Event, ObjectKey};

use crate::connections::Connections;
use crate::context::Context;
use crate::recognize::counts_as_manager;
use crate::replica::{Applied, Replica};

/// Between a removal and the cut of the connections: what the dispatcher still has to say arrives.
const GRACE: Duration = Duration::from_millis(500);

/// What of the state decides whom to believe.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    roots_pem: String,
    /// Of the same roots.
    root_key_ids: BTreeSet<String>,
    removed: BTreeSet<String>,
    managers: BTreeSet<String>,
}

impl Standing {
    fn of(state: &State) -> Self {
        let key_ids = |cluster: &Cluster| {
            let older = cluster.retiring.iter().map(|root| root.key_id.clone());
            older.chain([cluster.root_key_id.clone()]).collect()
        };
        Self {
            root_key_ids: state.cluster().map(key_ids).unwrap_or_default(),
            roots_pem: state.cluster().map(roots_pem).unwrap_or_default(),
            removed: state.removed().keys().cloned().collect(),
            managers: state.managers().map(|node| node.id.to_string()).collect(),
        }
    }
}

/// The roots to trust, newest first.
pub(crate) fn roots_pem(cluster: &Cluster) -> String {
    let older = cluster.retiring.iter().rev().map(|root| root.certificate.as_str());
    std::iter::once(cluster.root_certificate.as_str())
        .chain(older)
        .collect()
}

/// Believes what the state says now, before the first caller is heard, and then follows it until the manager stops.
pub(crate) fn keep(context: Context) -> impl Future<Output = ()> + Send {
    let mut known = Standing::default();
    let applied = follow(&context, &mut known);
    run(context, known, applied)
}

async fn run(context: Context, mut known: Standing, mut applied: Receiver<Arc<Applied>>) {
    loop {
        let next = tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            next = applied.recv() => next,
        };
        match next {
            Ok(applied) if !concerns(&applied) => {}
            Ok(_) => take_in(&context, &mut known, context.replica.read(Standing::of)),
            Err(RecvError::Lagged(_)) => applied = follow(&context, &mut known),
            Err(RecvError::Closed) => return,
        }
    }
}

fn follow(context: &Context, known: &mut Standing) -> Receiver<Arc<Applied>> {
    let (standing, applied) = context.replica.follow(Standing::of);
    take_in(context, known, standing);
    applied
}

fn concerns(applied: &Applied) -> bool {
    let touches = |event: &Event| {
        let (Event::Put(key) | Event::Removed(key)) = event;
        matches!(key, ObjectKey::Cluster | ObjectKey::Node(_) | ObjectKey::Operator(_))
    };
    applied.replaced || applied.events.iter().any(touches)
}

fn take_in(context: &Context, known: &mut Standing, now: Standing) {
    let tls = &context.tls;
    if now == *known {
        return;
    }
    if now.removed != known.removed {
        tls.refused().replace(now.removed.iter().cloned());
    }
    if now.roots_pem != known.roots_pem
        && let Err(error) = tls.trust(&to_trust(&now, tls))
    {
        tracing::error!(%error, "the roots of the cluster cannot be trusted; those before are trusted on");
    }
    let gone: Vec<String> = now.removed.difference(&known.removed).cloned().collect();
    if !gone.is_empty() || now.managers != known.managers {
        let (connections, replica) = (context.offices.connections.clone(), context.replica.clone());
        tokio::spawn(cut(connections, replica, gone));
    }
    *known = now;
}

/// The state's roots and no others; with those in use before them while the state has yet to hear of the newest, as
/// after a restart in the middle of a rotation.
fn to_trust(now: &Standing, tls: &NodeTls) -> String {
    if now.root_key_ids.contains(&tls.root_key_id()) {
        return now.roots_pem.clone();
    }
    tls.roots_pem() + &now.roots_pem
}

async fn cut(connections: Connections, replica: Replica, gone: Vec<String>) {
    tokio::time::sleep(GRACE).await;
    for subject in &gone {
        connections.cut(subject);
    }
    connections.review(|id| replica.read(|state| counts_as_manager(state, id)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_ca::{IssueRequest, NODE_LIFETIME, Role, Root, SystemClock};
    use wardroom_keys::OsChance;

    use super::*;

    fn tls(root: &Root, others: &[&Root]) -> NodeTls {
        let request = IssueRequest {
            node_id: "m1",
            role: Role::Manager,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: wardroom_ca::Clock::now_ms(&SystemClock),
        };
        let issued = root.issue(&request, &OsChance).unwrap();
        let roots: String = std::iter::once(root)
            .chain(others.iter().copied())
            .map(Root::certificate_pem)
            .collect();
        NodeTls::new(&roots, &issued.certificate_pem, &issued.key, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn a_state_that_is_behind_takes_no_root_away() {
        let root = || Root::create("c1", &SystemClock, &OsChance).unwrap();
        let (old, new) = (root(), root());
        let standing = |roots: &[&Root]| Standing {
            roots_pem: roots.iter().map(|root| root.certificate_pem()).collect(),
            root_key_ids: roots.iter().map(|root| root.key_id().to_owned()).collect(),
            ..Standing::default()
        };
        let of = |text: &str| {
            [&old, &new].map(|root| {
                text.replace('\r', "")
                    .contains(root.certificate_pem().replace('\r', "").trim())
            })
        };
        let tls = tls(&new, &[&old]);
        assert_eq!(of(&to_trust(&standing(&[&old]), &tls)), [true, true]);
        assert_eq!(of(&to_trust(&standing(&[&new, &old]), &tls)), [true, true]);
        assert_eq!(of(&to_trust(&standing(&[&new]), &tls)), [false, true]);
        tls.trust(&to_trust(&standing(&[&old]), &tls)).unwrap();
    }
}
