//! Do enough shares make the unlock key, and is handing them out recorded as what it is?

use tonic::Code;
use wardroom_api::v1;
use wardroom_keys::{Share, ShareCollection};

use crate::fleet::Fleet;
use crate::keys::{audited, autolock, key, show};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enough_shares_are_the_key() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    autolock(&mut control, true).await;
    let whole = key(show(&mut control, 0).await);
    let ask = |shares, threshold| v1::GetUnlockKeyRequest {
        shares,
        threshold,
        ..Default::default()
    };
    for (shares, threshold) in [(5, 0), (5, 1), (5, 6), (1, 1), (256, 2), (0, 3)] {
        let refused = control.get_unlock_key(ask(shares, threshold)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{shares} and {threshold}");
    }
    let split = control.get_unlock_key(ask(5, 3)).await.unwrap().into_inner();
    assert!(split.key.is_none());
    assert_eq!(split.shares.len(), 5);
    let texts = split
        .shares
        .iter()
        .map(|share| std::str::from_utf8(&share.bytes).unwrap());
    let mut collected = ShareCollection::default();
    for share in texts.skip(2) {
        assert!(collected.combine().is_none());
        collected.add(Share::parse(share).unwrap()).unwrap();
    }
    assert!(collected.combine().unwrap().equals(&whole));
    let reads = audited(&fleet, fleet.follower(), "unlock-key.read");
    assert_eq!(reads.len(), 2);
    assert_eq!(reads[1].2, "in 5 shares, of which 3 open");
    fleet.stop().await;
}
