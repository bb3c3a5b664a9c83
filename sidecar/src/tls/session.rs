//! One TLS connection, from its first byte to close_notify.
//!
//! The caller hands over what came (`read`) and takes what must go (`take_wire`) after every call.
//! Always: after a failure nothing is read any more, and the alert that tells the peer is still to be taken.

use super::certificate::{describe, uri_sans};
use super::verify::Validation;
use super::{Acceptor, Connector, Failure, Means};
use crate::http::connection::PeerCertificate;
use rustls::pki_types::CertificateDer;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConnection, Connection, ProtocolVersion};
use std::io::{Read, Write};
use std::sync::Arc;

/// How many first bytes are kept, to tell what came instead of TLS.
const FIRST_BYTES: usize = 8;

enum State {
    /// The ClientHello is not whole yet.
    Hello(Box<Acceptor>, Box<rustls::server::Acceptor>),
    Running(Box<Connection>),
    Failed,
}

pub struct Session {
    state: State,
    first: Vec<u8>,
    failure: Option<Failure>,
    /// Alerts of a handshake that ended before there was a connection.
    alert: Vec<u8>,
    sni: String,
    peer_closed: bool,
    local: Vec<Vec<CertificateDer<'static>>>,
    validation: Arc<Validation>,
    means: Means,
    is_server: bool,
}

impl Session {
    pub(super) fn server(acceptor: Acceptor) -> Session {
        let (local, validation, means) =
            (acceptor.local.clone(), acceptor.validation.clone(), acceptor.means.clone());
        let state = State::Hello(Box::new(acceptor), Box::default());
        Session { is_server: true, ..Session::new(state, String::new(), local, validation, means) }
    }

    pub(super) fn client(connection: ClientConnection, sni: &str, connector: &Connector) -> Session {
        let mut connection = Connection::from(connection);
        connection.set_buffer_limit(None);
        let Connector { local, validation, means, .. } = connector.clone();
        Session::new(State::Running(Box::new(connection)), sni.to_owned(), local, validation, means)
    }

    fn new(
        state: State,
        sni: String,
        local: Vec<Vec<CertificateDer<'static>>>,
        validation: Arc<Validation>,
        means: Means,
    ) -> Session {
        Session {
            state,
            first: Vec::new(),
            failure: None,
            alert: Vec::new(),
            sni,
            peer_closed: false,
            local,
            validation,
            means,
            is_server: false,
        }
    }

    /// Takes bytes from the wire and adds what they say in plain to `plain`. An error is Envoy's failure reason.
    pub fn read(&mut self, wire: &[u8], plain: &mut Vec<u8>) -> Result<(), String> {
        let chance = self.means.chance.clone();
        chance.during(|| self.read_on(wire, plain))
    }

    fn read_on(&mut self, wire: &[u8], plain: &mut Vec<u8>) -> Result<(), String> {
        let missing = FIRST_BYTES.saturating_sub(self.first.len());
        self.first.extend_from_slice(&wire[..wire.len().min(missing)]);
        let mut rest = wire;
        while matches!(self.state, State::Hello(..)) && !rest.is_empty() {
            self.read_hello(&mut rest)?;
        }
        let State::Running(connection) = &mut self.state else {
            return match &self.failure {
                Some(failure) => Err(failure.reason.clone()),
                None => Ok(()),
            };
        };
        // Also without new bytes: the ClientHello may have brought some along.
        loop {
            let taken = if rest.is_empty() { 0 } else { connection.read_tls(&mut rest).unwrap_or(0) };
            let state = match connection.process_new_packets() {
                Ok(state) => state,
                Err(error) => return Err(self.fail(&error)),
            };
            if state.plaintext_bytes_to_read() > 0 {
                let at = plain.len();
                plain.resize(at + state.plaintext_bytes_to_read(), 0);
                let got = connection.reader().read(&mut plain[at..]).unwrap_or(0);
                plain.truncate(at + got);
            }
            self.peer_closed |= state.peer_has_closed();
            if taken == 0 || self.peer_closed {
                return Ok(());
            }
        }
    }

