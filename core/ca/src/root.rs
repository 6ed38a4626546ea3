//! Who may speak for this cluster? The root: its self-signed certificate, its key, and the node certificates it issues.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ED25519, PublicKeyData, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use wardroom_keys::{Chance, SecretBytes};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::identity::{CertificateFacts, IdentityError, Role, is_name, root_from_der};

/// Certificates begin this long before they are made, because nodes' clocks differ.
pub const BACKDATE: Duration = Duration::from_secs(3600);
/// How long a node's certificate is valid unless the cluster says otherwise: 90 days.
pub const NODE_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// 20 years.
const ROOT_LIFETIME: Duration = Duration::from_secs(630_720_000);
const NODE_LIFETIME_MIN: Duration = Duration::from_secs(3600);
const ROOT_NAME: &str = "wardroom-ca";

/// PKCS#8 version 1 around a 32-byte Ed25519 seed (RFC 8410, section 7): the seed follows.
const ED25519_PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const ED25519_SEED_BYTES: usize = 32;

/// The cluster's root: certificate and key. Whoever holds it can be any node.
pub struct Root {
    cluster_id: String,
    certificate_pem: String,
    certificate_der: CertificateDer<'static>,
    facts: CertificateFacts,
    key: SecretBytes,
}

/// What a node certificate should say.
#[derive(Clone, Copy, Debug)]
pub struct IssueRequest<'a> {
    pub node_id: &'a str,
    pub role: Role,
    /// Names and addresses beside the node id and the role, e.g. `localhost` and `127.0.0.1`.
    pub sans: &'a [String],
    /// From now on; [`NODE_LIFETIME`] by default, one hour at least. The root's own end bounds it.
    pub lifetime: Duration,
    pub now_ms: i64,
}

/// A node's new certificate and key.
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

/// Why a certificate could not be made, or a root not be used.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    #[error("minimum certificate expiry time is: 1h0m0s")]
    TooShort,
    #[error("`{0}` cannot stand in a certificate: use letters, digits and `-`, at most 64")]
    Name(String),
    #[error("the date lies outside what a certificate can say: check the clock of this machine")]
    Date,
    #[error("the root certificate cannot be used: {0}")]
    Root(#[from] IdentityError),
    #[error("the root's key does not belong to its certificate: restore both from the same cluster")]
    RootKey,
    #[error("the certificate could not be made: the root is damaged, restore it from another manager")]
    Sign(#[source] rcgen::Error),
}

impl Root {
    /// A new root for a new cluster, valid for 20 years.
    pub fn create(cluster_id: &str, clock: &dyn Clock, chance: &dyn Chance) -> Result<Self, IssueError> {
        let now_ms = clock.now_ms();
        let mut params = params(cluster_id, ROOT_NAME, now_ms, ROOT_LIFETIME)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = new_key(chance);
        let certificate = params.self_signed(&*key_pair(&key)?).map_err(IssueError::Sign)?;
        Self::from_parts(&certificate.pem(), key)
    }

    /// The root whose certificate and key (PKCS#8 DER) were stored before.
    pub fn from_parts(certificate_pem: &str, key: SecretBytes) -> Result<Self, IssueError> {
        let certificate_der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| IssueError::Root(IdentityError::Malformed))?;
        let (cluster_id, facts) = root_from_der(&certificate_der)?;
        let pair = key_pair(&key)?;
        let parsed = rustls::server::ParsedCertificate::try_from(&certificate_der)
            .map_err(|_| IssueError::Root(IdentityError::Malformed))?;
        if parsed.subject_public_key_info().as_ref() != pair.subject_public_key_info() {
            return Err(IssueError::RootKey);
        }
        Ok(Self {
            cluster_id,
            certificate_pem: certificate_pem.to_owned(),
            certificate_der,
            facts,
            key,
        })
    }

    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// SHA-256 of the certificate's DER, hex.
    pub fn fingerprint(&self) -> &str {
        &self.facts.fingerprint
    }

    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// PKCS#8 DER; to be sealed before it is stored.
    pub fn key_der(&self) -> &SecretBytes {
        &self.key
    }

    /// Makes a key and a certificate for a node.
    pub fn issue(&self, request: &IssueRequest<'_>, chance: &dyn Chance) -> Result<Issued, IssueError> {
        if request.lifetime < NODE_LIFETIME_MIN {
            return Err(IssueError::TooShort);
        }
        let root_pair = key_pair(&self.key)?;
        let issuer = Issuer::from_ca_cert_der(&self.certificate_der, &*root_pair).map_err(IssueError::Sign)?;
        let key = new_key(chance);
        let params = self.node_params(request)?;
        let certificate = params.signed_by(&*key_pair(&key)?, &issuer).map_err(IssueError::Sign)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().clone(),
            key,
        })
    }

    fn node_params(&self, request: &IssueRequest<'_>) -> Result<CertificateParams, IssueError> {
        let mut params = params(&self.cluster_id, request.node_id, request.now_ms, request.lifetime)?;
        params.not_after = params.not_after.min(date(self.facts.not_after_ms)?);
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, request.role.unit());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let own = [request.node_id, request.role.unit()].into_iter();
        let names = own.chain(request.sans.iter().map(String::as_str));
        params.subject_alt_names = names.map(subject_name).collect::<Result<_, _>>()?;
        Ok(params)
    }
}

/// What every certificate of a cluster has: whose, and from when to when.
fn params(cluster_id: &str, name: &str, now_ms: i64, lifetime: Duration) -> Result<CertificateParams, IssueError> {
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

fn date(at_ms: i64) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)).map_err(|_| IssueError::Date)
}

fn signed(duration: Duration) -> Result<time::Duration, IssueError> {
    duration.try_into().map_err(|_| IssueError::Date)
}

/// Ed25519: its signatures have one length, which keeps simulated traffic the same from run to run.
fn new_key(chance: &dyn Chance) -> SecretBytes {
    let mut der = Vec::with_capacity(ED25519_PKCS8.len() + ED25519_SEED_BYTES);
    der.extend_from_slice(&ED25519_PKCS8);
    der.resize(ED25519_PKCS8.len() + ED25519_SEED_BYTES, 0);
    chance.fill(&mut der[ED25519_PKCS8.len()..]);
    SecretBytes::new(der)
}

fn key_pair(key: &SecretBytes) -> Result<Zeroizing<KeyPair>, IssueError> {
    let der = PrivatePkcs8KeyDer::from(key.expose());
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519).map_err(IssueError::Sign)?;
    Ok(Zeroizing::new(pair))
}

#[cfg(test)]
#[path = "root_tests.rs"]
pub(crate) mod tests;
