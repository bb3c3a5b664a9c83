//! What `ip link add` and `ip link set` are told of a link; a veth's peer is read by the same rules.
//!
//! Always: words are taken in order, and the first mistake is the one that is told.

use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::Snapshot;
use crate::cmd::iproute2::{Names, Stop, Words, lladdr, matches, number};
use api::NetnsId;
use net::Mac;
use net::rtnetlink::{AddressMode, LinkRequest};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// What `netns WORD` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Netns(NetnsId),
    /// A number, but no process has it.
    NoProcess,
}

/// IFNAMSIZ less the end: the longest name of a device.
pub const NAME_BYTES: usize = 15;
/// IFALIASZ
const ALIAS_BYTES: usize = 256;

/// What the reading of one command knows.
pub struct Context<'a> {
    pub snapshot: &'a Snapshot,
    pub names: &'a Names,
    /// `netns` words that were looked up beforehand.
    pub targets: &'a BTreeMap<String, Target>,
    /// `ip link add` and `replace`, not `set` and `delete`.
    pub creates: bool,
    /// What goes to stderr though the command goes on.
    pub warnings: &'a RefCell<String>,
}

impl Context<'_> {
    pub fn for_peer(&self) -> Context<'_> {
        Context { ..*self }
    }

    pub fn warn(&self, text: &str) {
        self.warnings.borrow_mut().push_str(text);
    }

    pub fn ds_field(&self, word: &str) -> Option<u8> {
        self.names.number(List::DsField, word).and_then(|value| u8::try_from(value).ok())
    }
}

/// What was read. The words that follow `type KIND` are still to be read.
#[derive(Debug, Default)]
pub struct Parsed {
    pub request: LinkRequest,
    pub kind: Option<String>,
    /// `group N` without a device: all links of that group.
    pub whole_group: Option<u32>,
    /// The namespace was named by a process that is not there.
    pub no_process: bool,
}

/// A name that a device may have.
pub fn is_ifname(name: &str) -> bool {
    name.len() <= NAME_BYTES && is_altname(name)
}

pub fn is_altname(name: &str) -> bool {
    !name.is_empty() && !name.contains(|letter: char| letter == '/' || letter.is_ascii_whitespace())
}

pub fn number<T: TryFrom<u64>>(word: &str, message: &str) -> Result<T, Stop> {
    number::unsigned(word).ok_or_else(|| Stop::wrong(message, word))
}

pub fn ipv4(word: &str) -> Result<Ipv4Addr, Stop> {
    crate::cmd::iproute2::prefix::ipv4(word)
        .ok_or_else(|| Stop::exit(1, format!("Error: an IP address is expected rather than \"{word}\"\n")))
}

/// A C int as netlink carries it: -1 becomes the greatest number.
fn integer(word: &str, key: &str) -> Result<u32, Stop> {
    let value = number::integer(word).and_then(|value| i32::try_from(value).ok());
    value.map(|value| value as u32).ok_or_else(|| Stop::wrong(&format!("Invalid \"{key}\" value\n"), word))
}

/// Only once: a second value is an error.
fn once<T>(slot: &mut Option<T>, key: &str, word: &str, value: T) -> Result<(), Stop> {
    if slot.is_some() {
        return Err(Stop::second(key, word));
    }
    *slot = Some(value);
    Ok(())
}

struct Reading<'a, 'w> {
    words: &'a mut Words<'w>,
    context: &'a Context<'a>,
    parsed: Parsed,
    name: Option<String>,
    device: Option<String>,
    address_bytes: usize,
    index: Option<u32>,
    group: Option<u32>,
    lower: Option<String>,
    /// `dev` came with `name`, so that another `dev` is one too many.
    moves: bool,
}

/// Reads all up to the end, or up to and with `type KIND`.
pub fn link(words: &mut Words<'_>, context: &Context<'_>) -> Result<Parsed, Stop> {
    let mut reading = Reading {
        words,
        context,
        parsed: Parsed::default(),
        name: None,
        device: None,
        address_bytes: 0,
        index: None,
        group: None,
        lower: None,
        moves: false,
    };
    while let Some(word) = reading.words.next() {
        if reading.word(word)? {
            break;
        }
    }
    reading.finish()
}

