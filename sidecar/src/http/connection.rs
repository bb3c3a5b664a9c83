//! What is known of a downstream connection when a filter decides about a request on it.

use std::net::SocketAddr;

/// The certificate that a peer showed and that was verified, unless the configuration accepts untrusted ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCertificate {
    /// URI subject alternative names, as SPIFFE uses them.
    pub uri_sans: Vec<String>,
    /// DNS subject alternative names.
    pub dns_sans: Vec<String>,
    /// The subject in RFC 2253 order and escaping, as Envoy prints it.
    pub subject: String,
    /// The issuer in the same form.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate in DER, lower-case hexadecimal.
    pub sha256: String,
    /// The certificate in PEM, percent-encoded as `x-forwarded-client-cert` carries it.
    pub pem_encoded: String,
    /// All certificates that the peer sent, likewise.
    pub chain_encoded: String,
    /// Whether it was verified against a trusted CA.
    pub is_validated: bool,
}

/// A downstream connection, as RBAC, access logs and header formatters ask about it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where the client connected to, after an original-destination filter.
    pub local: SocketAddr,
    /// The peer of the TCP connection.
    pub direct_remote: SocketAddr,
    /// The client: the peer, or what a request's `x-forwarded-for` says where that is trusted.
    pub remote: SocketAddr,
    /// A number that no other connection of this proxy has.
    pub id: u64,
    /// The server name of the ClientHello; empty without one.
    pub server_name: String,
    /// The negotiated ALPN protocol; empty without one.
    pub alpn: String,
    /// Whether TLS was terminated here.
    pub is_tls: bool,
    /// "TLSv1.3" and the like; empty without TLS.
    pub tls_version: &'static str,
    /// What the client showed, under mutual TLS.
    pub peer: Option<PeerCertificate>,
    /// URI names of our own certificate, for `By=` of `x-forwarded-client-cert`.
    pub local_uri_sans: Vec<String>,
}
