//! What the proxy decides about a client's request, told as it decides, for whoever shows a packet's story.
//!
//! The words are those of Envoy's admin page: a listener as `/listeners` names it, chain and route as `/config_dump`, an
//! endpoint as `/clusters`; the response as code, flags and details of an access log.
//! Always: nothing is told unless the driver asked for it, and nothing depends on it.

use super::slab::Key;
use super::stream::Stream;
use super::{ConnId, Output, Proxy};
use crate::access_log::Info;

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Listener,
    FilterChain,
    Route,
    Cluster,
    Endpoint,
    Response,
}

impl Part {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Listener => "listener",
            Part::FilterChain => "filter_chain",
            Part::Route => "route",
            Part::Cluster => "cluster",
            Part::Endpoint => "endpoint",
            Part::Response => "response",
        }
    }
}

/// A name, or what an access log prints in its place.
fn or_dash(name: &str) -> &str {
    if name.is_empty() { "-" } else { name }
}

impl Proxy {
    /// From now on decisions are told by `Output::Note`, and for whom a connection upstream works by `Output::Serve`.
    pub fn tell_decisions(&mut self) {
        self.is_telling = true;
    }

    fn note(&mut self, down: u32, part: Part, words: String) {
        self.output.push_back(Output::Note { conn: ConnId::accepted(down), part, words });
    }

    /// Which listeners and which chain have the connection.
    pub(super) fn note_chain(&mut self, number: u32) {
        if !self.is_telling {
            return;
        }
        let Some(down) = self.down(number) else { return };
        let (first, at) = (down.accepted_by, down.listener);
        let chain = down.chain.as_ref().map_or("-", |it| or_dash(&it.name)).to_owned();
        let named = |at: usize| {
            let it = self.listeners.get(at)?.as_ref()?;
            Some(format!("{}::{}", or_dash(&it.config.name), it.address))
        };
        let listeners = [Some(first), Some(at).filter(|it| *it != first)];
        let words: Vec<String> = listeners.into_iter().flatten().filter_map(named).collect();
        for words in words {
            self.note(number, Part::Listener, words);
        }
        self.note(number, Part::FilterChain, chain);
    }

    /// Which route a request met: its table, virtual host and name.
    pub(super) fn note_route(&mut self, key: Key) {
        if !self.is_telling {
            return;
        }
        let Some(stream) = self.stream(key) else { return };
        let Some(number) = stream.owner.down() else { return };
        let words = stream.met.as_ref().map_or_else(
            || "-".to_owned(),
            |it| {
                let route = it.route.name.as_deref().unwrap_or_default();
                [&it.table.name, &*it.host.name, route].map(or_dash).join("::")
            },
        );
        self.note_chain(number);
        self.note(number, Part::Route, words);
    }

    /// Which cluster is to have it, and which of its hosts.
    pub(super) fn note_host(&mut self, number: u32, cluster: usize, host: Option<u32>) {
        if !self.is_telling {
            return;
        }
        let Some(Some(it)) = self.clusters.get(cluster) else { return };
        let endpoint = host.and_then(|host| it.hosts.get(&host)).map(|it| it.address.to_string());
        let name = it.config.name.clone();
        self.note(number, Part::Cluster, name);
        if let Some(words) = endpoint {
            self.note(number, Part::Endpoint, words);
        }
    }

    /// How it ended.
    pub(super) fn note_end(&mut self, number: u32, info: &Info) {
        if self.is_telling {
            let words = format!("{} {} {}", info.code, info.flags.text(false), or_dash(&info.details));
            self.note(number, Part::Response, words);
        }
    }

    /// How a request ended.
    pub(super) fn note_stream_end(&mut self, stream: &Stream) {
        if let Some(number) = stream.owner.down().filter(|_| !stream.settings.is_admin) {
            self.note_end(number, &stream.info);
        }
    }

    /// A connection upstream has a request of that client's.
    pub(super) fn note_serve(&mut self, up: Key, key: Key) {
        let down = self.streams.get(key).filter(|_| self.is_telling).and_then(|it| it.owner.down());
        if let Some(number) = down {
            self.output.push_back(Output::Serve {
                conn: ConnId::opened(up.index),
                client: ConnId::accepted(number),
            });
        }
    }
}
