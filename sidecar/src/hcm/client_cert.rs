//! `x-forwarded-client-cert`: what a client's certificate says, for those behind the proxy.
//!
//! Source: Envoy's documentation "HTTP header manipulation", x-forwarded-client-cert.

use super::Settings;
use crate::config::hcm::ForwardClientCertDetails as Details;
use crate::http::{Connection, HeaderMap};

const NAME: &str = "x-forwarded-client-cert";

/// Passes, drops, sets or extends the header as the configuration says.
pub fn apply(settings: &Settings, connection: &Connection, headers: &mut HeaderMap) {
    if settings.client_cert == Details::AlwaysForwardOnly {
        return;
    }
    let Some(own) = own(settings, connection) else {
        headers.remove(NAME);
        return;
    };
    match settings.client_cert {
        Details::Sanitize => {
            headers.remove(NAME);
        }
        Details::ForwardOnly | Details::AlwaysForwardOnly => {}
        Details::AppendForward => match headers.get_joined(NAME) {
            Some(before) => headers.set(NAME, [&before, &b","[..], own.as_bytes()].concat()),
            None if own.is_empty() => {}
            None => headers.append(NAME, own),
        },
        Details::SanitizeSet => headers.set(NAME, own),
    }
}

/// The element that describes the client; none without mutual TLS.
fn own(settings: &Settings, connection: &Connection) -> Option<String> {
    let peer = connection.peer.as_ref()?;
    let mut parts: Vec<String> = connection.local_uri_sans.iter().map(|it| format!("By={it}")).collect();
    parts.push(format!("Hash={}", peer.sha256));
    let wanted = &settings.client_cert_parts;
    if wanted.cert {
        parts.push(format!("Cert=\"{}\"", peer.pem_encoded));
    }
    if wanted.chain {
        parts.push(format!("Chain=\"{}\"", peer.chain_encoded));
    }
    if wanted.subject == Some(true) {
        parts.push(format!("Subject=\"{}\"", peer.subject.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    if wanted.uri {
        parts.extend(peer.uri_sans.iter().map(|it| format!("URI={it}")));
    }
    if wanted.dns {
        parts.extend(peer.dns_sans.iter().map(|it| format!("DNS={it}")));
    }
    Some(parts.join(";"))
}
