//! TLS as far as a person at a terminal sees it: who a server says it is, and who vouches for that.
//!
//! Spoken by curl, and by the servers of the crates above that speak HTTPS. Always: a conversation begins with a
//! ClientHello, and ServerHello and Certificate answer it, in records of the real form.
//! Differs from TLS: nothing is encrypted and nothing signed, so that a capture can be read: after the greeting the bytes go
//! as they are, and an authority is known by the digest of its file. No sessions, no client certificates.
//! Sources: RFC 8446 §4 and §5.1; RFC 9150 for cipher suites that do not encrypt.

use sha2::{Digest, Sha256};

/// The type of a handshake's records.
const HANDSHAKE: u8 = 0x16;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const HEAD: usize = 5;
/// `TLS_SHA256_SHA256`, which only protects from change.
const SUITE: [u8; 2] = [0xc0, 0xb4];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Common names.
    pub subject: String,
    pub issuer: String,
    /// [`digest`] of the issuer's file.
    pub authority: String,
    /// Host names and addresses.
    pub names: Vec<String>,
}

/// How the file of an authority is named in what it vouches for.
pub fn digest(file: &[u8]) -> String {
    Sha256::digest(file.trim_ascii()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Certificate {
    fn text(&self) -> String {
        let names = self.names.join(" ");
        format!("{}\n{}\n{}\n{names}\n", self.subject, self.issuer, self.authority)
    }

    fn parse(text: &str) -> Option<Certificate> {
        let mut lines = text.lines();
        let mut line = || lines.next().map(str::to_owned);
        let (subject, issuer, authority) = (line()?, line()?, line()?);
        let names = line()?.split_whitespace().map(str::to_owned).collect();
        Some(Certificate { subject, issuer, authority, names })
    }

    /// The name by which a host is meant; `*.example.com` means one more word.
    pub fn name_of(&self, host: &str) -> Option<&str> {
        let is_it = |name: &&String| match name.strip_prefix('*') {
            Some(tail) => host.strip_suffix(tail).is_some_and(|word| !word.is_empty() && !word.contains('.')),
            None => name.eq_ignore_ascii_case(host),
        };
        self.names.iter().find(is_it).map(String::as_str)
    }
}

/// How long the ClientHello is that these bytes begin with: `None` where they begin with something else, `Some(None)` where
/// that cannot be told yet.
pub fn hello_length(bytes: &[u8]) -> Option<Option<usize>> {
    match bytes.first() {
        Some(&HANDSHAKE) => {
            Some(bytes.get(3..HEAD).map(|it| HEAD + usize::from(u16::from_be_bytes([it[0], it[1]]))))
        }
        Some(_) => None,
        None => Some(None),
    }
}

fn record(message: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX - 4);
    let mut record = vec![HANDSHAKE, 3, 3];
    record.extend((length + 4).to_be_bytes());
    record.extend([message, 0]);
    record.extend(length.to_be_bytes());
    record.extend(&body[..usize::from(length)]);
    record
}

/// What a server says to a ClientHello.
pub fn answer(certificate: &Certificate) -> Vec<u8> {
    let text = certificate.text();
    let mut hello = vec![3, 3];
    hello.extend(Sha256::digest(text.as_bytes()));
    hello.push(0);
    hello.extend(SUITE);
    // No compression; one extension: this is TLS 1.3.
    hello.extend([0, 0, 6, 0, 43, 0, 2, 3, 4]);
    [record(SERVER_HELLO, &hello), record(CERTIFICATE, text.as_bytes())].concat()
}

/// What a server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// With the length of the answer.
    Certificate(Certificate, usize),
    /// More is to come.
    Begun,
    /// No TLS.
    Wrong,
}

pub fn heard(bytes: &[u8]) -> Heard {
    let mut at = 0;
    for wanted in [SERVER_HELLO, CERTIFICATE] {
        let rest = &bytes[at..];
        let length = match hello_length(rest) {
            None => return Heard::Wrong,
            Some(Some(length)) if rest.len() >= length => length,
            Some(_) => return Heard::Begun,
        };
        let Some((head, body)) = rest[HEAD..length].split_at_checked(4) else { return Heard::Wrong };
        at += length;
        if head[0] != wanted {
            return Heard::Wrong;
        }
        if wanted == CERTIFICATE {
            let certificate = Certificate::parse(&String::from_utf8_lossy(body));
            return certificate.map_or(Heard::Wrong, |it| Heard::Certificate(it, at));
        }
    }
    Heard::Wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_comes_across_whatever_the_pieces_are() {
        let certificate = Certificate {
            subject: "kube-apiserver".to_owned(),
            issuer: "kubernetes".to_owned(),
            authority: digest(b"file\n"),
            names: vec!["10.96.0.1".to_owned(), "*.cluster.local".to_owned()],
        };
        let bytes = answer(&certificate);
        for length in 0..bytes.len() {
            assert_eq!(heard(&bytes[..length]), Heard::Begun, "{length}");
        }
        assert_eq!(heard(&bytes), Heard::Certificate(certificate.clone(), bytes.len()));
        assert_eq!(heard(b"HTTP/1.1 400 Bad Request\r\n"), Heard::Wrong);
        assert_eq!(certificate.name_of("a.cluster.local"), Some("*.cluster.local"));
        assert_eq!(certificate.name_of("a.b.cluster.local"), None);
        assert_eq!(digest(b"file"), certificate.authority);
    }
}
