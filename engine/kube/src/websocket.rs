//! WebSocket, which kubectl, the API server and the kubelet speak for exec, attach and port-forward.
//!
//! Stands on `http` after an upgrade. Always: a client masks what it sends; a message longer than [`LONGEST`] ends the
//! connection; a message of the channel protocols is binary and begins with the number of its channel.
//! Differs from Kubernetes: `kubectl port-forward` opens one of these for each connection, with a pair of channels for the
//! port (`v4.channel.k8s.io`, as other clients do), where the real one carries SPDY frames inside; no compression.
//! Sources: RFC 6455; kubernetes `apimachinery/pkg/util/remotecommand`, KEP-4006.

use crate::api::{Request, Response};
use crate::client::Client;
use crate::http::Connection;
use crate::object::{Status, Value, json};
use linux::{Sys, WaitOn, base64};
use net::Errno;
use sha1::{Digest, Sha1};

/// Streams of a command, with a channel for the size of a terminal and one that closes others.
pub const STREAMS: &str = "v5.channel.k8s.io";
/// Ports of a pod: two channels for each.
pub const PORTS: &str = "v4.channel.k8s.io";

/// Channels of [`STREAMS`].
pub const STDIN: u8 = 0;
pub const STDOUT: u8 = 1;
pub const STDERR: u8 = 2;
pub const ERROR: u8 = 3;
pub const RESIZE: u8 = 4;
pub const CLOSE: u8 = 255;

/// What a request without an upgrade is told.
pub const UPGRADE: &str = "Upgrade request required";

/// Bytes of one message.
const LONGEST: usize = 1 << 20;
/// What one turn takes from the network.
const BUFFER: usize = 16_384;
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Binary(Vec<u8>),
    Close,
    Ping(Vec<u8>),
    Pong,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSING: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Frames as they come in, until they are whole messages.
#[derive(Debug, Default)]
struct Frames {
    bytes: Vec<u8>,
    /// The fragments of a message so far.
    begun: Vec<u8>,
}

impl Frames {
    /// The next whole message; `EINVAL` where what comes is none.
    fn next(&mut self) -> Result<Option<Message>, Errno> {
        loop {
            let [first, second, rest @ ..] = &self.bytes[..] else { return Ok(None) };
            let (is_last, opcode, is_masked) = (first & 0x80 != 0, first & 0x0f, second & 0x80 != 0);
            let extended = match second & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            let Some(digits) = rest.get(..extended) else { return Ok(None) };
            let length = match extended {
                0 => u64::from(second & 0x7f),
                _ => digits.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            };
            let length = usize::try_from(length).ok().filter(|it| *it <= LONGEST - self.begun.len());
            let length = length.ok_or(Errno::EINVAL)?;
            let head = 2 + extended + if is_masked { 4 } else { 0 };
            if self.bytes.len() < head + length {
                return Ok(None);
            }
            let mask: Vec<u8> = self.bytes[2 + extended..head].to_vec();
            let mut body: Vec<u8> = self.bytes.drain(..head + length).skip(head).collect();
            if is_masked {
                body.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            }
            match opcode {
                CONTINUATION | TEXT | BINARY => {
                    self.begun.extend(body);
                    if is_last {
                        return Ok(Some(Message::Binary(std::mem::take(&mut self.begun))));
                    }
                }
                CLOSING => return Ok(Some(Message::Close)),
                PING => return Ok(Some(Message::Ping(body))),
                PONG => return Ok(Some(Message::Pong)),
                _ => return Err(Errno::EINVAL),
            }
        }
    }
}

