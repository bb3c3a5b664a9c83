//! Twelve flows through Istio's rules and two proxies, as they were recorded with real Envoys: which rules counted a packet
//! and what each proxy logged. The recording is `tests/parity/istio/observed.txt`, its inputs lie beside it.
//!
//! Two Pods (here namespaces on a bridge), 10.0.0.2 and 10.0.0.3, and their node, 10.0.0.1; in each Pod Envoy as user 1337 and
//! an app as another. Ephemeral ports stand as `eph`, as in the recording.

use api::MachineId;
use api::journey::{Journey, StopKind};
use api::topology::Role;
use linux::daemon::Crew;
use linux::socket::Socket;
use linux::{Args, Command, ExecOptions, Exit, ProcessId, Sys, System};
use net::Errno;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const ENVOY: u32 = 1337;
const APP: u32 = 1000;
const CHAINS: &[&str] = &["ISTIO_INBOUND", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT", "ISTIO_REDIRECT"];

/// Where each flow of the recording comes from, as whom, and where it goes.
const FLOWS: &[(&str, u32, &str)] = &[
    ("podA", APP, "http://10.96.0.10:8080/"),
    ("podA", APP, "http://127.0.0.1:8080/"),
    ("podB", APP, "http://10.0.0.3:8080/"),
    ("podB", APP, "http://10.96.0.10:8080/"),
    ("podA", APP, "http://10.0.0.3:9999/"),
    ("node", 0, "http://10.0.0.3:8080/"),
    ("node", 0, "http://10.0.0.3:15090/"),
    ("node", 0, "http://10.0.0.3:15021/healthz/ready"),
    ("node", 0, "http://10.0.0.3:15006/"),
    ("podA", ENVOY, "http://10.0.0.3:8080/"),
    ("podA", APP, "http://10.0.0.3:8080/"),
    ("podA", 0, "http://10.96.0.10:8080/"),
];

/// The app: says who called it on which port, and whether a proxy named the client's certificate.
static ECHO: Command = Command {
    name: "echo-app",
    path: "/usr/bin/echo-app",
    man: "",
    run: |sys, args| Box::pin(echo(sys, args)),
};

async fn echo(sys: Sys, args: Args) -> Exit {
    let crew = Crew::default();
    for port in args.rest().iter().filter_map(|it| it.parse().ok()) {
        let local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        let listener = sys.listen(local, 128).await.expect("the port is free");
        let inner = crew.clone();
        crew.add(inner.serve(listener, move |connection, peer| async move {
            answer(&connection, peer, port).await.unwrap_or_default();
        }));
    }
    crew.run().await;
    Exit::OK
}

async fn answer(connection: &Socket, peer: SocketAddr, port: u16) -> Result<(), Errno> {
    let mut head = Vec::new();
    loop {
        let some = connection.read(None).await?.unwrap_or_default();
        if some.is_empty() {
            return Ok(());
        }
        head.extend(some);
        if head.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&std::mem::take(&mut head)).to_lowercase();
            let xfcc = if text.contains("x-forwarded-client-cert:") { "yes" } else { "no" };
            let body = format!("peer={} port={port} xfcc={xfcc}", peer.ip());
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            connection.write(answer.as_bytes(), None).await?;
        }
    }
}

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../../tests/parity/istio/", $name))
    };
}

/// The proxies' inputs as files of the machine.
const FILES: &[(&str, &str)] = &[
    ("istio-rules.v4", recorded!("istio-rules.v4")),
    ("podA.yaml", recorded!("podA.yaml")),
    ("podB.yaml", recorded!("podB.yaml")),
];

