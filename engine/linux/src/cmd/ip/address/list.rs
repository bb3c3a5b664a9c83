//! `ip address show`, `ip link show` and `ip address flush`: which rows are meant, and their order on the page.
//!
//! Always: what the kernel filters and what `ip` filters are apart, as in the real tool, because a row that only
//! `ip` leaves out still is an empty object in JSON.

use super::print::{FLAGS, Row};
use super::usage;
use crate::cmd::ip::link::print::Listing;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Run, Snapshot, refusal};
use crate::cmd::iproute2::{Family, Names, Prefix, Printer, Stop, Words, glob, matches};
use net::rtnetlink::{Address, Link, address_flags};
use net::{Errno, Network};

/// Types of links that this kernel knows; another type is no filter to it.
const KERNEL_KINDS: &[&str] = &["veth", "bridge", "vxlan", "macvlan", "dummy", "vlan", "ipvlan", "ipip"];

/// What the words after `show` and `flush` ask for.
#[derive(Clone, Debug, Default)]
struct Filter {
    family: Family,
    prefix: Option<Prefix>,
    scope: Option<u8>,
    up: bool,
    flags: u32,
    mask: u32,
    label: Option<String>,
    group: Option<u32>,
    /// `Some(None)` is `nomaster`.
    master: Option<Option<u32>>,
    kind: Option<String>,
    port_kind: Option<String>,
    index: Option<u32>,
}

impl Filter {
    fn read(
        words: &mut Words<'_>,
        family: Family,
        snapshot: &Snapshot,
        names: &Names,
    ) -> Result<Filter, Stop> {
        let mut filter = Filter { family, ..Filter::default() };
        let mut device: Option<&str> = None;
        while let Some(word) = words.next() {
            match word {
                "to" => {
                    let prefix = Prefix::parse(words.value()?, filter.family)?;
                    if filter.family == Family::Unspec {
                        filter.family = prefix.family;
                    }
                    filter.prefix = Some(prefix);
                }
                "scope" => {
                    let value = words.value()?;
                    filter.scope = match names.number(List::Scope, value) {
                        Some(scope) => u8::try_from(scope).ok(),
                        None if value == "all" => None,
                        None => return Err(Stop::wrong("invalid \"scope\"\n", value)),
                    };
                }
                "up" => filter.up = true,
                _ if filter.take_flag(word) => {}
                "label" => filter.label = Some(words.value()?.to_owned()),
                "group" => {
                    let value = words.value()?;
                    let group = names.number(List::Group, value);
                    filter.group =
                        Some(group.ok_or_else(|| Stop::wrong("Invalid \"group\" value\n", value))?);
                }
                "master" | "vrf" => {
                    let value = words.value()?;
                    let index = snapshot.index(value).filter(|_| word == "master");
                    let what =
                        if word == "vrf" { "Not a valid VRF name\n" } else { "Device does not exist\n" };
                    filter.master = Some(Some(index.ok_or_else(|| Stop::wrong(what, value))?));
                }
                "nomaster" => filter.master = Some(None),
                "type" => {
                    let value = words.value()?;
                    match value.strip_suffix("_slave") {
                        Some(kind) => filter.port_kind = Some(kind.to_owned()),
                        None => filter.kind = Some(value.to_owned()),
                    }
                }
                _ => {
                    let name = match word {
                        "dev" => words.value()?,
                        _ if matches(word, "help") => return Err(usage()),
                        _ => word,
                    };
                    if device.is_some() {
                        return Err(Stop::garbage("dev", name));
                    }
                    device = Some(name);
                }
            }
        }
        if let Some(name) = device {
            let stop = || Stop::fail(1, format!("Device \"{name}\" does not exist.\n"));
            filter.index = Some(snapshot.index(name).ok_or_else(stop)?);
        }
        Ok(filter)
    }

    /// `permanent`, `dynamic`, `-tentative` …
    fn take_flag(&mut self, word: &str) -> bool {
        let (mut inverted, word) = match word.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let name = match word {
            "dynamic" => "permanent",
            "primary" => "secondary",
            other => other,
        };
        inverted ^= name != word;
        let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else { return false };
        self.flags = if inverted { self.flags & !flag.bit } else { self.flags | flag.bit };
        self.mask |= flag.bit;
        true
    }

