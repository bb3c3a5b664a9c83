//! Components as programs on a machine: what they print, and what can be asked of them from there.

use api::topology::Role;
use linux::{ExecOptions, System};
use std::time::Duration;

/// What the script says on a fresh machine, both streams.
fn run(script: &str) -> String {
    let components =
        [&kube::dns::program::COREDNS, &kube::proxy::program::KUBE_PROXY, &kube::flannel::FLANNELD];
    let mut system = System::new(1, linux::cmd::ALL.iter().copied().chain(components));
    let machine = system.machine_add("node-1", Role::Host);
    let script = format!("exec 2>&1; ip link set lo up; mkdir -p /etc/coredns\n{script}");
    let id = system.exec(machine, &script, ExecOptions::default());
    let end = system.now() + Duration::from_secs(90);
    while !system.output_is_closed(id) && system.step(end) {}
    String::from_utf8_lossy(&system.take_output(id).0).into_owned()
}

#[test]
fn coredns_answers_over_udp_and_tcp_and_shows_its_health() {
    let said = run("cat > /etc/coredns/Corefile <<'END'
.:53 {
    errors
    health
    ready
    prometheus :9153
    hosts {
        192.0.2.7 web.lab
        fallthrough
    }
    forward . 127.0.0.1:9
    reload
}
END
/coredns -conf /etc/coredns/Corefile > /log 2>&1 &
sleep 1
cat /log
dig @127.0.0.1 web.lab +short
dig @127.0.0.1 web.lab +short +tcp
dig @127.0.0.1 other.lab | grep status
curl -s http://127.0.0.1:8080/health; echo
curl -s http://127.0.0.1:8181/ready; echo
curl -s http://127.0.0.1:9153/metrics | grep 'responses_total{.*NOERROR'
grep refused /log
kill %1; wait; tail -1 /log");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], ".:53", "{said}");
    assert!(lines[1].starts_with("[INFO] plugin/reload: Running configuration SHA512 = "), "{said}");
    assert_eq!(lines[2], "CoreDNS-1.14.2", "{said}");
    let rest = said.split_once("\n192.0.2.7\n").map_or("", |(_, rest)| rest);
    let expected = [
        "192.0.2.7",
        "SERVFAIL",
        "OK",
        "OK",
        "coredns_dns_responses_total{plugin=\"hosts\",rcode=\"NOERROR\",server=\"dns://:53\",view=\"\",zone=\".\"} 2",
        "[ERROR] plugin/errors: 2 other.lab. A: read udp 127.0.0.1:",
        "[INFO] SIGTERM: Shutting down servers then terminating",
    ];
    assert_eq!(rest.lines().count(), expected.len(), "{said}");
    for (line, part) in rest.lines().zip(expected) {
        assert!(line.contains(part), "{line}: want {part}\n{said}");
    }
}

#[test]
fn a_wrong_corefile_ends_coredns_with_its_complaint() {
    let said = run("printf '.:53 {\\n  forwrad . 192.0.2.1\\n}\\n' > /etc/coredns/Corefile
/coredns -conf /etc/coredns/Corefile; echo $?
printf 'cluster.local {\\n  kubernetes\\n}\\n' > /etc/coredns/Corefile
/coredns -conf /etc/coredns/Corefile; echo $?
/coredns -conf /nowhere; echo $?");
    assert_eq!(
        said,
        "/etc/coredns/Corefile:2 - Error during parsing: Unknown directive 'forwrad'\n1\n\
         plugin/kubernetes: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and \
         KUBERNETES_SERVICE_PORT must be defined\n1\n\
         loading Caddyfile via flag: open /nowhere: no such file or directory\n1\n"
    );
}

#[test]
fn an_edited_corefile_is_taken_over() {
    let said = run(
        "printf '.:53 {\\n  reload\\n  hosts {\\n    192.0.2.1 a.lab\\n  }\\n}\\n' > /etc/coredns/Corefile
/coredns -conf /etc/coredns/Corefile > /log 2>&1 &
sleep 1; dig @127.0.0.1 a.lab +short
sed -i s/192.0.2.1/192.0.2.2/ /etc/coredns/Corefile
sleep 46; dig @127.0.0.1 a.lab +short; grep -c Reloading /log; kill %1; wait",
    );
    assert_eq!(said, "192.0.2.1\n192.0.2.2\n2\n");
}

#[test]
fn kube_proxy_ends_where_its_configuration_is_wrong() {
    let said = run("kube-proxy --config=/nowhere --hostname-override=node-1 | sed 's/.*run.go/run.go/'; kube-proxy --frob
printf 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\\nkind: KubeProxyConfiguration\\nmode: frob\\n' > /config
kube-proxy --config=/config 2>/err; echo $?; sed 's/.*run.go/run.go/' /err
printf 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\\nkind: KubeProxyConfiguration\\nclientConnection:\\n  kubeconfig: /nowhere\\n' > /config
kube-proxy --config=/config 2>/err; grep -c 'Error running ProxyServer' /err; sed -n 's/.*run.go/run.go/p' /err");
    let expected = [
        "run.go:72] \"command failed\" err=\"failed complete: open /nowhere: no such file or directory\"",
        "Error: unknown flag: --frob",
        "1\nrun.go:72] \"command failed\" err=\"failed validate: KubeProxyConfiguration.Mode.ProxyMode: Invalid value: \\\"frob\\\": \
         must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])\"",
        "1\nrun.go:72] \"command failed\" err=\"stat /nowhere: no such file or directory\"\n",
    ];
    for part in expected {
        assert!(said.contains(part), "{part}\n--- of\n{said}");
    }
}
