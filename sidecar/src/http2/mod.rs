//! HTTP/2 framing and header compression without sockets.
