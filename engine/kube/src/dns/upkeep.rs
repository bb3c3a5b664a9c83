//! What plugins want of the process: pages to show, reloading, how to end.
//!
//! Always: a page is wanted once, whichever server blocks ask for it.
//! Sources: CoreDNS 1.14.7 `plugin/{health,ready,metrics,reload}/setup.go`, `plugin/reload/reload.go`.

use super::corefile::{ServerBlock, Token};
use super::dispenser::Dispenser;
use super::duration;
use crate::klog::quoted;
use sha2::{Digest, Sha512};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Plugins that show pages, and where.
    pub pages: Vec<(&'static str, SocketAddr)>,
    pub reloads: bool,
    /// How long it goes on answering when it is to end.
    pub lameduck: Duration,
    /// `reload` knows a configuration by this.
    pub digest: String,
}

impl Upkeep {
    /// `prometheus [ADDRESS]`, `health [ADDRESS]`, `ready [ADDRESS]`, `reload [INTERVAL] [JITTER]`
    pub fn parse(&mut self, name: &str, at: &mut Dispenser) -> Result<(), String> {
        while at.next() {
            let args = at.remaining_args();
            match (name, args.as_slice()) {
                ("reload", [] | [_] | [_, _]) => {
                    for text in &args {
                        let time = duration::parse(text)?;
                        if !time.is_zero() && time.as_secs() < 2 && args.first() == Some(text) {
                            return Err("interval value must be greater or equal to 2s".to_owned());
                        }
                    }
                    self.reloads = true;
                }
                ("reload", _) | (_, [_, _, ..]) => return Err(at.arg_error()),
                ("health", args) => self.page("health", args.first().map_or(":8080", |it| it), at)?,
                ("ready", args) => self.page("ready", args.first().map_or(":8181", |it| it), at)?,
                (_, args) => self.page("prometheus", args.first().map_or("localhost:9153", |it| it), at)?,
            }
            while at.next_block() {
                match (name, at.value()) {
                    ("health", "lameduck") => {
                        let args = at.remaining_args();
                        let [text] = args.as_slice() else { return Err(at.arg_error()) };
                        let wrong =
                            |why| format!("unable to parse lameduck duration value: '{text}' : {why}");
                        self.lameduck = duration::parse(text).map_err(wrong)?;
                    }
                    _ => return Err(at.arg_error()),
                }
            }
        }
        Ok(())
    }

    fn page(&mut self, name: &'static str, text: &str, at: &Dispenser) -> Result<(), String> {
        let missing = || at.error(&format!("address {text}: missing port in address"));
        let (host, port) = text.rsplit_once(':').ok_or_else(missing)?;
        let port = port.parse().map_err(|_| at.error(&format!("address {text}: invalid port")))?;
        let host: IpAddr = match host.trim_start_matches('[').trim_end_matches(']') {
            "" => Ipv6Addr::UNSPECIFIED.into(),
            "localhost" => Ipv4Addr::LOCALHOST.into(),
            host => host.parse().map_err(|_| at.error(&format!("lookup {host}: no such host")))?,
        };
        let page = (name, SocketAddr::new(host, port));
        if !self.pages.contains(&page) {
            self.pages.push(page);
        }
        Ok(())
    }
}

/// Of the parsed configuration, so that blanks and comments do not count.
pub fn digest(blocks: &[ServerBlock]) -> String {
    let mut json = "[".to_owned();
    for (index, block) in blocks.iter().enumerate() {
        let keys: Vec<String> = block.keys.iter().map(|key| quoted(key)).collect();
        let directive = |(name, tokens): (&String, &Vec<Token>)| {
            let token = |it: &Token| {
                let (file, line, text) = (quoted(&it.file), it.line, quoted(&it.text));
                format!("{{\"File\":{file},\"Line\":{line},\"Text\":{text}}}")
            };
            let tokens: Vec<String> = tokens.iter().map(token).collect();
            format!("{}:[{}]", quoted(name), tokens.join(","))
        };
        let directives: Vec<String> = block.directives.iter().map(directive).collect();
        let comma = if index == 0 { "" } else { "," };
        json += &format!("{comma}{{\"Keys\":[{}],\"Tokens\":{{{}}}}}", keys.join(","), directives.join(","));
    }
    let hash = Sha512::digest(json + "]");
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::corefile::{Surroundings, parse};
    use super::*;

    struct Nothing;

    impl Surroundings for Nothing {
        fn file(&self, _path: &str) -> Option<String> {
            None
        }

        fn variable(&self, _name: &str) -> Option<String> {
            None
        }
    }

    #[test]
    fn kubeadms_configuration_has_the_hash_that_all_clusters_log() {
        let text = ".:53 {\n    errors\n    health {\n       lameduck 5s\n    }\n    ready\n    kubernetes cluster.local \
                    in-addr.arpa ip6.arpa {\n       pods insecure\n       fallthrough in-addr.arpa ip6.arpa\n       ttl 30\n    \
                    }\n    prometheus :9153\n    forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n    \
                    cache 30\n    loop\n    reload\n    loadbalance\n}\n";
        let blocks = parse("/etc/coredns/Corefile", text, &Nothing, &|_| true).unwrap();
        assert_eq!(
            digest(&blocks),
            "591cf328cccc12bc490481273e738df59329c62c0b729d94e8b61db9961c2fa5f046dd37f1cf888b953814040d180f52594972691cd6ff41be96639138a43908"
        );
    }
}
