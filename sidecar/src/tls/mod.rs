//! TLS on either side, and what a ClientHello says.
