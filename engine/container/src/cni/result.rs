//! What an ADD answers: interfaces, addresses, routes, DNS; read and written in each version of the specification.
//!
//! Always: a field that is empty is left out; `dns` is always there.
//! Source: CNI specification, "Success"; libcni 1.1.1 `pkg/types/{020,040,100}`.

use super::config::{Fields, NetConf};
use ipnet::IpNet;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub mac: String,
    /// The namespace's path; empty on the host.
    pub sandbox: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which of the interfaces has it.
    pub interface: Option<usize>,
    pub address: IpNet,
    pub gateway: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: IpNet,
    pub gateway: Option<IpAddr>,
}

/// An ADD's result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    pub interfaces: Vec<Interface>,
    pub addresses: Vec<Address>,
    pub routes: Vec<Route>,
    /// An object; absent where nothing is set.
    pub dns: Option<Value>,
}

/// Which fields a version has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `ip4`, `ip6`
    V02,
    /// Addresses say their `version`.
    V04,
    V10,
}

fn layout(version: &str) -> Layout {
    match version {
        "" | "0.1.0" | "0.2.0" => Layout::V02,
        "0.3.0" | "0.3.1" | "0.4.0" => Layout::V04,
        _ => Layout::V10,
    }
}

impl Attachment {
    /// Reads what a plugin answered, or what stands as `prevResult`.
    pub fn read(value: &Value, version: &str) -> Result<Attachment, String> {
        let fields = Fields::new("types100.Result", value)?;
        let mut result = Attachment { dns: fields.get("dns").cloned(), ..Attachment::default() };
        result.dns = result.dns.filter(|dns| dns.as_object().is_some_and(|dns| !dns.is_empty()));
        if layout(version) == Layout::V02 {
            for name in ["ip4", "ip6"] {
                let Some(ip) = fields.get(name) else { continue };
                let ip = Fields::new("types020.IPConfig", ip)?;
                let (address, gateway) = (cidr(&ip.text("ip")?)?, gateway(&ip.text("gateway")?)?);
                result.addresses.push(Address { interface: None, address, gateway });
                result.routes.extend(routes(ip.list("routes", "[]types.Route")?)?);
            }
            return Ok(result);
        }
        for item in fields.list("interfaces", "[]*types100.Interface")? {
            let item = Fields::new("types100.Interface", item)?;
            let (name, mac, sandbox) = (item.text("name")?, item.text("mac")?, item.text("sandbox")?);
            result.interfaces.push(Interface { name, mac, sandbox });
        }
        for item in fields.list("ips", "[]*types100.IPConfig")? {
            let item = Fields::new("types100.ipConfig", item)?;
            let interface = item.get("interface").and_then(Value::as_u64).map(|index| index as usize);
            let (address, gateway) = (cidr(&item.text("address")?)?, gateway(&item.text("gateway")?)?);
            result.addresses.push(Address { interface, address, gateway });
        }
        result.routes = routes(fields.list("routes", "[]*types.Route")?)?;
        Ok(result)
    }

    /// What the plugin before this one answered.
    pub fn previous(net: &NetConf) -> Result<Option<Attachment>, String> {
        let read = net.previous().map(|it| Attachment::read(it, &net.version)).transpose();
        read.map_err(|why| format!("could not parse prevResult: could not parse prevResult: {why}"))
    }

    /// As it is printed on stdout.
    pub fn print(&self, version: &str) -> Result<String, String> {
        Ok(pretty(&self.value(version, layout(version))?))
    }

    /// The layout of 1.0.0 whatever the version: as one plugin prints that made its result that way.
    pub fn print_current(&self, version: &str) -> Result<String, String> {
        Ok(pretty(&self.value(version, Layout::V10)?))
    }

