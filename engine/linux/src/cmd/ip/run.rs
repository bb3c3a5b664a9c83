//! One run of `ip`: its options, the namespace it speaks to, and the names it needs while reading and printing.
//!
//! Always: readers and printers see a [`Snapshot`], never the network; what they print collects in the [`Printer`].

use crate::cmd::iproute2::printer::Dress;
use crate::cmd::iproute2::{Family, Names, Printer, Stop};
use crate::sys::Sys;
use api::NetnsId;
use net::Network;
use net::rtnetlink::{Link, NetlinkError};

/// The options before the object.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub family: Family,
    pub details: bool,
    /// `-s` once, twice …
    pub stats: u8,
    pub brief: bool,
    pub human: bool,
    pub iec: bool,
    pub resolve: bool,
    /// `-t` 1, `-ts` 2.
    pub timestamp: u8,
    pub force: bool,
    pub echo: bool,
    pub all: bool,
    /// `-loops`: rounds of a flush; 0 is without end.
    pub loops: u32,
    pub dress: Dress,
}

/// What the kernel says of devices and namespaces when a command starts.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub links: Vec<Link>,
    /// The number by which this namespace knows each of them, where it does.
    pub nsids: Vec<(i32, String)>,
}

impl Snapshot {
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The index of a name or altname; `if7` is 7, be it there or not.
    pub fn index(&self, name: &str) -> Option<u32> {
        let known =
            self.links.iter().find(|link| link.name == name || link.altnames.iter().any(|it| it == name));
        let digits = || -> Option<u32> {
            let number: String = name.strip_prefix("if")?.chars().take_while(char::is_ascii_digit).collect();
            number.parse().ok().filter(|index| *index != 0)
        };
        known.map(|link| link.index).or_else(digits)
    }

    /// The index, or the error of most commands.
    pub fn device(&self, name: &str) -> Result<u32, Stop> {
        self.index(name).ok_or_else(|| Stop::no_device(name))
    }

    /// `eth0`, `if7` for one that is not here, `*` for none.
    pub fn name(&self, index: u32) -> String {
        match (index, self.link(index)) {
            (0, _) => "*".to_owned(),
            (_, Some(link)) => link.name.clone(),
            (_, None) => format!("if{index}"),
        }
    }

    pub fn nsid_name(&self, nsid: i32) -> Option<&str> {
        self.nsids.iter().find(|(id, _)| *id == nsid).map(|(_, name)| name.as_str())
    }
}

pub struct Run {
    pub sys: Sys,
    pub netns: NetnsId,
    pub options: Options,
    pub names: Names,
    pub out: Printer,
    /// A line of `-batch`: a program it starts must not take its place.
    pub in_batch: bool,
}

impl Run {
    /// Asks the network of the chosen namespace.
    pub async fn kernel<T: 'static>(&self, question: impl FnOnce(&mut Network, NetnsId) -> T + 'static) -> T {
        let netns = self.netns;
        self.sys.ask(move |system, _| question(&mut system.net, netns)).await
    }

    /// As [`Run::kernel`], for a request: its refusal is told as rtnetlink's answers are, with status 2.
    pub async fn request<T: 'static>(
        &self,
        request: impl FnOnce(&mut Network, NetnsId) -> Result<T, NetlinkError> + 'static,
    ) -> Result<T, Stop> {
        self.kernel(request).await.map_err(|error| refused(&error, 2))
    }

    pub async fn snapshot(&self) -> Snapshot {
        let netns = self.netns;
        self.sys
            .ask(move |system, id| {
                let names = system.netns_names(system.process(id).machine);
                let links = system.net.links(netns);
                let mut nsids: Vec<(i32, String)> = Vec::new();
                for (name, other) in &names {
                    if let Some(nsid) = system.net.netns_id(netns, *other)
                        && nsids.iter().all(|(known, _)| *known != nsid)
                    {
                        nsids.push((nsid, name.clone()));
                    }
                }
                Snapshot { links, nsids }
            })
            .await
    }

    /// Sends what was printed so far.
    pub async fn flush(&mut self) {
        let text = self.out.take();
        if !text.is_empty() {
            self.sys.print(text).await;
        }
    }
}

/// How a tool tells a refusal.
pub fn refused(error: &NetlinkError, status: u8) -> Stop {
    Stop::fail(status, refusal(error))
}

/// `Error: MESSAGE.`, or `RTNETLINK answers: …` where the kernel gave no words.
pub fn refusal(error: &NetlinkError) -> String {
    match &error.message {
        Some(message) => {
            let stop = if message.ends_with('.') { "" } else { "." };
            format!("Error: {message}{stop}\n")
        }
        None => format!("RTNETLINK answers: {}\n", error.errno.text()),
    }
}
