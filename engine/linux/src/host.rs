//! A machine: its name, its own network namespace, its named ones, its files and its next process number.
//!
//! Always: `netns` lives as long as the machine; a name in `named` stands for the file `/run/netns/NAME`.

use api::{MachineId, NetnsId};
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Host {
    pub machine: MachineId,
    pub hostname: String,
    pub netns: NetnsId,
    /// `ip netns add NAME`, with the order of adding (`ip netns` lists the newest first).
    pub named: BTreeMap<String, NetnsId>,
    pub(crate) next_pid: u32,
}

impl Host {
    pub(crate) fn new(machine: MachineId, hostname: &str, netns: NetnsId) -> Host {
        Host { machine, hostname: hostname.to_owned(), netns, named: BTreeMap::new(), next_pid: 1 }
    }
}
