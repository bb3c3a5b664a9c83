//! CNI plugins in chains, as a runtime calls them: what is on the host after ADD, and that DEL leaves nothing.

use api::topology::Role;
use linux::{ExecOptions, System};
use std::time::Duration;

/// What the script says on a fresh machine, both streams.
fn run(script: &str) -> String {
    let mut system = System::new(1, linux::cmd::ALL.iter().chain(container::cni::COMMANDS).copied());
    let machine = system.machine_add("node", Role::Host);
    let script = format!(
        "exec 2>&1; ip link set lo up; export CNI_PATH=/opt/cni/bin CNI_IFNAME=eth0
cni() {{ CNI_COMMAND=$1 CNI_CONTAINERID=$3 CNI_NETNS=/var/run/netns/$3 /opt/cni/bin/$2; }}
{script}"
    );
    let id = system.exec(machine, &script, ExecOptions::default());
    let end = system.now() + Duration::from_secs(60);
    while !system.output_is_closed(id) && system.step(end) {}
    String::from_utf8_lossy(&system.take_output(id).0).into_owned()
}

#[test]
fn flannel_hands_the_nodes_subnet_to_bridge_and_takes_it_back() {
    let said = run("mkdir -p /run/flannel
printf 'FLANNEL_NETWORK=10.244.0.0/16\\nFLANNEL_SUBNET=10.244.1.1/24\\nFLANNEL_MTU=1450\\nFLANNEL_IPMASQ=true\\n' > /run/flannel/subnet.env
echo '{\"cniVersion\":\"0.3.1\",\"name\":\"cbr0\",\"type\":\"flannel\",\"delegate\":{\"hairpinMode\":true,\"isDefaultGateway\":true}}' > /conf
ip netns add a; ip netns add b
cni ADD flannel a < /conf > /result; grep address /result
cni ADD flannel b < /conf | grep address
ip -4 -o addr show cni0 | grep -o 'inet [0-9./]*'
ip -n a route
ip -n a link show eth0 | grep -o 'mtu [0-9]*'
bridge -d link | grep -c 'hairpin on'
ip netns exec a ping -c1 -q 10.244.1.3 | grep received
ls /var/lib/cni/networks/cbr0 /var/lib/cni/flannel
cni DEL flannel a < /conf; cni DEL flannel a < /conf; cni DEL flannel b < /conf
ls /var/lib/cni/networks/cbr0 /var/lib/cni/flannel; ip -n a -br link");
    assert_eq!(
        said,
        "            \"address\": \"10.244.1.2/24\",\n            \"address\": \"10.244.1.3/24\",\n\
         inet 10.244.1.1/24\n\
         default via 10.244.1.1 dev eth0 \n10.244.0.0/16 via 10.244.1.1 dev eth0 \n\
         10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.2 \nmtu 1450\n2\n\
         1 packets transmitted, 1 received, 0% packet loss, time 0ms\n\
         /var/lib/cni/flannel:\na\nb\n\n/var/lib/cni/networks/cbr0:\n10.244.1.2\n10.244.1.3\nlast_reserved_ip.0\nlock\n\
         /var/lib/cni/flannel:\n\n/var/lib/cni/networks/cbr0:\nlast_reserved_ip.0\nlock\n\
         lo               DOWN           00:00:00:00:00:00 <LOOPBACK> \n"
    );
}

#[test]
fn portmap_leads_a_port_of_the_host_to_the_container() {
    let said = run("sysctl -qw net.ipv4.ip_forward=1; ip netns add web; ip netns exec web ip link set lo up
echo '{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"ptp\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.1.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}' > /ptp
cni ADD ptp web < /ptp > /result
printf '{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"portmap\",\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"}]},\"prevResult\":' > /pm
cat /result >> /pm; echo '}' >> /pm
cni ADD portmap web < /pm | cmp - /result && echo the same result
ip netns exec web python3 -m http.server 80 > /dev/null 2>&1 &
sleep 1; curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:8080/
iptables -t nat -S CNI-HOSTPORT-DNAT | grep -c 'dports 8080'
cni DEL portmap web < /pm; cni DEL portmap web < /pm
iptables -t nat -S | grep -c CNI-DN; cni DEL ptp web < /ptp; ip route; kill %1");
    assert_eq!(said, "the same result\n200\n1\n0\n");
}

#[test]
fn firewall_and_tuning_stand_behind_another_plugin() {
    let said = run("ip netns add a
echo '{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"firewall\"}' | cni ADD firewall a; echo
echo '{\"cniVersion\":\"0.3.1\",\"name\":\"n\",\"type\":\"firewall\"}' | cni ADD firewall a | grep msg
echo '{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"tuning\"}' | cni CHECK tuning a | grep msg
echo '{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"vlan\"}' | cni ADD vlan a | grep msg");
    assert_eq!(
        said,
        "{\n    \"code\": 999,\n    \"msg\": \"missing prevResult from earlier plugin\"\n}\n\
         \x20   \"msg\": \"incompatible CNI versions\",\n    \"msg\": \"Required prevResult missing\"\n\
         \x20   \"msg\": \"vlan: not simulated in vethlab; use bridge, ptp or host-local\"\n"
    );
}
