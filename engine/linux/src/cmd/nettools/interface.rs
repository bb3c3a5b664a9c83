//! An interface as `ifconfig` and `netstat -i` show it.

use super::ioctl::mask;
use api::NetnsId;
use net::rtnetlink::{Address, Family, Link, LinkAddress, LinkType};
use net::{Errno, Network, device::flags};
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr};

/// What is told of one device, or of one alias of it.
#[derive(Clone, Debug)]
pub struct Interface {
    pub name: String,
    pub link: Link,
    pub address: Option<Address>,
    pub inet6: Vec<Address>,
}

impl Interface {
    /// Counters are the device's, not an alias's.
    fn has_statistics(&self) -> bool {
        self.name == self.link.name
    }

    /// The flags that the ioctl tells: sixteen bits.
    fn flags(&self) -> u32 {
        self.link.flags & 0xffff
    }
}

/// What stands under that name.
pub fn fetch(net: &mut Network, ns: NetnsId, name: &str) -> Result<Interface, Errno> {
    let link = super::ioctl::device(net, ns, name)?;
    let address = super::ioctl::labelled(net, ns, name);
    let mut inet6 = net.addresses(ns, Family::Inet6);
    inet6.retain(|address| address.index == link.index && link.name == name);
    Ok(Interface { name: name.to_owned(), link, address, inet6 })
}

/// Devices and aliases, in the order in which they are listed.
pub fn all_names(net: &mut Network, ns: NetnsId) -> Vec<String> {
    let mut names: Vec<String> = net.links(ns).into_iter().map(|link| link.name).collect();
    for label in net.addresses(ns, Family::Inet).into_iter().filter_map(|address| address.label) {
        if !names.contains(&label) {
            names.push(label);
        }
    }
    names.sort_by(|a, b| order(a, b));
    names
}

/// Names by their letters, then by the number at their end: eth2 before eth10, and eth0:1 after eth0.
fn order(a: &str, b: &str) -> Ordering {
    let ((a, a_alias), (b, b_alias)) = (split_alias(a), split_alias(b));
    let (a_end, b_end) = (letters(a), letters(b));
    let common = a_end.min(b_end);
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    a.as_bytes()[..common]
        .cmp(&b.as_bytes()[..common])
        .then(a_end.cmp(&b_end))
        .then_with(|| number(&a[a_end..]).cmp(&number(&b[b_end..])))
        .then(a.cmp(b))
        .then(a_alias.map(number).cmp(&b_alias.map(number)))
}

/// `eth0:1` is `eth0` and `1`.
fn split_alias(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit()) => {
            (base, Some(number))
        }
        _ => (name, None),
    }
}

/// How long a name is without the digits at its end.
fn letters(name: &str) -> usize {
    name.trim_end_matches(|letter: char| letter.is_ascii_digit()).len()
}

pub const SHORT_HEADING: &str =
    "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n";

/// One line of `ifconfig -s`.
pub fn short(interface: &Interface) -> String {
    let mut out = format!("{:<15.15} {:5} ", interface.name, interface.link.mtu);
    if interface.has_statistics() {
        let stats = &interface.link.stats;
        let dropped = stats.rx_dropped + stats.rx_missed;
        out += &format!("{:8} {:6} {:6} {:<6} ", stats.rx_packets, stats.rx_errors, dropped, 0);
        out += &format!("{:8} {:6} {:6} {:6} ", stats.tx_packets, stats.tx_errors, stats.tx_dropped, 0);
    } else {
        out += &format!("{:<56}", "     - no statistics available -");
    }
    let letters = [
        (flags::ALLMULTI, 'A'),
        (flags::BROADCAST, 'B'),
        (flags::LOOPBACK, 'L'),
        (flags::MULTICAST, 'M'),
        (flags::PROMISC, 'P'),
        (flags::NOTRAILERS, 'N'),
        (flags::NOARP, 'O'),
        (flags::POINTOPOINT, 'P'),
        (flags::RUNNING, 'R'),
        (flags::UP, 'U'),
    ];
    if interface.flags() == 0 {
        out += "[NO FLAGS]";
    }
    out.extend(letters.iter().filter(|(bit, _)| interface.flags() & bit != 0).map(|(_, letter)| letter));
    out + "\n"
}

