//! HPACK: header fields as indices into tables that both sides keep alike.
//!
//! No crate was sound enough: those there are decode Huffman strings through hash maps built anew for each string, or
//! belong to an asynchronous runtime. Always: the decoder's table never outgrows what we announced, the encoder's never
//! what the peer allows; a list too large is decoded to its end (the tables must stay alike) but not kept.
//! Differs from Envoy: strings are sent without Huffman coding.
//! Source: RFC 7541.

use super::huffman;
use std::collections::VecDeque;

/// What a field counts beyond its bytes (§4.1).
const OVERHEAD: usize = 32;
/// Both sides begin with it.
pub const DEFAULT_TABLE: usize = 4096;

/// Why a block could not be decoded: always the end of the connection (COMPRESSION_ERROR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

#[derive(Debug, Default)]
struct Table {
    fields: VecDeque<(Vec<u8>, Vec<u8>)>,
    size: usize,
    most: usize,
}

impl Table {
    fn resize(&mut self, most: usize) {
        self.most = most;
        self.evict(0);
    }

    fn evict(&mut self, coming: usize) {
        while self.size + coming > self.most {
            let Some((name, value)) = self.fields.pop_back() else { return };
            self.size -= name.len() + value.len() + OVERHEAD;
        }
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        let size = name.len() + value.len() + OVERHEAD;
        self.evict(size);
        if size <= self.most {
            self.fields.push_front((name.to_vec(), value.to_vec()));
            self.size += size;
        }
    }
}

#[derive(Debug)]
pub struct Decoder {
    table: Table,
    announced: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    pub fn new(announced: usize) -> Decoder {
        let table = Table { most: announced.min(DEFAULT_TABLE), ..Table::default() };
        Decoder { table, announced, name: Vec::new(), value: Vec::new() }
    }

    /// Gives every field of a whole block to `each`.
    pub fn decode(&mut self, block: &[u8], mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Broken> {
        let mut rest = block;
        let mut begun = false;
        while let Some(first) = rest.first().copied() {
            if first & 0xe0 == 0x20 {
                let size = integer(&mut rest, 5)?;
                if begun || size > self.announced {
                    return Err(Broken);
                }
                self.table.resize(size);
                continue;
            }
            begun = true;
            if first & 0x80 != 0 {
                let index = integer(&mut rest, 7)?;
                let (name, value) = self.field(index)?;
                each(name, value);
                continue;
            }
            let keep = first & 0x40 != 0;
            let index = integer(&mut rest, if keep { 6 } else { 4 })?;
            let mut name = std::mem::take(&mut self.name);
            let mut value = std::mem::take(&mut self.value);
            name.clear();
            value.clear();
            if index == 0 {
                string(&mut rest, &mut name)?;
            } else {
                name.extend_from_slice(self.field(index)?.0);
            }
            string(&mut rest, &mut value)?;
            each(&name, &value);
            if keep {
                self.table.add(&name, &value);
            }
            (self.name, self.value) = (name, value);
        }
        Ok(())
    }

    fn field(&self, index: usize) -> Result<(&[u8], &[u8]), Broken> {
        let index = index.checked_sub(1).ok_or(Broken)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        self.table.fields.get(index - STATIC.len()).map(|(name, value)| (&name[..], &value[..])).ok_or(Broken)
    }
}

fn integer(rest: &mut &[u8], prefix: u32) -> Result<usize, Broken> {
    let (first, mut more) = rest.split_first().ok_or(Broken)?;
    let mask = (1usize << prefix) - 1;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (byte, after) = more.split_first().ok_or(Broken)?;
            more = after;
            value += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            // Four such bytes are beyond any size that is sent.
            if shift > 21 {
                return Err(Broken);
            }
        }
    }
    *rest = more;
    Ok(value)
}

fn string(rest: &mut &[u8], into: &mut Vec<u8>) -> Result<(), Broken> {
    let coded = rest.first().ok_or(Broken)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (text, after) = rest.split_at_checked(length).ok_or(Broken)?;
    *rest = after;
    if coded {
        return if huffman::decode(text, into) { Ok(()) } else { Err(Broken) };
    }
    into.extend_from_slice(text);
    Ok(())
}

