//! The hash of a request that a consistent-hashing cluster places it by.
//!
//! Policies are asked in order and their hashes mixed; a terminal one ends the search once there is a hash.
//! Sources: Envoy `hash_policy.cc`, `router.cc` (`addDownstreamSetCookie`), `utility.cc` (`makeSetCookieValue`).

use super::hash::{xx64, xx64_seeded};
use crate::config::route_action::{HashCookie, HashPolicy as Config, HashPolicyPolicySpecifier as Specifier};
use crate::http::connection::Connection;
use crate::http::headers::HeaderMap;
use crate::matcher::{Rewrite, query_value};

#[derive(Debug, Clone)]
enum Source {
    Header(String, Option<Rewrite>),
    Cookie(HashCookie),
    Address,
    QueryParameter(String),
}

/// Compiled policies of one route.
#[derive(Debug, Clone, Default)]
pub struct HashPolicy {
    sources: Vec<(Source, bool)>,
}

impl HashPolicy {
    pub fn new(configs: &[Config]) -> Result<HashPolicy, String> {
        let mut sources = Vec::new();
        for config in configs {
            let source = match &config.policy_specifier {
                Specifier::Header(it) => {
                    let rewrite = it.regex_rewrite.as_ref().map(Rewrite::new).transpose()?;
                    Source::Header(it.header_name.to_ascii_lowercase(), rewrite)
                }
                Specifier::Cookie(it) => Source::Cookie(it.clone()),
                Specifier::ConnectionProperties(it) if it.source_ip => Source::Address,
                Specifier::ConnectionProperties(_) => continue,
                Specifier::QueryParameter(it) => Source::QueryParameter(it.name.clone()),
            };
            sources.push((source, config.terminal));
        }
        Ok(HashPolicy { sources })
    }

    /// The hash of a request. A cookie that had to be made is pushed to `set_cookies`, a whole `set-cookie` value each.
    pub fn hash(
        &self,
        headers: &HeaderMap,
        connection: &Connection,
        set_cookies: &mut Vec<String>,
    ) -> Option<u64> {
        let mut hash: Option<u64> = None;
        for (source, terminal) in &self.sources {
            if let Some(new) = source.hash(headers, connection, set_cookies) {
                hash = Some(hash.map_or(0, |old| old.rotate_left(1)) ^ new);
            }
            if *terminal && hash.is_some() {
                break;
            }
        }
        hash
    }
}

impl Source {
    fn hash(
        &self,
        headers: &HeaderMap,
        connection: &Connection,
        set_cookies: &mut Vec<String>,
    ) -> Option<u64> {
        match self {
            Source::Header(name, rewrite) => {
                let mut values: Vec<Vec<u8>> = headers
                    .get_all(name)
                    .map(|it| rewrite.as_ref().map_or_else(|| it.to_vec(), |rewrite| rewrite.apply(it)))
                    .collect();
                values.sort();
                let first = values.first()?;
                Some(values[1..].iter().fold(xx64(first), |seed, it| xx64_seeded(seed, it)))
            }
            Source::Cookie(cookie) => match (cookie_value(headers, cookie.name.as_bytes()), cookie.ttl) {
                (Some(value), _) => Some(xx64(value)),
                (None, Some(ttl)) => {
                    let value = made_value(connection);
                    set_cookies.push(set_cookie(cookie, &value, ttl.as_secs()));
                    Some(xx64(value.as_bytes()))
                }
                (None, None) => None,
            },
            Source::Address => Some(xx64(connection.direct_remote.ip().to_string().as_bytes())),
            Source::QueryParameter(name) => query_value(headers.get(":path")?, name.as_bytes()).map(xx64),
        }
    }
}

/// The same for all requests of a connection, so that parallel streams get one cookie.
fn made_value(connection: &Connection) -> String {
    format!("{:016x}", xx64(format!("{}{}", connection.direct_remote, connection.local).as_bytes()))
}

fn set_cookie(cookie: &HashCookie, value: &str, ttl_secs: u64) -> String {
    let mut text = format!("{}=\"{value}\"", cookie.name);
    if ttl_secs > 0 {
        text.push_str(&format!("; Max-Age={ttl_secs}"));
    }
    if !cookie.path.is_empty() {
        text.push_str(&format!("; Path={}", cookie.path));
    }
    for it in &cookie.attributes {
        text.push_str(&format!("; {}", it.name));
        if !it.value.is_empty() {
            text.push_str(&format!("={}", it.value));
        }
    }
    text + "; HttpOnly"
}

/// The value of a cookie, without quotes; an empty one is none.
pub fn cookie_value<'h>(headers: &'h HeaderMap, name: &[u8]) -> Option<&'h [u8]> {
    for field in headers.get_all("cookie") {
        for pair in field.split(|it| *it == b';') {
            let pair = pair.trim_ascii();
            let Some(at) = pair.iter().position(|it| *it == b'=') else { continue };
            if &pair[..at] == name {
                let value = &pair[at + 1..];
                let quoted = value.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\""));
                return Some(quoted.unwrap_or(value)).filter(|it| !it.is_empty());
            }
        }
    }
    None
}
