//! What all plugins do alike: environment, configuration, versions, and how they answer.
//!
//! Always: what is missing in the environment is told all at once; a plugin's own work begins only when the rest is right.
//! Differs from the real thing: GC and STATUS are unknown, as they are to plugins of this version.
//! Source: libcni 1.1.1 `pkg/skel`, `pkg/utils`, `pkg/version`.

use super::config::{NetConf, parse};
use super::error::{
    CniError, CniResult, DECODING, INCOMPATIBLE_VERSION, INVALID_CONFIG, INVALID_ENVIRONMENT, IO, words,
};
use super::{Plugin, bridge, firewall, flannel, host_local, loopback, portmap, ptp, tuning};
use linux::{Exit, STDIN, Sys};

const VERSIONS: [&str; 6] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"];
const CURRENT: &str = "1.0.0";
const NAME_BYTES: usize = 15;

/// How a plugin was called.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub container: String,
    /// Path of the namespace; empty where there is none any more.
    pub netns: String,
    pub ifname: String,
    pub arguments: String,
    pub path: String,
    /// The configuration, as it came.
    pub stdin: String,
}

pub async fn main(sys: Sys, plugin: Plugin) -> Exit {
    match run(&sys, plugin).await {
        Ok(text) => {
            sys.print(text).await;
            Exit::OK
        }
        Err(error) => {
            sys.print(error.json()).await;
            Exit::FAILURE
        }
    }
}

async fn run(sys: &Sys, plugin: Plugin) -> CniResult<String> {
    let command = sys.env("CNI_COMMAND").await.unwrap_or_default();
    if command.is_empty() {
        let about = format!(
            "CNI {} plugin version unknown\nCNI protocol versions supported: {}\n",
            plugin.name(),
            versions(plugin).join(", ")
        );
        sys.eprint(about).await;
        return Ok(String::new());
    }
    let call = environment(sys, &command).await?;
    if command == "VERSION" {
        let quoted: Vec<String> = versions(plugin).iter().map(|it| format!("\"{it}\"")).collect();
        let supported = quoted.join(",");
        return Ok(format!("{{\"cniVersion\":\"{CURRENT}\",\"supportedVersions\":[{supported}]}}\n"));
    }
    let config = validate(&call)?;
    match command.as_str() {
        "ADD" | "DEL" => check_version(plugin, &config)?,
        "CHECK" => {
            let wanted = version_of(&config);
            if !at_least(&wanted, "0.4.0")? {
                return Err(CniError::new(INCOMPATIBLE_VERSION, "config version does not allow CHECK"));
            }
            if !at_least(CURRENT, &wanted)? {
                return Err(CniError::new(INCOMPATIBLE_VERSION, "plugin version does not allow CHECK"));
            }
            check_version(plugin, &config)?;
        }
        other => return Err(CniError::new(INVALID_ENVIRONMENT, format!("unknown CNI_COMMAND: {other}"))),
    }
    perform(sys, plugin, &command, &call).await
}

async fn perform(sys: &Sys, plugin: Plugin, command: &str, call: &Call) -> CniResult<String> {
    let nothing = |()| String::new();
    match (plugin, command) {
        (Plugin::Bridge, "ADD") => bridge::add(sys, call).await,
        (Plugin::Bridge, "DEL") => bridge::delete(sys, call).await.map(nothing),
        (Plugin::Bridge, _) => bridge::check(sys, call).await.map(nothing),
        (Plugin::Ptp, "ADD") => ptp::add(sys, call).await,
        (Plugin::Ptp, "DEL") => ptp::delete(sys, call).await.map(nothing),
        (Plugin::Ptp, _) => ptp::check(sys, call).await.map(nothing),
        (Plugin::Loopback, "ADD") => loopback::add(sys, call).await,
        (Plugin::Loopback, "DEL") => loopback::delete(sys, call).await.map(nothing),
        (Plugin::Loopback, _) => loopback::check(sys, call).await.map(nothing),
        (Plugin::HostLocal, "ADD") => host_local::add(sys, call).await,
        (Plugin::HostLocal, "DEL") => host_local::delete(sys, call).await.map(nothing),
        (Plugin::HostLocal, _) => host_local::check(sys, call).await.map(nothing),
        (Plugin::Portmap, "ADD") => portmap::add(sys, call).await,
        (Plugin::Portmap, "DEL") => portmap::delete(sys, call).await.map(nothing),
        (Plugin::Portmap, _) => portmap::check(sys, call).await.map(nothing),
        (Plugin::Firewall, "ADD") => firewall::add(sys, call).await,
        (Plugin::Firewall, "DEL") => firewall::delete(sys, call).await.map(nothing),
        (Plugin::Firewall, _) => firewall::check(sys, call).await.map(nothing),
        (Plugin::Tuning, "ADD") => tuning::add(sys, call).await,
        (Plugin::Tuning, "DEL") => tuning::delete(sys, call).await.map(nothing),
        (Plugin::Tuning, _) => tuning::check(sys, call).await.map(nothing),
        (Plugin::Flannel, "ADD") => flannel::add(sys, call).await,
        (Plugin::Flannel, "DEL") => flannel::delete(sys, call).await.map(nothing),
        (Plugin::Flannel, _) => flannel::check(sys, call).await.map(nothing),
        (Plugin::Missing(name), _) => Err(CniError::internal(format!(
            "{name}: not simulated in vethlab; use bridge, ptp or host-local"
        ))),
    }
}

