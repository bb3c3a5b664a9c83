//! The Huffman code of HPACK: decoding only, for we send plain strings.
//!
//! The code is canonical: the lengths alone give it. Always: padding is shorter than a byte and all ones.
//! Source: RFC 7541 §5.2, appendix B.

/// Bits of each symbol's code; the last is the end of the string.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26, 30,
];
const LONGEST: usize = 30;
const END: u16 = 256;

/// Codes of one length, seen in the upper bits of a word of 32.
#[derive(Clone, Copy)]
struct Row {
    bits: u32,
    first: u32,
    /// The first word that is beyond these codes.
    beyond: u64,
    /// Where their symbols begin in the list of all.
    at: usize,
}

struct Code {
    rows: [Row; LONGEST + 1],
    symbols: [u16; 257],
}

const CODE: Code = build();

const fn build() -> Code {
    let mut code =
        Code { rows: [Row { bits: 0, first: 0, beyond: 0, at: 0 }; LONGEST + 1], symbols: [0; 257] };
    let (mut bits, mut next, mut at) = (1, 0u64, 0);
    while bits <= LONGEST {
        let (first, begin) = (next, at);
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == bits {
                code.symbols[at] = symbol as u16;
                at += 1;
                next += 1 << (32 - bits);
            }
            symbol += 1;
        }
        code.rows[bits] = Row { bits: bits as u32, first: first as u32, beyond: next, at: begin };
        bits += 1;
    }
    code
}

/// Adds what `coded` says to `plain`; false when it says nothing valid.
pub fn decode(coded: &[u8], plain: &mut Vec<u8>) -> bool {
    let (mut word, mut bits) = (0u64, 0u32);
    let mut rest = coded.iter();
    loop {
        while bits <= 32 {
            let Some(byte) = rest.next() else { break };
            word |= u64::from(*byte) << (56 - bits);
            bits += 8;
        }
        if bits == 0 {
            return true;
        }
        // What is missing at the end looks like padding.
        let seen = (word >> 32) as u32 | u32::MAX.checked_shr(bits).unwrap_or(0);
        let Some(row) = CODE.rows.iter().find(|it| u64::from(seen) < it.beyond) else { return false };
        if row.bits > bits {
            return bits < 8 && seen == u32::MAX;
        }
        let symbol = CODE.symbols[row.at + ((seen - row.first) >> (32 - row.bits)) as usize];
        if symbol == END {
            return false;
        }
        plain.push(symbol as u8);
        word <<= row.bits;
        bits -= row.bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(coded: &[u8]) -> Option<String> {
        let mut plain = Vec::new();
        decode(coded, &mut plain).then(|| String::from_utf8_lossy(&plain).into_owned())
    }

    #[test]
    fn the_examples_of_the_rfc_read_right() {
        // RFC 7541 C.4.1, C.6.1.
        let www = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(plain(&www).as_deref(), Some("www.example.com"));
        assert_eq!(plain(&[0x64, 0x02]).as_deref(), Some("302"));
        assert_eq!(plain(&[]).as_deref(), Some(""));
    }

    #[test]
    fn bad_padding_and_a_spelt_end_are_refused() {
        assert_eq!(plain(&[0x64, 0x02, 0xff]), None);
        assert_eq!(plain(&[0x18]), None);
        assert_eq!(plain(&[0xff, 0xff, 0xff, 0xff]), None);
    }
}
