//! A fixture: a small server with a fixed way of answering, described by words such as `listen=0.0.0.0:80`.
//!
//! Always: an unknown kind, option or mode is refused, in words.
//! The kinds and their options:
//! ```text
//! http     listen=ADDR:PORT [body=TEXT] [status=N] [delay=S] [location=URL] [as=NAME] [uid=N] [dual=1]
//! tcp      listen=ADDR:PORT mode=echo|sink|close|reset|hang|banner [text=TEXT] [as=NAME]
//! udp      listen=ADDR:PORT mode=echo|sink|reply [text=TEXT]
//! dns      listen=ADDR[:PORT]      payload: "zone NAME" and "NAME TTL TYPE VALUE" lines
//! dnsrcode listen=ADDR:PORT rcode=N [delay=S]
//! nginx    port=N                  payload: what stands inside of http { … }
//! ```

use super::{Complaint, dns, http, nginx, tcp, udp};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// `listen(fd, 128)`
pub(super) const BACKLOG: u32 = 128;

#[derive(Clone, Debug)]
pub struct Fixture {
    /// The process name that `ps` and `ss -p` show.
    pub name: String,
    pub uid: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Http(http::Server),
    Tcp(tcp::Server),
    Udp(udp::Server),
    DnsRcode(udp::RcodeServer),
    Dns(dns::Server),
    Nginx(Rc<nginx::Nginx>),
}

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listen {
    pub local: SocketAddr,
    /// An IPv6 socket that takes IPv4 too.
    pub dual: bool,
    pub backlog: u32,
}

/// The options of one fixture; each is taken once, what is left over is refused.
struct Options(BTreeMap<String, String>);

impl Options {
    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>, Complaint> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{name}={text} is not a number that fits"))
    }

    fn seconds(&mut self, name: &str) -> Result<Duration, Complaint> {
        let seconds: f64 = self.number(name)?.unwrap_or_default();
        Duration::try_from_secs_f64(seconds).map_err(|_| format!("{name}={seconds} is no time"))
    }

    fn listen(&mut self, port: Option<u16>) -> Result<Listen, Complaint> {
        let text = self.text("listen").ok_or("listen= is missing")?;
        let bare = text.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let local = match (text.parse(), bare.zip(port)) {
            (Ok(local), _) => local,
            (_, Some((address, port))) => SocketAddr::new(address, port),
            _ => return Err(format!("listen={text} is no address and port")),
        };
        let backlog = self.number("backlog")?.unwrap_or(BACKLOG);
        Ok(Listen { local, dual: self.text("dual").is_some(), backlog })
    }

    fn end(self) -> Result<(), Complaint> {
        match self.0.into_keys().next() {
            Some(name) => Err(format!("unknown option {name}=")),
            None => Ok(()),
        }
    }
}

impl Fixture {
    /// `words` are the `name=value` options; `payload` the lines below.
    pub fn parse(kind: &str, id: &str, words: &[String], payload: &[String]) -> Result<Fixture, Complaint> {
        let mut map = BTreeMap::new();
        for word in words {
            let (name, value) = word.split_once('=').ok_or(format!("{word} is not name=value"))?;
            map.insert(name.to_owned(), value.to_owned());
        }
        let mut options = Options(map);
        let name = options.text("as").unwrap_or_else(|| id.to_owned());
        let uid = options.number("uid")?.unwrap_or(0);
        let (name, kind) = match kind {
            "http" => (name, Kind::Http(http_server(id, &mut options)?)),
            "tcp" => (name, Kind::Tcp(tcp_server(id, &mut options)?)),
            "udp" => (name, Kind::Udp(udp_server(id, &mut options)?)),
            "dns" => {
                let listen = options.listen(Some(53))?;
                (
                    "dnsmasq".to_owned(),
                    Kind::Dns(dns::Server::new(&[listen.local], dns::Zones::parse(payload)?)),
                )
            }
            "nginx" => {
                options.number::<u16>("port")?;
                ("nginx".to_owned(), Kind::Nginx(Rc::new(nginx::fixture(payload)?)))
            }
            "dnsrcode" => {
                let rcode = options.number("rcode")?.ok_or("rcode= is missing")?;
                let (listen, delay) = (options.listen(Some(53))?, options.seconds("delay")?);
                (name, Kind::DnsRcode(udp::RcodeServer { listen, rcode, delay }))
            }
            other => return Err(format!("unknown fixture {other}")),
        };
        options.end()?;
        Ok(Fixture { name, uid, kind })
    }
}

fn http_server(id: &str, options: &mut Options) -> Result<http::Server, Complaint> {
    Ok(http::Server {
        id: id.to_owned(),
        listen: options.listen(None)?,
        body: options.text("body").unwrap_or_else(|| "{id}".to_owned()),
        status: options.number("status")?.unwrap_or(200),
        delay: options.seconds("delay")?,
        location: options.text("location"),
    })
}

fn tcp_server(id: &str, options: &mut Options) -> Result<tcp::Server, Complaint> {
    let mode = options.text("mode").unwrap_or_else(|| "echo".to_owned());
    let text = options.text("text").unwrap_or_else(|| id.to_owned());
    let mode = match mode.as_str() {
        "echo" => tcp::Mode::Echo,
        "sink" => tcp::Mode::Sink,
        "close" => tcp::Mode::Close,
        "reset" => tcp::Mode::Reset,
        "hang" => tcp::Mode::Hang,
        "banner" => tcp::Mode::Banner(text),
        other => return Err(format!("unknown mode={other}")),
    };
    Ok(tcp::Server { listen: options.listen(None)?, mode })
}

fn udp_server(id: &str, options: &mut Options) -> Result<udp::Server, Complaint> {
    let mode = options.text("mode").unwrap_or_else(|| "echo".to_owned());
    let text = options.text("text").unwrap_or_else(|| "{id}".to_owned()).replace("{id}", id);
    let mode = match mode.as_str() {
        "echo" => udp::Mode::Echo,
        "sink" => udp::Mode::Sink,
        "reply" => udp::Mode::Reply(text),
        other => return Err(format!("unknown mode={other}")),
    };
    Ok(udp::Server { listen: options.listen(None)?, mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, words: &str) -> Result<Fixture, Complaint> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Fixture::parse(kind, "web", &words, &[])
    }

    #[test]
    fn a_fixture_goes_by_its_id_unless_told_otherwise() {
        let name = |words| parse("http", words).map(|fixture| (fixture.name, fixture.uid));
        assert_eq!(name("listen=0.0.0.0:80"), Ok(("web".to_owned(), 0)));
        assert_eq!(name("listen=[::]:80 as=nginx uid=1337 dual=1"), Ok(("nginx".to_owned(), 1337)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let wrong = |kind, words| parse(kind, words).err().unwrap_or_default();
        assert_eq!(wrong("http", ""), "listen= is missing");
        assert_eq!(wrong("http", "listen=80"), "listen=80 is no address and port");
        assert_eq!(wrong("http", "listen=0.0.0.0:80 colour=red"), "unknown option colour=");
        assert_eq!(wrong("tcp", "listen=0.0.0.0:80 mode=sing"), "unknown mode=sing");
        assert_eq!(wrong("ftp", ""), "unknown fixture ftp");
    }
}
