//! any: answers questions for everything with next to nothing (RFC 8482).
//!
//! Source: CoreDNS 1.14.7 `plugin/any`.

use super::super::chain::Cx;
use super::super::request::{Outcome, Request, record};
use linux::dns::{Data, Kind, Rcode};

const TTL: u32 = 8482;

pub async fn serve(cx: &Cx, request: Request) -> Outcome {
    if request.kind() != Kind::ANY {
        return cx.next("any", request).await;
    }
    let mut reply = request.reply(Rcode::NOERROR);
    let text = Data::Strings(vec![b"ANY obsoleted".to_vec(), b"See RFC 8482".to_vec()]);
    reply.answers.push(record(request.question().name.clone(), Kind::HINFO, TTL, text));
    Outcome::written(reply, "any")
}
