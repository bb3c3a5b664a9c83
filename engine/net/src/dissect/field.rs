//! Reading a layer: bytes at offsets, and the tree fields that stand on them.
//!
//! Always: a field's range lies inside the frame; what is not there reads as `None`, never panics.

use api::inspect::Field;
use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A part of a frame: a layer with what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    pub bytes: &'a [u8],
    /// Where `bytes` begins in the frame.
    pub at: usize,
}

impl<'a> Layer<'a> {
    pub fn u8(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub fn u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    pub fn ipv4(&self, at: usize) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from_octets(*self.bytes.get(at..)?.first_chunk()?))
    }

    pub fn ipv6(&self, at: usize) -> Option<Ipv6Addr> {
        Some(Ipv6Addr::from_octets(*self.bytes.get(at..)?.first_chunk()?))
    }

    pub fn mac(&self, at: usize) -> Option<String> {
        let octets: &[u8; 6] = self.bytes.get(at..)?.first_chunk()?;
        Some(mac(octets))
    }

    /// What follows the first `header` bytes.
    pub fn after(&self, header: usize) -> Layer<'a> {
        let header = header.min(self.bytes.len());
        Layer { bytes: &self.bytes[header..], at: self.at + header }
    }

    /// The first `length` bytes, or as many as there are.
    pub fn first(&self, length: usize) -> Layer<'a> {
        Layer { bytes: &self.bytes[..length.min(self.bytes.len())], at: self.at }
    }

    /// A field over `length` bytes from `at` on, both cut to what is there.
    pub fn field(
        &self,
        name: &str,
        at: usize,
        length: usize,
        text: impl Into<String>,
        value: impl Display,
    ) -> Field {
        let start = at.min(self.bytes.len());
        let length = length.min(self.bytes.len() - start);
        Field {
            name: name.into(),
            text: text.into(),
            value: value.to_string(),
            start: (self.at + start) as u32,
            length: length as u32,
            fields: Vec::new(),
        }
    }

    /// `Label: value`
    pub fn plain(&self, name: &str, label: &str, at: usize, length: usize, value: impl Display) -> Field {
        let value = value.to_string();
        self.field(name, at, length, format!("{label}: {value}"), value)
    }

    /// A number shown in hexadecimal, `digits` wide.
    pub fn hex(&self, name: &str, label: &str, at: usize, length: usize, value: u32) -> Field {
        let value = format!("0x{value:0width$x}", width = length * 2);
        self.plain(name, label, at, length, value)
    }

    /// One bit of a flags field.
    pub fn bit(&self, name: &str, label: &str, at: usize, length: usize, set: bool) -> Field {
        self.field(name, at, length, format!("{label}: {}", if set { "Set" } else { "Not set" }), set)
    }
}

pub(super) fn mac(octets: &[u8; 6]) -> String {
    octets.map(|octet| format!("{octet:02x}")).join(":")
}

pub(super) fn with(mut field: Field, fields: Vec<Field>) -> Field {
    field.fields = fields;
    field
}

/// Bytes as text: what is not printable ASCII is a dot.
pub(super) fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { *byte as char } else { '.' }).collect()
}