impl Reading<'_, '_> {
    /// True at `type`, where the reading ends.
    fn word(&mut self, word: &str) -> Result<bool, Stop> {
        let is = |full| matches(word, full);
        match word {
            "up" => self.parsed.request.up = Some(true),
            "down" => self.parsed.request.up = Some(false),
            "name" => self.take_name()?,
            "index" => self.take_index()?,
            _ if is("link") => self.lower = Some(self.words.value()?.to_owned()),
            _ if is("address") => self.take_address()?,
            _ if is("broadcast") || word == "brd" => {
                let bytes = lladdr::parse(self.words.value()?).map_err(|text| Stop::fail(1, text))?;
                self.parsed.request.broadcast = Some(Mac::from_slice(&bytes));
            }
            _ if is("txqueuelen") || word == "qlen" || is("txqlen") => {
                let value = self.words.value()?;
                let length = integer(value, "txqueuelen")?;
                once(&mut self.parsed.request.txqlen, "txqueuelen", value, length)?;
            }
            "mtu" => {
                let value = self.words.value()?;
                if self.parsed.request.mtu.is_some() {
                    return Err(Stop::second("mtu", value));
                }
                self.parsed.request.mtu = Some(integer(value, "mtu")?);
            }
            "netns" => self.take_netns()?,
            "multicast" | "allmulticast" | "promisc" | "trailers" | "arp" => self.take_switch(word)?,
            "carrier" => {
                let on = self.newer_switch("carrier")?;
                self.parsed.request.carrier = Some(on);
            }
            _ if is("master") => {
                let value = self.words.value()?;
                let index = self.context.snapshot.index(value);
                self.parsed.request.master =
                    Some(index.ok_or_else(|| Stop::wrong("Device does not exist\n", value))?);
            }
            "vrf" => {
                let value = self.words.value()?;
                return Err(Stop::wrong("Not a valid VRF name\n", value));
            }
            _ if is("nomaster") => self.parsed.request.master = Some(0),
            _ if is("dynamic") => return Err(not_simulated("dynamic")),
            _ if is("type") => {
                self.parsed.kind = Some(self.words.value()?.to_owned());
                return Ok(true);
            }
            _ => self.rarer_word(word)?,
        }
        Ok(false)
    }

