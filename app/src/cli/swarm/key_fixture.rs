//! What do tests of unlock keys ask for, and what are they answered?

use wardroom_api::v1;

use crate::cli::arguments::{Asking, SwarmUnlockKey};

pub const KEY: &str = "SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub fn options() -> SwarmUnlockKey {
    SwarmUnlockKey {
        rotate: false,
        quiet: false,
        shares: None,
        threshold: None,
        epoch: None,
        asking: Asking {
            plan: false,
            yes: false,
        },
        detach: false,
    }
}

pub fn shared() -> SwarmUnlockKey {
    SwarmUnlockKey {
        shares: Some(2),
        threshold: Some(2),
        ..options()
    }
}

fn confidential(text: &str) -> v1::Confidential {
    v1::Confidential::new(text.as_bytes().to_vec())
}

pub fn whole() -> v1::GetUnlockKeyResponse {
    v1::GetUnlockKeyResponse {
        key: Some(confidential(KEY)),
        epoch: 3,
        index: 40,
        ..v1::GetUnlockKeyResponse::default()
    }
}

pub fn in_shares() -> v1::GetUnlockKeyResponse {
    v1::GetUnlockKeyResponse {
        shares: vec![confidential("SWMSHARE-1-a"), confidential("SWMSHARE-1-b")],
        epoch: 3,
        ..v1::GetUnlockKeyResponse::default()
    }
}
