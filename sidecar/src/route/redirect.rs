//! Redirects: the `location` a client is sent to.

use super::{Route, without_query};
use crate::config::route_action as config;
use crate::http::HeaderMap;
use crate::matcher::Rewrite;

#[derive(Debug)]
enum NewPath {
    Same,
    Path(String),
    Prefix(String),
    Regex(Rewrite),
}

/// A compiled redirect.
#[derive(Debug)]
pub struct Redirect {
    scheme: Option<String>,
    host: String,
    port: u32,
    path: NewPath,
    strips_query: bool,
    /// The status of the answer.
    pub status: u16,
}

impl Redirect {
    /// Compiles a configuration.
    pub fn new(config: &config::RedirectAction) -> Result<Redirect, String> {
        use config::RedirectActionPathRewriteSpecifier as PathConfig;
        use config::RedirectActionSchemeRewriteSpecifier as Scheme;
        use config::RedirectResponseCode as Code;
        Ok(Redirect {
            scheme: match &config.scheme_rewrite_specifier {
                Some(Scheme::HttpsRedirect(true)) => Some("https".to_owned()),
                Some(Scheme::SchemeRedirect(scheme)) if !scheme.is_empty() => Some(scheme.clone()),
                _ => None,
            },
            host: config.host_redirect.clone(),
            port: config.port_redirect,
            path: match &config.path_rewrite_specifier {
                Some(PathConfig::PathRedirect(it)) if !it.is_empty() => NewPath::Path(it.clone()),
                Some(PathConfig::PrefixRewrite(it)) if !it.is_empty() => NewPath::Prefix(it.clone()),
                Some(PathConfig::RegexRewrite(it)) => NewPath::Regex(Rewrite::new(it)?),
                _ => NewPath::Same,
            },
            strips_query: config.strip_query,
            status: match config.response_code {
                Code::MovedPermanently => 301,
                Code::Found => 302,
                Code::SeeOther => 303,
                Code::TemporaryRedirect => 307,
                Code::PermanentRedirect => 308,
            },
        })
    }

    /// Where the client is sent to.
    pub fn location(&self, route: &Route, headers: &HeaderMap) -> Vec<u8> {
        let old_scheme = headers.get_str(":scheme").unwrap_or("http");
        let scheme = self.scheme.as_deref().unwrap_or(old_scheme);
        let authority = headers.get_str(":authority").unwrap_or_default();
        let mut host = if self.host.is_empty() { authority } else { &self.host };
        // A port that was the default of the old scheme is not that of the new one.
        if self.port != 0 {
            host = super::table::without_port(host);
        } else if self.host.is_empty() && scheme != old_scheme {
            let default = if old_scheme == "https" { ":443" } else { ":80" };
            host = host.strip_suffix(default).unwrap_or(host);
        }
        let mut location = format!("{scheme}://{host}");
        if self.port != 0 {
            location.push_str(&format!(":{}", self.port));
        }
        let mut location = location.into_bytes();
        self.write_path(route, headers.get(":path").unwrap_or(b"/"), &mut location);
        location
    }

    fn write_path(&self, route: &Route, path: &[u8], location: &mut Vec<u8>) {
        let (bare, query) = path.split_at(without_query(path).len());
        let query = if self.strips_query { &[] } else { query };
        match &self.path {
            NewPath::Same => location.extend_from_slice(bare),
            NewPath::Path(new) => {
                location.extend_from_slice(new.as_bytes());
                if new.contains('?') {
                    return;
                }
            }
            NewPath::Prefix(prefix) => {
                location.extend_from_slice(prefix.as_bytes());
                location.extend_from_slice(bare.get(route.matched_len(path)..).unwrap_or_default());
            }
            NewPath::Regex(regex) => location.extend_from_slice(&regex.apply(bare)),
        }
        location.extend_from_slice(query);
    }
}
