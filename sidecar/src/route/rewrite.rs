//! Rewriting of host and path on the way upstream.

use super::Route;
use super::action::{Forward, HostRewrite};
use crate::http::HeaderMap;

/// Rewrites the path as the route says, and remembers the original.
pub fn path(route: &Route, forward: &Forward, headers: &mut HeaderMap) {
    let Some(path) = headers.get(":path").map(<[u8]>::to_vec) else { return };
    let Some(new) = new_path(route, forward, &path) else { return };
    headers.set("x-envoy-original-path", &path);
    headers.set(":path", new);
}

fn new_path(route: &Route, forward: &Forward, path: &[u8]) -> Option<Vec<u8>> {
    if let Some(prefix) = &forward.prefix_rewrite {
        let mut new = prefix.clone().into_bytes();
        new.extend_from_slice(&path[route.matched_len(path)..]);
        return Some(new);
    }
    let regex = forward.regex_rewrite.as_ref()?;
    let (bare, query) = path.split_at(super::without_query(path).len());
    let mut new = regex.apply(bare);
    new.extend_from_slice(query);
    Some(new)
}

/// Rewrites the host as the route says. `literal` is of the cluster's entry, `automatic` the endpoint's host name.
pub fn host(forward: &Forward, literal: Option<&str>, headers: &mut HeaderMap) {
    let old = headers.get(":authority").map(<[u8]>::to_vec).unwrap_or_default();
    let new = match (literal, &forward.host_rewrite) {
        (Some(literal), _) => literal.as_bytes().to_vec(),
        (None, HostRewrite::Literal(literal)) => literal.as_bytes().to_vec(),
        (None, HostRewrite::Header(name)) => match headers.get(name) {
            Some(value) if !value.is_empty() => value.to_vec(),
            _ => return,
        },
        (None, HostRewrite::Path(regex)) => {
            let path = headers.get(":path").unwrap_or_default();
            regex.apply(super::without_query(path))
        }
        (None, HostRewrite::None | HostRewrite::Automatic) => return,
    };
    set_host(forward, &old, &new, headers);
}

/// Sets the host of `auto_host_rewrite`, once the endpoint is known.
pub fn automatic_host(forward: &Forward, name: &str, headers: &mut HeaderMap) {
    if forward.host_rewrite == HostRewrite::Automatic && !name.is_empty() {
        let old = headers.get(":authority").map(<[u8]>::to_vec).unwrap_or_default();
        set_host(forward, &old, name.as_bytes(), headers);
    }
}

fn set_host(forward: &Forward, old: &[u8], new: &[u8], headers: &mut HeaderMap) {
    if forward.appends_forwarded_host && !old.is_empty() {
        let value = match headers.get_joined("x-forwarded-host") {
            Some(before) if !before.is_empty() => [&before, &b","[..], old].concat(),
            _ => old.to_vec(),
        };
        headers.set("x-forwarded-host", value);
    }
    if !headers.contains("x-envoy-original-host") {
        headers.set("x-envoy-original-host", old);
    }
    headers.set(":authority", new);
}