/// firewall came with version 0.4.0.
fn versions(plugin: Plugin) -> &'static [&'static str] {
    match plugin {
        Plugin::Firewall => &VERSIONS[4..],
        _ => &VERSIONS,
    }
}

async fn environment(sys: &Sys, command: &str) -> CniResult<Call> {
    let mut missing = Vec::new();
    let mut values = Vec::new();
    let is_called = matches!(command, "ADD" | "CHECK" | "DEL");
    for (name, is_needed) in [
        ("CNI_CONTAINERID", is_called),
        ("CNI_NETNS", is_called && command != "DEL"),
        ("CNI_IFNAME", is_called),
        ("CNI_ARGS", false),
        ("CNI_PATH", is_called),
    ] {
        let value = sys.env(name).await.unwrap_or_default();
        if is_needed && value.is_empty() {
            missing.push(name);
        }
        values.push(value);
    }
    if !missing.is_empty() {
        let missing = missing.join(",");
        let words = format!("required env variables [{missing}] missing");
        return Err(CniError::new(INVALID_ENVIRONMENT, words));
    }
    let mut call = Call::default();
    if command != "VERSION" {
        let failed = |errno| CniError::new(IO, format!("error reading from stdin: {}", words(errno)));
        let bytes = sys.read_all(STDIN).await.map_err(failed)?;
        call.stdin = String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or_default();
    (call.container, call.netns, call.ifname, call.arguments, call.path) =
        (next(), next(), next(), next(), next());
    Ok(call)
}

fn validate(call: &Call) -> CniResult<NetConf> {
    let decoding = |why: String| CniError::new(DECODING, format!("error unmarshall network config: {why}"));
    parse(&call.stdin).map_err(decoding)?;
    let config = NetConf::parse(&call.stdin).map_err(decoding)?;
    let with = |code, message: &str, details: &str| {
        Err(CniError { details: details.to_owned(), ..CniError::new(code, message) })
    };
    if config.name.is_empty() {
        return with(INVALID_CONFIG, "missing network name", "");
    }
    if !is_name(&config.name) {
        return with(INVALID_CONFIG, "invalid characters found in network name", &config.name);
    }
    if !call.container.is_empty() && !is_name(&call.container) {
        return with(INVALID_ENVIRONMENT, "invalid characters in containerID", &call.container);
    }
    if call.container.is_empty() {
        return with(3, "missing containerID", "");
    }
    let name = call.ifname.as_str();
    if name.is_empty() {
        return with(INVALID_ENVIRONMENT, "interface name is empty", "");
    }
    if name.len() > NAME_BYTES {
        let details = format!("interface name should be less than {} characters", NAME_BYTES + 1);
        return with(INVALID_ENVIRONMENT, "interface name is too long", &details);
    }
    if name == "." || name == ".." {
        return with(INVALID_ENVIRONMENT, "interface name is . or ..", "");
    }
    if name.contains(|it: char| it == '/' || it == ':' || it.is_whitespace()) {
        let words = "interface name contains / or : or whitespace characters";
        return with(INVALID_ENVIRONMENT, words, "");
    }
    Ok(config)
}

/// At least two letters: the first a letter or digit, the others also `_`, `.` or `-`.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|it| it.is_ascii_alphanumeric())
        && letters.all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-'))
}

fn version_of(config: &NetConf) -> String {
    if config.version.is_empty() { "0.1.0".to_owned() } else { config.version.clone() }
}

fn check_version(plugin: Plugin, config: &NetConf) -> CniResult<()> {
    let (wanted, supported) = (version_of(config), versions(plugin));
    if supported.contains(&wanted.as_str()) {
        return Ok(());
    }
    let quoted: Vec<String> = supported.iter().map(|it| format!("\"{it}\"")).collect();
    let details = format!("config is \"{wanted}\", plugin supports [{}]", quoted.join(" "));
    Err(CniError { details, ..CniError::new(INCOMPATIBLE_VERSION, "incompatible CNI versions") })
}

/// Whether a version is not older than another.
pub fn at_least(version: &str, other: &str) -> CniResult<bool> {
    let failed = |why| CniError::new(DECODING, why);
    Ok(numbers(version).map_err(failed)? >= numbers(other).map_err(failed)?)
}

fn numbers(version: &str) -> Result<[i64; 3], String> {
    if version.is_empty() {
        return Err("invalid version \"\": the version is empty".to_owned());
    }
    let parts: Vec<&str> = version.split('.').collect();
    if parts.len() > 3 {
        return Err(format!("invalid version \"{version}\": too many parts"));
    }
    let mut numbers = [0; 3];
    for ((number, part), name) in numbers.iter_mut().zip(parts).zip(["major", "minor", "micro"]) {
        let wrong = |_| {
            format!(
                "failed to convert {name} version part \"{part}\": strconv.Atoi: parsing \"{part}\": invalid syntax"
            )
        };
        *number = part.parse().map_err(wrong)?;
    }
    Ok(numbers)
}