    fn rarer_word(&mut self, word: &str) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            _ if is("alias") => {
                let alias = self.words.value()?;
                if alias.len() >= ALIAS_BYTES {
                    return Err(Stop::wrong("alias too long\n", alias));
                }
                self.parsed.request.alias = Some(alias.to_owned());
            }
            "group" => {
                let value = self.words.value()?;
                if self.group.is_some() {
                    return Err(Stop::second("group", value));
                }
                let group = self.context.names.number(List::Group, value);
                self.group = Some(group.ok_or_else(|| Stop::wrong("Invalid \"group\" value\n", value))?);
            }
            _ if is("numtxqueues") => {
                let value = self.words.value()?;
                let queues = integer(value, "numtxqueues")?;
                once(&mut self.parsed.request.tx_queues, "numtxqueues", value, queues)?;
            }
            _ if is("numrxqueues") => {
                let value = self.words.value()?;
                let queues = integer(value, "numrxqueues")?;
                once(&mut self.parsed.request.rx_queues, "numrxqueues", value, queues)?;
            }
            _ if is("addrgenmode") => {
                let value = self.words.value()?;
                self.parsed.request.address_mode = Some(match value.to_ascii_lowercase().as_str() {
                    "eui64" => AddressMode::Eui64,
                    "none" => AddressMode::None,
                    "stable_secret" => AddressMode::StableSecret,
                    "random" => AddressMode::Random,
                    _ => return Err(Stop::wrong("Invalid address generation mode\n", value)),
                });
            }
            "mode" => {
                let value = self.words.value()?;
                if !["default", "dormant"].contains(&value.to_ascii_lowercase().as_str()) {
                    return Err(Stop::wrong("Invalid link mode\n", value));
                }
                if value.eq_ignore_ascii_case("dormant") {
                    return Err(not_simulated("mode dormant"));
                }
            }
            "protodown" => {
                self.newer_switch("protodown")?;
                // No device of this kernel has it.
                return Err(Stop::fail(2, "Error: Protodown not supported by device.\n"));
            }
            "vf" | "xdp" | "xdpgeneric" | "xdpdrv" | "xdpoffload" | "state" | "protodown_reason"
            | "gso_max_size" | "gso_max_segs" | "gro_max_size" | "parentdev" => {
                return Err(not_simulated(word));
            }
            _ if is("link-netns") || is("link-netnsid") => return Err(not_simulated("link-netns")),
            _ => self.take_device(word)?,
        }
        Ok(())
    }

    fn take_name(&mut self) -> Result<(), Stop> {
        let value = self.words.value()?;
        if self.name.is_some() {
            return Err(Stop::second("name", value));
        }
        if !is_ifname(value) {
            return Err(Stop::wrong("\"name\" not a valid ifname", value));
        }
        self.name = Some(value.to_owned());
        self.device.get_or_insert_with(|| value.to_owned());
        Ok(())
    }

    fn take_index(&mut self) -> Result<(), Stop> {
        let value = self.words.value()?;
        if self.index.is_some() {
            return Err(Stop::second("index", value));
        }
        let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
        let index = digits.parse().ok().filter(|index| (1..=i32::MAX as u32).contains(index));
        self.index = Some(index.ok_or_else(|| Stop::wrong("Invalid \"index\" value", value))?);
        Ok(())
    }

    fn take_address(&mut self) -> Result<(), Stop> {
        let bytes = lladdr::parse(self.words.value()?).map_err(|text| Stop::fail(1, text))?;
        self.address_bytes = bytes.len();
        self.parsed.request.mac = Some(Mac::from_slice(&bytes));
        Ok(())
    }

    fn take_netns(&mut self) -> Result<(), Stop> {
        let value = self.words.value()?;
        if self.moves {
            return Err(Stop::second("netns", value));
        }
        self.moves = true;
        match self.context.targets.get(value) {
            Some(Target::Netns(netns)) => self.parsed.request.netns = Some(*netns),
            Some(Target::NoProcess) => self.parsed.no_process = true,
            None => return Err(Stop::wrong("Invalid \"netns\" value\n", value)),
        }
        Ok(())
    }

    fn take_switch(&mut self, key: &str) -> Result<(), Stop> {
        let on = Some(self.words.on_off(key)?);
        let request = &mut self.parsed.request;
        match key {
            "multicast" => request.multicast = on,
            "allmulticast" => request.allmulticast = on,
            "promisc" => request.promisc = on,
            "trailers" => request.trailers = on,
            _ => request.arp = on,
        }
        Ok(())
    }

    /// Keywords read by a newer function, whose failure has EINVAL's number as its status.
    fn newer_switch(&mut self, key: &str) -> Result<bool, Stop> {
        if self.words.is_empty() {
            return Err(Stop::incomplete());
        }
        self.words.on_off_prefix(key).map_err(|text| Stop::fail(22, text))
    }

    fn take_device(&mut self, word: &str) -> Result<(), Stop> {
        if matches(word, "help") {
            return Err(super::usage());
        }
        let device = if word == "dev" { self.words.value()? } else { word };
        if self.device != self.name {
            return Err(Stop::garbage("dev", device));
        }
        if !is_altname(device) {
            return Err(Stop::wrong("\"dev\" not a valid ifname", device));
        }
        self.device = Some(device.to_owned());
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, Stop> {
        if self.name.is_none() {
            self.name = self.device.clone();
        }
        let creates = self.context.creates;
        if self.device.is_some() && self.address_bytes != 0 {
            self.check_address()?;
        }
        if self.index.is_some() && !creates && !self.moves {
            return Err(Stop::exit(
                255,
                "index can be used only when creating devices or when moving device to another netns.\n",
            ));
        }
        self.parsed.request.group = self.group;
        if self.group.is_some() && self.device.is_none() {
            return self.whole_group();
        }
        if creates {
            self.created()?
        } else {
            self.changed()?
        }
        Ok(self.parsed)
    }

    /// A new link's address is checked by the kernel, a changed one's by `ip`.
    fn check_address(&self) -> Result<(), Stop> {
        if self.context.creates {
            if self.address_bytes != 6 {
                return Err(Stop::fail(2, "RTNETLINK answers: Invalid argument\n"));
            }
            return Ok(());
        }
        let known = self.device.as_ref().and_then(|name| self.context.snapshot.index(name));
        if known.is_some() && self.address_bytes != 6 {
            let text = format!("Invalid address length {} - must be 6 bytes\n", self.address_bytes);
            return Err(Stop::fail(1, text));
        }
        Ok(())
    }

    fn whole_group(mut self) -> Result<Parsed, Stop> {
        if let Some(word) = self.words.peek() {
            return Err(super::garbage_exit(word));
        }
        if self.context.creates {
            return Err(Stop::exit(255, "group cannot be used when creating devices.\n"));
        }
        self.parsed.request.group = None;
        self.parsed.whole_group = self.group;
        self.parsed.kind = None;
        Ok(self.parsed)
    }

    fn created(&mut self) -> Result<(), Stop> {
        if self.name != self.device {
            return Err(Stop::exit(255, "both \"name\" and \"dev\" cannot be used when creating devices.\n"));
        }
        if let Some(lower) = &self.lower {
            self.parsed.request.link = Some(self.context.snapshot.device(lower)?);
        }
        self.parsed.request.index = self.index;
        self.parsed.request.name = self.name.take();
        Ok(())
    }

    fn changed(&mut self) -> Result<(), Stop> {
        let Some(device) = &self.device else {
            return Err(Stop::exit(255, "Not enough information: \"dev\" argument is required.\n"));
        };
        self.parsed.request.index = Some(self.context.snapshot.device(device)?);
        self.parsed.request.new_name = self.name.take().filter(|name| name != device);
        Ok(())
    }
}

fn not_simulated(option: &str) -> Stop {
    Stop::not_simulated("ip", option, "the default")
}
