//! Envoy's command line, as TCLAP reads it: `--name value` or `--name=value`, `-c value`; nothing twice.
//!
//! Always: an option is honoured, refused as unknown in TCLAP's words, or named as not simulated.
//! Differs from Envoy: `--help` and the "Brief USAGE" of an error do not list the options.
//! Source: envoy `source/server/options_impl.cc`; tclap `StdOutput.h`.

use super::log::LEVELS;

/// The release whose behaviour the proxy was compared with.
const VERSION: &str = "9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Serve,
    Validate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub config_path: String,
    pub config_yaml: String,
    pub mode: Mode,
    /// Of [`LEVELS`].
    pub log_level: usize,
    pub service_cluster: String,
    pub service_node: String,
    pub flush_interval_ms: u64,
    pub restarts_hot: bool,
}

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Run(Options),
    /// Only that this be printed.
    Say(String),
}

/// Options with a value.
const VALUED: &[&str] = &[
    "config-path",
    "config-yaml",
    "mode",
    "log-level",
    "service-cluster",
    "service-node",
    "file-flush-interval-msec",
    "concurrency",
    "base-id",
    "restart-epoch",
    "local-address-ip-version",
];
const NOT_SIMULATED: &[&str] = &[
    "admin-address-path",
    "allow-unknown-fields",
    "allow-unknown-static-fields",
    "base-id-path",
    "bootstrap-version",
    "component-log-level",
    "cpuset-threads",
    "disable-extensions",
    "drain-strategy",
    "drain-time-s",
    "enable-core-dump",
    "enable-fine-grain-logging",
    "enable-mutex-tracing",
    "file-flush-min-size-kb",
    "hot-restart-version",
    "ignore-unknown-dynamic-fields",
    "log-format",
    "log-format-escaped",
    "log-path",
    "parent-shutdown-time-s",
    "reject-unknown-dynamic-fields",
    "service-zone",
    "skip-deprecated-logs",
    "skip-hot-restart-on-no-parent",
    "skip-hot-restart-parent-stats",
    "socket-mode",
    "socket-path",
    "stats-tag",
    "use-dynamic-base-id",
];

fn parse_error(argument: &str, why: &str) -> String {
    format!(
        "PARSE ERROR: Argument: {argument}\n             {why}\n\nFor complete USAGE and HELP type: \n   envoy --help\n\n{argument} -- {why}\n"
    )
}

/// As TCLAP names it in a complaint.
fn shown(name: &str) -> String {
    match name {
        "config-path" => "-c (--config-path)".to_owned(),
        "log-level" => "-l (--log-level)".to_owned(),
        name => format!("(--{name})"),
    }
}

fn not_simulated(option: &str, instead: &str) -> String {
    format!("envoy: {option}: not simulated in vethlab; use {instead}\n")
}

impl Options {
    pub fn parse(words: &[String]) -> Result<Asked, String> {
        let mut options = Options {
            config_path: String::new(),
            config_yaml: String::new(),
            mode: Mode::Serve,
            log_level: 2,
            service_cluster: String::new(),
            service_node: String::new(),
            flush_interval_ms: 10_000,
            restarts_hot: true,
        };
        let (mut words, mut seen) = (words.iter(), Vec::new());
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=').filter(|_| word.starts_with("--")) {
                Some((name, value)) => (name, Some(value)),
                None => (word.as_str(), None),
            };
            let name = match name {
                "-c" => "config-path",
                "-l" => "log-level",
                "-h" => "help",
                name => name.strip_prefix("--").unwrap_or(""),
            };
            if NOT_SIMULATED.contains(&name) {
                return Err(not_simulated(word, "the usual behaviour without it"));
            }
            if seen.contains(&name) {
                return Err(parse_error(&shown(name), "Argument already set!"));
            }
            match name {
                "version" => return Ok(Asked::Say(format!("\nenvoy  version: {VERSION}\n\n"))),
                "help" => return Err(not_simulated("--help", "envoy's documentation")),
                "disable-hot-restart" => options.restarts_hot = false,
                name if VALUED.contains(&name) => {
                    let Some(value) = value.or_else(|| words.next().map(String::as_str)) else {
                        return Err(parse_error(&shown(name), "Missing a value for this argument!"));
                    };
                    options.set(name, value)?;
                }
                _ => return Err(parse_error(word, "Couldn't find match for argument")),
            }
            seen.push(name);
        }
        if !options.config_path.is_empty() && !options.config_yaml.is_empty() {
            return Err(not_simulated("--config-yaml with --config-path", "one of them"));
        }
        Ok(Asked::Run(options))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || {
            let why = format!("Couldn't read argument value from string '{value}'");
            value.parse::<u32>().map_err(|_| parse_error(&shown(name), &why))
        };
        let only = |number: u32, wanted: u32| {
            if number == wanted {
                Ok(())
            } else {
                Err(not_simulated(&format!("--{name} {number}"), &wanted.to_string()))
            }
        };
        match name {
            "config-path" => self.config_path = value.to_owned(),
            "config-yaml" => self.config_yaml = value.to_owned(),
            "mode" => {
                self.mode = match value {
                    "serve" => Mode::Serve,
                    "validate" => Mode::Validate,
                    "init_only" => return Err(not_simulated("--mode init_only", "--mode validate")),
                    _ => return Err(format!("error: unknown mode '{value}'\n")),
                }
            }
            "log-level" => {
                let level = if value == "warn" { "warning" } else { value };
                let known = LEVELS.iter().position(|it| *it == level);
                self.log_level =
                    known.ok_or_else(|| format!("error: invalid log level specified '{value}'\n"))?;
            }
            "service-cluster" => self.service_cluster = value.to_owned(),
            "service-node" => self.service_node = value.to_owned(),
            "file-flush-interval-msec" => self.flush_interval_ms = u64::from(number()?),
            "concurrency" => only(number()?, 1)?,
            "base-id" | "restart-epoch" => only(number()?, 0)?,
            _ if value == "v4" => {}
            _ if value == "v6" => return Err(not_simulated("--local-address-ip-version v6", "v4")),
            _ => return Err(format!("error: unknown IP address version '{value}'\n")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Asked, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_taken_in_both_forms() {
        let Ok(Asked::Run(options)) = parse("-c /e.yaml --mode=validate -l warn --service-node a") else {
            panic!("it is a command line");
        };
        assert_eq!((options.config_path.as_str(), options.mode), ("/e.yaml", Mode::Validate));
        assert_eq!((LEVELS[options.log_level], options.service_node.as_str()), ("warning", "a"));
    }

    #[test]
    fn what_envoy_does_not_know_and_what_is_not_simulated_are_told_apart() {
        let first = |line| parse(line).expect_err("refused").lines().take(2).collect::<Vec<_>>().join("|");
        assert_eq!(
            first("--frob"),
            "PARSE ERROR: Argument: --frob|             Couldn't find match for argument"
        );
        assert_eq!(
            first("-c a -c b"),
            "PARSE ERROR: Argument: -c (--config-path)|             Argument already set!"
        );
        assert_eq!(first("--mode fly"), "error: unknown mode 'fly'");
        assert_eq!(
            first("--drain-time-s 5"),
            "envoy: --drain-time-s: not simulated in vethlab; use the usual behaviour without it"
        );
        assert_eq!(first("--concurrency 2"), "envoy: --concurrency 2: not simulated in vethlab; use 1");
    }
}
