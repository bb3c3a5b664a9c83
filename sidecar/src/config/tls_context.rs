//! TLS on either side: certificates, what a peer must show, versions and ALPN; secrets by file or discovery.
//!
//! Sources: envoy.extensions.transport_sockets.tls.v3.

use super::bootstrap::ConfigSource;
use super::core::{DataSource, StringMatcher};
use super::reader::Rule;
use super::schema::{choice, message, oneof};
use std::time::Duration;

message! {
    struct DownstreamTlsContext = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext" {
        1 common_tls_context: Option<CommonTlsContext>,
        2 require_client_certificate: Option<bool>,
        3 require_sni: Option<bool>,
        10 disable_stateful_session_resumption: bool,
        6 session_timeout: Option<Duration>,
        9 full_scan_certs_on_sni_mismatch: Option<bool>,
    }
    oneof {
        session_ticket_keys_type: Option<DownstreamTlsContextSessionTicketKeysType>,
    }
    lacks [
        "session_ticket_keys" "session_ticket_keys_sds_secret_config" "ocsp_staple_policy"
        "prefer_client_ciphers"
    ]
    struct UpstreamTlsContext = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext" {
        1 common_tls_context: Option<CommonTlsContext>,
        2 sni: String,
        6 auto_host_sni: bool,
        7 auto_sni_san_validation: bool,
        3 allow_renegotiation: bool,
        4 max_session_keys: Option<u32>,
        5 enforce_rsa_key_usage: Option<bool>,
    }
    struct CommonTlsContext = "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext" {
        1 tls_params: Option<TlsParameters>,
        2 tls_certificates: Vec<TlsCertificate>,
        6 tls_certificate_sds_secret_configs: Vec<SdsSecretConfig>,
        4 alpn_protocols: Vec<String>,
    }
    oneof {
        validation_context_type: Option<CommonTlsContextValidationContextType>,
    }
    lacks [
        "tls_certificate_provider_instance" "custom_tls_certificate_selector"
        "tls_certificate_certificate_provider" "tls_certificate_certificate_provider_instance"
        "validation_context_certificate_provider" "validation_context_certificate_provider_instance"
        "custom_handshaker" "key_log"
    ]
    struct CombinedCertificateValidationContext = "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext" {
        1 default_validation_context: CertificateValidationContext = [Rule::Required],
        2 validation_context_sds_secret_config: SdsSecretConfig = [Rule::Required],
    }
    lacks ["validation_context_certificate_provider" "validation_context_certificate_provider_instance"]
    struct TlsParameters = "envoy.extensions.transport_sockets.tls.v3.TlsParameters" {
        1 tls_minimum_protocol_version: TlsProtocol,
        2 tls_maximum_protocol_version: TlsProtocol,
        3 cipher_suites: Vec<String>,
        4 ecdh_curves: Vec<String>,
    }
    lacks ["signature_algorithms" "compliance_policies"]
    struct TlsCertificate = "envoy.extensions.transport_sockets.tls.v3.TlsCertificate" {
        1 certificate_chain: Option<DataSource>,
        2 private_key: Option<DataSource>,
    }
    lacks [
        "pkcs12" "watched_directory" "private_key_provider" "password" "ocsp_staple"
        "signed_certificate_timestamp"
    ]
    struct CertificateValidationContext = "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext" {
        1 trusted_ca: Option<DataSource>,
        3 verify_certificate_spki: Vec<String>,
        2 verify_certificate_hash: Vec<String>,
        15 match_typed_subject_alt_names: Vec<SubjectAltNameMatcher>,
        9 match_subject_alt_names: Vec<StringMatcher>,
        10 trust_chain_verification: TrustChainVerification,
    }
    lacks [
        "ca_certificate_provider_instance" "system_root_certs" "watched_directory"
        "require_signed_certificate_timestamp" "crl" "allow_expired_certificate" "custom_validator_config"
        "only_verify_leaf_cert_crl" "max_verify_depth"
    ]
    struct SubjectAltNameMatcher = "envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher" {
        1 san_type: SanType,
        2 matcher: StringMatcher = [Rule::Required],
    }
    lacks ["oid"]
    struct SdsSecretConfig = "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig" {
        1 name: String = [Rule::MinLen(1)],
        2 sds_config: Option<ConfigSource>,
    }
    struct Secret = "envoy.extensions.transport_sockets.tls.v3.Secret" {
        1 name: String,
    }
    oneof {
        r#type: Option<SecretType>,
    }
    lacks ["session_ticket_keys" "generic_secret"]
}

oneof! {
    DownstreamTlsContextSessionTicketKeysType {
        7 disable_stateless_session_resumption: DisableStatelessSessionResumption(bool),
    }
    CommonTlsContextValidationContextType {
        3 validation_context: ValidationContext(CertificateValidationContext),
        7 validation_context_sds_secret_config: ValidationContextSdsSecretConfig(SdsSecretConfig),
        8 combined_validation_context: CombinedValidationContext(CombinedCertificateValidationContext),
    }
    SecretType {
        2 tls_certificate: TlsCertificate(TlsCertificate),
        4 validation_context: ValidationContext(CertificateValidationContext),
    }
}

choice! {
    TlsProtocol = "envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol" {
        TlsAuto = 0 "TLS_AUTO", V10 = 1 "TLSv1_0", V11 = 2 "TLSv1_1", V12 = 3 "TLSv1_2", V13 = 4 "TLSv1_3",
    }
    SanType = "envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType" {
        Unspecified = 0 "SAN_TYPE_UNSPECIFIED", Email = 1 "EMAIL", Dns = 2 "DNS", Uri = 3 "URI",
        IpAddress = 4 "IP_ADDRESS", OtherName = 5 "OTHER_NAME",
    }
    TrustChainVerification = "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.TrustChainVerification" {
        VerifyTrustChain = 0 "VERIFY_TRUST_CHAIN", AcceptUntrusted = 1 "ACCEPT_UNTRUSTED",
    }
}
