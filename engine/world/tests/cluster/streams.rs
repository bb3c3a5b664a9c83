//! Streams into pods: exec, attach, logs, watches, ports and the proxy, over the simulated network.

use super::*;
use api::TtyId;

/// A terminal of a machine, and what it has shown.
pub struct Terminal(TtyId);

impl Terminal {
    pub fn open(world: &mut World, machine: &str) -> Terminal {
        let machine = world.machine(machine).expect("a machine of the lab");
        let tty = TtyId(1);
        world.system_mut().tty_open(machine, tty, 80, 24);
        let mut terminal = Terminal(tty);
        terminal.typed(world, "");
        terminal
    }

    /// What it shows in the three seconds after those keys.
    pub fn typed(&mut self, world: &mut World, keys: &str) -> String {
        world.system_mut().tty_input(self.0, keys.as_bytes());
        wait(world, 3);
        let shown = world.system_mut().take_tty_output();
        let bytes: Vec<u8> = shown.into_iter().flat_map(|(_, bytes)| bytes).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[test]
fn a_command_runs_in_a_container_with_its_streams_and_its_status() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    let mut said = |command: &str| run(&mut world, "worker-2", command);
    assert_eq!(said("kubectl exec echo -- hostname"), "echo\n");
    assert_eq!(said("echo one two | kubectl exec -i echo -- wc -w"), "2\n");
    assert_eq!(
        said("kubectl exec echo -- sh -c 'echo out; echo err >&2; exit 7' 2>/dev/null; echo $?"),
        "out\n7\n"
    );
    assert_eq!(said("kubectl exec echo -- false 2>&1; echo $?"), "command terminated with exit code 1\n1\n");
    let missing = said("kubectl exec echo -- nope 2>&1; echo $?");
    assert!(
        missing.starts_with(
            "error: Internal error occurred: Internal error occurred: error executing command in container: "
        ),
        "{missing}"
    );
    assert!(missing.ends_with("exec: \"nope\": executable file not found in $PATH\n1\n"), "{missing}");
    let refused = said("kubectl exec echo --as=joe -- hostname");
    let why = "User \"joe\" cannot get resource \"pods/exec\" in API group \"\" in the namespace \"default\"";
    assert!(
        refused.starts_with("Error from server (Forbidden): ") && refused.trim_end().ends_with(why),
        "{refused}"
    );
    assert_eq!(
        said("kubectl exec -it echo -- hostname 2>&1 </dev/null"),
        "Unable to use a TTY - input is not a terminal or the right kind of file\necho\n"
    );
    let log = said("kubectl logs echo --tail=1; kubectl logs echo --limit-bytes=4 | wc -c");
    assert!(log.ends_with("4\n"), "{log}");
}

#[test]
fn a_shell_in_a_container_has_a_terminal_until_it_ends() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    let mut terminal = Terminal::open(&mut world, "control-plane");
    let shown = terminal.typed(&mut world, "kubectl exec -it echo -- sh\r");
    assert!(shown.ends_with("# "), "{shown:?}");
    let shown = terminal.typed(&mut world, "hostname\r");
    assert!(shown.contains("\r\necho\r\n"), "{shown:?}");
    terminal.typed(&mut world, "sleep 100\r");
    let shown = terminal.typed(&mut world, "\x03");
    assert!(shown.ends_with("# "), "{shown:?}");
    let shown = terminal.typed(&mut world, "exit 3\r");
    assert!(shown.ends_with("command terminated with exit code 3\r\nroot@control-plane:~# "), "{shown:?}");
}

#[test]
fn a_pod_that_is_run_and_joined_goes_with_its_shell() {
    let mut world = cluster();
    let mut terminal = Terminal::open(&mut world, "control-plane");
    let mut shown = terminal.typed(&mut world, "kubectl run -it --rm sh --image=busybox --restart=Never\r");
    for _ in 0..3 {
        shown += &terminal.typed(&mut world, "");
    }
    assert!(shown.contains("If you don't see a command prompt, try pressing enter.\r\n"), "{shown:?}");
    let shown = terminal.typed(&mut world, "hostname; cat /etc/resolv.conf | head -n 1\r");
    assert!(shown.contains("\r\nsh\r\n") && shown.contains("search default.svc.cluster.local"), "{shown:?}");
    let mut shown = terminal.typed(&mut world, "exit\r");
    for _ in 0..3 {
        shown += &terminal.typed(&mut world, "");
    }
    assert!(shown.contains("pod \"sh\" deleted from default namespace\r\n"), "{shown:?}");
}

#[test]
fn logs_and_watches_go_on_as_things_happen() {
    let mut world = cluster();
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: clock, namespace: default, labels: {app: clock}}
spec:
  nodeName: worker-1
  containers:
  - {name: clock, image: busybox, command: [sh, -c, 'i=0; while true; do i=$((i+1)); echo tick $i; sleep 2; done']}
