//! Components that watch the API server: what they make of a cluster on their node.

use api::topology::Role;
use kube::api::{Api, Request};
use kube::http::{self, Connection};
use kube::object::{Time, json};
use linux::daemon::Crew;
use linux::{ExecOptions, Exit, Spawn, Sys, System};
use net::Errno;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const SERVER: ([u8; 4], u16) = ([127, 0, 0, 1], 6443);
const OBJECTS: &[&str] = &[
    r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}"#,
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-1"},"spec":{"podCIDR":"10.244.0.0/24","podCIDRs":["10.244.0.0/24"]},
        "status":{"addresses":[{"type":"InternalIP","address":"192.168.56.11"}]}}"#,
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-2","annotations":{
        "flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"0e:00:00:00:00:02\"}",
        "flannel.alpha.coreos.com/public-ip":"192.168.56.12"}},"spec":{"podCIDR":"10.244.1.0/24"}}"#,
    r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"default"},"spec":{"clusterIP":"10.96.0.20",
        "clusterIPs":["10.96.0.20"],"ipFamilies":["IPv4"],"ports":[{"port":80,"protocol":"TCP","targetPort":8080}]}}"#,
    r#"{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4","metadata":{"name":"web-1",
        "namespace":"default","labels":{"kubernetes.io/service-name":"web"}},"ports":[{"name":"","port":8080,"protocol":"TCP"}],
        "endpoints":[{"addresses":["10.244.0.5"],"conditions":{"ready":true},"nodeName":"node-1"}]}"#,
];

/// An API server as far as watching goes: in the clear, for anybody, looking for news every so often.
async fn serve(sys: Sys, api: Rc<RefCell<Api>>) -> Exit {
    let Ok(listener) = sys.listen(SERVER.into(), 16).await else { return Exit::FAILURE };
    let (crew, inner) = (Crew::default(), sys.clone());
    crew.add(crew.clone().serve(listener, move |socket, _| {
        let (sys, api) = (inner.clone(), Rc::clone(&api));
        async move {
            converse(&sys, &api, Connection::new(socket)).await.ok();
        }
    }));
    crew.run().await;
    Exit::OK
}

