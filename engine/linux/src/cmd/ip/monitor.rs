//! `ip monitor`: changes of links, addresses, routes, rules, neighbours and namespace ids as they come.
//!
//! Differs from iproute2: no files, no prefixes, no netconf, one namespace at a time; changes are told within
//! moments of coming about.

use super::address::print::Row as AddressRow;
use super::link::print::Listing;
use super::neigh::print::Row as NeighbourRow;
use super::route::print::{Asked, Row as RouteRow};
use super::rule::print::Row as RuleRow;
use crate::cmd::iproute2::listen::listen;
use crate::cmd::iproute2::run::{Run, Snapshot};
use crate::cmd::iproute2::{Color, Family, Stop, Words, lladdr, matches};
use net::rtnetlink::{Change, FdbEntry, nud};

/// The objects that may be listened to, by keyword and by the label that `label` puts in front.
const OBJECTS: &[(&str, &str)] = &[
    ("link", "[LINK]"),
    ("address", "[ADDR]"),
    ("route", "[ROUTE]"),
    ("mroute", "[MROUTE]"),
    ("prefix", "[PREFIX]"),
    ("neigh", "[NEIGH]"),
    ("netconf", "[NETCONF]"),
    ("rule", "[RULE]"),
    ("nsid", "[NSID]"),
    ("nexthop", "[NEXTHOP]"),
    ("stats", "[STATS]"),
];

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/monitor.txt"))
}

#[derive(Debug, Default)]
struct Wanted {
    /// None: all.
    labels: Vec<&'static str>,
    banner: bool,
    index: Option<u32>,
}

pub async fn monitor(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let snapshot = run.snapshot().await;
    let mut wanted = Wanted::default();
    while let Some(word) = words.next() {
        if matches(word, "file") || matches(word, "all-nsid") && word != "all" {
            return Err(Stop::not_simulated("ip", &format!("monitor {word}"), "ip monitor"));
        } else if matches(word, "label") || word == "all" {
            wanted.banner = true;
        } else if let Some((_, label)) = OBJECTS.iter().find(|(name, _)| match *name {
            "stats" => word == "stats",
            name => matches(word, name),
        }) {
            wanted.labels.push(label);
        } else if matches(word, "help") {
            return Err(usage());
        } else if word == "dev" {
            let name = words.value()?;
            let index = snapshot.index(name);
            wanted.index = Some(index.ok_or_else(|| Stop::wrong("Device does not exist\n", name))?);
        } else {
            let text = format!("Argument \"{word}\" is unknown, try \"ip monitor help\".\n");
            return Err(Stop::exit(255, text));
        }
    }
    let end = listen(run, |run, snapshot, change, stamp| tell(run, &wanted, snapshot, change, stamp)).await;
    // The real tool dies of the signal; a shell sees 128 and its number.
    Err(Stop::exit(128 + end as u8, ""))
}

/// What `-t` and `-ts` put in front.
pub async fn timestamp(run: &Run) -> String {
    if run.options.timestamp == 0 {
        return String::new();
    }
    let time = run.sys.realtime().await;
    let (seconds, micros) = (time.as_secs(), time.subsec_micros());
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let (year, month, day) = civil(days);
    if run.options.timestamp > 1 {
        return format!("[{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}] ");
    }
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let weekday = WEEKDAYS[(days % 7) as usize];
    let name = MONTHS[month as usize - 1];
    format!(
        "Timestamp: {weekday} {name} {day:>2} {hour:02}:{minute:02}:{second:02} {year} {micros:06} usec\n"
    )
}

/// Year, month and day of a number of days since 1970 (the proleptic Gregorian calendar).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

fn label(change: &Change) -> &'static str {
    match change {
        Change::NewLink(_) | Change::DelLink(_) => "[LINK]",
        Change::NewAddress(_) | Change::DelAddress(_) => "[ADDR]",
        Change::NewRoute(_) | Change::DelRoute(_) => "[ROUTE]",
        Change::NewRule(_) | Change::DelRule(_) => "[RULE]",
        Change::NewNeighbour(_) | Change::DelNeighbour(_) | Change::NewFdb(_) | Change::DelFdb(_) => {
            "[NEIGH]"
        }
        Change::NewNetnsId(_) | Change::DelNetnsId(_) => "[NSID]",
    }
}