";
    create(&mut world, pod);
    wait_ready(&mut world, "app=clock");
    run(
        &mut world,
        "control-plane",
        "kubectl logs -f clock >/tmp/log 2>&1 </dev/null & kubectl get pod clock -w --no-headers >/tmp/watch 2>&1 </dev/null & sleep 0.1",
    );
    wait(&mut world, 7);
    let log = run(&mut world, "control-plane", "cat /tmp/log");
    assert!(log.starts_with("tick 1\ntick 2\n") && log.lines().count() >= 4, "{log}");
    run(&mut world, "control-plane", "kubectl label pod clock seen=yes; kubectl delete pod clock --now");
    wait(&mut world, 5);
    let watch = run(&mut world, "control-plane", "cat /tmp/watch");
    assert!(watch.starts_with("clock   1/1   Running") && watch.contains("Terminating"), "{watch}");
    assert_eq!(run(&mut world, "control-plane", "pgrep -fc 'kubectl logs'"), "0\n");
}

#[test]
fn a_port_of_this_machine_leads_to_one_of_a_pod() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    run(
        &mut world,
        "worker-2",
        "kubectl port-forward pod/echo 9000:8080 :81 >/tmp/said 2>/tmp/wrong </dev/null & sleep 0.1",
    );
    wait(&mut world, 2);
    assert_eq!(run(&mut world, "worker-2", "curl -s http://localhost:9000/hostname"), "echo");
    let said = run(&mut world, "worker-2", "cat /tmp/said");
    let head = "Forwarding from 127.0.0.1:9000 -> 8080\nForwarding from [::1]:9000 -> 8080\nForwarding from 127.0.0.1:";
    assert!(said.starts_with(head) && said.ends_with("Handling connection for 9000\n"), "{said}");
    let port = "$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) -> 81/\\1/p' /tmp/said)";
    run(&mut world, "worker-2", &format!("curl -s http://127.0.0.1:{port}/"));
    wait(&mut world, 1);
    let wrong = run(&mut world, "worker-2", "cat /tmp/wrong");
    assert!(wrong.contains("IPv4: dial tcp4 127.0.0.1:81: connect: connection refused"), "{wrong}");
    assert!(wrong.ends_with("error: lost connection to pod\n"), "{wrong}");
}

#[test]
fn the_proxy_speaks_for_its_user() {
    let mut world = cluster();
    run(&mut world, "control-plane", "kubectl proxy --port=8001 >/tmp/said 2>&1 </dev/null & sleep 0.1");
    wait(&mut world, 1);
    assert_eq!(run(&mut world, "control-plane", "cat /tmp/said"), "Starting to serve on 127.0.0.1:8001\n");
    let names = "curl -s http://127.0.0.1:8001/api/v1/nodes | grep -c '\"kind\":\"NodeList\"'";
    assert_eq!(run(&mut world, "control-plane", names), "1\n");
    let two = "curl -s http://localhost:8001/version http://localhost:8001/healthz | grep -c gitVersion";
    assert_eq!(run(&mut world, "control-plane", two), "1\n");
    let exec = "curl -s -w '%{http_code}' http://127.0.0.1:8001/api/v1/namespaces/default/pods/echo/exec";
    assert_eq!(run(&mut world, "control-plane", exec), "Forbidden\n403");
}

#[test]
fn a_debugger_shares_the_network_of_the_pod_it_joins() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    let debug = "kubectl debug echo -c looker --image=busybox -- sh -c 'hostname; wget -qO- http://localhost:8080/hostname'";
    assert_eq!(run(&mut world, "control-plane", debug), "");
    wait(&mut world, 10);
    assert_eq!(run(&mut world, "control-plane", "kubectl logs echo -c looker"), "echo\necho");
    let state = "kubectl get pod echo -o jsonpath='{.status.phase} {.status.ephemeralContainerStatuses[0].state.terminated.exitCode}'";
    assert_eq!(run(&mut world, "control-plane", state), "Running 0");
}

#[test]
fn the_api_server_leads_to_services_and_pods() {
    let mut world = cluster();
    create(&mut world, WEBS);
    run(&mut world, "control-plane", "kubectl expose deployment web --port=80 --target-port=8080");
    wait_ready(&mut world, "app=web");
    let mut said = |command: &str| run(&mut world, "control-plane", command);
    let of_service = said("kubectl get --raw /api/v1/namespaces/default/services/web:80/proxy/hostname");
    assert!(of_service.starts_with("web-"), "{of_service}");
    let of_pod = said(
        "kubectl get --raw /api/v1/namespaces/default/pods/$(kubectl get pods -l app=web -o name | head -n 1 | cut -d/ -f2):8080/proxy/hostname",
    );
    assert!(of_pod.starts_with("web-"), "{of_pod}");
    let none = said("kubectl get --raw /api/v1/namespaces/default/services/web:81/proxy/");
    assert_eq!(
        none,
        "Error from server (ServiceUnavailable): no service port 81 found for service \"web\"\n"
    );
}
