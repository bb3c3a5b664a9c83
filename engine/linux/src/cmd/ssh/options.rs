//! The command line of `ssh`.
//!
//! Always: the destination and all before it are options; what follows it is the command, joined by blanks.
//! Source: ssh(1), ssh_config(5).

use crate::ssh::PORT;
use net::rtnetlink::Family;
use std::time::Duration;

const USAGE: &str = "usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]
           [-b bind_address] [-c cipher_spec] [-D [bind_address:]port]
           [-E log_file] [-e escape_char] [-F configfile] [-I pkcs11]
           [-i identity_file] [-J [user@]host[:port]] [-L address]
           [-l login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-p port]
           [-Q query_option] [-R address] [-S ctl_path] [-W host:port]
           [-w local_tun[:remote_tun]] destination [command [argument ...]]
";

/// Options of ssh that are not simulated: those without an argument, those with one.
const LACKING: &str = "AaCfGgKkMNsvXxYy";
const LACKING_VALUE: &str = "BbcDEeFIiJLmOQRSWw";
/// Options of ssh_config(5) that exist and are not simulated.
const LACKING_NAMES: &[&str] = &[
    "addkeystoagent",
    "addressfamily",
    "bindaddress",
    "ciphers",
    "compression",
    "connectionattempts",
    "controlmaster",
    "controlpath",
    "dynamicforward",
    "escapechar",
    "forwardagent",
    "forwardx11",
    "globalknownhostsfile",
    "hostkeyalgorithms",
    "hostname",
    "identitiesonly",
    "identityfile",
    "kexalgorithms",
    "localforward",
    "loglevel",
    "macs",
    "numberofpasswordprompts",
    "passwordauthentication",
    "port",
    "preferredauthentications",
    "proxycommand",
    "proxyjump",
    "pubkeyauthentication",
    "remotecommand",
    "remoteforward",
    "requesttty",
    "sendenv",
    "serveralivecountmax",
    "serveraliveinterval",
    "setenv",
    "tcpkeepalive",
    "user",
    "userknownhostsfile",
];

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub command: Option<String>,
    pub family: Option<Family>,
    /// -t, -T; else as the command asks for.
    pub terminal: Option<bool>,
    /// -n
    pub no_input: bool,
    pub quiet: bool,
    pub timeout: Option<Duration>,
}

/// What to print instead of connecting, and the status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub text: String,
    pub status: u8,
}

fn failed(text: impl Into<String>) -> Said {
    Said { text: text.into(), status: 255 }
}

pub(super) fn parse(words: &[String]) -> Result<Options, Said> {
    let mut options = Options { port: PORT, ..Options::default() };
    let mut words = words.iter();
    let mut destination = None;
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|it| !it.is_empty()) else {
            destination = Some(word.clone());
            break;
        };
        if letters == "-" {
            destination = words.next().cloned();
            break;
        }
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            let mut value = || {
                let rest: String = letters.by_ref().collect();
                (!rest.is_empty()).then_some(rest).or_else(|| words.next().cloned())
            };
            match letter {
                '4' => options.family = Some(Family::Inet),
                '6' => options.family = Some(Family::Inet6),
                'n' => options.no_input = true,
                'q' => options.quiet = true,
                'T' => options.terminal = Some(false),
                't' => options.terminal = Some(true),
                'V' => {
                    let text = "OpenSSH_9.2p1 Debian-2+deb12u6, OpenSSL 3.0.19 27 Jan 2026\n".to_owned();
                    return Err(Said { text, status: 0 });
                }
                'l' | 'o' | 'p' => match value() {
                    Some(value) => valued(&mut options, letter, &value)?,
                    None => return Err(failed(format!("option requires an argument -- {letter}\n{USAGE}"))),
                },
                letter if LACKING.contains(letter) || LACKING_VALUE.contains(letter) => {
                    let use_ = "use -p, -l or -o ConnectTimeout=";
                    return Err(failed(format!("ssh: -{letter}: not simulated in vethlab; {use_}\n")));
                }
                letter => return Err(failed(format!("unknown option -- {letter}\n{USAGE}"))),
            }
        }
    }
    let Some(destination) = destination else { return Err(failed(USAGE)) };
    place(&mut options, &destination)?;
    let command: Vec<&str> = words.map(String::as_str).collect();
    options.command = (!command.is_empty()).then(|| command.join(" "));
    Ok(options)
}

fn valued(options: &mut Options, letter: char, value: &str) -> Result<(), Said> {
    match letter {
        'l' => options.user = Some(value.to_owned()),
        'p' => match value.parse() {
            Ok(port) if port > 0 => options.port = port,
            _ => return Err(failed(format!("Bad port '{value}'\n"))),
        },
        _ => return named(options, value),
    }
    Ok(())
}

/// `-o Name=value`
fn named(options: &mut Options, text: &str) -> Result<(), Said> {
    let (name, value) = text.split_once(['=', ' ']).unwrap_or((text, ""));
    let (lower, value) = (name.trim().to_ascii_lowercase(), value.trim());
    match lower.as_str() {
        // Nobody is ever asked anything, and every host's key is known.
        "batchmode" | "stricthostkeychecking" if !value.is_empty() => Ok(()),
        "connecttimeout" => match value.parse::<u64>() {
            Ok(seconds) => {
                options.timeout = Some(Duration::from_secs(seconds));
                Ok(())
            }
            Err(_) => Err(failed("command-line line 0: invalid time value.\n")),
        },
        known if LACKING_NAMES.contains(&known) => Err(failed(format!(
            "ssh: -o {name}: not simulated in vethlab; use -p, -l or -o ConnectTimeout=\n"
        ))),
        "batchmode" | "stricthostkeychecking" => Err(failed("command-line line 0: missing argument.\n")),
        unknown => Err(failed(format!("command-line: line 0: Bad configuration option: {unknown}\n"))),
    }
}

/// `[user@]host`, `ssh://[user@]host[:port]`
fn place(options: &mut Options, destination: &str) -> Result<(), Said> {
    let (rest, url) = match destination.strip_prefix("ssh://") {
        Some(rest) => (rest.trim_end_matches('/'), true),
        None => (destination, false),
    };
    let host = match rest.rsplit_once('@') {
        Some((user, host)) => {
            options.user = Some(user.to_owned());
            host
        }
        None => rest,
    };
    let host = match host.rsplit_once(':').filter(|_| url) {
        Some((host, port)) => {
            options.port = port.parse().map_err(|_| failed(USAGE))?;
            host
        }
        None => host,
    };
    if host.is_empty() {
        return Err(failed(USAGE));
    }
    options.host = host.to_owned();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, Said> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_follows_the_destination_is_the_command() {
        let options = parsed("-p 2222 root@node-1 ls -l /").expect("it is right");
        assert_eq!((options.host.as_str(), options.port), ("node-1", 2222));
        assert_eq!((options.user.as_deref(), options.command.as_deref()), (Some("root"), Some("ls -l /")));
        assert_eq!(parsed("ssh://a@h:23").expect("it is right").port, 23);
    }

    #[test]
    fn wrong_words_are_refused_in_the_words_of_openssh() {
        let said = |line: &str| parsed(line).expect_err("it is wrong").text;
        assert_eq!(said("-p x h"), "Bad port 'x'\n");
        assert_eq!(said("-o Foo=1 h"), "command-line: line 0: Bad configuration option: foo\n");
        assert!(said("-Z h").starts_with("unknown option -- Z\nusage: ssh ["));
        assert!(said("-J a b").contains("not simulated"));
    }
}
