//! What the page's panes look at: the tables of a namespace, a frame taken apart, a packet's journey.
//!
//! Always: looking changes nothing (no process is started, no id is given), so a replay need not know of it.

use crate::World;
use api::inspect::{Answer, Table};
use api::request::Query;
use api::topology::Device;
use api::{DeviceId, MachineId, NetnsId};
use net::rtnetlink::{Family, FdbEntry, Neighbour, Nexthop, Route, RouteType, ntf, nud, scope, table};

/// Rules of a namespace that are told; of the rest, only how many there are.
const RULES: usize = 2_000;

impl World {
    /// `None` where what is asked for is not there (any more).
    pub fn answer(&self, query: &Query) -> Option<Answer> {
        Some(match query {
            Query::Journey(id) => Answer::Journey(self.system.net.journey(*id)?),
            Query::Frames(ids) => {
                Answer::Frames(ids.iter().filter_map(|id| self.system.net.dissect(*id)).collect())
            }
            Query::Frame(id) => Answer::Frame(self.system.net.dissect(*id)?),
            Query::Pcapng(device) => Answer::Pcapng(self.system.net.pcapng(*device)),
            Query::Netns(netns) => Answer::Tables(self.tables(*netns)?),
            Query::Device(device) => Answer::Tables(self.device_tables(*device)?),
            Query::Object(key) => Answer::Object(Box::new(self.object(key)?)),
            Query::Machine(machine) => Answer::Tables(self.tables(self.machine_netns(*machine)?)?),
        })
    }

    fn machine_netns(&self, machine: MachineId) -> Option<NetnsId> {
        self.topology().machines.contains_key(&machine).then(|| self.system.host(machine).netns)
    }

    fn tables(&self, netns: NetnsId) -> Option<Vec<Table>> {
        self.topology().netns.get(&netns)?;
        let mut tables = vec![
            self.links(netns),
            self.addresses(netns),
            self.routes(netns),
            self.neighbours(netns),
            self.fdb(netns, None),
        ];
        tables.push(self.sockets(netns));
        tables.push(self.conntrack(netns));
        tables.extend(self.rules(netns));
        Some(tables)
    }

    fn device_tables(&self, id: DeviceId) -> Option<Vec<Table>> {
        let device = self.topology().devices.get(&id)?;
        let mut links = self.links(device.netns);
        links.rows.retain(|row| row[0] == device.name);
        links.command = format!("ip -d link show {}", device.name);
        let mut addresses = self.addresses(device.netns);
        addresses.rows.retain(|row| row[0] == device.name);
        addresses.command = format!("ip addr show {}", device.name);
        Some(vec![links, addresses, self.fdb(device.netns, Some(&device.name))])
    }

    fn links(&self, netns: NetnsId) -> Table {
        let name =
            |id: Option<DeviceId>| id.and_then(|id| Some(self.topology().devices.get(&id)?.name.clone()));
        let mut devices: Vec<&Device> =
            self.topology().devices.values().filter(|it| it.netns == netns).collect();
        devices.sort_by_key(|device| device.ifindex);
        let state = |device: &Device| match (device.up, device.running) {
            (false, _) => "DOWN",
            (true, false) => "NO-CARRIER",
            (true, true) => "UP",
        };
        let rows = devices.into_iter().map(|it| {
            vec![
                it.name.clone(),
                state(it).to_owned(),
                it.kind.clone(),
                it.mac.clone(),
                it.mtu.to_string(),
                name(it.master).unwrap_or_default(),
                it.detail.clone(),
            ]
        });
        listing(
            "links",
            "ip -d link",
            &["name", "state", "type", "mac", "mtu", "master", "detail"],
            rows.collect(),
        )
    }

    fn addresses(&self, netns: NetnsId) -> Table {
        let rows = [Family::Inet, Family::Inet6]
            .into_iter()
            .flat_map(|family| self.system.net.addresses(netns, family))
            .map(|it| {
                let scope = match it.scope {
                    scope::UNIVERSE => "global",
                    scope::HOST => "host",
                    scope::LINK => "link",
                    _ => "site",
                };
                vec![it.device, format!("{}/{}", it.local, it.prefix), scope.to_owned()]
            });
        listing("addresses", "ip addr", &["device", "address", "scope"], rows.collect())
    }

    fn routes(&self, netns: NetnsId) -> Table {
        let routes = self.system.net.routes(netns, Family::Inet, Some(table::MAIN)).unwrap_or_default();
        let rows = routes.iter().flat_map(|route| {
            let bare = Nexthop { gateway: None, index: 0, device: String::new(), hops: 0, flags: 0 };
            let hops = if route.nexthops.is_empty() { vec![bare] } else { route.nexthops.clone() };
            hops.into_iter().map(|hop| route_row(route, &hop)).collect::<Vec<_>>()
        });
        listing("routes", "ip route", &["to", "via", "device", "source", "metric"], rows.collect())
    }

