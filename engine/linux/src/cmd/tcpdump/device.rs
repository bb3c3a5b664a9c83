//! The devices tcpdump can capture on, in the order in which it lists and numbers them.
//!
//! Source: libpcap 1.10.3, pcap.c (`get_figure_of_merit`), pcap-linux.c; tcpdump.c (`show_devices_and_exit`).

use crate::sys::Sys;
use net::rtnetlink::Link;

const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
const RUNNING: u32 = 0x40;

/// One row of `-D`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub name: String,
    description: &'static str,
    flags: String,
    /// The smaller the nearer to the top.
    merit: u32,
}

fn of_link(link: &Link) -> Row {
    let (up, running, loopback) =
        (link.flags & UP != 0, link.flags & RUNNING != 0, link.flags & LOOPBACK != 0);
    let mut words = Vec::new();
    words.extend(up.then_some("Up"));
    words.extend(running.then_some("Running"));
    words.extend(loopback.then_some("Loopback"));
    if words.is_empty() {
        words.push("none");
    }
    if !loopback {
        words.push(if link.carrier && up { "Connected" } else { "Disconnected" });
    }
    let mut merit = 0;
    for (worse, weight) in [
        (!running, 0x8000_0000),
        (!up, 0x4000_0000),
        (!loopback && !(link.carrier && up), 0x2000_0000),
        (loopback, 0x1000_0000),
    ] {
        merit |= if worse { weight } else { 0 };
    }
    Row { name: link.name.clone(), description: "", flags: words.join(", "), merit }
}

impl Row {
    fn pseudo(name: &str, description: &'static str, flags: &str, merit: u32) -> Row {
        Row { name: name.into(), description, flags: flags.into(), merit }
    }

    fn text(&self, number: usize) -> String {
        let description =
            if self.description.is_empty() { String::new() } else { format!(" ({})", self.description) };
        format!("{number}.{}{description} [{}]\n", self.name, self.flags)
    }
}

/// All devices; the first is taken where `-i` is not given.
pub(super) async fn rows(sys: &Sys) -> Vec<Row> {
    let links = sys.net(|net, ns| net.links(ns)).await;
    let mut rows: Vec<Row> = links.iter().map(of_link).collect();
    rows.push(Row::pseudo(
        "any",
        "Pseudo-device that captures on all interfaces",
        "Up, Running",
        0x0800_0000,
    ));
    rows.push(Row::pseudo("bluetooth-monitor", "Bluetooth Linux Monitor", "Wireless", 0xc000_0000));
    rows.push(Row::pseudo("nflog", "Linux netfilter log (NFLOG) interface", "none", 0xc000_0000));
    rows.push(Row::pseudo("nfqueue", "Linux netfilter queue (NFQUEUE) interface", "none", 0xc000_0000));
    rows.push(Row::pseudo("dbus-system", "D-Bus system bus", "none", 0xc000_0000));
    rows.push(Row::pseudo("dbus-session", "D-Bus session bus", "none", 0xc000_0000));
    rows.sort_by_key(|row| row.merit);
    rows
}

/// The text of `-D`.
pub(super) async fn list(sys: &Sys) -> String {
    rows(sys).await.iter().enumerate().map(|(index, row)| row.text(index + 1)).collect()
}