    /// What the kernel leaves out of a dump of links.
    fn kernel_lists(&self, link: &Link) -> bool {
        let master = self.master.is_none_or(|master| link.master == master);
        let known = self.kind.as_deref().filter(|kind| KERNEL_KINDS.contains(kind));
        let kind = known.is_none_or(|kind| link.kind.name() == Some(kind));
        // A dump of inet6 has every device with IPv6, and loopback is one.
        master && kind
    }

    /// What `ip` itself makes of a row.
    fn verdict(&self, link: &Link) -> Verdict {
        if self.index.is_some_and(|index| link.index != index) || (self.up && !link.is_up()) {
            return Verdict::Skip;
        }
        if self.label.is_some() {
            return Verdict::AddressesOnly;
        }
        let port = link.port.as_ref().map(|_| "bridge");
        let shown = self.group.is_none_or(|group| link.group == group)
            && self.master.flatten().is_none_or(|master| link.master == Some(master))
            && self.kind.as_deref().is_none_or(|kind| link.kind.name() == Some(kind))
            && self.port_kind.as_deref().is_none_or(|kind| port == Some(kind));
        if shown { Verdict::Show } else { Verdict::Skip }
    }

    fn matches(&self, address: &Address, snapshot: &Snapshot) -> bool {
        let label = |pattern: &String| match &address.label {
            Some(label) => glob::matches(pattern, label),
            None => glob::matches(pattern, &snapshot.name(address.index)),
        };
        self.index.is_none_or(|index| address.index == index)
            && self.scope.is_none_or(|scope| address.scope == scope)
            && (self.flags ^ address.flags) & self.mask == 0
            && self.is_of_family(address)
            && self.label.as_ref().is_none_or(label)
            && self.prefix.as_ref().is_none_or(|prefix| prefix.length == 0 || prefix.covers(address.local))
    }

    fn is_of_family(&self, address: &Address) -> bool {
        self.family == Family::Unspec || Family::of(address.local) == self.family
    }

