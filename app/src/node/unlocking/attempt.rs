//! Is that the key? Takes what somebody gave, tells what is malformed from what is wrong, collects shares, and slows down
//! whoever guesses. Opens nothing itself.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tonic::Code;
use wardroom_ca::Clock;
use wardroom_keys::{KeyringError, KeyringFile, SecretBytes, Share, UnlockKey};

use super::pace::Pace;
use super::shares::{Collected, Shares};
use super::shown::{Shown, Waiting};
use crate::node::due::sleep_until;
use crate::node::refusal::Refusal;

/// Docker's words for a key that is one, and not this one.
pub const WRONG: &str = "swarm could not be unlocked: invalid key provided";
const SHARE: &str = "SWMSHARE-";

/// A manager of this process whose keyring waits for its key.
pub struct Door {
    pub node_id: String,
    pub hostname: String,
    /// The node's, as it stands on the disk.
    pub file: KeyringFile,
}

impl Door {
    fn shown(&self) -> Waiting {
        Waiting {
            node_id: self.node_id.clone(),
            hostname: self.hostname.clone(),
            epoch: self.file.kek_epoch(),
            check: self.file.kek_check(),
        }
    }
}

/// The key that was given, and how it came.
pub struct Right {
    pub key: UnlockKey,
    how: &'static str,
    /// Wrong keys before it.
    wrong: u32,
}

impl Right {
    /// For the audit chain, which no locked manager can write to: what came before is told with what opened it.
    pub fn words(&self) -> String {
        match self.wrong {
            0 => self.how.to_owned(),
            1 => format!("{}, after 1 wrong key", self.how),
            several => format!("{}, after {several} wrong keys", self.how),
        }
    }
}

/// The locked managers of this process, and what was tried.
#[derive(Default)]
pub struct Unlocking {
    cluster_id: String,
    doors: Vec<Door>,
    pace: Pace,
    shares: Shares,
}

impl Unlocking {
    pub fn new(cluster_id: &str, doors: Vec<Door>) -> Self {
        Self {
            cluster_id: cluster_id.to_owned(),
            doors,
            ..Self::default()
        }
    }

    /// The key that opens one of the doors at least; `None` of a share that is not the last. The text is looked at only
    /// when it may be.
    pub fn attempt(&mut self, text: &SecretBytes, now_ms: i64) -> Result<Option<Right>, Refusal> {
        self.pace.follow(now_ms);
        let left_ms = self.pace.left_ms(now_ms);
        if left_ms > 0 {
            return Err(too_soon(left_ms));
        }
        let malformed = || Refusal::invalid(wardroom_keys::UnlockKeyError.to_string());
        let text = std::str::from_utf8(text.expose()).map_err(|_| malformed())?;
        if text.trim_start().starts_with(SHARE) {
            return self.share(text, now_ms);
        }
        let key = UnlockKey::parse(text).map_err(|_| malformed())?;
        self.judge(key, "with the key", now_ms).map(Some)
    }

    fn share(&mut self, text: &str, now_ms: i64) -> Result<Option<Right>, Refusal> {
        let share = Share::parse(text).map_err(|error| Refusal::invalid(error.to_string()))?;
        let fits = |door: &Door| (door.file.kek_epoch(), door.file.kek_check()) == (share.epoch(), share.check());
        if !self.doors.iter().any(fits) {
            // Nobody guesses with one: what it names stands in clear in both.
            let text = format!(
                "{WRONG}: the share is of unlock key epoch {}, {}",
                share.epoch(),
                self.needed()
            );
            return Err(Refusal::new(Code::Unauthenticated, text));
        }
        match self.shares.add(share, now_ms)? {
            Collected::Some => Ok(None),
            Collected::Key(key) => self.judge(key, "with shares", now_ms).map(Some),
            Collected::Forged => {
                self.pace.failed(now_ms);
                let text =
                    format!("{WRONG}: one of the shares is forged; give all of them again, other ones if you can");
                Err(Refusal::new(Code::Unauthenticated, text))
            }
        }
    }

    fn judge(&mut self, key: UnlockKey, how: &'static str, now_ms: i64) -> Result<Right, Refusal> {
        let mut damaged = None;
        for door in &self.doors {
            match door.file.check_key(&key) {
                Ok(()) => {
                    let wrong = std::mem::take(&mut self.pace).wrong();
                    return Ok(Right { key, how, wrong });
                }
                Err(KeyringError::WrongKey) => {}
                Err(error) => damaged = Some(error),
            }
        }
        if let Some(error) = damaged {
            return Err(Refusal::failure(error.to_string()));
        }
        self.pace.failed(now_ms);
        Err(Refusal::new(
            Code::Unauthenticated,
            format!("{WRONG}: {}", self.needed()),
        ))
    }

    /// `the key of epoch 3 opens manager-1, manager-2; that of epoch 2 opens manager-3`.
    fn needed(&self) -> String {
        let mut epochs: Vec<u32> = self.doors.iter().map(|door| door.file.kek_epoch()).collect();
        epochs.sort_unstable_by(|one, other| other.cmp(one));
        epochs.dedup();
        let opens = |(place, epoch): (usize, &u32)| {
            let names: Vec<&str> = self
                .doors
                .iter()
                .filter(|door| door.file.kek_epoch() == *epoch)
                .map(|door| door.hostname.as_str())
                .collect();
            let what = if place == 0 { "the key" } else { "that" };
            format!("{what} of epoch {epoch} opens {}", names.join(", "))
        };
        epochs.iter().enumerate().map(opens).collect::<Vec<_>>().join("; ")
    }

    /// The nodes whose door that key opens.
    pub fn opens(&self, key: &UnlockKey) -> Vec<String> {
        let doors = self.doors.iter().filter(|door| door.file.check_key(key).is_ok());
        doors.map(|door| door.node_id.clone()).collect()
    }

    /// This door is open: nobody asks for its key any more.
    pub fn opened(&mut self, node_id: &str) {
        self.doors.retain(|door| door.node_id != node_id);
        if self.doors.is_empty() {
            self.shares = Shares::default();
        }
    }

    /// Returns when shares are old enough to be forgotten; never while there are none.
    pub fn patience(&self, clock: &Arc<dyn Clock>) -> impl Future<Output = ()> + Send + use<> {
        let (clock, end_ms) = (Arc::clone(clock), self.shares.end_ms());
        async move {
            match end_ms {
                Some(end_ms) => sleep_until(&*clock, end_ms, Duration::ZERO).await,
                None => pending().await,
            }
        }
    }

    /// Forgets shares that nobody has completed in time.
    pub fn forget_old(&mut self, now_ms: i64) {
        self.shares.forget_old(now_ms);
    }

    pub fn is_locked(&self) -> bool {
        !self.doors.is_empty()
    }

    pub fn shown(&self) -> Shown {
        Shown {
            cluster_id: self.cluster_id.clone(),
            managers: self.doors.iter().map(Door::shown).collect(),
            pace: self.pace,
            shares: self.shares.progress(),
            serves: false,
        }
    }
}

fn too_soon(left_ms: u64) -> Refusal {
    let seconds = left_ms.div_ceil(1000);
    Refusal::new(
        Code::ResourceExhausted,
        format!("too many wrong keys were given: try again in {seconds} s"),
    )
}
