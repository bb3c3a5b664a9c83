//! Which words the tools of this world take, and where: what bash-completion brings on Debian.
//!
//! Always: a row says what may follow the words of its key; `_` is any one word, `*` any number of them.
//! Differs from bash-completion 2.11: objects that are not simulated are left out, and a few places where it
//! offers nothing (`ip route add`, `ip address add`) offer their keywords.
//! Source: bash-completion's `ip`, `iptables`, `_longopt`; ip(8), bridge(8).

/// A word that stands for what is there: interfaces, namespaces, machines.
pub const INTERFACES: &str = "@interfaces";
pub const NAMESPACES: &str = "@namespaces";

/// The longest key that fits counts.
#[rustfmt::skip]
const FOLLOWING: &[(&str, &str)] = &[
    ("bridge", "fdb help link mdb monitor vlan"),
    ("bridge fdb", "add append del flush get help replace show"),
    ("bridge fdb add|append|del|replace _ *", "dev dst local master permanent self static via vlan vni"),
    ("bridge fdb show *", "br brport dev dynamic state vlan"),
    ("bridge link", "help set show"),
    ("bridge link set *", "bpdu_guard cost dev fastleave flood guard hairpin learning mcast_flood neigh_suppress priority root_block state"),
    ("bridge vlan", "add del help show"),
    ("bridge vlan add|del *", "dev master pvid self untagged vid"),
    ("ip", "address help link maddress monitor neighbour netns nexthop route rule tunnel"),
    ("ip address", "add change del flush help replace show"),
    ("ip address show|flush", "@interfaces dev dynamic label permanent primary scope secondary to up"),
    ("ip address add|change|del|replace _ *", "brd broadcast dev label metric peer preferred_lft scope valid_lft"),
    ("ip link", "add delete help set show"),
    ("ip link add", "dev link name type"),
    ("ip link add * type", "bridge dummy ipip macvlan veth vlan vxlan"),
    ("ip link add * type vxlan *", "dev dstport group id learning local nolearning remote ttl"),
    ("ip link add * type macvlan *", "mode"),
    ("ip link add * type vlan *", "id protocol"),
    ("ip link add * type veth *", "peer"),
    ("ip link add * type veth peer *", "name netns"),
    ("ip link add _ *", "address alias link mtu netns txqueuelen type up"),
    ("ip link delete", INTERFACES),
    ("ip link set", "@interfaces dev"),
    ("ip link set dev _ *", "address alias allmulticast arp down dynamic group master mtu multicast name netns nomaster promisc txqueuelen type up"),
    ("ip link set _ *", "address alias allmulticast arp down dynamic group master mtu multicast name netns nomaster promisc txqueuelen type up"),
    ("ip link set * type", "bridge bridge_slave macvlan vlan vxlan"),
    ("ip link show", "@interfaces dev group master type up"),
    ("ip link show type", "bridge dummy ipip macvlan veth vlan vxlan"),
    ("ip monitor", "address all link neigh netns route rule"),
    ("ip neighbour", "add change del flush get help replace show"),
    ("ip neighbour add|change|del|replace _ *", "dev lladdr nud"),
    ("ip neighbour show|flush *", "dev nud"),
    ("ip netns", "add attach delete exec help identify list list-id monitor pids set"),
    ("ip netns attach|delete|exec|pids|set", NAMESPACES),
    ("ip route", "add append change del flush get help list replace show"),
    ("ip route add|append|change|del|replace", "blackhole default prohibit unreachable"),
    ("ip route add|append|change|del|replace _ *", "dev metric mtu nexthop onlink proto scope src table via"),
    ("ip route get _ *", "from iif mark oif"),
    ("ip route list|show|flush *", "default dev match proto root scope src table type via"),
    ("ip rule", "add del flush help list show"),
    ("ip rule add|del *", "blackhole from fwmark iif lookup not oif priority prohibit to unreachable"),
    ("iptables * -t", "filter mangle nat"),
    ("lab", "back capture check export hint pause play redo reset share solution speed step undo"),
];

/// Options of tools that print no list of them with `--help`.
#[rustfmt::skip]
const OPTIONS: &[(&str, &str)] = &[
    ("bridge", "-V -Version -s -stats -d -details -n -netns -b -batch -c -color -p -pretty -j -json -o -oneline"),
    ("ip", "-V -Version -h -human -b -batch -force -s -stats -statistics -d -details -r -resolve -iec -f -family \
            -4 -6 -0 -o -oneline -t -timestamp -ts -tshort -n -netns -a -all -c -color -br -brief -j -json -p -pretty"),
    ("iptables", "-i -o -s -d -p -f -m --append --delete --insert --replace --list --flush --zero --new --delete-chain \
                  --policy --rename-chain --proto --source --destination --in-interface --jump --match --numeric \
                  --out-interface --table --verbose --line-numbers --exact --fragment --modprobe= --set-counters --version"),
];

