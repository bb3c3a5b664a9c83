//! A program in a container at this machine's standard streams.
//!
//! Always: with a terminal on both sides this one is raw, so that Ctrl-C reaches the program.
//! Source: client-go `tools/remotecommand/websocket.go`.

use crate::api::Request;
use crate::client::Client;
use crate::kubectl::Exec;
use crate::kubelet::TERMINAL;
use crate::object::json;
use crate::websocket::{self, CLOSE, ERROR, RESIZE, Refused, WebSocket};
use linux::{Found, STDERR, STDIN, STDOUT, Signal, Sys, Woke};
use net::Errno;

/// What one turn takes from standard input.
const BUFFER: usize = 16_384;
/// What a captured command may say in all.
const MOST_CAPTURED: usize = 64 << 20;

/// Its exit code; an error is the server's status as JSON, or words.
pub async fn join(sys: &Sys, client: &Client, exec: Exec) -> Result<u8, String> {
    let mut request = exec.request;
    if exec.tty {
        request = request.with_header(TERMINAL, sys.typed_on().await.to_string());
    }
    let opened = WebSocket::open(client, request, websocket::STREAMS).await;
    let mut socket = opened.map_err(refused)?;
    if !exec.tty {
        return relay(sys, &mut socket, exec.stdin, false).await;
    }
    sys.catch(Signal::WindowChange).await;
    sys.raw_terminal(true).await;
    let ended = relay(sys, &mut socket, exec.stdin, true).await;
    sys.raw_terminal(false).await;
    ended
}

/// The same with what standard input holds: exit code and both outputs.
pub async fn capture(
    sys: &Sys,
    client: &Client,
    request: Request,
    input: &[u8],
) -> Result<(u8, Vec<u8>, Vec<u8>), String> {
    let opened = WebSocket::open(client, request, websocket::STREAMS).await;
    let mut socket = opened.map_err(refused)?;
    let mut pieces = input.chunks(BUFFER);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut has_closed = false;
    loop {
        while let Some((channel, bytes)) = socket.receive().await.map_err(lost)? {
            match channel {
                websocket::STDOUT => out.extend(bytes),
                websocket::STDERR => err.extend(bytes),
                ERROR => return Ok((ended(&bytes)?, out, err)),
                _ => {}
            }
            if out.len() + err.len() > MOST_CAPTURED {
                return Err("too much output".to_owned());
            }
        }
        match pieces.next() {
            Some(piece) => socket.send(websocket::STDIN, piece).await.map_err(lost)?,
            None if !has_closed => {
                has_closed = true;
                socket.send(CLOSE, &[websocket::STDIN]).await.map_err(lost)?;
            }
            None => {
                sys.wait(&[socket.wait_on()], None).await;
            }
        }
    }
}

fn lost(_: Errno) -> String {
    let why = "next reader: websocket: close 1006 (abnormal closure): unexpected EOF";
    format!("error reading from error stream: {why}")
}

pub(super) fn refused(refused: Refused) -> String {
    match refused {
        Refused::Answered(_, body) if json::parse(&body).is_ok_and(|it| it.str("kind") == "Status") => body,
        Refused::Answered(_, body) => format!("unable to upgrade connection: {body}"),
        Refused::Unreached(why) => why,
    }
}

async fn relay(sys: &Sys, socket: &mut WebSocket, mut reads: bool, tty: bool) -> Result<u8, String> {
    if tty {
        resize(sys, socket).await.map_err(lost)?;
    }
    loop {
        while let Some((channel, bytes)) = socket.receive().await.map_err(lost)? {
            match channel {
                // Nobody may read it any more.
                websocket::STDOUT => drop(sys.write(STDOUT, &bytes).await),
                websocket::STDERR => drop(sys.write(STDERR, &bytes).await),
                ERROR => return ended(&bytes),
                _ => {}
            }
        }
        let mut waits = vec![socket.wait_on()];
        let mut moved = false;
        if reads {
            match sys.read_now(STDIN, BUFFER).await {
                Found::Bytes(bytes) => {
                    moved = true;
                    socket.send(websocket::STDIN, &bytes).await.map_err(lost)?;
                }
                Found::End => {
                    (moved, reads) = (true, false);
                    socket.send(CLOSE, &[websocket::STDIN]).await.map_err(lost)?;
                }
                Found::Wait(on) => waits.extend(on),
            }
        }
        if !moved && sys.wait(&waits, None).await == Woke::Signal(Signal::WindowChange) {
            resize(sys, socket).await.map_err(lost)?;
        }
    }
}

async fn resize(sys: &Sys, socket: &WebSocket) -> Result<(), Errno> {
    let (columns, rows) = sys.terminal_size().await.unwrap_or((80, 24));
    let size = format!("{{\"Width\":{columns},\"Height\":{rows}}}\n");
    socket.send(RESIZE, size.as_bytes()).await
}

/// What the error channel says at the end.
fn ended(bytes: &[u8]) -> Result<u8, String> {
    let status = json::parse(&String::from_utf8_lossy(bytes))?;
    if status.str("status") == "Success" {
        return Ok(0);
    }
    let causes = status.at(&["details", "causes"]).items();
    let code =
        causes.iter().find(|it| it.str("reason") == "ExitCode").map(|it| it.str("message").parse::<u8>());
    match (status.str("reason"), code) {
        ("NonZeroExitCode", Some(Ok(code))) => Ok(code),
        _ => Err(status.str("message").to_owned()),
    }
}
