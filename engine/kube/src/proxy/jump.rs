//! How the kernel's own chains come to kube-proxy's: the rules it sets with `iptables` itself at each full sync.
//!
//! Always: each is put first in its chain, so a later one of this list stands above an earlier one; one that is there
//! is left where it is.
//! Source: kube-proxy's `iptablesJumpChains`, Kubernetes 1.36.

/// A jump from a chain of the kernel's to one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    pub table: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    comment: &'static str,
    is_for_new_flows: bool,
}

const fn jump(
    table: &'static str,
    to: &'static str,
    from: &'static str,
    comment: &'static str,
    new: bool,
) -> Jump {
    Jump { table, from, to, comment, is_for_new_flows: new }
}

const VISIBLE: &str = "kubernetes externally-visible service portals";
const PORTALS: &str = "kubernetes service portals";
const FIREWALL: &str = "kubernetes load balancer firewall";

/// In the order in which they are set.
pub const JUMPS: [Jump; 14] = [
    jump("filter", "KUBE-EXTERNAL-SERVICES", "INPUT", VISIBLE, true),
    jump("filter", "KUBE-EXTERNAL-SERVICES", "FORWARD", VISIBLE, true),
    jump("filter", "KUBE-NODEPORTS", "INPUT", "kubernetes health check service ports", false),
    jump("filter", "KUBE-SERVICES", "FORWARD", PORTALS, true),
    jump("filter", "KUBE-SERVICES", "OUTPUT", PORTALS, true),
    jump("filter", "KUBE-FORWARD", "FORWARD", "kubernetes forwarding rules", false),
    jump("filter", "KUBE-PROXY-FIREWALL", "INPUT", FIREWALL, true),
    jump("filter", "KUBE-PROXY-FIREWALL", "OUTPUT", FIREWALL, true),
    jump("filter", "KUBE-PROXY-FIREWALL", "FORWARD", FIREWALL, true),
    jump("nat", "KUBE-SERVICES", "OUTPUT", PORTALS, false),
    jump("nat", "KUBE-SERVICES", "PREROUTING", PORTALS, false),
    jump("nat", "KUBE-POSTROUTING", "POSTROUTING", "kubernetes postrouting rules", false),
    jump("filter", "KUBE-FIREWALL", "INPUT", "", false),
    jump("filter", "KUBE-FIREWALL", "OUTPUT", "", false),
];

impl Jump {
    /// `iptables` arguments that make its target; a chain that is there is no fault.
    pub fn make_chain(&self) -> Vec<String> {
        words(&["-w", "-N", self.to, "-t", self.table])
    }

    /// Exit code 0 if it stands there already.
    pub fn check(&self) -> Vec<String> {
        self.command("-C")
    }

    pub fn insert(&self) -> Vec<String> {
        self.command("-I")
    }

    fn command(&self, verb: &str) -> Vec<String> {
        let mut command = words(&["-w", verb, self.from, "-t", self.table]);
        if self.is_for_new_flows {
            command.extend(words(&["-m", "conntrack", "--ctstate", "NEW"]));
        }
        if !self.comment.is_empty() {
            command.extend(words(&["-m", "comment", "--comment", self.comment]));
        }
        command.extend(words(&["-j", self.to]));
        command
    }
}

/// The empty chain whose loss tells that somebody flushed the tables.
pub const CANARY: &str = "KUBE-PROXY-CANARY";
pub const CANARY_TABLES: [&str; 3] = ["mangle", "nat", "filter"];

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}
