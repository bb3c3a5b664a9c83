//! flannel: hands the work on to bridge and host-local, with the subnet that flanneld wrote down for this node.
//!
//! Always: what ADD was made of is kept in a file, so that DEL undoes the same.
//! Source: flannel-io/cni-plugin 1.x.

use super::config::{Fields, NetConf};
use super::delegate;
use super::error::{CniError, CniResult, file_error};
use super::skel::Call;
use super::store::make_folders;
use linux::Sys;
use serde_json::{Map, Value, json};

const SUBNET_FILE: &str = "/run/flannel/subnet.env";
const FOLDER: &str = "/var/lib/cni/flannel";

/// What flanneld wrote.
struct Subnet {
    networks: Vec<String>,
    subnets: Vec<String>,
    mtu: u64,
    masquerades: bool,
}

impl Subnet {
    async fn load(sys: &Sys, path: &str) -> CniResult<Subnet> {
        let failed = |error: CniError| error.within("loadFlannelSubnetEnv failed");
        let bytes = sys.read_file(path).await.map_err(|errno| failed(file_error("open", path, errno)))?;
        Subnet::parse(&String::from_utf8_lossy(&bytes)).map_err(|why| failed(why.into()))
    }

    fn parse(text: &str) -> Result<Subnet, String> {
        let value = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
        };
        let (v4, v6) = (value("FLANNEL_NETWORK"), value("FLANNEL_IPV6_NETWORK"));
        let subnets: Vec<String> =
            [value("FLANNEL_SUBNET"), value("FLANNEL_IPV6_SUBNET")].into_iter().flatten().collect();
        let (mtu, masquerades) = (value("FLANNEL_MTU"), value("FLANNEL_IPMASQ"));
        let missing: Vec<&str> = [
            (v4.is_none() && v6.is_none(), "FLANNEL_NETWORK"),
            (subnets.is_empty(), "FLANNEL_SUBNET"),
            (mtu.is_none(), "FLANNEL_MTU"),
            (masquerades.is_none(), "FLANNEL_IPMASQ"),
        ]
        .iter()
        .filter_map(|(is_missing, name)| is_missing.then_some(*name))
        .collect();
        if !missing.is_empty() {
            return Err(format!("{SUBNET_FILE} is missing {}", missing.join(", ")));
        }
        let mtu = mtu.unwrap_or_default();
        let wrong = || format!("strconv.ParseUint: parsing \"{mtu}\": invalid syntax");
        Ok(Subnet {
            networks: [v4, v6].into_iter().flatten().collect(),
            subnets,
            mtu: mtu.parse().map_err(|_| wrong())?,
            masquerades: masquerades.as_deref() == Some("true"),
        })
    }

    /// The network of which the node's own address is written.
    fn range(subnet: &str) -> String {
        subnet.parse::<ipnet::IpNet>().map_or_else(|_| subnet.to_owned(), |net| net.trunc().to_string())
    }
}

