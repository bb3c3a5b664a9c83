//! loadbalance: puts addresses in another order each time, so that clients that take the first spread themselves.
//!
//! Always: aliases first, then what is neither address nor mail exchange, then these, shuffled.
//! Differs from CoreDNS: policy round_robin only.
//! Source: CoreDNS 1.14.7 `plugin/loadbalance`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request};
use linux::dns::{Kind, Rcode, Record};
use sim::Rng;

pub fn parse(at: &mut Dispenser) -> Result<(), String> {
    while at.next() {
        let args = at.remaining_args();
        match args.first().map(String::as_str) {
            None | Some("round_robin") if args.len() <= 1 => {}
            Some("weighted") => return Err(at.error("weighted: not simulated in vethlab; use round_robin")),
            Some(other) => return Err(format!("unknown policy: {other}")),
            None => {}
        }
        if at.next_block() {
            return Err(at.error(&format!("unknown property '{}'", at.value())));
        }
    }
    Ok(())
}

pub async fn serve(cx: &Cx, request: Request) -> Outcome {
    let mut outcome = cx.next("loadbalance", request).await;
    if let Some(reply) = outcome.reply.as_mut().filter(|reply| reply.rcode == Rcode::NOERROR) {
        cx.with(|state| {
            for section in [&mut reply.answers, &mut reply.authorities, &mut reply.additionals] {
                shuffle(section, &mut state.rng);
            }
        });
    }
    outcome
}

fn shuffle(records: &mut Vec<Record>, rng: &mut Rng) {
    if records.len() < 2 {
        return;
    }
    let (mut aliases, mut rest, mut addresses, mut exchanges) = (vec![], vec![], vec![], vec![]);
    for record in records.drain(..) {
        match record.kind {
            Kind::CNAME => aliases.push(record),
            Kind::A | Kind::AAAA => addresses.push(record),
            Kind::MX => exchanges.push(record),
            _ => rest.push(record),
        }
    }
    for some in [&mut addresses, &mut exchanges] {
        for index in 0..some.len() {
            let left = u32::try_from(some.len() - index).unwrap_or(u32::MAX);
            some.swap(index, index + rng.below(left) as usize);
        }
    }
    records.extend(aliases.into_iter().chain(rest).chain(addresses).chain(exchanges));
}
