//! A Pod's /etc/resolv.conf: what the kubelet makes of dnsPolicy, dnsConfig and its own machine's file.
//!
//! Always: what does not fit the limits is left out, and an event says so.
//! Differs from the kubelet: options keep the order in which they were named (there: any order).
//! Sources: Kubernetes 1.36.2 `pkg/kubelet/network/dns`; the text's layout is containerd's.

const MAX_SERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_LETTERS: usize = 2048;
/// glibc aborts at longer ones.
const MAX_DOMAIN_LETTERS: usize = 253;

/// What the kubelet was configured with.
#[derive(Clone, Debug, Default)]
pub struct NodeDns {
    pub cluster_dns: Vec<String>,
    pub cluster_domain: String,
    /// The text of the file that `resolvConf` names; none where it names no file.
    pub host: Option<String>,
}

/// What the Pod says.
#[derive(Clone, Debug, Default)]
pub struct PodDns {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub policy: String,
    pub host_network: bool,
    pub config: Option<ResolvConf>,
}

/// Also a Pod's `dnsConfig`, with its options as `name` or `name:value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    pub servers: Vec<String>,
    pub searches: Vec<String>,
    pub options: Vec<String>,
}

/// A warning that the kubelet records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// About the Node, else about the Pod.
    pub of_node: bool,
    pub reason: &'static str,
    pub message: String,
}

impl ResolvConf {
    /// Reads the machine's file.
    pub fn parse(text: &str) -> Result<ResolvConf, String> {
        let mut conf = ResolvConf::default();
        let mut faults: Vec<&str> = Vec::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["nameserver"] => faults.push("nameserver list is empty"),
                ["nameserver", server, ..] => conf.servers.push((*server).to_owned()),
                ["search", domains @ ..] => {
                    conf.searches = domains.iter().map(|it| without_dot(it)).collect()
                }
                ["options", options @ ..] => options.iter().for_each(|option| conf.set(option)),
                _ => {}
            }
        }
        faults.dedup();
        match faults.as_slice() {
            [] => Ok(conf),
            [one] => Err((*one).to_owned()),
            more => Err(format!("[{}]", more.join(", "))),
        }
    }

    /// An option of the same name gives way.
    fn set(&mut self, option: &str) {
        let name = |option: &str| option.split(':').next().unwrap_or_default().to_owned();
        match self.options.iter_mut().find(|it| name(it) == name(option)) {
            Some(old) => *old = option.to_owned(),
            None => self.options.push(option.to_owned()),
        }
    }

    /// As containerd writes it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.searches.is_empty() {
            text += &format!("search {}\n", self.searches.join(" "));
        }
        self.servers.iter().for_each(|server| text += &format!("nameserver {server}\n"));
        if !self.options.is_empty() {
            text += &format!("options {}\n", self.options.join(" "));
        }
        text
    }

    fn fit(&mut self, warnings: &mut Vec<Warning>) {
        let mut warn = |message| {
            warnings.push(Warning { of_node: false, reason: "DNSConfigForming", message });
        };
        if self.servers.len() > MAX_SERVERS {
            self.servers.truncate(MAX_SERVERS);
            warn(format!(
                "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: {}",
                self.servers.join(" ")
            ));
        }
        let before = self.searches.len();
        self.searches.truncate(MAX_SEARCHES);
        self.searches.retain(|domain| domain.len() <= MAX_DOMAIN_LETTERS);
        while self.searches.join(" ").len() > MAX_SEARCH_LETTERS {
            self.searches.pop();
        }
        if self.searches.len() < before {
            warn(format!(
                "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {}",
                self.searches.join(" ")
            ));
        }
    }
}

