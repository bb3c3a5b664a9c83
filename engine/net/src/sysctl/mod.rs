//! Sysctls: the files below /proc/sys/net, with the kernel's defaults, bounds and side effects.
//!
//! Stands between `sysctl` or `cat /proc/sys/net/…` and what the stack heeds. A path reads `net/ipv4/ip_forward`.
//! Always: a value that was refused changes nothing; each namespace has its own.
//! Differs from Linux: some settings are kept and shown without being heeded (see `plain.rs`).
//! Sources: kernel doc ip-sysctl; kernel/sysctl.c (`proc_dointvec`); devinet.c (`inet_forward_change`).

mod conf;
mod plain;

pub(crate) use conf::*;
pub use plain::Key;
use plain::{Fit, PLAIN};

use crate::{Errno, Network};
use api::{DeviceId, NetnsId};

/// The settings of one namespace; those of each device stand with the device.
#[derive(Clone, Debug)]
pub(crate) struct Sysctl {
    values: Vec<Value>,
    /// `ip_local_port_range`
    pub local_ports: (u16, u16),
    pub all: ConfSet,
    pub default: ConfSet,
    pub neigh_default: NeighConfSet,
    pub all6: Conf6Set,
    pub default6: Conf6Set,
}

#[derive(Clone, Debug)]
enum Value {
    Int(i64),
    Text(Box<str>),
}

impl Default for Sysctl {
    fn default() -> Sysctl {
        let mut default = ConfSet::default();
        default.values[Conf::AcceptSourceRoute as usize] = 1;
        let values = PLAIN.iter().map(|plain| match (plain.fit, plain.default.parse()) {
            (Fit::Int(..), Ok(number)) => Value::Int(number),
            _ => Value::Text(plain.default.into()),
        });
        Sysctl {
            values: values.collect(),
            local_ports: (32768, 60999),
            all: ConfSet::default(),
            default,
            neigh_default: NeighConfSet::default(),
            all6: Conf6Set::default(),
            default6: Conf6Set::default(),
        }
    }
}

impl Sysctl {
    /// What a new namespace of the machine whose own settings these are begins with
    /// (`net.core.devconf_inherit_init_net` 0: IPv4's `all` and `default` are copied).
    pub fn inherited(&self) -> Sysctl {
        Sysctl { all: self.all.clone(), default: self.default.clone(), ..Sysctl::default() }
    }

    /// A number; 0 for a setting that is text.
    #[inline]
    pub fn int(&self, key: Key) -> i64 {
        match &self.values[key as usize] {
            Value::Int(number) => *number,
            Value::Text(_) => 0,
        }
    }

    fn show(&self, index: usize) -> String {
        match &self.values[index] {
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.to_string(),
        }
    }
}

/// These are connection tracking's own.
const NETFILTER: &str = "net/netfilter/";

/// One of them has an older path, too.
fn netfilter_name(path: &str) -> Option<&str> {
    let old = || path.strip_prefix("net/").filter(|name| *name == "nf_conntrack_max");
    path.strip_prefix(NETFILTER).or_else(old)
}

/// One file below /proc/sys/net.
#[derive(Clone, Copy, Debug)]
enum File {
    Plain(usize),
    Conf(Whose, Conf),
    Neigh(Whose, NeighConf),
    Conf6(Whose, Conf6),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    All,
    Default,
    Device(DeviceId),
}

impl Network {
    /// Reads `net/ipv4/ip_forward` (a path below /proc/sys) as `cat` would show it, without the line feed. ENOENT.
    pub fn sysctl_get(&self, ns: NetnsId, path: &str) -> Result<String, Errno> {
        if let Some(name) = netfilter_name(path) {
            return self.netfilter_sysctl(ns, name).map(|value| value.to_string()).ok_or(Errno::ENOENT);
        }
        let sysctl = &self.netns[ns].sysctl;
        Ok(match self.sysctl_file(ns, path).ok_or(Errno::ENOENT)? {
            File::Plain(index) if index == Key::IpForward as usize => {
                sysctl.all.get(Conf::Forwarding).to_string()
            }
            File::Plain(index) => sysctl.show(index),
            File::Conf(Whose::All, conf) => sysctl.all.get(conf).to_string(),
            File::Conf(Whose::Default, conf) => sysctl.default.get(conf).to_string(),
            File::Conf(Whose::Device(device), conf) => self.devices[device].ip.conf.get(conf).to_string(),
            File::Neigh(Whose::Device(device), conf) => self.devices[device].ip.neigh.get(conf).to_string(),
            File::Neigh(_, conf) => sysctl.neigh_default.get(conf).to_string(),
            File::Conf6(Whose::All, conf) => sysctl.all6.get(conf).to_string(),
            File::Conf6(Whose::Default, conf) => sysctl.default6.get(conf).to_string(),
            File::Conf6(Whose::Device(device), conf) => self.devices[device].ip6.conf.get(conf).to_string(),
        })
    }