async fn converse(sys: &Sys, api: &RefCell<Api>, mut connection: Connection) -> Result<(), Errno> {
    while let Some(head) = connection.head(None).await? {
        let body = connection.body(&head, None).await?;
        let mut words = head.first.split(' ');
        let method = http::method(words.next().unwrap_or_default()).ok_or(Errno::EINVAL)?;
        let (path, query) = http::target(words.next().unwrap_or_default());
        let mut request = Request::new(method, path)
            .with_header("X-Remote-User", "admin")
            .with_header("X-Remote-Group", "system:masters")
            .with_body(head.header("Content-Type"), String::from_utf8_lossy(&body));
        request.query = query;
        if !request.is_true("watch") {
            let response = api.borrow_mut().handle(&request);
            connection.respond(&response).await?;
            continue;
        }
        connection.begin_stream("application/json").await?;
        loop {
            let response = api.borrow_mut().handle(&request);
            if !response.body.is_empty() {
                connection.write_chunk(response.body.as_bytes()).await?;
            }
            let seen = response.headers.iter().find(|(name, _)| name == "X-Revision");
            request.query.retain(|(name, _)| name != "resourceVersion");
            request = request.with_query("resourceVersion", seen.map_or("", |(_, it)| it));
            sys.sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// What a script says on node-1, beside an API server that holds the objects.
fn run(script: &str) -> String {
    let components =
        [&kube::dns::program::COREDNS, &kube::proxy::program::KUBE_PROXY, &kube::flannel::FLANNELD];
    let mut system = System::new(1, linux::cmd::ALL.iter().copied().chain(components));
    let machine = system.machine_add("node-1", Role::Host);
    let mut api = Api::new(1, Time(1_790_000_000));
    OBJECTS.iter().for_each(|text| api.load(json::parse(text).expect("our own JSON")));
    let api = Rc::new(RefCell::new(api));
    let spawn = Spawn::of_root(machine, system.host(machine).netns, "kube-apiserver");
    let script = format!(
        "exec 2>&1; ip link set lo up; ip link add eth0 type dummy; ip addr add 192.168.56.11/24 dev eth0
ip link set eth0 up; ip route add default via 192.168.56.1; ip addr add 10.244.0.5/32 dev lo
S=/var/run/secrets/kubernetes.io/serviceaccount; mkdir -p $S /etc/coredns /etc/kube-flannel; echo token > $S/token
export KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=6443 NODE_NAME=node-1; sleep 0.1
{script}"
    );
    let id = system.exec(machine, "ip link set lo up", ExecOptions::default());
    let end = system.now() + Duration::from_secs(60);
    while !system.output_is_closed(id) && system.step(end) {}
    system.spawn_program(spawn, |sys| Box::pin(serve(sys, api))).expect("a free machine");
    let id = system.exec(machine, &script, ExecOptions::default());
    while !system.output_is_closed(id) && system.step(end) {}
    String::from_utf8_lossy(&system.take_output(id).0).into_owned()
}

#[test]
fn a_service_is_reached_by_its_address_until_its_endpoint_is_gone() {
    let said = run("printf 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\\nkind: KubeProxyConfiguration\\nclusterCIDR: 10.244.0.0/16\\n' > /config
kube-proxy --config=/config 2> /log &
python3 -m http.server 8080 --bind 10.244.0.5 > /dev/null 2>&1 &
sleep 3
iptables -t nat -S KUBE-SERVICES | grep 10.96.0.20
curl -s -o /dev/null -w '%{http_code}\\n' http://10.96.0.20/
curl -s http://127.0.0.1:10249/proxyMode; echo
curl -s http://127.0.0.1:10256/healthz | grep -c 'nodeEligible\": true'
curl -s http://127.0.0.1:10249/metrics | grep 'full_proxy.*IPv4'
curl -s -o /dev/null -X DELETE http://127.0.0.1:6443/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/web-1
sleep 3
curl -s http://10.96.0.20/; echo $?
iptables -S KUBE-SERVICES | grep -c 'has no endpoints'
curl -s http://127.0.0.1:10249/metrics | grep 'partial_proxy.*IPv4'
grep -c 'Caches are synced' /log
kill %1 %2");
    assert_eq!(
        said,
        "-A KUBE-SERVICES -d 10.96.0.20/32 -p tcp -m comment --comment \"default/web cluster IP\" -m tcp --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G\n\
         200\niptables\n1\nkubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 1\n7\n1\n\
         kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 1\n4\n"
    );
}

#[test]
fn coredns_answers_for_services_and_endpoints_that_the_api_server_tells_of() {
    let said = run("printf '.:53 {\\n  ready\\n  kubernetes cluster.local in-addr.arpa {\\n    ttl 30\\n  }\\n}\\n' > /etc/coredns/Corefile
/coredns -conf /etc/coredns/Corefile > /log 2>&1 &
sleep 2
curl -s http://127.0.0.1:8181/ready; echo
dig @127.0.0.1 web.default.svc.cluster.local +short
dig @127.0.0.1 10-244-0-5.web.default.svc.cluster.local +short
dig @127.0.0.1 -x 10.96.0.20 +short
dig @127.0.0.1 no.default.svc.cluster.local | grep -o 'status: [A-Z]*'
kill %1");
    assert_eq!(said, "OK\n10.96.0.20\n10.244.0.5\nweb.default.svc.cluster.local.\nstatus: NXDOMAIN\n");
}

#[test]
fn flanneld_leads_to_the_other_nodes_pods() {
    let said = run("echo '{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}' > /etc/kube-flannel/net-conf.json
/opt/bin/flanneld --ip-masq --kube-subnet-mgr 2> /log &
sleep 2
cat /run/flannel/subnet.env
ip route show dev flannel.1
ip neigh show dev flannel.1
bridge fdb show dev flannel.1
ip -d link show flannel.1 | grep -o 'vxlan id 1 local 192.168.56.11 dev eth0 .* dstport 8472 nolearning'
iptables -t nat -S FLANNEL-POSTRTG | grep -c flanneld
curl -s http://127.0.0.1:6443/api/v1/nodes/node-1 | grep -c VtepMAC
kill %1");
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        "FLANNEL_NETWORK=10.244.0.0/16",
        "FLANNEL_SUBNET=10.244.0.1/24",
        "FLANNEL_MTU=1450",
        "FLANNEL_IPMASQ=true",
        "10.244.1.0/24 via 10.244.1.0 onlink ",
        "10.244.1.0 lladdr 0e:00:00:00:00:02 PERMANENT ",
        "0e:00:00:00:00:02 dst 192.168.56.12 self permanent",
        "vxlan id 1 local 192.168.56.11 dev eth0 srcport 0 0 dstport 8472 nolearning",
        "6",
        "1",
    ];
    assert_eq!(lines, expected, "{said}");
}
