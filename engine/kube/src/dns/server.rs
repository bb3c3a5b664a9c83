//! The name server as a whole: a Corefile in, then queries in and answers out.
//!
//! Sans-IO: [`Server::handle`] takes a message that arrived and returns what is to be sent; where another server has to be
//! asked first, that question is among it, and [`Server::answered`] takes the answer.
//! Always: each query is answered at most once; what is sent to other servers is answered or given up by the caller.
//! Differs from CoreDNS: no views, no transport but plain DNS; the query that finds loops is sent once.
//! Sources: CoreDNS 1.14.7 `core/dnsserver`, `coremain`.

use super::build::build;
use super::chain::{Ask, Core, Plugin, State, serve};
use super::cluster::Cluster;
use super::corefile::Surroundings;
use super::metrics::Metrics;
use super::plugin::kubernetes::Pods;
use super::request::{Request, Transport};
use super::upkeep::Upkeep;
use linux::dns::{Class, Compression, Edns, Kind, Message, Name, Opcode, Rcode};
use sim::{Instant, Rng};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Queries that wait for other servers; more are refused.
const MAX_RUNNING: usize = 10_000;
/// How long a forwarder loop may take to show.
const LOOP_TIME: Duration = Duration::from_secs(2);

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this to the client of that number.
    Answer { query: u64, bytes: Vec<u8> },
    /// Nothing will be sent to it.
    Silence { query: u64 },
    /// Ask another server, and hand its answer to [`Server::answered`].
    Ask(Ask),
    /// Print this and end with exit code 1.
    Exit(String),
}

struct Running {
    query: u64,
    request: Request,
    future: Pin<Box<dyn Future<Output = Option<Message>>>>,
}

/// Whom an answer from another server is for, where it is not a client's query.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// Block, place in its chain, upstream.
    Forward(usize, usize, usize),
    Loop(usize, usize),
}

pub struct Server {
    core: Rc<Core>,
    running: Vec<Running>,
    next_query: u64,
    checks: BTreeMap<u64, Check>,
    loop_ends: Option<Instant>,
    upkeep: Upkeep,
}

impl Server {
    /// Reads the Corefile. What is wrong with it is what the real one prints before it exits with code 1.
    pub fn start(
        file: &str,
        text: &str,
        around: &dyn Surroundings,
        addresses: Vec<IpAddr>,
        seed: u64,
        now: Instant,
    ) -> Result<Server, String> {
        let mut rng = Rng::stream(seed, "coredns");
        let (blocks, upkeep) = build(file, text, around, &mut rng)?;
        let state = State {
            now,
            rng,
            log: Vec::new(),
            cluster: Cluster::default(),
            metrics: Metrics::default(),
            addresses,
            asks: Vec::new(),
            next_ask: 0,
            answers: BTreeMap::new(),
            fatal: None,
        };
        let core = Rc::new(Core { blocks, state: RefCell::new(state) });
        Ok(Server {
            core,
            running: Vec::new(),
            next_query: 0,
            checks: BTreeMap::new(),
            loop_ends: None,
            upkeep,
        })
    }

    /// The ports it listens on, over UDP and TCP.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.core.blocks.iter().map(|block| block.port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// What it prints once it listens: each zone with its port.
    pub fn zones_text(&self) -> String {
        self.core.blocks.iter().map(|block| format!("{}:{}\n", block.zone, block.port)).collect()
    }