    /// EINVAL where the value is not fit, EACCES where it is read-only.
    pub fn sysctl_set(&mut self, ns: NetnsId, path: &str, value: &str) -> Result<(), Errno> {
        if let Some(name) = netfilter_name(path) {
            self.netfilter_sysctl(ns, name).ok_or(Errno::ENOENT)?;
            let value = u32::try_from(number(value)?).map_err(|_| Errno::EINVAL)?;
            return self.netfilter_sysctl_set(ns, name, value);
        }
        match self.sysctl_file(ns, path).ok_or(Errno::ENOENT)? {
            File::Plain(index) if index == Key::IpForward as usize => {
                self.conf_set(ns, Whose::All, Conf::Forwarding, int(value)?);
            }
            File::Plain(index) => {
                let value = fit(PLAIN[index].fit, value)?;
                let sysctl = &mut self.netns[ns].sysctl;
                if index == Key::IpLocalPortRange as usize {
                    sysctl.local_ports = port_range(&value)?;
                }
                sysctl.values[index] = value;
            }
            File::Conf(whose, conf) => self.conf_set(ns, whose, conf, int(value)?),
            File::Neigh(Whose::Device(device), conf) => {
                self.devices[device].ip.neigh.set(conf, natural(value)?);
                self.neighbour_parameters_changed(device);
            }
            File::Neigh(_, conf) => self.netns[ns].sysctl.neigh_default.set(conf, natural(value)?),
            File::Conf6(whose, conf) => self.conf6_set(ns, whose, conf, int(value)?),
        }
        Ok(())
    }

    /// Every path below `net/` in this namespace, sorted.
    pub fn sysctl_list(&self, ns: NetnsId) -> Vec<String> {
        let mut paths: Vec<String> = PLAIN.iter().map(|plain| plain.path.to_owned()).collect();
        let devices: Vec<&str> =
            self.netns[ns].devices.values().map(|device| self.devices[*device].name.as_ref()).collect();
        for whose in ["all", "default"].iter().chain(&devices) {
            paths.extend(Conf::ALL.iter().map(|conf| format!("net/ipv4/conf/{whose}/{}", conf.name())));
            paths.extend(Conf6::ALL.iter().map(|conf| format!("net/ipv6/conf/{whose}/{}", conf.name())));
            if *whose != "all" {
                paths.extend(
                    NeighConf::ALL.iter().map(|conf| format!("net/ipv4/neigh/{whose}/{}", conf.name())),
                );
            }
        }
        paths.extend(self.netfilter_sysctl_names().iter().map(|name| format!("{NETFILTER}{name}")));
        paths.sort_unstable();
        paths
    }

    /// Is that a directory of [`Network::sysctl_list`]'s paths? The empty path is none.
    pub fn sysctl_is_directory(&self, ns: NetnsId, path: &str) -> bool {
        let (table, whose) = path.rsplit_once('/').unwrap_or_default();
        match table {
            "net/ipv4/conf" | "net/ipv6/conf" | "net/ipv4/neigh" => {
                let is_device =
                    || self.netns[ns].devices.values().any(|id| *self.devices[*id].name == *whose);
                whose == "default" || whose == "all" && table != "net/ipv4/neigh" || is_device()
            }
            _ => {
                let tables = ["net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", NETFILTER];
                let paths = tables.into_iter().chain(PLAIN.iter().map(|plain| plain.path));
                paths.filter_map(|it| it.strip_prefix(path)).any(|rest| rest.starts_with('/'))
            }
        }
    }

    fn sysctl_file(&self, ns: NetnsId, path: &str) -> Option<File> {
        if let Ok(index) = PLAIN.binary_search_by_key(&path, |plain| plain.path) {
            return Some(File::Plain(index));
        }
        let (directory, name) = path.rsplit_once('/')?;
        let (table, whose) = directory.rsplit_once('/')?;
        let whose = match whose {
            "all" => Whose::All,
            "default" => Whose::Default,
            device => Whose::Device(
                *self.netns[ns].devices.values().find(|id| *self.devices[**id].name == *device)?,
            ),
        };
        match table {
            "net/ipv4/conf" => Conf::named(name).map(|conf| File::Conf(whose, conf)),
            "net/ipv6/conf" => Conf6::named(name).map(|conf| File::Conf6(whose, conf)),
            "net/ipv4/neigh" if whose != Whose::All => {
                NeighConf::named(name).map(|conf| File::Neigh(whose, conf))
            }
            _ => None,
        }
    }

    fn conf_set(&mut self, ns: NetnsId, whose: Whose, conf: Conf, value: i32) {
        let sysctl = &mut self.netns[ns].sysctl;
        match whose {
            Whose::All => sysctl.all.set(conf, value),
            Whose::Default => sysctl.default.set(conf, value),
            Whose::Device(device) => self.devices[device].ip.conf.set(conf, value),
        }
        let devices: Vec<DeviceId> = self.netns[ns].devices.values().copied().collect();
        match (whose, conf) {
            (Whose::All, Conf::Forwarding) => {
                let sysctl = &mut self.netns[ns].sysctl;
                sysctl.all.set(Conf::AcceptRedirects, i32::from(value == 0));
                sysctl.default.set(Conf::Forwarding, value);
                devices.iter().for_each(|id| self.devices[*id].ip.conf.set(Conf::Forwarding, value));
            }
            (Whose::Default, _) => {
                for id in devices {
                    let own = &mut self.devices[id].ip.conf;
                    if !own.is_own(conf) {
                        own.values[conf as usize] = value;
                    }
                }
            }
            _ => {}
        }
        self.routes_changed(ns);
    }

