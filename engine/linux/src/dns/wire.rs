//! Bytes to names and back: reading with bounds, writing with or without compression.
//!
//! Always: reading never goes past the message; a name's pointers lead strictly backwards, so they end.
//! Source: RFC 1035 §4.1.4.

use super::name::Name;
use std::fmt;

/// A pointer holds 14 bits.
const POINTER_LIMIT: usize = 0x4000;

/// How a writer shortens names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Only an owner that stands in the message already, whole (dnsmasq).
    Owners,
    /// Every name's longest known ending, in owners and in the data of RFC 1035's types (BIND, CoreDNS).
    Full,
}

/// Why a message cannot be read; the words are those of BIND's `isc_result_totext`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    UnexpectedEnd,
    BadPointer,
    BadLabelType,
    NameTooLong,
    FormErr,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WireError::UnexpectedEnd => "unexpected end of input",
            WireError::BadPointer => "bad compression pointer",
            WireError::BadLabelType => "bad label type",
            WireError::NameTooLong => "name too long",
            WireError::FormErr => "FORMERR",
        })
    }
}

#[derive(Clone)]
pub(super) struct Reader<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    pub fn new(message: &'a [u8]) -> Reader<'a> {
        Reader { message, at: 0, end: message.len() }
    }

    pub fn left(&self) -> usize {
        self.end - self.at
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let bytes = (count <= self.left()).then(|| &self.message[self.at..self.at + count]);
        self.at += bytes.map_or(0, <[u8]>::len);
        bytes.ok_or(WireError::UnexpectedEnd)
    }

    pub fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.take(1)?[0])
    }

    pub fn u16(&mut self) -> Result<u16, WireError> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    /// A reader of the next `count` bytes, which may still follow pointers to what stood before.
    pub fn part(&mut self, count: usize) -> Result<Reader<'a>, WireError> {
        let start = self.at;
        self.take(count)?;
        Ok(Reader { message: self.message, at: start, end: self.at })
    }

    pub fn name(&mut self) -> Result<Name, WireError> {
        let mut name = Name::root();
        let mut least = self.at;
        let mut away: Option<Reader<'a>> = None;
        loop {
            let reader = away.as_mut().unwrap_or(self);
            let length = reader.u8()?;
            match length >> 6 {
                0 if length == 0 => return Ok(name),
                0 => {
                    let label = reader.take(usize::from(length))?.to_vec();
                    name.push(label).map_err(|_| WireError::NameTooLong)?;
                }
                3 => {
                    let target = usize::from(length & 0x3f) << 8 | usize::from(reader.u8()?);
                    if target >= least {
                        return Err(WireError::BadPointer);
                    }
                    least = target;
                    away = Some(Reader { message: self.message, at: target, end: self.message.len() });
                }
                _ => return Err(WireError::BadLabelType),
            }
        }
    }
}

pub(super) struct Writer {
    pub bytes: Vec<u8>,
    compression: Compression,
    /// Where names and their endings stand.
    seen: Vec<(Vec<Vec<u8>>, usize)>,
}

impl Writer {
    pub fn new(compression: Compression) -> Writer {
        Writer { bytes: Vec::new(), compression, seen: Vec::new() }
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn owner(&mut self, name: &Name) {
        match self.compression {
            Compression::None => self.plain(name),
            Compression::Full => self.shortest(name),
            Compression::Owners => match self.place(name.labels()) {
                Some(place) if !name.is_root() => self.pointer(place),
                _ => self.plain(name),
            },
        }
    }

    /// A name in a record's data. `common` where other servers may be expected to understand it shortened.
    pub fn inner(&mut self, name: &Name, common: bool) {
        match self.compression {
            Compression::Full if common => self.shortest(name),
            _ => self.plain(name),
        }
    }

    /// Puts the length of what `write` writes in front of it.
    pub fn counted(&mut self, write: impl FnOnce(&mut Writer)) {
        let start = self.bytes.len();
        self.u16(0);
        write(self);
        let length = u16::try_from(self.bytes.len() - start - 2).unwrap_or(u16::MAX);
        self.bytes[start..start + 2].copy_from_slice(&length.to_be_bytes());
    }

    fn place(&self, labels: &[Vec<u8>]) -> Option<usize> {
        self.seen.iter().find(|(seen, _)| seen == labels).map(|(_, place)| *place)
    }

    fn pointer(&mut self, place: usize) {
        self.u16(0xc000 | place as u16);
    }

    fn remember(&mut self, labels: &[Vec<u8>]) {
        let place = self.bytes.len();
        if self.compression != Compression::None && place < POINTER_LIMIT && self.place(labels).is_none() {
            self.seen.push((labels.to_vec(), place));
        }
    }

    fn label(&mut self, label: &[u8]) {
        self.bytes.push(label.len() as u8);
        self.bytes.extend(label);
    }

    fn plain(&mut self, name: &Name) {
        self.remember(name.labels());
        name.labels().iter().for_each(|label| self.label(label));
        self.bytes.push(0);
    }

    fn shortest(&mut self, name: &Name) {
        let labels = name.labels();
        for (index, label) in labels.iter().enumerate() {
            if let Some(place) = self.place(&labels[index..]) {
                return self.pointer(place);
            }
            self.remember(&labels[index..]);
            self.label(label);
        }
        self.bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(compression: Compression, names: &[&str]) -> Vec<u8> {
        let mut writer = Writer::new(compression);
        names.iter().for_each(|name| writer.owner(&Name::parse(name).expect("a name")));
        writer.bytes
    }

    #[test]
    fn endings_are_shared_only_where_asked() {
        let names = ["www.lab", "mail.lab", "www.lab"];
        assert_eq!(write(Compression::None, &names).len(), 9 + 10 + 9);
        assert_eq!(write(Compression::Owners, &names).len(), 9 + 10 + 2);
        assert_eq!(write(Compression::Full, &names).len(), 9 + 7 + 2);
    }

    #[test]
    fn shortened_names_read_back() {
        let bytes = write(Compression::Full, &["www.lab", "mail.lab", "."]);
        let mut reader = Reader::new(&bytes);
        let read: Vec<String> =
            std::iter::from_fn(|| reader.name().ok()).map(|name| name.to_string()).collect();
        assert_eq!(read, ["www.lab.", "mail.lab.", "."]);
    }

    #[test]
    fn a_pointer_to_itself_or_ahead_is_refused() {
        assert_eq!(Reader::new(&[0xc0, 0]).name(), Err(WireError::BadPointer));
        assert_eq!(Reader::new(&[1, b'a', 0xc0, 0]).name(), Err(WireError::BadPointer));
        assert_eq!(Reader::new(&[0xc0, 2, 0]).name(), Err(WireError::BadPointer));
        assert_eq!(Reader::new(&[5, b'a']).name(), Err(WireError::UnexpectedEnd));
        assert_eq!(Reader::new(&[0x80]).name(), Err(WireError::BadLabelType));
    }
}
