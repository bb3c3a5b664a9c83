//! TLS on either side, without sockets: bytes of the wire in and out, plain bytes in and out.
//!
//! An `Acceptor` is made of a `DownstreamTlsContext`, a `Connector` of an `UpstreamTlsContext`; each connection is a
//! `Session`. `inspect` looks into a ClientHello that nobody terminates.
//! Always: time is what the shared `Clock` says; a failure is told in the words of Envoy's BoringSSL; with the seeded
//! cryptography the same seed gives the same bytes on the wire.
//! Differs from Envoy: rustls speaks TLS 1.2 and 1.3 only; sessions are resumed from memory, never by a ticket that
//! holds its own state; of several certificates all are looked through, as with `full_scan_certs_on_sni_mismatch`.
//! Sources: Envoy `source/common/tls`.

pub(crate) mod certificate;
mod chance;
mod cryptography;
pub mod failure;
mod inspect;
#[cfg(feature = "tls-seeded")]
pub mod seeded;
mod session;
#[cfg(all(test, feature = "tls-ring"))]
mod tests;
mod verify;

pub use self::chance::Chance;
pub use self::cryptography::Cryptography;
pub use self::failure::Failure;
pub use self::inspect::{Inspect, inspect};
pub use self::session::Session;

use self::verify::Validation;
use crate::config::core::{DataSource, DataSourceSpecifier};
use crate::config::tls_context::{
    CertificateValidationContext, CommonTlsContext, CommonTlsContextValidationContextType as ValidationType,
    DownstreamTlsContext, Secret, SecretType, TlsCertificate, TlsParameters, TlsProtocol, UpstreamTlsContext,
};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time by which certificates are valid or expired; the proxy sets it.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    pub fn set(&self, unix_secs: u64) {
        self.0.store(unix_secs, Ordering::Relaxed);
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

/// What TLS takes from outside: time, chance, and whose cryptography.
#[derive(Debug, Clone)]
pub struct Means {
    pub clock: Clock,
    pub chance: Chance,
    pub cryptography: Cryptography,
}

/// A certificate in use, and the file that it came from.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub path: String,
    pub der: CertificateDer<'static>,
}

/// The certificates of a context, as `/certs` shows them.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    pub authorities: Vec<Certificate>,
    pub own: Vec<Certificate>,
}

impl Shown {
    fn new(
        common: &CommonTlsContext,
        peer: &CertificateValidationContext,
        sources: &Sources<'_>,
    ) -> Result<Arc<Shown>, String> {
        let first = |source: &DataSource| -> Result<Option<Certificate>, String> {
            let path = match &source.specifier {
                DataSourceSpecifier::Filename(path) => path.clone(),
                _ => "<inline>".to_owned(),
            };
            let found = pem_certificates(&(sources.load)(source)?).unwrap_or_default().into_iter().next();
            Ok(found.map(|der| Certificate { path, der }))
        };
        let mut shown = Shown::default();
        if let Some(ca) = &peer.trusted_ca {
            shown.authorities.extend(first(ca)?);
        }
        for chain in configured(common, sources).iter().filter_map(|it| it.certificate_chain.as_ref()) {
            shown.own.extend(first(chain)?);
        }
        Ok(Arc::new(shown))
    }
}

/// Where certificates and keys come from.
pub struct Sources<'a> {
    /// The bytes of a file, an environment variable, or what stands in line.
    pub load: &'a dyn Fn(&DataSource) -> Result<Vec<u8>, String>,
    /// A secret that discovery brought, by name.
    pub secret: &'a dyn Fn(&str) -> Option<Secret>,
}

/// Terminates TLS for downstream connections.
#[derive(Debug, Clone)]
pub struct Acceptor {
    with_alpn: Arc<ServerConfig>,
    without_alpn: Arc<ServerConfig>,
    alpn: Vec<Vec<u8>>,
    require_sni: bool,
    local: Vec<Vec<CertificateDer<'static>>>,
    validation: Arc<Validation>,
    shown: Arc<Shown>,
    means: Means,
}

