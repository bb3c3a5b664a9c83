//! `ping`: sends ICMP echo requests and tells what comes back. Source: ping(8), iputils 20221126.
//! Not simulated: -C -F -L -N -r -R -S -T.
//!
//! Always: it sends through a raw socket, as root's ping does; what `ping` says of an error, the packet met.
//! Differs from iputils: no IDN; without -w a name's look-ups are not interrupted in the middle.

mod icmp;
mod options;
mod probe;
mod statistics;

use super::{Args, Command, Exit};
use crate::resolver::{self, AddrInfo, GaiError, Hints};
use crate::socket::Socket;
use crate::sys::Sys;
use net::rtnetlink::Family;
use net::socket::MtuDiscover;
use net::{Errno, SocketKind, SocketOption};
use options::{Options, Stop, USAGE};
use probe::Pinger;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

pub const PING: Command = Command {
    name: "ping",
    path: "/usr/bin/ping",
    man: "ping(8)",
    run: |sys, args| Box::pin(ping(sys, args)),
};
pub const PING4: Command = Command {
    name: "ping4",
    path: "/usr/bin/ping4",
    man: "ping(8)",
    run: |sys, args| Box::pin(ping(sys, args)),
};
pub const PING6: Command = Command {
    name: "ping6",
    path: "/usr/bin/ping6",
    man: "ping(8)",
    run: |sys, args| Box::pin(ping(sys, args)),
};

/// MIN_USER_INTERVAL_MS
const USER_SHORTEST_MS: i64 = 2;
/// IPPROTO_ICMP and IPPROTO_ICMPV6
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
/// The port that is pretended in order to learn the source address.
const PROBE_PORT: u16 = 1025;

/// An error that ends the program: its exit code and its words, without `ping: `; no words mean the usage.
struct Fatal(u8, String);

impl Fatal {
    fn errno(what: &str, errno: Errno) -> Fatal {
        Fatal(2, format!("{what}: {errno}"))
    }
}

async fn ping(sys: Sys, args: Args) -> Exit {
    let program = args.name().rsplit('/').next().unwrap_or("ping").to_owned();
    let options = match Options::parse(&args) {
        Ok(options) => options,
        Err(Stop::Version) => {
            sys.print(
                "ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, \
                 __fpending(): yes\n",
            )
            .await;
            return Exit::OK;
        }
        Err(Stop::Usage(text)) => {
            sys.eprint(text + USAGE).await;
            return Exit(2);
        }
        Err(Stop::Fatal(Fatal(code, text))) => {
            sys.eprint(format!("{program}: {text}\n")).await;
            return Exit(code);
        }
    };
    for warning in &options.warnings {
        sys.eprint(format!("{program}: {warning}\n")).await;
    }
    match start(&sys, &program, options).await {
        Ok(pinger) => pinger.run().await,
        Err(Fatal(code, text)) => {
            let text = if text.is_empty() { USAGE.to_owned() } else { format!("{program}: {text}\n") };
            sys.eprint(text).await;
            Exit(code)
        }
    }
}

/// Everything up to the first request.
async fn start(sys: &Sys, program: &str, options: Options) -> Result<Pinger, Fatal> {
    let pattern = match &options.pattern {
        Some(text) => Some(pattern(text)?),
        None => None,
    };
    if let Some(bytes) = &pattern
        && !options.quiet
    {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        sys.print(format!("PATTERN: 0x{digits}\n")).await;
    }
    if options.verbose {
        let family = match options.family {
            Some(Family::Inet) => "AF_INET",
            Some(Family::Inet6) => "AF_INET6",
            None => "AF_UNSPEC",
        };
        let sockets = "sock4.fd: 3 (socktype: SOCK_RAW), sock6.fd: 4 (socktype: SOCK_RAW)";
        sys.eprint(format!("{program}: {sockets}, hints.ai_family: {family}\n\n")).await;
    }
    let name = options.targets.last().cloned().unwrap_or_default();
    let gai = |error: GaiError| Fatal(2, format!("{name}: {}", error.text()));
    let hints = Hints { canonical: true, ..Hints::default() };
    let mut found = resolver::getaddrinfo(sys, &name, hints).await.map_err(gai)?.into_iter().peekable();
    while let Some(info) = found.next() {
        let family = Family::of(info.address);
        let last = found.peek().is_none();
        if options.verbose {
            let family = if family == Family::Inet { "AF_INET" } else { "AF_INET6" };
            let canonical = info.canonical.as_deref().unwrap_or_default();
            sys.print(format!("ai->ai_family: {family}, ai->ai_canonname: '{canonical}'\n")).await;
        }
        if options.family.is_some_and(|wanted| wanted != family) {
            if last {
                return Err(gai(GaiError::AddrFamily));
            }
            continue;
        }
        match prepare(sys, program, options.clone(), &info, last).await? {
            None => continue,
            Some(mut pinger) => {
                if let Some(bytes) = &pattern {
                    let repeated = bytes.iter().cycle().take(pinger.data.len()).copied().collect();
                    pinger.data = repeated;
                }
                pinger.ident = match pinger.options.ident {
                    Some(ident) => ident,
                    None => sys.pid().await as u16,
                };
                return Ok(pinger);
            }
        }
    }
    Err(gai(GaiError::AddrFamily))
}

