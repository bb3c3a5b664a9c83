//! A query on its way through the plugins, and what comes back.
//!
//! Always: the reply is made to fit what the client said it can take: first uncompressed, then compressed, then with
//! records left out and TC set.
//! Sources: CoreDNS `request/request.go`, miekg/dns `Msg.Truncate`; RFC 6891.

use super::zone::normalise;
use linux::dns::{Compression, Data, Edns, Kind, Message, Name, Question, Rcode, Record, option};
use std::net::SocketAddr;

/// EDNS option codes that are handed back to the client: NSID, EXPIRE, COOKIE, TCP-KEEPALIVE, PADDING.
const ECHOED: [u16; 5] = [option::NSID, 9, option::COOKIE, 11, 12];
/// `dns.MinMsgSize`
const LEAST_BYTES: usize = 512;
/// `dns.MaxMsgSize`
const MOST_BYTES: usize = 65_535;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Request {
    pub client: SocketAddr,
    pub transport: Transport,
    pub message: Message,
    /// How many queries of the server's own led to this one.
    pub depth: u8,
}

/// What a plugin made of a query.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub rcode: Rcode,
    /// What was written to the client so far; nobody answers where there is none and `rcode` is no failure.
    pub reply: Option<Message>,
    pub error: Option<String>,
    /// The plugin that wrote the reply.
    pub by: &'static str,
    /// How long the query was in the end, where a plugin changed it.
    pub size: Option<usize>,
}

impl Outcome {
    pub fn written(reply: Message, by: &'static str) -> Outcome {
        Outcome { rcode: Rcode::NOERROR, reply: Some(reply), error: None, by, size: None }
    }

    pub fn failed(rcode: Rcode, error: Option<String>) -> Outcome {
        Outcome { rcode, reply: None, error, by: "", size: None }
    }

    /// Whether a plugin that returns this code has written its answer; the server answers for the others.
    pub fn is_client_write(&self) -> bool {
        ![Rcode::SERVFAIL, Rcode::REFUSED, Rcode::FORMERR, Rcode::NOTIMP].contains(&self.rcode)
    }
}

impl Request {
    pub fn question(&self) -> &Question {
        self.message.question().expect("a query without a question is answered before any plugin")
    }

    /// The name asked for, in lower case, with its final dot.
    pub fn name(&self) -> String {
        normalise(&self.question().name.to_string())
    }

    pub fn kind(&self) -> Kind {
        self.question().kind
    }

    pub fn dnssec_ok(&self) -> bool {
        self.message.edns.as_ref().is_some_and(|edns| edns.dnssec_ok)
    }

    /// Bytes of the query, uncompressed.
    pub fn length(&self) -> usize {
        self.message.write(Compression::None).len()
    }

    /// Bytes that the answer may have.
    pub fn size(&self) -> usize {
        match (self.transport, &self.message.edns) {
            (Transport::Tcp, _) => MOST_BYTES,
            (Transport::Udp, edns) => {
                edns.as_ref().map_or(LEAST_BYTES, |edns| usize::from(edns.udp_size).max(LEAST_BYTES))
            }
        }
    }

    pub fn ask_for(&mut self, name: Name, kind: Kind) {
        if let Some(question) = self.message.questions.first_mut() {
            question.name = name;
            question.kind = kind;
        }
    }

    pub fn reply(&self, rcode: Rcode) -> Message {
        Message::reply(&self.message, rcode)
    }

    /// `SizeAndDo`: an OPT record as the query had one.
    pub fn add_edns(&self, reply: &mut Message) {
        let Some(asked) = &self.message.edns else { return };
        match &mut reply.edns {
            Some(edns) => {
                edns.version = 0;
                edns.udp_size = asked.udp_size;
                edns.dnssec_ok = asked.dnssec_ok;
            }
            none => {
                let options = asked.options.iter().filter(|(code, _)| ECHOED.contains(code)).cloned();
                *none = Some(Edns { version: 0, options: options.collect(), ..asked.clone() });
            }
        }
    }

    /// The reply as it goes on the wire.
    pub fn scrub(&self, mut reply: Message) -> Vec<u8> {
        self.add_edns(&mut reply);
        let size = self.size();
        let plain = reply.write(Compression::None);
        let would_fragment = match self.client.is_ipv4() {
            true => plain.len() > 1480,
            false => plain.len() > 1220,
        };
        if plain.len() <= size {
            let is_long = self.transport == Transport::Udp && would_fragment;
            return if is_long { reply.write(Compression::Full) } else { plain };
        }
        let mut bytes = reply.write(Compression::Full);
        while bytes.len() > size {
            let last = [&mut reply.additionals, &mut reply.authorities, &mut reply.answers]
                .into_iter()
                .find(|section| !section.is_empty());
            let Some(section) = last else { break };
            section.pop();
            reply.flags.truncated = true;
            bytes = reply.write(Compression::Full);
        }
        bytes
    }
}

/// Class IN.
pub fn record(name: Name, kind: Kind, ttl: u32, data: Data) -> Record {
    Record { name, kind, class: linux::dns::Class::IN, ttl, data }
}
