//! What `ssh` and `sshd` say to each other once their banners are exchanged.
//!
//! Stands between `cmd/ssh` and `daemon/sshd`. Always: a message is one byte for its kind, four for its length, and the
//! rest; a message longer than [`LONGEST`] ends the connection.
//! Differs from SSH (RFC 4253, 4254): the TCP connection, its port and the banners are real; after them comes this
//! protocol of our own: nothing is encrypted, no keys are exchanged, and every user with a shell is let in, as if all
//! machines had each other's keys (`known_hosts` and `authorized_keys` preset).

use net::Errno;

/// The first line that either side sends.
pub(crate) const BANNER: &str = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u6";
pub(crate) const PORT: u16 = 22;
/// Bytes of one message.
const LONGEST: usize = 1 << 20;
/// Kind and length.
const HEAD: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The user that wants in.
    Login(String),
    /// Give it a terminal of so many columns and rows; the last number is the terminal of whoever types.
    Terminal(u16, u16, u32),
    Window(u16, u16),
    Shell,
    Command(String),
    Denied,
    /// To stdin, or from stdout.
    Data(Vec<u8>),
    /// From stderr.
    Errors(Vec<u8>),
    /// The end of stdin.
    End,
    /// The program ended with that status.
    Exit(u8),
}

impl Message {
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Message::Login(user) => (b'U', user.clone().into_bytes()),
            Message::Terminal(columns, rows, tty) => {
                (b'T', [&columns.to_be_bytes()[..], &rows.to_be_bytes(), &tty.to_be_bytes()].concat())
            }
            Message::Window(columns, rows) => (b'W', [columns.to_be_bytes(), rows.to_be_bytes()].concat()),
            Message::Shell => (b'S', Vec::new()),
            Message::Command(command) => (b'C', command.clone().into_bytes()),
            Message::Denied => (b'N', Vec::new()),
            Message::Data(bytes) => (b'D', bytes.clone()),
            Message::Errors(bytes) => (b'E', bytes.clone()),
            Message::End => (b'Z', Vec::new()),
            Message::Exit(status) => (b'X', vec![*status]),
        };
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&[kind][..], &length, &body].concat()
    }

    fn decode(kind: u8, body: &[u8]) -> Option<Message> {
        let text = || String::from_utf8_lossy(body).into_owned();
        let number = |at: usize| Some(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]));
        Some(match kind {
            b'U' => Message::Login(text()),
            b'T' => {
                let tty = u32::from(number(4)?) << 16 | u32::from(number(6)?);
                Message::Terminal(number(0)?, number(2)?, tty)
            }
            b'W' => Message::Window(number(0)?, number(2)?),
            b'S' => Message::Shell,
            b'C' => Message::Command(text()),
            b'N' => Message::Denied,
            b'D' => Message::Data(body.to_vec()),
            b'E' => Message::Errors(body.to_vec()),
            b'Z' => Message::End,
            b'X' => Message::Exit(*body.first()?),
            _ => return None,
        })
    }
}

/// What has come in and is not a whole message yet.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
}

impl Incoming {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The banner line, once it is whole; `EINVAL` where the other side speaks something else.
    pub fn banner(&mut self) -> Result<Option<String>, Errno> {
        let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
            return if self.bytes.len() > 255 { Err(Errno::EINVAL) } else { Ok(None) };
        };
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.starts_with("SSH-2.0-") { Ok(Some(line)) } else { Err(Errno::EINVAL) }
    }

    /// The next whole message; `EINVAL` where what comes is none.
    pub fn message(&mut self) -> Result<Option<Message>, Errno> {
        let [kind, a, b, c, d, ..] = self.bytes[..] else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > LONGEST {
            return Err(Errno::EINVAL);
        }
        if self.bytes.len() < HEAD + length {
            return Ok(None);
        }
        let message = Message::decode(kind, &self.bytes[HEAD..HEAD + length]).ok_or(Errno::EINVAL)?;
        self.bytes.drain(..HEAD + length);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in_however_they_are_cut() {
        let all = [
            Message::Login("root".to_owned()),
            Message::Terminal(80, 24, 70_000),
            Message::Command("echo hi".to_owned()),
            Message::Data(b"\x00\xff".to_vec()),
            Message::End,
            Message::Exit(3),
        ];
        let (mut incoming, mut got) = (Incoming::default(), Vec::new());
        for byte in all.iter().flat_map(Message::encode) {
            incoming.feed(&[byte]);
            got.extend(incoming.message().expect("it is well formed"));
        }
        assert_eq!(got, all);
        incoming.feed(b"GET / HTTP/1.1\r\n");
        assert_eq!(incoming.message(), Err(Errno::EINVAL));
    }
}