fn family_of(change: &Change) -> Option<Family> {
    Some(match change {
        Change::NewAddress(it) | Change::DelAddress(it) => Family::of(it.local),
        Change::NewRoute(it) | Change::DelRoute(it) => Family::of(it.destination.addr()),
        Change::NewNeighbour(it) | Change::DelNeighbour(it) => Family::of(it.destination),
        Change::NewRule(it) | Change::DelRule(it) => match it.family {
            net::rtnetlink::Family::Inet => Family::Inet,
            net::rtnetlink::Family::Inet6 => Family::Inet6,
        },
        Change::NewFdb(_) | Change::DelFdb(_) => Family::Bridge,
        _ => return None,
    })
}

fn device_of(change: &Change) -> Option<u32> {
    Some(match change {
        Change::NewLink(it) | Change::DelLink(it) => it.index,
        Change::NewAddress(it) | Change::DelAddress(it) => it.index,
        Change::NewRoute(it) | Change::DelRoute(it) => it.nexthops.first()?.index,
        Change::NewNeighbour(it) | Change::DelNeighbour(it) => it.index,
        Change::NewFdb(it) | Change::DelFdb(it) => it.index,
        _ => return None,
    })
}

fn tell(run: &mut Run, wanted: &Wanted, snapshot: &Snapshot, change: &Change, stamp: &str) {
    let label = label(change);
    let asked = run.options.family;
    let family = family_of(change).is_none_or(|family| asked == Family::Unspec || asked == family);
    let device = wanted.index.is_none_or(|index| device_of(change).is_none_or(|it| it == index));
    if !(wanted.labels.is_empty() || wanted.labels.contains(&label)) || !family || !device {
        return;
    }
    let options = run.options.clone();
    let (names, out) = (&run.names, &mut run.out);
    out.text(stamp);
    if wanted.banner {
        out.text(label);
    }
    let deleted = matches!(
        change,
        Change::DelLink(_)
            | Change::DelAddress(_)
            | Change::DelRoute(_)
            | Change::DelRule(_)
            | Change::DelNeighbour(_)
            | Change::DelFdb(_)
            | Change::DelNetnsId(_)
    );
    match change {
        Change::NewLink(link) | Change::DelLink(link) => {
            if deleted {
                out.text("Deleted ");
            }
            let family = Family::Unspec;
            let listing =
                Listing { options: &options, names, snapshot, links_only: false, family, queue: false };
            listing.link(out, link, false);
        }
        Change::NewAddress(address) | Change::DelAddress(address) => {
            AddressRow { options: &options, names, snapshot, with_device: true, deleted }.print(out, address);
        }
        Change::NewRoute(route) | Change::DelRoute(route) => {
            let asked = Asked { device: wanted.index.is_some(), ..Asked::default() };
            RouteRow { options: &options, names, snapshot, asked, deleted }.route(out, route);
        }
        Change::NewRule(rule) | Change::DelRule(rule) => {
            RuleRow { options: &options, names, deleted }.rule(out, rule);
        }
        Change::NewNeighbour(entry) | Change::DelNeighbour(entry) => {
            let device_asked = wanted.index.is_some();
            NeighbourRow { options: &options, names, snapshot, device_asked, deleted }.neighbour(out, entry);
        }
        Change::NewFdb(entry) | Change::DelFdb(entry) => {
            if deleted {
                out.text("Deleted ");
            }
            forwarding(run, snapshot, entry);
        }
        Change::NewNetnsId(nsid) | Change::DelNetnsId(nsid) => {
            let lead = if deleted { "Deleted " } else { "" };
            let name = snapshot.nsid_name(*nsid).map(|name| format!("(iproute2 netns name: {name})"));
            out.text(format_args!("{lead}nsid {nsid} {}\n", name.unwrap_or_default()));
        }
    }
}

/// A bridge's entry is a neighbour without an address.
fn forwarding(run: &mut Run, snapshot: &Snapshot, entry: &FdbEntry) {
    let out = &mut run.out;
    out.text("dev ");
    out.text_in(Some(Color::Ifname), format_args!("{} ", snapshot.name(entry.index)));
    out.text("lladdr ");
    out.text_in(Some(Color::Mac), format_args!("{} ", lladdr::text(&entry.mac.0)));
    let states = [
        (nud::REACHABLE, "REACHABLE "),
        (nud::STALE, "STALE "),
        (nud::NOARP, "NOARP "),
        (nud::PERMANENT, "PERMANENT "),
    ];
    states.iter().filter(|(bit, _)| entry.state & bit != 0).for_each(|(_, name)| out.text(name));
    out.text("\n");
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }
}
