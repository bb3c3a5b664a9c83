//! `tracepath`: the routers on the way to a host, and the largest packet that passes. Source: tracepath(8),
//! iputils 20221126.
//!
//! Always: probes go one by one, each as large as the path is known to bear, and each answer is one line.
//! ```transcript
//! host# tracepath -n 127.0.0.1 | tail -n 1
//!      Resume: pmtu 65535 hops 1 back 1
//! ```

use super::getopt::{Found, Getopt};
use super::{Args, Command, Exit};
use crate::resolver::{self, Hints};
use crate::socket::Socket;
use crate::sys::Sys;
use net::rtnetlink::Family;
use net::socket::{MtuDiscover, ReceivedError};
use net::{Errno, SocketKind, SocketOption};
use sim::Instant;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub const TRACEPATH: Command = Command {
    name: "tracepath",
    path: "/usr/bin/tracepath",
    man: "tracepath(8)",
    run: |sys, args| Box::pin(tracepath(sys, args)),
};

const USAGE: &str = "\nUsage\n  tracepath [options] <destination>\n\nOptions:\n  -4             use IPv4\n  \
    -6             use IPv6\n  -b             print both name and ip\n  -l <length>    use packet <length>\n  \
    -m <hops>      use maximum <hops>\n  -n             no dns name resolution\n  \
    -p <port>      use destination <port>\n  -V             print version and exit\n  \
    <destination>  dns name or ip address\n\nFor more details see tracepath(8).\n";
const VERSION: &str = "tracepath from iputils 20221126\n\
    libcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n";

/// What the first probe would be, IP header and all.
const MTU: u32 = 65_535;
const MTU6: u32 = 128_000;
const PORT: u16 = 44_444;
const HOPS: u8 = 30;
/// The widest name of a router.
const COLUMN: usize = 52;
/// Probes whose time of sending is remembered.
const REMEMBERED: u16 = 64;
/// An answer is waited for so long.
const WAIT: Duration = Duration::from_secs(1);
/// Tries to send one probe, and probes of one hop.
const SENDS: usize = 10;
const TRIES: usize = 3;

struct Asked {
    family: Option<Family>,
    both: bool,
    numeric: bool,
    length: Option<u32>,
    hops: u8,
    port: u16,
    host: String,
}

async fn tracepath(sys: Sys, args: Args) -> Exit {
    let asked = match options(&args) {
        Ok(asked) => asked,
        Err((text, status)) => {
            if status == 0 {
                sys.print(text).await
            } else {
                sys.eprint(text).await
            }
            return Exit(status);
        }
    };
    let hints = Hints { family: asked.family, ..Hints::default() };
    let target = match resolver::getaddrinfo(&sys, &asked.host, hints).await {
        Ok(found) => found.first().map(|info| info.address),
        Err(error) => {
            sys.eprint(format!("tracepath: {}: {}\n", asked.host, error.text())).await;
            return Exit::FAILURE;
        }
    };
    let Some(target) = target else { return Exit::FAILURE };
    match Trace::start(&sys, asked, target).await {
        Ok(trace) => trace.run().await,
        Err(errno) => {
            sys.eprint(format!("tracepath: socket: {errno}\n")).await;
            Exit::FAILURE
        }
    }
}

