//! A domain name: its labels, as they were written.
//!
//! Always: no label is empty or longer than 63 bytes, and the whole fits 255 bytes on the wire.
//! Sources: RFC 1035 §2.3.4, §5.1 (escapes); which characters are escaped is BIND's `dns_name_totext`.

use std::fmt;
use std::net::IpAddr;

const LABEL_BYTES: usize = 63;
const NAME_BYTES: usize = 255;

/// The labels without the root; comparing with `==` minds the case, [`Name::same`] does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Vec<Vec<u8>>);

/// Why a text is not a name; the words are BIND's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    EmptyLabel,
    LabelTooLong,
    TooLong,
    BadEscape,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::EmptyLabel => "empty label",
            NameError::LabelTooLong => "label too long",
            NameError::TooLong => "ran out of space",
            NameError::BadEscape => "bad escape",
        })
    }
}

impl Name {
    pub const fn root() -> Name {
        Name(Vec::new())
    }

    /// Reads `www.example.com`, with or without the final dot; `.` and the empty text are the root.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        let mut name = Name::root();
        if matches!(text, "." | "") {
            return Ok(name);
        }
        let (mut label, mut open) = (Vec::new(), true);
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            open = true;
            match byte {
                b'.' => {
                    name.push(std::mem::take(&mut label))?;
                    open = false;
                }
                b'\\' => label.push(escaped(&mut bytes)?),
                byte => label.push(byte),
            }
        }
        if open {
            name.push(label)?;
        }
        Ok(name)
    }

    /// `2.0.0.10.in-addr.arpa` or the `ip6.arpa` form.
    pub fn reverse(address: IpAddr) -> Name {
        let mut labels: Vec<Vec<u8>> = match address {
            IpAddr::V4(v4) => v4.octets().iter().rev().map(|octet| octet.to_string().into_bytes()).collect(),
            IpAddr::V6(v6) => v6
                .octets()
                .iter()
                .rev()
                .flat_map(|octet| [octet & 15, octet >> 4])
                .map(|nibble| format!("{nibble:x}").into_bytes())
                .collect(),
        };
        labels.push(if address.is_ipv4() { b"in-addr".to_vec() } else { b"ip6".to_vec() });
        labels.push(b"arpa".to_vec());
        Name(labels)
    }

    /// Adds a label at the right end.
    pub(super) fn push(&mut self, label: Vec<u8>) -> Result<(), NameError> {
        if label.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if label.len() > LABEL_BYTES {
            return Err(NameError::LabelTooLong);
        }
        if self.wire_length() + label.len() + 1 > NAME_BYTES {
            return Err(NameError::TooLong);
        }
        self.0.push(label);
        Ok(())
    }

    /// This name with `suffix` behind it.
    pub fn join(&self, suffix: &Name) -> Result<Name, NameError> {
        let mut joined = self.clone();
        suffix.0.iter().try_for_each(|label| joined.push(label.clone()))?;
        Ok(joined)
    }

    pub fn labels(&self) -> &[Vec<u8>] {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes on the wire, uncompressed.
    pub fn wire_length(&self) -> usize {
        1 + self.0.iter().map(|label| label.len() + 1).sum::<usize>()
    }

    /// The same name, whatever the case.
    pub fn same(&self, other: &Name) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    /// `zone` itself or a name below it.
    pub fn is_within(&self, zone: &Name) -> bool {
        let extra = self.0.len().wrapping_sub(zone.0.len());
        self.0.get(extra..).is_some_and(|tail| Name(tail.to_vec()).same(zone))
    }

    /// Without its first label; `None` for the root.
    pub fn parent(&self) -> Option<Name> {
        self.0.split_first().map(|(_, rest)| Name(rest.to_vec()))
    }

    pub fn lowercase(&self) -> Name {
        Name(self.0.iter().map(|label| label.to_ascii_lowercase()).collect())
    }

    /// Without the final dot, as most programs show a name; the root is `.`.
    pub fn relative(&self) -> String {
        let text = self.to_string();
        match text.strip_suffix('.') {
            Some(short) if !self.is_root() => short.to_owned(),
            _ => text,
        }
    }
}

/// With the final dot.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in &self.0 {
            for &byte in label {
                match byte {
                    b'"' | b'(' | b')' | b'.' | b';' | b'\\' | b'@' | b'$' => {
                        write!(f, "\\{}", byte as char)?
                    }
                    0x21..=0x7e => write!(f, "{}", byte as char)?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

/// What follows a backslash: three digits or the character itself.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u32::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_it_was_written() {
        for text in [".", "www.Example.COM.", r"a\.b.c.", r"sp\032ace."] {
            assert_eq!(Name::parse(text).map(|name| name.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(Name::parse(r"a\b").map(|name| name.relative()).as_deref(), Ok("ab"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert_eq!(Name::parse("www..com"), Err(NameError::EmptyLabel));
        assert_eq!(Name::parse(".com"), Err(NameError::EmptyLabel));
        assert_eq!(Name::parse(&"a".repeat(64)), Err(NameError::LabelTooLong));
        assert_eq!(Name::parse(&"abcdefg.".repeat(32)), Err(NameError::TooLong));
        assert_eq!(Name::parse("a\\"), Err(NameError::BadEscape));
        assert_eq!(Name::parse("\\999"), Err(NameError::BadEscape));
    }

    #[test]
    fn zones_hold_what_ends_like_them_whatever_the_case() {
        let name = |text| Name::parse(text).expect("a name");
        assert!(name("www.EXAMPLE.com").is_within(&name("example.com")));
        assert!(name("example.com").is_within(&name("example.com")));
        assert!(!name("com").is_within(&name("example.com")));
        assert!(!name("wexample.com").is_within(&name("example.com")));
        assert!(name("com").is_within(&Name::root()));
    }

    #[test]
    fn addresses_are_reversed() {
        let reverse = |text: &str| Name::reverse(text.parse().expect("an address")).to_string();
        assert_eq!(reverse("10.0.0.80"), "80.0.0.10.in-addr.arpa.");
        assert!(reverse("2001:db8::1").starts_with("1.0.0.0.0.0.0.0."));
        assert!(reverse("2001:db8::1").ends_with("8.b.d.0.1.0.0.2.ip6.arpa."));
    }
}
