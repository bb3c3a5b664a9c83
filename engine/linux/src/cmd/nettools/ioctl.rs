//! The ioctls of netdevice(7) that set a device's flags and its addresses, `eth0:1` among them.
//!
//! Always: an alias is an address whose label is the alias's name.
//! Source: netdevice(7); net/ipv4/devinet.c as seen from outside.

use api::NetnsId;
use net::rtnetlink::{Address, AddressRequest, Family, Link, LinkRequest, Mode, scope};
use net::{Errno, Network, device::flags};
use std::net::{IpAddr, Ipv4Addr};

type Done = Result<(), Errno>;

/// The device of a name, be it an alias's.
pub fn device(net: &mut Network, ns: NetnsId, name: &str) -> Result<Link, Errno> {
    let base = name.split(':').next().unwrap_or(name);
    net.link_by_name(ns, base).map_err(|_| Errno::ENODEV)
}

/// The address that a name stands for: the first that is labelled so.
pub fn labelled(net: &Network, ns: NetnsId, name: &str) -> Option<Address> {
    net.addresses(ns, Family::Inet).into_iter().find(|address| address.label.as_deref() == Some(name))
}

/// SIOCSIFFLAGS with these bits set and those cleared.
pub fn set_flags(net: &mut Network, ns: NetnsId, name: &str, set: u32, clear: u32) -> Done {
    let link = device(net, ns, name)?;
    if name.contains(':') {
        let alias = labelled(net, ns, name).ok_or(Errno::EADDRNOTAVAIL)?;
        if clear & flags::UP != 0 {
            remove(net, ns, &alias)?;
        }
        return Ok(());
    }
    let switch = |bit: u32| match (set & bit != 0, clear & bit != 0) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    // Kinds of device (BROADCAST, POINTOPOINT …) are not for the user to change; the kernel says nothing of it.
    let request = LinkRequest {
        index: Some(link.index),
        up: switch(flags::UP),
        arp: switch(flags::NOARP).map(|off| !off),
        promisc: switch(flags::PROMISC),
        multicast: switch(flags::MULTICAST),
        allmulticast: switch(flags::ALLMULTI),
        trailers: switch(flags::NOTRAILERS).map(|off| !off),
        ..LinkRequest::default()
    };
    net.link_set(ns, &request).map_err(|error| error.errno)
}

/// The length of an address's class; none where it is no host's.
fn class_length(address: Ipv4Addr) -> Option<u8> {
    match address.octets()[0] {
        0 => Some(0),
        _ if address.is_broadcast() => Some(0),
        1..=127 => Some(8),
        128..=191 => Some(16),
        192..=223 => Some(24),
        224..=239 => None,
        240..=255 => Some(32),
    }
}

pub fn mask(prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0))
}

fn remove(net: &mut Network, ns: NetnsId, address: &Address) -> Done {
    let request = AddressRequest {
        label: address.label.clone(),
        peer: Some(address.peer),
        ..AddressRequest::new(address.index, address.local, address.prefix)
    };
    net.address_delete(ns, &request).map_err(|error| error.errno)
}

/// Puts an address in the place of what stands under its label.
fn insert(net: &mut Network, ns: NetnsId, request: &AddressRequest) -> Done {
    net.address_add(ns, request, Mode::Add).map_err(|error| error.errno)
}

fn request_of(address: &Address) -> AddressRequest {
    AddressRequest {
        label: address.label.clone(),
        peer: Some(address.peer),
        broadcast: address.broadcast,
        scope: address.scope,
        ..AddressRequest::new(address.index, address.local, address.prefix)
    }
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// SIOCSIFADDR
pub fn set_address(net: &mut Network, ns: NetnsId, name: &str, address: Ipv4Addr) -> Done {
    let link = device(net, ns, name)?;
    let prefix = class_length(address).ok_or(Errno::EINVAL)?;
    if let Some(old) = labelled(net, ns, name) {
        if old.local == IpAddr::V4(address) {
            return Ok(());
        }
        remove(net, ns, &old)?;
    }
    if address.is_unspecified() {
        return Ok(());
    }
    let is_pointopoint = link.flags & flags::POINTOPOINT != 0;
    let prefix = if is_pointopoint { 32 } else { prefix };
    let has_broadcast = !is_pointopoint && link.flags & flags::BROADCAST != 0 && prefix < 31;
    insert(
        net,
        ns,
        &AddressRequest {
            label: Some(name.to_owned()),
            broadcast: has_broadcast.then(|| address | !mask(prefix)),
            scope: if address.is_loopback() { scope::HOST } else { scope::UNIVERSE },
            ..AddressRequest::new(link.index, address.into(), prefix)
        },
    )
}

fn existing(net: &mut Network, ns: NetnsId, name: &str) -> Result<(Link, Address), Errno> {
    let link = device(net, ns, name)?;
    let address = labelled(net, ns, name).ok_or(Errno::EADDRNOTAVAIL)?;
    Ok((link, address))
}

/// SIOCSIFNETMASK: a broadcast address that fitted the old mask is made to fit the new one.
pub fn set_netmask(net: &mut Network, ns: NetnsId, name: &str, netmask: Ipv4Addr) -> Done {
    let (link, old) = existing(net, ns, name)?;
    let host = !u32::from(netmask);
    if host & host.wrapping_add(1) != 0 {
        return Err(Errno::EINVAL);
    }
    let prefix = u32::from(netmask).leading_ones() as u8;
    if prefix == old.prefix {
        return Ok(());
    }
    let local = v4(old.local);
    let mut request = AddressRequest { prefix, ..request_of(&old) };
    let fitted = old.broadcast == Some(local | !mask(old.prefix));
    if link.flags & flags::BROADCAST != 0 && prefix < 31 && fitted {
        request.broadcast = Some(local | !netmask);
    }
    remove(net, ns, &old)?;
    insert(net, ns, &request)
}

/// SIOCSIFBRDADDR
pub fn set_broadcast(net: &mut Network, ns: NetnsId, name: &str, broadcast: Ipv4Addr) -> Done {
    let (_, old) = existing(net, ns, name)?;
    if old.broadcast == Some(broadcast) {
        return Ok(());
    }
    remove(net, ns, &old)?;
    let broadcast = Some(broadcast).filter(|it| !it.is_unspecified());
    insert(net, ns, &AddressRequest { broadcast, ..request_of(&old) })
}

/// SIOCSIFDSTADDR
pub fn set_peer(net: &mut Network, ns: NetnsId, name: &str, peer: Ipv4Addr) -> Done {
    let (_, old) = existing(net, ns, name)?;
    if old.peer == IpAddr::V4(peer) {
        return Ok(());
    }
    class_length(peer).ok_or(Errno::EINVAL)?;
    remove(net, ns, &old)?;
    insert(net, ns, &AddressRequest { peer: Some(peer.into()), ..request_of(&old) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_mask_of_its_class() {
        let length = |text: &str| class_length(text.parse().expect("an address"));
        assert_eq!(length("10.1.2.3"), Some(8));
        assert_eq!(length("172.16.0.1"), Some(16));
        assert_eq!(length("192.168.1.1"), Some(24));
        assert_eq!(length("224.0.0.1"), None);
        assert_eq!(length("0.0.0.0"), Some(0));
        assert_eq!(mask(0), Ipv4Addr::UNSPECIFIED);
        assert_eq!(mask(20), Ipv4Addr::new(255, 255, 240, 0));
        assert_eq!(mask(32), Ipv4Addr::BROADCAST);
    }
}