struct Mesh {
    system: System,
    machine: MachineId,
    envoys: Vec<(&'static str, ProcessId)>,
}

const NETWORK: &str = "
ip link set lo up; ip link add cni0 type bridge; ip link set cni0 up; ip addr add 10.0.0.1/24 dev cni0
for pod in podA:2 podB:3; do
  name=${pod%:*}; ip netns add $name; ip link add eth0 netns $name type veth peer name veth$name
  ip link set veth$name master cni0 up; ip -n $name link set lo up; ip -n $name link set eth0 up
  ip -n $name addr add 10.0.0.${pod#*:}/24 dev eth0; ip -n $name route add default via 10.0.0.1
  ip netns exec $name iptables-restore < /istio-rules.v4
done";

impl Mesh {
    fn new() -> Mesh {
        let commands = linux::cmd::ALL.iter().copied().chain([&container::program::envoy::ENVOY, &ECHO]);
        let mut system = System::new(1, commands);
        let machine = system.machine_add("node", Role::Node);
        let mut mesh = Mesh { system, machine, envoys: Vec::new() };
        for (name, text) in FILES {
            let options = ExecOptions { stdin: text.as_bytes().to_vec(), ..ExecOptions::default() };
            mesh.run(&format!("cat > /{name}"), options);
        }
        let said = mesh.run(NETWORK, ExecOptions::default());
        assert_eq!(said.0, "", "the network stands");
        for (pod, ports) in [("podA", "8080"), ("podB", "8080 9999 15090")] {
            let options = mesh.within(pod, APP);
            mesh.system.exec(machine, &format!("exec echo-app {ports}"), options);
            let options = mesh.within(pod, ENVOY);
            let start = format!("exec envoy -c /{pod}.yaml --file-flush-interval-msec 50 -l error");
            let envoy = mesh.system.exec(machine, &start, options);
            mesh.envoys.push((pod, envoy));
        }
        mesh.wait(2_000);
        mesh
    }

    fn within(&self, place: &str, uid: u32) -> ExecOptions {
        let netns = self.system.netns_named(self.machine, place).map(|it| (it, Some(place.to_owned())));
        ExecOptions { uid, netns, cwd: "/".to_owned(), ..ExecOptions::default() }
    }

    fn wait(&mut self, milliseconds: u64) {
        let until = self.system.now() + Duration::from_millis(milliseconds);
        while self.system.step(until) {}
    }

    /// Both streams of a command, and its exit status.
    fn run(&mut self, command: &str, options: ExecOptions) -> (String, u8) {
        let id = self.system.exec(self.machine, command, options);
        let exit = self.system.run_until_exit(id, Duration::from_secs(10)).unwrap_or(Exit(255));
        let (out, err) = self.system.take_output(id);
        (String::from_utf8_lossy(&[out, err].concat()).into_owned(), exit.0)
    }

    fn iptables(&mut self, pod: &str, arguments: &str) -> String {
        let options = self.within(pod, 0);
        self.run(&format!("iptables -t nat {arguments}"), options).0
    }

    /// What the recording says of a flow: the answer, the rules that counted, the lines that were logged.
    fn flow(&mut self, (place, uid, url): (&str, u32, &str), told: &str) -> String {
        for pod in ["podA", "podB"] {
            self.iptables(pod, "-Z");
        }
        let options = self.within(place, uid);
        let (body, exit) = self.run(&format!("curl -s -m 5 -w ' [http %{{http_code}}' {url}"), options);
        let exit = if told.contains(" exit ") { format!(" exit {exit}") } else { String::new() };
        let mut lines = vec![format!("{}{exit}]", body.replace("  [", " ["))];
        self.wait(300);
        for (pod, envoy) in self.envoys.clone() {
            for chain in CHAINS {
                let listed = self.iptables(pod, &format!("-L {chain} -v -n -x"));
                lines.extend(listed.lines().skip(2).filter_map(|row| counted(pod, chain, row)));
            }
            let (out, err) = self.system.take_output(envoy);
            assert_eq!(String::from_utf8_lossy(&err), "");
            let logged = String::from_utf8_lossy(&out).into_owned();
            lines.extend(logged.lines().map(|line| format!("  {pod} envoy: {}", ephemeral(line))));
        }
        lines.join("\n")
    }
}

/// A row of a listing, if it counted a packet.
fn counted(pod: &str, chain: &str, row: &str) -> Option<String> {
    let mut words = row.split_whitespace();
    let packets = words.next().filter(|it| *it != "0")?;
    words.next();
    Some(format!("  {pod} {chain} pkts={packets}  {}", words.collect::<Vec<_>>().join(" ")))
}

/// A log line with `eph` for ports that the kernel chose.
fn ephemeral(line: &str) -> String {
    let word = |word: &str| match word.rsplit_once(':') {
        Some((rest, port)) if port.parse::<u16>().is_ok_and(|it| it >= 32768) => format!("{rest}:eph"),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_packet_of_a_request_tells_what_a_proxy_made_of_it_and_is_the_cause_of_what_it_sends() {
    let mut mesh = Mesh::new();
    let first = mesh.system.net.next_journey();
    mesh.flow(("podA", APP, "http://10.96.0.10:8080/"), "");
    let journeys: Vec<Journey> = mesh.system.net.journeys_from(first).collect();
    let decided =
        |journey: &&Journey| journey.stops.iter().any(|it| matches!(it.kind, StopKind::Proxy { .. }));
    let told: Vec<&Journey> = journeys.iter().filter(decided).collect();
    let words = |journey: &Journey| {
        let after = journey.stops.iter().skip_while(|it| !matches!(it.kind, StopKind::Delivered { .. }));
        after.map(|it| it.kind.text()).collect::<Vec<_>>()
    };
    assert_eq!(told.len(), 2);
    let (outward, inward) = (told[0], told[1]);
    assert_eq!(
        words(outward),
        [
            "delivered to TCP port 15001",
            "listener virtualOutbound::0.0.0.0:15001",
            "listener 0.0.0.0_8080::0.0.0.0:8080",
            "filter_chain -",
            "route local_route::echo::-",
            "cluster outbound|8080||echo",
            "endpoint 10.0.0.3:8080",
            "response 200 - via_upstream"
        ]
    );
    assert_eq!(
        words(inward),
        [
            "delivered to TCP port 15006",
            "listener virtualInbound::0.0.0.0:15006",
            "filter_chain 0.0.0.0_8080",
            "route local_route::inbound|http|8080::default",
            "cluster inbound|8080||",
            "endpoint 10.0.0.3:8080",
            "response 200 - via_upstream"
        ]
    );
    assert_eq!(inward.cause, Some(outward.id));
    let to_app = journeys.iter().find(|it| it.summary.contains("127.0.0.6.") && it.summary.ends_with("[S]"));
    assert_eq!(to_app.and_then(|it| it.cause), Some(inward.id));
}

#[test]
fn twelve_flows_meet_the_same_rules_and_leave_the_same_lines_as_with_real_envoys() {
    let observed = recorded!("observed.txt");
    let mut sections = observed.split("=== ").skip(1).map(|it| it.split_once('\n').expect("a title"));
    let mut mesh = Mesh::new();
    for flow in FLOWS {
        let (title, told) = sections.next().expect("twelve flows");
        let answer = told.lines().next().unwrap_or_default();
        let told = told.replacen(answer, answer.replace("  [", " [").trim_end(), 1);
        let seen = mesh.flow(*flow, answer);
        assert_eq!(seen.trim_start(), told.trim(), "flow {title}");
    }
    let (title, rules) = sections.next().expect("the rules follow");
    assert_eq!(title, "iptables-save podA");
    let options = mesh.within("podA", 0);
    let saved = mesh.run("iptables-save -t nat", options).0;
    let saved: Vec<&str> = saved.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(saved.join("\n"), rules.trim_end());
}
