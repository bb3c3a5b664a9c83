//! Reads HTTP/1 messages from bytes as they arrive.
//!
//! A body is handed on in slices of the input, without a copy; only a head cut in two is gathered.
//! Always: at most `Limits::head_bytes` are gathered; after an error the connection is of no more use.

use super::body::{Chunked, Piece};
use super::head::{self, Error, Underscores, Version};
use crate::http::HeaderMap;

/// What a message may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a head, or of a trailer section.
    pub head_bytes: usize,
    /// Fields of a head.
    pub fields: usize,
    /// What becomes of names with underscores.
    pub underscores: Underscores,
    /// Whether a Content-Length beside chunked coding is dropped rather than refused.
    pub is_chunked_length_allowed: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes: 60 * 1024,
            fields: 100,
            underscores: Underscores::Allow,
            is_chunked_length_allowed: false,
        }
    }
}

/// What was read.
#[derive(Debug)]
pub enum Item<'a> {
    /// A head. `is_end`: no body follows. `is_upgrade`: what follows is opaque.
    Head { headers: HeaderMap, version: Version, is_end: bool, is_upgrade: bool },
    /// An interim response.
    Interim(HeaderMap),
    /// A piece of the body.
    Data(&'a [u8]),
    /// The end of the body, with trailers if there are any.
    End(Option<HeaderMap>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    Trailers,
    UntilClose,
    Opaque,
    /// A request was read; the next one waits for `next_message`.
    Done,
}

/// Whose messages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    /// A response; it may lack its body (to HEAD), and may switch protocols.
    Response {
        is_head: bool,
        may_upgrade: bool,
    },
}

/// Reads one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    side: Side,
    state: State,
    gathered: Vec<u8>,
}

impl Decoder {
    /// Reads requests.
    pub fn requests(limits: Limits) -> Decoder {
        Decoder { limits, side: Side::Request, state: State::Head, gathered: Vec::new() }
    }

    /// Reads responses; `expect` says before each what was asked.
    pub fn responses(limits: Limits) -> Decoder {
        let side = Side::Response { is_head: false, may_upgrade: false };
        Decoder { limits, side, state: State::Done, gathered: Vec::new() }
    }

    /// The next response answers such a request.
    pub fn expect(&mut self, is_head: bool, may_upgrade: bool) {
        self.side = Side::Response { is_head, may_upgrade };
        self.state = State::Head;
    }

    /// The last request has been answered: the next may be read.
    pub fn next_message(&mut self) {
        if self.state == State::Done {
            self.state = State::Head;
        }
    }

    /// Whether the message was read to its end.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether part of a message has been read, but not its head.
    pub fn is_in_head(&self) -> bool {
        self.state == State::Head && !self.gathered.is_empty()
    }

    /// What follows on this connection is opaque.
    pub fn become_opaque(&mut self) {
        self.state = State::Opaque;
    }