/// `flags=4163<UP,BROADCAST,RUNNING,MULTICAST>`
fn flags_text(bits: u32) -> String {
    let names = [
        (flags::UP, "UP"),
        (flags::BROADCAST, "BROADCAST"),
        (flags::LOOPBACK, "LOOPBACK"),
        (flags::POINTOPOINT, "POINTOPOINT"),
        (flags::NOTRAILERS, "NOTRAILERS"),
        (flags::RUNNING, "RUNNING"),
        (flags::NOARP, "NOARP"),
        (flags::PROMISC, "PROMISC"),
        (flags::ALLMULTI, "ALLMULTI"),
        (flags::MULTICAST, "MULTICAST"),
    ];
    let shown: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    match (bits, shown.is_empty()) {
        // The real one cuts off the bracket it has not closed.
        (0, _) | (_, false) => format!("flags={bits}<{}>", shown.join(",")),
        (_, true) => format!("flags={bits}"),
    }
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// The paragraph of one interface, an empty line at its end.
pub fn long(interface: &Interface) -> String {
    let link = &interface.link;
    let bits = interface.flags();
    let mut out = format!("{}: {}  mtu {}\n", interface.name, flags_text(bits), link.mtu);
    if let Some(address) = &interface.address {
        out += &format!("        inet {}  netmask {}", v4(address.local), mask(address.prefix));
        if bits & flags::BROADCAST != 0 {
            let broadcast = address.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED);
            out += &format!("  broadcast {broadcast}");
        }
        if bits & flags::POINTOPOINT != 0 {
            out += &format!("  destination {}", v4(address.peer));
        }
        out += "\n";
    }
    for address in &interface.inet6 {
        out += &inet6(address);
    }
    let (kind, title) = match link.link_type {
        LinkType::Ether => ("ether", "Ethernet"),
        LinkType::Loopback => ("loop", "Local Loopback"),
        LinkType::Ipip => ("tunnel", "IPIP Tunnel"),
    };
    out += &format!("        {kind}");
    if let (LinkType::Ether, LinkAddress::Ether(mac)) = (link.link_type, link.address) {
        out += &format!(" {}", crate::cmd::iproute2::lladdr::text(&mac.0));
    }
    out += &format!("  txqueuelen {}  ({title})\n", link.txqlen);
    if interface.has_statistics() {
        out += &statistics(link);
    }
    out + "\n"
}

/// An IPv6 address with its scope as /proc/net/if_inet6 numbers it.
fn inet6(address: &Address) -> String {
    let IpAddr::V6(v6) = address.local else { return String::new() };
    let (scope, name) = match v6.segments()[0] {
        _ if v6.is_loopback() => (0x10, "<host>"),
        0xfe80..=0xfebf => (0x20, "<link>"),
        0xfec0..=0xfeff => (0x40, "<site>"),
        _ if v6.to_ipv4().is_some() && v6.to_ipv4_mapped().is_none() => (0x80, "<compat,global>"),
        _ => (0, "<global>"),
    };
    let text = crate::cmd::iproute2::prefix::text(address.local);
    format!("        inet6 {text}  prefixlen {}  scopeid 0x{scope:x}{name}\n", address.prefix)
}

/// `1.2 KiB`: tenths of the unit that is not larger.
fn human(bytes: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (1 << 60, "EiB"),
        (1 << 50, "PiB"),
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let unit = UNITS.iter().find(|(size, _)| bytes > *size);
    let (size, name) = unit.copied().unwrap_or((1, "B"));
    let tenths = u128::from(bytes) * 10 / u128::from(size);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

fn statistics(link: &Link) -> String {
    let stats = &link.stats;
    let (rx, tx) = (stats.rx_bytes, stats.tx_bytes);
    let dropped = stats.rx_dropped + stats.rx_missed;
    let frame = stats.rx_length_errors + stats.rx_over_errors;
    let carrier = stats.tx_carrier_errors + stats.tx_aborted_errors;
    format!(
        "        RX packets {}  bytes {rx} ({})\n        \
         RX errors {}  dropped {dropped}  overruns 0  frame {frame}\n        \
         TX packets {}  bytes {tx} ({})\n        \
         TX errors {}  dropped {} overruns 0  carrier {carrier}  collisions {}\n",
        stats.rx_packets,
        human(rx),
        stats.rx_errors,
        stats.tx_packets,
        human(tx),
        stats.tx_errors,
        stats.tx_dropped,
        stats.collisions
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_the_number_at_their_end() {
        let mut names = ["veth10", "lo", "veth2", "eth0:1", "eth0", "eth10", "br-a"];
        names.sort_by(|a, b| order(a, b));
        assert_eq!(names, ["br-a", "eth0", "eth0:1", "eth10", "lo", "veth2", "veth10"]);
    }

    #[test]
    fn bytes_are_told_in_tenths_of_the_largest_unit_below() {
        assert_eq!(human(0), "0.0 B");
        assert_eq!(human(1024), "1024.0 B");
        assert_eq!(human(1536), "1.5 KiB");
        assert_eq!(human(5_000_000), "4.7 MiB");
    }

    #[test]
    fn flags_are_a_number_and_names() {
        assert_eq!(flags_text(4163), "flags=4163<UP,BROADCAST,RUNNING,MULTICAST>");
        assert_eq!(flags_text(73), "flags=73<UP,LOOPBACK,RUNNING>");
        assert_eq!(flags_text(0), "flags=0<>");
    }
}