fn options(args: &Args) -> Result<Asked, (String, u8)> {
    let mut asked = Asked {
        family: None,
        both: false,
        numeric: false,
        length: None,
        hops: HOPS,
        port: PORT,
        host: String::new(),
    };
    let number = |text: Option<String>, least: u32, most: u32| {
        let text = text.unwrap_or_default();
        match text.parse::<u32>() {
            Err(_) => Err((format!("tracepath: invalid argument: '{text}'\n"), 1)),
            Ok(value) if !(least..=most).contains(&value) => {
                let words = format!("out of range: {least} <= value <= {most}");
                Err((format!("tracepath: invalid argument: '{text}': {words}\n"), 1))
            }
            Ok(value) => Ok(value),
        }
    };
    let mut walk = Getopt::new(args.name(), args.rest(), "46bhl:m:np:V?", &[]);
    for found in walk.by_ref() {
        match found {
            Found::Option('4', _) if asked.family == Some(Family::Inet6) => {
                return Err(("tracepath: Only one -4 or -6 option may be specified\n".to_owned(), 2));
            }
            Found::Option('6', _) if asked.family == Some(Family::Inet) => {
                return Err(("tracepath: Only one -4 or -6 option may be specified\n".to_owned(), 2));
            }
            Found::Option('4', _) => asked.family = Some(Family::Inet),
            Found::Option('6', _) => asked.family = Some(Family::Inet6),
            Found::Option('b', _) => asked.both = true,
            Found::Option('n', _) => asked.numeric = true,
            Found::Option('l', value) => asked.length = Some(number(value, 28, i32::MAX as u32)?),
            Found::Option('m', value) => asked.hops = number(value, 0, 255)? as u8,
            Found::Option('p', value) => asked.port = number(value, 0, 65_535)? as u16,
            Found::Option('V', _) => return Err((VERSION.to_owned(), 0)),
            Found::Option(..) => return Err((USAGE.to_owned(), 255)),
            Found::Wrong(text) => return Err((text + USAGE, 255)),
        }
    }
    match walk.operands().as_slice() {
        [host] => Ok(Asked { host: host.clone(), ..asked }),
        _ => Err((USAGE.to_owned(), 255)),
    }
}

/// What an answer means for the trace.
enum Answer {
    /// Nothing came.
    None,
    /// Something came; the trace goes on.
    Some,
    End,
}

struct Trace {
    sys: Sys,
    socket: Socket,
    asked: Asked,
    target: IpAddr,
    mtu: u32,
    overhead: u32,
    /// When the probe to that port was sent, and with how many hops.
    sent: Vec<Option<(Instant, u8)>>,
    next: u16,
    there: Option<u8>,
    back: Option<u8>,
}

impl Trace {
    async fn start(sys: &Sys, asked: Asked, target: IpAddr) -> Result<Trace, Errno> {
        let socket = sys.socket(SocketKind::Udp).await?;
        socket.set(SocketOption::MtuDiscover(MtuDiscover::Probe)).await?;
        socket.set(SocketOption::RecvErr(true)).await?;
        let (mtu, overhead) = if target.is_ipv4() { (MTU, 28) } else { (MTU6, 48) };
        let mtu = asked.length.unwrap_or(mtu).max(overhead);
        let sent = vec![None; usize::from(REMEMBERED)];
        let sys = sys.clone();
        Ok(Trace { sys, socket, asked, target, mtu, overhead, sent, next: 0, there: None, back: None })
    }

    async fn run(mut self) -> Exit {
        for ttl in 1..=self.asked.hops {
            if self.socket.set(SocketOption::Ttl(ttl)).await.is_err() {
                break;
            }
            let mut tries = 0;
            let mut answered = false;
            while tries < TRIES && !answered {
                let before = self.mtu;
                match self.probe(ttl).await {
                    Answer::End => return self.resume().await,
                    // A smaller packet begins anew.
                    Answer::Some if self.mtu != before => tries = 0,
                    Answer::Some => answered = true,
                    Answer::None => tries += 1,
                }
            }
            if !answered {
                self.sys.print(format!("{ttl:2}:  no reply\n")).await;
            }
        }
        self.sys.print(format!("     Too many hops: pmtu {}\n", self.mtu)).await;
        self.resume().await
    }

    async fn resume(&self) -> Exit {
        let mut text = format!("     Resume: pmtu {} ", self.mtu);
        if let Some(there) = self.there {
            text.push_str(&format!("hops {there} "));
        }
        if let Some(back) = self.back {
            text.push_str(&format!("back {back} "));
        }
        self.sys.print(text + "\n").await;
        Exit::OK
    }

