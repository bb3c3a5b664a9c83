//! A node's tables, as kube-proxy changes them: by running the node's own programs.
//!
//! Always: what leads to kube-proxy's chains is set before the chains' text goes in; a restore that fails changes nothing.
//! Differs from kube-proxy: flows are looked up in the kernel's table, as netlink shows it, and deleted by `conntrack -D`.
//! Sources: `pkg/util/iptables`, `pkg/proxy/conntrack`, Kubernetes 1.36.

use super::conntrack::UdpFlow;
use super::iptables::Sync;
use super::jump::{CANARY, CANARY_TABLES};
use super::port::Family;
use container::output::{Said, run};
use linux::{Exit, Sys};
use std::net::SocketAddr;

/// Of one address family.
#[derive(Clone)]
pub struct Tables {
    sys: Sys,
    pub family: Family,
}

impl Tables {
    pub fn new(sys: &Sys, family: Family) -> Tables {
        Tables { sys: sys.clone(), family }
    }

    fn program(&self, suffix: &str) -> String {
        let name = if self.family == Family::V4 { "iptables" } else { "ip6tables" };
        format!("{name}{suffix}")
    }

    async fn run(&self, suffix: &str, words: &[String], stdin: &str) -> Result<Said, String> {
        let program = self.program(suffix);
        let all: Vec<&str> = [program.as_str()].into_iter().chain(words.iter().map(String::as_str)).collect();
        let said = run(&self.sys, &all, stdin, None).await;
        said.map_err(|errno| format!("exec: \"{program}\": {}", errno.text().to_lowercase()))
    }

    async fn succeeds(&self, words: &[String]) -> bool {
        self.run("", words, "").await.is_ok_and(|said| said.exit == Exit::OK)
    }

    /// `iptables-save -t nat`
    pub async fn saved_nat(&self) -> String {
        let words = ["-t", "nat"].map(str::to_owned);
        self.run("-save", &words, "").await.map(|said| said.stdout).unwrap_or_default()
    }

    /// Puts a sync's text into effect. The error is what kube-proxy logs.
    pub async fn apply(&self, sync: &Sync) -> Result<(), String> {
        for jump in sync.jumps() {
            self.run("", &jump.make_chain(), "").await?;
            if !self.succeeds(&jump.check()).await {
                let said = self.run("", &jump.insert(), "").await?;
                if said.exit != Exit::OK {
                    let (code, stderr) = (said.exit.0, said.stderr);
                    return Err(format!("error appending rule: exit status {code}: {stderr}"));
                }
            }
        }
        let words = ["-w", "--noflush", "--counters"].map(str::to_owned);
        let said = self.run("-restore", &words, &sync.restore).await?;
        match said.exit {
            Exit::OK => Ok(()),
            Exit(code) => Err(format!("exit status {code}: {}", said.stderr.trim_end())),
        }
    }

    pub async fn ensure_canary(&self) {
        for table in CANARY_TABLES {
            self.succeeds(&["-w", "-N", CANARY, "-t", table].map(str::to_owned)).await;
        }
    }

    pub async fn has_canary(&self) -> bool {
        self.succeeds(&["-w", "-S", CANARY, "-t", CANARY_TABLES[0]].map(str::to_owned)).await
    }

    /// The UDP flows that the kernel knows.
    pub async fn udp_flows(&self) -> Vec<UdpFlow> {
        let wants_v4 = self.family == Family::V4;
        let flows = self.sys.net(|net, ns| udp_flows(net, ns)).await;
        flows.into_iter().filter(|flow| flow.original_destination.is_ipv4() == wants_v4).collect()
    }

    pub async fn forget(&self, flow: &UdpFlow) {
        let (to, from) = (flow.original_destination, flow.reply_source);
        let words = [
            "conntrack",
            "-D",
            "-p",
            "udp",
            "-d",
            &to.ip().to_string(),
            "--dport",
            &to.port().to_string(),
            "-r",
            &from.ip().to_string(),
        ];
        // Another conversation may have ended it meanwhile.
        run(&self.sys, &words, "", None).await.ok();
    }
}

fn udp_flows(net: &net::Network, ns: api::NetnsId) -> Vec<UdpFlow> {
    const UDP: u8 = 17;
    let of_udp = |it: &net::netfilter::conntrack::Tuple| it.protocol == UDP;
    let flows = net.flows(ns).into_iter().filter(|(_, flow)| of_udp(&flow.original));
    flows
        .map(|(_, flow)| UdpFlow {
            original_destination: SocketAddr::new(flow.original.destination, flow.original.destination_port),
            reply_source: SocketAddr::new(flow.reply.source, flow.reply.source_port),
        })
        .collect()
}
