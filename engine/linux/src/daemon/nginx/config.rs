//! nginx's configuration: its words, and what they make of servers, locations and upstreams.
//!
//! Always: a directive that is not understood is refused with nginx's words; none is taken and ignored, but for those
//! that change nothing one could see here (worker counts, buffers).
//! Source: nginx 1.22 `core/ngx_conf_file.c`, `http/ngx_http_core_module.c`, `http/modules/ngx_http_rewrite_module.c`.

use super::syntax::{Directive, Wrong, arguments};
use regex_lite::Regex;
use std::net::SocketAddr;

#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    pub servers: Vec<Server>,
    pub upstreams: Vec<Upstream>,
    pub access_log: Option<String>,
    pub tokens: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Upstream {
    pub name: String,
    pub peers: Vec<Peer>,
}

#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// `host:port`
    pub address: String,
    pub weight: i64,
    pub down: bool,
    pub backup: bool,
    pub max_fails: u32,
    pub fail_timeout: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub listens: Vec<(SocketAddr, bool)>,
    pub names: Vec<String>,
    pub steps: Vec<Step>,
    pub locations: Vec<Location>,
    pub settings: Settings,
}

/// What server and location can both say.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub headers: Vec<(String, String, bool)>,
    pub default_type: String,
    pub keepalive: u64,
    pub root: String,
    pub index: Vec<String>,
    pub proxy_headers: Vec<(String, String)>,
    pub connect_timeout: u64,
    pub read_timeout: u64,
    pub autoindex: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            headers: Vec::new(),
            default_type: String::from("text/plain"),
            keepalive: 75,
            root: String::from("/usr/share/nginx/html"),
            index: vec![String::from("index.html")],
            proxy_headers: Vec::new(),
            connect_timeout: 60,
            read_timeout: 60,
            autoindex: false,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Match {
    Exact(String),
    Prefix(String),
    /// `^~`: no regular expression is tried behind it.
    Firm(String),
    Regex(Regex),
}

#[derive(Clone, Debug)]
pub(super) struct Location {
    pub matches: Match,
    pub steps: Vec<Step>,
    pub proxy: Option<String>,
    pub settings: Settings,
}

/// Of the rewrite module.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Return(u16, Option<String>),
    Rewrite(Regex, String, Flag),
    Set(String, String),
    Break,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    None,
    Last,
    Break,
    Redirect,
    Permanent,
}

/// Directives with no effect that could be seen here.
const UNSEEN: &[&str] = &[
    "sendfile",
    "tcp_nopush",
    "tcp_nodelay",
    "types_hash_max_size",
    "server_names_hash_bucket_size",
    "proxy_buffering",
    "proxy_http_version",
    "proxy_redirect",
    "client_max_body_size",
    "keepalive",
    "zone",
    "worker_connections",
    "gzip",
    "error_log",
    "include",
    "log_format",
    "chunked_transfer_encoding",
    "types",
    "proxy_buffer_size",
    "proxy_buffers",
    "server_name_in_redirect",
    "keepalive_requests",
    "client_body_buffer_size",
    "resolver",
];

impl Config {
    /// What stands in `http { … }`.
    pub fn new(directives: &[Directive]) -> Result<Config, Wrong> {
        let mut config = Config {
            tokens: true,
            access_log: Some(String::from("/var/log/nginx/access.log")),
            ..Config::default()
        };
        let mut settings = Settings::default();
        for directive in directives.iter().filter(|it| !matches!(it.name.as_str(), "server" | "upstream")) {
            match directive.name.as_str() {
                "access_log" => {
                    config.access_log = directive.words.first().filter(|path| *path != "off").cloned();
                }
                "server_tokens" => config.tokens = directive.word()? != "off",
                _ => setting(&mut settings, directive)?,
            }
        }
        for directive in directives {
            match directive.name.as_str() {
                "upstream" => config.upstreams.push(upstream(directive)?),
                "server" => config.servers.push(server(directive, &settings)?),
                _ => {}
            }
        }
        Ok(config)
    }
}

