//! The sidecar on real sockets: `sidecar -c bootstrap.yaml`.
//!
//! No logic of its own: `driver` moves bytes between sockets and the `Proxy`, and tells it the time.
//! Differs from Envoy: of its flags only `-c`, `--config-path` and `--mode validate` are there.

mod connection;
mod driver;
mod files;
mod log;
mod names;

use sidecar::config;
use sidecar::proxy::Proxy;
use sidecar::tls::Cryptography;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

const USAGE: &str = "usage: sidecar -c FILE [--mode validate]";

struct Arguments {
    path: String,
    only_validates: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments { path: String::new(), only_validates: false };
    let mut rest = std::env::args().skip(1);
    while let Some(flag) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("sidecar: {flag}: a value is missing\n{USAGE}"));
        match flag.as_str() {
            "-c" | "--config-path" => found.path = value()?,
            "--mode" => match value()?.as_str() {
                "serve" => found.only_validates = false,
                "validate" => found.only_validates = true,
                other => return Err(format!("sidecar: unknown mode '{other}'\n{USAGE}")),
            },
            _ => return Err(format!("sidecar: {flag}: not simulated in vethlab\n{USAGE}")),
        }
    }
    if found.path.is_empty() {
        return Err(format!("sidecar: no configuration\n{USAGE}"));
    }
    Ok(found)
}

/// Nanoseconds since 1970.
fn unix_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_nanos() as u64)
}

/// The address from which this machine would reach others; no packet is sent to find it.
fn own_address() -> IpAddr {
    let found = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    found.map_or(Ipv4Addr::LOCALHOST.into(), |it| it.ip())
}

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|_| format!("Invalid path: {path}"))
}

fn proxy(path: &str) -> Result<Proxy, String> {
    let bytes = std::fs::read(path).map_err(|_| format!("Unable to read file: {path}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("Unable to read file: {path}: not UTF-8"))?;
    let bootstrap = config::bootstrap(&text, path.ends_with(".json")).map_err(|it| it.to_string())?;
    let now = unix_nanos();
    let seed = now ^ u64::from(std::process::id()).rotate_left(32);
    Proxy::with_cryptography(bootstrap, Rc::new(read_file), seed, now, own_address(), Cryptography::FASTEST)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::FAILURE;
        }
    };
    let path = &arguments.path;
    let proxy = match proxy(path) {
        Ok(proxy) => proxy,
        Err(why) => {
            eprintln!("[critical][main] error initializing configuration '{path}': {why}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.only_validates {
        println!("configuration '{path}' OK");
        return ExitCode::SUCCESS;
    }
    match driver::run(proxy) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("[critical][main] {why}");
            ExitCode::FAILURE
        }
    }
}
