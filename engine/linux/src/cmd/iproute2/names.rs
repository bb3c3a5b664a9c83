//! The names of numbers: tables, protocols, scopes, groups, realms, DS fields (`/etc/iproute2`).
//!
//! Always: what the files say comes on top of what the tool knows by itself; `-Numeric` shows numbers only.
//! Sources: iproute2 etc/iproute2 and ip-route(8).

use super::number;
use std::collections::BTreeMap;

const TABLES: &[(u32, &str)] = &[(0, "unspec"), (253, "default"), (254, "main"), (255, "local")];
const SCOPES: &[(u32, &str)] =
    &[(0, "global"), (200, "site"), (253, "link"), (254, "host"), (255, "nowhere")];
const PROTOCOLS: &[(u32, &str)] = &[
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (18, "keepalived"),
    (42, "babel"),
    (99, "openr"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (192, "eigrp"),
];
const DS_FIELDS: &[(u32, &str)] = &[
    (0, "default"),
    (0x20, "CS1"),
    (0x28, "AF11"),
    (0x30, "AF12"),
    (0x38, "AF13"),
    (0x40, "CS2"),
    (0x48, "AF21"),
    (0x50, "AF22"),
    (0x58, "AF23"),
    (0x60, "CS3"),
    (0x68, "AF31"),
    (0x70, "AF32"),
    (0x78, "AF33"),
    (0x80, "CS4"),
    (0x88, "AF41"),
    (0x90, "AF42"),
    (0x98, "AF43"),
    (0xa0, "CS5"),
    (0xb8, "EF"),
    (0xc0, "CS6"),
    (0xe0, "CS7"),
];
const ROUTE_TYPES: &[&str] = &[
    "none",
    "unicast",
    "local",
    "broadcast",
    "anycast",
    "multicast",
    "blackhole",
    "unreachable",
    "prohibit",
    "throw",
    "nat",
    "xresolve",
];

/// Which list a number is named in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Table,
    Protocol,
    Scope,
    Realm,
    Group,
    DsField,
}

impl List {
    /// The files of this list under `/etc/iproute2`; the second is a folder of `*.conf`.
    pub fn files(self) -> (&'static str, Option<&'static str>) {
        match self {
            List::Table => ("rt_tables", Some("rt_tables.d")),
            List::Protocol => ("rt_protos", Some("rt_protos.d")),
            List::Scope => ("rt_scopes", None),
            List::Realm => ("rt_realms", None),
            List::Group => ("group", None),
            List::DsField => ("rt_dsfield", None),
        }
    }

    pub const ALL: [List; 6] =
        [List::Table, List::Protocol, List::Scope, List::Realm, List::Group, List::DsField];
}

/// All lists together.
#[derive(Clone, Debug)]
pub struct Names {
    lists: BTreeMap<List, BTreeMap<u32, String>>,
    /// `-Numeric`
    pub numeric: bool,
}

impl Default for Names {
    fn default() -> Names {
        let known = |list: List| match list {
            List::Table => TABLES,
            List::Protocol => PROTOCOLS,
            List::Scope => SCOPES,
            List::Realm => &[(0, "unknown")],
            List::Group => &[(0, "default")],
            List::DsField => DS_FIELDS,
        };
        let named = |list| known(list).iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
        Names { lists: List::ALL.into_iter().map(|list| (list, named(list))).collect(), numeric: false }
    }
}

impl Names {
    /// Takes in a file of that list: lines `NUMBER NAME`, `#` remarks.
    pub fn read(&mut self, list: List, text: &str) {
        let Some(names) = self.lists.get_mut(&list) else { return };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            if let (Some(id), Some(name)) = (words.next().and_then(number::unsigned::<u32>), words.next()) {
                names.insert(id, name.to_owned());
            }
        }
    }

    fn name(&self, list: List, id: u32) -> Option<&str> {
        self.lists.get(&list)?.get(&id).map(String::as_str).filter(|_| !self.numeric)
    }

    /// The name of a number, or the number.
    pub fn text(&self, list: List, id: u32) -> String {
        match self.name(list, id) {
            Some(name) => name.to_owned(),
            None if list == List::DsField => format!("{id:#04x}"),
            None => id.to_string(),
        }
    }

    /// The number of a name, or the number itself.
    pub fn number(&self, list: List, word: &str) -> Option<u32> {
        let named = self.lists.get(&list)?.iter().find(|(_, name)| *name == word).map(|(id, _)| *id);
        let most = if matches!(list, List::Table | List::Group) { u32::MAX } else { 255 };
        let plain = || match list {
            List::DsField => number::hexadecimal(word),
            _ => number::unsigned(word),
        };
        named.or_else(plain).filter(|id| *id <= most)
    }

    /// `unicast`, `blackhole` …
    pub fn route_type(&self, kind: u8) -> String {
        match ROUTE_TYPES.get(usize::from(kind)) {
            Some(name) if !self.numeric => (*name).to_owned(),
            _ => kind.to_string(),
        }
    }

    /// Some types may be shortened, as the real tool lets them.
    pub fn route_type_number(word: &str) -> Option<u8> {
        let exact = ["local", "nat", "throw"];
        let short = [
            "broadcast",
            "anycast",
            "multicast",
            "prohibit",
            "unreachable",
            "blackhole",
            "xresolve",
            "unicast",
        ];
        let full = match word {
            "brd" => Some("broadcast"),
            _ => exact
                .into_iter()
                .find(|full| *full == word)
                .or_else(|| short.into_iter().find(|full| super::matches(word, full))),
        };
        match full {
            Some(full) => ROUTE_TYPES.iter().position(|name| *name == full).map(|kind| kind as u8),
            None => number::unsigned(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_ones_own_has_a_name_once_the_file_says_so() {
        let mut names = Names::default();
        assert_eq!(names.text(List::Table, 100), "100");
        names.read(List::Table, "# mine\n100 isp2\n0x65\thex # end\nbroken\n");
        assert_eq!(names.text(List::Table, 100), "isp2");
        assert_eq!(names.number(List::Table, "isp2"), Some(100));
        assert_eq!(names.number(List::Table, "hex"), Some(101));
        assert_eq!(names.number(List::Table, "nosuch"), None);
        assert_eq!(names.number(List::Protocol, "256"), None);
        names.numeric = true;
        assert_eq!(names.text(List::Table, 254), "254");
    }

    #[test]
    fn some_route_types_may_be_shortened() {
        assert_eq!(Names::route_type_number("black"), Some(6));
        assert_eq!(Names::route_type_number("brd"), Some(3));
        assert_eq!(Names::route_type_number("thro"), None);
        assert_eq!(Names::route_type_number("frob"), None);
        assert_eq!(Names::default().route_type(7), "unreachable");
    }
}