/// The kubelet's rule. An error keeps the Pod from being started.
pub fn for_pod(pod: &PodDns, node: &NodeDns) -> Result<(ResolvConf, Vec<Warning>), String> {
    let mut warnings = Vec::new();
    let host = ResolvConf::parse(node.host.as_deref().unwrap_or_default())?;
    let of_cluster = match pod.policy.as_str() {
        "None" | "Default" => false,
        "ClusterFirst" => !pod.host_network,
        "ClusterFirstWithHostNet" => true,
        other => return Err(format!("invalid DNSPolicy={other}")),
    };
    if of_cluster && node.cluster_dns.is_empty() {
        let missing = "kubelet does not have ClusterDNS IP configured and cannot create Pod using \
                       \"ClusterFirst\" policy. Falling back to \"Default\" policy.";
        let of_pod = format!("pod: \"{}_{}({})\". {missing}", pod.name, pod.namespace, pod.uid);
        for (of_node, message) in [(true, missing.to_owned()), (false, of_pod)] {
            warnings.push(Warning { of_node, reason: "MissingClusterDNS", message });
        }
    }
    let mut conf = match pod.policy.as_str() {
        "None" => ResolvConf::default(),
        _ if of_cluster && !node.cluster_dns.is_empty() => ResolvConf {
            servers: node.cluster_dns.clone(),
            searches: searches(pod, node, host.searches),
            options: vec!["ndots:5".to_owned()],
        },
        _ if node.host.is_none() => ResolvConf {
            servers: vec!["127.0.0.1".to_owned()],
            searches: vec![".".to_owned()],
            options: Vec::new(),
        },
        _ => host,
    };
    if let Some(config) = &pod.config {
        conf.servers.extend(config.servers.iter().cloned());
        conf.servers = each_once(conf.servers);
        conf.searches.extend(config.searches.iter().cloned());
        conf.searches = each_once(conf.searches);
        config.options.iter().for_each(|option| conf.set(option));
    }
    conf.fit(&mut warnings);
    Ok((conf, warnings))
}

fn searches(pod: &PodDns, node: &NodeDns, host: Vec<String>) -> Vec<String> {
    let domain = &node.cluster_domain;
    if domain.is_empty() {
        return host;
    }
    let mut all = vec![format!("{}.svc.{domain}", pod.namespace), format!("svc.{domain}"), domain.clone()];
    all.extend(host);
    each_once(all)
}

fn each_once(texts: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

fn without_dot(domain: &str) -> String {
    match domain {
        "." => domain.to_owned(),
        _ => domain.strip_suffix('.').unwrap_or(domain).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_own_ndots_wins_and_a_fourth_server_is_left_out_with_a_warning() {
        let list = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let config = ResolvConf {
            servers: list("10.0.0.1 10.0.0.2 10.96.0.10 10.0.0.3"),
            searches: list("my.example svc.cluster.local"),
            options: list("ndots:2 edns0"),
        };
        let pod = PodDns {
            namespace: "shop".to_owned(),
            policy: "ClusterFirst".to_owned(),
            config: Some(config),
            ..PodDns::default()
        };
        let node = NodeDns {
            cluster_dns: list("10.96.0.10"),
            cluster_domain: "cluster.local".to_owned(),
            host: Some("search lan.\noptions rotate\nnameserver 192.0.2.1\n".to_owned()),
        };
        let (conf, warnings) = for_pod(&pod, &node).unwrap();
        assert_eq!(
            conf.text(),
            "search shop.svc.cluster.local svc.cluster.local cluster.local lan my.example\n\
             nameserver 10.96.0.10\nnameserver 10.0.0.1\nnameserver 10.0.0.2\noptions ndots:2 edns0\n"
        );
        assert_eq!(
            warnings[0].message,
            "Nameserver limits were exceeded, some nameservers have been omitted, \
             the applied nameserver line is: 10.96.0.10 10.0.0.1 10.0.0.2"
        );
        let wrong = for_pod(&PodDns { policy: "Sometimes".to_owned(), ..pod }, &node);
        assert_eq!(wrong, Err("invalid DNSPolicy=Sometimes".to_owned()));
        assert_eq!(ResolvConf::parse("nameserver\n"), Err("nameserver list is empty".to_owned()));
    }
}
