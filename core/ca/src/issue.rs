//! What does a root issue? Certificates for nodes and operators, for a key of its own making or for one that a request
//! shows. Everything in them but the key is decided here and nowhere else.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, PublicKeyData, SanType,
    SerialNumber,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use wardroom_keys::{Chance, SecretBytes};

use crate::certificate::{CertificateFacts, facts, is_name, parse};
use crate::identity::Role;
use crate::key::{key_fingerprint, key_pair, new_key};
use crate::request::requested_key;
use crate::root::{IssueError, Root};

/// Certificates begin this long before they are made, because nodes' clocks differ.
pub const BACKDATE: Duration = Duration::from_secs(3600);
/// How long a node's certificate is valid unless the cluster says otherwise: 90 days.
pub const NODE_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
const LIFETIME_MIN: Duration = Duration::from_secs(3600);
const SERIAL_BYTES: usize = 16;

/// What a certificate should say.
#[derive(Clone, Copy, Debug)]
pub struct IssueRequest<'a> {
    /// The node's id, or the operator's.
    pub node_id: &'a str,
    pub role: Role,
    /// Names and addresses beside the node id and the role, e.g. `localhost` and `127.0.0.1`.
    pub sans: &'a [String],
    /// From now on; [`NODE_LIFETIME`] by default, one hour at least. The root's own end bounds it.
    pub lifetime: Duration,
    pub now_ms: i64,
}

/// A new certificate and its key.
pub struct Issued {
    pub certificate_pem: String,
    certificate_der: CertificateDer<'static>,
    /// PKCS#8 DER, Ed25519.
    pub key: SecretBytes,
}

impl Issued {
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }
}

/// A new certificate for a key that stays where it is.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The certificate, then the intermediates that lead from its root to older ones.
    pub certificate_pem: String,
    pub facts: CertificateFacts,
    /// SHA-256 of the `SubjectPublicKeyInfo`'s DER, hex.
    pub key_fingerprint: String,
}

impl Root {
    /// Makes a key and a certificate for it.
    pub fn issue(&self, request: &IssueRequest<'_>, chance: &dyn Chance) -> Result<Issued, IssueError> {
        let key = new_key(chance);
        let certificate = self.leaf(request, &*key_pair(&key).map_err(IssueError::Sign)?)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().clone(),
            key,
        })
    }

    /// Makes a certificate for the key of a request (PKCS#10, PEM), of which nothing else is taken.
    ///
    /// `intermediates_pem`: what [`Root::cross_sign`] made, from this root's own down to the oldest one; may be empty.
    pub fn sign(
        &self,
        csr_pem: &str,
        request: &IssueRequest<'_>,
        intermediates_pem: &str,
    ) -> Result<Signed, IssueError> {
        let key = requested_key(csr_pem)?;
        let certificate = self.leaf(request, &key)?;
        Ok(Signed {
            certificate_pem: certificate.pem() + intermediates_pem,
            facts: facts(&parse(certificate.der())?, certificate.der()),
            key_fingerprint: key_fingerprint(&key),
        })
    }

    fn leaf(&self, request: &IssueRequest<'_>, key: &impl PublicKeyData) -> Result<Certificate, IssueError> {
        if request.lifetime < LIFETIME_MIN {
            return Err(IssueError::TooShort);
        }
        let mut params = self.leaf_params(request)?;
        params.serial_number = Some(serial(request, key));
        self.certify(&params, key)
    }

    fn leaf_params(&self, request: &IssueRequest<'_>) -> Result<CertificateParams, IssueError> {
        let mut params = params(self.cluster_id(), request.node_id, request.now_ms, request.lifetime)?;
        params.not_after = params.not_after.min(date(self.facts().not_after_ms)?);
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, request.role.unit());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if request.role.is_node() {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        params.use_authority_key_identifier_extension = true;
        let own = [request.node_id, request.role.unit()].into_iter();
        let names = own.chain(request.sans.iter().map(String::as_str));
        params.subject_alt_names = names.map(subject_name).collect::<Result<_, _>>()?;
        Ok(params)
    }
}

/// What every certificate of a cluster has: whose, and from when to when.
pub(crate) fn params(
    cluster_id: &str,
    name: &str,
    now_ms: i64,
    lifetime: Duration,
) -> Result<CertificateParams, IssueError> {
    for name in [cluster_id, name] {
        if !is_name(name) {
            return Err(IssueError::Name(name.escape_debug().to_string()));
        }
    }
    let mut params = CertificateParams::default();
    let now = date(now_ms)?;
    params.not_before = now.checked_sub(signed(BACKDATE)?).ok_or(IssueError::Date)?;
    params.not_after = now.checked_add(signed(lifetime)?).ok_or(IssueError::Date)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, cluster_id);
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// Differs from one certificate of a key to the next, and is the same from run to run.
fn serial(request: &IssueRequest<'_>, key: &impl PublicKeyData) -> SerialNumber {
    let mut digest = Sha256::new();
    digest.update(key.subject_public_key_info());
    digest.update(request.now_ms.to_be_bytes());
    digest.update(request.lifetime.as_millis().to_be_bytes());
    digest.update(request.role.unit());
    digest.update(request.node_id);
    let mut serial = digest.finalize()[..SERIAL_BYTES].to_vec();
    serial[0] &= 0x7f; // a serial number is positive
    SerialNumber::from(serial)
}

fn subject_name(name: &str) -> Result<SanType, IssueError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let text = name
        .to_owned()
        .try_into()
        .map_err(|_| IssueError::Name(name.escape_debug().to_string()))?;
    Ok(SanType::DnsName(text))
}

pub(crate) fn date(at_ms: i64) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)).map_err(|_| IssueError::Date)
}

fn signed(duration: Duration) -> Result<time::Duration, IssueError> {
    duration.try_into().map_err(|_| IssueError::Date)
}
