//! What the small web servers of images share: connections kept alive, a request read whole, an answer written.
//!
//! Always: SIGTERM ends a server at once with exit code 0; a request longer than [`REQUEST_BYTES`] is cut off.
//! Differs from the real ones: HTTP/1.1 without chunked bodies of requests.

use linux::daemon::Crew;
use linux::socket::Socket;
use linux::{Exit, Signal, Sys, percent};
use net::Errno;
use std::cell::RefCell;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;

const REQUEST_BYTES: usize = 1 << 20;
/// SOMAXCONN, which Go passes to listen(2).
const BACKLOG: u32 = 4096;

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// With its query.
    pub target: String,
    pub version: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The server ends after this answer with that code.
    pub exit: Option<u8>,
}

pub type Handler = Rc<dyn Fn(Request, SocketAddr, SocketAddr) -> Pin<Box<dyn Future<Output = Answer>>>>;

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let pair =
            query.split('&').map(|it| it.split_once('=').unwrap_or((it, ""))).find(|it| it.0 == name)?;
        Some(percent::decode_form(pair.1))
    }
}

impl Answer {
    pub fn text(status: u16, text: impl Into<String>) -> Answer {
        let headers = vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        Answer { status, headers, body: text.into().into_bytes(), exit: None }
    }
}

/// Serves those ports on all addresses until SIGTERM comes, beside what the crew does already.
pub async fn serve(sys: Sys, crew: Crew, ports: &[u16], handler: Handler) -> Exit {
    sys.catch(Signal::Term).await;
    let exit = Rc::new(RefCell::new(None));
    for port in ports {
        let local = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), *port);
        let listener = match sys.listen(local, BACKLOG).await {
            Ok(listener) => listener,
            Err(errno) => {
                sys.eprint(format!("listen tcp :{port}: bind: {}\n", errno.to_string().to_lowercase())).await;
                return Exit::FAILURE;
            }
        };
        let (inner, sys, handler, exit) = (crew.clone(), sys.clone(), Rc::clone(&handler), Rc::clone(&exit));
        crew.add(inner.serve(listener, move |connection, peer| {
            let (sys, handler, exit) = (sys.clone(), Rc::clone(&handler), Rc::clone(&exit));
            async move {
                // The client may hang up at any time; then there is nobody to tell.
                if let Ok(Some(code)) = converse(&connection, peer, &handler).await {
                    exit.borrow_mut().replace(code);
                    let id = sys.id;
                    sys.ask(move |system, _| system.signal(id, Signal::Term)).await;
                }
            }
        }));
    }
    crew.run().await;
    let code = exit.borrow().unwrap_or(0);
    Exit(code)
}

async fn converse(connection: &Socket, peer: SocketAddr, handler: &Handler) -> Result<Option<u8>, Errno> {
    let local = connection.local().await?;
    let mut buffer = Vec::new();
    loop {
        let Some(request) = read(connection, &mut buffer).await? else { return Ok(None) };
        let closes =
            request.header("Connection").eq_ignore_ascii_case("close") || request.version == "HTTP/1.0";
        let head_only = request.method == "HEAD";
        let answer = handler(request, peer, local).await;
        let mut text = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
        for (name, value) in &answer.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n", answer.body.len());
        text += if closes { "Connection: close\r\n\r\n" } else { "\r\n" };
        let mut bytes = text.into_bytes();
        if !head_only {
            bytes.extend(answer.body);
        }
        connection.write(&bytes, None).await?;
        if closes || answer.exit.is_some() {
            return Ok(answer.exit);
        }
    }
}

/// The next request; `None` where the client has ended or says nothing whole.
async fn read(connection: &Socket, buffer: &mut Vec<u8>) -> Result<Option<Request>, Errno> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let some = connection.read(None).await?.unwrap_or_default();
        if some.is_empty() || buffer.len() > REQUEST_BYTES {
            return Ok(None);
        }
        buffer.extend(some);
    };
    let head: Vec<u8> = buffer.drain(..end + 4).collect();
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ').map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        version: words.next().unwrap_or_default(),
        ..Request::default()
    };
    let pairs = lines.filter_map(|line| line.split_once(':'));
    request.headers = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let length = request.header("Content-Length").parse::<usize>().unwrap_or(0).min(REQUEST_BYTES);
    while buffer.len() < length {
        let some = connection.read(None).await?.unwrap_or_default();
        if some.is_empty() {
            return Ok(None);
        }
        buffer.extend(some);
    }
    request.body = buffer.drain(..length).collect();
    Ok(Some(request))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}
