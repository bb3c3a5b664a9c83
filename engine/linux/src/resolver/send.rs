//! Asking the servers: datagrams first, the next server on silence or refusal, TCP for what was cut short.
//!
//! Called by `search`. Two questions (A and AAAA) go out back to back from one port; both answers are awaited.
//! Always: at most `attempts` rounds over at most three servers.
//! Differs from glibc: an answer that cannot be parsed counts as none at all.
//! Source: glibc 2.36 `resolv/res_send.c`.

use super::conf::ResolvConf;
use crate::dns::{Compression, Message, Rcode};
use crate::socket::Socket;
use crate::sys::Sys;
use net::{Errno, SocketKind, SocketOption};
use sim::Instant;
use std::time::Duration;

/// The answers in the order in which they came; one of the two may have been a refusal.
pub(super) type Answers = (Option<Message>, Option<Message>);

/// Nobody answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// ECONNREFUSED where no server was reached at all, ETIMEDOUT where some were.
    pub errno: Errno,
    /// Of the last answer that was no use.
    pub rcode: Rcode,
}

/// What came of one attempt at one server.
enum Turn {
    Answers(Box<Answers>),
    /// The next server, please.
    Next,
    /// The answer is too long for a datagram.
    Circuit,
}

/// What to do after a datagram that was read.
enum Step {
    Wait,
    SecondQuestion,
    Done(Turn),
}

/// Which questions are answered, and with what.
#[derive(Default)]
struct Received {
    done: [bool; 2],
    first: Option<Message>,
    second: Option<Message>,
}

pub(super) struct Sender<'a> {
    sys: &'a Sys,
    conf: &'a ResolvConf,
    /// One or two.
    queries: &'a [Message],
    sockets: Vec<Option<Socket>>,
    got_somewhere: bool,
    errno: Errno,
    rcode: Rcode,
    single: bool,
    reopen: bool,
}

impl<'a> Sender<'a> {
    pub fn new(sys: &'a Sys, conf: &'a ResolvConf, queries: &'a [Message]) -> Sender<'a> {
        Sender {
            sys,
            conf,
            queries,
            sockets: conf.servers.iter().map(|_| None).collect(),
            got_somewhere: false,
            errno: Errno::ETIMEDOUT,
            rcode: Rcode::NOERROR,
            single: conf.single_request || conf.single_request_reopen,
            reopen: conf.single_request_reopen,
        }
    }

    pub async fn send(mut self) -> Result<Answers, Silence> {
        let servers = self.conf.servers.len();
        let offset = match self.conf.rotate && servers > 1 {
            true => self.sys.ask(|system, _| system.random.next_u32()).await as usize % servers,
            false => 0,
        };
        let mut circuit = self.conf.use_vc;
        'rounds: for _ in 0..self.conf.attempts {
            for shift in 0..servers {
                let server = (shift + offset) % servers;
                let mut turn = match circuit {
                    true => self.stream(server).await,
                    false => self.datagram(server).await,
                };
                if matches!(turn, Turn::Circuit) {
                    circuit = true;
                    turn = self.stream(server).await;
                }
                match turn {
                    Turn::Answers(answers) if *answers != (None, None) => return Ok(*answers),
                    _ => {}
                }
            }
            if circuit {
                break 'rounds;
            }
        }
        let errno = match (circuit, self.got_somewhere) {
            (true, _) => self.errno,
            (_, true) => Errno::ETIMEDOUT,
            (_, false) => Errno::ECONNREFUSED,
        };
        Err(Silence { errno, rcode: self.rcode })
    }

    async fn open(&mut self, server: usize) -> Option<&Socket> {
        if self.sockets[server].is_none() {
            let socket = self.sys.socket(SocketKind::Udp).await.ok()?;
            socket.set(SocketOption::RecvErr(true)).await.ok()?;
            socket.connect(self.conf.servers[server], None).await.ok()?;
            self.sockets[server] = Some(socket);
        }
        self.sockets[server].as_ref()
    }

    /// The first server waits `timeout` seconds; later ones their share of twice as long each.
    fn patience(&self, server: usize) -> Duration {
        let seconds = u64::from(self.conf.timeout) << server;
        let share = if server > 0 { seconds / self.conf.servers.len() as u64 } else { seconds };
        Duration::from_secs(share.max(1))
    }

    async fn datagram(&mut self, server: usize) -> Turn {
        let before = self.got_somewhere;
        loop {
            let turn = self.exchange(server).await;
            let Err(received) = turn else { return turn.unwrap_or(Turn::Next) };
            // One of two answers is missing: some servers lose the second of two questions.
            if !self.single {
                self.single = true;
            } else if !self.reopen {
                self.reopen = true;
                self.sockets[server] = None;
            } else {
                return Turn::Answers(Box::new((received.first, None)));
            }
            self.got_somewhere = before;
        }
    }

    /// Asks and waits; `Err` where time ran out between the two answers.
    async fn exchange(&mut self, server: usize) -> Result<Turn, Received> {
        let finish = self.sys.now().await + self.patience(server);
        let together = if self.single { 1 } else { self.queries.len() };
        for query in 0..together {
            if !self.ask(server, query).await {
                return Ok(Turn::Next);
            }
        }
        let mut received = Received::default();
        received.done[1] = self.queries.len() == 1;
        loop {
            match self.receive(server, finish).await {
                Err(()) => return Ok(Turn::Next),
                Ok(None) if received.first.is_some() => return Err(received),
                Ok(None) => {
                    self.got_somewhere = true;
                    return Ok(Turn::Next);
                }
                Ok(Some(bytes)) => match self.judge(server, &bytes, &mut received) {
                    Step::Wait => {}
                    Step::Done(turn) => return Ok(turn),
                    Step::SecondQuestion => {
                        if self.reopen {
                            self.sockets[server] = None;
                        }
                        if !self.ask(server, 1).await {
                            return Ok(Turn::Next);
                        }
                    }
                },
            }
        }
    }