    fn read_hello(&mut self, rest: &mut &[u8]) -> Result<(), String> {
        let State::Hello(ours, hello) = &mut self.state else { return Ok(()) };
        let read = hello.read_tls(rest);
        let accepted = match hello.accept() {
            Ok(Some(accepted)) => accepted,
            Ok(None) if read.is_ok() => return Ok(()),
            Ok(None) => {
                return Err(self
                    .fail(&rustls::Error::InvalidMessage(rustls::InvalidMessage::HandshakePayloadTooLarge)));
            }
            Err((error, mut alert)) => {
                // Writing to a Vec does not fail.
                alert.write(&mut self.alert).unwrap_or_default();
                return Err(self.fail(&error));
            }
        };
        let asked = accepted.client_hello();
        self.sni = asked.server_name().unwrap_or_default().to_ascii_lowercase();
        if ours.require_sni && self.sni.is_empty() {
            let failure = Failure::no_server_name();
            let reason = failure.reason.clone();
            (self.failure, self.state) = (Some(failure), State::Failed);
            return Err(reason);
        }
        // No protocol in common is no reason to refuse: Envoy then goes on without ALPN.
        let common =
            asked.alpn().is_some_and(|mut it| it.any(|name| ours.alpn.iter().any(|own| own == name)));
        let config = if common { ours.with_alpn.clone() } else { ours.without_alpn.clone() };
        match accepted.into_connection(config) {
            Ok(connection) => {
                let mut connection = Connection::from(connection);
                connection.set_buffer_limit(None);
                self.state = State::Running(Box::new(connection));
                Ok(())
            }
            Err((error, mut alert)) => {
                alert.write(&mut self.alert).unwrap_or_default();
                Err(self.fail(&error))
            }
        }
    }

    fn fail(&mut self, error: &rustls::Error) -> String {
        let failure = Failure::new(error, &self.first);
        let reason = failure.reason.clone();
        if let State::Running(connection) = &mut self.state {
            while connection.wants_write() && connection.write_tls(&mut self.alert).is_ok_and(|it| it > 0) {}
        }
        (self.failure, self.state) = (Some(failure), State::Failed);
        reason
    }

    /// Encrypts bytes; before the handshake is done they wait.
    pub fn write(&mut self, plain: &[u8]) {
        if let State::Running(connection) = &mut self.state {
            // Without a buffer limit all is taken; a connection that is closed takes nothing more.
            connection.writer().write_all(plain).unwrap_or_default();
        }
    }

    /// Moves what must be sent to `wire`.
    pub fn take_wire(&mut self, wire: &mut Vec<u8>) {
        wire.append(&mut self.alert);
        if let State::Running(connection) = &mut self.state {
            while connection.wants_write() && connection.write_tls(wire).is_ok_and(|it| it > 0) {}
        }
    }

    /// Sends close_notify.
    pub fn close(&mut self) {
        if let State::Running(connection) = &mut self.state {
            connection.send_close_notify();
        }
    }

    pub fn is_handshaking(&self) -> bool {
        match &self.state {
            State::Hello(..) => true,
            State::Running(connection) => connection.is_handshaking(),
            State::Failed => false,
        }
    }

    /// Whether the peer sent close_notify.
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The server name of the ClientHello, ours or the peer's; empty without one.
    pub fn sni(&self) -> &str {
        &self.sni
    }

    /// The protocol agreed on; empty without one.
    pub fn alpn(&self) -> String {
        let found = self.connection().and_then(|it| it.alpn_protocol());
        found.map(|it| String::from_utf8_lossy(it).into_owned()).unwrap_or_default()
    }

    /// As Envoy's `%DOWNSTREAM_TLS_VERSION%`.
    pub fn version(&self) -> &'static str {
        match self.connection().and_then(|it| it.protocol_version()) {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "",
        }
    }

    fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Running(connection) => Some(connection),
            _ => None,
        }
    }

    /// What the peer showed.
    pub fn peer(&self) -> Option<PeerCertificate> {
        let chain = self.connection()?.peer_certificates()?;
        let now = self.means.clock.current_time()?;
        // A server's certificate was judged when the handshake ended; a client's may have been let through untrusted.
        let is_validated = if self.is_server { self.validation.trusts(chain, now) } else { true };
        describe(chain, is_validated)
    }

    /// URI names of our own certificate.
    pub fn local_uri_sans(&self) -> Vec<String> {
        self.local.first().and_then(|chain| chain.first()).map(|leaf| uri_sans(leaf)).unwrap_or_default()
    }
}