/// Begins TLS to upstream hosts.
#[derive(Debug, Clone)]
pub struct Connector {
    /// None when the configuration leaves no version to speak.
    config: Option<Arc<ClientConfig>>,
    sni: String,
    auto_host_sni: bool,
    local: Vec<Vec<CertificateDer<'static>>>,
    validation: Arc<Validation>,
    shown: Arc<Shown>,
    means: Means,
}

impl Acceptor {
    /// Its certificates.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    pub fn new(
        context: &DownstreamTlsContext,
        sources: &Sources<'_>,
        means: Means,
    ) -> Result<Acceptor, String> {
        let common = context.common_tls_context.clone().unwrap_or_default();
        if context.session_timeout.is_some() {
            return Err("session_timeout: not simulated in vethlab".to_owned());
        }
        let provider = provider(means.cryptography, common.tls_params.as_ref())?;
        let keys = certificates(&common, &provider, sources)?;
        if keys.is_empty() {
            return Err("No TLS certificates found for server context".to_owned());
        }
        let required = context.require_client_certificate.unwrap_or(false);
        let peer = peer(&common, sources);
        let shown = Shown::new(&common, &peer, sources)?;
        let validation = Arc::new(Validation::new(&peer, required, provider.clone(), sources)?);
        let local = keys.iter().map(|it| it.cert.clone()).collect();
        let mut config = ServerConfig::builder_with_details(provider, Arc::new(means.clock.clone()))
            .with_protocol_versions(&versions(common.tls_params.as_ref(), TlsProtocol::V13)?)
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(validation.clone())
            .with_cert_resolver(Arc::new(ByName { keys }));
        if context.disable_stateful_session_resumption {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        let without_alpn = Arc::new(config.clone());
        let alpn: Vec<Vec<u8>> = common.alpn_protocols.iter().map(|it| it.clone().into_bytes()).collect();
        config.alpn_protocols.clone_from(&alpn);
        let require_sni = context.require_sni.unwrap_or(false);
        Ok(Acceptor {
            with_alpn: Arc::new(config),
            without_alpn,
            alpn,
            require_sni,
            local,
            validation,
            shown,
            means,
        })
    }

    pub fn accept(&self) -> Session {
        Session::server(self.clone())
    }
}

impl Connector {
    /// Its certificates.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    pub fn new(
        context: &UpstreamTlsContext,
        sources: &Sources<'_>,
        means: Means,
    ) -> Result<Connector, String> {
        let common = context.common_tls_context.clone().unwrap_or_default();
        if context.auto_sni_san_validation {
            return Err("auto_sni_san_validation: not simulated in vethlab".to_owned());
        }
        if context.allow_renegotiation {
            return Err("allow_renegotiation: not simulated in vethlab".to_owned());
        }
        if context.enforce_rsa_key_usage == Some(true) {
            return Err("enforce_rsa_key_usage: not simulated in vethlab".to_owned());
        }
        let provider = provider(means.cryptography, common.tls_params.as_ref())?;
        let keys = certificates(&common, &provider, sources)?;
        let peer = peer(&common, sources);
        let shown = Shown::new(&common, &peer, sources)?;
        let validation = Arc::new(Validation::new(&peer, false, provider.clone(), sources)?);
        let local = keys.iter().map(|it| it.cert.clone()).collect();
        let versions = versions(common.tls_params.as_ref(), TlsProtocol::V12)?;
        let config = if versions.is_empty() {
            None
        } else {
            let builder = ClientConfig::builder_with_details(provider, Arc::new(means.clock.clone()))
                .with_protocol_versions(&versions)
                .map_err(|error| error.to_string())?
                .dangerous()
                .with_custom_certificate_verifier(validation.clone());
            let mut config = match keys.into_iter().next() {
                Some(key) => {
                    builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)))
                }
                None => builder.with_no_client_auth(),
            };
            config.alpn_protocols = common.alpn_protocols.iter().map(|it| it.clone().into_bytes()).collect();
            match context.max_session_keys {
                Some(0) => config.resumption = Resumption::disabled(),
                Some(most) => config.resumption = Resumption::in_memory_sessions(most as usize),
                None => {}
            }
            Some(Arc::new(config))
        };
        let (sni, auto_host_sni) = (context.sni.clone(), context.auto_host_sni);
        Ok(Connector { config, sni, auto_host_sni, local, validation, shown, means })
    }

    /// Whether the configuration names application protocols.
    pub fn has_alpn(&self) -> bool {
        self.config.as_ref().is_some_and(|it| !it.alpn_protocols.is_empty())
    }

    /// Begins a handshake; `hostname` is the endpoint's, for `auto_host_sni`; `alpn` replaces the configured protocols.
    /// An error is a failure reason.
    pub fn connect(&self, hostname: &str, alpn: Option<&[&str]>) -> Result<Session, String> {
        let wanted = if self.auto_host_sni && !hostname.is_empty() { hostname } else { &self.sni };
        // A server name that is an address is never sent, as no server name is in Envoy.
        let name = ServerName::try_from(wanted.to_owned())
            .or_else(|_| ServerName::try_from("127.0.0.1".to_owned()))
            .map_err(|error| error.to_string())?;
        let mut config = self.config.clone().ok_or_else(failure::no_versions)?;
        if let Some(alpn) = alpn {
            Arc::make_mut(&mut config).alpn_protocols =
                alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        }
        let begin = || rustls::ClientConnection::new(config, name);
        let connection = self.means.chance.during(begin).map_err(|error| error.to_string())?;
        Ok(Session::client(connection, wanted, self))
    }
}

