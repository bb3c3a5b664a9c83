//! Running look-ups: server after server, retries, TCP, and the search list.
//!
//! Always: one look-up at a time, in the order asked for; what a look-up leads to comes before what stands behind it.
//! Differs from BIND: no TSIG, TLS or HTTP, no +trace, no +nssearch, no transfers.
//! Source: BIND 9.18 `bin/dig/dighost.c` (start_udp, start_tcp, recv_done, next_origin).

use super::exchange::{Exchange, Next, result_text, shown};
use super::lookup::{Lookup, Server, Settings};
use super::{Failed, Tool};
use crate::dns::{Compression, Kind, Message, Name, NameError};
use crate::sys::Sys;
use net::Errno;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// LOOKUP_LIMIT: look-ups that one name may lead to.
const LOOKUPS: u32 = 64;

pub(super) struct Run<T> {
    pub sys: Sys,
    pub settings: Settings,
    pub tool: T,
    pub queue: VecDeque<Lookup>,
    pub exit: u8,
    cookie: [u8; 8],
    counter: u32,
}

impl<T: Tool> Run<T> {
    pub async fn new(sys: &Sys, settings: Settings, tool: T) -> Run<T> {
        let cookie = sys.ask(|system, _| system.random.next_u64().to_be_bytes()).await;
        Run { sys: sys.clone(), settings, tool, queue: VecDeque::new(), exit: 0, cookie, counter: 0 }
    }

    /// Until the queue is empty.
    pub async fn run(&mut self) -> Result<(), Failed> {
        while let Some(lookup) = self.queue.pop_front() {
            self.look_up(lookup).await?;
        }
        Ok(())
    }

    pub(super) async fn warn(&self, text: &str) {
        self.sys.print(format!(";; {text}\n")).await;
    }

    pub(super) fn requeue(&mut self, lookup: Lookup) -> Result<(), Failed> {
        self.counter += 1;
        if self.counter > LOOKUPS {
            return Err(Failed::fatal("too many lookups"));
        }
        self.queue.push_front(Lookup { new_search: false, ..lookup });
        Ok(())
    }

    async fn look_up(&mut self, mut lookup: Lookup) -> Result<(), Failed> {
        if lookup.new_search {
            self.counter = 0;
            let many_dots = lookup.text.matches('.').count() >= self.settings.ndots as usize;
            if many_dots || !self.settings.use_search {
                (lookup.origin, lookup.done_as_is) = (None, true);
                lookup.need_search = self.settings.use_search;
            } else if lookup.origin.is_none() {
                lookup.origin = (!self.settings.search.is_empty()).then_some(0);
                lookup.need_search = false;
            }
        }
        if lookup.servers.is_empty() {
            lookup.servers = self.settings.servers.clone();
        }
        let Some(name) = self.full_name(&lookup)? else {
            self.next_origin(&lookup)?;
            return Ok(());
        };
        let trying = self.tool.trying(&name);
        self.sys.print(trying).await;
        let id = self.sys.ask(|system, _| system.random.next_u32() as u16).await;
        let query = lookup.message(name.clone(), id, self.cookie);
        lookup.tcp |= lookup.kind == Kind::AXFR || query.write(Compression::Full).len() > 512;
        self.ask_servers(lookup, name, query).await
    }

    /// The name with its origin; `None` where they are too long together.
    fn full_name(&self, lookup: &Lookup) -> Result<Option<Name>, Failed> {
        let text = &lookup.text;
        let illegal = |error: NameError| match lookup.origin {
            None => Failed::exit(10, format!("'{text}' is not a legal name ({error})")),
            Some(_) => Failed::fatal(format!("'{text}' is not in legal name syntax ({error})")),
        };
        if text.is_empty() {
            return Err(Failed::fatal("'' is not in legal name syntax (unexpected end of input)"));
        }
        let name = Name::parse(text).map_err(illegal)?;
        let Some(origin) = lookup.origin.and_then(|index| self.settings.search.get(index)) else {
            return Ok(Some(name));
        };
        let suffix = Name::parse(origin)
            .map_err(|error| Failed::fatal(format!("'{origin}' is not in legal name syntax ({error})")))?;
        if text.ends_with('.') { Ok(Some(name)) } else { Ok(name.join(&suffix).ok()) }
    }

