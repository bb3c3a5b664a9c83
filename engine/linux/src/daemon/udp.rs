//! The test UDP servers: echo, sink, a fixed reply, and a name server with one response code for everything.

use super::fixture::Listen;
use super::http::plain;
use crate::sys::Sys;
use net::Errno;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) enum Mode {
    Echo,
    Sink,
    /// This line for every datagram; `{peer}` is who asked.
    Reply(String),
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub listen: Listen,
    pub mode: Mode,
}

#[derive(Clone, Debug)]
pub(super) struct RcodeServer {
    pub listen: Listen,
    pub rcode: u8,
    pub delay: Duration,
}

pub(super) async fn run(sys: Sys, server: Server) -> Result<(), Errno> {
    let socket = server.listen.udp(&sys).await?;
    loop {
        // An ICMP error about an answer of ours is no reason to end.
        let Ok(Some(datagram)) = socket.recv_from(None).await else { continue };
        let answer = match &server.mode {
            Mode::Sink => continue,
            Mode::Echo => datagram.bytes,
            Mode::Reply(text) => (text.replace("{peer}", &plain(datagram.from.ip())) + "\n").into_bytes(),
        };
        socket.send_to(answer, datagram.from).await.ok();
    }
}

pub(super) async fn run_rcode(sys: Sys, server: RcodeServer) -> Result<(), Errno> {
    let socket = server.listen.udp(&sys).await?;
    loop {
        let Ok(Some(datagram)) = socket.recv_from(None).await else { continue };
        let Some(answer) = with_rcode(&datagram.bytes, server.rcode) else { continue };
        if !server.delay.is_zero() {
            sys.sleep(server.delay).await;
        }
        socket.send_to(answer, datagram.from).await.ok();
    }
}

/// The question again, with that code and nothing else.
fn with_rcode(query: &[u8], rcode: u8) -> Option<Vec<u8>> {
    let mut end = 12;
    loop {
        let length = usize::from(*query.get(end)?);
        end += length + 1;
        if length == 0 {
            break;
        }
    }
    let question = query.get(12..end + 4)?;
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x81, 0x80 | rcode & 15, 0, 1, 0, 0, 0, 0, 0, 0]);
    answer.extend(question);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Compression, Kind, Message, Name, Rcode};

    #[test]
    fn the_question_comes_back_with_the_code() {
        let query = Message::query(7, Name::parse("www.lab").expect("a name"), Kind::A);
        let bytes = with_rcode(&query.write(Compression::None), 5).expect("an answer");
        let answer = Message::read(&bytes).expect("a message");
        assert!(answer.answers_to(&query) && answer.flags.recursion_available);
        assert_eq!(answer.rcode, Rcode::REFUSED);
        assert_eq!(with_rcode(&bytes[..14], 5), None);
    }
}
