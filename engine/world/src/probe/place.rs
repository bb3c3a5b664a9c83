//! Places that a question is asked from: a machine, a namespace of it, a Pod.
//!
//! Pods are found by `cluster/place.rs`.

use super::quoted;
use crate::World;
use api::MachineId;
use linux::ExecOptions;

/// Its machine, how a command is started there, and what stands before the command.
pub(crate) type Place = (MachineId, ExecOptions, String);

impl World {
    pub(super) fn place(&mut self, place: &str) -> Result<Place, String> {
        let (machine, inside) = match place.split_once('/') {
            Some(("pod", pod)) => return self.pod(pod),
            Some((machine, netns)) => (machine, Some(netns)),
            None => (place, None),
        };
        let machine = self.machine(machine).ok_or_else(|| format!("there is no machine `{machine}`"))?;
        if let Some(netns) = inside.filter(|netns| !self.has_netns(machine, netns)) {
            return Err(format!("there is no network namespace `{netns}`"));
        }
        let before = inside.map(|netns| format!("ip netns exec {} ", quoted(netns)));
        Ok((machine, ExecOptions::default(), before.unwrap_or_default()))
    }
}
