//! CNI plugins: executables in /opt/cni/bin that attach a network namespace to a network.
//!
//! Called by container runtimes and by learners; [`skel`] reads environment and configuration, each plugin has a file.
//! Always: an answer is JSON on stdout, an error too, with exit code 1.
//! Differs from the real thing: plugins of this table whose work is not simulated say so; of the others no VLAN
//! filtering, no MAC spoof check, no firewalld.
//! Sources: CNI specification 1.0.0; containernetworking/plugins 1.1.1 (Debian 12's), flannel-io/cni-plugin 1.x.

mod bridge;
mod chain;
mod config;
mod delegate;
mod error;
mod firewall;
mod flannel;
mod host_local;
mod iptables;
mod link;
mod loopback;
mod masquerade;
mod netns;
mod portmap;
mod ptp;
mod range;
mod result;
mod skel;
mod store;
mod tuning;

pub use error::CniError;

use linux::Command;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plugin {
    Bridge,
    Firewall,
    Flannel,
    HostLocal,
    Loopback,
    Portmap,
    Ptp,
    Tuning,
    /// In Debian's package, but not here.
    Missing(&'static str),
}

impl Plugin {
    fn name(self) -> &'static str {
        match self {
            Plugin::Bridge => "bridge",
            Plugin::Firewall => "firewall",
            Plugin::Flannel => "flannel",
            Plugin::HostLocal => "host-local",
            Plugin::Loopback => "loopback",
            Plugin::Portmap => "portmap",
            Plugin::Ptp => "ptp",
            Plugin::Tuning => "tuning",
            Plugin::Missing(name) => name,
        }
    }
}

macro_rules! commands {
    ($($row:ident $name:literal $path:literal $plugin:expr;)*) => {
        $(static $row: Command = Command {
            name: $name,
            path: $path,
            man: "https://www.cni.dev/plugins/current/",
            run: |sys, _| Box::pin(skel::main(sys, $plugin)),
        };)*
        /// All plugins, by name. Debian has all but flannel, which comes with a cluster.
        pub static COMMANDS: &[&Command] = &[$(&$row),*];
    };
}

commands! {
    BANDWIDTH "cni-bandwidth" "/opt/cni/bin/bandwidth" Plugin::Missing("bandwidth");
    BRIDGE "cni-bridge" "/opt/cni/bin/bridge" Plugin::Bridge;
    DHCP "cni-dhcp" "/opt/cni/bin/dhcp" Plugin::Missing("dhcp");
    FIREWALL "cni-firewall" "/opt/cni/bin/firewall" Plugin::Firewall;
    FLANNEL "cni-flannel" "/opt/cni/bin/flannel" Plugin::Flannel;
    HOST_DEVICE "cni-host-device" "/opt/cni/bin/host-device" Plugin::Missing("host-device");
    HOST_LOCAL "cni-host-local" "/opt/cni/bin/host-local" Plugin::HostLocal;
    IPVLAN "cni-ipvlan" "/opt/cni/bin/ipvlan" Plugin::Missing("ipvlan");
    LOOPBACK "cni-loopback" "/opt/cni/bin/loopback" Plugin::Loopback;
    MACVLAN "cni-macvlan" "/opt/cni/bin/macvlan" Plugin::Missing("macvlan");
    PORTMAP "cni-portmap" "/opt/cni/bin/portmap" Plugin::Portmap;
    PTP "cni-ptp" "/opt/cni/bin/ptp" Plugin::Ptp;
    SBR "cni-sbr" "/opt/cni/bin/sbr" Plugin::Missing("sbr");
    STATIC "cni-static" "/opt/cni/bin/static" Plugin::Missing("static");
    TUNING "cni-tuning" "/opt/cni/bin/tuning" Plugin::Tuning;
    VLAN "cni-vlan" "/opt/cni/bin/vlan" Plugin::Missing("vlan");
    VRF "cni-vrf" "/opt/cni/bin/vrf" Plugin::Missing("vrf");
}
