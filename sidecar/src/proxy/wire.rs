//! The bytes of one connection on their way out, through TLS if there is any.

#[cfg(feature = "tls")]
use crate::tls::Session;

/// One side's outgoing bytes.
#[derive(Default)]
pub struct Wire {
    /// What is to be sent, in plain.
    pub out: Vec<u8>,
    /// TLS around it.
    #[cfg(feature = "tls")]
    pub tls: Option<Box<Session>>,
    /// Whether the connection is listed for flushing.
    pub is_listed: bool,
    /// What becomes of the connection once all is sent.
    pub end: Ending,
    /// Whether the driver holds more than it likes.
    pub is_blocked: bool,
    /// Whether reading was stopped.
    pub is_paused: bool,
}

/// What follows the last byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// More bytes.
    #[default]
    Open,
    /// Our direction ends.
    HalfClose,
    /// The connection ends in order.
    Close,
    /// The connection is reset.
    Reset,
}

impl Wire {
    /// The bytes for the network.
    pub fn take(&mut self) -> Vec<u8> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let plain = std::mem::take(&mut self.out);
            if !plain.is_empty() {
                tls.write(&plain);
            }
            if matches!(self.end, Ending::Close | Ending::HalfClose) {
                tls.close();
            }
            let mut bytes = Vec::new();
            tls.take_wire(&mut bytes);
            return bytes;
        }
        std::mem::take(&mut self.out)
    }
}