    /// What the kubernetes plugin watches.
    pub fn cluster<T>(&mut self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        change(&mut self.core.state.borrow_mut().cluster)
    }

    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.core.state.borrow_mut().log)
    }

    pub fn metrics_text(&self) -> String {
        self.core.state.borrow().metrics.text()
    }

    /// Names of plugins that are not ready yet: for `:8181/ready`.
    pub fn not_ready(&self) -> Vec<&'static str> {
        let is_synced = self.core.state.borrow().cluster.is_synced;
        if self.has_kubernetes() && !is_synced { vec!["kubernetes"] } else { Vec::new() }
    }

    pub fn has_kubernetes(&self) -> bool {
        self.plugins().any(|(_, _, plugin)| matches!(plugin, Plugin::Kubernetes(_)))
    }

    /// Whether Pods have to be known, beside Services and endpoints.
    pub fn watches_pods(&self) -> bool {
        let verifies =
            |plugin: &Plugin| matches!(plugin, Plugin::Kubernetes(it) if it.pods == Pods::Verified);
        self.plugins().any(|(_, _, plugin)| verifies(plugin))
    }

    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }

    /// What another configuration's server has seen of the cluster.
    pub fn take_over(&mut self, old: &Server) {
        let (mut state, mut other) = (self.core.state.borrow_mut(), old.core.state.borrow_mut());
        state.cluster = std::mem::take(&mut other.cluster);
        state.metrics = std::mem::take(&mut other.metrics);
    }

    fn plugins(&self) -> impl Iterator<Item = (usize, usize, &Plugin)> {
        let blocks = self.core.blocks.iter().enumerate();
        blocks
            .flat_map(|(block, it)| it.chain.iter().enumerate().map(move |(at, plugin)| (block, at, plugin)))
    }

    /// It listens now: looks for loops.
    pub fn listening(&mut self, now: Instant) -> Vec<Action> {
        self.core.state.borrow_mut().now = now;
        let mut wanted = Vec::new();
        for (block, at, plugin) in self.plugins() {
            let Plugin::Loop(it) = plugin else { continue };
            let Ok(name) = Name::parse(&it.name) else { continue };
            wanted.push((Check::Loop(block, at), it.port, name));
        }
        for (check, port, name) in wanted {
            self.loop_ends = Some(now + LOOP_TIME);
            let id = self.core.state.borrow_mut().rng.next_u32() as u16;
            let bytes = Message::query(id, name, Kind::HINFO).write(Compression::None);
            let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
            self.ask(check, to, Transport::Udp, bytes);
        }
        self.actions(Vec::new())
    }

    fn ask(&mut self, check: Check, to: SocketAddr, transport: Transport, bytes: Vec<u8>) {
        let mut state = self.core.state.borrow_mut();
        let id = state.next_ask;
        state.next_ask += 1;
        state.asks.push(Ask { id, to, transport, bytes });
        self.checks.insert(id, check);
    }

    /// A message arrived at `port`. The number of the query comes back with its answer.
    pub fn handle(
        &mut self,
        now: Instant,
        client: SocketAddr,
        port: u16,
        transport: Transport,
        bytes: &[u8],
    ) -> (u64, Vec<Action>) {
        self.core.state.borrow_mut().now = now;
        let query = self.next_query;
        self.next_query += 1;
        let early = match Message::read(bytes) {
            Ok(message) => self.accept(Request { client, transport, message, depth: 0 }, port, query),
            Err(_) => vec![match unreadable(bytes) {
                Some(bytes) => Action::Answer { query, bytes },
                None => Action::Silence { query },
            }],
        };
        let done = self.poll();
        (query, self.actions(early.into_iter().chain(done).collect()))
    }

    /// What is answered ahead of all plugins is answered here; the rest begins to run.
    fn accept(&mut self, request: Request, port: u16, query: u64) -> Vec<Action> {
        let message = &request.message;
        if message.flags.response {
            return vec![Action::Silence { query }];
        }
        let refuse = |rcode| {
            let mut reply = request.reply(rcode);
            request.add_edns(&mut reply);
            vec![Action::Answer { query, bytes: reply.write(Compression::None) }]
        };
        if message.opcode != Opcode::QUERY {
            return refuse(Rcode::NOTIMP);
        }
        if message.questions.len() != 1 {
            return refuse(Rcode::FORMERR);
        }
        if request.question().class != Class::IN {
            return refuse(Rcode::REFUSED);
        }
        if message.edns.as_ref().is_some_and(|edns| edns.version != 0) {
            let mut reply = request.reply(Rcode::BADVERS);
            let udp_size = message.edns.as_ref().map_or(0, |edns| edns.udp_size);
            reply.edns = Some(Edns { version: 0, udp_size, dnssec_ok: false, options: Vec::new() });
            return vec![Action::Answer { query, bytes: reply.write(Compression::None) }];
        }
        if self.running.len() >= MAX_RUNNING {
            return refuse(Rcode::REFUSED);
        }
        let future = Box::pin(serve(Rc::clone(&self.core), port, request.clone()));
        self.running.push(Running { query, request, future });
        Vec::new()
    }

    /// Another server's answer, or why there is none: `read udp A->B: i/o timeout`.
    pub fn answered(&mut self, now: Instant, ask: u64, answer: Result<Vec<u8>, String>) -> Vec<Action> {
        self.core.state.borrow_mut().now = now;
        match self.checks.remove(&ask) {
            Some(Check::Forward(block, at, upstream)) => {
                if let Some(Plugin::Forward(forward)) = self.core.blocks[block].chain.get(at) {
                    forward.checked(upstream, answer.is_ok());
                }
                Vec::new()
            }
            Some(Check::Loop(block, at)) => {
                if let (Some(Plugin::Loop(it)), Err(_)) = (self.core.blocks[block].chain.get(at), answer) {
                    it.reset();
                }
                Vec::new()
            }
            None => {
                self.core.state.borrow_mut().answers.insert(ask, answer);
                let done = self.poll();
                self.actions(done)
            }
        }
    }

    /// When [`Server::tick`] has something to do.
    pub fn next_tick(&self) -> Option<Instant> {
        let checks = self.plugins().filter_map(|(_, _, plugin)| match plugin {
            Plugin::Forward(forward) => forward.next_check(),
            _ => None,
        });
        checks.chain(self.loop_ends).min()
    }

    /// Health checks of upstreams, and the end of the search for loops.
    pub fn tick(&mut self, now: Instant) -> Vec<Action> {
        self.core.state.borrow_mut().now = now;
        let core = Rc::clone(&self.core);
        for (block, it) in core.blocks.iter().enumerate() {
            for (at, plugin) in it.chain.iter().enumerate() {
                match plugin {
                    Plugin::Forward(forward) => {
                        let id = core.state.borrow_mut().rng.next_u32() as u16;
                        for (upstream, to, transport, bytes) in forward.checks(now, id) {
                            self.ask(Check::Forward(block, at, upstream), to, transport, bytes);
                        }
                    }
                    Plugin::Loop(it) if self.loop_ends.is_some_and(|end| end <= now) => it.switch_off(),
                    _ => {}
                }
            }
        }
        self.loop_ends = self.loop_ends.filter(|end| *end > now);
        self.actions(Vec::new())
    }

    /// Runs every query as far as it goes.
    fn poll(&mut self) -> Vec<Action> {
        let mut done = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        self.running.retain_mut(|running| match running.future.as_mut().poll(&mut context) {
            Poll::Pending => true,
            Poll::Ready(reply) => {
                let query = running.query;
                done.push(match reply {
                    Some(reply) => Action::Answer { query, bytes: running.request.scrub(reply) },
                    None => Action::Silence { query },
                });
                false
            }
        });
        done
    }

    /// With the questions for other servers that came up meanwhile.
    fn actions(&mut self, mut actions: Vec<Action>) -> Vec<Action> {
        let mut state = self.core.state.borrow_mut();
        actions.extend(state.asks.drain(..).map(Action::Ask));
        actions.extend(state.fatal.take().map(Action::Exit));
        actions
    }
}

/// FORMERR for a query of which only the header can be read.
fn unreadable(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = bytes.get(..12)?;
    let is_query = header[2] & 0x80 == 0;
    let mut reply = Message::query(u16::from_be_bytes([header[0], header[1]]), Name::root(), Kind::A);
    reply.questions.clear();
    reply.flags.response = true;
    reply.flags.recursion_desired = header[2] & 1 != 0;
    reply.rcode = Rcode::FORMERR;
    is_query.then(|| reply.write(Compression::None))
}
