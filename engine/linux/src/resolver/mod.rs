//! Names to addresses and back, as a C library answers its programs: getaddrinfo(3), gethostbyname2(3), getnameinfo(3).
//!
//! Stands between commands and the sockets. Called by every command that takes a host name; reads nsswitch.conf, hosts
//! and resolv.conf anew for each question, so an edit counts at once (glibc reloads resolv.conf too).
//! Always: the sources are asked in nsswitch's order; what a name server was asked can be seen in a capture.
//! Differs from glibc: no nscd, no IDN, no `/etc/gai.conf`, no `$HOSTALIASES`.
//! A second C library (musl: all servers at once, first answer wins, no nsswitch) gets its own `search` and `send`
//! beside these; hosts, resolv.conf and the wire are shared.
//! Sources: glibc 2.36 (`sysdeps/posix/getaddrinfo.c`, `nss/`, `resolv/`).

mod answer;
mod conf;
mod getaddrinfo;
mod hosts;
mod nsswitch;
mod numeric;
mod order;
mod search;
mod send;

pub use conf::{ResolvConf, SERVERS, Surroundings};
pub use getaddrinfo::{AddrInfo, GaiError, Hints, getaddrinfo};
pub use nsswitch::{Source, Status, Step, steps};
pub use numeric::{address, inet_aton};
pub(crate) use send::MessageStream;

use crate::dns::{Kind, Name};
use crate::sys::Sys;
use net::Errno;
use net::rtnetlink::Family;
use search::{Failure, Search};
use std::net::IpAddr;

/// `struct hostent`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostEntry {
    /// The official name.
    pub name: String,
    pub aliases: Vec<String>,
    pub addresses: Vec<IpAddr>,
}

/// `h_errno`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    HostNotFound,
    TryAgain,
    NoRecovery,
    NoData,
    /// A source that is not installed.
    Internal,
}

impl HostError {
    /// hstrerror(3)
    pub fn text(self) -> &'static str {
        match self {
            HostError::HostNotFound => "Unknown host",
            HostError::TryAgain => "Host name lookup failure",
            HostError::NoRecovery => "Unknown server error",
            HostError::NoData => "No address associated with name",
            HostError::Internal => "Resolver internal error",
        }
    }
}

type Answer<T> = Result<T, (Status, HostError)>;

impl Failure {
    fn status(self) -> Status {
        match self.errno {
            Some(Errno::ECONNREFUSED | Errno::ETIMEDOUT) => Status::Unavail,
            _ => Status::NotFound,
        }
    }
}

/// A look-up's view of the machine's files.
struct Files<'a> {
    sys: &'a Sys,
    hosts: String,
    steps: Vec<Step>,
    conf: ResolvConf,
}