/// The bytes of `-p`, at most 16.
fn pattern(text: &str) -> Result<Vec<u8>, Fatal> {
    if let Some(at) = text.find(|character: char| !character.is_ascii_hexdigit()) {
        return Err(Fatal(2, format!("patterns must be specified as hex digits: {}", &text[at..])));
    }
    let pairs = text.as_bytes().chunks(2).take(16);
    let value = |pair: &[u8]| {
        let digits = pair.iter().filter_map(|digit| char::from(*digit).to_digit(16));
        digits.fold(0_u8, |value, digit| value << 4 | digit as u8)
    };
    Ok(pairs.map(value).collect())
}

/// Sockets and the first line; `None` where this address is out of reach and another one is left to try.
async fn prepare(
    sys: &Sys,
    program: &str,
    mut options: Options,
    info: &AddrInfo,
    last: bool,
) -> Result<Option<Pinger>, Fatal> {
    let name = options.targets.last().cloned().unwrap_or_default();
    let v4 = info.address.is_ipv4();
    let several = options.targets.len() > 1;
    if several && !v4 {
        return Err(Fatal(2, String::new()));
    }
    let host = match info.address {
        IpAddr::V4(_) if resolver::inet_aton(&name).is_none() => info.canonical.clone().unwrap_or_default(),
        _ => {
            options.numeric |= !several && (v4 || name.contains(':'));
            name
        }
    };
    let device = match &options.device {
        Some(device) => device_index(sys, device).await,
        None => None,
    };
    let socket = raw_socket(sys, v4).await?;
    let source = options.source.filter(|source| source.is_ipv4() == v4);
    let mut target = target_address(sys, info, device).await;
    let source = match source {
        Some(source) => {
            if let Some(name) = &options.device {
                bind_device(sys, &socket, name, target.ip()).await?;
            }
            source
        }
        None => match probe_source(sys, program, &options, &socket, target).await {
            Ok(source) => source,
            Err((Errno::EHOSTUNREACH | Errno::ENETUNREACH, _)) if !last => return Ok(None),
            Err((_, fatal)) => return Err(fatal),
        },
    };
    if target.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        target.set_ip(source);
    }
    if let Some(mark) = options.mark {
        set_mark(sys, program, &socket, mark).await;
    }
    set_options(&socket, &options, source, target.ip()).await?;
    if several {
        // Source routes need a capability that ping has given up by then.
        return Err(Fatal::errno("record route", Errno::EPERM));
    }
    sys.print(first_line(sys, &options, &host, source, target.ip()).await).await;
    let pinger = Pinger::new(sys.clone(), program, options, host, target, socket);
    if sys.uid().await != 0 && pinger.interval_ms < USER_SHORTEST_MS {
        let text = format!("cannot flood; minimal interval allowed for user is {USER_SHORTEST_MS}ms");
        return Err(Fatal(2, text));
    }
    pinger.filter().await;
    Ok(Some(pinger))
}

/// `PING www.lab (10.0.0.2) 56(84) bytes of data.`
async fn first_line(sys: &Sys, options: &Options, host: &str, source: IpAddr, target: IpAddr) -> String {
    let v4 = target.is_ipv4();
    let mut line = format!("PING {host} ({target}) ");
    if !v4 {
        let shown = match options.numeric {
            true => None,
            false => resolver::name_of(sys, target).await,
        };
        let shown = shown.map_or_else(|| target.to_string(), |name| format!("{name} ({target})"));
        line = format!("PING {host}({shown}) ");
    }
    if options.device.is_some() || options.strict_source {
        line += &format!("from {source} {}: ", options.device.as_deref().unwrap_or_default());
    }
    let bytes = options.data_bytes;
    line + &match v4 {
        true => format!("{bytes}({}) bytes of data.\n", bytes + 28),
        false => format!("{bytes} data bytes\n"),
    }
}

async fn raw_socket(sys: &Sys, v4: bool) -> Result<Socket, Fatal> {
    let protocol = if v4 { ICMP } else { ICMP6 };
    sys.socket_capable(SocketKind::Raw { protocol }).await.map_err(|errno| Fatal::errno("socket", errno))
}

async fn device_index(sys: &Sys, name: &str) -> Option<u32> {
    let name = name.to_owned();
    sys.net(move |net, ns| net.device_index(ns, &name)).await
}

async fn target_address(sys: &Sys, info: &AddrInfo, device: Option<u32>) -> SocketAddr {
    match info.address {
        IpAddr::V4(_) => SocketAddr::new(info.address, 0),
        IpAddr::V6(v6) => {
            let scope = match &info.scope {
                Some(scope) => device_index(sys, scope).await.or(scope.parse().ok()),
                None => device.filter(|_| v6.segments()[0] & 0xffc0 == 0xfe80 || v6.is_multicast()),
            };
            SocketAddr::V6(SocketAddrV6::new(v6, 0, 0, scope.unwrap_or(0)))
        }
    }
}

