//! Capturing on a device, or on all of them.
//!
//! Source: tcpdump.c 4.99.3 (`main`, `info`); libpcap 1.10.3, pcap-linux.c.

use super::filter::{Compiled, Input, LinkType};
use super::options::{Direction, Options};
use super::{Fatal, Output, compile, device, file};
use crate::cmd::Exit;
use crate::signal::Signal;
use crate::socket::Socket;
use crate::sys::Sys;
use api::DeviceId;
use net::rtnetlink::{Family, Link};
use net::socket::{ALL_PROTOCOLS, Filter, Frame, FrameKind, FrameView};
use net::{Errno, SocketKind, SocketOption};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The ring that libpcap asks for.
const BUFFER: u32 = 2 << 20;
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

/// Devices of the namespace by index, for the cooked header.
pub(super) async fn device_names(sys: &Sys) -> BTreeMap<u32, String> {
    sys.net(|net, ns| net.links(ns)).await.into_iter().map(|link| (link.index, link.name)).collect()
}

/// What is known of the devices when the capture begins.
#[derive(Clone, Debug, Default)]
struct Devices {
    /// (ifindex, is it loopback?)
    index: BTreeMap<DeviceId, (u32, bool)>,
}

impl Devices {
    fn of(links: &[Link]) -> Devices {
        Devices {
            index: links.iter().map(|link| (link.id, (link.index, link.flags & LOOPBACK != 0))).collect(),
        }
    }

    fn ifindex(&self, device: DeviceId) -> u32 {
        self.index.get(&device).map_or(0, |(index, _)| *index)
    }

    fn loopback(&self, device: DeviceId) -> bool {
        self.index.get(&device).is_some_and(|(_, loopback)| *loopback)
    }

    /// The header of LINUX_SLL2 instead of Ethernet's.
    fn cook(&self, view: &FrameView) -> Vec<u8> {
        let ethertype = view.bytes.get(12..14).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
        let protocol = if ethertype <= 1500 { 4 } else { ethertype };
        let mut bytes = Vec::with_capacity(view.bytes.len() + 6);
        bytes.extend(protocol.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.ifindex(view.device).to_be_bytes());
        let hardware = if self.loopback(view.device) { ARPHRD_LOOPBACK } else { ARPHRD_ETHER };
        bytes.extend(hardware.to_be_bytes());
        bytes.push(match view.kind {
            FrameKind::Host => 0,
            FrameKind::Broadcast => 1,
            FrameKind::Multicast => 2,
            FrameKind::OtherHost => 3,
            FrameKind::Outgoing => 4,
        });
        bytes.push(6);
        bytes.extend(view.bytes.get(6..12).unwrap_or(&[0; 6]));
        bytes.extend([0, 0]);
        bytes.extend(view.bytes.get(14..).unwrap_or_default());
        bytes
    }
}

/// Where it listens.
struct Place {
    name: String,
    device: Option<DeviceId>,
    link: LinkType,
    netmask: u32,
}

async fn place(sys: &Sys, options: &Options, links: &[Link]) -> Result<Place, Fatal> {
    let name = match &options.device {
        None => device::rows(sys).await.into_iter().next().map_or_else(|| "any".into(), |row| row.name),
        Some(given) => numbered(sys, given, links).await?,
    };
    if sys.uid().await != 0 {
        let reason = "You don't have permission to perform this capture on that device";
        return Err(Fatal(format!("{name}: {reason}\n(socket: Operation not permitted)")));
    }
    if name == "any" {
        return Ok(Place { name, device: None, link: LinkType::Cooked, netmask: 0 });
    }
    let Some(link) = links.iter().find(|link| link.name == name) else {
        return Err(Fatal(format!("{name}: No such device exists\n(No such device exists)")));
    };
    if link.flags & UP == 0 {
        return Err(Fatal(format!("{name}: That device is not up")));
    }
    let index = link.index;
    let addresses = sys.net(move |net, ns| net.addresses(ns, Family::Inet)).await;
    let first =
        addresses.iter().find(|address| address.index == index && matches!(address.local, IpAddr::V4(_)));
    let netmask = first
        .map_or(0, |address| if address.prefix == 0 { 0 } else { u32::MAX << (32 - address.prefix.min(32)) });
    Ok(Place { name, device: Some(link.id), link: LinkType::Ethernet, netmask })
}

/// `-i 2` is the second of `-D`, unless a device is called so.
async fn numbered(sys: &Sys, given: &str, links: &[Link]) -> Result<String, Fatal> {
    let number: Option<usize> = given.parse().ok();
    match number {
        Some(number) if !links.iter().any(|link| link.name == given) => {
            let row = number.checked_sub(1).and_then(|index| Some(index).filter(|index| *index < usize::MAX));
            let rows = device::rows(sys).await;
            let name = row.and_then(|index| rows.get(index)).map(|row| row.name.clone());
            name.ok_or_else(|| Fatal("Invalid adapter index".into()))
        }
        _ => Ok(given.to_string()),
    }
}

