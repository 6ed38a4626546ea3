//! When is a certificate renewed, and what if it cannot be?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::Path;

use futures_util::future::join_all;
use wardroom_ca::{ManualClock, SystemClock};
use wardroom_keys::OsChance;

use super::*;
use crate::node::establish::establish;
use crate::node::founding::Wanted;
use crate::node::house::{self, House, Opened};
use crate::node::nodes::{self, Ground};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A new cluster that runs by a clock, and what renews its certificates.
async fn running(dir: &Path, clock: &Arc<ManualClock>) -> (Box<House>, Renewal) {
    let wanted = Wanted {
        name: "test".into(),
        managers: 3,
        workers: 1,
    };
    let Opened::Mine(mut house) = house::open(dir, &wanted, &OsChance).unwrap() else {
        panic!("nobody else is there")
    };
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let ground = Ground {
        manifest: house.manifest.clone(),
        badges: badge::all(&house.dir, &house.manifest, &clock).unwrap(),
        clock,
        seed: None,
    };
    let managers = nodes::start_managers(&ground, &ground.manifest.managers).await.unwrap();
    establish(&mut house, &managers, &ground.badges).await.unwrap();
    let renewal = Renewal {
        managers,
        badges: ground.badges.clone(),
        clock: Arc::clone(&ground.clock),
        chance: ground.chance("renewal"),
    };
    (house, renewal)
}

fn ends(renewal: &Renewal) -> Vec<i64> {
    renewal
        .badges
        .iter()
        .map(|badge| badge.tls.facts().not_after_ms)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_cluster_shows_and_records_new_certificates() {
    let scratch = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemClock.now_ms()));
    let (_house, renewal) = running(scratch.path(), &clock).await;
    let old = ends(&renewal);
    renewal.renew(None).unwrap();
    assert_eq!(ends(&renewal), old, "they are young");

    clock.advance(50 * DAY_MS);
    renewal.renew(None).unwrap();
    renewal.announce().await;
    let leader = leading(&renewal.managers).await;
    for (badge, old) in renewal.badges.iter().zip(old) {
        assert!(badge.tls.facts().not_after_ms > old + 49 * DAY_MS, "{}", badge.hostname);
        let saved = match &badge.keys {
            Some(keys) => keys.load_node().unwrap(),
            None => NodeFiles::load(&badge.dir, None).unwrap(),
        };
        badge.tls.reload(&saved.certificate_pem, &saved.key).unwrap();
        let recorded = leader
            .replica()
            .read(|state| state.nodes()[&NodeId::new(&badge.node_id)].certificate.clone());
        assert_eq!(recorded, certificate(&badge.tls), "{}", badge.hostname);
    }
    join_all(renewal.managers.iter().map(Manager::shutdown)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_be_renewed_holds_no_other_up() {
    let scratch = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemClock.now_ms()));
    let (house, renewal) = running(scratch.path(), &clock).await;
    let old = ends(&renewal);
    // Nothing can be written where no folder is.
    std::fs::remove_dir_all(house.node("manager-2")).unwrap();
    clock.advance(50 * DAY_MS);
    let report = renewal.renew(None).err().unwrap();
    assert!(report.message.contains("manager-2"), "{}", report.message);
    let renewed: Vec<bool> = ends(&renewal).iter().zip(&old).map(|(new, old)| new > old).collect();
    assert_eq!(renewed, [true, false, true, true]);
    assert!(renewal.at_start(None).is_ok(), "its certificate is still good");
    clock.advance(41 * DAY_MS);
    assert!(renewal.at_start(None).is_err(), "now it has expired");
    join_all(renewal.managers.iter().map(Manager::shutdown)).await;
}
