//! Conntrack's settings in one namespace: `/proc/sys/net/netfilter/nf_conntrack_*`.
//!
//! Always: a value is read back as it was written.
//! Differs from Linux: `nf_conntrack_max` is each namespace's own; buckets and helpers are shown, and change nothing.
//! Sources: kernel Documentation/networking/nf_conntrack-sysctl.rst; defaults as of 6.x with 4 GB of memory.

use super::tcp::TcpState;
use crate::Errno;
use std::time::Duration;

/// Lifetimes of a TCP flow by its state, and three that cap them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpTimeouts {
    seconds: [u32; 10],
    pub max_retrans: Duration,
    pub unacknowledged: Duration,
}

impl TcpTimeouts {
    pub fn of(&self, state: TcpState) -> Duration {
        Duration::from_secs(self.seconds[state as usize].into())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub acct: bool,
    pub checksum: bool,
    pub timestamp: bool,
    pub events: u8,
    pub log_invalid: u8,
    pub max: u32,
    pub buckets: u32,
    pub expect_max: u32,
    pub tcp: TcpTimeouts,
    pub tcp_loose: bool,
    pub tcp_be_liberal: bool,
    pub tcp_ignore_invalid_rst: bool,
    pub tcp_max_retrans: u8,
    pub udp: Duration,
    pub udp_stream: Duration,
    pub icmp: Duration,
    pub generic: Duration,
    /// `nf_conntrack_frag6_*`, other protocols' timeouts: kept as written.
    others: [(&'static str, u32); 15],
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            acct: false,
            checksum: true,
            timestamp: false,
            events: 2,
            log_invalid: 0,
            max: 262_144,
            buckets: 262_144,
            expect_max: 4096,
            tcp: TcpTimeouts {
                seconds: [0, 120, 60, 432_000, 120, 60, 30, 120, 10, 120],
                max_retrans: seconds(300),
                unacknowledged: seconds(300),
            },
            tcp_loose: true,
            tcp_be_liberal: false,
            tcp_ignore_invalid_rst: false,
            tcp_max_retrans: 3,
            udp: seconds(30),
            udp_stream: seconds(120),
            icmp: seconds(30),
            generic: seconds(600),
            others: OTHERS,
        }
    }
}

const OTHERS: [(&str, u32); 15] = [
    ("nf_conntrack_frag6_high_thresh", 4_194_304),
    ("nf_conntrack_frag6_low_thresh", 3_145_728),
    ("nf_conntrack_frag6_timeout", 60),
    ("nf_conntrack_gre_timeout", 30),
    ("nf_conntrack_gre_timeout_stream", 180),
    ("nf_conntrack_icmpv6_timeout", 30),
    ("nf_conntrack_sctp_timeout_closed", 10),
    ("nf_conntrack_sctp_timeout_cookie_echoed", 3),
    ("nf_conntrack_sctp_timeout_cookie_wait", 3),
    ("nf_conntrack_sctp_timeout_established", 210),
    ("nf_conntrack_sctp_timeout_heartbeat_sent", 30),
    ("nf_conntrack_sctp_timeout_shutdown_ack_sent", 3),
    ("nf_conntrack_sctp_timeout_shutdown_recd", 3),
    ("nf_conntrack_sctp_timeout_shutdown_sent", 3),
    ("nf_hooks_lwtunnel", 0),
];

/// Names of what stands in fields of [`Settings`], with the place of each.
const NAMED: [&str; 27] = [
    "nf_conntrack_acct",
    "nf_conntrack_buckets",
    "nf_conntrack_checksum",
    "nf_conntrack_count",
    "nf_conntrack_events",
    "nf_conntrack_expect_max",
    "nf_conntrack_generic_timeout",
    "nf_conntrack_icmp_timeout",
    "nf_conntrack_log_invalid",
    "nf_conntrack_max",
    "nf_conntrack_tcp_be_liberal",
    "nf_conntrack_tcp_ignore_invalid_rst",
    "nf_conntrack_tcp_loose",
    "nf_conntrack_tcp_max_retrans",
    "nf_conntrack_tcp_timeout_close",
    "nf_conntrack_tcp_timeout_close_wait",
    "nf_conntrack_tcp_timeout_established",
    "nf_conntrack_tcp_timeout_fin_wait",
    "nf_conntrack_tcp_timeout_last_ack",
    "nf_conntrack_tcp_timeout_max_retrans",
    "nf_conntrack_tcp_timeout_syn_recv",
    "nf_conntrack_tcp_timeout_syn_sent",
    "nf_conntrack_tcp_timeout_time_wait",
    "nf_conntrack_tcp_timeout_unacknowledged",
    "nf_conntrack_timestamp",
    "nf_conntrack_udp_timeout",
    "nf_conntrack_udp_timeout_stream",
];

fn tcp_state(name: &str) -> Option<TcpState> {
    let state = name.strip_prefix("nf_conntrack_tcp_timeout_")?;
    TcpState::ALL[1..9].iter().copied().find(|it| it.name().eq_ignore_ascii_case(state))
}

impl Settings {
    /// Every name below `net/netfilter/`, sorted.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<_> = NAMED.iter().copied().chain(OTHERS.iter().map(|(name, _)| *name)).collect();
        names.sort_unstable();
        names
    }