/// Fields whose values differ from message to message: to keep them would only push others out.
const FLEETING: &[&str] = &[
    ":path",
    "content-length",
    "cookie",
    "authorization",
    "date",
    "etag",
    "set-cookie",
    "x-request-id",
    "x-envoy-upstream-service-time",
    "grpc-message",
    "traceparent",
    "x-forwarded-for",
];

#[derive(Debug)]
pub struct Encoder {
    table: Table,
    /// A size to announce at the beginning of the next block.
    resized: Option<usize>,
}

impl Encoder {
    pub fn new() -> Encoder {
        Encoder { table: Table { most: DEFAULT_TABLE, ..Table::default() }, resized: None }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE; we use no more than the default of it.
    pub fn allow(&mut self, most: usize) {
        let most = most.min(DEFAULT_TABLE);
        if most != self.table.most {
            self.table.resize(most);
            self.resized = Some(most);
        }
    }

    pub fn begin(&mut self, block: &mut Vec<u8>) {
        if let Some(size) = self.resized.take() {
            put_integer(block, 0x20, 5, size);
        }
    }

    pub fn field(&mut self, block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        let mut named = 0;
        let known =
            STATIC.iter().enumerate().map(|(at, (name, value))| (at, name.as_bytes(), value.as_bytes()));
        let kept = self.table.fields.iter().enumerate();
        let kept = kept.map(|(at, (name, value))| (at + STATIC.len(), &name[..], &value[..]));
        for (at, known_name, known_value) in known.chain(kept) {
            if known_name == name {
                if known_value == value {
                    return put_integer(block, 0x80, 7, at + 1);
                }
                if named == 0 {
                    named = at + 1;
                }
            }
        }
        let keep = !FLEETING.iter().any(|it| it.as_bytes() == name);
        if keep {
            put_integer(block, 0x40, 6, named);
            self.table.add(name, value);
        } else {
            put_integer(block, 0, 4, named);
        }
        if named == 0 {
            put_string(block, name);
        }
        put_string(block, value);
    }
}

fn put_integer(block: &mut Vec<u8>, pattern: u8, prefix: u32, value: usize) {
    let mask = (1usize << prefix) - 1;
    if value < mask {
        return block.push(pattern | value as u8);
    }
    block.push(pattern | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        block.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    block.push(rest as u8);
}

fn put_string(block: &mut Vec<u8>, text: &[u8]) {
    put_integer(block, 0, 7, text.len());
    block.extend_from_slice(text);
}

/// RFC 7541 appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<(String, String)>, Broken> {
        let mut fields = Vec::new();
        let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        decoder.decode(block, |name, value| fields.push((text(name), text(value))))?;
        Ok(fields)
    }

    #[test]
    fn requests_of_the_rfc_fill_the_table() {
        // RFC 7541 C.4.1 and C.4.2.
        let mut decoder = Decoder::new(4096);
        let first = [
            0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4,
            0xff,
        ];
        let fields = decoded(&mut decoder, &first).expect("whole");
        assert_eq!(fields[3], (":authority".to_owned(), "www.example.com".to_owned()));
        let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
        let fields = decoded(&mut decoder, &second).expect("whole");
        assert_eq!(fields[3].1, "www.example.com");
        assert_eq!(fields[4], ("cache-control".to_owned(), "no-cache".to_owned()));
    }

    #[test]
    fn a_broken_block_is_refused() {
        for block in [
            &[0x80][..],
            &[0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x40, 0x0a],
            &[0xbe],
            &[0x3f, 0xff, 0xff, 0x7f],
            &[0x82, 0x20],
        ] {
            assert_eq!(decoded(&mut Decoder::new(4096), block), Err(Broken), "{block:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(
            lists in proptest::collection::vec(proptest::collection::vec(("[a-z:-]{1,12}", "[ -~]{0,60}"), 0..12), 1..6),
            small in proptest::bool::ANY,
        ) {
            let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
            if small {
                encoder.allow(100);
            }
            for list in lists {
                let mut block = Vec::new();
                encoder.begin(&mut block);
                list.iter().for_each(|(name, value)| encoder.field(&mut block, name.as_bytes(), value.as_bytes()));
                prop_assert_eq!(decoded(&mut decoder, &block), Ok(list));
            }
        }

        #[test]
        fn no_block_panics(block in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut decoder = Decoder::new(4096);
            decoder.decode(&block, |_, _| {}).unwrap_or_default();
        }
    }
}
