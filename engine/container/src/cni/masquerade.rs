//! ipMasq: what leaves the container's network goes out under the host's address.
//!
//! Always: a chain for each container, named by a hash of network and container; nothing of it is left after DEL.
//! Source: containernetworking/plugins 1.1.1 `pkg/ip/ipmasq_linux.go`, `pkg/utils/utils.go`.

use super::error::CniResult;
use super::iptables::{Iptables, rule};
use ipnet::IpNet;
use linux::Sys;
use sha2::{Digest, Sha512};

const CHAIN_BYTES: usize = 28;

pub struct Masquerade {
    chain: String,
    comment: String,
}

/// `CNI-`, a prefix, and as much of the hash as fits.
pub fn chain_name(prefix: &str, network: &str, container: &str) -> String {
    let hash = Sha512::digest(format!("{network}{container}"));
    let mut name = hash.iter().fold(format!("CNI-{prefix}"), |name, byte| format!("{name}{byte:02x}"));
    name.truncate(CHAIN_BYTES);
    name
}

impl Masquerade {
    pub fn new(network: &str, container: &str) -> Masquerade {
        let comment = format!("name: \"{network}\" id: \"{container}\"");
        Masquerade { chain: chain_name("", network, container), comment }
    }

    fn rule(&self, words: &[&str]) -> Vec<String> {
        rule(&[words, &["-m", "comment", "--comment", &self.comment]].concat())
    }

    pub async fn set_up(&self, sys: &Sys, address: IpNet) -> CniResult<()> {
        let is_v4 = address.addr().is_ipv4();
        let (iptables, chain) = (Iptables::new(is_v4), self.chain.as_str());
        let multicast = if is_v4 { "224.0.0.0/4" } else { "ff00::/8" };
        iptables.ensure_chain(sys, "nat", chain).await?;
        let (net, host) = (address.to_string(), address.addr().to_string());
        for (at, words) in [
            (chain, &["-d", &net, "-j", "ACCEPT"][..]),
            (chain, &["!", "-d", multicast, "-j", "MASQUERADE"]),
            ("POSTROUTING", &["-s", &host, "-j", chain]),
        ] {
            iptables.add_once(sys, "nat", at, false, &self.rule(words)).await?;
        }
        Ok(())
    }

    pub async fn tear_down(&self, sys: &Sys, address: IpNet) -> CniResult<()> {
        let (iptables, chain) = (Iptables::new(address.addr().is_ipv4()), self.chain.as_str());
        // Older versions wrote the whole network.
        for source in [address.addr().to_string(), address.to_string()] {
            let rule = self.rule(&["-s", &source, "-j", chain]);
            iptables.delete(sys, "nat", "POSTROUTING", &rule).await?;
        }
        iptables.clear_chain(sys, "nat", chain).await?;
        iptables.delete_chain(sys, "nat", chain).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_named_by_network_and_container() {
        assert_eq!(chain_name("", "mynet", "2e34dcf34"), "CNI-73a9bc5f57f7af73ef55a2e3");
    }
}
