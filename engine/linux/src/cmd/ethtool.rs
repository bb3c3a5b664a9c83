//! `ethtool`: what a device's driver says of it. Source: ethtool(8), 6.1, `netlink/settings.c`, `ethtool.c`.
//!
//! Differs from Linux: a network card answers as a virtual one without a speed.
//! Not simulated: changing settings, and all of -a -c -d -e -E -f -g -k -l -m -n -p -r -t -T -x …
//! ```transcript
//! host# ip link add v0 type veth peer name v1; ethtool -i v0 | head -n 2
//! driver: veth
//! version: 1.0
//! ```

use super::{Args, Command, Exit};
use crate::sys::Sys;
use net::rtnetlink::{Link, LinkInfo, LinkType};

pub const ETHTOOL: Command = Command {
    name: "ethtool",
    path: "/usr/sbin/ethtool",
    man: "ethtool(8)",
    run: |sys, args| Box::pin(ethtool(sys, args)),
};

/// Exit statuses of ethtool.c, where a request is refused.
const NO_DRIVER: Exit = Exit(71);
const NO_SETTINGS: Exit = Exit(75);
const NO_STATISTICS: Exit = Exit(94);
/// The requests of which the settings consist; each tells a wrong name by itself.
const SETTINGS: usize = 5;

const QUEUE: [&str; 6] = ["xdp_packets", "xdp_bytes", "drops", "xdp_redirect", "xdp_drops", "xdp_tx"];

async fn ethtool(sys: Sys, args: Args) -> Exit {
    let words: Vec<&str> = args.rest().iter().map(String::as_str).collect();
    match words[..] {
        ["--version"] => {
            sys.print("ethtool version 6.1\n").await;
            Exit::OK
        }
        ["-h" | "--help"] => {
            let usage = "ethtool version 6.1\nUsage:\n\
                 \x20       ethtool DEVNAME\tDisplay standard information about device\n\
                 \x20       ethtool -i|--driver DEVNAME\tShow driver information\n\
                 \x20       ethtool -S|--statistics DEVNAME\tShow adapter statistics\n\
                 \x20       ethtool -h|--help\tShow this help\n\
                 \x20       ethtool --version\tShow version number\n";
            sys.print(usage).await;
            Exit::OK
        }
        ["-i" | "--driver", name] => driver(&sys, name).await,
        ["-S" | "--statistics", name] => statistics(&sys, name).await,
        [option, ..] if option.starts_with('-') && option.len() > 1 => {
            let words = "not simulated in vethlab; use DEVNAME, -i DEVNAME or -S DEVNAME";
            sys.eprint(format!("ethtool: {option}: {words}\n")).await;
            Exit::FAILURE
        }
        [name] => settings(&sys, name).await,
        _ => {
            sys.eprint("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n").await;
            Exit::FAILURE
        }
    }
}

async fn link(sys: &Sys, name: &str) -> Option<(Link, Vec<Link>)> {
    let name = name.to_owned();
    let links = sys.net(|net, ns| net.links_seen(ns)).await;
    let found = links.iter().find(|link| link.name == name || link.altnames.contains(&name)).cloned();
    found.map(|link| (link, links))
}

