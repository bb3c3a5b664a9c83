//! `python3 -m http.server`: files and listings of a directory over HTTP/1.0, with a line on stderr for each request.
//!
//! Always: the socket is bound before the host's name is looked up, and listens after, as in Python; what is printed
//! to a file or pipe is held back until the server ends.
//! Differs from Python: no traceback where a client hangs up early; no `/etc/mime.types`.
//! Source: Python 3.11.2 `http/server.py`, `socketserver.py`.

mod files;
mod request;

use super::crew::Crew;
use crate::cmd::Exit;
use crate::fs::STDOUT;
use crate::resolver::{self, Hints};
use crate::signal::Signal;
use crate::socket::Socket;
use crate::sys::{Sys, Woke};
use net::{Errno, SocketKind, SocketOption};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// `request_queue_size`
const BACKLOG: u32 = 5;

pub struct Server {
    /// As it was written; the C library takes it modulo 65536.
    pub port: i64,
    pub bind: Option<String>,
    pub directory: Option<String>,
    pub protocol: String,
    pub unbuffered: bool,
}

/// What every conversation knows.
struct Site {
    directory: String,
    protocol: String,
}

/// Where in Python an error came up, innermost last: file, line, function, text, and what is underlined of it.
type Frame = (&'static str, u32, &'static str, &'static str, &'static str);

const MAIN: &[Frame] = &[("/usr/lib/python3.11/http/server.py", 1309, "<module>", "test(", "")];
const BINDING: &[Frame] = &[
    (
        "/usr/lib/python3.11/http/server.py",
        1256,
        "test",
        "with ServerClass(addr, HandlerClass) as httpd:",
        "     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ),
    ("/usr/lib/python3.11/socketserver.py", 456, "__init__", "self.server_bind()", ""),
    (
        "/usr/lib/python3.11/http/server.py",
        1303,
        "server_bind",
        "return super().server_bind()",
        "       ^^^^^^^^^^^^^^^^^^^^^",
    ),
    (
        "/usr/lib/python3.11/http/server.py",
        136,
        "server_bind",
        "socketserver.TCPServer.server_bind(self)",
        "",
    ),
    ("/usr/lib/python3.11/socketserver.py", 472, "server_bind", "self.socket.bind(self.server_address)", ""),
];
const RESOLVING: &[Frame] = &[
    (
        "/usr/lib/python3.11/http/server.py",
        1254,
        "test",
        "ServerClass.address_family, addr = _get_best_family(bind, port)",
        "                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ),
    (
        "/usr/lib/python3.11/http/server.py",
        1237,
        "_get_best_family",
        "infos = socket.getaddrinfo(",
        "        ^^^^^^^^^^^^^^^^^^^",
    ),
    (
        "/usr/lib/python3.11/socket.py",
        962,
        "getaddrinfo",
        "for res in _socket.getaddrinfo(host, port, family, type, proto, flags):",
        "           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ),
];

async fn traceback(sys: &Sys, frames: &[Frame], last: String) -> Exit {
    let mut text = String::from(
        "Traceback (most recent call last):\n  File \"<frozen runpy>\", line 198, in _run_module_as_main\n  \
         File \"<frozen runpy>\", line 88, in _run_code\n",
    );
    for (file, line, function, code, marks) in MAIN.iter().chain(frames) {
        text += &format!("  File \"{file}\", line {line}, in {function}\n    {code}\n");
        if !marks.is_empty() {
            text += &format!("    {marks}\n");
        }
    }
    sys.eprint(text + &last + "\n").await;
    Exit::FAILURE
}

pub async fn run(sys: Sys, server: Server) -> Exit {
    let ignored = sys.ask(|system, id| system.process(id).ignored.contains(&Signal::Int)).await;
    if !ignored {
        sys.catch(Signal::Int).await;
    }
    let port = server.port.rem_euclid(1 << 16) as u16;
    let address = match &server.bind {
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(host) => match resolver::getaddrinfo(&sys, host, Hints::default()).await {
            Ok(found) if !found.is_empty() => found[0].address,
            Ok(_) => return Exit::FAILURE,
            Err(error) => {
                let last = format!("socket.gaierror: [Errno {}] {}", error.code(), error.text());
                return traceback(&sys, RESOLVING, last).await;
            }
        },
    };
    let listener = match listen(&sys, SocketAddr::new(address, port)).await {
        Ok(listener) => listener,
        Err(errno) => {
            let last = match errno {
                Errno::EACCES => format!("PermissionError: [Errno {}] {errno}", errno.number()),
                _ => format!("OSError: [Errno {}] {errno}", errno.number()),
            };
            return traceback(&sys, BINDING, last).await;
        }
    };
    let local = listener.local().await.unwrap_or(SocketAddr::new(address, port));
    let told = format!("Serving HTTP on {} port {} (http://{local}/) ...\n", local.ip(), local.port());
    let at_once = server.unbuffered || sys.is_tty(STDOUT).await;
    if at_once {
        sys.print(&told).await;
    }
    let directory = match server.directory {
        Some(directory) => directory,
        None => sys.cwd().await,
    };
    let site = Rc::new(Site { directory, protocol: server.protocol });
    let (crew, calls) = (Crew::default(), sys.clone());
    crew.add(crew.clone().serve(listener, move |connection, peer| {
        let (sys, site) = (calls.clone(), Rc::clone(&site));
        // The client may hang up at any time; then there is nobody to tell.
        async move { request::converse(&sys, &site, connection, peer).await.unwrap_or_default() }
    }));
    interrupted(&sys, crew).await;
    let held_back = if at_once { "" } else { &told };
    sys.print(format!("{held_back}\nKeyboard interrupt received, exiting.\n")).await;
    Exit::OK
}

/// Bound, the host's name looked up, and listening.
async fn listen(sys: &Sys, local: SocketAddr) -> Result<Socket, Errno> {
    let socket = sys.socket(SocketKind::Tcp).await?;
    socket.set(SocketOption::ReuseAddr(true)).await?;
    if local.is_ipv6() {
        socket.set(SocketOption::V6Only(false)).await?;
    }
    socket.bind(local).await?;
    match local.ip() {
        address if address.is_unspecified() => {
            let name = sys.hostname().await;
            resolver::gethostbyname2(sys, &name, net::rtnetlink::Family::Inet).await.ok();
        }
        address => _ = resolver::gethostbyaddr(sys, address).await,
    }
    socket.call(move |net, id| net.listen(id, BACKLOG)).await?;
    Ok(socket)
}

/// Serves until Ctrl-C.
async fn interrupted(sys: &Sys, crew: Crew) {
    let mut serving = pin!(crew.run());
    let mut waiting = pin!(async { while !matches!(sys.wait(&[], None).await, Woke::Signal(_)) {} });
    poll_fn(|context| {
        if waiting.as_mut().poll(context).is_ready() || serving.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