    async fn ask(&mut self, server: usize, query: usize) -> bool {
        let bytes = self.queries[query].write(Compression::None);
        let Some(socket) = self.open(server).await else { return false };
        let sent = socket.send(bytes).await.is_ok();
        if !sent {
            self.sockets[server] = None;
        }
        sent
    }

    /// The next datagram; `None` at the deadline.
    async fn receive(&mut self, server: usize, finish: Instant) -> Result<Option<Vec<u8>>, ()> {
        let Some(socket) = &self.sockets[server] else { return Err(()) };
        match socket.recv_from(Some(finish)).await {
            Ok(datagram) => Ok(datagram.map(|it| it.bytes)),
            Err(_) => {
                self.sockets[server] = None;
                Err(())
            }
        }
    }

    fn judge(&mut self, server: usize, bytes: &[u8], received: &mut Received) -> Step {
        self.got_somewhere = true;
        if bytes.len() < 12 {
            self.errno = Errno::EMSGSIZE;
            self.sockets[server] = None;
            return Step::Done(Turn::Next);
        }
        let Ok(answer) = Message::read(bytes) else { return Step::Wait };
        let open = |index: &usize| !received.done[*index] && answer.answers_to(&self.queries[*index]);
        let Some(query) = (0..self.queries.len()).find(open) else { return Step::Wait };
        let both = self.queries.len() == 2;
        let is_first = !both || !received.done.contains(&true);
        if is_first {
            self.rcode = answer.rcode;
        }
        if is_refusal(&answer) {
            if both && is_first {
                received.done[query] = true;
                return if self.single { Step::SecondQuestion } else { Step::Wait };
            }
            if both {
                return Step::Done(Turn::Answers(Box::new((received.first.take(), None))));
            }
            self.sockets[server] = None;
            return Step::Done(Turn::Next);
        }
        if answer.flags.truncated {
            self.sockets[server] = None;
            return Step::Done(Turn::Circuit);
        }
        received.done[query] = true;
        *(if is_first { &mut received.first } else { &mut received.second }) = Some(answer);
        match received.done {
            [true, true] => {
                let answers = (received.first.take(), received.second.take());
                Step::Done(Turn::Answers(Box::new(answers)))
            }
            _ if self.single => Step::SecondQuestion,
            _ => Step::Wait,
        }
    }

    /// All questions over one TCP connection; answers may come in any order.
    async fn stream(&mut self, server: usize) -> Turn {
        match self.stream_exchange(server).await {
            Ok(answers) => Turn::Answers(Box::new(answers)),
            Err(errno) => {
                self.errno = errno;
                Turn::Next
            }
        }
    }

    async fn stream_exchange(&mut self, server: usize) -> Result<Answers, Errno> {
        let socket = self.sys.socket(SocketKind::Tcp).await?;
        socket.connect(self.conf.servers[server], None).await?;
        let mut bytes = Vec::new();
        for query in self.queries {
            let message = query.write(Compression::None);
            bytes.extend((message.len() as u16).to_be_bytes());
            bytes.extend(message);
        }
        socket.write(&bytes, None).await?;
        let mut stream = MessageStream::new(&socket);
        let mut answers = Vec::new();
        while answers.len() < self.queries.len() {
            let message = stream.next(None).await?.ok_or(Errno::EIO)?;
            let Ok(answer) = Message::read(&message) else { return Err(Errno::EMSGSIZE) };
            if self.queries.iter().any(|query| query.id == answer.id) {
                answers.push(answer);
            }
        }
        let mut answers = answers.into_iter();
        Ok((answers.next(), answers.next()))
    }
}

/// DNS over TCP: messages with their length in front.
pub(crate) struct MessageStream<'a> {
    socket: &'a Socket,
    buffer: Vec<u8>,
}

impl<'a> MessageStream<'a> {
    pub fn new(socket: &'a Socket) -> MessageStream<'a> {
        MessageStream { socket, buffer: Vec::new() }
    }

    /// `None` at the end of the stream; ETIMEDOUT at the deadline.
    pub async fn next(&mut self, deadline: Option<Instant>) -> Result<Option<Vec<u8>>, Errno> {
        loop {
            if let [high, low, rest @ ..] = self.buffer.as_slice() {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if rest.len() >= length {
                    let message = rest[..length].to_vec();
                    self.buffer.drain(..length + 2);
                    return Ok(Some(message));
                }
            }
            let some = self.socket.read(deadline).await?.ok_or(Errno::ETIMEDOUT)?;
            if some.is_empty() {
                return Ok(None);
            }
            self.buffer.extend(some);
        }
    }
}

/// An answer that makes glibc ask the next server: a refusal, or an empty answer of a server that knows nothing.
fn is_refusal(answer: &Message) -> bool {
    let empty = answer.answers.is_empty() && answer.additional_count() == 0;
    let lame = !answer.flags.authoritative && !answer.flags.recursion_available;
    matches!(answer.rcode, Rcode::SERVFAIL | Rcode::NOTIMP | Rcode::REFUSED)
        || (answer.rcode == Rcode::NOERROR && empty && lame)
}
