//! KubeProxyConfiguration: the file that `kube-proxy --config` reads.
//!
//! Always: what is wrong is told in the words of the real one, which then ends with exit code 1.
//! Differs from kube-proxy: unknown fields are passed over (there: a warning, then the same); feature gates, logging,
//! client connection limits and other systems' fields are read and not used.
//! Sources: `pkg/proxy/apis/config`, `cmd/kube-proxy/app/options.go`, Kubernetes 1.36.

use super::local::DetectLocal;
use crate::klog::quoted;
use crate::object::value::Value;
use crate::object::yaml;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const API_VERSION: &str = "kubeproxy.config.k8s.io/v1alpha1";
const KIND: &str = "KubeProxyConfiguration";
const PATH: &str = "KubeProxyConfiguration";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    pub kubeconfig: String,
    pub hostname_override: String,
    pub bind_address: Option<IpAddr>,
    pub healthz: Option<SocketAddr>,
    pub metrics: Option<SocketAddr>,
    pub mode: String,
    pub masquerade_bit: u8,
    pub masquerade_all: bool,
    pub localhost_node_ports: bool,
    pub sync_period: Duration,
    pub min_sync_period: Duration,
    /// For IPv4 and for IPv6.
    pub detect_local: [DetectLocal; 2],
    pub wants_node_cidr: bool,
    pub node_port_addresses: Vec<IpNet>,
    /// The single word `primary`.
    pub primary_node_ports_only: bool,
    pub tcp_be_liberal: bool,
}

impl Configuration {
    /// The error is what follows `"command failed" err=`.
    pub fn parse(text: &str) -> Result<Configuration, String> {
        let value = decode(text).map_err(|why| format!("failed complete: failed to decode: {why}"))?;
        let mut faults = Vec::new();
        let read = Reader { value: &value }.configuration(&mut faults);
        let read = read.map_err(|why| format!("failed complete: failed to decode: {why}"))?;
        match faults.as_slice() {
            [] => Ok(read),
            [one] => Err(format!("failed validate: {one}")),
            more => Err(format!("failed validate: [{}]", more.join(", "))),
        }
    }
}

fn decode(text: &str) -> Result<Value, String> {
    let value = yaml::parse(text)?;
    let shown = || crate::object::json::compact(&value);
    if !value.is_map() {
        let kind = value.go_kind();
        return Err(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {kind} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
        ));
    }
    if value.str("kind").is_empty() {
        return Err(format!("Object 'Kind' is missing in '{}'", shown()));
    }
    if value.str("apiVersion").is_empty() {
        return Err(format!("Object 'apiVersion' is missing in '{}'", shown()));
    }
    let (version, kind) = (value.str("apiVersion"), value.str("kind"));
    let scheme = "in scheme \"pkg/proxy/apis/config/scheme/scheme.go:29\"";
    if version != API_VERSION {
        return Err(format!("no kind \"{kind}\" is registered for version \"{version}\" {scheme}"));
    }
    if kind != KIND {
        return Err(format!("no kind \"{kind}\" is registered for version \"{version}\" {scheme}"));
    }
    Ok(value)
}

struct Reader<'a> {
    value: &'a Value,
}

