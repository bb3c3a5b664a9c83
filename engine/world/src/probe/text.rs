//! Texts with braces: `{svc/shop/web .spec.clusterIP}`, `{veth pod/shop/cart}`. Asked with kubectl and ip.
//!
//! Always: what the tool could not say is its own words as the error.

use super::{Ran, quoted};
use crate::World;
use api::lab::ClusterSpec;

/// The text with all its braces filled in.
pub(super) fn filled(world: &mut World, text: &str) -> Result<String, String> {
    let mut parts = text.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, after) =
            part.split_once('}').ok_or_else(|| format!("`{text}`: a brace is not closed"))?;
        let (of, path) = inside.split_once(' ').ok_or_else(|| format!("`{{{inside}}}` names no path"))?;
        out += &if of == "veth" { veth(world, path)? } else { value(world, of, path)? };
        out += after;
    }
    Ok(out)
}

/// What a tool printed, or what it complained of.
fn said(ran: Ran) -> Result<String, String> {
    if ran.exit == 0 { Ok(ran.out) } else { Err(ran.err.trim_end().to_owned()) }
}

fn value(world: &mut World, of: &str, path: &str) -> Result<String, String> {
    let [kind, namespace, name] = of.splitn(3, '/').collect::<Vec<_>>()[..] else {
        return Err(format!("`{of}`: expected KIND/NAMESPACE/NAME"));
    };
    let which = if name.contains('=') { format!("-l {}", quoted(name)) } else { quoted(name) };
    let (kind, namespace, path) = (quoted(kind), quoted(namespace), quoted(&format!("{{{path}}}")));
    let command = format!("kubectl get {kind} {which} -n {namespace} -o jsonpath={path}");
    world.run(ClusterSpec::CONTROL_PLANE, &command).and_then(said)
}

/// The node's end of the cable whose other end is the Pod's `eth0`.
fn veth(world: &mut World, pod: &str) -> Result<String, String> {
    let inner = world.run(pod, "ip -o link show dev eth0").and_then(said)?;
    let outer = inner.split_once("@if").and_then(|(_, rest)| rest.split(':').next()).unwrap_or_default();
    let node = value(world, pod, ".spec.nodeName")?;
    let links = world.run(&node, "ip -o link").and_then(said)?;
    let link =
        links.lines().find_map(|line| line.strip_prefix(&format!("{outer}: "))?.split(['@', ':']).next());
    link.map(str::to_owned).ok_or_else(|| format!("{node} has no link {outer}"))
}
