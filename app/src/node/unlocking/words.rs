//! What does Docker say about a lock? Its texts, with wardroom's name where a command is named.

pub const LOCKED: &str = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"wardroom swarm \
                          unlock\" to unlock it.";
pub const NOT_LOCKED: &str = "swarm is not locked";
pub const AUTOLOCK_OFF: &str = "this manager cannot lock, because autolock is off: its keys stand on its disk. Turn it on \
                                first with \"wardroom swarm update --autolock=true\", and keep the unlock key.";
