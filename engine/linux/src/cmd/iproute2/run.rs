//! One run of `ip` or `bridge`: its options, the namespace it speaks to, and the names it needs while reading and printing.
//!
//! Always: readers and printers see a [`Snapshot`], never the network; what they print collects in the [`Printer`].

use super::printer::Dress;
use super::{Family, Names, Printer, Stop, Words, batch, names};
use crate::cmd::Exit;
use crate::sys::Sys;
use api::NetnsId;
use net::rtnetlink::{Link, NetlinkError};
use net::{Errno, Network};
use std::pin::Pin;

/// What is done with an object (`link`, `fdb` …) and the words behind it.
pub type Object = for<'a> fn(&'a mut Run, &'a str, Words<'a>) -> Doing<'a>;
pub type Doing<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + 'a>>;

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
    /// What `-stats` says when nothing is left for a flush, `round` rounds after it began.
    pub fn tell_flushed(&mut self, round: u32) {
        if self.options.stats == 0 {
            return;
        }
        if round == 0 {
            return self.out.text("Nothing to flush.\n");
        }
        let plural = if round > 1 { "s" } else { "" };
        self.out.text(format_args!("*** Flush is complete after {round} round{plural} ***\n"));
    }

    /// Goes to the namespace of `-n` and reads what names there are; `color` is the last word of `-color`.
    pub async fn start(
        sys: Sys,
        mut options: Options,
        netns_name: Option<String>,
        color: Option<String>,
    ) -> Result<Run, Stop> {
        options.dress.color = batch::palette(&sys, color.as_deref(), options.dress.json).await;
        let mut netns = sys.net(|_, netns| netns).await;
        if let Some(name) = &netns_name {
            netns = sys.netns_to_enter(name).await.map_err(|error| match error {
                Errno::EINVAL | Errno::EPERM => {
                    Stop::exit(255, format!("setting the network namespace \"{name}\" failed: {error}\n"))
                }
                _ => Stop::exit(255, format!("Cannot open network namespace \"{name}\": {error}\n")),
            })?;
            // Files of /proc and /sys, and what `netns exec` starts, are those of the chosen namespace too.
            sys.enter_netns(netns, Some(name)).await;
        }
        let names = read_names(&sys).await;
        let out = Printer::new(options.dress);
        Ok(Run { sys, netns, options, names, out, in_batch: false })
    }

    /// The commands of a file, one by one.
    pub async fn batch(&mut self, file: &str, object: Object) -> Exit {
        let lines = match batch::read(&self.sys, file).await {
            Ok(lines) => lines,
            Err(stop) => return stop.told(&self.sys).await,
        };
        self.in_batch = true;
        let family = self.options.family;
        let mut status = Exit::OK;
        for (number, line) in lines {
            let words = match batch::split(&line) {
                Ok(words) => words,
                Err(stop) => return stop.told(&self.sys).await,
            };
            let Some((first, rest)) = words.split_first() else { continue };
            self.options.family = family;
            let done = object(self, first, Words::new(rest)).await;
            self.flush().await;
            if let Err(stop) = done {
                stop.told(&self.sys).await;
                if stop.exits {
                    return Exit(stop.status);
                }
                self.sys.eprint(format!("Command failed {file}:{number}\n")).await;
                status = Exit::FAILURE;
                if !self.options.force {
                    break;
                }
            }
        }
        status
    }

    /// One command, and what it leaves behind.
    pub async fn one(&mut self, object: Object, word: &str, words: Words<'_>) -> Exit {
        let done = object(self, word, words).await;
        self.flush().await;
        match done {
            Ok(()) => Exit::OK,
            Err(stop) => stop.told(&self.sys).await,
        }
    }

    /// Asks the network of the chosen namespace.
    pub async fn kernel<T: 'static>(&self, question: impl FnOnce(&mut Network, NetnsId) -> T + 'static) -> T {
        let netns = self.netns;
        self.sys.ask(move |system, _| question(&mut system.net, netns)).await
    }

    /// As [`Run::kernel`], for a request that changes something: rtnetlink refuses it to all but root.
    pub async fn change<T: 'static>(
        &self,
        request: impl FnOnce(&mut Network, NetnsId) -> Result<T, NetlinkError> + 'static,
    ) -> Result<T, NetlinkError> {
        let netns = self.netns;
        self.sys.net_admin(move |net, _| request(net, netns)).await
    }

    /// As [`Run::change`]; its refusal is told as rtnetlink's answers are, with status 2.
    pub async fn request<T: 'static>(
        &self,
        request: impl FnOnce(&mut Network, NetnsId) -> Result<T, NetlinkError> + 'static,
    ) -> Result<T, Stop> {
        self.change(request).await.map_err(|error| refused(&error, 2))
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

/// `/etc/iproute2`, where a machine has it.
async fn read_names(sys: &Sys) -> Names {
    let mut all = Names::default();
    for list in names::List::ALL {
        let (file, folder) = list.files();
        let mut paths = vec![format!("/etc/iproute2/{file}")];
        if let Some(folder) = folder {
            let path = format!("/etc/iproute2/{folder}");
            let entries = sys.read_dir(&path).await.unwrap_or_default();
            let fits = |name: &str| name.ends_with(".conf") && !name.starts_with('.');
            paths.extend(entries.iter().filter(|it| fits(&it.name)).map(|it| format!("{path}/{}", it.name)));
        }
        for path in paths {
            if let Ok(text) = sys.read_file(&path).await {
                all.read(list, &String::from_utf8_lossy(&text));
            }
        }
    }
    all
}
