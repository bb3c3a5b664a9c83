//! Data that a configuration holds in line or names by file.

use crate::config::core::{
    Address, AddressAddress, DataSource, DataSourceSpecifier, SocketAddress, SocketAddressPortSpecifier,
};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Reads a file for the proxy, which itself has no file system.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The bytes of a data source.
pub fn bytes(source: &DataSource, read: ReadFile<'_>) -> Result<Vec<u8>, String> {
    match &source.specifier {
        DataSourceSpecifier::Filename(path) => read(path),
        DataSourceSpecifier::InlineString(text) => Ok(text.clone().into_bytes()),
        DataSourceSpecifier::InlineBytes(text) => {
            base64(text).ok_or_else(|| "inline_bytes: not base64".to_owned())
        }
        DataSourceSpecifier::EnvironmentVariable(name) => Err(format!(
            "environment_variable: not simulated in vethlab; use inline_string instead of {name}"
        )),
    }
}

/// The text of a data source.
pub fn text(source: &DataSource, read: ReadFile<'_>) -> Result<String, String> {
    String::from_utf8(bytes(source, read)?).map_err(|_| "not UTF-8".to_owned())
}

/// Standard or URL-safe base64, with or without padding.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut count) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

/// The host and port of an address; a pipe has none.
pub fn host_port(address: &Address) -> Result<(&str, u16), String> {
    match &address.address {
        AddressAddress::SocketAddress(it) => Ok((&it.address, port(it))),
        AddressAddress::Pipe(_) => Err("pipe: not simulated in vethlab; use socket_address".to_owned()),
    }
}

fn port(address: &SocketAddress) -> u16 {
    let SocketAddressPortSpecifier::PortValue(port) = address.port_specifier;
    port as u16
}

/// An address that must be an IP address.
pub fn socket_address(address: &Address) -> Result<SocketAddr, String> {
    let (host, port) = host_port(address)?;
    let ip: IpAddr = host.parse().map_err(|_| format!("malformed IP address: {host}"))?;
    Ok(SocketAddr::new(ip, port))
}

/// The longest time there is, some hundred and forty years of nanoseconds: added to a time it overflows nothing.
pub const LONGEST: u64 = u64::MAX / 4;

/// A duration in nanoseconds, of at most `LONGEST`.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(LONGEST).min(LONGEST)
}

/// An optional duration in nanoseconds: the default where there is none, none where it is nought.
pub fn timeout(duration: Option<Duration>, default: Option<Duration>) -> Option<u64> {
    duration.or(default).map(nanos).filter(|it| *it > 0)
}