    /// Reads from the front of `input` and shortens it. None: more bytes are needed, or the message is done.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Item<'a>>, Error> {
        match &mut self.state {
            State::Head => self.head(input),
            State::Trailers => self.trailers(input),
            State::Done => Ok(None),
            State::Length(0) => {
                self.state = State::Done;
                Ok(Some(Item::End(None)))
            }
            _ if input.is_empty() => Ok(None),
            State::Length(left) => {
                let take = (*left).min(input.len() as u64);
                let (data, rest) = input.split_at(take as usize);
                *input = rest;
                *left -= take;
                Ok(Some(Item::Data(data)))
            }
            State::Chunked(chunked) => match chunked.next(input).ok_or(Error::CODEC)? {
                Piece::More => Ok(None),
                Piece::Data(data) => Ok(Some(Item::Data(data))),
                Piece::End => {
                    self.state = State::Trailers;
                    self.trailers(input)
                }
            },
            State::UntilClose | State::Opaque => Ok(Some(Item::Data(std::mem::take(input)))),
        }
    }

    /// The peer sends no more. True: the message (if one was begun) ended with it. An error: it was cut short.
    pub fn finish(&mut self) -> Result<bool, Error> {
        match self.state {
            State::Head if self.gathered.is_empty() => Ok(false),
            State::UntilClose | State::Opaque => {
                self.state = State::Done;
                Ok(true)
            }
            State::Done => Ok(false),
            _ => Err(Error::CODEC),
        }
    }

    /// The bytes up to the end of a head or trailer section, gathered if need be; none while it is incomplete.
    fn section<'a>(
        &mut self,
        input: &mut &'a [u8],
        end: impl Fn(&[u8], usize) -> Option<usize>,
    ) -> Option<Section<'a>> {
        let before = self.gathered.len();
        if before == 0
            && let Some(end) = end(input, 0)
        {
            let (section, rest) = input.split_at(end);
            *input = rest;
            return Some(Section::Given(section));
        }
        self.gathered.extend_from_slice(input);
        let Some(end) = end(&self.gathered, before) else {
            *input = &[];
            return None;
        };
        *input = &input[end - before..];
        self.gathered.truncate(end);
        Some(Section::Gathered(std::mem::take(&mut self.gathered)))
    }

    fn head<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Item<'a>>, Error> {
        if self.gathered.is_empty() {
            while let [b'\r' | b'\n', rest @ ..] = *input {
                *input = rest;
            }
        }
        let Some(section) = self.section(input, head::end) else {
            // What cannot be the start of a request is refused before its end is seen.
            if self.side == Side::Request && self.gathered.first().is_some_and(|it| !it.is_ascii_graphic()) {
                return Err(Error::CODEC);
            }
            return if self.gathered.len() > self.limits.head_bytes {
                Err(Error::TOO_LARGE)
            } else {
                Ok(None)
            };
        };
        let bytes = section.bytes();
        if bytes.len() > self.limits.head_bytes {
            return Err(Error::TOO_LARGE);
        }
        let mut headers = HeaderMap::with_capacity(bytes.len() + 512);
        let version = match self.side {
            Side::Request => head::request(bytes, self.limits.underscores, &mut headers)?,
            Side::Response { .. } => head::response(bytes, &mut headers)?,
        };
        let pseudo = if self.side == Side::Request { 2 } else { 1 };
        if headers.len() - pseudo > self.limits.fields {
            return Err(Error::TOO_MANY);
        }
        match self.side {
            Side::Request => self.request(headers, version).map(Some),
            Side::Response { is_head, may_upgrade } => {
                self.response(headers, version, is_head, may_upgrade).map(Some)
            }
        }
    }

    fn trailers<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Item<'a>>, Error> {
        let end = |bytes: &[u8], searched| match bytes {
            [b'\r', b'\n', ..] => Some(2),
            [b'\n', ..] => Some(1),
            _ => head::end(bytes, searched),
        };
        let Some(section) = self.section(input, end) else {
            return if self.gathered.len() > self.limits.head_bytes {
                Err(Error::TOO_LARGE)
            } else {
                Ok(None)
            };
        };
        let mut trailers = HeaderMap::new();
        head::fields(section.bytes(), self.limits.underscores, &mut trailers)?;
        if trailers.len() > self.limits.fields {
            return Err(Error::TOO_MANY);
        }
        self.state = State::Done;
        Ok(Some(Item::End((!trailers.is_empty()).then_some(trailers))))
    }

    /// The framing that the fields state: a length, or chunks.
    fn framing(&self, headers: &mut HeaderMap) -> Result<Option<State>, Error> {
        let length = content_length(headers)?;
        let Some(coding) = headers.get_joined("transfer-encoding") else {
            return Ok(length.map(|it| if it == 0 { State::Done } else { State::Length(it) }));
        };
        if length.is_some() {
            if !self.limits.is_chunked_length_allowed || self.side != Side::Request {
                return Err(Error::LENGTH_AND_CHUNKED);
            }
            headers.remove("content-length");
        }
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(Error::TRANSFER_ENCODING);
        }
        Ok(Some(State::Chunked(Chunked::default())))
    }

    fn request<'a>(&mut self, mut headers: HeaderMap, version: Version) -> Result<Item<'a>, Error> {
        let framing = self.framing(&mut headers)?;
        let is_upgrade = asks_upgrade(&headers) || headers.get(":method") == Some(b"CONNECT");
        self.state = match framing {
            _ if is_upgrade => State::Opaque,
            Some(state) => state,
            None => State::Done,
        };
        Ok(Item::Head { headers, version, is_end: self.state == State::Done, is_upgrade })
    }

    fn response<'a>(
        &mut self,
        mut headers: HeaderMap,
        version: Version,
        is_head: bool,
        may_upgrade: bool,
    ) -> Result<Item<'a>, Error> {
        let status = headers.get_str(":status").and_then(|it| it.parse().ok()).unwrap_or(0u16);
        if (100..200).contains(&status) && status != 101 {
            return Ok(Item::Interim(headers));
        }
        let is_upgrade = may_upgrade && (status == 101 || (200..300).contains(&status) && is_head);
        if status == 101 && !may_upgrade {
            return Err(Error::CODEC);
        }
        self.state = if status == 101 {
            State::Opaque
        } else if is_head || status == 204 || status == 304 {
            State::Done
        } else {
            self.framing(&mut headers)?.unwrap_or(State::UntilClose)
        };
        Ok(Item::Head { headers, version, is_end: self.state == State::Done, is_upgrade })
    }
}