impl Reader<'_> {
    fn wrong(&self, path: &[&str], wanted: &str) -> String {
        let found = self.value.at(path).go_kind();
        let field = path.join(".");
        format!("json: cannot unmarshal {found} into Go struct field {KIND}.{field} of type {wanted}")
    }

    fn text(&self, path: &[&str]) -> Result<String, String> {
        match self.value.at(path) {
            Value::Null => Ok(String::new()),
            Value::Text(text) => Ok(text.to_string()),
            _ => Err(self.wrong(path, "string")),
        }
    }

    fn flag(&self, path: &[&str]) -> Result<Option<bool>, String> {
        match self.value.at(path) {
            Value::Null => Ok(None),
            Value::Bool(flag) => Ok(Some(*flag)),
            _ => Err(self.wrong(path, "bool")),
        }
    }

    fn number(&self, path: &[&str]) -> Result<Option<i64>, String> {
        match self.value.at(path) {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            _ => Err(self.wrong(path, "int32")),
        }
    }

    /// Zero counts as not set.
    fn time(&self, path: &[&str], default: Duration) -> Result<Duration, String> {
        let text = self.text(path)?;
        if text.is_empty() {
            return Ok(default);
        }
        let time = crate::dns::duration::parse(&text)?;
        Ok(if time.is_zero() { default } else { time })
    }

    fn texts(&self, path: &[&str]) -> Result<Vec<String>, String> {
        let list = self.value.at(path);
        match list {
            Value::Null => Ok(Vec::new()),
            Value::List(_) => Ok(list.items().iter().map(|item| item.as_str().to_owned()).collect()),
            _ => Err(self.wrong(path, "[]string")),
        }
    }

    fn configuration(&self, faults: &mut Vec<String>) -> Result<Configuration, String> {
        let masquerade_bit = self.number(&["iptables", "masqueradeBit"])?.unwrap_or(14);
        if !(0..=31).contains(&masquerade_bit) {
            faults.push(format!(
                "{PATH}.KubeProxyIPTablesConfiguration.MasqueradeBit: Invalid value: {masquerade_bit}: must be within the range [0, 31]"
            ));
        }
        let mut invalid = |field: &str, value: &str, why: &str| {
            faults.push(format!("{PATH}.{field}: Invalid value: {}: {why}", quoted(value)));
        };
        let sync_period = self.time(&["iptables", "syncPeriod"], Duration::from_secs(30))?;
        let min_sync_period = self.time(&["iptables", "minSyncPeriod"], Duration::from_secs(1))?;
        if min_sync_period > sync_period {
            let field = "KubeProxyIPTablesConfiguration";
            let why = format!("must be greater than or equal to {PATH}.{field}.MinSyncPeriod");
            invalid(&format!("{field}.SyncPeriod"), &format!("{}s", min_sync_period.as_secs()), &why);
        }
        let mode = self.text(&["mode"])?;
        if !matches!(mode.as_str(), "" | "iptables" | "ipvs" | "nftables") {
            let why = "must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])";
            invalid("Mode.ProxyMode", &mode, why);
        }
        let bind_text = self.text(&["bindAddress"])?;
        let bind_address =
            if bind_text.is_empty() { Some(IpAddr::from([0, 0, 0, 0])) } else { bind_text.parse().ok() };
        if bind_address.is_none() {
            invalid("BindAddress", &bind_text, "not a valid textual representation of an IP address");
        }
        let healthz = host_port(
            &self.text(&["healthzBindAddress"])?,
            "0.0.0.0:10256",
            "HealthzBindAddress",
            &mut invalid,
        );
        let metrics = host_port(
            &self.text(&["metricsBindAddress"])?,
            "127.0.0.1:10249",
            "MetricsBindAddress",
            &mut invalid,
        );
        let (detect_local, wants_node_cidr) = self.detect_local(&mut invalid)?;
        let node_ports = self.texts(&["nodePortAddresses"])?;
        let is_primary = node_ports == ["primary"];
        let ranges: Vec<Option<IpNet>> = node_ports.iter().map(|text| text.parse().ok()).collect();
        if !is_primary && ranges.iter().any(Option::is_none) {
            invalid("NodePortAddresses", &node_ports.join(","), "must be a valid CIDR");
        }
        Ok(Configuration {
            kubeconfig: self.text(&["clientConnection", "kubeconfig"])?,
            hostname_override: self.text(&["hostnameOverride"])?,
            bind_address,
            healthz,
            metrics,
            mode,
            masquerade_bit: u8::try_from(masquerade_bit).unwrap_or_default(),
            masquerade_all: self.flag(&["iptables", "masqueradeAll"])?.unwrap_or_default(),
            localhost_node_ports: self.flag(&["iptables", "localhostNodePorts"])?.unwrap_or(true),
            sync_period,
            min_sync_period,
            detect_local,
            wants_node_cidr,
            node_port_addresses: ranges.into_iter().flatten().collect(),
            primary_node_ports_only: is_primary,
            tcp_be_liberal: self.flag(&["conntrack", "tcpBeLiberal"])?.unwrap_or_default(),
        })
    }

    fn detect_local(
        &self,
        invalid: &mut dyn FnMut(&str, &str, &str),
    ) -> Result<([DetectLocal; 2], bool), String> {
        let both = |it: DetectLocal| [it.clone(), it];
        let cidrs = self.text(&["clusterCIDR"])?;
        let parsed: Vec<Option<IpNet>> =
            cidrs.split(',').filter(|it| !it.is_empty()).map(|it| it.trim().parse().ok()).collect();
        if parsed.iter().any(Option::is_none) {
            let why = "must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)";
            invalid("ClusterCIDR", &cidrs, why);
        }
        if parsed.len() > 2 {
            let why =
                "only one CIDR allowed or a valid DualStack CIDR (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)";
            invalid("ClusterCIDR", &cidrs, why);
        }
        let of = |is_v4: bool| {
            let mut cidrs = parsed.iter().flatten().filter(|net| net.addr().is_ipv4() == is_v4);
            cidrs.next().map_or(DetectLocal::None, |net| DetectLocal::Cidr(*net))
        };
        let mode = self.text(&["detectLocalMode"])?;
        Ok(match mode.as_str() {
            "" | "ClusterCIDR" => ([of(true), of(false)], false),
            "NodeCIDR" => (both(DetectLocal::None), true),
            "BridgeInterface" => {
                (both(DetectLocal::BridgeInterface(self.text(&["detectLocal", "bridgeInterface"])?)), false)
            }
            "InterfaceNamePrefix" => (
                both(DetectLocal::InterfaceNamePrefix(self.text(&["detectLocal", "interfaceNamePrefix"])?)),
                false,
            ),
            other => {
                invalid(
                    "DetectLocalMode",
                    other,
                    "must be BridgeInterface, ClusterCIDR, InterfaceNamePrefix, NodeCIDR or blank",
                );
                (both(DetectLocal::None), false)
            }
        })
    }
}

