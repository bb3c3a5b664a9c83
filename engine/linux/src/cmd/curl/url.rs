//! A URL as curl reads, completes and follows it.
//!
//! Source: curl 7.88.1 `lib/urlapi.c` (parseurl, concat_url, dedotdotify, ipv4_normalize).

use crate::{percent, resolver};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub scheme: String,
    pub user: Option<(String, String)>,
    /// Without brackets.
    pub host: String,
    pub port: Option<u16>,
    pub path: String,
    /// With its `?`, or empty.
    pub query: String,
}

/// Bytes a host name never has.
const NOT_IN_HOSTS: &str = " \r\n\t/:#?!@{}[]\\$'\"^`*<>=;,+&()";

impl Url {
    /// `None`: malformed.
    pub fn parse(text: &str, path_as_is: bool) -> Option<Url> {
        if text.chars().any(|letter| letter <= ' ' || letter == '\x7f') {
            return None;
        }
        let (scheme, rest) = match scheme(text) {
            Some((scheme, rest)) => {
                let after = rest.trim_start_matches('/');
                let slashes = rest.len() - after.len();
                if !(1..=3).contains(&slashes) {
                    return None;
                }
                (Some(scheme), after)
            }
            None => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (login, host) = match authority.split_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        let user = login.map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            (percent::decode(user), percent::decode(password))
        });
        let (host, port) = host_and_port(host)?;
        let scheme = scheme.unwrap_or_else(|| guessed(&host).to_owned());
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let path = match path {
            "" => String::from("/"),
            path if path_as_is => path.to_owned(),
            path => without_dots(path),
        };
        Some(Url { scheme, user, host, port, path, query: query.to_owned() })
    }

    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.scheme == "https" { 443 } else { 80 })
    }

    pub fn is_v6(&self) -> bool {
        self.host.contains(':')
    }

    /// `host` or `host:port`, as the Host field says it.
    pub fn authority(&self) -> String {
        let host = if self.is_v6() { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.scheme == "https" { 443 } else { 80 };
        if self.port() == usual { host } else { format!("{host}:{}", self.port()) }
    }

    /// The whole again.
    pub fn text(&self) -> String {
        let host = if self.is_v6() { format!("[{}]", self.host) } else { self.host.clone() };
        let user = match &self.user {
            Some((user, password)) if password.is_empty() => format!("{user}@"),
            Some((user, password)) => format!("{user}:{password}@"),
            None => String::new(),
        };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{user}{host}{port}{}{}", self.scheme, self.path, self.query)
    }

    /// Where a Location leads from here.
    pub fn join(&self, location: &str) -> String {
        let location = escaped(location);
        if scheme(&location).is_some() {
            return location;
        }
        let host = if self.is_v6() { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let origin = format!("{}://{host}{port}", self.scheme);
        let joined = if let Some(rest) = location.strip_prefix("//") {
            format!("{}://{rest}", self.scheme)
        } else if location.starts_with('/') {
            format!("{origin}{location}")
        } else if location.starts_with('?') {
            format!("{origin}{}{location}", self.path)
        } else {
            let folder = self.path.rfind('/').map_or("", |at| &self.path[..at]);
            format!("{origin}{folder}/{location}")
        };
        Url::parse(&joined, false).map_or(joined, |url| url.text())
    }
}

/// `http` and what follows the colon.
fn scheme(text: &str) -> Option<(String, &str)> {
    let at = text.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter))?;
    let (scheme, rest) = text.split_at(at);
    let rest = rest.strip_prefix(':')?;
    (scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) && rest.starts_with('/'))
        .then(|| (scheme.to_ascii_lowercase(), rest))
}

fn guessed(host: &str) -> &'static str {
    let host = host.to_ascii_lowercase();
    ["ftp", "dict", "ldap", "imap", "smtp", "pop3"]
        .into_iter()
        .find(|scheme| host.strip_prefix(scheme).is_some_and(|rest| rest.starts_with('.')))
        .unwrap_or("http")
}

fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside.split_once(']')?;
        let (address, zone) = host.split_once('%').unwrap_or((host, ""));
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        let zone = zone.strip_prefix("25").unwrap_or(zone);
        let zone = if zone.is_empty() { String::new() } else { format!("%{zone}") };
        (format!("{address}{zone}"), rest.strip_prefix(':').or(rest.is_empty().then_some(""))?)
    } else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        let host = percent::decode(host);
        if host.is_empty() || host.contains(|letter: char| NOT_IN_HOSTS.contains(letter)) {
            return None;
        }
        let number = host.starts_with(|letter: char| letter.is_ascii_digit());
        let normal = resolver::inet_aton(&host).filter(|_| number).map(|address| address.to_string());
        (normal.unwrap_or(host), port)
    };
    if port.is_empty() {
        return Some((host, None));
    }
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    Some((host, Some(port.parse().ok().filter(|_| digits)?)))
}

/// Removes `/./` and `/../`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        match *part {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

/// A Location with spaces and bytes above ASCII made fit to be sent.
fn escaped(location: &str) -> String {
    let mut text = String::new();
    let mut query = false;
    for byte in location.bytes() {
        query |= byte == b'?';
        match byte {
            b' ' if query => text.push('+'),
            b' ' => text.push_str("%20"),
            0x21..=0x7e => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<String> {
        Url::parse(text, false).map(|url| url.text())
    }

    #[test]
    fn a_url_may_leave_out_much() {
        assert_eq!(whole("127.0.0.1").as_deref(), Some("http://127.0.0.1/"));
        assert_eq!(whole("HTTP:///lab:81?x=y").as_deref(), Some("http://lab:81/?x=y"));
        assert_eq!(whole("http://lab/a/../b/./c?x#frag").as_deref(), Some("http://lab/b/c?x"));
        assert_eq!(whole("127.1/").as_deref(), Some("http://127.0.0.1/"));
        assert_eq!(whole("http://[::1]:8080").as_deref(), Some("http://[::1]:8080/"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in
            ["http://", "http://h:99999/", "http://h:abc/", "http://a b/", "http://[::1/", "http://{a}/"]
        {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn a_location_is_read_from_where_one_is() {
        let url = Url::parse("http://lab:81/a/b?c", false).expect("a URL");
        assert_eq!(url.join("/new"), "http://lab:81/new");
        assert_eq!(url.join("d"), "http://lab:81/a/d");
        assert_eq!(url.join("?x"), "http://lab:81/a/b?x");
        assert_eq!(url.join("http://other/x y"), "http://other/x%20y");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in ".{0,60}", location in ".{0,40}") {
            if let Some(url) = Url::parse(&text, false) {
                url.join(&location);
            }
        }
    }
}