    /// A link stays if one of its addresses is wanted, or if it has none and no family was asked for.
    fn keeps(&self, link: &Link, addresses: &[Address], snapshot: &Snapshot) -> bool {
        let mut own = addresses.iter().filter(|address| address.index == link.index).peekable();
        match own.peek() {
            None => matches!(self.family, Family::Unspec | Family::Packet),
            Some(_) => own.any(|address| self.matches(address, snapshot)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Skip,
    AddressesOnly,
    Show,
}

fn addresses_of(net: &Network, netns: api::NetnsId, family: Family) -> Vec<Address> {
    use net::rtnetlink::Family as Kernel;
    let dump = |family| net.addresses(netns, family);
    match family {
        Family::Inet => dump(Kernel::Inet),
        Family::Inet6 => dump(Kernel::Inet6),
        Family::Unspec => [dump(Kernel::Inet), dump(Kernel::Inet6)].concat(),
        _ => Vec::new(),
    }
}

/// `ip link show …`
pub async fn links(run: &mut Run, words: Words<'_>) -> Result<(), Stop> {
    show(run, words, true).await
}

/// `ip address show …`
pub async fn addresses(run: &mut Run, words: Words<'_>) -> Result<(), Stop> {
    show(run, words, false).await
}

async fn show(run: &mut Run, mut words: Words<'_>, links_only: bool) -> Result<(), Stop> {
    let snapshot = run.snapshot().await;
    let family = if links_only { Family::Packet } else { run.options.family };
    let filter = Filter::read(&mut words, family, &snapshot, &run.names)?;
    run.out.begin();
    let one = filter.index.is_some();
    if filter.index.is_some_and(|index| snapshot.link(index).is_none()) {
        return missing_index(run, links_only).await;
    }
    let mut rows: Vec<&Link> =
        snapshot.links.iter().filter(|link| one || filter.kernel_lists(link)).collect();
    rows.retain(|link| filter.index.is_none_or(|index| link.index == index));
    let addresses = match filter.family {
        Family::Packet => Vec::new(),
        family => {
            let all = run.kernel(move |net, ns| addresses_of(net, ns, family)).await;
            rows.retain(|link| filter.keeps(link, &all, &snapshot));
            all
        }
    };
    let options = run.options.clone();
    let listing = Listing {
        options: &options,
        names: &run.names,
        snapshot: &snapshot,
        links_only,
        family: filter.family,
        queue: true,
    };
    let row = Row {
        options: &options,
        names: &run.names,
        snapshot: &snapshot,
        with_device: options.dress.oneline,
        deleted: false,
    };
    let links_shown = options.brief || filter.family == Family::Packet || !options.dress.oneline;
    for link in rows {
        run.out.open_object(None);
        let verdict = if links_shown { filter.verdict(link) } else { Verdict::AddressesOnly };
        let inet6_dump = listing.is_inet6_dump(one);
        match (verdict, options.brief) {
            (Verdict::Show, true) => listing.brief(&mut run.out, link, inet6_dump),
            (Verdict::Show, false) => listing.link(&mut run.out, link, inet6_dump),
            _ => {}
        }
        if verdict != Verdict::Skip && filter.family != Family::Packet {
            link_addresses(&mut run.out, &row, link, &filter, &addresses);
        }
        if verdict == Verdict::Show && !options.brief && !links_only && options.stats > 0 {
            crate::cmd::ip::link::stats::print(&mut run.out, &options, link);
            run.out.line();
        }
        run.out.close_object();
    }
    run.out.end();
    Ok(())
}

fn link_addresses(out: &mut Printer, row: &Row<'_>, link: &Link, filter: &Filter, addresses: &[Address]) {
    out.open_array("addr_info");
    for address in addresses {
        if address.index != link.index || !filter.is_of_family(address) || (filter.up && !link.is_up()) {
            continue;
        }
        out.open_object(None);
        if filter.matches(address, row.snapshot) {
            row.print(out, address);
        }
        out.close_object();
    }
    out.close_array();
    if row.options.brief {
        out.text("\n");
    }
}

/// `if77` is an index that the kernel is asked for.
async fn missing_index(run: &mut Run, links_only: bool) -> Result<(), Stop> {
    let answer = refusal(&Errno::ENODEV.into());
    let (what, status) = if links_only { ("link get", 1) } else { ("link", 0) };
    let text = format!("{answer}Cannot send {what} request: {}\n", Errno::ENODEV);
    run.out.end();
    if status == 0 {
        run.flush().await;
        run.sys.eprint(text).await;
        return Ok(());
    }
    Err(Stop::exit(status, text))
}

/// `ip address flush …`: round after round, until nothing is left that is meant.
pub async fn flush(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    if words.is_empty() {
        return Err(Stop::fail(1, "Flush requires arguments.\n"));
    }
    if run.options.family == Family::Packet {
        return Err(Stop::fail(1, "Cannot flush link addresses.\n"));
    }
    let snapshot = run.snapshot().await;
    let filter = Filter::read(&mut words, run.options.family, &snapshot, &run.names)?;
    let stats = run.options.stats;
    let only_primary = filter.mask & !filter.flags & address_flags::SECONDARY != 0;
    let mut round = 0;
    loop {
        if run.options.loops != 0 && round >= run.options.loops {
            let text = format!("*** Flush remains incomplete after {} rounds. ***\n", run.options.loops);
            return Err(Stop::fail(255, text));
        }
        let family = filter.family;
        let mut meant = run.kernel(move |net, ns| addresses_of(net, ns, family)).await;
        meant.retain(|address| filter.matches(address, &snapshot));
        if meant.is_empty() || (round > 0 && only_primary) {
            run.tell_flushed(round);
            return Ok(());
        }
        round += 1;
        if stats > 1 {
            let options = run.options.clone();
            let row = Row {
                options: &options,
                names: &run.names,
                snapshot: &snapshot,
                with_device: true,
                deleted: false,
            };
            meant.iter().for_each(|address| row.print(&mut run.out, address));
        }
        let count = meant.len();
        let told = run.change(move |net, ns| Ok(delete_all(net, ns, &meant))).await;
        let told =
            told.unwrap_or_else(|error| Err(format!("Failed to send flush request: {}\n", error.errno)));
        told.map_err(|text| Stop::fail(255, text))?;
        if stats > 0 {
            run.out.text(format_args!("\n*** Round {round}, deleting {count} addresses ***\n"));
        }
    }
}

/// A primary takes its secondaries along, so that one that is gone already is no error.
fn delete_all(net: &mut Network, netns: api::NetnsId, addresses: &[Address]) -> Result<(), String> {
    for address in addresses {
        let request = net::rtnetlink::AddressRequest {
            peer: Some(address.peer),
            label: address.label.clone(),
            ..net::rtnetlink::AddressRequest::new(address.index, address.local, address.prefix)
        };
        match net.address_delete(netns, &request) {
            Ok(()) => {}
            Err(error) if error.errno == Errno::EADDRNOTAVAIL => {}
            Err(error) => {
                return Err(format!("{}Failed to send flush request: {}\n", refusal(&error), error.errno));
            }
        }
    }
    Ok(())
}
