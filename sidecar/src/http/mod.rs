//! What HTTP/1 and HTTP/2 share: header maps and what is known of a connection.

pub mod connection;
pub mod headers;

pub use connection::{Connection, PeerCertificate};
pub use headers::HeaderMap;
