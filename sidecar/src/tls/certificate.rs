//! What the proxy says about a certificate: its names, its serial number, its digest, its PEM text.
//!
//! Sources: RFC 5280 §4.2.1.6 (subject alternative names), RFC 2253 §2 (the text of a name), Envoy
//! `source/common/tls/utility.cc`.

use crate::http::connection::PeerCertificate;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// A subject alternative name of a kind that a matcher may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum San {
    Dns(String),
    Uri(String),
    Email(String),
    Ip(String),
}

impl San {
    pub fn into_text(self) -> String {
        match self {
            San::Dns(it) | San::Uri(it) | San::Email(it) | San::Ip(it) => it,
        }
    }
}

/// All subject alternative names, in the certificate's order; none of a certificate that cannot be parsed.
pub fn sans(der: &[u8]) -> Vec<San> {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else { return Vec::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().filter_map(san).collect()
}

fn san(name: &GeneralName<'_>) -> Option<San> {
    match name {
        GeneralName::DNSName(it) => Some(San::Dns((*it).to_owned())),
        GeneralName::URI(it) => Some(San::Uri((*it).to_owned())),
        GeneralName::RFC822Name(it) => Some(San::Email((*it).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
                _ => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            };
            Some(San::Ip(address.to_string()))
        }
        _ => None,
    }
}

/// How a certificate is numbered and named, and for how long it holds, in seconds since 1970.
pub struct Validity {
    pub serial: String,
    pub from: u64,
    pub until: u64,
    pub sans: Vec<San>,
}

/// What `/certs` shows of a certificate.
pub fn validity(der: &[u8]) -> Option<Validity> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let second = |it: i64| u64::try_from(it).unwrap_or(0);
    let times = parsed.validity();
    Some(Validity {
        serial: serial(&parsed),
        from: second(times.not_before.timestamp()),
        until: second(times.not_after.timestamp()),
        sans: sans(der),
    })
}

fn serial(parsed: &X509Certificate<'_>) -> String {
    parsed.raw_serial().iter().skip_while(|it| **it == 0).map(|it| format!("{it:02x}")).collect()
}

/// The URI names alone, as `By=` of `x-forwarded-client-cert` shows our own.
pub fn uri_sans(der: &[u8]) -> Vec<String> {
    let uri = |it| match it {
        San::Uri(uri) => Some(uri),
        _ => None,
    };
    sans(der).into_iter().filter_map(uri).collect()
}

/// Everything that filters, logs and headers may ask of a peer's certificate and its chain.
pub fn describe(chain: &[impl AsRef<[u8]>], is_validated: bool) -> Option<PeerCertificate> {
    let der = chain.first()?.as_ref();
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let sans = sans(der);
    let dns = |it: &San| match it {
        San::Dns(name) => Some(name.clone()),
        _ => None,
    };
    Some(PeerCertificate {
        uri_sans: uri_sans(der),
        dns_sans: sans.iter().filter_map(dns).collect(),
        subject: rfc2253(parsed.subject()),
        issuer: rfc2253(parsed.issuer()),
        serial: serial(&parsed),
        sha256: sha256(der),
        pem_encoded: percent_encode(&pem(der)),
        chain_encoded: chain.iter().map(|it| percent_encode(&pem(it.as_ref()))).collect(),
        is_validated,
    })
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}

/// SHA-256 of the public key with its algorithm, in base64 (`verify_certificate_spki`).
pub fn spki_digest(der: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(STANDARD.encode(Sha256::digest(parsed.public_key().raw)))
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|it| char::from(*it)));
        pem.push('\n');
    }
    pem + "-----END CERTIFICATE-----\n"
}

fn percent_encode(pem: &str) -> String {
    let mut encoded = String::with_capacity(pem.len() + pem.len() / 16);
    for letter in pem.chars() {
        match letter {
            '\n' => encoded.push_str("%0A"),
            ' ' => encoded.push_str("%20"),
            '+' => encoded.push_str("%2B"),
            '/' => encoded.push_str("%2F"),
            '=' => encoded.push_str("%3D"),
            other => encoded.push(other),
        }
    }
    encoded
}

/// A name's text: last part first, special characters escaped.
fn rfc2253(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for rdn in name.iter() {
        let one = |it: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            let oid = it.attr_type().to_id_string();
            format!("{}={}", short_name(&oid), escape(it.as_str().unwrap_or_default()))
        };
        parts.push(rdn.iter().map(one).collect::<Vec<_>>().join("+"));
    }
    parts.reverse();
    parts.join(",")
}

fn short_name(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        other => other,
    }
}

fn escape(value: &str) -> String {
    let mut text = String::new();
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.bytes().enumerate() {
        let edge = (byte == b' ' && (at == 0 || at == last)) || (byte == b'#' && at == 0);
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => text.extend(['\\', char::from(byte)]),
            _ if edge => text.extend(['\\', char::from(byte)]),
            0x20..=0x7e => text.push(char::from(byte)),
            other => text.push_str(&format!("\\{other:02X}")),
        }
    }
    text
}
