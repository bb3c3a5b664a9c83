//! loop: ends the process where a query that it sent comes back to itself.
//!
//! Always: the server sends itself one name that nobody else knows, at its start; if that is seen more than twice, the
//! forwarders lead back here, and every query would go round until the machine is full.
//! Source: CoreDNS 1.14.7 `plugin/loop`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request};
use super::super::zone::is_below;
use sim::Rng;
use std::cell::Cell;

#[derive(Debug)]
pub struct Loop {
    zone: String,
    /// What is asked for.
    pub name: String,
    pub port: u16,
    seen: Cell<u32>,
    is_off: Cell<bool>,
}

impl Loop {
    pub fn parse(at: &mut Dispenser, zone: &str, port: u16, rng: &mut Rng) -> Result<Loop, String> {
        let mut is_second = false;
        while at.next() {
            if is_second {
                return Err("this plugin can only be used once per Server Block".to_owned());
            }
            is_second = true;
            if at.next_arg() {
                return Err(at.arg_error());
            }
        }
        let (a, b) = (rng.next_u64() >> 2, rng.next_u64() >> 2);
        let name = format!("{a}.{b}.{}", super::super::records::below(zone));
        let (seen, is_off) = (Cell::new(0), Cell::new(false));
        Ok(Loop { zone: zone.to_owned(), name, port, seen, is_off })
    }

    /// Nothing came back in time.
    pub fn switch_off(&self) {
        self.is_off.set(true);
    }

    /// Asks again, because the server could not be reached yet.
    pub fn reset(&self) {
        self.seen.set(0);
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let name = request.name();
        if !self.is_off.get() && is_below(&self.zone, &name) {
            if name == self.name {
                self.seen.set(self.seen.get() + 1);
            }
            if self.seen.get() > 2 {
                let why = format!(
                    "[FATAL] plugin/loop: Loop ({} -> :{}) detected for zone \"{}\", see https://coredns.io/plugins/loop#troubleshooting. Query: \"HINFO {}\"",
                    request.client, self.port, self.zone, self.name
                );
                cx.with(|state| {
                    state.log.push(why.clone());
                    state.fatal.get_or_insert(why);
                });
            }
        }
        cx.next("loop", request).await
    }
}