enum Section<'a> {
    Given(&'a [u8]),
    Gathered(Vec<u8>),
}

impl Section<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Section::Given(bytes) => bytes,
            Section::Gathered(bytes) => bytes,
        }
    }
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let mut found = None;
    for value in headers.get_all("content-length") {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Error::CODEC);
        }
        let length =
            std::str::from_utf8(value).ok().and_then(|it| it.parse::<u64>().ok()).ok_or(Error::CODEC)?;
        // Envoy takes not even the same length twice.
        if found.replace(length).is_some() {
            return Err(Error::CODEC);
        }
    }
    Ok(found)
}

/// Whether a list of tokens, as in `Connection`, holds this one.
pub fn has_token(headers: &HeaderMap, name: &str, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .any(|value| value.split(|it| *it == b',').any(|it| it.trim_ascii().eq_ignore_ascii_case(token)))
}

/// Whether a request asks for another protocol, HTTP/2 in clear text excepted.
pub fn asks_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, "connection", b"upgrade")
        && headers.get("upgrade").is_some_and(|it| !it.eq_ignore_ascii_case(b"h2c"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(decoder: &mut Decoder, mut input: &[u8], into: &mut Vec<String>) -> Result<(), Error> {
        loop {
            match decoder.next(&mut input)? {
                Some(Item::Head { is_end, .. }) => into.push(format!("head {is_end}")),
                Some(Item::Interim(_)) => into.push("interim".into()),
                Some(Item::Data(data)) => match into.last_mut() {
                    Some(last) if last.starts_with('"') => last.push_str(&String::from_utf8_lossy(data)),
                    _ => into.push(format!("\"{}", String::from_utf8_lossy(data))),
                },
                Some(Item::End(trailers)) => into.push(format!("end {}", trailers.map_or(0, |it| it.len()))),
                None if decoder.is_done() => {
                    decoder.next_message();
                    if input.is_empty() {
                        return Ok(());
                    }
                }
                None => return Ok(()),
            }
        }
    }

    const REQUESTS: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nt: 1\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nxyzGET / HTTP/1.1\r\n\r\n";
    const READ: &[&str] = &["head false", "\"abcde", "end 1", "head false", "\"xyz", "end 0", "head true"];

    #[test]
    fn two_lengths_are_refused() {
        let refused = |fields: &str| {
            let text = format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n");
            Decoder::requests(Limits::default()).next(&mut text.as_bytes()).unwrap_err()
        };
        assert_eq!(refused("content-length: 6\r\ntransfer-encoding: chunked"), Error::LENGTH_AND_CHUNKED);
        assert_eq!(refused("content-length: 3\r\ncontent-length: 5"), Error::CODEC);
        assert_eq!(refused("content-length: -1"), Error::CODEC);
        assert_eq!(refused("transfer-encoding: gzip"), Error::TRANSFER_ENCODING);
    }

    proptest! {
        #[test]
        fn requests_read_the_same_wherever_they_are_cut(cuts in proptest::collection::vec(0..REQUESTS.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let (mut decoder, mut items, mut at) = (Decoder::requests(Limits::default()), Vec::new(), 0);
            for cut in cuts.into_iter().chain([REQUESTS.len()]) {
                read(&mut decoder, &REQUESTS[at..cut], &mut items).unwrap();
                at = cut;
            }
            prop_assert_eq!(items, READ);
        }

        #[test]
        fn no_bytes_bring_the_decoder_down(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let mut decoder = Decoder::requests(Limits::default());
            let at = cut.min(bytes.len());
            let mut items = Vec::new();
            if read(&mut decoder, &bytes[..at], &mut items).is_ok() {
                prop_assert!(read(&mut decoder, &bytes[at..], &mut items).is_ok() || decoder.gathered.len() < 400);
            }
        }
    }
}
