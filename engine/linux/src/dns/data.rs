//! A record's data: what is kept of each type, on the wire and in text.
//!
//! Always: data that is not as its type says is kept as bytes.
//! Differs from BIND: types without a line here are shown in RFC 3597's `\# length hex` form.
//! Sources: RFC 1035 §3.3, RFC 2782, RFC 3597 §5, RFC 8659 (CAA).

use super::kind::Kind;
use super::name::Name;
use super::wire::{Compression, Reader, WireError, Writer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    /// NS, CNAME, PTR, DNAME: one name.
    Name(Name),
    Soa {
        mname: Name,
        rname: Name,
        serial: u32,
        refresh: u32,
        retry: u32,
        expire: u32,
        minimum: u32,
    },
    Mx {
        preference: u16,
        exchange: Name,
    },
    /// TXT and HINFO: strings of up to 255 bytes.
    Strings(Vec<Vec<u8>>),
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: Name,
    },
    Caa {
        flags: u8,
        tag: Vec<u8>,
        value: Vec<u8>,
    },
    Bytes(Vec<u8>),
}

impl From<IpAddr> for Data {
    fn from(address: IpAddr) -> Data {
        match address {
            IpAddr::V4(v4) => Data::A(v4),
            IpAddr::V6(v6) => Data::Aaaa(v6),
        }
    }
}

impl Data {
    /// The address of an A or AAAA record.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Data::A(v4) => Some(IpAddr::V4(*v4)),
            Data::Aaaa(v6) => Some(IpAddr::V6(*v6)),
            _ => None,
        }
    }

    /// The name of an NS, CNAME, PTR or DNAME record.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Data::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn read(kind: Kind, mut reader: Reader<'_>) -> Result<Data, WireError> {
        let data = match kind {
            Kind::A => {
                let bytes: [u8; 4] = reader.take(4)?.try_into().map_err(|_| WireError::FormErr)?;
                Data::A(bytes.into())
            }
            Kind::AAAA => {
                let bytes: [u8; 16] = reader.take(16)?.try_into().map_err(|_| WireError::FormErr)?;
                Data::Aaaa(bytes.into())
            }
            Kind::NS | Kind::CNAME | Kind::PTR | Kind::DNAME => Data::Name(reader.name()?),
            Kind::SOA => Data::Soa {
                mname: reader.name()?,
                rname: reader.name()?,
                serial: reader.u32()?,
                refresh: reader.u32()?,
                retry: reader.u32()?,
                expire: reader.u32()?,
                minimum: reader.u32()?,
            },
            Kind::MX => Data::Mx { preference: reader.u16()?, exchange: reader.name()? },
            Kind::TXT | Kind::HINFO | Kind::SPF => {
                let mut strings = Vec::new();
                while reader.left() > 0 {
                    let length = usize::from(reader.u8()?);
                    strings.push(reader.take(length)?.to_vec());
                }
                Data::Strings(strings)
            }
            Kind::SRV => Data::Srv {
                priority: reader.u16()?,
                weight: reader.u16()?,
                port: reader.u16()?,
                target: reader.name()?,
            },
            Kind::CAA => {
                let (flags, length) = (reader.u8()?, reader.u8()?);
                let tag = reader.take(usize::from(length))?.to_vec();
                Data::Caa { flags, tag, value: reader.take(reader.left())?.to_vec() }
            }
            _ => Data::Bytes(reader.take(reader.left())?.to_vec()),
        };
        if reader.left() > 0 { Err(WireError::FormErr) } else { Ok(data) }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Data::A(v4) => writer.bytes.extend(v4.octets()),
            Data::Aaaa(v6) => writer.bytes.extend(v6.octets()),
            Data::Name(name) => writer.inner(name, true),
            Data::Soa { mname, rname, serial, refresh, retry, expire, minimum } => {
                writer.inner(mname, true);
                writer.inner(rname, true);
                [serial, refresh, retry, expire, minimum].into_iter().for_each(|number| writer.u32(*number));
            }
            Data::Mx { preference, exchange } => {
                writer.u16(*preference);
                writer.inner(exchange, true);
            }
            Data::Strings(strings) => {
                for string in strings {
                    let string = &string[..string.len().min(255)];
                    writer.bytes.push(string.len() as u8);
                    writer.bytes.extend(string);
                }
            }
            Data::Srv { priority, weight, port, target } => {
                [priority, weight, port].into_iter().for_each(|number| writer.u16(*number));
                writer.inner(target, false);
            }
            Data::Caa { flags, tag, value } => {
                writer.bytes.extend([*flags, tag.len().min(255) as u8]);
                writer.bytes.extend(&tag[..tag.len().min(255)]);
                writer.bytes.extend(value);
            }
            Data::Bytes(bytes) => writer.bytes.extend(bytes),
        }
    }

    /// As on the wire, uncompressed.
    pub fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Compression::None);
        self.write(&mut writer);
        writer.bytes
    }

    /// Reads what stands behind the type in a zone file, split into words; quotes are taken off already.
    pub fn parse(kind: Kind, words: &[&str]) -> Option<Data> {
        let name = |index: usize| Name::parse(words.get(index)?).ok();
        let number = |index: usize| words.get(index)?.parse().ok();
        let count = |count: usize| (words.len() == count).then_some(());
        Some(match kind {
            Kind::A => count(1).and_then(|()| words[0].parse().ok()).map(Data::A)?,
            Kind::AAAA => count(1).and_then(|()| words[0].parse().ok()).map(Data::Aaaa)?,
            Kind::NS | Kind::CNAME | Kind::PTR | Kind::DNAME => {
                count(1).and_then(|()| name(0)).map(Data::Name)?
            }
            Kind::MX => {
                count(2)?;
                Data::Mx { preference: u16::try_from(number(0)?).ok()?, exchange: name(1)? }
            }
            Kind::SRV => {
                count(4)?;
                let short = |index| u16::try_from(number(index)?).ok();
                Data::Srv { priority: short(0)?, weight: short(1)?, port: short(2)?, target: name(3)? }
            }
            Kind::SOA => {
                count(7)?;
                Data::Soa {
                    mname: name(0)?,
                    rname: name(1)?,
                    serial: number(2)?,
                    refresh: number(3)?,
                    retry: number(4)?,
                    expire: number(5)?,
                    minimum: number(6)?,
                }
            }
            Kind::TXT | Kind::HINFO => {
                Data::Strings(words.iter().map(|word| word.as_bytes().to_vec()).collect())
            }
            _ => return None,
        })
    }
}

