//! Which names a program's look-up asks a cluster's DNS for: `getent` on a machine with a Pod's resolv.conf.
//!
//! Always: the queries are real datagrams to a server on the machine's own 10.96.0.10, which answers as CoreDNS does.
//! Source of the world: the recording of CoreDNS's answers, which lies beside this one.

use super::dns::{Dns, text, texts};
use super::{Says, difference};
use api::topology::Role;
use kube::dns::request::Transport;
use linux::{ExecOptions, Exit, Spawn, Sys, System};
use net::SocketKind;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

pub const SAYS: &[Says] = &[("queries", "search lists", "/wire")];

const WORLD: &str = include_str!("../../../parity/kube/dns/dns-cases.json");
const SERVER: ([u8; 4], u16) = ([10, 96, 0, 10], 53);
/// The machine has addresses of both families, so both are asked for.
const OWN_V6: &str = "fd00:10:244:9::9";
/// Longer than the resolver's patience.
const LIMIT: Duration = Duration::from_secs(60);

/// One query: its name, its type and how it was answered.
type Wire = Rc<RefCell<Vec<(String, String, String)>>>;

pub fn judge(_root: &Value, case: &Value) -> Vec<Option<String>> {
    let ours = run(case).unwrap_or_else(|why| format!("{why}\n"));
    vec![difference(&recorded(case), &ours)]
}

fn recorded(case: &Value) -> String {
    let mut out = String::new();
    for entry in case["wire"].as_array().into_iter().flatten() {
        let types = entry["types"].as_object().into_iter().flatten();
        let types = types.map(|(kind, rcode)| (kind.clone(), text(rcode).to_owned())).collect();
        out += &line(text(&entry["name"]), &types);
    }
    let exit = case["exit"].as_i64().unwrap_or_default();
    out + &format!("{}\nexit {exit}\n", texts(&case["addresses"]).join(" "))
}

fn line(name: &str, types: &BTreeMap<String, String>) -> String {
    let types: Vec<String> = types.iter().map(|(kind, rcode)| format!("{kind} {rcode}")).collect();
    format!("{name} {}\n", types.join(", "))
}

fn run(case: &Value) -> Result<String, String> {
    let root: Value = serde_json::from_str(WORLD).map_err(|fault| fault.to_string())?;
    let mut system = System::new(1, linux::cmd::ALL.iter().copied());
    let machine = system.machine_add("pod", Role::Host);
    let conf = text(&case["resolvConf"]);
    let set_up = format!(
        "ip link set lo up; ip addr add {}/32 dev lo; ip addr add {OWN_V6}/128 dev lo; printf '%s' '{conf}' > /etc/resolv.conf",
        SocketAddr::from(SERVER).ip()
    );
    let end = system.now() + LIMIT;
    let id = system.exec(machine, &set_up, ExecOptions::default());
    while !system.output_is_closed(id) && system.step(end) {}

    let wire = Wire::default();
    let (dns, seen) = (Dns::new(&root, "kubeadm")?, Rc::clone(&wire));
    let spawn = Spawn::of_root(machine, system.host(machine).netns, "coredns");
    let started = system.spawn_program(spawn, |sys| Box::pin(serve(sys, dns, seen)));
    started.map_err(|errno| errno.to_string())?;
    let command = format!("{} '{}'", text(&case["call"]), text(&case["name"]));
    let id = system.exec(machine, &command, ExecOptions::default());
    while !system.output_is_closed(id) && system.step(end) {}
    let (stdout, _) = system.take_output(id);
    let mut addresses: Vec<String> = String::from_utf8_lossy(&stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    addresses.sort();
    addresses.dedup();
    let exit = system.exit_of(id).map_or(-1, |exit| i32::from(exit.0));
    Ok(folded(&wire.borrow()) + &format!("{}\nexit {exit}\n", addresses.join(" ")))
}

/// Queries for one name in a row are one line.
fn folded(wire: &[(String, String, String)]) -> String {
    let mut out = String::new();
    for queries in wire.chunk_by(|a, b| a.0 == b.0 && a.1 != b.1) {
        let types = queries.iter().map(|(_, kind, rcode)| (kind.clone(), rcode.clone())).collect();
        out += &line(&queries[0].0, &types);
    }
    out
}

async fn serve(sys: Sys, mut dns: Dns, wire: Wire) -> Exit {
    let Ok(socket) = sys.socket(SocketKind::Udp).await else { return Exit::FAILURE };
    if socket.bind(SERVER.into()).await.is_err() {
        return Exit::FAILURE;
    }
    loop {
        let Ok(Some(query)) = socket.recv_from(None).await else { return Exit::FAILURE };
        let Ok(Some(reply)) = dns.ask(query.from, Transport::Udp, &query.bytes) else { continue };
        let asked = reply.question().map(|it| (it.name.to_string(), it.kind.to_string()));
        let (name, kind) = asked.unwrap_or_default();
        wire.borrow_mut().push((name, kind, reply.rcode.to_string()));
        if socket.send_to(reply.write(linux::dns::Compression::None), query.from).await.is_err() {
            return Exit::FAILURE;
        }
    }
}