    /// Puts the next name of the search list in the queue; false where there is none.
    pub(super) fn next_origin(&mut self, lookup: &Lookup) -> Result<bool, Failed> {
        let absolute = lookup.text.ends_with('.');
        let labels = Name::parse(&lookup.text).map_or(0, |name| name.labels().len());
        if !self.settings.use_search || absolute || labels > self.settings.ndots as usize {
            return Ok(false);
        }
        let first = (!self.settings.search.is_empty()).then_some(0);
        let (origin, need_search) = match lookup.origin {
            None if !lookup.need_search => return Ok(false),
            None => (first, false),
            Some(index) => {
                let next = Some(index + 1).filter(|next| *next < self.settings.search.len());
                if next.is_none() && lookup.done_as_is {
                    return Ok(false);
                }
                (next, lookup.need_search)
            }
        };
        self.requeue(Lookup { origin, need_search, ..lookup.clone() })?;
        Ok(true)
    }

    async fn ask_servers(&mut self, mut lookup: Lookup, name: Name, query: Message) -> Result<(), Failed> {
        let servers = lookup.servers.clone();
        let mut index = 0;
        while let Some(Server { address, typed }) = servers.get(index) {
            let has_next = index + 1 < servers.len();
            if matches!(address, std::net::IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
                self.warn(&format!("Skipping mapped address '{address}'")).await;
                if !has_next {
                    self.warn("No acceptable nameservers").await;
                }
                index += 1;
                continue;
            }
            let server = SocketAddr::new(*address, self.settings.port);
            let socket = match self.connect(&lookup, server).await {
                Ok(socket) => socket,
                Err(errno) => {
                    if !self.unconnected(&mut lookup, server, errno, has_next).await? {
                        return Ok(());
                    }
                    index += 1;
                    continue;
                }
            };
            self.exit = 0;
            let mut exchange = Exchange {
                lookup: &mut lookup,
                name: name.clone(),
                query: query.clone(),
                server,
                typed: typed.clone(),
                has_next,
                sent_at: self.sys.now().await,
            };
            match self.talk(&mut exchange, &socket).await? {
                Ok(Next::Server) => index += 1,
                Ok(_) => return Ok(()),
                Err(errno) => {
                    let what = result_text(errno);
                    self.warn(&format!("communications error to {}: {what}", shown(server))).await;
                    match (lookup.retries > 1, lookup.tcp) {
                        (true, false) => lookup.retries -= 1,
                        (true, true) => {
                            lookup.retries -= 1;
                            return self.requeue(lookup);
                        }
                        _ if has_next => index += 1,
                        _ => {
                            self.sys.print(&lookup.greeting).await;
                            self.warn("no servers could be reached").await;
                            self.exit = self.exit.max(9);
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A socket to the server could not be had; true where the next server is to be tried.
    async fn unconnected(
        &mut self,
        lookup: &mut Lookup,
        server: SocketAddr,
        errno: Errno,
        has_next: bool,
    ) -> Result<bool, Failed> {
        let what = if lookup.tcp { "Connection to" } else { "UDP setup with" };
        let (place, address, text) = (shown(server), server.ip(), &lookup.text);
        self.warn(&format!("{what} {place}({address}) for {text} failed: {}.", result_text(errno))).await;
        self.exit = self.exit.max(9);
        if lookup.retries > 1 {
            lookup.retries -= 1;
            self.requeue(lookup.clone())?;
        } else if has_next {
            return Ok(true);
        }
        self.warn("no servers could be reached").await;
        Ok(false)
    }
}
