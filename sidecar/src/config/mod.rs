//! Envoy v3 configuration, strictly read: what is not understood is refused with the field's path.
//!
//! Stands ahead of everything: the proxy is built from a `Bootstrap`, and from `Resource`s that discovery brings later.
//! `yaml` makes a tree of the text, `reader` and `field` judge it by protobuf's JSON rules, the types stand in one file
//! per package of Envoy's API, and `check` refuses what is well-formed and still wrong.
//! Always: a field is understood, refused as unknown, or refused as not simulated; nothing is dropped silently.
//! Sources: envoyproxy/data-plane-api; refusals compared with Envoy 1.40 (`envoy --mode validate`).

pub mod access_log;
pub mod bootstrap;
pub mod check;
pub mod cluster;
pub mod core;
pub mod endpoint;
pub mod extension;
mod field;
pub mod hcm;
pub mod health_check;
pub mod http_filter;
pub mod jwt;
pub mod listener;
pub mod protocol;
pub mod rbac;
pub mod reader;
pub mod route;
pub mod route_action;
mod schema;
pub mod tcp;
#[cfg(test)]
mod tests;
pub mod tls_context;
pub mod yaml;

use self::bootstrap::Bootstrap;
use self::extension::DiscoveryResponse;
pub use self::reader::Refused;
use self::reader::{Message, Reader};
use self::yaml::Node;

/// Reads the file Envoy starts with; `json` for a file whose name ends so.
pub fn bootstrap(text: &str, json: bool) -> Result<Bootstrap, Refused> {
    let read: Bootstrap = Reader::whole(&tree(text, json)?)?;
    read.static_resources.as_ref().map_or(Ok(()), check::resources)?;
    check::bootstrap(&read)?;
    Ok(read)
}

/// Reads a file of discovery: `version_info` and `resources`.
pub fn discovery(text: &str, json: bool) -> Result<DiscoveryResponse, Refused> {
    Reader::whole(&tree(text, json)?)
}

/// Any one message out of a text, as a file of discovery holds it.
pub fn message<T: Message>(node: &Node) -> Result<T, Refused> {
    Reader::whole(node)
}

/// The tree of a text of configuration.
pub fn tree(text: &str, json: bool) -> Result<Node, Refused> {
    let node = if json { yaml::parse_json(text) } else { yaml::parse(text) }.map_err(Refused::new)?;
    match &node.value {
        yaml::Value::Map(_) | yaml::Value::List(_) => Ok(node),
        _ => Err(Refused::new(format!("Unable to convert YAML as JSON: {}", text.trim()))),
    }
}