    fn conf6_set(&mut self, ns: NetnsId, whose: Whose, conf: Conf6, value: i32) {
        let spreads = matches!(conf, Conf6::DisableIpv6 | Conf6::Forwarding);
        let sysctl = &mut self.netns[ns].sysctl;
        let devices: Vec<DeviceId> = match whose {
            Whose::All => {
                sysctl.all6.set(conf, value);
                if spreads {
                    sysctl.default6.set(conf, value);
                    self.netns[ns].devices.values().copied().collect()
                } else {
                    Vec::new()
                }
            }
            Whose::Default => {
                sysctl.default6.set(conf, value);
                Vec::new()
            }
            Whose::Device(device) => vec![device],
        };
        for device in devices {
            let before = self.devices[device].ip6.conf.get(conf);
            self.devices[device].ip6.conf.set(conf, value);
            if conf == Conf6::DisableIpv6 && (before == 0) != (value == 0) {
                self.ipv6_enable(device, value == 0);
            }
        }
    }

    /// An IPv4 setting that holds where `all` and the device both say so.
    #[inline]
    pub(crate) fn conf_and(&self, device: DeviceId, conf: Conf) -> bool {
        let device = &self.devices[device];
        device.ip.conf.get(conf) != 0 && self.netns[device.netns].sysctl.all.get(conf) != 0
    }

    /// … where `all` or the device says so.
    #[inline]
    pub(crate) fn conf_or(&self, device: DeviceId, conf: Conf) -> bool {
        let device = &self.devices[device];
        device.ip.conf.get(conf) != 0 || self.netns[device.netns].sysctl.all.get(conf) != 0
    }

    /// The greater of what `all` and the device say.
    #[inline]
    pub(crate) fn conf_max(&self, device: DeviceId, conf: Conf) -> i32 {
        let device = &self.devices[device];
        device.ip.conf.get(conf).max(self.netns[device.netns].sysctl.all.get(conf))
    }
}

fn fit(fit: Fit, value: &str) -> Result<Value, Errno> {
    match fit {
        Fit::Int(low, high) => {
            let number = number(value)?;
            if (low..=high).contains(&number) { Ok(Value::Int(number)) } else { Err(Errno::EINVAL) }
        }
        Fit::Ints(count) => {
            let numbers: Vec<i64> = value.split_whitespace().map(number).collect::<Result<_, _>>()?;
            if numbers.len() != count {
                return Err(Errno::EINVAL);
            }
            let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
            Ok(Value::Text(words.join("\t").into()))
        }
        Fit::Text => Ok(Value::Text(value.trim_end_matches('\n').into())),
        Fit::ReadOnly => Err(Errno::EACCES),
    }
}

/// Two ports, the lower first and neither 0.
fn port_range(value: &Value) -> Result<(u16, u16), Errno> {
    let Value::Text(text) = value else { return Err(Errno::EINVAL) };
    let ports: Vec<u16> = text.split('\t').filter_map(|it| it.parse().ok()).collect();
    match ports[..] {
        [low, high] if low <= high && low > 0 => Ok((low, high)),
        _ => Err(Errno::EINVAL),
    }
}

/// The first number of `value` as `proc_dointvec` reads it: decimal, 0x or 0 octal, perhaps signed.
fn number(value: &str) -> Result<i64, Errno> {
    let word = value.split_whitespace().next().ok_or(Errno::EINVAL)?;
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    if !digits.starts_with(|digit: char| digit.is_ascii_digit()) {
        return Err(Errno::EINVAL);
    }
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16),
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    let magnitude = magnitude.map_err(|_| Errno::EINVAL)?;
    Ok(if negative { -magnitude } else { magnitude })
}

fn int(value: &str) -> Result<i32, Errno> {
    i32::try_from(number(value)?).map_err(|_| Errno::EINVAL)
}

fn natural(value: &str) -> Result<i32, Errno> {
    int(value).and_then(|number| if number < 0 { Err(Errno::EINVAL) } else { Ok(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_by_path() {
        let unsorted = PLAIN.windows(2).find(|pair| pair[0].path >= pair[1].path);
        assert!(unsorted.is_none(), "{:?}", unsorted.map(|pair| pair[1].path));
    }

    #[test]
    fn numbers_are_read_as_the_kernel_reads_them() {
        assert_eq!(number("7"), Ok(7));
        assert_eq!(number(" 0x10\n"), Ok(16));
        assert_eq!(number("-010 junk"), Ok(-8));
        for wrong in ["", "abc", "1abc", "-", "0x", "99999999999999999999"] {
            assert_eq!(number(wrong), Err(Errno::EINVAL), "{wrong}");
        }
    }
}