    fn value(&self, version: &str, layout: Layout) -> Result<Value, String> {
        let mut out = Map::new();
        let shown = if version.is_empty() { "0.1.0" } else { version };
        out.insert("cniVersion".to_owned(), Value::from(shown));
        if layout == Layout::V02 {
            self.old(&mut out)?;
        } else {
            let mut put = |name: &str, items: Vec<Value>| {
                if !items.is_empty() {
                    out.insert(name.to_owned(), Value::Array(items));
                }
            };
            put("interfaces", self.interfaces.iter().map(Interface::value).collect());
            put("ips", self.addresses.iter().map(|it| it.value(layout)).collect());
            put("routes", self.routes.iter().map(Route::value).collect());
        }
        out.insert("dns".to_owned(), self.dns.clone().unwrap_or_else(|| json!({})));
        Ok(Value::Object(out))
    }

    /// One address of each family.
    fn old(&self, out: &mut Map<String, Value>) -> Result<(), String> {
        for (name, is_v4) in [("ip4", true), ("ip6", false)] {
            let Some(it) = self.addresses.iter().find(|it| it.address.addr().is_ipv4() == is_v4) else {
                continue;
            };
            let mut ip = Map::new();
            ip.insert("ip".to_owned(), Value::from(it.address.to_string()));
            if let Some(gateway) = it.gateway {
                ip.insert("gateway".to_owned(), Value::from(gateway.to_string()));
            }
            let of_family = self.routes.iter().filter(|it| it.destination.addr().is_ipv4() == is_v4);
            let routes: Vec<Value> = of_family.map(Route::value).collect();
            if !routes.is_empty() {
                ip.insert("routes".to_owned(), Value::Array(routes));
            }
            out.insert(name.to_owned(), Value::Object(ip));
        }
        let has_one = out.contains_key("ip4") || out.contains_key("ip6");
        if has_one { Ok(()) } else { Err("cannot convert: no valid IP addresses".to_owned()) }
    }
}

impl Interface {
    fn value(&self) -> Value {
        let mut out = Map::new();
        out.insert("name".to_owned(), Value::from(self.name.as_str()));
        for (name, text) in [("mac", &self.mac), ("sandbox", &self.sandbox)] {
            if !text.is_empty() {
                out.insert(name.to_owned(), Value::from(text.as_str()));
            }
        }
        Value::Object(out)
    }
}

impl Address {
    fn value(&self, layout: Layout) -> Value {
        let mut out = Map::new();
        if layout == Layout::V04 {
            let version = if self.address.addr().is_ipv4() { "4" } else { "6" };
            out.insert("version".to_owned(), Value::from(version));
        }
        if let Some(interface) = self.interface {
            out.insert("interface".to_owned(), Value::from(interface));
        }
        out.insert("address".to_owned(), Value::from(self.address.to_string()));
        if let Some(gateway) = self.gateway {
            out.insert("gateway".to_owned(), Value::from(gateway.to_string()));
        }
        Value::Object(out)
    }
}

impl Route {
    fn value(&self) -> Value {
        let mut out = json!({ "dst": self.destination.to_string() });
        if let Some(gateway) = self.gateway {
            out["gw"] = Value::from(gateway.to_string());
        }
        out
    }
}

pub fn routes(items: &[Value]) -> Result<Vec<Route>, String> {
    let read = |item: &Value| {
        let item = Fields::new("types.route", item)?;
        Ok(Route { destination: cidr(&item.text("dst")?)?.trunc(), gateway: gateway(&item.text("gw")?)? })
    };
    items.iter().map(read).collect()
}

/// `10.0.0.1/24`
pub fn cidr(text: &str) -> Result<IpNet, String> {
    text.parse().map_err(|_| format!("invalid CIDR address: {text}"))
}

fn gateway(text: &str) -> Result<Option<IpAddr>, String> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("invalid IP address: {text}")),
    }
}

/// Indented by four, without a newline at the end.
pub fn pretty(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut writer =
        serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    value.serialize(&mut writer).expect("a value is always written");
    let text = String::from_utf8(bytes).expect("JSON is text");
    // Go keeps its JSON safe for HTML.
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}