impl<'a> Files<'a> {
    async fn read(sys: &'a Sys) -> Files<'a> {
        let steps = steps(&text_of(sys, "/etc/nsswitch.conf").await, "hosts");
        Files { sys, hosts: text_of(sys, "/etc/hosts").await, steps, conf: ResolvConf::load(sys).await }
    }

    fn search<'b>(&'b self, kinds: &'b [Kind]) -> Search<'b> {
        Search { sys: self.sys, conf: &self.conf, kinds }
    }

    /// `error` is what counts of a search that failed.
    async fn by_name(
        &self,
        source: &Source,
        name: &str,
        family: Family,
        error: fn(&Failure) -> HostError,
    ) -> Answer<HostEntry> {
        match source {
            Source::Files => {
                hosts::by_name(&self.hosts, name, family).ok_or((Status::NotFound, HostError::HostNotFound))
            }
            Source::Dns => {
                let kind = if family == Family::Inet { Kind::A } else { Kind::AAAA };
                let found = self.search(&[kind]).search(name).await;
                let (first, second) = found.map_err(|failure| (failure.status(), error(&failure)))?;
                let answer = first.or(second).ok_or((Status::TryAgain, HostError::TryAgain))?;
                answer::host(&answer, kind)
            }
            Source::Missing(_) => Err((Status::Unavail, HostError::Internal)),
        }
    }

    async fn by_address(&self, source: &Source, address: IpAddr) -> Answer<HostEntry> {
        match source {
            Source::Files => {
                hosts::by_address(&self.hosts, address).ok_or((Status::NotFound, HostError::HostNotFound))
            }
            Source::Dns => {
                let name = Name::reverse(address).relative();
                let found = self.search(&[Kind::PTR]).query(&name).await;
                let (first, second) = found.map_err(|failure| (failure.status(), failure.error))?;
                let answer = first.or(second).ok_or((Status::TryAgain, HostError::TryAgain))?;
                answer::reverse(&answer, address).ok_or((Status::TryAgain, HostError::NoRecovery))
            }
            Source::Missing(_) => Err((Status::Unavail, HostError::Internal)),
        }
    }
}

impl ResolvConf {
    /// The machine's own, as this process sees it.
    pub async fn load(sys: &Sys) -> ResolvConf {
        let around = Surroundings {
            hostname: sys.hostname().await,
            local_domain: sys.env("LOCALDOMAIN").await,
            options: sys.env("RES_OPTIONS").await,
        };
        ResolvConf::parse(&text_of(sys, "/etc/resolv.conf").await, &around)
    }
}

async fn text_of(sys: &Sys, path: &str) -> String {
    String::from_utf8_lossy(&sys.read_file(path).await.unwrap_or_default()).into_owned()
}

/// gethostbyname2(3)
pub async fn gethostbyname2(sys: &Sys, name: &str, family: Family) -> Result<HostEntry, HostError> {
    if let Some(numeric) = digits_and_dots(name, family) {
        let entry =
            |address| HostEntry { name: name.to_owned(), aliases: Vec::new(), addresses: vec![address] };
        return numeric.map(entry).ok_or(HostError::HostNotFound);
    }
    if !is_host_name(name) && !name.contains(' ') {
        return Err(HostError::HostNotFound);
    }
    let files = Files::read(sys).await;
    let mut error = HostError::HostNotFound;
    for step in &files.steps {
        let status = match files.by_name(&step.source, name, family, |failure| failure.last).await {
            Ok(entry) => return Ok(entry),
            Err((status, found)) => {
                error = found;
                status
            }
        };
        if step.ends_at(status) {
            break;
        }
    }
    Err(error)
}

/// gethostbyaddr(3)
pub async fn gethostbyaddr(sys: &Sys, address: IpAddr) -> Option<HostEntry> {
    let files = Files::read(sys).await;
    for step in &files.steps {
        match files.by_address(&step.source, address).await {
            Ok(entry) => return Some(entry),
            Err((status, _)) if step.ends_at(status) => return None,
            Err(_) => {}
        }
    }
    None
}

/// getnameinfo(3) with NI_NAMEREQD: the address's name, or nothing.
pub async fn name_of(sys: &Sys, address: IpAddr) -> Option<String> {
    gethostbyaddr(sys, address).await.map(|entry| entry.name).filter(|name| !name.is_empty())
}

/// getnameinfo(3): the address's name, or the address where it has none; an error where nobody could be asked.
pub async fn getnameinfo(sys: &Sys, address: IpAddr) -> Result<String, GaiError> {
    let files = Files::read(sys).await;
    let mut error = HostError::HostNotFound;
    for step in &files.steps {
        match files.by_address(&step.source, address).await {
            Ok(entry) => return Ok(entry.name),
            Err((status, found)) => {
                error = found;
                if step.ends_at(status) {
                    break;
                }
            }
        }
    }
    match error {
        HostError::TryAgain => Err(GaiError::Again),
        _ => Ok(address.to_string()),
    }
}

/// gethostent(3): all of /etc/hosts.
pub async fn host_entries(sys: &Sys) -> Vec<HostEntry> {
    hosts::all(&text_of(sys, "/etc/hosts").await)
}

/// What looks like a number is never looked up: its address, or nothing where it is no right one.
fn digits_and_dots(name: &str, family: Family) -> Option<Option<IpAddr>> {
    let numeric = name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|it| it.is_ascii_digit() || it == '.')
        && !name.ends_with('.');
    let hexadecimal =
        name.contains(':') && name.chars().all(|it| it.is_ascii_hexdigit() || matches!(it, ':' | '.'));
    if numeric {
        let v4 = (family == Family::Inet).then(|| inet_aton(name)).flatten();
        return Some(v4.map(IpAddr::V4));
    }
    hexadecimal.then(|| name.parse().ok().filter(|it: &IpAddr| Family::of(*it) == family))
}

/// `res_hnok`: letters, digits, hyphen and underscore, no hyphen in front.
fn is_host_name(name: &str) -> bool {
    let allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    !name.starts_with('-') && name.chars().all(allowed) && Name::parse(name).is_ok()
}