fn frame(opcode: u8, body: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match (u8::try_from(body.len()), u16::try_from(body.len())) {
        (Ok(length @ ..126), _) => bytes.push(masked | length),
        (_, Ok(length)) => {
            bytes.push(masked | 126);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend((body.len() as u64).to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    bytes.extend(mask.into_iter().flatten());
    bytes.extend(body.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// What answers a client's key (RFC 6455 §4.2.2).
fn answer_to(key: &str) -> String {
    base64::encode(&Sha1::digest(format!("{key}{GUID}").as_bytes()))
}

/// Is it the beginning of one?
pub fn is_upgrade(request: &Request) -> bool {
    request.header("Upgrade").eq_ignore_ascii_case("websocket")
}

/// A connection after its upgrade.
pub struct WebSocket {
    sys: Sys,
    connection: Connection,
    frames: Frames,
    is_client: bool,
}

/// Why there is no WebSocket.
pub enum Refused {
    /// The server answered otherwise.
    Answered(u16, String),
    /// The dialer's text.
    Unreached(String),
}

impl WebSocket {
    /// The client's side: asks for the upgrade.
    pub async fn open(client: &Client, request: Request, protocol: &str) -> Result<WebSocket, Refused> {
        let key = base64::encode(&client.sys.random(16).await);
        let request = request
            .with_header("Connection", "Upgrade")
            .with_header("Upgrade", "websocket")
            .with_header("Sec-WebSocket-Version", "13")
            .with_header("Sec-WebSocket-Key", key.as_str())
            .with_header("Sec-WebSocket-Protocol", protocol);
        let (head, mut connection) = client.open(&request).await.map_err(Refused::Unreached)?;
        if head.code() != 101 || head.header("Sec-WebSocket-Accept") != answer_to(&key) {
            let deadline = Some(client.sys.now().await + crate::client::PATIENCE);
            let body = connection.body(&head, deadline).await.unwrap_or_default();
            return Err(Refused::Answered(head.code(), String::from_utf8_lossy(&body).into_owned()));
        }
        Ok(WebSocket { sys: client.sys.clone(), connection, frames: Frames::default(), is_client: true })
    }

    /// The server's side: answers the upgrade, if the client speaks `protocol`.
    pub async fn accept(
        sys: &Sys,
        connection: Connection,
        request: &Request,
        protocol: &str,
    ) -> Result<Option<WebSocket>, Errno> {
        let offered = request.header("Sec-WebSocket-Protocol");
        let speaks = offered.split(',').map(str::trim).any(|it| it == protocol);
        if !is_upgrade(request) || !speaks {
            let offers = format!("client supports [{offered}], server accepts [{protocol}]");
            let words = match is_upgrade(request) {
                true => format!("unable to negotiate protocol: {offers}"),
                false => UPGRADE.to_owned(),
            };
            connection.respond(&Response::text(400, &words)).await?;
            return Ok(None);
        }
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n",
            answer_to(request.header("Sec-WebSocket-Key"))
        );
        connection.socket.write(head.as_bytes(), None).await?;
        Ok(Some(WebSocket { sys: sys.clone(), connection, frames: Frames::default(), is_client: false }))
    }

    pub fn wait_on(&self) -> WaitOn {
        self.connection.socket.wait_on()
    }

    async fn write(&self, opcode: u8, body: &[u8]) -> Result<(), Errno> {
        let mask = if self.is_client { self.sys.random(4).await.try_into().ok() } else { None };
        self.connection.socket.write(&frame(opcode, body, mask), None).await.map(drop)
    }

    pub async fn send(&self, channel: u8, bytes: &[u8]) -> Result<(), Errno> {
        self.write(BINARY, &[&[channel], bytes].concat()).await
    }

    /// Says how it ended, and ends.
    pub async fn finish(&self, status: &Value) -> Result<(), Errno> {
        self.send(ERROR, json::compact(status).as_bytes()).await?;
        self.close().await
    }

    /// The normal end (1000).
    pub async fn close(&self) -> Result<(), Errno> {
        self.write(CLOSING, &1000u16.to_be_bytes()).await
    }

    /// The next message of a channel if one is here: its number and its bytes. `ECONNRESET` at the end.
    pub async fn receive(&mut self) -> Result<Option<(u8, Vec<u8>)>, Errno> {
        loop {
            match self.frames.next()? {
                Some(Message::Binary(bytes)) => {
                    if let Some((channel, rest)) = bytes.split_first() {
                        return Ok(Some((*channel, rest.to_vec())));
                    }
                }
                Some(Message::Ping(body)) => self.write(PONG, &body).await?,
                Some(Message::Pong) => {}
                Some(Message::Close) => return Err(Errno::ECONNRESET),
                None => {
                    let early = self.connection.take();
                    if !early.is_empty() {
                        self.frames.bytes.extend(early);
                        continue;
                    }
                    match self.connection.socket.call(|net, id| net.recv(id, BUFFER)).await {
                        Ok(bytes) if bytes.is_empty() => return Err(Errno::ECONNRESET),
                        Ok(bytes) => self.frames.bytes.extend(bytes),
                        Err(Errno::EAGAIN) => return Ok(None),
                        Err(errno) => return Err(errno),
                    }
                }
            }
        }
    }
}

/// How a command ended, as the error channel tells it.
pub fn ended(status: u8) -> Value {
    if status == 0 {
        return crate::object!({"metadata": {}, "status": "Success"});
    }
    let words =
        format!("command terminated with non-zero exit code: command terminated with exit code {status}");
    crate::object!({
        "metadata": {}, "status": "Failure", "message": words, "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": (status.to_string())}]}
    })
}

/// What went wrong beside it.
pub fn failed(words: &str) -> Value {
    Status::new(500, "InternalError", format!("Internal error occurred: {words}")).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in_however_they_are_cut() {
        let long = vec![7; 70_000];
        for (body, mask) in [(&b"hi"[..], None), (&long[..300], Some([1, 2, 3, 4])), (&long, Some([9; 4]))] {
            let (mut frames, mut found) = (Frames::default(), None);
            for byte in frame(BINARY, body, mask) {
                frames.bytes.push(byte);
                found = frames.next().expect("it is well formed");
            }
            assert_eq!(found, Some(Message::Binary(body.to_vec())));
        }
    }

    #[test]
    fn a_server_answers_the_key_of_the_rfc() {
        assert_eq!(answer_to("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_no_frame_or_too_long_ends_the_connection() {
        let mut frames = Frames { bytes: frame(7, b"", None), ..Frames::default() };
        assert_eq!(frames.next(), Err(Errno::EINVAL));
        let bytes = [&[0x82, 127][..], &u64::MAX.to_be_bytes()].concat();
        let mut frames = Frames { bytes, ..Frames::default() };
        assert_eq!(frames.next(), Err(Errno::EINVAL));
    }
}
