//! Whether a peer's certificate is good: its chain, its names, its digest.
//!
//! Differs from Envoy: rustls judges chains more strictly than BoringSSL (no X.509 v1, no CA as a leaf).
//! Sources: Envoy `default_validator.cc`, `san_matcher.cc`.

use super::certificate::{San, sans, sha256, spki_digest};
use super::{Sources, pem_certificates};
use crate::config::tls_context::{CertificateValidationContext, SanType, TrustChainVerification};
use crate::matcher::StringMatcher;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use std::fmt;
use std::sync::Arc;

/// Why a certificate whose chain is good was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// With the names that the certificate has instead.
    San(Vec<String>),
    Digest,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::San(names) => write!(f, "SAN matcher, certificate SANs are [{}]", names.join(", ")),
            Unfit::Digest => f.write_str("cert hash and spki"),
        }
    }
}

impl std::error::Error for Unfit {}

#[derive(Debug)]
enum SanMatcher {
    /// Exact DNS names heed wildcards in the certificate.
    DnsExact(String),
    Of(SanType, StringMatcher),
}

impl SanMatcher {
    fn matches(&self, san: &San) -> bool {
        match (self, san) {
            (SanMatcher::DnsExact(name), San::Dns(pattern)) => is_dns_name(name, pattern),
            (SanMatcher::Of(SanType::Dns, it), San::Dns(name)) => it.matches(name.as_bytes()),
            (SanMatcher::Of(SanType::Uri, it), San::Uri(name)) => it.matches(name.as_bytes()),
            (SanMatcher::Of(SanType::Email, it), San::Email(name)) => it.matches(name.as_bytes()),
            (SanMatcher::Of(SanType::IpAddress, it), San::Ip(name)) => it.matches(name.as_bytes()),
            _ => false,
        }
    }
}

/// Whether a certificate's DNS name, perhaps with a wildcard for its first label, stands for `name`.
pub fn is_dns_name(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(label, tail)| !label.is_empty() && tail == rest),
        None => name == pattern,
    }
}

/// What a peer's certificate must show.
#[derive(Debug)]
pub struct Validation {
    provider: Arc<CryptoProvider>,
    roots: Option<Arc<RootCertStore>>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    sans: Vec<SanMatcher>,
    hashes: Vec<String>,
    spkis: Vec<String>,
    accept_untrusted: bool,
    required: bool,
    hints: Vec<DistinguishedName>,
}

impl Validation {
    pub fn new(
        config: &CertificateValidationContext,
        required: bool,
        provider: Arc<CryptoProvider>,
        sources: &Sources<'_>,
    ) -> Result<Validation, String> {
        let mut roots = None;
        let mut clients: Option<Arc<dyn ClientCertVerifier>> = None;
        let mut hints = Vec::new();
        if let Some(ca) = &config.trusted_ca {
            let mut store = RootCertStore::empty();
            for der in pem_certificates(&(sources.load)(ca)?)
                .map_err(|_| "Failed to load trusted CA certificates from <inline>")?
            {
                store.add(der).map_err(|_| "Failed to load trusted CA certificates from <inline>")?;
            }
            if store.is_empty() {
                return Err("Failed to load trusted CA certificates from <inline>".to_owned());
            }
            let store = Arc::new(store);
            hints = store.subjects();
            clients = Some(
                WebPkiClientVerifier::builder_with_provider(store.clone(), provider.clone())
                    .build()
                    .map_err(|error| error.to_string())?,
            );
            roots = Some(store);
        }
        let mut sans = Vec::new();
        for it in &config.match_typed_subject_alt_names {
            use crate::config::core::StringMatcherMatchPattern::Exact;
            sans.push(match (&it.san_type, &it.matcher.match_pattern) {
                (SanType::Dns, Exact(name)) => SanMatcher::DnsExact(name.clone()),
                (kind, _) => SanMatcher::Of(*kind, StringMatcher::new(&it.matcher)?),
            });
        }
        for it in &config.match_subject_alt_names {
            for kind in [SanType::Dns, SanType::Uri, SanType::Email, SanType::IpAddress] {
                sans.push(SanMatcher::Of(kind, StringMatcher::new(it)?));
            }
        }
        if !sans.is_empty() && roots.is_none() {
            return Err(
                "SAN-based verification of peer certificates without trusted CA is insecure and not allowed"
                    .to_owned(),
            );
        }
        Ok(Validation {
            provider,
            roots,
            clients,
            sans,
            hashes: config
                .verify_certificate_hash
                .iter()
                .map(|it| it.replace(':', "").to_ascii_lowercase())
                .collect(),
            spkis: config.verify_certificate_spki.clone(),
            accept_untrusted: config.trust_chain_verification == TrustChainVerification::AcceptUntrusted,
            required,
            hints,
        })
    }

    /// Whether anything is asked of a peer's certificate.
    pub fn asks(&self) -> bool {
        self.roots.is_some() || !self.hashes.is_empty() || !self.spkis.is_empty() || self.required
    }

    fn judge(&self, leaf: &CertificateDer<'_>, chain: Result<(), Error>) -> Result<(), Error> {
        match chain {
            Err(_) if self.accept_untrusted => return Ok(()),
            other => other?,
        }
        let unfit = |it| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(it))));
        if !self.sans.is_empty() {
            let names = sans(leaf);
            if !self.sans.iter().any(|matcher| names.iter().any(|it| matcher.matches(it))) {
                return Err(unfit(Unfit::San(names.into_iter().map(San::into_text).collect())));
            }
        }
        if !self.hashes.is_empty() || !self.spkis.is_empty() {
            let by_spki = spki_digest(leaf).is_some_and(|it| self.spkis.contains(&it));
            if !by_spki && !self.hashes.contains(&sha256(leaf)) {
                return Err(unfit(Unfit::Digest));
            }
        }
        Ok(())
    }

    fn algorithms(&self) -> &rustls::crypto::WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }

    /// Whether a chain that was accepted was also verified: with `ACCEPT_UNTRUSTED` or no CA it may not be.
    pub fn trusts(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let (Some(leaf), Some(clients)) = (chain.first(), &self.clients) else { return false };
        clients.verify_client_cert(leaf, &chain[1..], now).is_ok()
    }
}

impl ClientCertVerifier for Validation {
    fn offer_client_auth(&self) -> bool {
        self.asks()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain =
            self.clients.as_ref().map_or(Ok(()), |it| it.verify_client_cert(leaf, others, now).map(|_| ()));
        self.judge(leaf, chain).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

impl ServerCertVerifier for Validation {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = match &self.roots {
            None => Ok(()),
            Some(roots) => rustls::server::ParsedCertificate::try_from(leaf).and_then(|parsed| {
                let algorithms = self.algorithms().all;
                rustls::client::verify_server_cert_signed_by_trust_anchor(
                    &parsed, roots, others, now, algorithms,
                )
            }),
        };
        self.judge(leaf, chain).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}