/// A directive of http, server or location alike.
fn setting(settings: &mut Settings, directive: &Directive) -> Result<(), Wrong> {
    match directive.name.as_str() {
        "add_header" => match &directive.words[..] {
            [name, value] => settings.headers.push((name.clone(), value.clone(), false)),
            [name, value, always] if always == "always" => {
                settings.headers.push((name.clone(), value.clone(), true))
            }
            _ => return Err(arguments(directive)),
        },
        "default_type" => settings.default_type = directive.word()?.to_owned(),
        "keepalive_timeout" => settings.keepalive = directive.seconds()?,
        "root" => settings.root = directive.word()?.to_owned(),
        "index" => settings.index = directive.words.clone(),
        "autoindex" => settings.autoindex = directive.word()? == "on",
        "proxy_set_header" => match &directive.words[..] {
            [name, value] => settings.proxy_headers.push((name.clone(), value.clone())),
            _ => return Err(arguments(directive)),
        },
        "proxy_connect_timeout" => settings.connect_timeout = directive.seconds()?,
        "proxy_read_timeout" | "proxy_send_timeout" => settings.read_timeout = directive.seconds()?,
        name if UNSEEN.contains(&name) => {}
        name => {
            return Err((
                format!("unknown directive \"{name}\" (or not simulated in vethlab)"),
                directive.line,
            ));
        }
    }
    Ok(())
}

fn upstream(directive: &Directive) -> Result<Upstream, Wrong> {
    let mut upstream = Upstream { name: directive.word()?.to_owned(), peers: Vec::new() };
    for inner in directive.inside()? {
        match inner.name.as_str() {
            "server" => {
                let (address, options) = inner.words.split_first().ok_or_else(|| arguments(inner))?;
                let address = if address.contains(':') { address.clone() } else { format!("{address}:80") };
                let mut peer =
                    Peer { address, weight: 1, down: false, backup: false, max_fails: 1, fail_timeout: 10 };
                for option in options {
                    let wrong = || (format!("invalid parameter \"{option}\""), inner.line);
                    match option.split_once('=') {
                        Some(("weight", value)) => peer.weight = value.parse().map_err(|_| wrong())?,
                        Some(("max_fails", value)) => peer.max_fails = value.parse().map_err(|_| wrong())?,
                        Some(("fail_timeout", value)) => {
                            peer.fail_timeout = value.trim_end_matches('s').parse().map_err(|_| wrong())?;
                        }
                        None if option == "down" => peer.down = true,
                        None if option == "backup" => peer.backup = true,
                        _ => return Err(wrong()),
                    }
                }
                upstream.peers.push(peer);
            }
            name if UNSEEN.contains(&name) => {}
            name => {
                return Err((
                    format!("unknown directive \"{name}\" (or not simulated in vethlab)"),
                    inner.line,
                ));
            }
        }
    }
    if upstream.peers.is_empty() {
        return Err((String::from("no servers are inside upstream"), directive.line));
    }
    Ok(upstream)
}

/// Lists that are said again inside replace those from outside.
fn inherited(outer: &Settings) -> Settings {
    Settings { headers: Vec::new(), proxy_headers: Vec::new(), ..outer.clone() }
}

fn settled(mut settings: Settings, outer: &Settings) -> Settings {
    if settings.headers.is_empty() {
        settings.headers.clone_from(&outer.headers);
    }
    if settings.proxy_headers.is_empty() {
        settings.proxy_headers.clone_from(&outer.proxy_headers);
    }
    settings
}

fn server(directive: &Directive, outer: &Settings) -> Result<Server, Wrong> {
    let mut settings = inherited(outer);
    let mut server = Server {
        listens: Vec::new(),
        names: Vec::new(),
        steps: Vec::new(),
        locations: Vec::new(),
        settings: outer.clone(),
    };
    let inside = directive.inside()?;
    for inner in inside.iter().filter(|inner| inner.name != "location") {
        match inner.name.as_str() {
            "listen" => {
                let (address, options) = inner.words.split_first().ok_or_else(|| arguments(inner))?;
                let standard = options.iter().any(|option| option == "default_server");
                let wrong =
                    || (format!("invalid host in \"{address}\" of the \"listen\" directive"), inner.line);
                let local = match address.parse::<u16>() {
                    Ok(port) => SocketAddr::from(([0, 0, 0, 0], port)),
                    Err(_) => address
                        .replace('*', "0.0.0.0")
                        .parse()
                        .or_else(|_| format!("{address}:80").parse())
                        .map_err(|_| wrong())?,
                };
                server.listens.push((local, standard));
            }
            "server_name" => server.names.extend(inner.words.iter().map(|name| name.to_ascii_lowercase())),
            "access_log" => {}
            _ => match step(inner)? {
                Some(step) => server.steps.push(step),
                None => setting(&mut settings, inner)?,
            },
        }
    }
    server.settings = settled(settings, outer);
    if server.listens.is_empty() {
        server.listens.push((SocketAddr::from(([0, 0, 0, 0], 80)), false));
    }
    for inner in inside.iter().filter(|inner| inner.name == "location") {
        server.locations.push(location(inner, &server.settings)?);
    }
    Ok(server)
}

