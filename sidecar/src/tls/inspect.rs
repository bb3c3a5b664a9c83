//! The TLS inspector: tells TLS from other bytes, and reads the server name and ALPN of a ClientHello.
//!
//! Called with all bytes that came so far; takes none of them. Always: bytes that are no TLS are told at the first one
//! that cannot be, and a ClientHello may not be larger than 64 KiB.
//! Sources: RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1; Envoy `tls_inspector.cc`.

use rustls::server::Acceptor;

/// A ClientHello that is not whole by then is none.
const LARGEST_HELLO: usize = 64 * 1024;
/// The record type of a handshake, and the major version of every TLS.
const HANDSHAKE: u8 = 22;
const MAJOR: u8 = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspect {
    /// Not enough bytes to tell.
    More,
    NotTls,
    Tls {
        server_name: String,
        alpn: Vec<String>,
    },
}

pub fn inspect(bytes: &[u8]) -> Inspect {
    if bytes.first().is_some_and(|it| *it != HANDSHAKE) || bytes.get(1).is_some_and(|it| *it != MAJOR) {
        return Inspect::NotTls;
    }
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    loop {
        // Reading from a slice cannot fail but for a full buffer, which is a ClientHello too large.
        let taken = if rest.is_empty() { Ok(0) } else { acceptor.read_tls(&mut rest) };
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
                return Inspect::Tls {
                    server_name: hello.server_name().unwrap_or_default().to_ascii_lowercase(),
                    alpn: hello.alpn().map(|it| it.map(text).collect()).unwrap_or_default(),
                };
            }
            Err(_) => return Inspect::NotTls,
            Ok(None) if taken.is_err() => return Inspect::NotTls,
            Ok(None) if taken.is_ok_and(|it| it == 0) => {
                return if bytes.len() >= LARGEST_HELLO { Inspect::NotTls } else { Inspect::More };
            }
            Ok(None) => {}
        }
    }
}