fn provider(
    cryptography: Cryptography,
    params: Option<&TlsParameters>,
) -> Result<Arc<CryptoProvider>, String> {
    let mut provider = cryptography.provider();
    let Some(params) = params else { return Ok(Arc::new(provider)) };
    if !params.cipher_suites.is_empty() {
        let named: Vec<&str> =
            params.cipher_suites.iter().flat_map(|it| it.trim_matches(['[', ']']).split('|')).collect();
        provider.cipher_suites.retain(|suite| {
            let name = format!("{:?}", suite.suite());
            name.starts_with("TLS13_") || named.iter().any(|it| openssl_name(&name) == *it)
        });
    }
    if !params.ecdh_curves.is_empty() {
        let named = |name: &str| params.ecdh_curves.iter().any(|it| it.replace("P-", "secp") == name);
        provider.kx_groups.retain(|group| {
            let name = format!("{:?}", group.name());
            named(name.trim_end_matches("r1"))
        });
        if provider.kx_groups.is_empty() {
            return Err(format!("Failed to initialize ECDH curves {}", params.ecdh_curves.join(":")));
        }
    }
    Ok(Arc::new(provider))
}

/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` as OpenSSL and Envoy's configuration spell it.
fn openssl_name(name: &str) -> String {
    let name =
        name.trim_start_matches("TLS_").replace("_WITH_", "-").replace("AES_", "AES").replace('_', "-");
    match name.strip_suffix("-SHA256") {
        Some(chacha) if chacha.ends_with("POLY1305") => chacha.to_owned(),
        _ => name,
    }
}

/// The versions to speak; `automatic` is the highest when none is configured: 1.3 for servers, 1.2 for clients.
fn versions(
    params: Option<&TlsParameters>,
    automatic: TlsProtocol,
) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let (least, most) = params.map_or_else(Default::default, |it| {
        (it.tls_minimum_protocol_version, it.tls_maximum_protocol_version)
    });
    if matches!(most, TlsProtocol::V10 | TlsProtocol::V11) {
        return Err(format!("tls_maximum_protocol_version: {}: not simulated in vethlab", most.word()));
    }
    let most = if most == TlsProtocol::TlsAuto { automatic } else { most };
    let mut versions = Vec::new();
    if most != TlsProtocol::V12 {
        versions.push(&rustls::version::TLS13);
    }
    if least != TlsProtocol::V13 {
        versions.push(&rustls::version::TLS12);
    }
    Ok(versions)
}

fn pem_certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// The certificates in the context, and those that discovery brings.
fn configured(common: &CommonTlsContext, sources: &Sources<'_>) -> Vec<TlsCertificate> {
    let mut found = common.tls_certificates.clone();
    for config in &common.tls_certificate_sds_secret_configs {
        if let Some(Secret { r#type: Some(SecretType::TlsCertificate(it)), .. }) =
            (sources.secret)(&config.name)
        {
            found.push(it);
        }
    }
    found
}

fn certificates(
    common: &CommonTlsContext,
    provider: &CryptoProvider,
    sources: &Sources<'_>,
) -> Result<Vec<Arc<CertifiedKey>>, String> {
    configured(common, sources).iter().map(|it| certified_key(it, provider, sources)).collect()
}

fn certified_key(
    config: &TlsCertificate,
    provider: &CryptoProvider,
    sources: &Sources<'_>,
) -> Result<Arc<CertifiedKey>, String> {
    let part = |it: &Option<DataSource>| it.as_ref().map_or_else(|| Ok(Vec::new()), |it| (sources.load)(it));
    let chain = pem_certificates(&part(&config.certificate_chain)?).unwrap_or_default();
    if chain.is_empty() {
        return Err("Failed to load certificate chain from <inline>".to_owned());
    }
    let bad_key = "Failed to load private key from <inline>, Cause: error:09000069:PEM routines:OPENSSL_internal:NO_START_LINE";
    let key = PrivateKeyDer::from_pem_slice(&part(&config.private_key)?).map_err(|_| bad_key.to_owned())?;
    let key = provider.key_provider.load_private_key(key).map_err(|error| match error {
        rustls::Error::General(why) if why.contains("not simulated") => why,
        _ => bad_key.to_owned(),
    })?;
    let certified = CertifiedKey::new(chain, key);
    if certified.keys_match() == Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) {
        let cause = "error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH";
        return Err(format!("Failed to load private key from <inline>, Cause: {cause}"));
    }
    Ok(Arc::new(certified))
}

/// What a peer must show, with what discovery adds.
fn peer(common: &CommonTlsContext, sources: &Sources<'_>) -> CertificateValidationContext {
    let secret = |name: &str| match (sources.secret)(name) {
        Some(Secret { r#type: Some(SecretType::ValidationContext(it)), .. }) => it,
        _ => CertificateValidationContext::default(),
    };
    match &common.validation_context_type {
        None => CertificateValidationContext::default(),
        Some(ValidationType::ValidationContext(it)) => it.clone(),
        Some(ValidationType::ValidationContextSdsSecretConfig(it)) => secret(&it.name),
        Some(ValidationType::CombinedValidationContext(it)) => {
            let (mut all, more) = (
                it.default_validation_context.clone(),
                secret(&it.validation_context_sds_secret_config.name),
            );
            all.trusted_ca = more.trusted_ca.or(all.trusted_ca);
            all.verify_certificate_hash.extend(more.verify_certificate_hash);
            all.verify_certificate_spki.extend(more.verify_certificate_spki);
            all.match_typed_subject_alt_names.extend(more.match_typed_subject_alt_names);
            all.match_subject_alt_names.extend(more.match_subject_alt_names);
            all
        }
    }
}

/// Chooses our certificate by the server name asked for; the first when none bears it.
#[derive(Debug)]
struct ByName {
    keys: Vec<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = |it: &&Arc<CertifiedKey>| it.key.choose_scheme(hello.signature_schemes()).is_some();
        let named = |it: &&Arc<CertifiedKey>| {
            let leaf = it.cert.first().map(|der| certificate::sans(der)).unwrap_or_default();
            let asked = hello.server_name().unwrap_or_default();
            leaf.iter()
                .any(|san| matches!(san, certificate::San::Dns(name) if verify::is_dns_name(asked, name)))
        };
        let mut usable_keys = self.keys.iter().filter(usable);
        let first = usable_keys.clone().next();
        usable_keys.find(named).or(first).cloned()
    }
}
