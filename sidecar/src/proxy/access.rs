//! Access logs are written: of requests, of carried connections, and of all connections of a listener.

use super::downstream::{Down, State};
use super::stream::Stream;
use super::{Output, Proxy};
use crate::access_log::{AccessLog, Flag, Info, Subject};
use crate::http::HeaderMap;
use std::rc::Rc;

/// What a listener's access logs will say of a connection.
pub(crate) struct Entry {
    pub info: Info,
    pub logs: Rc<[AccessLog]>,
}

impl Proxy {
    /// Logs a request that is over.
    pub(super) fn log(&mut self, stream: &Stream) {
        self.note_stream_end(stream);
        let settings = stream.settings.clone();
        self.log_to(&settings.logs, &stream.subject(self.now));
    }

    /// Logs a connection that is over, where its listener has logs.
    pub(super) fn log_connection(&mut self, down: &mut Down) {
        let Some(mut entry) = down.entry.take() else { return };
        if let State::Tcp(tcp) = &down.state {
            entry.info = tcp.info.clone();
        } else if let Some(chain) = &down.chain {
            entry.info.filter_chain = chain.name.clone();
            entry.info.received = down.received;
        }
        entry.info.connection = down.facts.clone();
        let none = HeaderMap::new();
        let (info, now) = (&entry.info, self.now);
        let subject = Subject { info, request: &none, response: &none, trailers: &none, body: "", now };
        self.log_to(&entry.logs, &subject);
    }

    /// The client does not speak HTTP as it should, which its listener's logs are to say.
    pub(super) fn note_protocol_error(&mut self, number: u32) {
        if let Some(entry) = self.down(number).and_then(|it| it.entry.as_mut()) {
            entry.info.flags.set(Flag::DownstreamProtocolError);
        }
    }

    /// Writes to all logs of a list.
    pub(super) fn log_to(&mut self, logs: &[AccessLog], subject: &Subject<'_>) {
        for log in logs {
            if let Some((sink, line)) = log.line(subject, &mut self.random) {
                self.output.push_back(Output::Log { sink: sink.clone(), line });
            }
        }
    }
}