/// `IP:port`, with the default where nothing is set.
fn host_port(
    text: &str,
    default: &str,
    field: &str,
    invalid: &mut dyn FnMut(&str, &str, &str),
) -> Option<SocketAddr> {
    let text = if text.is_empty() { default } else { text };
    let Some((host, port)) = text.rsplit_once(':') else {
        invalid(field, text, "must be IP:port");
        return None;
    };
    let ip: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    if ip.is_none() {
        invalid(field, host, "must be a valid IP");
    }
    let number: Option<u16> = port.parse().ok().filter(|port| *port > 0);
    if number.is_none() {
        invalid(field, port, "must be a valid port");
    }
    Some(SocketAddr::new(ip?, number?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

    #[test]
    fn what_kubeadm_writes_is_read_with_its_defaults() {
        let text = format!(
            "{HEAD}bindAddress: 0.0.0.0\nclientConnection:\n  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf\n\
             clusterCIDR: 10.244.0.0/16\nconfigSyncPeriod: 0s\niptables:\n  masqueradeBit: null\n  syncPeriod: 0s\n\
             healthzBindAddress: \"\"\nmode: \"\"\nnodePortAddresses: null\n"
        );
        let read = Configuration::parse(&text).unwrap();
        assert_eq!(read.kubeconfig, "/var/lib/kube-proxy/kubeconfig.conf");
        assert_eq!(read.healthz, "0.0.0.0:10256".parse().ok());
        assert_eq!(read.detect_local[0], DetectLocal::Cidr("10.244.0.0/16".parse().unwrap()));
        assert_eq!((read.sync_period.as_secs(), read.masquerade_bit), (30, 14));
    }

    #[test]
    fn a_wrong_configuration_is_refused_in_its_own_words() {
        let wrong = |rest: &str| Configuration::parse(&format!("{HEAD}{rest}")).map(|_| ()).unwrap_err();
        assert_eq!(
            wrong("mode: userspace\n"),
            "failed validate: KubeProxyConfiguration.Mode.ProxyMode: Invalid value: \"userspace\": must be iptables, ipvs, \
             nftables or blank (blank means the best-available proxy [currently iptables])"
        );
        assert_eq!(
            wrong("clusterCIDR: banana\n"),
            "failed validate: KubeProxyConfiguration.ClusterCIDR: Invalid value: \"banana\": must be a valid CIDR block \
             (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)"
        );
        assert_eq!(
            wrong("mode: 7\n"),
            "failed complete: failed to decode: json: cannot unmarshal number into Go struct field \
             KubeProxyConfiguration.mode of type string"
        );
        assert_eq!(
            Configuration::parse("a: 1\n").map(|_| ()).unwrap_err(),
            "failed complete: failed to decode: Object 'Kind' is missing in '{\"a\":1}'"
        );
    }
}
