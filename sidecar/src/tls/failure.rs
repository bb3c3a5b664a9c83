//! Why a handshake or a connection failed, in the words of BoringSSL as Envoy logs them.
//!
//! Sources: BoringSSL `ssl.errordata` (reasons), `ssl.h` (an alert's reason is 1000 and its number); Envoy
//! `ssl_socket.cc` (`drainErrorQueue`); compared with Envoy 1.40.

use super::verify::Unfit;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// Which of the counters in `ssl.*` a failure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Connection,
    VerifyNoCert,
    VerifyError,
    VerifySan,
    VerifyCertHash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    /// `TLS_error:|…:TLS_error_end`, with spaces where Envoy's log has underscores.
    pub reason: String,
}

/// What a client says that may speak no version at all.
pub(super) fn no_versions() -> String {
    ssl(280, "NO_SUPPORTED_VERSIONS_ENABLED", "")
}

/// BoringSSL's library number of SSL, in the place of its error codes.
const SSL: u32 = 16 << 24;

fn ssl(reason: u32, name: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!(":{more}") };
    format!("TLS_error:|{}:SSL routines:OPENSSL_internal:{name}{more}:TLS_error_end", SSL + reason)
}

impl Failure {
    pub(super) fn new(error: &Error, first_bytes: &[u8]) -> Failure {
        let (kind, reason) = match error {
            Error::NoCertificatesPresented => (
                Kind::VerifyNoCert,
                ssl(
                    192,
                    "PEER_DID_NOT_RETURN_A_CERTIFICATE",
                    "peer did not provide required client certificate",
                ),
            ),
            Error::InvalidCertificate(why) => {
                let (kind, more) = certificate(why);
                (kind, ssl(125, "CERTIFICATE_VERIFY_FAILED", &more))
            }
            Error::AlertReceived(alert) => (Kind::Connection, received(*alert)),
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => {
                let http =
                    [&b"GET "[..], b"POST ", b"HEAD ", b"PUT "].iter().any(|it| first_bytes.starts_with(it));
                let proxy = first_bytes.starts_with(b"CONNE");
                (
                    Kind::Connection,
                    match (http, proxy) {
                        (true, _) => ssl(156, "HTTP_REQUEST", ""),
                        (_, true) => ssl(155, "HTTPS_PROXY_REQUEST", ""),
                        _ => ssl(247, "WRONG_VERSION_NUMBER", ""),
                    },
                )
            }
            Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls13RequiredForQuic
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::ServerDoesNotSupportTls12Or13,
            ) => (Kind::Connection, ssl(240, "UNSUPPORTED_PROTOCOL", "")),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon) => {
                (Kind::Connection, ssl(184, "NO_SHARED_CIPHER", ""))
            }
            _ => (Kind::Connection, ssl(223, "SSL_HANDSHAKE_FAILURE", "")),
        };
        Failure { kind, reason }
    }

    /// A server name was required and none came.
    pub(super) fn no_server_name() -> Failure {
        Failure { kind: Kind::Connection, reason: ssl(158, "CERT_CB_ERROR", "") }
    }
}

fn certificate(why: &CertificateError) -> (Kind, String) {
    let chain = |depth: u32, text: &str| {
        let text = format!(
            "verify cert failed: X509_verify_cert: certificate verification error at depth {depth}: {text}"
        );
        (Kind::VerifyError, text)
    };
    match why {
        CertificateError::Other(other) => match other.0.downcast_ref::<Unfit>() {
            Some(unfit @ Unfit::San(_)) => (Kind::VerifySan, format!("verify cert failed: {unfit}")),
            Some(unfit @ Unfit::Digest) => (Kind::VerifyCertHash, format!("verify cert failed: {unfit}")),
            None => chain(0, "unspecified certificate verification error"),
        },
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            chain(0, "certificate has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            chain(0, "certificate is not yet valid")
        }
        CertificateError::UnknownIssuer => chain(0, "unable to get local issuer certificate"),
        CertificateError::BadSignature => chain(0, "certificate signature failure"),
        CertificateError::Revoked => chain(0, "certificate revoked"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            chain(0, "unsuitable certificate purpose")
        }
        _ => chain(0, "unspecified certificate verification error"),
    }
}

fn received(alert: AlertDescription) -> String {
    let number = u8::from(alert);
    let name = match number {
        10 => "SSLV3_ALERT_UNEXPECTED_MESSAGE",
        20 => "SSLV3_ALERT_BAD_RECORD_MAC",
        40 => "SSLV3_ALERT_HANDSHAKE_FAILURE",
        42 => "SSLV3_ALERT_BAD_CERTIFICATE",
        43 => "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        44 => "SSLV3_ALERT_CERTIFICATE_REVOKED",
        45 => "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        46 => "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        47 => "SSLV3_ALERT_ILLEGAL_PARAMETER",
        48 => "TLSV1_ALERT_UNKNOWN_CA",
        49 => "TLSV1_ALERT_ACCESS_DENIED",
        50 => "TLSV1_ALERT_DECODE_ERROR",
        51 => "TLSV1_ALERT_DECRYPT_ERROR",
        70 => "TLSV1_ALERT_PROTOCOL_VERSION",
        71 => "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        80 => "TLSV1_ALERT_INTERNAL_ERROR",
        112 => "TLSV1_ALERT_UNRECOGNIZED_NAME",
        116 => "TLSV1_ALERT_CERTIFICATE_REQUIRED",
        120 => "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
        _ => "SSLV3_ALERT_HANDSHAKE_FAILURE",
    };
    ssl(1000 + u32::from(number), name, "")
}
