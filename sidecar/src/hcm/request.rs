//! What a request's headers become before routes and filters see them: proxies' own headers dropped or judged by who
//! the client is, `x-forwarded-*` and `x-request-id` set.
//!
//! Source: Envoy's `ConnectionManagerUtility::mutateRequestHeaders` as documented in "HTTP header manipulation".

use super::{Settings, client_cert};
use crate::http::{Connection, HeaderMap};
use crate::http1::decoder::{asks_upgrade, has_token};
use crate::random::Random;
use crate::route::table::without_port;
use std::net::{IpAddr, SocketAddr};

/// Removed where the client is not internal.
const INTERNAL_ONLY: &[&str] = &[
    "x-envoy-retriable-status-codes",
    "x-envoy-retriable-header-names",
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    "x-envoy-max-retries",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-force-trace",
    "x-envoy-ip-tags",
    "x-envoy-original-url",
    "x-envoy-hedge-on-per-try-timeout",
];
/// Removed at the edge.
const EDGE_ONLY: &[&str] =
    &["x-envoy-decorator-operation", "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node"];

/// Names that the `Connection` header may not nominate for removal.
const NEVER_NOMINATED: &[&[u8]] = &[b"host", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"];

/// Drops what `Connection` nominates. False: it nominates what it may not.
pub fn drop_nominated(headers: &mut HeaderMap) -> bool {
    let Some(list) = headers.get_joined("connection") else { return true };
    for token in list.split(|it| *it == b',').map(|it| it.trim_ascii().to_ascii_lowercase()) {
        match token.as_slice() {
            b"" | b"close" | b"keep-alive" | b"upgrade" | b"te" | b"http2-settings" => {}
            token if token.starts_with(b":") || NEVER_NOMINATED.contains(&token) => return false,
            token => {
                headers.remove(token);
            }
        }
    }
    true
}

/// `Host` becomes `:authority`, an absolute target its path. False: the target is none.
pub fn settle_target(headers: &mut HeaderMap) -> bool {
    if let Some(host) = headers.get_joined("host") {
        headers.remove("host");
        headers.append(":authority", host);
    }
    let (method, target) = (headers.get(":method"), headers.get(":path").unwrap_or_default());
    let is_connect = method == Some(b"CONNECT");
    if !is_connect && (target.starts_with(b"/") || (target == b"*" && method == Some(b"OPTIONS"))) {
        return true;
    }
    let target = target.to_vec();
    if is_connect {
        headers.remove(":path");
        headers.set(":authority", target);
        return true;
    }
    let Some(at) = memchr::memmem::find(&target, b"://") else { return false };
    let scheme = target[..at].to_ascii_lowercase();
    if scheme != b"http" && scheme != b"https" {
        return false;
    }
    let rest = &target[at + 3..];
    let host_len = rest.iter().position(|it| matches!(it, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    if host_len == 0 {
        return false;
    }
    let (host, path) = rest.split_at(host_len);
    let mut path = path.to_vec();
    if path.first() != Some(&b'/') {
        path.insert(0, b'/');
    }
    headers.set(":authority", host);
    headers.set(":path", path);
    true
}

/// Whether a host has only the characters of an authority (RFC 3986 section 3.2).
pub fn is_authority(host: &[u8]) -> bool {
    host.iter().all(|it| it.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]@".contains(it))
}

/// Says which proxy a request passed, by its node's cluster and name.
pub fn add_user_agent(cluster: &str, node: &str, headers: &mut HeaderMap) {
    headers.set("x-envoy-downstream-service-cluster", cluster);
    if headers.get("user-agent").is_none_or(<[u8]>::is_empty) {
        headers.set("user-agent", cluster);
    }
    if !node.is_empty() {
        headers.set("x-envoy-downstream-service-node", node);
    }
}

/// Drops the host's port or last dot, where the configuration says so.
pub fn strip_host(settings: &Settings, local_port: u16, headers: &mut HeaderMap) {
    if !(settings.strips_any_port || settings.strips_matching_port || settings.strips_dot) {
        return;
    }
    let Some(host) = headers.get_str(":authority").map(str::to_owned) else { return };
    let mut new = host.as_str();
    let bare = without_port(new);
    let is_own = new.get(bare.len() + 1..).and_then(|it| it.parse().ok()) == Some(local_port);
    if settings.strips_any_port || (settings.strips_matching_port && is_own) {
        new = bare;
    }
    let mut new = new.to_owned();
    if settings.strips_dot {
        let bare_len = without_port(&new).len();
        if new[..bare_len].ends_with('.') {
            new.remove(bare_len - 1);
        }
    }
    if new != host {
        headers.set(":authority", new);
    }
}

/// The address so many trusted hops before the end of `x-forwarded-for`, and whether it is the only one.
fn forwarded(headers: &HeaderMap, hops: usize) -> Option<(IpAddr, bool)> {
    let list = headers.get_joined("x-forwarded-for")?;
    let text = std::str::from_utf8(&list).ok()?;
    let address = text.rsplit(',').nth(hops)?.trim().parse().ok()?;
    Some((address, !text.contains(',')))
}

/// Sets the headers of a request as its client and the configuration have it; gives the client's address.
/// `own` is this proxy's address, which stands for a peer on the loopback.
pub fn mutate(
    settings: &Settings,
    connection: &Connection,
    own: IpAddr,
    random: &mut Random,
    headers: &mut HeaderMap,
) -> SocketAddr {
    if !asks_upgrade(headers) {
        headers.remove("connection");
        headers.remove("upgrade");
        headers.remove("http2-settings");
        if headers.contains("te") {
            let wants_trailers = has_token(headers, "te", b"trailers");
            headers.remove("te");
            if wants_trailers {
                headers.append("te", "trailers");
            }
        }
    }
    for name in ["x-envoy-internal", "keep-alive", "proxy-connection", "transfer-encoding"] {
        headers.remove(name);
    }
    let proto = if connection.is_tls { "https" } else { "http" };
    let (client, may_be_internal) = client(settings, connection, own, proto, headers);
    if !headers.contains("x-forwarded-proto") {
        headers.append("x-forwarded-proto", proto);
    }
    if let Some(scheme) = &settings.scheme {
        headers.set(":scheme", scheme);
        headers.set("x-forwarded-proto", scheme);
    } else if !headers.contains(":scheme") {
        let forwarded = headers.get_str("x-forwarded-proto").filter(|it| matches!(*it, "http" | "https"));
        let scheme = forwarded.unwrap_or(proto).to_owned();
        headers.append(":scheme", scheme);
    }
    let is_internal = may_be_internal
        && settings
            .internal
            .as_ref()
            .is_some_and(|it| client.is_some_and(|ip| it.iter().any(|net| net.contains(&ip))));
    let is_edge = !is_internal && settings.uses_remote;
    let address = match client {
        Some(ip) if ip != connection.direct_remote.ip() => SocketAddr::new(ip, 0),
        _ => connection.direct_remote,
    };
    if is_internal {
        headers.append("x-envoy-internal", "true");
    } else {
        if is_edge {
            headers.remove_all(EDGE_ONLY);
            headers.set("x-envoy-external-address", address.ip().to_string());
        }
        headers.remove_all(INTERNAL_ONLY);
    }
    if !settings.via.is_empty() {
        add_via(settings, headers);
    }
    request_id(settings, is_edge, random, headers);
    client_cert::apply(settings, connection, headers);
    address
}

/// The client, if it is known, and whether it may be counted as internal; `x-forwarded-for` grows.
fn client(
    settings: &Settings,
    connection: &Connection,
    own: IpAddr,
    proto: &str,
    headers: &mut HeaderMap,
) -> (Option<IpAddr>, bool) {
    let peer = connection.direct_remote.ip();
    if !settings.uses_remote {
        let found = forwarded(headers, settings.trusted_hops);
        return (found.map(|it| it.0), found.is_some_and(|it| it.1));
    }
    let trusted = settings.trusted_hops.checked_sub(1).and_then(|it| forwarded(headers, it)).map(|it| it.0);
    if !settings.skips_xff {
        let hop = if peer.is_loopback() { own } else { peer }.to_string();
        let list = match headers.get_joined("x-forwarded-for") {
            Some(before) if !before.is_empty() => [&before, &b","[..], hop.as_bytes()].concat(),
            _ => hop.into_bytes(),
        };
        headers.set("x-forwarded-for", list);
    }
    if settings.trusted_hops == 0 || !headers.contains("x-forwarded-proto") {
        headers.set("x-forwarded-proto", proto);
    }
    if settings.appends_port && (settings.trusted_hops == 0 || !headers.contains("x-forwarded-port")) {
        headers.set("x-forwarded-port", connection.local.port().to_string());
    }
    (Some(trusted.unwrap_or(peer)), true)
}

/// `via` grows by this proxy.
pub fn add_via(settings: &Settings, headers: &mut HeaderMap) {
    let value = match headers.get_joined("via") {
        Some(before) if !before.is_empty() => [&before, &b", "[..], settings.via.as_bytes()].concat(),
        _ => settings.via.clone().into_bytes(),
    };
    headers.set("via", value);
}

fn request_id(settings: &Settings, is_edge: bool, random: &mut Random, headers: &mut HeaderMap) {
    if !settings.makes_request_id {
        return;
    }
    let is_forced = is_edge && !settings.keeps_request_id;
    if is_forced || headers.get("x-request-id").is_none_or(<[u8]>::is_empty) {
        headers.set("x-request-id", uuid(random));
    }
}

/// A random UUID.
pub fn uuid(random: &mut Random) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bits = (u128::from(random.draw()) << 64) | u128::from(random.draw());
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let (mut text, mut place) = ([b'-'; 36], 32);
    for (at, byte) in text.iter_mut().enumerate() {
        if !matches!(at, 8 | 13 | 18 | 23) {
            place -= 1;
            *byte = DIGITS[(bits >> (place * 4)) as usize & 15];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_a_uuid_of_version_four() {
        let text = uuid(&mut Random::new(7));
        let text = std::str::from_utf8(&text).unwrap();
        assert_eq!(text.len(), 36);
        assert_eq!((&text[14..15], &text[8..9]), ("4", "-"));
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
    }

    #[test]
    fn a_host_has_the_characters_of_an_authority() {
        for host in ["a.example:80", "[::1]", "a%20b", "a@b", "*", ""] {
            assert!(is_authority(host.as_bytes()), "{host}");
        }
        for host in ["a b", "a/b", "a\\b", "\"x\"", "a?b", "a{b}", "é"] {
            assert!(!is_authority(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn an_absolute_target_names_its_host() {
        let mut headers: HeaderMap =
            [(":method", "GET"), (":path", "http://a.example/x?y"), ("host", "b")].into_iter().collect();
        assert!(settle_target(&mut headers));
        assert_eq!(
            (headers.get_str(":authority"), headers.get_str(":path")),
            (Some("a.example"), Some("/x?y"))
        );
        headers.set(":path", "x");
        assert!(!settle_target(&mut headers));
    }
}