/// As in a zone file.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::A(v4) => v4.fmt(f),
            Data::Aaaa(v6) => v6.fmt(f),
            Data::Name(name) => name.fmt(f),
            Data::Soa { mname, rname, serial, refresh, retry, expire, minimum } => {
                write!(f, "{mname} {rname} {serial} {refresh} {retry} {expire} {minimum}")
            }
            Data::Mx { preference, exchange } => write!(f, "{preference} {exchange}"),
            Data::Strings(strings) => {
                for (index, string) in strings.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " " })?;
                    quoted(string, f)?;
                }
                Ok(())
            }
            Data::Srv { priority, weight, port, target } => write!(f, "{priority} {weight} {port} {target}"),
            Data::Caa { flags, tag, value } => {
                write!(f, "{flags} {} ", String::from_utf8_lossy(tag))?;
                quoted(value, f)
            }
            Data::Bytes(bytes) => {
                write!(f, "\\# {}", bytes.len())?;
                for (index, byte) in bytes.iter().enumerate() {
                    // BIND breaks the digits after each 32 bytes.
                    f.write_str(if index % 32 == 0 { " " } else { "" })?;
                    write!(f, "{byte:02X}")?;
                }
                Ok(())
            }
        }
    }
}

fn quoted(string: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for &byte in string {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", byte as char)?,
            0x20..=0x7e => write!(f, "{}", byte as char)?,
            _ => write!(f, "\\{byte:03}")?,
        }
    }
    f.write_str("\"")
}