    fn neighbours(&self, netns: NetnsId) -> Table {
        let rows = self.system.net.neighbours(netns, Family::Inet, false).into_iter().map(|it: Neighbour| {
            let mac = it.mac.map(|mac| mac.to_string()).unwrap_or_default();
            vec![it.destination.to_string(), it.device, mac, neighbour_state(it.state).to_owned()]
        });
        listing("neighbours", "ip neigh", &["address", "device", "mac", "state"], rows.collect())
    }

    fn fdb(&self, netns: NetnsId, device: Option<&str>) -> Table {
        let wanted = |entry: &FdbEntry| {
            let of_master = || self.system.net.device_name(netns, entry.master?);
            device.is_none_or(|name| entry.device == name || of_master() == Some(name))
        };
        let rows = self.system.net.fdb(netns).into_iter().filter(wanted).map(|it| {
            let master =
                it.master.and_then(|index| self.system.net.device_name(netns, index)).unwrap_or_default();
            let state = match it.state {
                state if state & nud::PERMANENT != 0 => "permanent",
                state if state & nud::NOARP != 0 => "static",
                _ if it.flags & ntf::SELF != 0 => "self",
                _ => "learnt",
            };
            let dst = it.dst.map(|dst| dst.to_string()).unwrap_or_default();
            vec![it.mac.to_string(), it.device, master.to_owned(), dst, state.to_owned()]
        });
        listing("fdb", "bridge fdb", &["mac", "device", "master", "dst", "state"], rows.collect())
    }

    /// One table of rules for each table of netfilter that is there.
    fn rules(&self, netns: NetnsId) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        let mut all = 0;
        for shown in self.system.net.chains_shown(netns) {
            let title = format!("iptables {}", shown.table);
            if tables.last().is_none_or(|last| last.title != title) {
                let command = format!("iptables -t {} -S -v", shown.table);
                tables.push(listing(&title, &command, &["chain", "rule", "packets", "bytes"], Vec::new()));
            }
            let Some(table) = tables.last_mut() else { continue };
            if let Some(policy) = shown.policy {
                let row = [
                    shown.chain.clone(),
                    format!("-P {} {policy}", shown.chain),
                    String::new(),
                    String::new(),
                ];
                table.rows.push(row.into());
            }
            let room = RULES.saturating_sub(all);
            all += shown.rules.len();
            table.rows.extend(shown.rules.into_iter().take(room).map(|(text, packets, bytes)| {
                vec![shown.chain.clone(), text, packets.to_string(), bytes.to_string()]
            }));
        }
        if let Some(table) = tables.last_mut().filter(|_| all > RULES) {
            let note = format!("… and {} more rules", all - RULES);
            table.rows.push([String::new(), note, String::new(), String::new()].into());
        }
        tables
    }

    fn conntrack(&self, netns: NetnsId) -> Table {
        let now = self.system.now();
        let rows = self.system.net.flows(netns).into_iter().map(|(_, flow)| {
            let left = flow.expires.since(now).as_secs().to_string();
            vec![flow.original.to_string(), flow.reply.to_string(), left]
        });
        listing("conntrack", "conntrack -L", &["original", "reply", "seconds left"], rows.collect())
    }

    fn sockets(&self, netns: NetnsId) -> Table {
        let rows = self.system.net.sockets(netns).into_iter().map(|it| {
            let program = if it.owner.pid == 0 {
                String::new()
            } else {
                format!("{} ({})", it.owner.program, it.owner.pid)
            };
            let kind = format!("{:?}", it.kind).split([' ', '{']).next().unwrap_or_default().to_lowercase();
            vec![kind, format!("{:?}", it.state), it.local.to_string(), it.peer.to_string(), program]
        });
        listing("sockets", "ss -anp", &["type", "state", "local", "peer", "program"], rows.collect())
    }
}

fn listing(title: &str, command: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    Table { title: title.to_owned(), command: command.to_owned(), columns, rows }
}

fn route_row(route: &Route, hop: &Nexthop) -> Vec<String> {
    let to = if route.destination.prefix_len() == 0 {
        "default".to_owned()
    } else {
        route.destination.to_string()
    };
    let kind = match route.kind {
        RouteType::Unicast => String::new(),
        kind => format!("{kind:?} ").to_lowercase(),
    };
    let text = |address: Option<std::net::IpAddr>| address.map(|it| it.to_string()).unwrap_or_default();
    let metric = if route.priority == 0 { String::new() } else { route.priority.to_string() };
    vec![kind + &to, text(hop.gateway), hop.device.clone(), text(route.prefsrc), metric]
}

fn neighbour_state(state: u16) -> &'static str {
    const NAMES: &[(u16, &str)] = &[
        (nud::INCOMPLETE, "INCOMPLETE"),
        (nud::REACHABLE, "REACHABLE"),
        (nud::STALE, "STALE"),
        (nud::DELAY, "DELAY"),
        (nud::PROBE, "PROBE"),
        (nud::FAILED, "FAILED"),
        (nud::NOARP, "NOARP"),
        (nud::PERMANENT, "PERMANENT"),
    ];
    NAMES.iter().find(|(bit, _)| state & bit != 0).map_or("NONE", |(_, name)| name)
}
