//! The plugins of a server block in the order in which they are asked, and how a query goes from one to the next.
//!
//! A plugin is an async function: it may answer, change the query and ask the next one, or wait for an upstream server.
//! Always: the order is that of CoreDNS's build (`plugin.cfg`), whatever the Corefile's; a plugin changes what the next
//! one returned before it hands it on, as the real ones do by wrapping the client's connection.
//! Source: CoreDNS 1.14.7 `plugin.cfg`, `plugin/plugin.go`.

use super::cluster::Cluster;
use super::metrics::Metrics;
use super::plugin::acl::Acl;
use super::plugin::autopath::Autopath;
use super::plugin::cache::Cache;
use super::plugin::errors::Errors;
use super::plugin::forward::Forward;
use super::plugin::hosts::Hosts;
use super::plugin::kubernetes::Kubernetes;
use super::plugin::log::Log;
use super::plugin::loop_detect::Loop;
use super::plugin::rewrite::Rewrite;
use super::plugin::template::Templates;
use super::plugin::{any, loadbalance, whoami};
use super::request::{Outcome, Request, Transport};
use linux::dns::{Message, Rcode};
use sim::{Instant, Rng};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// How deep the server may ask itself for the targets of CNAMEs.
const MAX_DEPTH: u8 = 8;

pub type Serving = Pin<Box<dyn Future<Output = Outcome>>>;

#[derive(Debug)]
pub enum Plugin {
    Prometheus,
    Errors(Errors),
    Log(Log),
    Any,
    Loadbalance,
    Rewrite(Rewrite),
    Autopath(Autopath),
    Acl(Acl),
    Cache(Cache),
    Template(Templates),
    Hosts(Hosts),
    Kubernetes(Kubernetes),
    Loop(Loop),
    Forward(Forward),
    Whoami,
}

/// A zone on a port, with its plugins.
#[derive(Debug)]
pub struct Block {
    pub zone: String,
    pub port: u16,
    pub chain: Vec<Plugin>,
}

/// A query for another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub id: u64,
    pub to: SocketAddr,
    pub transport: Transport,
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
pub struct State {
    pub now: Instant,
    pub rng: Rng,
    pub log: Vec<String>,
    pub cluster: Cluster,
    pub metrics: Metrics,
    /// The server's own addresses, for the zone's NS record.
    pub addresses: Vec<std::net::IpAddr>,
    pub asks: Vec<Ask>,
    pub next_ask: u64,
    pub answers: BTreeMap<u64, Result<Vec<u8>, String>>,
    /// Why the process ends.
    pub fatal: Option<String>,
}

#[derive(Debug)]
pub struct Core {
    pub blocks: Vec<Block>,
    pub state: RefCell<State>,
}

/// Where a query is: the block, and the plugin that comes next.
#[derive(Clone)]
pub struct Cx {
    pub core: Rc<Core>,
    pub block: usize,
    pub level: usize,
}

impl Cx {
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.core.state.borrow_mut())
    }

    pub fn now(&self) -> Instant {
        self.core.state.borrow().now
    }

    /// Asks the plugin after this one, which is called `from`.
    pub fn next(&self, from: &'static str, request: Request) -> Serving {
        let cx = Cx { core: Rc::clone(&self.core), block: self.block, level: self.level + 1 };
        Box::pin(async move {
            let core = Rc::clone(&cx.core);
            let Some(plugin) = core.blocks[cx.block].chain.get(cx.level - 1) else {
                let why = format!("plugin/{from}: no next plugin found");
                return Outcome::failed(Rcode::SERVFAIL, Some(why));
            };
            match plugin {
                Plugin::Prometheus => super::metrics::serve(&cx, request).await,
                Plugin::Errors(it) => it.serve(&cx, request).await,
                Plugin::Log(it) => it.serve(&cx, request).await,
                Plugin::Any => any::serve(&cx, request).await,
                Plugin::Loadbalance => loadbalance::serve(&cx, request).await,
                Plugin::Rewrite(it) => it.serve(&cx, request).await,
                Plugin::Autopath(it) => it.serve(&cx, request).await,
                Plugin::Acl(it) => it.serve(&cx, request).await,
                Plugin::Cache(it) => it.serve(&cx, request).await,
                Plugin::Template(it) => it.serve(&cx, request).await,
                Plugin::Hosts(it) => it.serve(&cx, request).await,
                Plugin::Kubernetes(it) => it.serve(&cx, request).await,
                Plugin::Loop(it) => it.serve(&cx, request).await,
                Plugin::Forward(it) => it.serve(&cx, request).await,
                Plugin::Whoami => whoami::serve(&request),
            }
        })
    }

    /// Asks the server itself, from its first plugin on: for the target of a CNAME.
    pub async fn lookup(&self, mut request: Request) -> Option<Message> {
        request.depth += 1;
        if request.depth > MAX_DEPTH {
            return None;
        }
        let port = self.core.blocks[self.block].port;
        serve(Rc::clone(&self.core), port, request).await
    }

    /// Sends a query to another server and waits for what comes: its answer, or why there is none.
    pub async fn ask(&self, to: SocketAddr, transport: Transport, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let id = self.with(|state| {
            let id = state.next_ask;
            state.next_ask += 1;
            state.asks.push(Ask { id, to, transport, bytes });
            id
        });
        Answer { core: Rc::clone(&self.core), id }.await
    }
}

struct Answer {
    core: Rc<Core>,
    id: u64,
}

impl Future for Answer {
    type Output = Result<Vec<u8>, String>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.core.state.borrow_mut().answers.remove(&self.id) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

/// From a query to the reply of the block that is responsible; none where none is to be sent.
pub async fn serve(core: Rc<Core>, port: u16, request: Request) -> Option<Message> {
    let name = request.name();
    let holds =
        |block: &&(usize, &Block)| block.1.port == port && super::zone::is_below(&block.1.zone, &name);
    let blocks: Vec<(usize, &Block)> = core.blocks.iter().enumerate().collect();
    let best = blocks.iter().filter(|block| holds(block)).max_by_key(|(_, block)| block.zone.len());
    let Some((block, _)) = best.filter(|(_, block)| !block.chain.is_empty()) else {
        return Some(request.reply(Rcode::REFUSED));
    };
    let cx = Cx { core: Rc::clone(&core), block: *block, level: 0 };
    let outcome = cx.next("", request.clone()).await;
    match outcome.reply {
        None if !outcome.is_client_write() => Some(request.reply(outcome.rcode)),
        reply => reply,
    }
}
