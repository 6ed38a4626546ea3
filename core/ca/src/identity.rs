//! Whom does a certificate name? Reads the subject and the dates of a certificate's DER. It verifies nothing: only a
//! certificate that `trust.rs` has traced to the root may be believed.

use std::fmt;

use crate::certificate::{CertificateFacts, facts, only, parse};

/// What the holder of a certificate may be: a node, or an operator's client with a role of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Manager,
    Worker,
    Viewer,
    Operator,
    Admin,
}

impl Role {
    /// The organisational unit that says so.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Manager => "wardroom-manager",
            Self::Worker => "wardroom-worker",
            Self::Viewer => "wardroom-viewer",
            Self::Operator => "wardroom-operator",
            Self::Admin => "wardroom-admin",
        }
    }

    /// Whether it is a node's role, and not an operator's.
    pub fn is_node(self) -> bool {
        matches!(self, Self::Manager | Self::Worker)
    }

    fn from_unit(unit: &str) -> Option<Self> {
        [Self::Manager, Self::Worker, Self::Viewer, Self::Operator, Self::Admin]
            .into_iter()
            .find(|role| role.unit() == unit)
    }
}

/// Who a certificate says its holder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Of an operator's certificate: the operator's id.
    pub node_id: String,
    pub role: Role,
    pub cluster_id: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role.unit(), self.node_id)
    }
}

/// Why a certificate names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("it is not a certificate: use the file that this cluster issued")]
    Malformed,
    #[error("its subject has not exactly one usable {0}: use a certificate that this cluster issued")]
    Subject(&'static str),
    #[error("its organizational unit is no role that wardroom knows: use a certificate that this cluster issued")]
    Role,
    #[error("it is no root: use a root that wardroom made for this cluster")]
    NoRoot,
    #[error("it holds the roots of several clusters: use the roots of one")]
    Mixed,
}

impl Identity {
    /// Reads the certificate, which must be all of `der`. Any bytes are fine; most are an error.
    pub fn from_der(der: &[u8]) -> Result<(Self, CertificateFacts), IdentityError> {
        let certificate = parse(der)?;
        let subject = certificate.subject();
        let node_id = only("common name", subject.iter_common_name())?;
        let unit = only("organizational unit", subject.iter_organizational_unit())?;
        let cluster_id = only("organization", subject.iter_organization())?;
        let role = Role::from_unit(&unit).ok_or(IdentityError::Role)?;
        Ok((
            Self {
                node_id,
                role,
                cluster_id,
            },
            facts(&certificate, der),
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use proptest::prelude::*;

    use super::*;
    use crate::certificate::{RootFacts, fingerprint};
    use crate::root::tests::{issue, root};

    #[test]
    fn a_certificate_says_who_its_holder_is() {
        let issued = issue(&root("c1"), "n1", Role::Worker, 0);
        let (identity, facts) = Identity::from_der(issued.certificate_der()).unwrap();
        let expected = Identity {
            node_id: "n1".into(),
            role: Role::Worker,
            cluster_id: "c1".into(),
        };
        assert_eq!(identity, expected);
        assert_eq!(facts.fingerprint, fingerprint(issued.certificate_der()));
    }

    #[test]
    fn a_root_is_no_node() {
        let unit = IdentityError::Subject("organizational unit");
        assert_eq!(Identity::from_der(root("c1").certificate_der()).unwrap_err(), unit);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Identity::from_der(&bytes);
        }

        #[test]
        fn a_damaged_certificate_is_read_or_refused(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut der = issue(&root("c1"), "n1", Role::Manager, 0).certificate_der().to_vec();
            let position = at.index(der.len());
            der[position] = to;
            let _ = Identity::from_der(&der);
            let _ = RootFacts::from_der(&der);
            der.truncate(cut.index(der.len()));
            prop_assert!(Identity::from_der(&der).is_err());
        }
    }
}