async fn bind_device(sys: &Sys, socket: &Socket, name: &str, target: IpAddr) -> Result<(), Fatal> {
    let owned = name.to_owned();
    let device = sys.net(move |net, ns| net.device_id(ns, net.device_index(ns, &owned)?)).await;
    match device {
        Some(device) => socket
            .set(SocketOption::BindToDevice(Some(device)))
            .await
            .map_err(|errno| Fatal::errno(&format!("SO_BINDTODEVICE {name}"), errno)),
        None if target.is_ipv6() || target.is_multicast() => Err(Fatal(2, format!("unknown iface: {name}"))),
        None => Err(Fatal::errno(&format!("SO_BINDTODEVICE {name}"), Errno::ENODEV)),
    }
}

/// The source that the kernel would choose: a datagram socket is connected, nothing is sent.
async fn probe_source(
    sys: &Sys,
    program: &str,
    options: &Options,
    socket: &Socket,
    target: SocketAddr,
) -> Result<IpAddr, (Errno, Fatal)> {
    let fatal = |what: &str, errno| (errno, Fatal::errno(what, errno));
    let probe = sys.socket(SocketKind::Udp).await.map_err(|errno| fatal("socket", errno))?;
    if let Some(name) = &options.device {
        for socket in [&probe, socket] {
            bind_device(sys, socket, name, target.ip()).await.map_err(|fatal| (Errno::ENODEV, fatal))?;
        }
    }
    if let Some(mark) = options.mark {
        set_mark(sys, program, &probe, mark).await;
    }
    if options.direct {
        probe.set(SocketOption::DontRoute(true)).await.ok();
    }
    let mut to = target;
    to.set_port(PROBE_PORT);
    match probe.connect(to, None).await {
        Ok(_) => {}
        Err(Errno::EACCES) if !options.broadcast => {
            let text = "Do you want to ping broadcast? Then -b. If not, check your local firewall rules";
            return Err((Errno::EACCES, Fatal(2, text.to_owned())));
        }
        Err(Errno::EACCES) => {
            sys.eprint("WARNING: pinging broadcast address\n").await;
            probe.set(SocketOption::Broadcast(true)).await.ok();
            probe.connect(to, None).await.map_err(|errno| fatal("connect", errno))?;
        }
        Err(errno) => return Err(fatal("connect", errno)),
    }
    let source = probe.local().await.map_err(|errno| fatal("getsockname", errno))?.ip();
    if let Some(name) = &options.device {
        let device = name.clone();
        let addresses = sys.net(move |net, ns| net.addresses(ns, Family::of(source))).await;
        if !addresses.iter().any(|address| address.device == device && address.local == source) {
            let text = "Warning: source address might be selected on device other than";
            sys.eprint(format!("{program}: {text}: {name}\n")).await;
        }
    }
    Ok(source)
}

/// Where it may not, it goes on without.
async fn set_mark(sys: &Sys, program: &str, socket: &Socket, mark: u32) {
    if let Err(errno) = socket.set(SocketOption::Mark(mark)).await {
        sys.eprint(format!("{program}: WARNING: failed to set mark: {mark}: {errno}\n")).await;
    }
}

async fn set_options(
    socket: &Socket,
    options: &Options,
    source: IpAddr,
    target: IpAddr,
) -> Result<(), Fatal> {
    let mut wanted = Vec::new();
    let multicast = options.broadcast || target.is_multicast();
    if let Some(discover) = options.mtu_discover.or(multicast.then_some(MtuDiscover::Do)) {
        wanted.push((SocketOption::MtuDiscover(discover), "IP_MTU_DISCOVER"));
    }
    if options.tos > 0 {
        wanted.push((SocketOption::Tos(options.tos), "setsockopt"));
    }
    if options.direct {
        wanted.push((SocketOption::DontRoute(true), "setsockopt"));
    }
    if options.strict_source {
        let what = if target.is_ipv4() { "bind" } else { "bind icmp socket" };
        socket.bind(SocketAddr::new(source, 0)).await.map_err(|errno| Fatal::errno(what, errno))?;
    }
    wanted.push((SocketOption::RecvErr(true), "setsockopt"));
    if options.broadcast {
        wanted.push((SocketOption::Broadcast(true), "cannot set broadcasting"));
    }
    if let Some(ttl) = options.ttl {
        let [multicast, unicast] = match target.is_ipv4() {
            true => ["cannot set multicast time-to-live", "cannot set unicast time-to-live"],
            false => ["can't set multicast hop limit", "can't set unicast hop limit"],
        };
        wanted.push((SocketOption::MulticastTtl(ttl), multicast));
        wanted.push((SocketOption::Ttl(ttl), unicast));
    }
    for (option, what) in wanted {
        socket.set(option).await.map_err(|errno| Fatal::errno(what, errno))?;
    }
    Ok(())
}