async fn settings(sys: &Sys, name: &str) -> Exit {
    let Some((link, links)) = link(sys, name).await else {
        let refused = "netlink error: no device matches name (offset 24)\nnetlink error: No such device\n";
        sys.eprint(refused.repeat(SETTINGS)).await;
        sys.print("No data available\n").await;
        return NO_SETTINGS;
    };
    let (speed, duplex, port) = match link.kind {
        LinkInfo::Veth => ("10000Mb/s", "Full", "Twisted Pair"),
        // A bridge is as fast as the fastest of its ports.
        LinkInfo::Bridge(_) if links.iter().any(|port| is_fast_port(port, &link)) => {
            ("10000Mb/s", "Unknown! (255)", "Other")
        }
        LinkInfo::Bridge(_) => ("Unknown!", "Unknown! (255)", "Other"),
        LinkInfo::None if link.link_type == LinkType::Ether => ("Unknown!", "Unknown! (255)", "Other"),
        _ => {
            let yes = if detected(&link) { "yes" } else { "no" };
            sys.print(format!("Settings for {name}:\n\tLink detected: {yes}\n")).await;
            return Exit::OK;
        }
    };
    let mut text = format!("Settings for {name}:\n");
    let lines = [
        "Supported ports: [  ]",
        "Supported link modes:   Not reported",
        "Supported pause frame use: No",
        "Supports auto-negotiation: No",
        "Supported FEC modes: Not reported",
        "Advertised link modes:  Not reported",
        "Advertised pause frame use: No",
        "Advertised auto-negotiation: No",
        "Advertised FEC modes: Not reported",
    ];
    lines.iter().for_each(|line| text.push_str(&format!("\t{line}\n")));
    text.push_str(&format!(
        "\tSpeed: {speed}\n\tDuplex: {duplex}\n\tAuto-negotiation: off\n\tPort: {port}\n"
    ));
    text.push_str("\tPHYAD: 0\n\tTransceiver: internal\n");
    if port == "Twisted Pair" {
        text.push_str("\tMDI-X: Unknown\n");
    }
    text.push_str(&format!("\tLink detected: {}\n", if detected(&link) { "yes" } else { "no" }));
    sys.print(text).await;
    Exit::OK
}

fn is_fast_port(port: &Link, bridge: &Link) -> bool {
    port.master == Some(bridge.index) && matches!(port.kind, LinkInfo::Veth) && detected(port)
}

/// Does it run, with a carrier?
fn detected(link: &Link) -> bool {
    link.is_up() && link.carrier
}

async fn driver(sys: &Sys, name: &str) -> Exit {
    let Some((link, _)) = link(sys, name).await else {
        sys.eprint("Cannot get driver information: No such device\n").await;
        return NO_DRIVER;
    };
    let (driver, version, firmware, bus, statistics) = match &link.kind {
        LinkInfo::Veth => ("veth", "1.0", "", "", true),
        LinkInfo::Bridge(_) => ("bridge", "2.3", "N/A", "N/A", false),
        LinkInfo::Vxlan(_) => ("vxlan", "0.1", "", "", false),
        LinkInfo::Vlan { .. } => ("802.1Q VLAN Support", "1.8", "N/A", "", false),
        LinkInfo::Macvlan { .. } => ("macvlan", "0.1", "", "", false),
        LinkInfo::Ipvlan { .. } => ("ipvlan", "0.1", "", "", false),
        LinkInfo::Dummy => ("dummy", "6.18.0", "", "", false),
        LinkInfo::Ipip { .. } => ("ipip", "6.18.0", "", "", false),
        LinkInfo::None if link.link_type == LinkType::Ether => ("virtio_net", "1.0.0", "", "", false),
        LinkInfo::None => {
            sys.eprint("Cannot get driver information: Operation not supported\n").await;
            return NO_DRIVER;
        }
    };
    let statistics = if statistics { "yes" } else { "no" };
    sys.print(format!(
        "driver: {driver}\nversion: {version}\nfirmware-version: {firmware}\nexpansion-rom-version: \n\
         bus-info: {bus}\nsupports-statistics: {statistics}\nsupports-test: no\nsupports-eeprom-access: no\n\
         supports-register-dump: no\nsupports-priv-flags: no\n"
    ))
    .await;
    Exit::OK
}

async fn statistics(sys: &Sys, name: &str) -> Exit {
    let Some((link, _)) = link(sys, name).await else {
        sys.eprint("Cannot get stats strings information: No such device\n").await;
        return Exit(96);
    };
    if !matches!(link.kind, LinkInfo::Veth) {
        sys.eprint("no stats available\n").await;
        return NO_STATISTICS;
    }
    let mut text = format!("NIC statistics:\n     peer_ifindex: {}\n", link.link.unwrap_or(0));
    for queue in 0..link.rx_queues {
        for counter in QUEUE {
            text.push_str(&format!("     rx_queue_{queue}_{counter}: 0\n"));
        }
        text.push_str(&format!("     rx_queue_{queue}_xdp_tx_errors: 0\n"));
    }
    for queue in 0..link.tx_queues {
        text.push_str(&format!(
            "     tx_queue_{queue}_xdp_xmit: 0\n     tx_queue_{queue}_xdp_xmit_errors: 0\n"
        ));
    }
    sys.print(text).await;
    Exit::OK
}
