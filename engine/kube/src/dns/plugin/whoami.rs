//! whoami: tells the client its own address and port.
//!
//! Source: CoreDNS 1.14.7 `plugin/whoami`.

use super::super::request::{Outcome, Request, record};
use linux::dns::{Data, Kind, Name, Rcode};

pub fn serve(request: &Request) -> Outcome {
    let mut reply = request.reply(Rcode::NOERROR);
    reply.flags.authoritative = true;
    let address = request.client.ip();
    let kind = if address.is_ipv4() { Kind::A } else { Kind::AAAA };
    reply.additionals.push(record(request.question().name.clone(), kind, 0, Data::from(address)));
    let owner = Name::parse(&format!("_{}.{}", request.transport.name(), request.question().name));
    if let Ok(owner) = owner {
        let port = request.client.port();
        let data = Data::Srv { priority: 0, weight: 0, port, target: Name::root() };
        reply.additionals.push(record(owner, Kind::SRV, 0, data));
    }
    Outcome::written(reply, "whoami")
}
