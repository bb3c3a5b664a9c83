//! An Ethernet address, spelt as `ip link` spells it.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    pub const ZERO: Mac = Mac([0; 6]);
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// From the first six bytes of `bytes`; zero where there are fewer.
    pub fn from_slice(bytes: &[u8]) -> Mac {
        bytes.first_chunk().map_or(Mac::ZERO, |first| Mac(*first))
    }

    pub fn is_zero(self) -> bool {
        self == Mac::ZERO
    }

    pub fn is_broadcast(self) -> bool {
        self == Mac::BROADCAST
    }

    /// The group bit: multicast, broadcast among it.
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// May a device have it? Neither a group nor zero (`is_valid_ether_addr`).
    pub fn is_valid(self) -> bool {
        !self.is_multicast() && !self.is_zero()
    }

    /// 01:80:c2:00:00:0x, which a bridge never forwards.
    pub fn is_link_local(self) -> bool {
        self.0[..5] == [0x01, 0x80, 0xc2, 0, 0] && self.0[5] & 0xf0 == 0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not six hexadecimal bytes of at most two digits between colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAMac;

impl FromStr for Mac {
    type Err = NotAMac;

    fn from_str(text: &str) -> Result<Mac, NotAMac> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(NotAMac)?;
            let hexadecimal =
                matches!(part.len(), 1 | 2) && part.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = hexadecimal.then(|| u8::from_str_radix(part, 16).ok()).flatten().ok_or(NotAMac)?;
        }
        parts.next().is_none().then_some(Mac(bytes)).ok_or(NotAMac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree_and_nonsense_is_refused() {
        let mac: Mac = "02:42:ac:11:0:2".parse().expect("six hexadecimal bytes");
        assert_eq!(mac.to_string(), "02:42:ac:11:00:02");
        for wrong in ["", "02:42:ac:11:00", "02:42:ac:11:00:02:03", "02:42:ac:11:00:+2", "02:42:ac:11:00:1ff"]
        {
            assert_eq!(wrong.parse::<Mac>(), Err(NotAMac), "{wrong}");
        }
    }
}