    async fn probe(&mut self, ttl: u8) -> Answer {
        let mut failed = 0;
        loop {
            if failed >= SENDS {
                self.sys.print(format!("{ttl:2}:  send failed\n")).await;
                return Answer::End;
            }
            let port = self.asked.port.wrapping_add(self.next);
            let slot = usize::from(self.next);
            self.sent[slot] = Some((self.sys.now().await, ttl));
            let bytes = vec![0; (self.mtu - self.overhead) as usize];
            if self.socket.send_to(bytes, SocketAddr::new(self.target, port)).await.is_ok() {
                self.next = (self.next + 1) % REMEMBERED;
                break;
            }
            self.sent[slot] = None;
            match self.errors(ttl).await {
                Answer::End => return Answer::End,
                Answer::Some => failed = 0,
                Answer::None => failed += 1,
            }
        }
        let until = self.sys.now().await + WAIT;
        self.sys.wait(&[self.socket.wait_on()], Some(until)).await;
        let answer = self.errors(ttl).await;
        if matches!(answer, Answer::None) && self.socket.call(|net, id| net.recv_from(id)).await.is_ok() {
            self.sys.print(format!("{ttl:2}?: reply received 8)\n")).await;
            return Answer::End;
        }
        answer
    }

    /// All that stands in the error queue, a line each.
    async fn errors(&mut self, ttl: u8) -> Answer {
        let mut answer = Answer::None;
        while let Ok(error) = self.socket.call(|net, id| net.recv_error(id)).await {
            self.socket.call(|net, id| net.take_error(id)).await.ok();
            answer = Answer::Some;
            if self.tell(ttl, error).await {
                return Answer::End;
            }
        }
        answer
    }

    /// One line; true where the trace ends.
    async fn tell(&mut self, ttl: u8, error: ReceivedError) -> bool {
        let slot = usize::from(error.destination.port().wrapping_sub(self.asked.port));
        let sent = self.sent.get_mut(slot).and_then(Option::take);
        let hops = sent.map(|(_, hops)| hops);
        let mut text = match error.offender {
            None => format!("{ttl:2}?: {:<32} ", "[LOCALHOST]"),
            Some(offender) => {
                let lead = hops.map_or(format!("{ttl:2}?: "), |hops| format!("{hops:2}:  "));
                lead + &self.host(offender).await
            }
        };
        if let Some((at, _)) = sent {
            let took = error.at.since(at).as_micros();
            text.push_str(&format!("{:3}.{:03}ms ", took / 1000, took % 1000));
        }
        // Senders begin with 64, 128 or 255; the way back is what is missing.
        let back = match error.ttl {
            ttl @ ..=64 => 65 - ttl,
            ttl @ ..=128 => 129 - ttl,
            ttl => (256 - u16::from(ttl)) as u8,
        };
        let exceeded =
            (error.icmp_type, error.icmp_code) == if self.target.is_ipv4() { (11, 0) } else { (3, 0) };
        let (words, ends) = match error.errno {
            Errno::ETIMEDOUT => (String::new(), false),
            Errno::EMSGSIZE => {
                self.mtu = error.info.max(self.overhead);
                (format!("pmtu {}", error.info), false)
            }
            Errno::ECONNREFUSED => {
                (self.there, self.back) = (Some(hops.unwrap_or(ttl)), Some(back));
                ("reached".to_owned(), true)
            }
            Errno::EPROTO => ("!P".to_owned(), true),
            Errno::EHOSTUNREACH if exceeded && back != hops.unwrap_or(ttl) => {
                (format!("asymm {back:2} "), false)
            }
            Errno::EHOSTUNREACH if exceeded => (String::new(), false),
            Errno::EHOSTUNREACH => ("!H".to_owned(), true),
            Errno::ENETUNREACH => ("!N".to_owned(), true),
            Errno::EACCES => ("!A".to_owned(), true),
            errno => {
                self.sys.print(text + "\n").await;
                self.sys.eprint(format!("NET ERROR: {errno}\n")).await;
                return true;
            }
        };
        self.sys.print(text + &words + "\n").await;
        ends
    }

    async fn host(&self, address: IpAddr) -> String {
        let name = if self.asked.numeric {
            address.to_string()
        } else {
            resolver::name_of(&self.sys, address).await.unwrap_or_else(|| address.to_string())
        };
        let shown = if self.asked.both { format!("{name} ({address})") } else { name };
        // Even the longest name leaves one blank.
        let room = COLUMN - shown.chars().count().min(COLUMN - 1);
        shown + &" ".repeat(room)
    }
}
