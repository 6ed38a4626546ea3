//! Are the words about nodes, operators and settings well-formed?

use crate::refusal::Refusal;

pub const HOSTNAME_MAX: usize = 255;
pub const OPERATOR_NAME_MAX: usize = 64;
const ADDRESS_MAX: usize = 300;

pub const CERTIFICATE_LIFE_MIN_MS: u64 = 3_600_000;
/// Ten years: less than a root lives.
pub const CERTIFICATE_LIFE_MAX_MS: u64 = 3_650 * 86_400_000;
pub const HEARTBEAT_MIN_MS: u64 = 1_000;
pub const HEARTBEAT_MAX_MS: u64 = 60_000;
pub const SNAPSHOT_EVERY_MIN: u64 = 100;
pub const LEASE_MIN_MS: u64 = 10_000;
pub const LEASE_MAX_MS: u64 = 365 * 86_400_000;

/// What a machine calls itself, at most 255 characters.
pub fn hostname(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.chars().count() > HOSTNAME_MAX || name.chars().any(is_unprintable) {
        return Err(Refusal::NodeInvalid {
            problem: "its hostname must have 1 to 255 characters, without blanks and control characters".into(),
        });
    }
    Ok(())
}

/// `host:port`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
pub fn address(text: &str) -> Result<(), Refusal> {
    let well_formed = text.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let named = !host.is_empty() && (bracketed || !host.contains(':'));
        named && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    if !well_formed || text.len() > ADDRESS_MAX || text.chars().any(is_unprintable) {
        return Err(Refusal::AddressInvalid {
            address: text.escape_default().take(80).collect(),
        });
    }
    Ok(())
}

/// Letters, digits, `-`, `_`, `.` and `@`; begins with a letter or digit. Actors are written `admin:NAME`.
pub fn operator_name(name: &str) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if name.is_empty() {
        return Err(Refusal::NameMissing);
    }
    let begins_well = name.as_bytes()[0].is_ascii_alphanumeric();
    if name.len() > OPERATOR_NAME_MAX || !begins_well || !name.bytes().all(fits) {
        return Err(Refusal::OperatorNameInvalid {
            name: name.escape_default().take(80).collect(),
        });
    }
    Ok(())
}

/// At least one hour.
pub fn certificate_life(ms: u64) -> Result<(), Refusal> {
    if ms < CERTIFICATE_LIFE_MIN_MS {
        return Err(Refusal::CertificateLifeTooShort);
    }
    setting("certificate life", ms <= CERTIFICATE_LIFE_MAX_MS, "at most 10 years")
}

pub fn heartbeat(ms: u64) -> Result<(), Refusal> {
    let fits = (HEARTBEAT_MIN_MS..=HEARTBEAT_MAX_MS).contains(&ms);
    setting("heartbeat period", fits, "between 1 second and 1 minute")
}

/// In applied entries.
pub fn snapshot_every(entries: u64) -> Result<(), Refusal> {
    setting(
        "snapshot interval",
        entries >= SNAPSHOT_EVERY_MIN,
        "at least 100 entries",
    )
}

/// 0: never.
pub fn lease(ms: u64) -> Result<(), Refusal> {
    if ms == 0 || (LEASE_MIN_MS..=LEASE_MAX_MS).contains(&ms) {
        Ok(())
    } else {
        Err(Refusal::LeaseInvalid)
    }
}

fn setting(name: &str, fits: bool, limits: &str) -> Result<(), Refusal> {
    if fits {
        return Ok(());
    }
    Err(Refusal::SettingInvalid {
        setting: name.into(),
        limits: limits.into(),
    })
}

fn is_unprintable(character: char) -> bool {
    character.is_control() || character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for text in ["10.0.0.5:2377", "ember:1", "[::1]:65535", "node-1.example.org:2377"] {
            assert_eq!(address(text), Ok(()), "{text}");
        }
        let long = format!("{}:2377", "x".repeat(300));
        for text in [
            "",
            ":2377",
            "ember",
            "ember:",
            "ember:0",
            "ember:65536",
            "::1:2377",
            "a b:2377",
            "a\n:1",
            &long,
        ] {
            assert!(matches!(address(text), Err(Refusal::AddressInvalid { .. })), "{text:?}");
        }
    }

    #[test]
    fn limits_are_inclusive() {
        assert_eq!(heartbeat(1_000).and(heartbeat(60_000)), Ok(()));
        assert_eq!(lease(LEASE_MIN_MS).and(lease(LEASE_MAX_MS)), Ok(()));
        assert_eq!(
            certificate_life(3_600_000).and(certificate_life(CERTIFICATE_LIFE_MAX_MS)),
            Ok(())
        );
        assert_eq!(snapshot_every(100), Ok(()));
        assert_eq!(operator_name(&"a".repeat(64)), Ok(()));
        assert!(operator_name(&"a".repeat(65)).is_err());
        assert_eq!(hostname(&"h".repeat(255)), Ok(()));
    }
}