    /// `count` is the number of flows now.
    pub fn get(&self, name: &str, count: u32) -> Option<u64> {
        Some(match name {
            "nf_conntrack_acct" => self.acct.into(),
            "nf_conntrack_buckets" => self.buckets.into(),
            "nf_conntrack_checksum" => self.checksum.into(),
            "nf_conntrack_count" => count.into(),
            "nf_conntrack_events" => self.events.into(),
            "nf_conntrack_expect_max" => self.expect_max.into(),
            "nf_conntrack_generic_timeout" => self.generic.as_secs(),
            "nf_conntrack_icmp_timeout" => self.icmp.as_secs(),
            "nf_conntrack_log_invalid" => self.log_invalid.into(),
            "nf_conntrack_max" => self.max.into(),
            "nf_conntrack_tcp_be_liberal" => self.tcp_be_liberal.into(),
            "nf_conntrack_tcp_ignore_invalid_rst" => self.tcp_ignore_invalid_rst.into(),
            "nf_conntrack_tcp_loose" => self.tcp_loose.into(),
            "nf_conntrack_tcp_max_retrans" => self.tcp_max_retrans.into(),
            "nf_conntrack_tcp_timeout_max_retrans" => self.tcp.max_retrans.as_secs(),
            "nf_conntrack_tcp_timeout_unacknowledged" => self.tcp.unacknowledged.as_secs(),
            "nf_conntrack_timestamp" => self.timestamp.into(),
            "nf_conntrack_udp_timeout" => self.udp.as_secs(),
            "nf_conntrack_udp_timeout_stream" => self.udp_stream.as_secs(),
            _ => match tcp_state(name) {
                Some(state) => self.tcp.of(state).as_secs(),
                None => self.others.iter().find(|(other, _)| *other == name)?.1.into(),
            },
        })
    }

    /// ENOENT where there is no such name, EACCES where it is read only, EINVAL where the value does not fit.
    pub fn set(&mut self, name: &str, value: u32) -> Result<(), Errno> {
        let flag = || if value <= 1 { Ok(value == 1) } else { Err(Errno::EINVAL) };
        let byte = || u8::try_from(value).map_err(|_| Errno::EINVAL);
        let time = seconds(value.into());
        match name {
            "nf_conntrack_acct" => self.acct = flag()?,
            "nf_conntrack_checksum" => self.checksum = flag()?,
            "nf_conntrack_buckets" | "nf_conntrack_count" => return Err(Errno::EACCES),
            "nf_conntrack_events" => self.events = byte().ok().filter(|it| *it <= 2).ok_or(Errno::EINVAL)?,
            "nf_conntrack_expect_max" => self.expect_max = value,
            "nf_conntrack_generic_timeout" => self.generic = time,
            "nf_conntrack_icmp_timeout" => self.icmp = time,
            "nf_conntrack_log_invalid" => self.log_invalid = byte()?,
            "nf_conntrack_max" => self.max = value,
            "nf_conntrack_tcp_be_liberal" => self.tcp_be_liberal = flag()?,
            "nf_conntrack_tcp_ignore_invalid_rst" => self.tcp_ignore_invalid_rst = flag()?,
            "nf_conntrack_tcp_loose" => self.tcp_loose = flag()?,
            "nf_conntrack_tcp_max_retrans" => self.tcp_max_retrans = byte()?,
            "nf_conntrack_tcp_timeout_max_retrans" => self.tcp.max_retrans = time,
            "nf_conntrack_tcp_timeout_unacknowledged" => self.tcp.unacknowledged = time,
            "nf_conntrack_timestamp" => self.timestamp = flag()?,
            "nf_conntrack_udp_timeout" => self.udp = time,
            "nf_conntrack_udp_timeout_stream" => self.udp_stream = time,
            _ => match tcp_state(name) {
                Some(state) => self.tcp.seconds[state as usize] = value,
                None => {
                    let other = self.others.iter_mut().find(|(other, _)| *other == name);
                    other.ok_or(Errno::ENOENT)?.1 = value;
                }
            },
        }
        Ok(())
    }
}