pub(super) async fn capture(sys: &Sys, program: &str, mut options: Options) -> Result<Exit, Fatal> {
    let links = sys.net(|net, ns| net.links(ns)).await;
    let place = place(sys, &options, &links).await?;
    if options.list_stamps {
        sys.print(format!("Time stamp types for {} (use option -j to set):\n  host (Host)\n", place.name))
            .await;
        return Ok(Exit::OK);
    }
    let words = match place.link {
        LinkType::Ethernet => "EN10MB (Ethernet)",
        LinkType::Cooked => "LINUX_SLL2 (Linux cooked v2)",
    };
    if options.list_links {
        let name = &place.name;
        sys.print(format!("Data link types for {name} (use option -y to set):\n  {words}\n")).await;
        return Ok(Exit::OK);
    }
    if let Some(wanted) = options.link_type.as_deref().filter(|wanted| !words.starts_with(*wanted)) {
        return Err(Fatal(format!("{wanted} is not one of the DLTs supported by this device\n")));
    }
    if options.device.is_some() && place.link == LinkType::Cooked || options.link_type.is_some() {
        let name = words.split(' ').next().unwrap_or_default();
        sys.eprint(format!("{program}: data link type {name}\n")).await;
    }
    options.style.cooked = place.link == LinkType::Cooked;
    let compiled = compile(sys, &options, place.link, Some(place.netmask), true).await?;
    let devices = Devices::of(&links);
    let socket = open(sys, &place, compiled, &devices, options.direction).await?;
    let link_type = if place.link == LinkType::Cooked { file::SLL2 } else { file::ETHERNET };
    let mut output = Output::new(sys, &options, link_type).await?;
    output.lookup.devices = links.into_iter().map(|link| (link.index, link.name)).collect();
    let front = match options.style.verbose == 0 && options.write.is_none() {
        true => format!("{program}: verbose output suppressed, use -v[v]... for full protocol decode\n"),
        false => format!("{program}: "),
    };
    for signal in [Signal::Int, Signal::Term, Signal::Hup] {
        sys.catch(signal).await;
    }
    sys.eprint(format!(
        "{front}listening on {}, link-type {words}, snapshot length {} bytes\n",
        place.name, options.snaplen
    ))
    .await;
    let ended = listen(sys, &socket, &devices, &options, &mut output).await;
    if options.write.is_none() && matches!(ended, Ended::Interrupted) {
        output.pending.push('\n');
    }
    output.finish().await;
    let captured = output.captured;
    if options.only_count {
        sys.print(format!("{captured} packet{}\n", if captured == 1 { "" } else { "s" })).await;
    }
    if let Ended::Failed(text) = &ended {
        sys.eprint(format!("{program}: pcap_loop: {text}\n")).await;
    }
    let (waiting, dropped) = left(&socket).await;
    let received = captured + waiting + u64::from(dropped);
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    sys.eprint(format!(
        "{captured} packet{} captured\n{received} packet{} received by filter\n{dropped} packet{} dropped by kernel\n",
        plural(captured),
        plural(received),
        plural(dropped.into()),
    ))
    .await;
    Ok(if matches!(ended, Ended::Failed(_)) { Exit::FAILURE } else { Exit::OK })
}

async fn open(
    sys: &Sys,
    place: &Place,
    compiled: Compiled,
    devices: &Devices,
    direction: Direction,
) -> Result<Socket, Fatal> {
    let kind = SocketKind::Packet { device: place.device, protocol: ALL_PROTOCOLS };
    let name = &place.name;
    let socket = sys.socket(kind).await.map_err(|errno| match errno {
        Errno::EPERM => Fatal(format!(
            "{name}: You don't have permission to perform this capture on that device\n(socket: {errno})"
        )),
        errno => Fatal(format!("{name}: {errno}")),
    })?;
    let (devices, link) = (devices.clone(), place.link);
    let filter = move |view: &FrameView| {
        let outgoing = view.kind == FrameKind::Outgoing;
        // What leaves over loopback is seen when it comes back in.
        let twice = outgoing && devices.loopback(view.device);
        let wanted = match direction {
            Direction::Both => true,
            Direction::In => !outgoing,
            Direction::Out => outgoing,
        };
        if twice || !wanted {
            return false;
        }
        let ifindex = devices.ifindex(view.device);
        match link {
            LinkType::Ethernet => compiled.matches(&Input { bytes: view.bytes, outgoing, ifindex }),
            LinkType::Cooked => compiled.matches(&Input { bytes: &devices.cook(view), outgoing, ifindex }),
        }
    };
    for option in [SocketOption::ReceiveBuffer(BUFFER), SocketOption::Filter(Filter(Arc::new(filter)))] {
        socket.set(option).await.map_err(|errno| Fatal(format!("{name}: {errno}")))?;
    }
    Ok(socket)
}

enum Ended {
    /// As many as `-c` said.
    Enough,
    Interrupted,
    Failed(String),
}

async fn listen(
    sys: &Sys,
    socket: &Socket,
    devices: &Devices,
    options: &Options,
    output: &mut Output<'_>,
) -> Ended {
    loop {
        let frame: Frame = match socket.until(None, |net, id| net.recv_frame(id)).await {
            Ok(Some(frame)) => frame,
            Ok(None) => continue,
            Err(Errno::EINTR) => return Ended::Interrupted,
            Err(Errno::ENETDOWN) => return Ended::Failed("The interface disappeared".into()),
            Err(errno) => return Ended::Failed(errno.to_string()),
        };
        let view = FrameView { bytes: &frame.bytes, device: frame.device, kind: frame.kind };
        let mut bytes = if options.style.cooked { devices.cook(&view) } else { frame.bytes.clone() };
        let length = bytes.len() as u32;
        bytes.truncate(options.snaplen as usize);
        let at = frame.at;
        let at = sys.ask(move |system, _| system.realtime(at)).await;
        output.packet(at, &bytes, length).await;
        if options.count.is_some_and(|count| output.captured >= count) {
            return Ended::Enough;
        }
    }
}

/// Frames that nobody read any more, and those the kernel had no room for.
async fn left(socket: &Socket) -> (u64, u32) {
    let mut waiting = 0;
    while socket.call(|net, id| net.recv_frame(id)).await.is_ok() {
        waiting += 1;
    }
    (waiting, socket.call(|net, id| net.take_packet_drops(id)).await.unwrap_or(0))
}