/// The configuration for the plugin that does the work.
fn delegated(net: &NetConf, subnet: &Subnet) -> Result<Value, String> {
    let fields = net.fields();
    let given = fields.object("delegate", "map[string]interface {}")?;
    if given.get("type").is_some_and(|it| !it.is_string()) {
        return Err("'delegate' dictionary, if present, must have (string) 'type' field".to_owned());
    }
    if given.get("name").is_some() {
        return Err("'delegate' dictionary must not have 'name' field, it'll be set by flannel".to_owned());
    }
    if given.get("ipam").is_some() {
        return Err("'delegate' dictionary must not have 'ipam' field, it'll be set by flannel".to_owned());
    }
    let mut out: Map<String, Value> = match fields.get("delegate") {
        Some(Value::Object(given)) => given.clone(),
        _ => Map::new(),
    };
    let mut or = |name: &str, value: Value| {
        out.entry(name.to_owned()).or_insert(value);
    };
    or("type", Value::from("bridge"));
    or("ipMasq", Value::from(!subnet.masquerades));
    or("mtu", Value::from(subnet.mtu));
    if out["type"] == "bridge" {
        out.entry("isGateway".to_owned()).or_insert(Value::from(true));
    }
    out.insert("name".to_owned(), Value::from(net.name.as_str()));
    if !net.version.is_empty() {
        out.insert("cniVersion".to_owned(), Value::from(net.version.as_str()));
    }
    if let Some(runtime) = fields.get("runtimeConfig") {
        out.insert("runtimeConfig".to_owned(), runtime.clone());
    }
    let mut ipam: Map<String, Value> = match fields.get("ipam") {
        Some(Value::Object(given)) => given.clone(),
        _ => Map::new(),
    };
    ipam.entry("type".to_owned()).or_insert(Value::from("host-local"));
    let ranges: Vec<Value> =
        subnet.subnets.iter().map(|it| json!([{ "subnet": Subnet::range(it) }])).collect();
    let mut routes: Vec<Value> = match ipam.get("routes") {
        Some(Value::Array(given)) => given.clone(),
        _ => Vec::new(),
    };
    routes.extend(subnet.networks.iter().map(|network| json!({ "dst": network })));
    ipam.insert("ranges".to_owned(), Value::Array(ranges));
    ipam.insert("routes".to_owned(), Value::Array(routes));
    out.insert("ipam".to_owned(), Value::Object(ipam));
    Ok(Value::Object(out))
}

struct Config {
    net: NetConf,
    subnet_file: String,
    folder: String,
}

impl Config {
    fn parse(call: &Call) -> CniResult<Config> {
        let read = || -> Result<Config, String> {
            let net = NetConf::parse(&call.stdin)?;
            let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
            let fields: Fields<'_> = net.fields();
            let subnet_file = or(fields.text("subnetFile")?, SUBNET_FILE);
            let folder = or(fields.text("dataDir")?, FOLDER);
            Ok(Config { subnet_file, folder, net: net.clone() })
        };
        read().map_err(|why| CniError::internal(format!("failed to load netconf: {why}")))
    }
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let config = Config::parse(call)?;
    let subnet = Subnet::load(sys, &config.subnet_file).await?;
    let conf = delegated(&config.net, &subnet)?;
    let text = conf.to_string();
    make_folders(sys, &config.folder, 0o700).await?;
    let path = format!("{}/{}", config.folder, call.container);
    sys.write_file(&path, text.as_bytes()).await.map_err(|errno| file_error("open", &path, errno))?;
    let plugin = conf["type"].as_str().unwrap_or_default();
    let added = delegate::add(sys, plugin, call, &text).await;
    let result = added.map_err(|error| error.within("failed to delegate add"))?;
    Ok(result.print(&config.net.version)?)
}

pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    let path = format!("{}/{}", config.folder, call.container);
    // A second DEL finds nothing to do.
    let Ok(bytes) = sys.read_file(&path).await else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let conf: Value =
        serde_json::from_str(&text).map_err(|fault| format!("failed to parse netconf: {fault}"))?;
    delegate::delete(sys, conf["type"].as_str().unwrap_or_default(), call, &text).await?;
    sys.remove(&path).await.ok();
    Ok(())
}

/// The real one checks nothing either.
pub async fn check(_sys: &Sys, _call: &Call) -> CniResult<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_subnet_goes_to_bridge_and_host_local() {
        let subnet = Subnet::parse(
            "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
        );
        let net = NetConf::parse(
            r#"{"name":"cbr0","cniVersion":"0.3.1","type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}}"#,
        );
        let conf = delegated(&net.unwrap(), &subnet.unwrap_or_else(|why| panic!("{why}"))).unwrap();
        assert_eq!(
            conf.to_string(),
            r#"{"hairpinMode":true,"isDefaultGateway":true,"type":"bridge","ipMasq":false,"mtu":1450,"isGateway":true,"name":"cbr0","cniVersion":"0.3.1","ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}]}}"#
        );
    }

    #[test]
    fn without_its_lines_the_subnet_file_is_refused() {
        let wrong = Subnet::parse("FLANNEL_NETWORK=10.244.0.0/16\n").map(|_| ());
        let words = "/run/flannel/subnet.env is missing FLANNEL_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ";
        assert_eq!(wrong, Err(words.to_owned()));
    }
}
