//! What CoreDNS says of a Corefile that it cannot read, before it ends.

use kube::dns::corefile::Surroundings;
use kube::dns::server::Server;
use sim::Instant;

struct Files;

impl Surroundings for Files {
    fn file(&self, path: &str) -> Option<String> {
        (path == "/etc/resolv.conf").then(|| "nameserver 192.0.2.53\n".to_owned())
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "ZONE").then(|| "example.org".to_owned())
    }
}

fn start(text: &str) -> Result<Server, String> {
    Server::start("/etc/coredns/Corefile", text, &Files, Vec::new(), 1, Instant::BOOT)
}

/// `None` where there is nothing to complain about.
fn complaint(text: &str) -> Option<String> {
    start(text).err()
}

#[test]
fn a_directive_that_nobody_knows_is_named_with_its_line() {
    assert_eq!(
        complaint(".:53 {\n    errors\n    frob\n}\n").as_deref(),
        Some("/etc/coredns/Corefile:3 - Error during parsing: Unknown directive 'frob'")
    );
}

#[test]
fn a_block_without_its_end_is_a_syntax_error() {
    assert_eq!(
        complaint(".:53 {\n    errors\n    forward . 192.0.2.1 {\n").as_deref(),
        Some("/etc/coredns/Corefile:3 - Error during parsing: Unexpected EOF")
    );
    assert_eq!(
        complaint(".:53 {\n    errors\n").as_deref(),
        Some("/etc/coredns/Corefile:2 - Syntax error: Unexpected token 'errors', expecting '}'")
    );
}

#[test]
fn a_plugin_complains_in_its_own_name() {
    let of = |body: &str| complaint(&format!("cluster.local {{\n{body}\n}}\n"));
    assert_eq!(
        of("kubernetes {\n  podz insecure\n}").as_deref(),
        Some("plugin/kubernetes: /etc/coredns/Corefile:3 - Error during parsing: unknown property 'podz'")
    );
    assert_eq!(
        of("kubernetes {\n  ttl 4000\n}").as_deref(),
        Some(
            "plugin/kubernetes: /etc/coredns/Corefile:3 - Error during parsing: ttl must be in range [0, 3600]: 4000"
        )
    );
    assert_eq!(
        of("forward . banana").as_deref(),
        Some("plugin/forward: not an IP address or file: \"banana\"")
    );
    assert_eq!(of("forward . /etc/resolv.conf\nhealth\nready\nreload\nprometheus"), None);
}

#[test]
fn one_zone_is_served_once_on_a_port() {
    assert_eq!(
        complaint("{$ZONE} {\n  whoami\n}\nexample.org:53 {\n  whoami\n}\n").as_deref(),
        Some("cannot serve dns://example.org.:53 - it is already defined")
    );
    assert_eq!(
        start("a.example b.example:1053 {\n  whoami\n}\n").map(|server| server.ports()),
        Ok(vec![53, 1053])
    );
}

#[test]
fn what_the_process_is_to_do_is_read_off_the_corefile() {
    let text = ".:53 {\n  health {\n    lameduck 5s\n  }\n  ready\n  prometheus :9153\n  reload\n  forward . /etc/resolv.conf\n}\n";
    let server = start(text).unwrap_or_else(|why| panic!("{why}"));
    let upkeep = server.upkeep();
    let pages: Vec<String> = upkeep.pages.iter().map(|(name, at)| format!("{name} {at}")).collect();
    assert_eq!(pages, ["ready [::]:8181", "health [::]:8080", "prometheus [::]:9153"]);
    assert_eq!((upkeep.lameduck.as_secs(), upkeep.reloads), (5, true));
}