/// Tools whose options bash-completion reads from what `--help` prints.
pub const WITH_HELP: &[&str] = &[
    "awk",
    "base64",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cp",
    "curl",
    "cut",
    "date",
    "diff",
    "env",
    "expand",
    "fold",
    "grep",
    "head",
    "id",
    "less",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mv",
    "netstat",
    "nl",
    "paste",
    "ps",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "sort",
    "ss",
    "stat",
    "sysctl",
    "tac",
    "tail",
    "tee",
    "timeout",
    "touch",
    "tr",
    "uname",
    "uniq",
    "watch",
    "wc",
    "xargs",
];

/// Commands whose first operand is a host.
pub const HOSTS_FIRST: &[&str] =
    &["curl", "dig", "host", "nc", "nslookup", "ping", "ping4", "ping6", "ssh", "traceroute"];

/// Commands that run the command after them: how many of their operands come first.
pub const WRAPPERS: &[(&str, usize)] = &[
    ("command", 0),
    ("env", 0),
    ("exec", 0),
    ("ip netns exec", 1),
    ("nohup", 0),
    ("sudo", 0),
    ("time", 0),
    ("timeout", 1),
    ("watch", 0),
    ("xargs", 0),
];

/// Does the key fit the words? Each of `ip`'s own may be as short as it is unambiguous.
fn fits(key: &[&str], words: &[&str]) -> bool {
    match (key, words) {
        ([], []) => true,
        (["*", rest @ ..], _) => {
            fits(rest, words) || words.split_first().is_some_and(|(_, more)| fits(key, more))
        }
        ([one, rest @ ..], [word, more @ ..]) => {
            let same = |known: &str| !word.is_empty() && known.starts_with(word);
            (*one == "_" || one.split('|').any(same)) && fits(rest, more)
        }
        _ => false,
    }
}

/// What may follow these words of a command line; the first is the command's name.
pub fn following(words: &[&str]) -> Vec<&'static str> {
    let Some((name, _)) = words.split_first() else { return Vec::new() };
    let name = kin(name);
    let known = FOLLOWING.iter().filter(|(key, _)| {
        let key: Vec<&str> = key.split(' ').collect();
        key[0] == name && fits(&key[1..], &words[1..])
    });
    // A row with fewer of `*` and `_` says more about the place.
    let vague = |key: &str| key.matches(['*', '_']).count();
    known
        .min_by_key(|(key, _)| (vague(key), usize::MAX - key.len()))
        .map_or_else(Vec::new, |(_, next)| next.split_whitespace().collect())
}

/// The options of a tool that are known without asking it.
pub fn options(name: &str) -> Vec<&'static str> {
    let name = kin(name);
    OPTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or_else(Vec::new, |(_, list)| list.split_whitespace().collect())
}

/// The tool whose words another one takes too.
pub fn kin(name: &str) -> &str {
    match name {
        "ip6tables" | "iptables-legacy" | "iptables-nft" => "iptables",
        name => name,
    }
}

/// The options in what `--help` prints: one a line, the long one where there is one.
pub fn in_help(text: &str) -> Vec<String> {
    let option = |line: &str| -> Option<String> {
        let end = |word: &str| {
            word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(word.len())
        };
        let long = line.match_indices("--").find_map(|(at, _)| {
            let word = &line[at..];
            let begins = at == 0 || line[..at].ends_with([' ', ',', '[', '/']);
            let length = end(word);
            let value = word[length..].starts_with('=');
            (begins && length > 2).then(|| word[..length + usize::from(value)].to_owned())
        });
        let first = line.trim_start();
        let short =
            || first.starts_with('-').then(|| first[..end(first)].to_owned()).filter(|it| it.len() > 1);
        long.or_else(short)
    };
    text.lines().filter(|line| line.trim_start().starts_with('-')).filter_map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_know_what_follows() {
        assert!(following(&["ip"]).contains(&"netns"));
        assert_eq!(following(&["ip", "l", "set"]), ["@interfaces", "dev"]);
        assert!(following(&["ip", "link", "set", "dev", "eth0"]).contains(&"master"));
        assert!(following(&["ip", "link", "set", "eth0", "up"]).contains(&"mtu"));
        assert!(following(&["ip", "link", "add", "br0", "type"]).contains(&"vxlan"));
        assert!(following(&["ip", "link", "add", "vx", "type", "vxlan", "id", "5"]).contains(&"remote"));
        assert!(following(&["ip", "route", "add", "default"]).contains(&"via"));
        assert_eq!(following(&["ip", "netns", "exec"]), [NAMESPACES]);
        assert_eq!(following(&["ip6tables", "-t"]), ["filter", "mangle", "nat"]);
        assert!(following(&["cat"]).is_empty());
    }

    #[test]
    fn options_are_read_from_help() {
        let help = "Usage: ls [OPTION]... [FILE]...\n  -a, --all   do not\n      --block-size=SIZE  with --x\n  \
                    -l          long\n      --color[=WHEN]  when\n  -  none\n";
        assert_eq!(in_help(help), ["--all", "--block-size=", "-l", "--color"]);
    }
}