fn location(directive: &Directive, outer: &Settings) -> Result<Location, Wrong> {
    let matches = match &directive.words[..] {
        [path] => Match::Prefix(path.clone()),
        [sign, path] => match sign.as_str() {
            "=" => Match::Exact(path.clone()),
            "^~" => Match::Firm(path.clone()),
            "~" | "~*" => Match::Regex(regex(path, sign == "~*", directive.line)?),
            _ => return Err((format!("invalid location modifier \"{sign}\""), directive.line)),
        },
        _ => return Err(arguments(directive)),
    };
    let mut settings = inherited(outer);
    let (mut steps, mut proxy) = (Vec::new(), None);
    for inner in directive.inside()? {
        match inner.name.as_str() {
            "proxy_pass" => {
                let url = inner.word()?;
                if !url.starts_with("http://") {
                    return Err((String::from("invalid URL prefix"), inner.line));
                }
                proxy = Some(url.to_owned());
            }
            "access_log" => {}
            _ => match step(inner)? {
                Some(step) => steps.push(step),
                None => setting(&mut settings, inner)?,
            },
        }
    }
    Ok(Location { matches, steps, proxy, settings: settled(settings, outer) })
}

fn regex(text: &str, ignore_case: bool, line: usize) -> Result<Regex, Wrong> {
    let text = if ignore_case { format!("(?i){text}") } else { text.to_owned() };
    Regex::new(&text).map_err(|_| (format!("pcre_compile() failed in \"{text}\""), line))
}

fn step(directive: &Directive) -> Result<Option<Step>, Wrong> {
    Ok(Some(match (directive.name.as_str(), &directive.words[..]) {
        ("return", [code]) => match code.parse() {
            Ok(code) => Step::Return(code, None),
            Err(_) if code.contains("://") || code.starts_with('$') => Step::Return(302, Some(code.clone())),
            Err(_) => return Err((format!("invalid return code \"{code}\""), directive.line)),
        },
        ("return", [code, text]) => {
            let wrong = || (format!("invalid return code \"{code}\""), directive.line);
            Step::Return(code.parse().map_err(|_| wrong())?, Some(text.clone()))
        }
        ("rewrite", [from, to, rest @ ..]) => {
            let flag = match rest {
                [] if to.starts_with("http://") || to.starts_with("https://") => Flag::Redirect,
                [] => Flag::None,
                [flag] => match flag.as_str() {
                    "last" => Flag::Last,
                    "break" => Flag::Break,
                    "redirect" => Flag::Redirect,
                    "permanent" => Flag::Permanent,
                    _ => return Err((format!("invalid parameter \"{flag}\""), directive.line)),
                },
                _ => return Err(arguments(directive)),
            };
            Step::Rewrite(regex(from, false, directive.line)?, to.clone(), flag)
        }
        ("set", [name, value]) => Step::Set(name.trim_start_matches('$').to_owned(), value.clone()),
        ("break", []) => Step::Break,
        ("return" | "rewrite" | "set" | "break", _) => return Err(arguments(directive)),
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::syntax::read;
    use super::*;

    fn wrong(text: &str) -> String {
        read(text)
            .and_then(|it| Config::new(&it))
            .err()
            .map(|(told, line)| format!("{told}:{line}"))
            .unwrap_or_default()
    }

    #[test]
    fn mistakes_are_told_as_nginx_tells_them() {
        assert_eq!(wrong("server {\n listen 80\n}"), "directive \"listen\" is not terminated by \";\":3");
        assert_eq!(wrong("server { listen 80;"), "unexpected end of file, expecting \"}\":1");
        assert_eq!(wrong("}"), "unexpected \"}\":1");
        assert_eq!(wrong("upstream a { }"), "no servers are inside upstream:1");
        assert_eq!(wrong("server { return 200 \"a;b}\\n\"; location ~ \\.php$ { return 404; } }"), "");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in "[a-z0-9 ;{}\"'$\\\\#\n/~=]{0,60}") {
            wrong(&text);
        }
    }
}
